"""Every figure this project prints: its name, label, group, format and the convention it is computed by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Format = Literal["percent", "number", "yuan", "count", "date", "basis points"]
Value = float | int | str | None
Metrics = dict[str, Value]  # dates as ISO text

GROUPS = (
    "Run",
    "Return",
    "Risk",
    "Risk-adjusted return",
    "Against the benchmark",
    "Win rates",
    "Trading and cost",
    "Hedge",
    "Signal",
)


@dataclass(frozen=True)
class MetricSpec:
    """One figure of ``metrics.json``.

    Attributes
    ----------
    name : str
        Key in ``metrics.json``.
    label : str
        What a person reads.
    group : str
        One of `GROUPS`.
    format : str
        How the value is written; "percent" values are stored as fractions.
    convention : str
        The formula in words, with ``{rf}`` and ``{periods}`` standing for the run's own values.
    """

    name: str
    label: str
    group: str
    format: Format
    convention: str


METRICS: dict[str, MetricSpec] = {}


def register(group: str, rows: Iterable[tuple[str, str, Format, str]]) -> None:
    """Add figures ``(name, label, format, convention)`` to a group, refusing a name that is taken."""
    if group not in GROUPS:
        raise ValueError(f"group must be one of {', '.join(GROUPS)}, was {group}")
    for name, label, form, convention in rows:
        if name in METRICS:
            raise ValueError(f"metric name must be unique, was {name} twice")
        METRICS[name] = MetricSpec(name, label, group, form, convention)


register(
    "Run",
    [
        ("start_date", "Start", "date", "close at which the start capital stands, before the first trade"),
        ("end_date", "End", "date", "last session"),
        ("sessions", "Sessions", "count", "daily returns in the run"),
        ("years", "Years", "number", "calendar days / 365.25"),
        (
            "sessions_per_year",
            "Sessions per year (N)",
            "number",
            "sessions / years as measured; 242 for a run shorter than 200 sessions",
        ),
        ("rf", "Risk-free rate", "percent", "a year; per session (1 + rf)^(1/N) - 1"),
        ("cash_start", "Start capital", "yuan", "net asset value at the start"),
        ("nav_end", "Final net asset value", "yuan", "cash + dividends owed + holdings + hedge at the last close"),
    ],
)
register(
    "Return",
    [
        ("total_return", "Total return", "percent", "V_T / V_0 - 1"),
        ("annual_return", "Annual return", "percent", "(V_T / V_0)^(365.25 / calendar days) - 1"),
        ("benchmark_total_return", "Benchmark total return", "percent", "same dates as the portfolio"),
        ("benchmark_annual_return", "Benchmark annual return", "percent", "by calendar days, same dates"),
        ("best_day", "Best day", "percent", "largest daily return"),
        ("best_day_date", "Best day on", "date", "first session with that return"),
        ("worst_day", "Worst day", "percent", "smallest daily return"),
        ("worst_day_date", "Worst day on", "date", "first session with that return"),
        ("best_month", "Best month", "percent", "calendar months, incomplete ones counted"),
        ("worst_month", "Worst month", "percent", "calendar months, incomplete ones counted"),
    ],
)
register(
    "Risk",
    [
        ("volatility", "Volatility", "percent", "sd of daily returns (n - 1) * sqrt(N), N = {periods}"),
        ("benchmark_volatility", "Benchmark volatility", "percent", "same formula, N = {periods}"),
        (
            "downside_risk",
            "Downside risk",
            "percent",
            "sqrt(N * mean(min(r - rf, 0)^2)) over all days, rf {rf} a year",
        ),
        ("max_drawdown", "Maximum drawdown", "percent", "lowest close / highest before it - 1, V_0 counted"),
        ("max_drawdown_peak_date", "Drawdown from", "date", "last session at the peak"),
        ("max_drawdown_trough_date", "Drawdown to", "date", "first session at the trough"),
        ("max_drawdown_recovery_date", "Recovered on", "date", "first close at the peak again"),
        ("max_drawdown_sessions", "Sessions under water", "count", "peak to recovery, or to the end"),
        ("benchmark_max_drawdown", "Benchmark maximum drawdown", "percent", "same formula, same dates"),
        ("var_95", "Value at risk 95 %", "percent", "historical: 5 % quantile of daily returns"),
        ("cvar_95", "Expected shortfall 95 %", "percent", "historical: mean of the days at or below it"),
        ("skewness", "Skewness", "number", "of daily returns, bias-corrected"),
        ("kurtosis", "Excess kurtosis", "number", "of daily returns, bias-corrected; normal = 0"),
    ],
)
register(
    "Risk-adjusted return",
    [
        (
            "sharpe",
            "Sharpe ratio",
            "number",
            "mean(r - rf) / sd(r - rf) * sqrt(N), daily, n - 1, rf {rf}, N = {periods}",
        ),
        ("sharpe_geometric", "Sharpe ratio, geometric", "number", "(annual return - rf) / volatility"),
        ("benchmark_sharpe", "Benchmark Sharpe ratio", "number", "same formula as Sharpe ratio"),
        ("sortino", "Sortino ratio", "number", "(annual return - rf) / downside risk"),
        ("sortino_arithmetic", "Sortino ratio, arithmetic", "number", "mean(r - rf) * N / downside risk"),
        ("calmar", "Calmar ratio", "number", "(annual return - rf) / |maximum drawdown|"),
    ],
)
register(
    "Against the benchmark",
    [
        ("annual_excess", "Annual excess return", "percent", "annual return - benchmark annual return"),
        (
            "annual_excess_geometric",
            "Annual excess, geometric",
            "percent",
            "(1 + annual return) / (1 + benchmark annual return) - 1",
        ),
        ("tracking_error", "Tracking error", "percent", "sd of daily r - b (n - 1) * sqrt(N), N = {periods}"),
        ("information_ratio", "Information ratio", "number", "annual excess return / tracking error"),
        (
            "information_ratio_arithmetic",
            "Information ratio, arithmetic",
            "number",
            "mean(r - b) / sd(r - b) * sqrt(N), daily",
        ),
        ("excess_max_drawdown", "Excess maximum drawdown", "percent", "of portfolio / benchmark, from 1"),
        ("excess_max_drawdown_peak_date", "Excess drawdown from", "date", "last session at the peak"),
        ("excess_max_drawdown_trough_date", "Excess drawdown to", "date", "first session at the trough"),
        ("beta", "Beta", "number", "cov(r, b) / var(b), daily"),
        ("correlation", "Correlation", "number", "of daily r and b"),
        ("alpha_jensen", "Alpha (Jensen)", "percent", "annual return - [rf + beta * (benchmark - rf)]"),
        ("alpha_regression", "Alpha (regression)", "percent", "intercept of r - rf on b - rf, daily, * N"),
        (
            "alpha_regression_t",
            "t of alpha",
            "number",
            "Newey-West, Bartlett lags floor(4 (T / 100)^(2/9))",
        ),
    ],
)
register(
    "Win rates",
    [
        ("win_rate_daily", "Winning days", "percent", "share of sessions with r > 0"),
        ("win_rate_weekly", "Winning weeks", "percent", "Monday to Sunday, incomplete ones counted"),
        ("win_rate_monthly", "Winning months", "percent", "calendar months, incomplete ones counted"),
        ("win_rate_excess_daily", "Days above benchmark", "percent", "share of sessions with r > b"),
        ("win_rate_excess_weekly", "Weeks above benchmark", "percent", "week's r > week's b"),
        ("win_rate_excess_monthly", "Months above benchmark", "percent", "month's r > month's b"),
    ],
)
register(
    "Trading and cost",
    [
        (
            "turnover_annual",
            "Turnover a year, one-sided",
            "percent",
            "(bought + sold) / 2 / net asset value the evening before, summed, / years",
        ),
        ("turnover_per_rebalance", "Turnover per rebalance", "percent", "mean over signal dates, one-sided"),
        ("fees_total", "Fees", "yuan", "everything charged on stock and futures orders"),
        ("fees_annual", "Fees a year", "percent", "of start capital, fees / years"),
        ("fees_per_traded", "Fees per traded value", "basis points", "stock fees / (bought + sold)"),
        ("slippage_total", "Slippage", "yuan", "what fills were worse than the session's price"),
        (
            "largest_day_share",
            "Largest share of a day",
            "percent",
            "filled in a stock on a day / all that was traded of it that day",
        ),
        ("average_holdings", "Average number of stocks", "number", "at the close, mean over sessions"),
        ("average_invested", "Average share invested", "percent", "stock value / net asset value"),
        ("rebalances", "Rebalances", "count", "signal dates that led to an order"),
        ("orders", "Orders", "count", "in stocks"),
        ("orders_filled", "Filled at once", "count", "whole, on the first session"),
        ("orders_delayed", "Filled later", "count", "carried, and filled on a later session"),
        ("orders_partial", "Filled in part", "count", "the rest never"),
        ("orders_refused", "Never filled", "count", "no share of it ever traded"),
        ("refused_value_share", "Refused value", "percent", "value not filled at once / value wanted"),
        (
            "refusals",
            "Refused by the market",
            "count",
            "not whole at once for a limit, a suspension, T+1 or the day's volume",
        ),
        (
            "refusal_cost",
            "Cost of refusals",
            "yuan",
            "gain the missing shares missed, from the first session's price to a later fill or the next rebalance",
        ),
        ("refusal_cost_annual", "Cost of refusals a year", "percent", "of start capital, / years"),
    ],
)
register(
    "Hedge",
    [
        ("hedge_pnl", "Hedge profit", "yuan", "variation less fees, summed: index + basis + trading and rolls"),
        ("hedge_index_move", "Hedge: index", "yuan", "exposure the evening before * return of the price index, summed"),
        ("hedge_basis", "Hedge: basis", "yuan", "rest of the gain of lots held overnight: futures against the index"),
        (
            "hedge_costs",
            "Hedge: trading and rolls",
            "yuan",
            "gain of traded lots from their price, slippage in it, to the day's settlement, less all fees",
        ),
        (
            "hedge_residual_beta",
            "Left unhedged",
            "yuan",
            "(stocks' beta over the run - hedge ratio) * index return * stock value, summed; no part of the profit",
        ),
        ("hedge_ratio_mean", "Hedge ratio", "number", "short / stock value at the close, mean over closes with stocks"),
        ("hedge_lots_max", "Most lots", "count", "at a close, all months"),
        ("margin_max", "Largest margin", "yuan", "at a close, the broker's part included"),
        ("margin_calls", "Margin calls", "count", "sessions that cut lots for want of cash"),
        ("hedge_rolls", "Rolls", "count", "sessions that closed lots of one month for those of another"),
        ("hedge_orders_refused", "Hedge orders refused", "count", "at a limit, or without trading; decided on anew"),
        ("unhedged_annual_return", "Annual return without the hedge", "percent", "the same run with no hedge at all"),
        ("unhedged_volatility", "Volatility without the hedge", "percent", "of that run, * sqrt(N), N = {periods}"),
        ("unhedged_sharpe", "Sharpe ratio without the hedge", "number", "of that run"),
        ("unhedged_max_drawdown", "Maximum drawdown without the hedge", "percent", "of that run"),
        ("unhedged_alpha_regression", "Alpha (regression) without the hedge", "percent", "of that run"),
        ("unhedged_beta", "Beta without the hedge", "number", "of that run"),
    ],
)
register(
    "Signal",
    [
        ("signal_dates", "Signal dates measured", "count", "dates whose forward return is known"),
        (
            "signal_coverage",
            "Coverage",
            "percent",
            "scored names one could buy / names of the universe; suspended or at the upper limit left out",
        ),
        ("signal_coverage_lowest", "Lowest coverage", "percent", "of a signal date"),
        ("ic_mean", "IC", "number", "mean of Pearson(score, return to the next rebalance); delisted as in the account"),
        ("ic_sd", "IC sd", "number", "n - 1"),
        ("ic_positive", "IC above 0", "percent", "share of signal dates"),
        ("ic_t", "t of IC", "number", "Newey-West over signal dates"),
        ("icir", "ICIR", "number", "mean / sd of IC, not annualised"),
        ("icir_annual", "ICIR, annualised", "number", "ICIR * sqrt(signal dates a year)"),
        ("rank_ic_mean", "RankIC", "number", "mean of Spearman(score, return), ties by mean rank"),
        ("rank_ic_sd", "RankIC sd", "number", "n - 1"),
        ("rank_ic_positive", "RankIC above 0", "percent", "share of signal dates"),
        ("rank_ic_t", "t of RankIC", "number", "Newey-West over signal dates"),
        ("rank_icir", "RankICIR", "number", "mean / sd of RankIC, not annualised"),
        ("rank_icir_annual", "RankICIR, annualised", "number", "RankICIR * sqrt(signal dates a year)"),
        ("rank_mae_score", "e^(-RankMAE)", "number", "standardised ranks; 0.315 without skill"),
        ("long_short_mean", "Top minus bottom tenth", "percent", "mean per date, equal weight, no cost"),
        ("long_only_excess_mean", "Top tenth minus all", "percent", "mean per date, equal weight, no cost"),
        ("score_turnover", "Score turnover", "percent", "share of the top tenth replaced, mean"),
    ],
)
