"""The page's tables, as text."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzers.conventions import Metrics
from analyzers.drawdowns import drawdowns
from analyzers.periods import monthly_table, yearly_table
from analyzers.summary import UNDEFINED, formatted
from analyzers.trading import contributions

if TYPE_CHECKING:
    from strategies.execution.engine import BacktestResult

MOST_DRAWDOWNS = 10
MOST_NAMES = 10
DEEP_RED_AT = 0.10  # a month of +-10 % or more takes the full colour of the heat map


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
        for row in records(table)
    ]


def holding_rows(result: "BacktestResult", names: dict[str, str]) -> dict[str, Any]:
    """Return the holdings of the last close, largest first."""
    last = result.nav["date"].iloc[-1]
    held = result.positions[(result.positions["date"] == last) & (result.positions["shares"] != 0)]
    ordered = held.sort_values(["weight", "ts_code"], ascending=[False, True], kind="stable")
    rows = [
        named(row["ts_code"], names)
        | {
            "shares": formatted(row["shares"], "count"),
            "price": f"{row['price']:,.2f}",
            "value": formatted(row["value"], "yuan"),
            "weight": formatted(row["weight"], "percent"),
        }
        for row in records(ordered)
    ]
    return {"date": f"{last:%Y-%m-%d}", "rows": rows}


def contribution_rows(result: "BacktestResult", names: dict[str, str]) -> dict[str, Any]:
    """Return the stocks that earned and lost most, and what the hedge and the cash did besides."""
    table = contributions(result)
    earned = float(table["profit"].sum())
    total = float(result.nav["nav"].iloc[-1] - result.nav["nav"].iloc[0])

    def texts(part: pd.DataFrame) -> list[dict[str, str]]:
        return [
            named(row["ts_code"], names)
            | {
                "profit": formatted(row["profit"], "yuan"),
                "share": formatted(row["share"], "percent"),
                "sessions": formatted(row["sessions"], "count"),
            }
            for row in records(part)
        ]

    return {
        "best": texts(table[table["profit"] > 0].head(MOST_NAMES)),
        "worst": texts(table[table["profit"] < 0].tail(MOST_NAMES).iloc[::-1]),
        "count": formatted(len(table), "count"),
        "stocks": formatted(earned, "yuan"),
        "other": formatted(total - earned, "yuan"),
        "total": formatted(total, "yuan"),
    }


ACTIONS = {  # kinds of the account's entries, in the order in which the page lists them
    "cash_dividend": "Cash dividends gone ex",
    "dividend_paid": "Dividends paid that were owed",
    "dividend_reinvested": "Dividends turned into shares",
    "dividend_tax": "Dividend tax withheld",
    "bonus_shares": "Bonus shares and transfers",
    "rights_taken": "Rights taken up",
    "rights_lost": "Rights that lapsed",
    "derived": "Derived from adjustment factors",
    "exchanged_out": "Shares given up in an exchange",
    "exchanged_in": "Shares received in an exchange",
    "delisting": "Delistings",
}


def action_rows(result: "BacktestResult") -> dict[str, Any]:
    """Return what corporate actions did to the account, summed by kind, and what is still owed to it."""
    sums = result.actions.groupby(result.actions["kind"].astype(str))[["shares", "cash", "receivable"]].sum()
    counts = result.actions["kind"].astype(str).value_counts()
    rows = [
        {
            "kind": ACTIONS.get(kind, kind),
            "entries": formatted(int(counts[kind]), "count"),
            "shares": formatted(float(sums["shares"][kind]), "count"),
            "cash": formatted(float(sums["cash"][kind]), "yuan"),
            "owed": formatted(float(sums["receivable"][kind]), "yuan"),
        }
        for kind in [*ACTIONS, *sorted(set(sums.index) - set(ACTIONS))]
        if kind in sums.index
    ]
    return {
        "rows": rows,
        "cash": formatted(float(sums["cash"].sum()), "yuan"),
        "owed": formatted(float(result.nav["receivable"].iloc[-1]), "yuan"),
    }


def named(code: str, names: dict[str, str]) -> dict[str, str]:
    """Return a code with the company's name, empty if it is not known."""
    return {"code": code, "name": names.get(code, "")}


def day(date: pd.Timestamp) -> str:
    """Return a date as text, ``n/a`` for none."""
    return UNDEFINED if pd.isna(date) else f"{date:%Y-%m-%d}"


def records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows as plain Python values."""
    return frame.astype(object).to_dict("records")
