"""What becomes of raw windows before a model sees them: made relative, then comparable in time and across stocks."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from feeds.errors import SignalError
from signals.features.bars import parts
from signals.features.preprocessing import CLIP, MAD_TO_DEVIATION, MEAN_TO_DEVIATION

FEWEST_VALID = 0.8  # of a window's days
FEATURES_AT_ONCE = 16  # 64 bytes, one cache line of the stored array

Singles = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scaling:
    """Which columns of a window have a level that means nothing outside it.

    Attributes
    ----------
    prices, volumes : tuple of int
        Columns divided by the last close and by a volume of the window.
    close : int or None
        The column of the close; a day without one is not a valid day.
    volume_base : {"mean", "last"}
        By which volume.
    """

    prices: tuple[int, ...]
    volumes: tuple[int, ...]
    close: int | None
    volume_base: Literal["mean", "last"] = "mean"


def scale_windows(windows: Singles, scaling: Scaling) -> Singles:
    """Return windows whose prices are over their last close and whose volumes over their mean or last volume.

    Parameters
    ----------
    windows : ndarray of float32, shape (samples, lookback, features)
        Raw inputs, NaN where missing: back-adjusted yuan, shares, yuan traded, ratios.

    Returns
    -------
    ndarray of float32, shape (samples, lookback, features)
        NaN where a value or what divides it is missing. The last close is that of the last day that has one.
    """
    scaled = windows.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        if scaling.prices:
            if scaling.close is None:
                raise SignalError("windows with prices must hold adjusted_close to divide them by, was without")
            close = _last(windows[:, :, scaling.close])[:, None]  # (samples, 1)
            for column in scaling.prices:
                scaled[:, :, column] /= close
        for column in scaling.volumes:
            volume = windows[:, :, column]  # (samples, lookback)
            scaled[:, :, column] /= (_last(volume) if scaling.volume_base == "last" else _mean(volume))[:, None]
    scaled[~np.isfinite(scaled)] = np.nan
    return scaled


def _last(values: Singles) -> Singles:
    """Return the last known value of each row, (samples,), NaN if none."""
    latest = values.shape[1] - 1 - np.isfinite(values)[:, ::-1].argmax(axis=1)
    return values[np.arange(len(values)), latest]


def _mean(values: Singles) -> Singles:
    known = np.isfinite(values)
    return (np.where(known, values, 0).sum(axis=1, dtype=np.float64) / known.sum(axis=1)).astype(np.float32)


def usable(windows: Singles, scaling: Scaling, fewest: float = FEWEST_VALID) -> Mask:
    """Return which windows have a close on at least a share of their days, (samples,)."""
    if scaling.close is None:
        raise SignalError("windows must hold adjusted_close to tell their valid days, was without")
    return np.isfinite(windows[:, :, scaling.close]).mean(axis=1) >= fewest


def scores_in_time(windows: Singles) -> Singles:
    """Return windows clipped and z-scored within themselves, feature by feature.

    Parameters
    ----------
    windows : ndarray of float32, shape (samples, lookback, features)
        NaN where missing.

    Returns
    -------
    ndarray of float32, shape (samples, lookback, features)
        Clipped to the median +- 3 x 1.4826 median absolute deviations of the window (1.2533 mean ones where more than
        half of its days are equal), less the mean, over the population deviation. 0 where all days are equal, NaN
        where missing. What multiplies a whole window by a positive constant changes nothing.
    """
    values = np.ascontiguousarray(np.moveaxis(windows, 1, 2))  # (samples, features, lookback)
    known = np.isfinite(values)
    count = known.sum(axis=2, keepdims=True)  # (samples, features, 1)
    median = _median(values, count)
    distance = np.abs(values - median)
    spread = MAD_TO_DEVIATION * _median(distance, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        average = np.where(known, distance, 0).sum(axis=2, keepdims=True) / count
        reach = CLIP * np.where(spread > 0, spread, MEAN_TO_DEVIATION * average)
        clipped = np.clip(values, median - reach, median + reach, dtype=np.float32)
        scores = _scores(clipped, known, axis=2)
    return np.ascontiguousarray(np.moveaxis(scores, 2, 1))


def scores_across(windows: Singles) -> Singles:
    """Return windows of one date z-scored across their stocks for every lag and feature.

    Parameters
    ----------
    windows : ndarray of float32, shape (samples, lookback, features)
        All of one date, NaN where missing.

    Returns
    -------
    ndarray of float32, shape (samples, lookback, features)
        Less the mean, over the population deviation; 0 where all stocks are equal, NaN where missing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return _scores(windows, np.isfinite(windows), axis=0)


