"""Returns by calendar period, all taken from the daily net asset value."""

import numpy as np
import pandas as pd

from analyzers.drawdowns import deepest
from analyzers.returns import simple_returns


def period_returns(levels: pd.Series, period: str) -> pd.Series:
    """Return the return of every calendar period that holds a session.

    Parameters
    ----------
    levels : pandas.Series
        Levels by date; the first one is the start and belongs to no period.
    period : {"D", "W", "M", "Y"}
        Week (Monday to Sunday), month or year. The first and the last period may be incomplete and count.

    Returns
    -------
    pandas.Series
        Indexed by ``pandas.Period``: the period's last level over the last level before it, minus one.
    """
    ends = levels.iloc[1:].groupby(pd.DatetimeIndex(levels.index[1:]).to_period(period)).last()
    before = ends.shift(1)
    if len(before):
        before.iloc[0] = levels.iloc[0]
    return ends / before - 1


def monthly_table(levels: pd.Series) -> pd.DataFrame:
    """Return monthly returns, years down and months 1..12 across, NaN where the run has no session.

    The column ``year`` holds the year's own return, so the twelve months compound to it.
    """
    months = period_returns(levels, "M")
    years = period_returns(levels, "Y")
    table = pd.DataFrame(index=pd.PeriodIndex(years.index).year, columns=range(1, 13), dtype=float)
    for month, value in zip(pd.PeriodIndex(months.index), months.to_numpy(), strict=True):
        table.loc[month.year, month.month] = value
    table["year"] = years.to_numpy()
    return table


def yearly_table(nav: pd.Series, benchmark: pd.Series | None, sessions_per_year: float) -> pd.DataFrame:
    """Return one row per calendar year: returns, excess, volatility, deepest drawdown.

    Parameters
    ----------
    nav, benchmark : pandas.Series
        Levels by date, the starting level included. The benchmark may be None.
    sessions_per_year : float
        Annualises the standard deviation of the year's daily returns.

    Returns
    -------
    pandas.DataFrame
        Columns ``year, sessions, portfolio, benchmark, excess, volatility, max_drawdown``. Returns are of the
        calendar year as far as the run covers it and not annualised; the drawdown starts at the year's
        opening level.
    """
    own = period_returns(nav, "Y")
    other = None if benchmark is None else period_returns(benchmark, "Y").to_numpy()
    daily = simple_returns(nav)
    day_years = pd.DatetimeIndex(daily.index).year
    rows = []
    for number, year in enumerate(pd.PeriodIndex(own.index).year):
        places = np.flatnonzero(day_years == year)
        days = daily.iloc[places]
        fall = deepest(nav.iloc[places[0] : places[-1] + 2])  # the level before the year's first session, too
        value = float(own.iloc[number])
        index_return = None if other is None else float(other[number])
        rows.append(
            {
                "year": year,
                "sessions": len(days),
                "portfolio": value,
                "benchmark": index_return,
                "excess": None if index_return is None else value - index_return,
                "volatility": days.std(ddof=1) * sessions_per_year**0.5 if len(days) > 1 else None,
                "max_drawdown": fall.depth if fall else 0.0,
            }
        )
    columns = ["year", "sessions", "portfolio", "benchmark", "excess", "volatility", "max_drawdown"]
    return pd.DataFrame(rows, columns=columns)
