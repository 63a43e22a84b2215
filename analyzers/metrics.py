"""The metric core: every figure of a run, computed here once and by a stated convention."""

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analyzers.conventions import METRICS, Metrics, Value
from analyzers.drawdowns import Drawdown, deepest
from analyzers.hedge import hedge_metrics
from analyzers.inference import newey_west_ols
from analyzers.periods import period_returns
from analyzers.returns import (
    NO_VARIATION,
    annual_growth,
    checked_nav,
    daily_rate,
    matched_benchmark,
    sessions_per_year,
    simple_returns,
    years_between,
)
from analyzers.trading import trading_metrics

if TYPE_CHECKING:
    from analyzers.signal_quality import SignalQuality
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

RISK_FREE = 0.016  # a year


def metrics_of(
    result: "BacktestResult",
    panel: "MarketPanel | None" = None,
    quality: "SignalQuality | None" = None,
    unhedged: "BacktestResult | None" = None,
) -> Metrics:
    """Return every figure of a run, flat, in the order of ``analyzers.conventions.METRICS``.

    Parameters
    ----------
    result : BacktestResult
        The run. Its first row of ``nav`` is the start capital before the first possible trade.
    panel : MarketPanel, optional
        Prices for the cost of refused orders; without it that cost is None.
    quality : SignalQuality, optional
        The signal's own figures; without it they are None.
    unhedged : BacktestResult, optional
        The same run without its hedge; with it and the panel the figures of the hedge are there.

    Returns
    -------
    dict
        Numbers, ISO dates where the name ends in ``_date``, None where a figure is undefined.

    Raises
    ------
    DataError
        If the net asset value is not positive or the benchmark misses a session.
    """
    nav, benchmark = levels_of(result)
    rf = float(result.facts.get("rf", RISK_FREE))
    figures = performance_metrics(nav, benchmark, rf)
    figures |= trading_metrics(result, figures, panel)
    if quality is not None:
        figures |= quality.metrics
    if unhedged is not None and panel is not None:
        code = str(result.facts["hedge_index"])
        index = pd.Series(panel.index_close(code), pd.DatetimeIndex(panel.dates), name=code)
        alone = performance_metrics(*levels_of(unhedged), rf)
        figures |= hedge_metrics(result.nav, result.hedge, result.orders, index, alone)
    return {name: _number(figures.get(name)) for name in METRICS}


def levels_of(result: "BacktestResult") -> tuple[pd.Series, pd.Series | None]:
    """Return the run's net asset value and its benchmark's levels on the same dates (None without one)."""
    frame = result.nav
    nav = checked_nav(frame["date"], frame["nav"])
    if not result.facts.get("benchmark_code"):
        return nav, None
    levels = pd.Series(frame["benchmark"].to_numpy(dtype=float), index=nav.index, name="benchmark")
    return nav, matched_benchmark(levels, pd.DatetimeIndex(nav.index))


def performance_metrics(nav: pd.Series, benchmark: pd.Series | None = None, rf: float = RISK_FREE) -> Metrics:
    """Return the figures that need nothing but daily levels.

    Parameters
    ----------
    nav : pandas.Series
        Net asset value by session date, yuan, the start capital first.
    benchmark : pandas.Series, optional
        Index levels; every date of ``nav`` must be there.
    rf : float
        Risk-free rate a year, a fraction.

    Raises
    ------
    DataError
        If ``nav`` is not positive and ascending in date, or the benchmark misses a date.
    """
    nav = checked_nav(nav.index.to_series(), nav)
    dates = pd.DatetimeIndex(nav.index)
    periods = sessions_per_year(dates)
    returns = simple_returns(nav)
    figures: Metrics = {
        "start_date": _iso(dates[0]),
        "end_date": _iso(dates[-1]),
        "sessions": len(returns),
        "years": years_between(dates),
        "sessions_per_year": periods,
        "rf": rf,
        "cash_start": float(nav.iloc[0]),
        "nav_end": float(nav.iloc[-1]),
    }
    figures |= _growth(nav, returns)
    figures |= _risk(nav, returns, rf, periods)
    figures |= _ratios(returns, figures, rf, periods)
    figures |= _win_rates(nav, None)
    if benchmark is not None:
        matched = matched_benchmark(benchmark, dates)
        figures |= _against_benchmark(nav, matched, figures, rf, periods)
        figures |= _win_rates(nav, matched)
    return figures


def to_json(metrics: Metrics) -> str:
    """Return ``metrics.json``: one figure a line, no NaN and no infinity."""
    return json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _growth(nav: pd.Series, returns: pd.Series) -> Metrics:
    months = period_returns(nav, "M")
    empty = returns.empty
    dates = pd.DatetimeIndex(returns.index)
    return {
        "total_return": float(nav.iloc[-1] / nav.iloc[0] - 1),
        "annual_return": annual_growth(nav),
        "best_day": None if empty else float(returns.max()),
        "best_day_date": None if empty else _iso(dates[int(returns.argmax())]),
        "worst_day": None if empty else float(returns.min()),
        "worst_day_date": None if empty else _iso(dates[int(returns.argmin())]),
        "best_month": None if empty else float(months.max()),
        "worst_month": None if empty else float(months.min()),
    }


