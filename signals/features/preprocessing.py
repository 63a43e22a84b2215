"""From raw features to model inputs of one date: carried forward, winsorised, standardised."""

import numpy as np
import numpy.typing as npt

from signals.features.moving import Floats

CARRY_DAYS = 5
CLIP = 3.0
MAD_TO_DEVIATION = 1.4826  # a normal variable's standard deviation over its median absolute deviation
MEAN_TO_DEVIATION = 1.2533  # and over its mean absolute deviation


def carry_forward(values: npt.NDArray[np.floating], limit: int = CARRY_DAYS) -> None:
    """Fill missing values in place with the last one known, at most so many days old.

    Parameters
    ----------
    values : ndarray, shape (stocks, days)
        NaN is missing; nothing is ever filled from a later day.
    limit : int
        Largest age of the value used, in trading days of the panel.
    """
    missing = np.isnan(values)
    rows, days = np.nonzero(~missing[:, :-1] & missing[:, 1:])  # the last known day before each gap
    known = values[rows, days]
    for _ in range(limit):
        days = days + 1
        inside = days < values.shape[1]
        rows, days, known = rows[inside], days[inside], known[inside]
        gap = missing[rows, days]
        rows, days, known = rows[gap], days[gap], known[gap]
        values[rows, days] = known


def _median(values: npt.NDArray[np.floating], count: npt.NDArray[np.intp]) -> Floats:
    """Return the median of each row's present values, of which there are ``count``; NaN if none."""
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    ordered = np.partition(values, np.union1d(low, high), axis=1)  # NaN sorts last
    rows = np.arange(len(values))
    return (ordered[rows, low].astype(np.float64) + ordered[rows, high]) / 2


def percentiles(values: npt.NDArray[np.floating], eligible: npt.NDArray[np.bool_]) -> Floats:
    """Return where each value of one date stands among those of the eligible stocks, in [0, 1].

    Parameters
    ----------
    values : ndarray, shape (features, stocks)
        NaN where missing.
    eligible : ndarray of bool, shape (stocks,)

    Returns
    -------
    ndarray, shape (features, stocks)
        Share of the eligible values below, and half of those equal; NaN where missing or nobody is eligible.
    """
    result = np.full(values.shape, np.nan)
    for row, line in enumerate(values):
        present = ~np.isnan(line)
        ordered = np.sort(line[present & eligible])
        if len(ordered):
            below, not_above = (np.searchsorted(ordered, line[present], side) for side in ("left", "right"))
            result[row, present] = (below + not_above) / (2 * len(ordered))
    return result


def standardise(
    values: npt.NDArray[np.floating], eligible: npt.NDArray[np.bool_], listed: npt.NDArray[np.bool_]
) -> Floats:
    """Return the cross-section of one date, winsorised and z-scored by its eligible stocks.

    Parameters
    ----------
    values : ndarray, shape (features, stocks)
        Raw features, NaN where missing.
    eligible : ndarray of bool, shape (stocks,)
        Whose median, deviations and mean are used.
    listed : ndarray of bool, shape (stocks,)
        Who receives a value.

    Returns
    -------
    ndarray, shape (features, stocks)
        Clipped to the median +- 3 x 1.4826 x median absolute deviation, then less the mean and divided by the
        population standard deviation of the clipped eligible values. 0 where missing or not listed, and
        everywhere if the clipped eligible values are all equal.

    Notes
    -----
    Where more than half of the stocks share one value, as counts of days do, the median absolute deviation is
    zero; 1.2533 x the mean absolute deviation from the median then measures the spread.
    """
    sample = np.take(values, np.flatnonzero(eligible), axis=1)
    if not sample.shape[1]:
        return np.zeros(values.shape)
    present = ~np.isnan(sample)
    count = present.sum(axis=1)
    median = _median(sample, count)[:, None]
    sample = sample.astype(np.float64)
    distance = np.abs(sample - median)
    weight = np.maximum(count, 1)
    spread = MAD_TO_DEVIATION * _median(distance, count)
    average = MEAN_TO_DEVIATION * np.where(present, distance, 0.0).sum(axis=1) / weight
    reach = CLIP * np.where(spread > 0, spread, average)[:, None]
    low, high = median - reach, median + reach

    clipped = np.clip(sample, low, high)
    mean = (np.where(present, clipped, 0.0).sum(axis=1) / weight)[:, None]
    variance = np.where(present, np.square(clipped - mean), 0.0).sum(axis=1) / weight
    varies = np.fmax.reduce(clipped, axis=1) > np.fmin.reduce(clipped, axis=1)
    deviation = np.sqrt(np.where(varies, variance, np.inf))[:, None]  # a constant divides to zero
    scores = (np.clip(values, low, high) - mean) / deviation
    return np.where(listed & np.isfinite(scores), scores, 0.0)
