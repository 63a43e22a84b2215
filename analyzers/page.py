"""The tear sheet's contents: every table and sentence of the page, ready to be laid out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzers.charts import Chart, bar_chart, line_chart
from analyzers.conventions import METRICS, Metrics
from analyzers.drawdowns import drawdowns
from analyzers.metrics import levels_of
from analyzers.periods import monthly_table, yearly_table
from analyzers.refusals import cost_by_reason, refusal_costs
from analyzers.summary import UNDEFINED, convention, defined_groups, figure, formatted
from analyzers.trading import contributions, stock_orders, turnover_by_date

if TYPE_CHECKING:
    from analyzers.signal_quality import SignalQuality
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

KEY_FIGURES = (
    *("annual_return", "annual_excess", "max_drawdown", "sharpe", "information_ratio", "volatility"),
    *("turnover_annual", "fees_annual", "rank_ic_mean", "total_return"),
)
SHAPE_FIGURES = (
    *("best_day", "worst_day", "var_95", "cvar_95", "skewness", "kurtosis", "best_month", "worst_month"),
    *("win_rate_daily", "win_rate_weekly", "win_rate_monthly"),
)
MOST_KEY_FIGURES = 8
MOST_DRAWDOWNS = 10
MOST_NAMES = 10
MOST_REFUSALS = 25
DEEP_RED_AT = 0.10  # a month of +-10 % or more takes the full colour of the heat map


@dataclass(frozen=True)
class Figure:
    """A figure of ``metrics.json`` as the page shows it."""

    name: str
    label: str
    text: str
    convention: str


def figure_of(name: str, metrics: Metrics) -> Figure:
    """Return a figure with its label, text and convention."""
    return Figure(name, METRICS[name].label, figure(name, metrics), convention(name, metrics))


def page_of(
    result: "BacktestResult",
    metrics: Metrics,
    panel: "MarketPanel | None" = None,
    quality: "SignalQuality | None" = None,
) -> dict[str, Any]:
    """Return the variables of ``tear_sheet.html.j2``.

    Parameters
    ----------
    result, metrics, panel, quality
        As for `analyzers.tear_sheet.write_tear_sheet`.
    """
    nav, benchmark = levels_of(result)
    names = {str(code): str(name) for code, name in result.facts.get("names", {}).items()}
    return {
        "title": str(result.facts.get("strategy") or "Backtest"),
        "metrics": metrics,
        "simulated": bool(result.facts.get("simulated")),
        "has_benchmark": benchmark is not None,
        "header": header(result),
        "warnings": warnings(result),
        "key_figures": key_figures(metrics),
        "figure": lambda name: figure_of(name, metrics),
        "shape_figures": [figure_of(name, metrics) for name in SHAPE_FIGURES],
        "groups": [
            (group, [figure_of(name, metrics) for name in inside]) for group, inside in defined_groups(metrics)
        ],
        "growth_charts": growth_charts(result, nav, benchmark),
        "drawdowns": drawdown_rows(nav),
        "months": heat_map(nav),
        "years": year_rows(nav, benchmark, metrics),
        "signal_charts": signal_charts(quality),
        "trading_charts": trading_charts(result),
        "holdings": holding_rows(result, names),
        "contributions": contribution_rows(result, names),
        "refusals": refusal_rows(result, panel, names),
        "universe_chart": universe_chart(result),
        "assumptions": assumptions(result),
        "spans": span_rows(result),
    }


def benchmark_name(result: "BacktestResult") -> str:
    """Return the benchmark's code with its name, or an empty text without a benchmark."""
    code = result.facts.get("benchmark_code")
    if not code:
        return ""
    name = result.facts.get("names", {}).get(code)
    return f"{name} {code}" if name else str(code)


def header(result: "BacktestResult") -> list[tuple[str, str]]:
    """Return the lines under the page's title: what ran, on what, when, against what."""
    facts = result.facts
    kind = facts.get("benchmark_kind")
    against = benchmark_name(result)
    lines = [
        ("Signal", str((facts.get("signal") or {}).get("name") or "none")),
        ("Universe", str(facts.get("universe", UNDEFINED))),
        ("Benchmark", f"{against} ({kind})" if against and kind else against or "none"),
        ("Data", str(facts.get("data_source", UNDEFINED))),
    ]
    return lines


