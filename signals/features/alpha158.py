"""The 158 inputs known as Alpha158: bar shapes, prices over the close, and 29 statistics over five windows."""

from collections.abc import Callable

import numpy as np

from signals.features import statistics
from signals.features.bars import StockBlock
from signals.features.moving import Floats, shift
from signals.features.prices import packed_volume, packed_vwap
from signals.features.quotes import Input
from signals.features.statistics import WINDOWS

TINY = 1e-12  # keeps a ratio to nothing finite, as the definitions have it
OnBars = Callable[[StockBlock], Floats]
OverWindow = Callable[[StockBlock, int], Floats]

ALPHA158: dict[str, Input] = {}
"""Model inputs, shape (stocks, days), known at the close of the day, NaN on a day without a bar. For card C7.

After the definitions of qlib's public handler, on back-adjusted prices and `prices.adjusted_volume`. A window is so
many bars of the stock, suspended days not counted, and has a value only once it is full (qlib's begin with one bar).
Deviations are those of samples (one degree of freedom less). What has the unit of a price is divided by the close,
what has that of a volume by the volume.
"""


def _add(name: str, compute: OnBars) -> None:
    ALPHA158[name] = lambda block: block.bars.scatter(compute(block))


def _add_windows(name: str, compute: OverWindow) -> None:
    for window in WINDOWS:
        _add(f"{name}{window}", lambda block, window=window: compute(block, window))  # type: ignore[misc]


# -- the shape of the bar ------------------------------------------------------------------------------------------


def _body(block: StockBlock) -> Floats:
    return block.bars.close - block.bars.open


def _upper_shadow(block: StockBlock) -> Floats:
    return block.bars.high - np.maximum(block.bars.open, block.bars.close)


def _lower_shadow(block: StockBlock) -> Floats:
    return np.minimum(block.bars.open, block.bars.close) - block.bars.low


def _lean(block: StockBlock) -> Floats:
    return 2 * block.bars.close - block.bars.high - block.bars.low


def _over_open(part: OnBars) -> OnBars:
    return lambda block: part(block) / block.bars.open


def _over_spread(part: OnBars) -> OnBars:
    return lambda block: part(block) / (block.bars.spread + TINY)


_add("KMID", _over_open(_body))
_add("KLEN", _over_open(lambda block: block.bars.spread))
_add("KMID2", _over_spread(_body))
_add("KUP", _over_open(_upper_shadow))
_add("KUP2", _over_spread(_upper_shadow))
_add("KLOW", _over_open(_lower_shadow))
_add("KLOW2", _over_spread(_lower_shadow))
_add("KSFT", _over_open(_lean))
_add("KSFT2", _over_spread(_lean))
_add("OPEN0", lambda block: block.bars.open / block.bars.close)
_add("HIGH0", lambda block: block.bars.high / block.bars.close)
_add("LOW0", lambda block: block.bars.low / block.bars.close)
_add("VWAP0", lambda block: packed_vwap(block) / block.bars.close)


# -- the close in its window ---------------------------------------------------------------------------------------


def _over_close(part: OverWindow) -> OverWindow:
    return lambda block, window: part(block, window) / block.bars.close


def _deviation(block: StockBlock, window: int) -> Floats:
    return np.sqrt(statistics.trend(block, window)[1] / (window - 1))


def _fit_of_the_line(block: StockBlock, window: int) -> Floats:
    _, spread, slope = statistics.trend(block, window)
    return slope * slope * statistics.time_spread(window) / spread  # undefined where the close never moved


def _distance_from_the_line(block: StockBlock, window: int) -> Floats:
    mean, _, slope = statistics.trend(block, window)
    return block.bars.close - mean - slope * (window - 1) / 2


def _stochastic(block: StockBlock, window: int) -> Floats:
    low = statistics.bottom(block, window)
    return (block.bars.close - low) / (statistics.top(block, window) - low + TINY)


def _top_after_bottom(block: StockBlock, window: int) -> Floats:
    return statistics.place_of_top(block, window) - statistics.place_of_bottom(block, window)


def _over_length(part: OverWindow) -> OverWindow:
    return lambda block, window: part(block, window) / window


_add_windows("ROC", _over_close(lambda block, window: shift(block.bars.close, window)))
_add_windows("MA", _over_close(lambda block, window: block.bars.mean("close", window)))
_add_windows("STD", _over_close(_deviation))
_add_windows("BETA", _over_close(lambda block, window: statistics.trend(block, window)[2]))
_add_windows("RSQR", _fit_of_the_line)
_add_windows("RESI", _over_close(_distance_from_the_line))
_add_windows("MAX", _over_close(statistics.top))
_add_windows("MIN", _over_close(statistics.bottom))
_add_windows("QTLU", _over_close(lambda block, window: statistics.quantiles(block, window)[1]))
_add_windows("QTLD", _over_close(lambda block, window: statistics.quantiles(block, window)[0]))
_add_windows("RANK", statistics.rank)
_add_windows("RSV", _stochastic)
_add_windows("IMAX", _over_length(statistics.place_of_top))
_add_windows("IMIN", _over_length(statistics.place_of_bottom))
_add_windows("IMXD", _over_length(_top_after_bottom))


# -- volume, ups and downs -----------------------------------------------------------------------------------------


def _more_rises(block: StockBlock, window: int) -> Floats:
    return statistics.rising_share(block, window) - statistics.falling_share(block, window)


def _gained(series: str) -> OverWindow:
    def compute(block: StockBlock, window: int) -> Floats:
        gained, _, moved = statistics.gains(block, series, window)
        return gained / (moved + TINY)

    return compute


def _lost(series: str) -> OverWindow:
    def compute(block: StockBlock, window: int) -> Floats:
        _, lost, moved = statistics.gains(block, series, window)
        return lost / (moved + TINY)

    return compute


def _gained_less_lost(series: str) -> OverWindow:
    def compute(block: StockBlock, window: int) -> Floats:
        gained, lost, moved = statistics.gains(block, series, window)
        return (gained - lost) / (moved + TINY)

    return compute


def _over_volume(part: OverWindow) -> OverWindow:
    return lambda block, window: part(block, window) / (packed_volume(block) + TINY)


def _uneven_moves(block: StockBlock, window: int) -> Floats:
    mean, deviation = statistics.weighted_moves(block, window)
    return deviation / (mean + TINY)


_add_windows("CORR", statistics.price_with_volume)
_add_windows("CORD", statistics.change_with_change)
_add_windows("CNTP", statistics.rising_share)
_add_windows("CNTN", statistics.falling_share)
_add_windows("CNTD", _more_rises)
_add_windows("SUMP", _gained("close"))
_add_windows("SUMN", _lost("close"))
_add_windows("SUMD", _gained_less_lost("close"))
_add_windows("VMA", _over_volume(lambda block, window: statistics.volume(block, window)[0]))
_add_windows("VSTD", _over_volume(lambda block, window: statistics.volume(block, window)[1]))
_add_windows("WVMA", _uneven_moves)
_add_windows("VSUMP", _gained("volume"))
_add_windows("VSUMN", _lost("volume"))
_add_windows("VSUMD", _gained_less_lost("volume"))
