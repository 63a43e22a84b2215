"""Whether a store still holds what its manifest and the tables' contracts promise."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from feeds.building import build_panel
from feeds.errors import DataError
from feeds.panel import MarketPanel
from feeds.store import Store
from feeds.tables import TABLES, check

TICK = 0.01
FACTOR_DIGIT = 0.001  # published factors have three decimals or more


@dataclass(frozen=True)
class Finding:
    """One broken rule: how often, and where first."""

    table: str
    rule: str
    count: int
    sample: str


def check_store(store: Store) -> list[Finding]:
    """Check every part's SHA-256, every table's contract, and what the tables say of each other.

    Cross checks are left out while a part is damaged, for they would read it.
    """
    damaged = [Finding(file.split("/")[0], "SHA-256 as written", 1, problem) for file, problem in store.verify()]
    if damaged:
        return damaged
    return [*_contracts(store), *_cross_checks(store)]


def _contracts(store: Store) -> Iterator[Finding]:
    open_days = store.open_days()
    for name in sorted(store.tables):
        for frame in store.chunks(name):
            try:
                check(TABLES[name], frame, open_days)
            except DataError as broken:
                yield Finding(name, "the table's contract", 1, str(broken))


def _cross_checks(store: Store) -> Iterator[Finding]:
    try:
        panel = build_panel(store)
    except DataError as broken:
        yield Finding("daily", "a market can be built", 1, str(broken))
        return
    close, pre_close = panel.field("close"), panel.field("pre_close")
    traded = np.isfinite(close)
    yield from _finding(panel, "stk_limit", "no close above the upper limit", close > panel.field("up_limit") + 1e-6)
    yield from _finding(panel, "stk_limit", "no close below the lower limit", close < panel.field("down_limit") - 1e-6)
    yield from _finding(panel, "daily", "no bar before listing or after delisting", traded & ~panel.listed)
    yield from _finding(panel, "adj_factor", "factor jumps explain pre_close", _unexplained(panel, pre_close))
    known = np.isin(panel.codes, store.read("stock_basic", ["ts_code"])["ts_code"].astype("str"))
    yield from _finding(panel, "stock_basic", "a listing date for every stock with bars", traded & ~known)
    halted = _whole_day_suspensions(store, panel)
    yield from _finding(panel, "suspend_d", "no volume on a suspended day", halted & traded)


def _unexplained(panel: MarketPanel, pre_close: np.ndarray) -> np.ndarray:
    """Return where the last close over pre_close is not the factor's jump, within the rounding of both, (T, N)."""
    close, factor = panel.field("close"), panel.field("adj_factor")
    wrong = np.zeros(panel.shape, bool)
    last, last_factor = close[0].copy(), factor[0].copy()
    for row in range(1, len(panel.dates)):
        expected = last * last_factor / factor[row]
        rounding = expected * FACTOR_DIGIT / 2 * (1 / last_factor + 1 / factor[row])
        allowed = 1.5 * TICK + np.where(factor[row] == last_factor, 0.0, rounding)
        wrong[row] = np.abs(pre_close[row] - expected) > allowed
        traded = np.isfinite(close[row])
        last[traded], last_factor[traded] = close[row, traded], factor[row, traded]
    return wrong


def _whole_day_suspensions(store: Store, panel: MarketPanel) -> np.ndarray:
    halted = np.zeros(panel.shape, bool)
    frame = store.read("suspend_d")
    whole_day = frame["suspend_timing"].isna() if "suspend_timing" in frame else True
    frame = frame[(frame["suspend_type"] == "S") & whole_day]
    codes = frame["ts_code"].astype("str").to_numpy()
    days = frame["trade_date"].to_numpy().astype("datetime64[D]")
    column = np.searchsorted(panel.codes, codes).clip(max=len(panel.codes) - 1)
    row = np.searchsorted(panel.dates, days).clip(max=len(panel.dates) - 1)
    known = (panel.codes[column] == codes) & (panel.dates[row] == days)
    halted[row[known], column[known]] = True
    return halted


def _finding(panel: MarketPanel, table: str, rule: str, broken: np.ndarray) -> Iterator[Finding]:
    count = int(broken.sum())
    if count:
        row, column = np.argwhere(broken)[0]
        yield Finding(table, rule, count, f"{panel.codes[column]} {panel.dates[row]}")