def warnings(result: "BacktestResult") -> list[str]:
    """Return what a reader must know before believing a figure."""
    facts = result.facts
    found = []
    if facts.get("benchmark_kind") == "price index":
        found.append(
            "The benchmark is a price index: it leaves out dividends, which the portfolio receives. "
            "The excess return is flattered by about the index's dividend yield."
        )
    if facts.get("st_known") is False:
        found.append("Which stocks were under special treatment (ST) is unknown: they were not kept out.")
    if facts.get("universe_later_delisted") == 0:
        found.append(
            "Not one stock of the universe was delisted later. The data probably leave out companies that "
            "disappeared (survivorship bias), and the result is too good."
        )
    return found


def key_figures(metrics: Metrics) -> list[Figure]:
    """Return the figures of the first screen: the first eight of the list that are defined."""
    defined = [name for name in KEY_FIGURES if metrics.get(name) is not None]
    return [figure_of(name, metrics) for name in defined[:MOST_KEY_FIGURES]]


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


def drawdown_rows(nav: pd.Series) -> list[dict[str, str]]:
    """Return the deepest drawdowns as text."""
    return [
        {
            "depth": formatted(item.depth, "percent"),
            "peak": f"{item.peak:%Y-%m-%d}",
            "trough": f"{item.trough:%Y-%m-%d}",
            "recovery": f"{item.recovery:%Y-%m-%d}" if item.recovery is not None else "not yet",
            "sessions": formatted(item.sessions, "count"),
        }
        for item in drawdowns(nav)[:MOST_DRAWDOWNS]
    ]


def heat_map(nav: pd.Series) -> list[dict[str, Any]]:
    """Return one row per year with twelve cells ``(text, red share, green share)``: red rose, green fell."""
    rows = []
    for year, values in monthly_table(nav).iterrows():
        cells = []
        for month in range(1, 13):
            value = float(values[month])
            depth = 0.0 if pd.isna(value) else round(min(abs(value) / DEEP_RED_AT, 1.0), 2)
            text = "" if pd.isna(value) else formatted(value, "percent").rstrip("%")
            cells.append({"text": text, "up": value > 0, "depth": depth})
        total = formatted(float(values["year"]), "percent").rstrip("%")
        rows.append({"year": year, "cells": cells, "total": total})
    return rows


