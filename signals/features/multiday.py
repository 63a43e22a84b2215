"""Bars of several sessions from daily ones, each known at the close of its last session (card C12)."""

import numpy as np
import numpy.typing as npt

from signals.clocks import week_ends

FIELDS = ("open", "high", "low", "close", "vwap", "vol")


def multi_day_bars(
    bars: npt.NDArray[np.float32], first: npt.NDArray[np.integer], last: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Return one bar per span of sessions.

    Parameters
    ----------
    bars : ndarray of float32, shape (N, T, 6)
        Back-adjusted open, high, low, close and average price, and adjusted volume, as the feature set ``ohlcv6``
        stores them raw; NaN on a day without a bar.
    first, last : ndarray of int, shape (B,)
        First and last session of each span, as indices into T; spans may overlap.

    Returns
    -------
    ndarray of float32, shape (N, B, 6)
        First open, highest high, lowest low, last close, average price weighted by volume, and summed volume of the
        days that have a bar; NaN where none has. Bar b is known at the close of session ``last[b]``.
    """
    opened, high, low, close, vwap, volume = (bars[:, :, column] for column in range(6))
    known = np.isfinite(close)
    day = np.arange(bars.shape[1])
    bounds = np.stack([first, last + 1], axis=1).ravel()

    def reduced(reduce: np.ufunc, values: npt.NDArray[np.floating], beyond: float) -> npt.NDArray[np.floating]:
        """Return the ufunc over each span, (N, B); the appended day lets a span end with the last."""
        padded = np.concatenate([values, np.full((len(values), 1), beyond, values.dtype)], axis=1)
        return reduce.reduceat(padded, bounds, axis=1)[:, ::2]

    rows = np.arange(len(bars))[:, None]
    earliest = reduced(np.minimum, np.where(known, day, bars.shape[1]), bars.shape[1]).clip(max=bars.shape[1] - 1)
    latest = reduced(np.maximum, np.where(known, day, -1), -1).clip(min=0)
    traded = reduced(np.add, np.where(known, volume, 0.0).astype(np.float64), 0.0)
    paid = reduced(np.add, np.where(known, vwap.astype(np.float64) * volume, 0.0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = (
            opened[rows, earliest],
            reduced(np.fmax, high, np.nan),
            reduced(np.fmin, low, np.nan),
            close[rows, latest],
            paid / traded,
            traded,
        )
    any_known = reduced(np.add, known.astype(np.int64), 0) > 0
    return np.stack([np.where(any_known, part, np.nan) for part in parts], axis=2).astype(np.float32)


def rolling_spans(sessions: int, length: int) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Return first and last session of the spans of ``length`` sessions that end on each session, shape (T,) each.

    Bar t is that of sessions t - length + 1 to t (fewer at the start), so that the bars t, t - length,
    t - 2 length, ... are neighbours that never overlap: a window of two-day bars that ends on t takes every second.
    """
    last = np.arange(sessions)
    return np.maximum(last - length + 1, 0), last


def week_spans(
    dates: npt.NDArray[np.datetime64], calendar: npt.NDArray[np.datetime64] | None = None
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Return first and last session of each calendar week that has ended, shape (B,) each.

    Parameters
    ----------
    dates, calendar
        See :func:`signals.clocks.week_ends`: a week whose last session is not known to be so has no bar yet.
    """
    last = week_ends(dates, calendar)
    return np.append(0, last[:-1] + 1)[: len(last)], last
