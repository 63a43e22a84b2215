"""The tear sheet's section on orders that did not fill at once: by reason, one by one, and what took their place."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzers.page_tables import day, named, records
from analyzers.refusals import cost_by_reason
from analyzers.summary import formatted
from analyzers.traded_prices import AT
from analyzers.trading import refusals_of, stock_orders

if TYPE_CHECKING:
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

MOST_ROWS = 25


def refusal_rows(result: "BacktestResult", panel: "MarketPanel | None", names: dict[str, str]) -> dict[str, Any] | None:
    """Return refusals by reason and the market's dearest ones; None without prices to value them."""
    if panel is None:
        return None
    costs = refusals_of(result, panel)
    refused = costs[costs["by_market"]]
    largest = refused["cost"].abs().sort_values(ascending=False, kind="stable").index[:MOST_ROWS]
    by_reason = cost_by_reason(costs)
    return {
        "at": AT[str(result.facts.get("execution", "open"))],
        "by_market": _reasons(by_reason[by_reason["by_market"]]),
        "by_account": _reasons(by_reason[~by_reason["by_market"]]),
        "detail": [_detail(row, names) for row in records(refused.loc[largest])],
        "stood": bool((by_reason["standing"] != "").any()),
        "total": len(refused),
        "volume": formatted(int((refused["reason"] == "volume").sum()), "count"),
        "substitutes": substitute_rows(result, names),
    }


def substitute_rows(result: "BacktestResult", names: dict[str, str]) -> dict[str, Any]:
    """Return the orders that stood in for refused buys, the largest 25, and how many there are."""
    orders = stock_orders(result.orders)
    found = orders[orders["replaces"].astype(str) != ""]
    found = found.assign(value=(found["filled"] * found["price"].fillna(0)).astype(float))
    largest = found["value"].sort_values(ascending=False, kind="stable").index[:MOST_ROWS]
    rows = [
        named(row["ts_code"], names)
        | {
            "date": day(row["date"]),
            "replaces": named(row["replaces"], names),
            "filled": formatted(row["filled"], "count"),
            "value": formatted(row["value"], "yuan"),
        }
        for row in records(found.loc[largest])
    ]
    return {"rows": rows, "total": formatted(len(found), "count")}


def _reasons(part: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "side": row["side"],
            "reason": row["reason"] or "not given",
            "standing": row["standing"],
            "orders": formatted(row["orders"], "count"),
            "value": formatted(row["value"], "yuan"),
            "cost": formatted(row["cost"], "yuan"),
        }
        for row in records(part)
    ]


def _detail(row: dict[Any, Any], names: dict[str, str]) -> dict[str, str]:
    standing = {"one price": ", one price", "at limit": ", not all day"}.get(row["standing"], "")
    return named(row["ts_code"], names) | {
        "date": day(row["first_date"]),
        "side": row["side"],
        "reason": f"{row['reason'] or 'not given'}{standing}",
        "wanted": formatted(row["wanted"], "count"),
        "filled": formatted(row["filled"], "count"),
        "until": day(row["until"]),
        "value": formatted(row["value"], "yuan"),
        "cost": formatted(row["cost"], "yuan"),
    }