def year_rows(nav: pd.Series, benchmark: pd.Series | None, metrics: Metrics) -> list[dict[str, str]]:
    """Return the calendar years as text."""
    table = yearly_table(nav, benchmark, float(metrics["sessions_per_year"] or 0))
    shares = ("portfolio", "benchmark", "excess", "volatility", "max_drawdown")
    return [
        {"year": str(row["year"]), "sessions": formatted(row["sessions"], "count")}
        | {name: formatted(row[name], "percent") for name in shares}
        for row in table.astype(object).to_dict("records")
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
    lines = {(f"Fifth {n}{ends.get(n, '')}", f"fifth{n}"): growth[n] for n in growth.columns}
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
        monthly = turnover.groupby(turnover.index.to_period("M")).sum()
        full = pd.period_range(result.nav["date"].iloc[0], result.nav["date"].iloc[-1], freq="M")
        monthly = monthly.reindex(full, fill_value=0.0)
        monthly.index = monthly.index.to_timestamp()
        charts.append(
            bar_chart("turnover", "Turnover by month, one-sided", monthly, "percent", label="Turnover")
        )
    nav = result.nav.set_index(pd.DatetimeIndex(result.nav["date"]))
    lines = {("Stocks / net asset value", "portfolio"): nav["stock_value"] / nav["nav"]}
    charts.append(line_chart("invested", "Share invested", lines, "percent"))
    return charts


def holding_rows(result: "BacktestResult", names: dict[str, str]) -> dict[str, Any]:
    """Return the holdings of the last close, largest first."""
    last = result.nav["date"].iloc[-1]
    held = result.positions[(result.positions["date"] == last) & (result.positions["shares"] != 0)]
    ordered = held.sort_values(["weight", "ts_code"], ascending=[False, True], kind="stable")
    rows = [
        {
            "code": str(row.ts_code),
            "name": names.get(str(row.ts_code), ""),
            "shares": formatted(float(row.shares), "count"),
            "price": f"{row.price:,.2f}",
            "value": formatted(float(row.value), "yuan"),
            "weight": formatted(float(row.weight), "percent"),
        }
        for row in ordered.itertuples(index=False)
    ]
    return {"date": f"{last:%Y-%m-%d}", "rows": rows}


def contribution_rows(result: "BacktestResult", names: dict[str, str]) -> dict[str, Any]:
    """Return the stocks that earned and lost most, and what the hedge and the cash did besides."""
    table = contributions(result)
    total = float(result.nav["nav"].iloc[-1] - result.nav["nav"].iloc[0])
    other = total - float(table["profit"].sum())
    rows = [
        {
            "code": row.ts_code,
            "name": names.get(row.ts_code, ""),
            "profit": formatted(float(row.profit), "yuan"),
            "share": formatted(float(row.share), "percent"),
            "sessions": formatted(int(row.sessions), "count"),
        }
        for row in table.itertuples(index=False)
    ]
    best = [row for row, profit in zip(rows, table["profit"], strict=True) if profit > 0][:MOST_NAMES]
    worst = [row for row, profit in zip(rows, table["profit"], strict=True) if profit < 0][-MOST_NAMES:][::-1]
    return {
        "best": best,
        "worst": worst,
        "count": formatted(len(rows), "count"),
        "stocks": formatted(float(table["profit"].sum()), "yuan"),
        "other": formatted(other, "yuan"),
        "total": formatted(total, "yuan"),
    }


def refusal_rows(
    result: "BacktestResult", panel: "MarketPanel | None", names: dict[str, str]
) -> dict[str, Any] | None:
    """Return refusals by reason and the dearest single ones; None without prices to value them."""
    if panel is None:
        return None
    costs = refusal_costs(stock_orders(result.orders), panel, result.nav["date"].iloc[-1])
    order = costs["cost"].abs().sort_values(ascending=False, kind="stable").index
    detail = [
        {
            "date": f"{row.first_date:%Y-%m-%d}",
            "code": str(row.ts_code),
            "name": names.get(str(row.ts_code), ""),
            "side": row.side,
            "reason": row.reason or "not given",
            "wanted": formatted(float(row.wanted), "count"),
            "filled": formatted(float(row.filled), "count"),
            "until": UNDEFINED if pd.isna(row.until) else f"{row.until:%Y-%m-%d}",
            "value": formatted(float(row.value), "yuan"),
            "cost": formatted(float(row.cost), "yuan"),
        }
        for row in costs.loc[order[:MOST_REFUSALS]].itertuples(index=False)
    ]
    reasons = [
        {
            "side": row.side,
            "reason": row.reason or "not given",
            "orders": formatted(int(row.orders), "count"),
            "value": formatted(float(row.value), "yuan"),
            "cost": formatted(float(row.cost), "yuan"),
        }
        for row in cost_by_reason(costs).itertuples(index=False)
    ]
    return {"reasons": reasons, "detail": detail, "total": len(costs)}


def universe_chart(result: "BacktestResult") -> Chart | None:
    """Return the number of stocks that could be chosen, month by month."""
    sizes = dict(result.facts.get("universe_size") or [])
    if not sizes:
        return None
    months = pd.DatetimeIndex([f"{month}-01" for month in sizes])
    series = pd.Series([float(size) for size in sizes.values()], index=months)
    return line_chart("universe", "Universe size by month", {("Stocks", "portfolio"): series}, "count")


ASSUMPTIONS = {
    "data_source": "Data source",
    "data_fingerprint": "Data fingerprint",
    "fill_rule": "Fill rule",
    "fees": "Fees",
    "lots": "Lots",
    "unfilled_sells": "Unfilled sells",
    "delisting_recovery": "Worth of a delisted stock",
    "universe": "Universe",
    "min_listed_days": "Listed for at least, sessions",
}


def assumptions(result: "BacktestResult") -> list[tuple[str, str]]:
    """Return what the result rests on; a fact the run did not state is left out."""
    facts = result.facts
    lines = [(label, str(facts[name])) for name, label in ASSUMPTIONS.items() if facts.get(name) is not None]
    delisted = facts.get("universe_later_delisted")
    signal = facts.get("signal") or {}
    lines += [
        ("Universe later delisted", "unknown" if delisted is None else formatted(delisted, "percent")),
        ("Benchmark", ", ".join(filter(None, [benchmark_name(result) or "none", facts.get("benchmark_kind")]))),
        ("Signal available at", str(signal.get("available_at") or UNDEFINED)),
        ("Signal files", str(signal.get("files", UNDEFINED))),
    ]
    parameters = sorted(facts.get("params", {}).items())
    return lines + [(f"Parameter {name}", str(value)) for name, value in parameters]


SPAN_COLUMNS = (
    *("first_signal", "last_signal", "train_start", "train_end"),
    *("validation_start", "validation_end", "label_end"),
)


def span_rows(result: "BacktestResult") -> list[list[str]]:
    """Return the training and validation spans behind each stretch of the signal."""
    spans = (result.facts.get("signal") or {}).get("spans") or []
    return [[str(span.get(name) or UNDEFINED) for name in SPAN_COLUMNS] for span in spans]
