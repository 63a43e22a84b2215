"""One contract's path from a series of main contracts: what a hedge earned where the months changed is estimated."""

import numpy as np

from feeds.errors import DataError
from feeds.futures import BARS, KINDS, NEVER, FuturesPanel

SWITCHES_FROM, SWITCHES_TO = -3, 1  # sessions from a last trading day between which the main month may change


def main_path(main: np.ndarray, index: np.ndarray, switching: np.ndarray) -> np.ndarray:
    """Return a path that moves as the main series does, and as the index where the month may have changed.

    On a switching day the basis is taken as unchanged, so the path leaves out the jump between two contracts and
    with it what the basis lost in the old one's last days. It begins at the series' first close.

    Parameters
    ----------
    main, index : numpy.ndarray of float, shape (T,)
        Closes in points; ``main`` is NaN on days without a bar, the index must be known where it has one.
    switching : numpy.ndarray of bool, shape (T,)
        The days whose move from the day before may be from one contract to another.

    Returns
    -------
    numpy.ndarray of float64, shape (T,)
        NaN where ``main`` is.
    """
    path = np.full(len(main), np.nan)
    rows = np.flatnonzero(np.isfinite(main))
    passed = np.cumsum(switching)[rows]
    estimated = passed[1:] > passed[:-1]  # also of a bar that follows switching days without one
    moves = np.where(estimated, index[rows][1:] / index[rows][:-1], main[rows][1:] / main[rows][:-1])
    path[rows] = main[rows][:1] * np.cumprod(np.append(1.0, moves))[: len(rows)]
    return path


def switching_days(dates: np.ndarray) -> np.ndarray:
    """Return the days on which the main month may change: from 3 sessions before a last day to 1 after it, (T,) bool.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64[D], shape (T,)
        Ascending trading days.
    """
    from feeds.calendar import futures_last_day, known_span, trading_days  # exchange_calendars is slow to import

    ahead = min(dates[-1] + 14, known_span()[1])
    days = np.append(dates, trading_days(dates[-1], ahead)[1:] if ahead > dates[-1] else dates[:0])
    months = np.arange(dates[0].astype("datetime64[M]"), days[-1].astype("datetime64[M]") + 1)
    last_days = np.array([futures_last_day(month) for month in months])
    last = np.searchsorted(days, last_days[(last_days >= dates[0]) & (last_days <= days[-1])])
    switching = np.zeros(len(days), bool)
    for offset in range(SWITCHES_FROM, SWITCHES_TO + 1):
        near = last + offset
        switching[near[(near >= 0) & (near < len(days))]] = True
    return switching[: len(dates)]


def as_contract(futures: FuturesPanel, kind: str, dates: np.ndarray, index: np.ndarray) -> FuturesPanel:
    """Return a panel of one contract that never expires: the main series of a kind along :func:`main_path`.

    Opens, extremes and settlements keep their distance to the close. No fee of rolling is in it.

    Parameters
    ----------
    futures : FuturesPanel
        Must hold the main series, ``IF.CFX`` and the like.
    dates : numpy.ndarray of datetime64[D], shape (T,)
        The panel's trading days.
    index : numpy.ndarray of float, shape (T,)
        Closes of the price index.
    """
    column = futures.column(f"{kind}.CFX")
    close = futures.close[column]
    blind = np.isfinite(close) & ~np.isfinite(index)
    if blind.any():
        day = dates[blind.argmax()]
        raise DataError(f"index {KINDS[kind].index} must have a close on every day of {kind}.CFX, was missing on {day}")
    scale = main_path(close, index, switching_days(dates)) / close
    bars = {name: (getattr(futures, name)[column] * scale)[None] for name in BARS if name != "vol"}
    settled = np.flatnonzero(np.isfinite(close))
    before = np.full_like(close, np.nan)
    before[settled[1:]] = bars["settle"][0, settled[:-1]]
    return FuturesPanel(
        codes=futures.codes[[column]],
        kind=futures.kind[[column]],
        multiplier=futures.multiplier[[column]],
        first_row=futures.first_row[[column]],
        last_row=np.array([NEVER]),
        main=np.array([False]),
        vol=futures.vol[[column]],
        settled_at_close=futures.settled_at_close,
        **bars | {"pre_settle": before[None]},
    )
