"""The tear sheet's contents: every table and sentence of the page, ready to be laid out."""

from typing import TYPE_CHECKING, Any

from analyzers.biases import checks
from analyzers.conventions import Metrics
from analyzers.hedge import UNHEDGED
from analyzers.metrics import levels_of
from analyzers.page_charts import benchmark_name, growth_charts, signal_charts, trading_charts, universe_chart
from analyzers.page_hedge import hedge_section
from analyzers.page_refusals import refusal_rows
from analyzers.page_tables import action_rows, contribution_rows, drawdown_rows, heat_map, holding_rows, year_rows
from analyzers.summary import UNDEFINED, Figure, defined_groups, figure_of

if TYPE_CHECKING:
    from analyzers.signal_quality import SignalQuality
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

KEY_FIGURES = (
    *("annual_return", "annual_excess", "alpha_regression_t", "max_drawdown", "sharpe", "information_ratio"),
    *("turnover_annual", "fees_annual", "volatility", "rank_ic_mean", "total_return"),
)
HEDGED_KEY_FIGURES = (
    *("annual_return", "volatility", "sharpe", "max_drawdown"),
    *("alpha_regression", "beta", "hedge_pnl", "fees_annual", "turnover_annual", "total_return"),
)
SHAPE_FIGURES = (
    *("best_day", "worst_day", "var_95", "cvar_95", "skewness", "kurtosis", "best_month", "worst_month"),
    *("win_rate_daily", "win_rate_weekly", "win_rate_monthly"),
)
MOST_KEY_FIGURES = 8


def page_of(
    result: "BacktestResult",
    metrics: Metrics,
    panel: "MarketPanel | None" = None,
    quality: "SignalQuality | None" = None,
    *,
    unhedged: "BacktestResult | None" = None,
) -> dict[str, Any]:
    """Return the variables of ``tear_sheet.html.j2``.

    Parameters
    ----------
    result, metrics, panel, quality, unhedged
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
        "checks": checks(result),
        "key_figures": key_figures(metrics),
        "figure": lambda name: figure_of(name, metrics),
        "shape_figures": [figure_of(name, metrics) for name in SHAPE_FIGURES],
        "groups": [(group, [figure_of(name, metrics) for name in inside]) for group, inside in defined_groups(metrics)],
        "growth_charts": growth_charts(result, nav, benchmark),
        "hedge": hedge_section(result, unhedged, metrics, panel),
        "drawdowns": drawdown_rows(nav),
        "months": heat_map(nav),
        "years": year_rows(nav, benchmark, metrics),
        "signal_charts": signal_charts(quality),
        "trading_charts": trading_charts(result),
        "holdings": holding_rows(result, names),
        "contributions": contribution_rows(result, names),
        "actions": action_rows(result),
        "refusals": refusal_rows(result, panel, names),
        "universe_chart": universe_chart(result),
        "assumptions": assumptions(result),
        "spans": span_rows(result),
    }


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
    return [*lines, ("Hedge", str(facts["hedge"]))] if "hedge" in facts else lines


def key_figures(metrics: Metrics) -> list[tuple[Figure, Figure | None]]:
    """Return the figures of the first screen, those of a hedged run beside what they are without the hedge.

    They are the first eight of their list that are defined.
    """
    hedged = metrics["hedge_pnl"] is not None
    defined = [name for name in (HEDGED_KEY_FIGURES if hedged else KEY_FIGURES) if metrics.get(name) is not None]
    alone = {name: f"unhedged_{name}" for name in UNHEDGED} if hedged else {}
    return [
        (figure_of(name, metrics), figure_of(alone[name], metrics) if name in alone else None)
        for name in defined[:MOST_KEY_FIGURES]
    ]


ASSUMPTIONS = {
    "data_source": "Data source",
    "data_fingerprint": "Data fingerprint",
    "fill_rule": "Fill rule",
    "fees": "Fees",
    "not_charged": "Not charged",
    "lots": "Lots",
    "prices": "Prices",
    "blocked_buys": "Buys that the market refused",
    "blocked_sells": "Sales that the market refused",
    "max_participation": "Largest share of a day's volume",
    "slippage": "Slippage",
    "dividends": "Dividends",
    "dividend_tax": "Dividend tax",
    "rights": "Rights issues",
    "delisting_recovery": "Worth of a delisted stock",
    "universe": "Universe",
    "min_listed_days": "Listed for at least, sessions",
    "hedge": "Hedge",
    "hedge_index": "Hedged against",
    "hedge_size": "Size of the hedge",
    "hedge_series": "Contracts of the hedge",
    "hedge_settled_at": "Settled at",
    "hedge_margin": "Margin",
    "hedge_not_charged": "Left out of the hedge",
}


def assumptions(result: "BacktestResult") -> list[tuple[str, str]]:
    """Return what the result rests on; a fact the run did not state is left out."""
    facts = result.facts
    lines = [(label, str(facts[name])) for name, label in ASSUMPTIONS.items() if facts.get(name) is not None]
    signal = facts.get("signal") or {}
    lines += [
        ("Benchmark", ", ".join(filter(None, [benchmark_name(result) or "none", facts.get("benchmark_kind")]))),
        ("Signal files", str(signal.get("files", UNDEFINED))),
    ]
    if signal.get("available_at"):
        lines.append(("Signal available at", str(signal["available_at"])))
    parameters = sorted(facts.get("params", {}).items())
    return lines + [(f"Parameter {name}", str(value)) for name, value in parameters]


SPAN_COLUMNS = (
    *("first_signal", "last_signal", "train_start", "train_end"),
    *("validation_start", "validation_end", "label_end"),
)


def span_rows(result: "BacktestResult") -> list[list[str]]:
    """Return the training and validation spans behind each stretch of the signal; none if none are known."""
    spans = (result.facts.get("signal") or {}).get("spans") or []
    if not any(span.get("train_start") for span in spans):
        return []
    return [[*(str(span.get(name) or UNDEFINED) for name in SPAN_COLUMNS), _dropped(span)] for span in spans]


def _dropped(span: dict[str, Any]) -> str:
    """Return the features a model was trained without, by name; no more than eight names."""
    names = sorted(span.get("dropped_features") or {})
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more if names else "none"
