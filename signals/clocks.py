"""When scores are made and what their labels span: sections of sessions with entry and exit days."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from feeds.errors import ConfigError


@dataclass(frozen=True)
class Clock:
    """The days of each section: scored after one close, entered and left on later sessions.

    Attributes
    ----------
    signal, entry, exit : ndarray of int, shape (S,)
        Indices into the panel's dates. Of a monthly section: the last session of month m, the first of m+1, the
        first of m+2; of others: any session, the next, and that so many sessions later. -1 where that session lies
        after the panel's end.
    dates : ndarray of datetime64[D], shape (S,)
        Signal dates, ascending.
    exit_dates : ndarray of datetime64[D], shape (S,)
        Exit dates, NaT where they lie after the panel's end.
    """

    signal: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    dates: np.ndarray
    exit_dates: np.ndarray


def month_ends(dates: np.ndarray, calendar: np.ndarray | None = None) -> np.ndarray:
    """Return the indices of the last session of every month, ascending.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (T,)
        Trading days, ascending.
    calendar : ndarray of datetime64[D], optional
        Trading days that may reach beyond ``dates``. It decides whether the last of ``dates`` ends its month;
        without it, or where it ends too early, that day counts only if no weekday is left in the month.
    """
    return _period_ends(dates, calendar, lambda days: days.astype("datetime64[M]"))


def week_ends(dates: np.ndarray, calendar: np.ndarray | None = None) -> np.ndarray:
    """Return the indices of the last session of every week from Monday to Sunday, ascending; see `month_ends`."""
    return _period_ends(dates, calendar, lambda days: (days.astype("datetime64[D]").astype("int64") + 3) // 7)


def _period_ends(
    dates: np.ndarray, calendar: np.ndarray | None, period: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    periods = period(dates)
    ends = np.flatnonzero(periods[1:] != periods[:-1])
    if len(dates) and period(_next_session(dates[-1:], calendar)) != periods[-1:]:
        ends = np.append(ends, len(dates) - 1)
    return ends


def _next_session(day: np.ndarray, calendar: np.ndarray | None) -> np.ndarray:
    """Return the first trading day after a day, or the first weekday where none is known, shape (1,) as the day."""
    if calendar is not None and (calendar > day).any():
        return calendar[calendar > day][:1]
    return np.busday_offset(day + np.timedelta64(1, "D"), 0, roll="forward")


def month_clock(dates: np.ndarray, calendar: np.ndarray | None = None) -> Clock:
    """Return the monthly sections of a run of trading days."""
    signal = month_ends(dates, calendar)
    months = dates.astype("datetime64[M]")
    return _clock(dates, signal, np.searchsorted(months, months[signal] + np.timedelta64(2, "M")))


def session_clock(dates: np.ndarray, signal: np.ndarray, horizon: int) -> Clock:
    """Return sections that are entered on the session after the signal and left ``horizon`` sessions later.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (T,)
        Trading days, ascending.
    signal : ndarray of int, shape (S,)
        Signal days as indices into them, ascending.
    horizon : int
        Sessions from entry to exit, 1 or more.
    """
    if horizon < 1:
        raise ConfigError(f"label horizon must be 1 session or more, was {horizon}")
    return _clock(dates, signal, signal + 1 + horizon)


def every(sessions: int, length: int) -> np.ndarray:
    """Return every so many-th of ``length`` sessions, beginning with the first, as indices."""
    if sessions < 1:
        raise ConfigError(f"sections must be 1 session or more apart, was {sessions}")
    return np.arange(0, length, sessions)


def _clock(dates: np.ndarray, signal: np.ndarray, exit_: np.ndarray) -> Clock:
    entry = np.where(signal + 1 < len(dates), signal + 1, -1)
    exit_ = np.where(exit_ < len(dates), exit_, -1)
    exit_dates = np.where(exit_ >= 0, dates[exit_], np.datetime64("NaT", "D"))
    return Clock(signal, entry, exit_, dates[signal], exit_dates)
