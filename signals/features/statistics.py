"""Statistics of a stock's bars over five nested windows, made once for all the inputs of Alpha158 that share them."""

from collections.abc import Callable, Iterable

import numpy as np

from signals.features.bars import StockBlock
from signals.features.moving import Floats, Ladder, highest, lowest, shift
from signals.features.nested import Moments, bar_numbers, position_of_highest, window_quantiles, window_ranks
from signals.features.prices import packed_volume

WINDOWS = (5, 10, 20, 30, 60)


def _shared(block: StockBlock, name: str, window: int, make: Callable[[], Iterable[Floats]]) -> Floats:
    """Return the window's part of what ``make`` yields, one array per window, made at the first call."""
    return block.bars.shared((name,), lambda: np.stack(list(make())))[WINDOWS.index(window)]


def time_spread(window: int) -> float:
    """Return the summed squared deviations of 0, 1, ..., window - 1 from their mean."""
    return window * (window * window - 1) / 12


def trend(block: StockBlock, window: int) -> tuple[Floats, Floats, Floats]:
    """Return the mean, the summed squared deviations and the slope per bar of the close, (stocks, bars) each."""

    def make() -> Iterable[Floats]:
        close = block.bars.close
        moments = Moments((close, bar_numbers(close)), ((0, 0), (0, 1)))
        for length in WINDOWS:
            means, (spread, along) = moments.of(length)
            yield np.stack([means[0], spread, along / time_spread(length)])

    mean, spread, slope = _shared(block, "trend", window, make)
    return mean, spread, slope


def top(block: StockBlock, window: int) -> Floats:
    """Return the highest high, (stocks, bars)."""
    return _shared(block, "top", window, lambda: (highest(block.bars.high, length) for length in WINDOWS))


def bottom(block: StockBlock, window: int) -> Floats:
    """Return the lowest low, (stocks, bars)."""
    return _shared(block, "bottom", window, lambda: (lowest(block.bars.low, length) for length in WINDOWS))


def quantiles(block: StockBlock, window: int) -> tuple[Floats, Floats]:
    """Return the 20 % and the 80 % quantile of the close, (stocks, bars) each."""

    def make() -> Iterable[Floats]:
        return (window_quantiles(block.bars.close, length, (0.2, 0.8)) for length in WINDOWS)

    low, high = _shared(block, "quantiles", window, make)
    return low, high


def rank(block: StockBlock, window: int) -> Floats:
    """Return the percentile of the close in its window, (stocks, bars)."""
    return _shared(block, "rank", window, lambda: window_ranks(block.bars.close, WINDOWS))


def place_of_top(block: StockBlock, window: int) -> Floats:
    """Return where in the window the highest high stands, 1 for the oldest bar, (stocks, bars)."""
    return _shared(block, "place of top", window, lambda: position_of_highest(block.bars.high, WINDOWS))


def place_of_bottom(block: StockBlock, window: int) -> Floats:
    """Return where in the window the lowest low stands, 1 for the oldest bar, (stocks, bars)."""
    return _shared(block, "place of bottom", window, lambda: position_of_highest(-block.bars.low, WINDOWS))


def _correlations(first: Floats, second: Floats) -> Iterable[Floats]:
    moments = Moments((first, second), ((0, 0), (1, 1), (0, 1)))
    for length in WINDOWS:
        squares, others, both = moments.of(length)[1]
        yield both / np.sqrt(squares * others)


def price_with_volume(block: StockBlock, window: int) -> Floats:
    """Return the correlation of the close with the logarithm of one plus the volume, (stocks, bars)."""

    def make() -> Iterable[Floats]:
        return _correlations(block.bars.close, np.log(packed_volume(block) + 1))

    return _shared(block, "price with volume", window, make)


def change_with_change(block: StockBlock, window: int) -> Floats:
    """Return the correlation of the close over the last with log(volume over the last + 1), (stocks, bars)."""

    def make() -> Iterable[Floats]:
        close, volume = block.bars.close, packed_volume(block)
        return _correlations(close / shift(close), np.log(volume / shift(volume) + 1))

    return _shared(block, "change with change", window, make)


def rising_share(block: StockBlock, window: int) -> Floats:
    """Return the share of bars that closed above the one before, (stocks, bars)."""

    def make() -> Iterable[Floats]:
        rises = Ladder((block.bars.close > shift(block.bars.close)).astype(np.float64))
        return (rises.mean(length) for length in WINDOWS)

    return _shared(block, "rising share", window, make)


def falling_share(block: StockBlock, window: int) -> Floats:
    """Return the share of bars that closed below the one before, (stocks, bars)."""

    def make() -> Iterable[Floats]:
        falls = Ladder((block.bars.close < shift(block.bars.close)).astype(np.float64))
        return (falls.mean(length) for length in WINDOWS)

    return _shared(block, "falling share", window, make)


def gains(block: StockBlock, series: str, window: int) -> tuple[Floats, Floats, Floats]:
    """Return what ``close`` or ``volume`` gained, lost and moved from bar to bar, (stocks, bars) each."""

    def make() -> Iterable[Floats]:
        values = packed_volume(block) if series == "volume" else block.bars.close
        change = values - shift(values)
        ladders = [Ladder(part) for part in (np.maximum(change, 0), np.maximum(-change, 0), np.abs(change))]
        return (np.stack([ladder.total(length) for ladder in ladders]) for length in WINDOWS)

    gained, lost, moved = _shared(block, f"gains of {series}", window, make)
    return gained, lost, moved


def _mean_and_deviation(values: Floats) -> Iterable[Floats]:
    moments = Moments((values,), ((0, 0),))
    for length in WINDOWS:
        (mean,), (spread,) = moments.of(length)
        yield np.stack([mean, np.sqrt(spread / (length - 1))])


def volume(block: StockBlock, window: int) -> tuple[Floats, Floats]:
    """Return the mean and the sample deviation of the volume, (stocks, bars) each."""
    mean, deviation = _shared(block, "volume", window, lambda: _mean_and_deviation(packed_volume(block)))
    return mean, deviation


def weighted_moves(block: StockBlock, window: int) -> tuple[Floats, Floats]:
    """Return the mean and the sample deviation of the size of the day's move times the volume."""

    def make() -> Iterable[Floats]:
        move = np.abs(block.bars.close / shift(block.bars.close) - 1)
        return _mean_and_deviation(move * packed_volume(block))

    mean, deviation = _shared(block, "weighted moves", window, make)
    return mean, deviation