def window_scores(windows: Singles, scaling: Scaling, fewest: float = FEWEST_VALID) -> tuple[Singles, Mask]:
    """Return raw windows of one date as a model reads them, and which of them are valid (PB of the models' page).

    Parameters
    ----------
    windows : ndarray of float32, shape (samples, lookback, features)
        All of one date, raw, NaN where missing.
    scaling : Scaling
        Of their columns.
    fewest : float
        A window is valid if at least this share of its days has a close.

    Returns
    -------
    ndarray of float32, shape (samples, lookback, features)
        Made relative, z-scored in time, then across the valid windows; 0 where missing and in invalid windows.
    ndarray of bool, shape (samples,)
        The valid windows: they alone should train, and have scores that mean something.
    """
    valid = usable(windows, scaling, fewest)
    ready = np.zeros(windows.shape, dtype=np.float32)
    ready[valid] = np.nan_to_num(scores_across(scores_in_time(scale_windows(windows[valid], scaling))))
    return ready, valid


@dataclass(frozen=True)
class RobustScale:
    """Median and deviation of every feature over a training span, and the scores they give (PC of the models' page).

    Attributes
    ----------
    median, deviation : ndarray of float32, shape (features,)
        The deviation is 1.4826 median absolute deviations, 1.2533 mean ones where more than half of the values are
        equal, and infinite where all are or none is known: such a feature scores 0.
    """

    median: Singles
    deviation: Singles

    @staticmethod
    def fit(values: Singles) -> "RobustScale":
        """Return the scale of samples of the training span.

        Parameters
        ----------
        values : ndarray of float32, shape (..., features)
            Training samples only, such as (samples, lookback, features), NaN where missing; may be a memory map, of
            which 16 features at a time are read.
        """
        features = values.shape[-1]
        median, deviation = np.zeros(features, np.float32), np.full(features, np.inf, np.float32)
        for part in parts(features, FEATURES_AT_ONCE):
            some = np.ascontiguousarray(values[..., part]).reshape(-1, part.stop - part.start)
            for column, line in enumerate(some.T, start=part.start):
                _fit_one(line, median, deviation, column)
        return RobustScale(median, deviation)

    @staticmethod
    def fit_panel(values: Singles, span: slice | npt.NDArray[np.integer], eligible: Mask) -> "RobustScale":
        """Return the scale of a feature panel's training span.

        Parameters
        ----------
        values : ndarray of float32, shape (N, T, F)
            Raw stored inputs, may be a memory map.
        span : slice or ndarray of int
            Days of the training span.
        eligible : ndarray of bool, shape (T, N)
            Whose values count on each day.
        """
        chosen = eligible[span].T  # (N, days)
        features = values.shape[-1]
        median, deviation = np.zeros(features, np.float32), np.full(features, np.inf, np.float32)
        for part in parts(features, FEATURES_AT_ONCE):
            some = values[:, span, part][chosen]  # (cells, 16)
            for column, line in enumerate(some.T, start=part.start):
                _fit_one(line, median, deviation, column)
        return RobustScale(median, deviation)

    def apply(self, values: Singles) -> Singles:
        """Return values less the median over the deviation, clipped to +-3, 0 where missing, (..., features)."""
        scores = np.clip((values - self.median) / self.deviation, -CLIP, CLIP, dtype=np.float32)
        return np.nan_to_num(scores, copy=False)


def _fit_one(values: Singles, median: Singles, deviation: Singles, column: int) -> None:
    known = values[np.isfinite(values)]
    if not len(known):
        return
    median[column] = np.median(known)
    distance = np.abs(known - median[column])
    spread = MAD_TO_DEVIATION * np.median(distance)
    spread = spread if spread > 0 else MEAN_TO_DEVIATION * distance.mean(dtype=np.float64)
    if spread > 0:
        deviation[column] = spread


def _median(values: Singles, count: npt.NDArray[np.integer]) -> Singles:
    """Return the median along the last axis, of which ``count`` values are known, keeping the axis; NaN if none."""
    ordered = np.sort(values, axis=-1)  # NaN last
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[-1] - 1)
    return (np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1)) / np.float32(2)


def _scores(values: Singles, known: Mask, axis: int) -> Singles:
    """Return z-scores along an axis, 0 where all known values are equal, NaN where missing."""
    count = known.sum(axis=axis, keepdims=True)
    mean = np.where(known, values, 0).sum(axis=axis, keepdims=True, dtype=np.float64) / count
    scores = values - mean.astype(np.float32)  # exactly 0 for equal values: their sum in double precision is exact
    squares = np.where(known, scores, 0)
    squares *= squares
    deviation = np.sqrt(squares.sum(axis=axis, keepdims=True, dtype=np.float64) / count).astype(np.float32)
    scores /= np.where(deviation > 0, deviation, np.float32(1))
    return scores
