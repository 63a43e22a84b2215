"""Kernels over several windows that end on the same bar, each window's result made of its own bars only."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from signals.features.moving import Floats, shift

Windows = Sequence[int]


def window_ranks(values: Floats, windows: Windows) -> Floats:
    """Return the percentile of the newest value among the last ``window`` values, shape (W, stocks, bars).

    Parameters
    ----------
    values : ndarray, shape (stocks, bars)
    windows : sequence of int
        Ascending.

    Returns
    -------
    ndarray
        Its rank over the window, in (0, 1]; equal values share their mean rank. NaN until the window is full.
    """
    below, equal = np.zeros_like(values), np.ones_like(values)
    result = np.full((len(windows), *values.shape), np.nan)
    for lag in range(windows[-1]):
        if lag:
            earlier, newest = values[:, :-lag], values[:, lag:]
            below[:, lag:] += earlier < newest
            equal[:, lag:] += earlier == newest
        if lag + 1 in windows:
            rank = (below + (equal + 1) / 2) / (lag + 1)
            result[list(windows).index(lag + 1), :, lag:] = rank[:, lag:]
    return result


def position_of_highest(values: Floats, windows: Windows) -> Floats:
    """Return where in the last ``window`` values the highest stands, 1 for the oldest, shape (W, stocks, bars).

    Of several highest the oldest counts. NaN until the window is full.
    """
    best, age = values.copy(), np.zeros_like(values)
    result = np.full((len(windows), *values.shape), np.nan)
    for lag in range(windows[-1]):
        if lag:
            older = values[:, :-lag]
            higher = older >= best[:, lag:]
            np.copyto(best[:, lag:], older, where=higher)
            np.copyto(age[:, lag:], lag, where=higher)
        if lag + 1 in windows:
            result[list(windows).index(lag + 1), :, lag:] = (lag + 1 - age)[:, lag:]
    return result


def window_quantiles(values: Floats, window: int, shares: Sequence[float]) -> Floats:
    """Return quantiles of the last ``window`` values, between the two nearest in proportion, (Q, stocks, bars).

    Computed in single precision. NaN until the window is full, and where the window holds a NaN.
    """
    result = np.full((len(shares), *values.shape), np.nan)
    if values.shape[1] < window:
        return result
    ordered = np.lib.stride_tricks.sliding_window_view(values.astype(np.float32), window, axis=1)
    ordered = np.sort(ordered, axis=2)
    missing = np.isnan(ordered[:, :, -1])
    for row, share in enumerate(shares):
        place = share * (window - 1)
        low = int(place)
        high = min(low + 1, window - 1)
        below, above = (ordered[:, :, at].astype(np.float64) for at in (low, high))
        result[row, :, window - 1 :] = np.where(missing, np.nan, below + (place - low) * (above - below))
    return result


class Moments:
    """Means and summed products of deviations over windows, merged from those over 1, 2, 4, 8, ... bars.

    Merging adds squares and never takes a difference of sums, so a window of equal values has exactly no spread,
    and a result depends on the bars inside its window alone.

    Parameters
    ----------
    series : sequence of ndarray, shape (stocks, bars)
        A NaN makes every window that touches it NaN.
    pairs : sequence of (int, int)
        Which products of deviations to keep, by position in ``series``.
    """

    def __init__(self, series: Sequence[Floats], pairs: Sequence[tuple[int, int]]) -> None:
        self._pairs = tuple(pairs)
        nothing = [np.where(np.isnan(series[a] + series[b]), np.nan, 0.0) for a, b in pairs]
        self._levels = [(list(series), nothing)]

    def _merged(
        self, newer: tuple[list[Floats], list[Floats]], bars: int, level: int
    ) -> tuple[list[Floats], list[Floats]]:
        """Join the block of the last ``bars`` bars with the stored block of ``2 ** level`` bars before it."""
        length = 1 << level
        share = length / (bars + length)
        means, products = newer
        gaps = [shift(old, bars) - new for old, new in zip(self._levels[level][0], means, strict=True)]
        joined = [
            product + shift(old, bars) + gaps[a] * gaps[b] * (bars * share)
            for product, old, (a, b) in zip(products, self._levels[level][1], self._pairs, strict=True)
        ]
        return [mean + gap * share for mean, gap in zip(means, gaps, strict=True)], joined

    def of(self, window: int) -> tuple[list[Floats], list[Floats]]:
        """Return the means of the series and the summed products of the pairs over the last ``window`` bars."""
        result, covered = None, 0
        for level in range(window.bit_length()):
            if level == len(self._levels):
                self._levels.append(self._merged(self._levels[-1], 1 << (level - 1), level - 1))
            if window >> level & 1:
                result = self._levels[level] if result is None else self._merged(result, covered, level)
                covered += 1 << level
        if result is None:
            raise ValueError(f"window must be at least 1, was {window}")
        return result


def bar_numbers(like: npt.NDArray[np.floating]) -> Floats:
    """Return 0, 1, 2, ... along the bars of every stock, shape (stocks, bars)."""
    return np.broadcast_to(np.arange(like.shape[-1], dtype=np.float64), like.shape)
