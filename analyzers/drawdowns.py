"""Drawdowns of a level series: every fall from a peak, with the dates of peak, trough and recovery."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Drawdown:
    """One fall from a peak to the next time that peak is reached again.

    Attributes
    ----------
    depth : float
        Trough level over peak level minus one, never above zero.
    peak, trough : pandas.Timestamp
        The last session at the peak, and the first at the lowest level.
    recovery : pandas.Timestamp or None
        The first session at or above the peak again; None while still under water.
    sessions : int
        Sessions from the peak to the recovery, or to the last date while under water.
    """

    depth: float
    peak: pd.Timestamp
    trough: pd.Timestamp
    recovery: pd.Timestamp | None
    sessions: int


def underwater(levels: pd.Series) -> pd.Series:
    """Return each level over the highest level so far minus one, the starting level included."""
    return levels / levels.cummax() - 1


def drawdowns(levels: pd.Series) -> list[Drawdown]:
    """Return every drawdown of a level series, deepest first, ties by date.

    Parameters
    ----------
    levels : pandas.Series
        Positive levels by date, the starting level (before the first return) included, so that a loss
        on the first day counts.
    """
    depth = underwater(levels).to_numpy()
    wet = np.concatenate(([False], depth < 0, [False]))
    starts = np.flatnonzero(wet[1:] & ~wet[:-1])  # first session under water
    ends = np.flatnonzero(~wet[1:] & wet[:-1])  # first session at or above the old peak, or len(depth)
    found = [_between(levels, depth, *pair) for pair in zip(starts.tolist(), ends.tolist(), strict=True)]
    return sorted(found, key=lambda item: (item.depth, item.peak))


def deepest(levels: pd.Series) -> Drawdown | None:
    """Return the first of `drawdowns` without looking at the others, or None if there is none."""
    depth = underwater(levels).to_numpy()
    trough = int(np.argmin(depth))
    if depth[trough] == 0:
        return None
    start = int(np.flatnonzero(depth[:trough] == 0)[-1]) + 1
    after = np.flatnonzero(depth[trough:] == 0)
    return _between(levels, depth, start, trough + int(after[0]) if len(after) else len(depth))


def _between(levels: pd.Series, depth: np.ndarray, start: int, end: int) -> Drawdown:
    """Return the drawdown whose sessions under water are ``start`` to ``end - 1``."""
    trough = start + int(np.argmin(depth[start:end]))
    recovered = end < len(depth)
    return Drawdown(
        depth=float(depth[trough]),
        peak=levels.index[start - 1],
        trough=levels.index[trough],
        recovery=levels.index[end] if recovered else None,
        sessions=(end if recovered else end - 1) - (start - 1),
    )
