"""From the store's tables to a panel: scatter the rows, derive the status of every stock on every day."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from feeds.axes import Axes
from feeds.coverage import Coverage, absent_members, stated_limits
from feeds.errors import DataError
from feeds.events import Conversions, CorporateEvents
from feeds.futures import futures_panel
from feeds.panel import MarketPanel, Spans, carry_forward, load_panel, save_panel
from feeds.reports import report_fields
from feeds.rules import limit_grid
from feeds.store import Store
from feeds.tables import FLOW_COLUMNS, VALUATION_COLUMNS

CACHE = ".panel"
PANEL_FORMAT = "9"
_BARS = ["open", "high", "low", "close", "pre_close", "vol", "amount"]
_ST_NAME, _S_NAME, _LEAVING_NAME = r"ST|^PT|退", r"^S(?!T|\*)", "退"  # S: a company without the share reform
_ABSURD_LIMIT = 5.0  # vendors write 100000 or 0 where there is no limit; the widest real band is +44 %


def open_panel(data: str | Path, progress: Callable[[str], None] = lambda _: None) -> MarketPanel:
    """Open the panel of a data folder, building it the first time and after every change of the store.

    Parameters
    ----------
    data : path
        A store's folder.
    progress : callable
        Told in words what takes time.
    """
    store = Store.existing(data)
    folder = store.path / CACHE / f"{store.fingerprint}-{PANEL_FORMAT}"
    panel = _cached(folder)
    if panel is None:
        with FileLock(store.path / f"{CACHE}.lock"):
            panel = _cached(folder)  # another process may have built it meanwhile
            if panel is None:
                progress(f"building the panel of {store.path} (once per change of the data)")
                built = build_panel(store)
                for old in (store.path / CACHE).glob("*"):
                    shutil.rmtree(old, ignore_errors=True)
                save_panel(built, folder)
                panel = load_panel(folder)
    return panel


def _cached(folder: Path) -> MarketPanel | None:
    """Open a cached panel, or return None where it is absent or damaged: it is only a cache."""
    try:
        return load_panel(folder)
    except (ValueError, KeyError, TypeError, OSError, EOFError):
        return None


def build_panel(store: Store) -> MarketPanel:
    """Build the panel of a store in memory."""
    days, codes = _axes(store)
    grid = Axes(days, codes)
    fields = grid.scatter(store, "daily", _BARS)
    traded = np.isfinite(fields["close"]) & (fields["vol"] > 0)
    for values in fields.values():
        values[~traded] = np.nan
    fields["adj_factor"] = _factors(store, grid, traded)
    basic = store.read("stock_basic")
    list_index, delist_index, listed_on = _listing(basic, grid, traded, store.open_days())
    st, unreformed, leaving, st_known = _st(store, grid)
    down, up = limit_grid(
        codes, days, fields["pre_close"],
        listed=listed_on, debut=list_index, marked=(st | unreformed) & ~leaving, leaving=leaving,
    )  # fmt: skip
    fields |= _stated_limits(store, grid, fields["pre_close"], down, up)
    fields |= _daily_columns(store, grid, "daily_basic", [*VALUATION_COLUMNS.split(), "pe_ttm_signed"])
    fields |= _daily_columns(store, grid, "moneyflow", FLOW_COLUMNS.split())
    fields |= report_fields(store, grid)
    rows = np.arange(len(days))[:, None]
    listed = (rows >= list_index) & (rows < delist_index)
    names = dict(zip(basic["ts_code"].astype("str"), basic["name"], strict=True))
    industry_names, industry_spans = _industries(store, grid, basic)
    membership = _membership(store, grid)
    return MarketPanel(
        dates=days,
        codes=codes,
        fields=fields,
        suspended=listed & ~traded.T,
        st=st,
        list_index=list_index,
        delist_index=delist_index,
        names=tuple(names.get(str(code), str(code)) for code in codes),
        indices=_indices(store, days, "close"),
        index_amounts=_indices(store, days, "amount"),
        member_spans={index: _spans(grid, *rows) for index, rows in membership.items()},
        industry_spans=industry_spans,
        industry_names=industry_names,
        events=_events(store, grid),
        conversions=_conversions(store, grid),
        futures=futures_panel(store.read("fut_basic"), store.read("fut_daily"), days, store.open_days()),
        st_known=st_known,
        coverage=Coverage(
            stated_limits=stated_limits(store, grid, traded),
            name_histories=np.isin(codes, store.read("namechange", ["ts_code"])["ts_code"].astype("str")),
            dated_industries="industry" in store.tables,
            absent_members={index: absent_members(grid, *rows) for index, rows in membership.items()},
        ),
        simulated=store.simulated,
        source=store.source,
        fingerprint=store.fingerprint,
    )


def _axes(store: Store) -> tuple[np.ndarray, np.ndarray]:
    codes: set[str] = set()
    first, last = np.datetime64("NaT"), np.datetime64("NaT")
    for frame in store.chunks("daily", ["ts_code", "trade_date"]):
        codes.update(frame["ts_code"].cat.categories.astype("str"))
        days = frame["trade_date"].to_numpy().astype("datetime64[D]")
        first, last = np.fmin(first, days.min()), np.fmax(last, days.max())
    open_days = store.open_days()
    if not len(open_days):
        raise DataError(f"{store.path} must hold the table trade_cal, was without it")
    return open_days[(open_days >= first) & (open_days <= last)], np.array(sorted(codes), dtype="U12")


def _factors(store: Store, grid: Axes, traded: np.ndarray) -> np.ndarray:
    factors = grid.scatter(store, "adj_factor", ["adj_factor"])["adj_factor"]
    missing = traded & ~np.isfinite(factors)
    if missing.any():
        stock, day = np.argwhere(missing)[0]
        raise DataError(
            f"adj_factor must be known for every bar, was missing for {grid.codes[stock]} {grid.days[day]} "
            f"and {int(missing.sum()) - 1} more"
        )
    return carry_forward(factors)


def _listing(
    basic: pd.DataFrame, grid: Axes, traded: np.ndarray, open_days: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return listing and delisting rows, and listing dates; who has none (NaT) counts from its first bar."""
    list_index = traded.argmax(axis=1).astype("int64")
    delist_index = np.full(len(grid.codes), len(grid.days), dtype="int64")
    stock = grid.stocks(basic["ts_code"])
    known = stock >= 0
    listed = basic["list_date"].to_numpy()[known].astype("datetime64[D]")
    after = np.searchsorted(grid.days, listed)
    before = np.searchsorted(open_days, grid.days[0]) - np.searchsorted(open_days, listed)
    # Where the calendar does not reach back to the listing, 242 of a year's 261 weekdays are trading days.
    rough = np.busday_count(np.minimum(listed, grid.days[0]), grid.days[0]) * 242 // 261
    early = listed < grid.days[0]
    before = np.where(listed < open_days[0], rough, before)
    list_index[stock[known]] = np.where(early, -before, after)
    delist_index[stock[known]] = grid.row(basic["delist_date"])[known]
    listed_on = np.full(len(grid.codes), np.datetime64("NaT"), dtype="datetime64[D]")
    listed_on[stock[known]] = listed
    return list_index, delist_index, listed_on


