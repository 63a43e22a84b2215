"""The tear sheet's section on a hedge: what it did to the account, and where its profit came from."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzers.charts import Chart, line_chart
from analyzers.conventions import METRICS, Metrics
from analyzers.hedge import UNHEDGED, attribution, refused_hedge_orders, stock_book
from analyzers.metrics import levels_of
from analyzers.page_charts import benchmark_name
from analyzers.summary import Figure, figure_of, formatted

if TYPE_CHECKING:
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

PARTS = {  # columns of `attribution`: label, style, figure
    "index_move": ("Index", "part-index", "hedge_index_move"),
    "basis": ("Basis", "part-basis", "hedge_basis"),
    "costs": ("Trading and rolls", "part-costs", "hedge_costs"),
    "profit": ("Hedge profit, the sum", "part-sum", "hedge_pnl"),
    "residual_beta": ("Left unhedged, in the stocks", "part-left", "hedge_residual_beta"),
}
ACCOUNT = ("hedge_ratio_mean", "hedge_lots_max", "margin_max", "margin_calls", "hedge_rolls", "hedge_orders_refused")
MOST_REFUSALS = 25
MILLION = 1e6


def hedge_section(
    result: "BacktestResult", unhedged: "BacktestResult | None", metrics: Metrics, panel: "MarketPanel | None"
) -> dict[str, Any] | None:
    """Return what the section shows, every figure from ``metrics.json``; None for a run without a hedge."""
    if unhedged is None or panel is None or metrics["hedge_pnl"] is None:
        return None
    return {
        "compared": [(METRICS[name].label, _compared(name, result, metrics)) for name in UNHEDGED],
        "parts": [(label, style, figure_of(name, metrics)) for label, style, name in PARTS.values()],
        "account": [figure_of(name, metrics) for name in ACCOUNT if metrics[name] is not None],
        "charts": [_growth(result, unhedged), _attribution(result, panel)],
        "refused": refused_rows(result),
    }


def _compared(name: str, result: "BacktestResult", metrics: Metrics) -> list[Figure | None]:
    """Return a figure hedged, unhedged and of the benchmark if there is one; None where it has no such figure."""
    names = [name, f"unhedged_{name}", *([f"benchmark_{name}"] if benchmark_name(result) else [])]
    return [figure_of(each, metrics) if each in METRICS else None for each in names]


def _growth(result: "BacktestResult", unhedged: "BacktestResult") -> Chart:
    nav, benchmark = levels_of(result)
    alone, _ = levels_of(unhedged)
    lines = {("Hedged", "portfolio"): nav / nav.iloc[0], ("Without the hedge", "unhedged"): alone / alone.iloc[0]}
    if benchmark is not None:
        lines[(benchmark_name(result), "benchmark")] = benchmark / benchmark.iloc[0]
    return line_chart("hedge-growth", "Growth of 1 yuan, with and without the hedge", lines, "number", log=True)


def _attribution(result: "BacktestResult", panel: "MarketPanel") -> Chart:
    code = str(result.facts["hedge_index"])
    index = pd.Series(panel.index_close(code), pd.DatetimeIndex(panel.dates), name=code)
    parts = attribution(result.hedge, index, stock_book(result.nav, result.hedge))
    lines = {(label, style): parts[name].cumsum() / MILLION for name, (label, style, _) in PARTS.items()}
    return line_chart("hedge-parts", "Where the hedge's profit came from, million yuan", lines, "number")


def refused_rows(result: "BacktestResult") -> dict[str, Any]:
    """Return the orders in futures that the market refused, the first 25, and how many there are."""
    refused = refused_hedge_orders(result.orders)
    rows = [
        {
            "date": f"{row['date']:%Y-%m-%d}",
            "contract": str(row["ts_code"]),
            "side": str(row["side"]),
            "lots": formatted(row["wanted"], "count"),
            "reason": str(row["reason"]),
        }
        for row in refused.head(MOST_REFUSALS).astype(object).to_dict("records")
    ]
    return {"rows": rows, "total": len(refused)}
