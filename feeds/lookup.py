"""The rulebook's answer for one code and day, with what the calendar and a data folder know of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from feeds.building import open_panel
from feeds.calendar import futures_last_day, known_span, session_on_or_after, trading_days
from feeds.errors import DataError
from feeds.panel import MarketPanel
from feeds.rules import FUND, INDEX_FUTURE, STOCK, Facts, Ruling, as_day, contract_of, kind_of, rulings
from feeds.store import Store

_RECENT = 60  # calendar days; no rule of a listing's first days reaches further


def look_up(
    code: str, date: str, facts: Facts, data: Path | None = None, note: Callable[[str], None] = lambda _: None
) -> list[Ruling]:
    """Return everything that applies to a code on a day.

    Parameters
    ----------
    code, date : str
        Like ``600519.SH`` and ``2020-08-24``; a trading day.
    facts : Facts
        What the caller knows; it wins over the data folder.
    data : Path, optional
        Data folder from which listing day, ST, reference price and stated limits are taken.
    note : callable
        Told in words what takes time.

    Raises
    ------
    DataError
        If the code, the day or a fact cannot be, or the data folder does not hold them.
    """
    day = _trading_day(date)
    kind = kind_of(code)
    if kind == INDEX_FUTURE:
        return rulings(code, day, replace(facts, last_day=futures_last_day(contract_of(code)[1])))
    taken: list[Ruling] = []
    if data is not None and kind == STOCK:
        store, panel = Store.existing(data), open_panel(data, note)
        facts = _from_panel(store, panel, code, day, facts)
        taken = [_taken(store, panel, code, day)]
    elif data is not None and kind == FUND:
        facts = _from_fund(Store.existing(data), code, day, facts)
    if facts.listed is not None and day - _RECENT < facts.listed <= day:
        facts = replace(facts, age=len(trading_days(facts.listed, day)))
    return [*rulings(code, day, facts), *taken]


def _trading_day(date: str) -> np.datetime64:
    """Return the day, or refuse one on which the exchanges are closed; days beyond the calendar pass."""
    day = as_day(date)
    first, last = known_span()
    if not first <= day <= last:
        return day
    days = trading_days(day, min(day + _RECENT, last))
    at = int(session_on_or_after(days, day))
    if at < len(days) and days[at] != day:
        raise DataError(f"date must be a trading day, was {day} (the next is {days[at]})")
    return day


def _from_panel(store: Store, panel: MarketPanel, code: str, day: np.datetime64, facts: Facts) -> Facts:
    """Return the facts with what the panel knows of a stock in the place of what is not known."""
    column, row = panel.index_of(code), panel.date_index(day)
    basic = store.read("stock_basic", ["ts_code", "list_date"])
    dates = basic.loc[basic["ts_code"] == code, "list_date"].to_numpy().astype("datetime64[D]")
    pre_close = float(panel.field("pre_close")[row, column])
    known = Facts(
        st=bool(panel.st[row, column]) if panel.st_known else None,
        listed=dates[0] if len(dates) else None,
        pre_close=pre_close if pre_close == pre_close else None,
    )
    return _completed(facts, known)


def _from_fund(store: Store, code: str, day: np.datetime64, facts: Facts) -> Facts:
    """Return the facts with a fund's reference price from its bar of the day."""
    bar = _row(store, "fund_daily", code, day)
    return facts if bar is None else _completed(facts, Facts(pre_close=float(bar["pre_close"])))


def _completed(facts: Facts, known: Facts) -> Facts:
    missing = {name: value for name, value in vars(known).items() if getattr(facts, name) is None}
    return replace(facts, **missing)


def _taken(store: Store, panel: MarketPanel, code: str, day: np.datetime64) -> Ruling:
    """Return the limits that a backtest takes on the day: those of ``stk_limit``, else the rule's."""
    column, row = panel.index_of(code), panel.date_index(day)
    down, up = (panel.field(name)[row, column] for name in ("down_limit", "up_limit"))
    value = "none" if up != up and down != down else f"{down:.2f} to {up:.2f}"
    stated = _row(store, "stk_limit", code, day) is not None
    source = (
        f"stk_limit of {store.path}, in the place of the rule" if stated else f"the rule, with the data of {store.path}"
    )
    return Ruling("limit prices in a backtest", value, str(day), str(day), source, "stated" if stated else "computed")


def _row(store: Store, table: str, code: str, day: np.datetime64) -> Any:
    """Return a dated table's row of a code and day, None if there is none."""
    for frame in store.chunks(table, year=int(str(day)[:4])):
        found = frame[(frame["ts_code"] == code) & (frame["trade_date"].to_numpy().astype("datetime64[D]") == day)]
        if len(found):
            return found.iloc[0]
    return None
