"""Rolling and recursive kernels along the last axis, each value made of the past and present bars only."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Floats = npt.NDArray[np.float64]
Pick = Callable[[Floats, Floats], Floats]


def shift(values: Floats, bars: int = 1) -> Floats:
    """Return the value of so many bars earlier, NaN where there is none (MyTT ``REF``).

    Parameters
    ----------
    values : ndarray, shape (..., bars)
    bars : int
        How far back, at least 1.
    """
    earlier = np.full_like(values, np.nan)
    earlier[..., bars:] = values[..., :-bars]
    return earlier


class Ladder:
    """Sums over windows of one series, built from shared sums over 1, 2, 4, 8, ... bars.

    A window is the sum of a few disjoint blocks, so nothing is ever subtracted: a window of zeros sums
    to exactly zero, and a sum depends on the bars inside its window alone, not on what preceded them.

    Parameters
    ----------
    values : ndarray, shape (..., bars)
        NaN makes every window that touches it NaN.
    keep : float
        Weight of a value relative to that of the next bar; 1 weighs all alike.
    """

    def __init__(self, values: Floats, keep: float = 1.0) -> None:
        self._levels = [values]
        self._keep = keep

    def _earlier(self, values: Floats, bars: int) -> Floats:
        earlier = shift(values, bars)
        return earlier if self._keep == 1.0 else earlier * self._keep**bars

    def total(self, window: int) -> Floats:
        """Return the sum of the last ``window`` values, NaN until the window is full (MyTT ``SUM``)."""
        result: Floats | None = None
        covered = 0
        for level in range(window.bit_length()):
            if level == len(self._levels):
                half = self._levels[-1]
                self._levels.append(half + self._earlier(half, 1 << (level - 1)))
            if window >> level & 1:
                block = self._levels[level]
                result = block if result is None else result + self._earlier(block, covered)
                covered += 1 << level
        if result is None:
            raise ValueError(f"window must be at least 1, was {window}")
        return result

    def mean(self, window: int) -> Floats:
        """Return the mean of the last ``window`` values, NaN until the window is full (MyTT ``MA``)."""
        return self.total(window) / window


def total(values: Floats, window: int) -> Floats:
    """Return the sum of the last ``window`` values (MyTT ``SUM``); see `Ladder`."""
    return Ladder(values).total(window)


def mean(values: Floats, window: int) -> Floats:
    """Return the mean of the last ``window`` values (MyTT ``MA``); see `Ladder`."""
    return Ladder(values).mean(window)


def trailing_total(values: Floats, window: int, keep: float = 1.0) -> Floats:
    """Return the sum of the last ``window`` values, those before the first counting as zeros; see `Ladder`."""
    before = np.zeros((*values.shape[:-1], window - 1))
    return Ladder(np.concatenate([before, values], axis=-1), keep).total(window)[..., window - 1 :]


def _extreme(values: Floats, window: int, pick: Pick) -> Floats:
    result, length = values, 1
    while 2 * length <= window:
        result = pick(result, shift(result, length))
        length *= 2
    return result if length == window else pick(result, shift(result, window - length))


def highest(values: Floats, window: int) -> Floats:
    """Return the largest of the last ``window`` values, NaN until the window is full (MyTT ``HHV``)."""
    return _extreme(values, window, np.maximum)


def lowest(values: Floats, window: int) -> Floats:
    """Return the smallest of the last ``window`` values, NaN until the window is full (MyTT ``LLV``)."""
    return _extreme(values, window, np.minimum)


def _dispersion(values: Floats, centre: Floats, window: int, power: Callable[[Floats], Floats]) -> Floats:
    bars = values.shape[-1]
    result = np.full_like(values, np.nan)
    if bars < window:
        return result
    middle = centre[..., window - 1 :]
    summed = np.zeros_like(middle)
    for lag in range(window):
        summed += power(values[..., window - 1 - lag : bars - lag] - middle)
    result[..., window - 1 :] = summed / window
    return result


def standard_deviation(values: Floats, centre: Floats, window: int) -> Floats:
    """Return the population standard deviation of the last ``window`` values (MyTT ``STD``).

    Parameters
    ----------
    values : ndarray, shape (..., bars)
    centre : ndarray, shape (..., bars)
        Mean of the same window: deviations are taken from it, never from differences of squares.
    window : int
    """
    return np.sqrt(_dispersion(values, centre, window, np.square))


def central_moment(values: Floats, centre: Floats, window: int, order: int) -> Floats:
    """Return the mean of a power of the deviations of the last ``window`` values from their mean."""
    return _dispersion(values, centre, window, lambda deviation: deviation**order)


def mean_absolute_deviation(values: Floats, centre: Floats, window: int) -> Floats:
    """Return the mean distance of the last ``window`` values from their mean (MyTT ``AVEDEV``)."""
    return _dispersion(values, centre, window, np.abs)


def exponential(values: Floats, alpha: float) -> Floats:
    """Return the exponential mean seeded by the first value (MyTT ``EMA``, ``SMA``).

    Parameters
    ----------
    values : ndarray, shape (stocks, bars)
        NaN before the first value leaves NaN. After it, a missing bar repeats the last mean and lets its
        weight decay, as pandas' ``ewm(adjust=False)`` does.
    alpha : float
        Weight of the newest value: ``2 / (span + 1)`` for an EMA, ``1 / window`` for the Chinese SMA.
    """
    present = ~np.isnan(values)
    result = np.full_like(values, np.nan)
    seen = present.any(axis=0)
    if not seen.any():
        return result
    first = int(seen.argmax())
    broken = (~present[:, first:-1] & present[:, first + 1 :]).any(axis=1)
    whole = values[:, first:]
    seed = (1.0 - alpha) * whole[:, :1]
    result[:, first:] = lfilter([alpha], [1.0, alpha - 1.0], whole, axis=1, zi=seed)[0]
    if broken.any():
        result[broken] = _exponential_with_gaps(values[broken], alpha)
    return result


def _exponential_with_gaps(values: Floats, alpha: float) -> Floats:
    result = np.full_like(values, np.nan)
    level = np.full(len(values), np.nan)
    weight = np.ones(len(values))
    for bar in range(values.shape[1]):
        value = values[:, bar]
        weight = weight * (1.0 - alpha)
        blended = (weight * level + alpha * value) / (weight + alpha)
        present = ~np.isnan(value)
        level = np.where(present, np.where(np.isnan(level), value, blended), level)
        weight = np.where(present, 1.0, weight)
        result[:, bar] = level
    return result


def exponential_by_weight(values: Floats, weight: Floats) -> Floats:
    """Return the exponential mean whose newest value has its own weight on every bar (MyTT ``DMA``).

    Parameters
    ----------
    values, weight : ndarray, shape (stocks, bars)
        A weight of NaN counts as 1: the mean restarts from the value.
    """
    pull = np.where(np.isnan(weight), 1.0, weight).T.copy()  # (bars, stocks): one row per step
    result = pull * values.T
    keep = 1.0 - pull
    result[0] = values[:, 0]
    for bar in range(1, len(result)):
        result[bar] += keep[bar] * result[bar - 1]
    return np.ascontiguousarray(result.T)


def run_length(condition: npt.NDArray[np.bool_]) -> Floats:
    """Return for how many bars in a row the condition has held, 0 where it fails (``BARSLASTCOUNT``)."""
    bar = np.arange(condition.shape[-1])
    failed = np.maximum.accumulate(np.where(condition, -1, bar), axis=-1)
    return (bar - failed).astype(np.float64)


def bars_exceeded(values: Floats) -> Floats:
    """Return how many bars directly before lie strictly below the present one (MyTT ``TOPRANGE``).

    Parameters
    ----------
    values : ndarray, shape (stocks, bars)

    Notes
    -----
    MyTT answers 0, not the number of bars, where the whole history lies below: a record cannot be told
    from a bar that exceeds nothing. Kept, because the fields are defined by it.
    """
    stocks, bars = values.shape
    blocks = [shift(values)]  # blocks[j][i]: largest of the 2**j bars before bar i, NaN where fewer exist
    while 1 << len(blocks) <= bars:
        block = blocks[-1]
        blocks.append(np.maximum(block, shift(block, 1 << (len(blocks) - 1))))
    bar = np.arange(bars)
    start = np.arange(stocks)[:, None] * bars + bar  # flat index of each cell
    count = np.zeros((stocks, bars), dtype=np.intp)
    for level in reversed(range(len(blocks))):
        below = blocks[level].ravel()[start - count] < values
        count[below] += 1 << level
    count[count == bar] = 0
    return count.astype(np.float64)
