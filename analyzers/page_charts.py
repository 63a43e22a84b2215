"""The page's own charts: growth, signal, turnover, universe."""

from typing import TYPE_CHECKING

import pandas as pd

from analyzers.charts import Chart, bar_chart, line_chart
from analyzers.trading import turnover_by_date

if TYPE_CHECKING:
    from analyzers.signal_quality import SignalQuality
    from strategies.execution.engine import BacktestResult


def benchmark_name(result: "BacktestResult") -> str:
    """Return the benchmark's code with its name, or an empty text without a benchmark."""
    code = result.facts.get("benchmark_code")
    if not code:
        return ""
    name = result.facts.get("names", {}).get(code)
    return f"{name} {code}" if name else str(code)


def growth_charts(result: "BacktestResult", nav: pd.Series, benchmark: pd.Series | None) -> list[Chart]:
    """Return the growth of one yuan and, with a benchmark, of the portfolio relative to it."""
    lines = {("Portfolio", "portfolio"): nav / nav.iloc[0]}
    if benchmark is None:
        return [line_chart("growth", "Growth of 1 yuan", lines, "number", log=True)]
    lines[(benchmark_name(result), "benchmark")] = benchmark / benchmark.iloc[0]
    relative = lines[("Portfolio", "portfolio")] / (benchmark / benchmark.iloc[0])
    over = {("Portfolio / benchmark", "relative"): relative}
    return [
        line_chart("growth", "Growth of 1 yuan", lines, "number", log=True),
        line_chart("relative", "Portfolio relative to benchmark", over, "number"),
    ]


def signal_charts(quality: "SignalQuality | None") -> list[Chart]:
    """Return RankIC by signal date, its running sum, and growth by fifth of the score."""
    if quality is None or quality.by_date["rank_ic"].notna().sum() == 0:
        return []
    series = quality.by_date.set_index("date")["rank_ic"]
    growth = (1 + quality.quantile_returns.fillna(0)).cumprod().set_axis(quality.by_date["exit_date"])
    growth.loc[quality.by_date["entry_date"].iloc[0]] = 1.0
    growth = growth.sort_index()
    ends = {1: " (lowest score)", 5: " (highest score)"}
    fifths = range(1, len(growth.columns) + 1)
    lines = {(f"Fifth {n}{ends.get(n, '')}", f"fifth{n}"): growth[n] for n in fifths}
    running = {("Sum of RankIC", "portfolio"): series.fillna(0).cumsum()}
    note = f"forward return {quality.horizon}"
    charts = [
        bar_chart("rank-ic", "RankIC by signal date", series, "number", label="RankIC", note=note),
        line_chart("rank-ic-sum", "Running sum of RankIC", running, "number", note=note),
    ]
    if quality.quantile_returns.notna().any().any():
        title = "Growth by fifth of the score"
        small = f"{note}; equal weight, no cost"
        charts.append(line_chart("fifths", title, lines, "number", note=small, log=True))
    return charts


def trading_charts(result: "BacktestResult") -> list[Chart]:
    """Return turnover by session with fills, and how much of the account was invested."""
    turnover = turnover_by_date(result)
    charts = []
    if len(turnover):
        months = pd.period_range(result.nav["date"].iloc[0], result.nav["date"].iloc[-1], freq="M")
        monthly = turnover.groupby(pd.DatetimeIndex(turnover.index).to_period("M")).sum()
        monthly = monthly.reindex(months, fill_value=0.0).set_axis(months.to_timestamp())
        charts.append(bar_chart("turnover", "Turnover by month, one-sided", monthly, "percent", label="Turnover"))
    nav = result.nav.set_index(pd.DatetimeIndex(result.nav["date"]))
    lines = {("Stocks / net asset value", "portfolio"): nav["stock_value"] / nav["nav"]}
    charts.append(line_chart("invested", "Share invested", lines, "percent"))
    return charts


def universe_chart(result: "BacktestResult") -> Chart | None:
    """Return the number of stocks that could be chosen, month by month."""
    sizes = dict(result.facts.get("universe_size") or [])
    if not sizes:
        return None
    months = pd.DatetimeIndex([f"{month}-01" for month in sizes])
    series = pd.Series([float(size) for size in sizes.values()], index=months)
    return line_chart("universe", "Universe size by month", {("Stocks", "portfolio"): series}, "count")