def _st(store: Store, grid: Axes) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return who was ST, *ST or delisting each day, who an S share, who delisting, and whether names are known."""
    st, unreformed, leaving = (np.zeros((len(grid.days), len(grid.codes)), bool) for _ in range(3))
    names = store.read("namechange").sort_values(["ts_code", "start_date"])
    stock, start = grid.stocks(names["ts_code"]), grid.row(names["start_date"])
    end = grid.row(names["end_date"], after=True)
    same = np.append(stock[1:] == stock[:-1], False)
    end = np.minimum(end, np.where(same, np.append(start[1:], 0), len(grid.days)))
    for pattern, status in ((_ST_NAME, st), (_S_NAME, unreformed), (_LEAVING_NAME, leaving)):
        marked = names["name"].str.contains(pattern, regex=True).to_numpy(dtype=bool) & (stock >= 0)
        for n, first, stop in zip(stock[marked], start[marked], end[marked], strict=True):
            status[first:stop, n] = True
    days = store.read("stock_st")
    _, stock, row = grid.cells(days)
    st[row, stock] = True
    return st, unreformed, leaving, bool(len(names) or len(days))


def _stated_limits(
    store: Store, grid: Axes, pre_close: np.ndarray, down: np.ndarray, up: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the rule's limit prices with the store's in their place where it has a row: NaN if none, 0 or absurd."""
    for frame in store.chunks("stk_limit"):
        inside, stock, row = grid.cells(frame)
        reference = pre_close[stock, row]
        for limits, name in ((up, "up_limit"), (down, "down_limit")):
            given = frame[name].to_numpy()[inside] if name in frame else np.full(len(stock), np.nan)
            real = (given > 0) & (given < _ABSURD_LIMIT * reference)
            limits[stock, row] = np.where(real, given, np.nan)
    return {"up_limit": up, "down_limit": down}


def _daily_columns(store: Store, grid: Axes, table: str, columns: list[str]) -> dict[str, np.ndarray]:
    """Return those of a dated table's columns that the store holds, float32."""
    stored = store.columns(table)
    held = [name for name in columns if name in stored]
    return grid.scatter(store, table, held, dtype="float32") if held else {}


