"""Inputs of card C3: 17 indicators, how they and their ranks changed over 20 bars, the index and the breadth."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from feeds.panel import MarketPanel
from signals.features.bars import Packing, StockBlock, parts
from signals.features.moving import Floats, shift
from signals.features.preprocessing import percentiles
from signals.features.quotes import Input
from signals.features.technical import comparable

BASES = (
    "bias1", "bias3", "macd", "dfma_dif", "trix", "roc", "rsi_6", "rsi_24", "kdj",
    "cci", "wr", "psy", "dmi_adx", "atr", "brar_ar", "vr", "mfi",
)  # fmt: skip
"""The card gives their number only. Ours: two or three of each family and no two of one formula - distance from an
average (bias), trend (macd, dfma, trix), momentum (roc, rsi), position in the range (kdj, cci, wr), sentiment (psy,
ar), strength and width (adx, atr), volume (vr, mfi)."""
CHANGE_BARS = 20
DATES_AT_ONCE = 16  # 64 bytes, one cache line of the array


def _change(block: StockBlock, name: str) -> Floats:
    values = comparable(name, block.bars)
    return block.bars.scatter(values - shift(values, CHANGE_BARS))


CHANGES: dict[str, Input] = {f"change_{name}": partial(_change, name=name) for name in BASES}
"""Model inputs, shape (stocks, days): an indicator, over the close where it is a price, less that of 20 bars ago."""
RANK_CHANGES = tuple(f"rank_change_{name}" for name in BASES)


def rank_changes(
    panel: MarketPanel, eligible: npt.NDArray[np.bool_], names: Sequence[str]
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return how indicators' percentiles among the day's eligible stocks changed over 20 bars, (N, T) each.

    Parameters
    ----------
    panel : MarketPanel
    eligible : ndarray of bool, shape (T, N)
    names : sequence of str
        From `RANK_CHANGES`.

    Returns
    -------
    mapping of str to ndarray of float32, shape (N, T)
        In [-1, 1], known at the close; NaN on a day without a bar and without one 20 bars earlier.
    """
    bases = [name.removeprefix("rank_change_") for name in names]
    days, stocks = panel.shape
    has_bar = np.empty((stocks, days), dtype=bool)
    ranks = np.empty((len(bases), stocks, days), dtype=np.float32)
    for part in parts(stocks):
        bars = StockBlock(panel, part).bars
        has_bar[part] = bars.has_bar
        for row, base in enumerate(bases):
            ranks[row, part] = bars.scatter(comparable(base, bars))
    for part in parts(days, DATES_AT_ONCE):
        sections = np.ascontiguousarray(np.moveaxis(ranks[:, :, part], 2, 0))  # (days, bases, N)
        ranked = [percentiles(section, eligible[part.start + day]) for day, section in enumerate(sections)]
        ranks[:, :, part] = np.moveaxis(np.array(ranked), 0, 2)
    for part in parts(stocks):
        packing = Packing(has_bar[part])
        for row in range(len(bases)):
            packed = packing.pack(ranks[row, part])
            ranks[row, part] = packing.scatter(packed - shift(packed, CHANGE_BARS))
    return dict(zip(names, ranks, strict=True))
