"""Why an order did or did not fill, in a paragraph, from a run's own files and the market it traded."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from feeds.errors import ConfigError
from feeds.panel import MarketPanel
from feeds.rules import as_day

_STANDING = {
    "one price": "every trade of that day was at the limit",
    "at limit": "the day also traded away from the limit, and a daily bar cannot tell whether a queue was served",
    "touched": "the price of execution was not at the limit, but the day reached it",
}
_REASON = {
    "suspended": "it did not trade",
    "volume": "more was wanted than the run's share of the day's volume",
    "T+1": "shares bought the same day cannot be sold",
    "nothing held": "less was held than was to be sold",
    "lot": "what was left is less than the board's lot allows",
    "cash": "the basket was scaled to the cash at hand",
    "delisted": "the stock was no longer listed",
    "not listed": "the stock was not listed yet",
    "code changed": "its shares became shares of another code",
    "not admitted to trading yet": "new shares from a distribution were not admitted to trading yet",
}


def explain(run: Path, panel: MarketPanel, code: str, date: Any) -> list[str]:
    """Return a paragraph per order of a stock that was wanted, tried or ended on a day; or what is known of that day.

    Parameters
    ----------
    run : Path
        A run folder.
    panel : MarketPanel
        The market that the run traded.
    code : str
        Tushare code.
    date : date-like
        Signal date, or any session on which the order was waiting.

    Raises
    ------
    ConfigError
        If the folder is no run.
    """
    orders, fills, config = _read(run)
    day = pd.Timestamp(str(as_day(date)))
    panel.index_of(code)
    mine = orders[(orders["ts_code"] == code) & (orders["signal_date"] <= day) & (orders["date"] >= day)]
    if mine.empty:
        return [_nothing(orders, panel, code, day)]
    executed = fills[fills["ts_code"] == code]
    rows = [{str(name): value for name, value in order.items()} for order in mine.to_dict("records")]
    return [_paragraph(order, executed, panel, config) for order in rows]


def _read(run: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    try:
        orders, fills = (pd.read_parquet(run / f"{name}.parquet") for name in ("orders", "fills"))
        return orders, fills, yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        raise ConfigError(f"run must be a run folder (orders, fills, config), was {run}") from None


def _nothing(orders: pd.DataFrame, panel: MarketPanel, code: str, day: pd.Timestamp) -> str:
    others = orders[orders["ts_code"] == code]
    near = ""
    if len(others):
        dates = others["signal_date"].drop_duplicates()
        closest = dates.iloc[(dates - day).abs().argmin()]
        near = f" The nearest order of it was wanted on {closest:%Y-%m-%d}."
    return f"{_named(panel, code)}: no order was wanted, waiting or ended on {day:%Y-%m-%d}.{near}"


def _named(panel: MarketPanel, code: str) -> str:
    name = panel.name_of(code)
    return f"{code} {name}" if name != code else code


def _paragraph(order: dict[str, Any], fills: pd.DataFrame, panel: MarketPanel, config: dict[str, Any]) -> str:
    signal, ended, code = order["signal_date"], order["date"], order["ts_code"]
    sentences = [
        f"{_named(panel, code)}: after the close of {signal:%Y-%m-%d} the strategy wanted to {order['side']} "
        f"{order['wanted']:,} shares, sized at {order['reference']:,.2f} yuan."
    ]
    if order["replaces"]:
        sentences.append(f"It took the place of {order['replaces']}, whose purchase the market refused.")
    first = _session_after(panel, signal)
    if order["reason"] and first is not None:
        sentences.append(_obstacle(order, panel, first, config))
    mine = fills[(fills["side"] == order["side"]) & fills["date"].between(signal, ended, inclusive="right")]
    if order["filled"]:
        parts = [f"{f.shares:,} on {f.date:%Y-%m-%d} at {f.price:,.4g}" for f in mine.itertuples()]
        sentences.append(f"Filled: {', '.join(parts)}; fees {order['fee']:,.2f} yuan.")
    sentences.append(_outcome(order))
    return " ".join(sentences)


def _obstacle(order: dict[str, Any], panel: MarketPanel, session: np.datetime64, config: dict[str, Any]) -> str:
    row, column = panel.date_index(session), panel.index_of(order["ts_code"])
    reason = order["reason"]
    if reason.startswith("limit"):
        up = reason.startswith("limit up")
        limit = float(panel.field("up_limit" if up else "down_limit")[row, column])
        bar = {name: float(panel.field(name)[row, column]) for name in ("open", "high", "low", "close")}
        prices = ", ".join(f"{name} {value:,.2f}" for name, value in bar.items())
        known = f"{'upper' if up else 'lower'} limit {limit:,.2f}; {prices}" if np.isfinite(limit) else prices
        told = _STANDING.get(order["standing"], "")
        return f"The market refused it on its first session, {session}: {reason} ({known}). As the bar shows, {told}."
    if reason == "volume":
        volume = float(panel.field("vol")[row, column])
        share = config.get("max_participation")
        traded = f"On {session} {volume:,.0f} shares traded, of which the run takes at most {share:.0%}"
        return f"{traded}: {_REASON[reason]}."
    return f"What stood in its way: {reason}, that is, {_REASON.get(reason, reason)} (first tried on {session})."


def _outcome(order: dict[str, Any]) -> str:
    left, tried = order["wanted"] - order["filled"], f"after {order['attempts']} session(s)"
    ended = f"{order['date']:%Y-%m-%d}"
    if not left:
        return f"It was filled whole {tried}."
    rest = "It" if not order["filled"] else f"The rest of {left:,}"
    words = {
        "expired": f"{rest} expired {tried}, on {ended}.",
        "partial": f"{rest} was given up {tried}, on {ended}.",
        "replaced": f"{rest} was taken back for the next basket on {ended}, {tried}.",
        "cancelled": f"{rest} was cancelled by the strategy on {ended}.",
        "open": f"{rest} was still waiting when the run ended.",
    }
    return words[order["status"]]


def _session_after(panel: MarketPanel, day: pd.Timestamp) -> np.datetime64 | None:
    row = int(np.searchsorted(panel.dates, np.datetime64(day, "D"), side="right"))
    return panel.dates[row] if row < len(panel.dates) else None
