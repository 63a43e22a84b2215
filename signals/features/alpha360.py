"""The 360 inputs known as Alpha360: the last 60 bars over the last close, their volumes over the last volume."""

from functools import partial

from signals.features.bars import StockBlock
from signals.features.moving import Floats, shift
from signals.features.prices import packed_volume, packed_vwap
from signals.features.quotes import Input

LAGS = tuple(range(59, -1, -1))


def _series(block: StockBlock, name: str) -> Floats:
    if name == "VOLUME":
        return packed_volume(block)
    return packed_vwap(block) if name == "VWAP" else getattr(block.bars, name.lower())


def _lagged(block: StockBlock, name: str, lag: int) -> Floats:
    series = _series(block, name)
    newest = series + 1e-12 if name == "VOLUME" else block.bars.close
    return block.bars.scatter((shift(series, lag) if lag else series) / newest)


ALPHA360: dict[str, Input] = {
    f"{name}{lag}": partial(_lagged, name=name, lag=lag)
    for name in ("CLOSE", "OPEN", "HIGH", "LOW", "VWAP", "VOLUME")
    for lag in LAGS
}
"""Model inputs, shape (stocks, days), known at the close of the day, NaN on a day without a bar.

After the definitions of qlib's public handler: ``CLOSE59`` is the back-adjusted close of 59 bars before over that of
the day, ``VOLUME59`` the adjusted volume of 59 bars before over that of the day; suspended days are not bars.
"""