def _risk(nav: pd.Series, returns: pd.Series, rf: float, periods: float) -> Metrics:
    varies = _spread(returns) is not None
    figures: Metrics = {"volatility": _annual_spread(returns, periods), "downside_risk": None}
    if len(returns):
        shortfall = np.minimum(returns - daily_rate(rf, periods), 0)
        figures["downside_risk"] = float(np.sqrt(periods * (shortfall**2).mean()))
        quantile = float(np.quantile(returns, 0.05))
        figures["var_95"] = quantile
        figures["cvar_95"] = float(returns[returns <= quantile].mean())
    figures["skewness"] = _number(returns.skew()) if varies and len(returns) > 2 else None
    figures["kurtosis"] = _number(returns.kurt()) if varies and len(returns) > 3 else None
    return figures | _fall("max_drawdown", nav)


def _ratios(returns: pd.Series, figures: Metrics, rf: float, periods: float) -> Metrics:
    earned = None if figures["annual_return"] is None else float(figures["annual_return"]) - rf
    excess = returns - daily_rate(rf, periods)
    yearly = float(excess.mean() * periods) if len(excess) else None
    fall = figures["max_drawdown"]
    return {
        "sharpe": _sharpe(returns, rf, periods),
        "sharpe_geometric": ratio(earned, figures["volatility"]),
        "sortino": ratio(earned, figures["downside_risk"]),
        "sortino_arithmetic": ratio(yearly, figures["downside_risk"]),
        "calmar": ratio(earned, None if fall is None else abs(float(fall))),
    }


def _against_benchmark(nav: pd.Series, benchmark: pd.Series, figures: Metrics, rf: float, periods: float) -> Metrics:
    own, other = simple_returns(nav), simple_returns(benchmark)
    growth = annual_growth(benchmark)
    active = own - other
    error = _annual_spread(active, periods)
    relative = (nav / nav.iloc[0]) / (benchmark / benchmark.iloc[0])
    found: Metrics = {
        "benchmark_total_return": float(benchmark.iloc[-1] / benchmark.iloc[0] - 1),
        "benchmark_annual_return": growth,
        "benchmark_volatility": _annual_spread(other, periods),
        "benchmark_sharpe": _sharpe(other, rf, periods),
        "benchmark_max_drawdown": _fall("", benchmark)[""],
        "tracking_error": error,
        "information_ratio_arithmetic": ratio(float(active.mean() * periods) if len(active) else None, error),
    }
    found |= _fall("excess_max_drawdown", relative)
    annual = figures["annual_return"]
    if growth is None or annual is None:
        return found
    earned = float(annual)
    found["annual_excess"] = earned - growth
    found["annual_excess_geometric"] = (1 + earned) / (1 + growth) - 1
    found["information_ratio"] = ratio(earned - growth, error)
    return found | _regression(own, other, earned, growth, rf, periods)


def _regression(own: pd.Series, other: pd.Series, earned: float, growth: float, rf: float, periods: float) -> Metrics:
    """Return beta, correlation and both alphas; `earned` and `growth` are the two annual returns."""
    if _spread(other) is None:
        return {}
    daily = daily_rate(rf, periods)
    beta = float(np.cov(own, other, ddof=1)[0, 1] / other.var(ddof=1))
    found: Metrics = {"beta": beta, "alpha_jensen": earned - (rf + beta * (growth - rf))}
    if _spread(own) is not None:
        found["correlation"] = float(np.clip(np.corrcoef(own, other)[0, 1], -1, 1))
    regressors = np.column_stack([np.ones(len(other)), other - daily])
    fit = newey_west_ols(regressors, (own - daily).to_numpy())
    if fit is not None:
        found["alpha_regression"] = float(fit[0][0] * periods)
        found["alpha_regression_t"] = None if np.isnan(fit[1][0]) else float(fit[1][0])
    return found


def _win_rates(nav: pd.Series, benchmark: pd.Series | None) -> Metrics:
    """Return the share of days, weeks and months that won, or that beat the benchmark if there is one."""
    found: Metrics = {}
    for word, period in (("daily", "D"), ("weekly", "W"), ("monthly", "M")):
        values = period_returns(nav, period)
        name = f"win_rate_{word}"
        if benchmark is not None:
            name = f"win_rate_excess_{word}"
            values = values - period_returns(benchmark, period)
        found[name] = float((values > 0).mean()) if len(values) else None
    return found


def _sharpe(returns: pd.Series, rf: float, periods: float) -> float | None:
    excess = returns - daily_rate(rf, periods)
    spread = _spread(excess)
    return None if spread is None else float(excess.mean() / spread * math.sqrt(periods))


def _spread(values: pd.Series) -> float | None:
    """Return the sample standard deviation, or None if there is none to speak of."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return spread if spread > NO_VARIATION else None


def _annual_spread(values: pd.Series, periods: float) -> float | None:
    return float(values.std(ddof=1) * math.sqrt(periods)) if len(values) > 1 else None


def ratio(numerator: Value, denominator: Value) -> float | None:
    """Return the quotient, or None if a part is unknown or the denominator is nothing."""
    if numerator is None or denominator is None or abs(float(denominator)) <= NO_VARIATION:
        return None
    return float(numerator) / float(denominator)


def _fall(name: str, levels: pd.Series) -> Metrics:
    """Return the deepest drawdown with its dates; depth 0 and no dates if the level never fell."""
    if len(levels) < 2:
        return {name: None}
    found: Drawdown | None = deepest(levels)
    if found is None:
        return {name: 0.0}
    return {
        name: found.depth,
        f"{name}_peak_date": _iso(found.peak),
        f"{name}_trough_date": _iso(found.trough),
        f"{name}_recovery_date": None if found.recovery is None else _iso(found.recovery),
        f"{name}_sessions": found.sessions,
    }


def _iso(date: pd.Timestamp) -> str:
    return f"{date:%Y-%m-%d}"


def _number(value: Any) -> Value:
    """Return a plain Python value, None for a number that is not finite."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None