def _events(store: Store, grid: Axes) -> CorporateEvents:
    """Return dividends and rights on the panel's axes; a later plan of the same ex-date is a row of its own.

    A plan without a pay date, or without a date from which its shares trade, has them on its ex-date.
    """
    dividend, rights = store.read("dividend"), store.read("rights")
    both = ["ts_code", "ex_date", "pay_date", "tradable_date", "shares", "cash", "rights", "price", "taxed"]
    names = {"div_listdate": "tradable_date", "stk_div": "shares", "cash_div_tax": "cash", "stk_bo_rate": "taxed"}
    plans = pd.concat([dividend.rename(columns=names), rights.rename(columns={"ratio": "rights"})])
    plans = plans.reindex(columns=both)
    row = grid.row(plans["ex_date"])
    later = [np.maximum(grid.row(plans[name].fillna(plans["ex_date"])), row) for name in ("pay_date", "tradable_date")]
    numbers = plans[both[4:]].fillna(0.0).to_numpy("float64").T
    parts = (grid.stocks(plans["ts_code"]), row, *numbers[:4], *later, numbers[4])
    before = plans["ex_date"].to_numpy().astype("datetime64[D]") < grid.days[0]
    keep = (parts[0] >= 0) & (row < len(grid.days)) & ~before
    return CorporateEvents(*(part[keep].astype("float64") for part in parts))


def _conversions(store: Store, grid: Axes) -> Conversions:
    """Return code changes and mergers on the panel's axes; both codes must be in it."""
    table = store.read("code_change")
    row = grid.row(table["change_date"])
    old, new = grid.stocks(table["ts_code"]), grid.stocks(table["new_code"])
    lost = (old >= 0) & (new < 0) & (row < len(grid.days))
    if lost.any():
        line = table.iloc[int(lost.argmax())]
        raise DataError(f"new_code of {line['ts_code']} must have bars, was {line['new_code']}")
    keep = (old >= 0) & (new >= 0) & (row < len(grid.days))
    cash = table["cash"].fillna(0.0).to_numpy("float64")
    parts = (old, row, new, table["ratio"].to_numpy("float64"), cash)
    return Conversions(*(part[keep].astype("float64") for part in parts))


def _indices(store: Store, days: np.ndarray, column: str) -> dict[str, np.ndarray]:
    """Return a column of every index that has it, on the panel's days."""
    if column not in store.columns("index_daily"):
        return {}
    frame = store.read("index_daily", ["ts_code", "trade_date", column])
    found: dict[str, np.ndarray] = {}
    for code, rows in frame.groupby("ts_code", observed=True):
        if rows[column].notna().any():
            series = pd.Series(rows[column].to_numpy(), rows["trade_date"].to_numpy().astype("datetime64[D]"))
            found[str(code)] = series.reindex(days).to_numpy()
    return found


def _membership(store: Store, grid: Axes) -> dict[str, tuple[pd.Series, np.ndarray, np.ndarray]]:
    """Return each index's members as (codes, first rows, rows after the last), also of codes that the panel lacks.

    They come from in/out dates, or else from weight snapshots (known the day after).
    """
    result: dict[str, tuple[pd.Series, np.ndarray, np.ndarray]] = {}
    member = store.read("index_member")
    for index, rows in member.groupby("index_code", observed=True):
        result[str(index)] = rows["con_code"], grid.row(rows["in_date"]), grid.row(rows["out_date"])
    weight = store.read("index_weight", ["index_code", "con_code", "trade_date"])
    for index, rows in weight.groupby("index_code", observed=True):
        if str(index) in result:
            continue
        start = grid.row(rows["trade_date"], after=True)
        # Of snapshots that take effect on the same row, as all do from before the panel, only the last one does.
        days = rows["trade_date"].to_numpy()
        snapshots, first = np.unique(start, return_inverse=True)
        last = np.full(len(snapshots), days.min())
        np.maximum.at(last, first, days)
        effective = days == last[first]
        end = np.append(snapshots, len(grid.days))[first + 1]
        start = np.where(effective, start, end)
        result[str(index)] = rows["con_code"], start, end
    return result


def _spans(grid: Axes, codes: pd.Series, start: np.ndarray, end: np.ndarray, value: np.ndarray | None = None) -> Spans:
    stock = grid.stocks(codes)
    value = np.zeros(len(stock), "int32") if value is None else value
    keep = (stock >= 0) & (start < end)
    return Spans(*(part[keep].astype("int32") for part in (stock, start, end, value)))


def _industries(store: Store, grid: Axes, basic: pd.DataFrame) -> tuple[tuple[str, ...], Spans]:
    """Return dated industries; without the table, today's of stock_basic (not point-in-time) for the whole span."""
    frame = store.read("industry")
    if frame.empty:
        frame = basic.loc[basic["industry"].notna(), ["ts_code", "industry"]] if "industry" in basic else frame
        start = np.zeros(len(frame), "int64")
        end = np.full(len(frame), len(grid.days))
    else:
        start, end = grid.row(frame["in_date"]), grid.row(frame["out_date"])
    names = tuple(sorted(set(frame["industry"].astype("str"))))
    value = pd.Index(names).get_indexer(pd.Index(frame["industry"].astype("str"))) if names else np.zeros(0, "int32")
    return names, _spans(grid, frame["ts_code"], start, end, value)
