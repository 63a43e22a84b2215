"""From net asset values to returns: equal intervals, exact dates, and how many sessions make a year."""

import numpy as np
import pandas as pd

from feeds.errors import DataError

DAYS_PER_YEAR = 365.25
SESSIONS_PER_YEAR = 242  # an ordinary A-share year
SHORTEST_MEASURED_RUN = 200  # sessions; a shorter run says too little about the length of its year
NO_VARIATION = 1e-12  # a daily standard deviation below this is rounding, not risk


def checked_nav(dates: pd.Series, nav: pd.Series) -> pd.Series:
    """Return the net asset value as a float series on its session dates.

    Parameters
    ----------
    dates : pandas.Series
        Session dates, strictly ascending, the first one being the close before the first possible trade.
    nav : pandas.Series
        Net asset value at each session's close, yuan.

    Returns
    -------
    pandas.Series
        Shape ``(sessions + 1,)``, indexed by date.

    Raises
    ------
    DataError
        If the dates do not ascend strictly or a value is not a positive finite number.
    """
    series = pd.Series(nav.to_numpy(dtype=float), index=pd.DatetimeIndex(dates), name="nav")
    if len(series) == 0:
        raise DataError("nav must have at least one row, was empty")
    if not series.index.is_monotonic_increasing or not series.index.is_unique:
        raise DataError("nav dates must ascend strictly, were unsorted or repeated")
    bad = ~(np.isfinite(series) & (series > 0))
    if bad.any():
        date = series.index[bad][0]
        raise DataError(f"nav must be positive and finite, was {series[date]} on {date:%Y-%m-%d}")
    return series


def matched_benchmark(levels: pd.Series, dates: pd.DatetimeIndex) -> pd.Series:
    """Return benchmark levels on exactly the portfolio's dates, refusing to fill a missing one.

    Parameters
    ----------
    levels : pandas.Series
        Index levels by date. Dates outside ``dates`` are dropped.
    dates : pandas.DatetimeIndex
        The portfolio's session dates.

    Raises
    ------
    DataError
        If a date has no level: filling it would book its return on the wrong day.
    """
    matched = levels.reindex(dates)
    missing = matched.index[~(np.isfinite(matched) & (matched > 0))]
    if len(missing):
        raise DataError(
            f"benchmark must have a level on every session, was missing on {len(missing)} of {len(dates)}, "
            f"first {missing[0]:%Y-%m-%d}"
        )
    return matched.astype(float)


def simple_returns(levels: pd.Series) -> pd.Series:
    """Return ``level_t / level_(t-1) - 1`` for every date but the first."""
    values = levels.to_numpy(dtype=float)
    return pd.Series(values[1:] / values[:-1] - 1, index=levels.index[1:], name=levels.name)


def years_between(dates: pd.DatetimeIndex) -> float:
    """Return the calendar years (of 365.25 days) from the first date to the last."""
    return (dates[-1] - dates[0]).days / DAYS_PER_YEAR


def sessions_per_year(dates: pd.DatetimeIndex) -> float:
    """Return measured sessions per calendar year, or 242 for a run shorter than 200 sessions.

    Parameters
    ----------
    dates : pandas.DatetimeIndex
        Session dates, the starting one included: ``n`` dates hold ``n - 1`` returns.
    """
    sessions = len(dates) - 1
    if sessions < SHORTEST_MEASURED_RUN:
        return float(SESSIONS_PER_YEAR)
    return sessions / years_between(dates)


def daily_rate(annual_rate: float, periods: float) -> float:
    """Return the rate per session that compounds to ``annual_rate`` over ``periods`` sessions."""
    return (1 + annual_rate) ** (1 / periods) - 1


def annual_growth(levels: pd.Series) -> float | None:
    """Return ``(V_T / V_0) ** (365.25 / days) - 1``, or None for a single date."""
    days = (levels.index[-1] - levels.index[0]).days
    if days <= 0:
        return None
    return float((levels.iloc[-1] / levels.iloc[0]) ** (DAYS_PER_YEAR / days) - 1)
