"""The Shanghai exchange's trading calendar: open days, and the last ones of weeks and months."""

from collections.abc import Callable
from datetime import date
from functools import cache

import exchange_calendars
import numpy as np

from feeds.errors import DataError
from feeds.rules import as_day

Day = str | date | np.datetime64

FRIDAY = 4
_MONDAY = np.datetime64("1970-01-05")


def trading_days(start: Day, end: Day) -> np.ndarray:
    """Return the open days of the Shanghai exchange from ``start`` to ``end``, both included.

    Parameters
    ----------
    start, end : str, date or numpy.datetime64
        Calendar days.

    Returns
    -------
    numpy.ndarray of datetime64[D], shape (T,)
        Ascending; empty if no day in the span is open.

    Raises
    ------
    DataError
        If ``start`` is after ``end`` or the span leaves the years the calendar knows.

    Notes
    -----
    Source: calendar ``XSHG`` of exchange_calendars; Shenzhen and Beijing keep the same days.
    """
    first, last = as_day(start), as_day(end)
    if not first <= last:
        raise DataError(f"start must not be after end, was {first} after {last}")
    known_from, known_to = known_span()
    if first < known_from or last > known_to:
        raise DataError(f"dates must lie between {known_from} and {known_to}, was {first} to {last}")
    days = _all_days()
    return days[np.searchsorted(days, first) : np.searchsorted(days, last, side="right")].copy()


def known_span() -> tuple[np.datetime64, np.datetime64]:
    """Return the first and the last day for which the calendar is known."""
    kind = exchange_calendars.exchange_calendar_xshg.XSHGExchangeCalendar
    return np.datetime64(kind.bound_min(), "D"), np.datetime64(kind.bound_max(), "D")


@cache
def _all_days() -> np.ndarray:
    first, last = known_span()
    sessions = exchange_calendars.get_calendar("XSHG", start=str(first), end=str(last)).sessions
    days = sessions.to_numpy().astype("datetime64[D]")
    days.setflags(write=False)
    return days


def month_ends(dates: np.ndarray) -> np.ndarray:
    """Return the indices of the last trading day of each month.

    Parameters
    ----------
    dates : numpy.ndarray of datetime64, shape (T,)
        Ascending trading days.

    Returns
    -------
    numpy.ndarray of int64
        Ascending. The last date counts only if the exchange stays closed for the rest of its month, so a month
        still running has no end yet.
    """
    return _ends(dates, lambda days: days.astype("datetime64[M]").astype("int64"))


def week_ends(dates: np.ndarray) -> np.ndarray:
    """Return the indices of the last trading day of each week (Monday to Sunday), as :func:`month_ends` does."""
    return _ends(dates, lambda days: (days - _MONDAY).astype("int64") // 7)


def _ends(dates: np.ndarray, period_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    days = np.asarray(dates).astype("datetime64[D]")
    if not len(days):
        return np.zeros(0, "int64")
    period = period_of(np.append(days, _session_after(days[-1])))
    return np.flatnonzero(period[1:] != period[:-1])


def _session_after(day: np.datetime64) -> np.datetime64:
    days = _all_days()
    at = int(np.searchsorted(days, day, side="right"))
    # Past the calendar's last year every weekday is taken as open.
    return days[at] if at < len(days) else np.busday_offset(day + 1, 0, roll="forward")


def next_session(dates: np.ndarray, day: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the indices into ``dates`` of the first trading day strictly after each day; T where there is none."""
    return np.searchsorted(dates, np.asarray(day, dtype="datetime64[D]"), side="right")


def session_on_or_after(dates: np.ndarray, day: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the indices into ``dates`` of the first trading day on or after each day; T where there is none."""
    return np.searchsorted(dates, np.asarray(day, dtype="datetime64[D]"), side="left")


def nth_weekday(month: np.datetime64, nth: int, weekday: int = FRIDAY) -> np.datetime64:
    """Return the ``nth`` given weekday (0 = Monday) of a calendar month, whether the exchange is open or not.

    Examples
    --------
    >>> str(nth_weekday(np.datetime64("2024-02"), 3))
    '2024-02-16'
    """
    first = month.astype("datetime64[M]").astype("datetime64[D]")
    ahead = (weekday - int((first - _MONDAY).astype("int64") % 7)) % 7
    return first + ahead + 7 * (nth - 1)


def futures_last_day(month: np.datetime64) -> np.datetime64:
    """Return the last trading day of a stock-index future: the third Friday, or the next open day if closed.

    Notes
    -----
    Source: CFFEX contract terms. Months past the calendar's last year use the plain Friday.
    """
    friday = nth_weekday(month, 3)
    return _session_after(friday - 1)


def index_review_day(month: np.datetime64) -> np.datetime64:
    """Return the first open day after the second Friday of ``month``, when a review of June or December counts.

    Notes
    -----
    Source: China Securities Index, rules of index reviews since 2013.
    """
    return _session_after(nth_weekday(month, 2))
