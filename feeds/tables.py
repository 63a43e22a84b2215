"""The tables of the store: their columns, units and the checks every row must pass."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from feeds.errors import DataError
from feeds.rules import A_SHARE_CODES, is_a_share

Kind = Literal["code", "date", "float", "int", "str"]


@dataclass(frozen=True)
class Column:
    """One column: its kind, unit and whether it may be absent or hold nulls."""

    name: str
    kind: Kind
    unit: str = ""
    nullable: bool = False
    positive: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns, its key (which is also its sort order) and its date column.

    ``dated`` tables are kept in one part per calendar year of ``date_column``;
    ``on_calendar`` tables may only hold open days: within the calendar's span for all of them, and nothing outside
    it for stock bars.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    date_column: str | None = None
    on_calendar: bool = False

    @property
    def dated(self) -> bool:
        return self.date_column is not None

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _floats(names: str, unit: str = "", *, nullable: bool = False, positive: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, "float", unit, nullable, positive) for name in names.split())


CODE = Column("ts_code", "code")
DATE = Column("trade_date", "date")
OHLC = _floats("open high low close", "yuan, raw", positive=True)
VOLUME = (*_floats("vol", "shares"), *_floats("amount", "yuan"))
VALUATION_COLUMNS = (
    "turnover_rate turnover_rate_f volume_ratio pe pe_ttm pb ps ps_ttm dv_ratio dv_ttm "
    "total_share float_share free_share total_mv circ_mv"
)


def _daily(name: str, *columns: Column) -> Table:
    return Table(name, (CODE, DATE, *columns), ("ts_code", "trade_date"), "trade_date", on_calendar=True)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("trade_cal", (Column("cal_date", "date"), Column("is_open", "int")), ("cal_date",)),
        Table(
            "stock_basic",
            (
                CODE,
                Column("name", "str"),
                Column("industry", "str", nullable=True),
                Column("market", "str", nullable=True),
                Column("list_date", "date"),
                Column("delist_date", "date", "first day no longer listed", nullable=True),
            ),
            ("ts_code",),
        ),
        _daily("daily", *OHLC, *_floats("pre_close", "yuan, ex-right reference", positive=True), *VOLUME),
        _daily("adj_factor", *_floats("adj_factor", "cumulative ratio", positive=True)),
        _daily("stk_limit", *_floats("up_limit down_limit", "yuan, null = none or unknown", nullable=True)),
        _daily(
            "suspend_d",
            Column("suspend_timing", "str", "null = whole day", nullable=True),
            Column("suspend_type", "str", "S or R"),
        ),
        _daily(
            "daily_basic",
            *_floats(VALUATION_COLUMNS, "fractions, shares, yuan", nullable=True),
            *_floats("pe_ttm_signed", "ratio, losses kept", nullable=True),
        ),
        Table(
            "dividend",
            (
                CODE,
                Column("end_date", "date"),
                Column("ann_date", "date", nullable=True),
                Column("record_date", "date"),
                Column("ex_date", "date"),
                Column("pay_date", "date", nullable=True),
                Column("div_listdate", "date", nullable=True),
                *_floats("stk_div", "bonus and transfer shares per share"),
                *_floats("cash_div_tax", "yuan per share before tax"),
            ),
            ("ts_code", "ex_date", "end_date"),
        ),
        Table(
            "rights",
            (
                CODE,
                Column("ex_date", "date"),
                *_floats("ratio", "new shares per share", positive=True),
                *_floats("price", "yuan", positive=True),
            ),
            ("ts_code", "ex_date"),
        ),
        Table(
            "namechange",
            (
                CODE,
                Column("name", "str"),
                Column("start_date", "date"),
                Column("end_date", "date", "last day of the name", nullable=True),
                Column("ann_date", "date", nullable=True),
                Column("change_reason", "str", nullable=True),
            ),
            ("ts_code", "start_date"),
        ),
        _daily("stock_st"),
        Table(
            "industry",
            (CODE, Column("industry", "str"), Column("in_date", "date"), Column("out_date", "date", nullable=True)),
            ("ts_code", "in_date"),
        ),
        _daily(
            "index_daily",
            *_floats("close", "points", positive=True),
            *_floats("open high low pre_close vol amount", "points, shares, yuan", nullable=True),
        ),
        Table(
            "index_weight",
            (Column("index_code", "code"), Column("con_code", "code"), DATE, *_floats("weight", "fraction")),
            ("index_code", "con_code", "trade_date"),
            "trade_date",
        ),
        Table(
            "index_member",
            (
                Column("index_code", "code"),
                Column("con_code", "code"),
                Column("in_date", "date", "first day as a member"),
                Column("out_date", "date", "first day no longer a member", nullable=True),
            ),
            ("index_code", "con_code", "in_date"),
        ),
        Table(
            "fut_basic",
            (
                CODE,
                Column("fut_code", "str"),
                *_floats("multiplier", "yuan per point", positive=True),
                Column("list_date", "date"),
                Column("delist_date", "date", "last trading day"),
            ),
            ("ts_code",),
        ),
        _daily(
            "fut_daily",
            *_floats("open high low close", "points", positive=True),
            *_floats("vol", "lots"),
            *_floats("pre_close pre_settle settle amount oi", "points, yuan, lots", nullable=True),
        ),
        _daily("fund_daily", *OHLC, *_floats("pre_close", "yuan", positive=True), *VOLUME),
        Table(
            "fina_indicator",
            (
                CODE,
                Column("end_date", "date"),
                Column("ann_date", "date"),
                *_floats(
                    "eps bps roe roa grossprofit_margin debt_to_assets netprofit_yoy", "yuan, fractions", nullable=True
                ),
            ),
            ("ts_code", "end_date", "ann_date"),
        ),
        _daily(
            "moneyflow",
            *_floats(
                "buy_sm_amount sell_sm_amount buy_md_amount sell_md_amount buy_lg_amount sell_lg_amount "
                "buy_elg_amount sell_elg_amount net_mf_amount",
                "yuan",
                nullable=True,
            ),
        ),
    )
}

_CODE_PATTERN = r"[A-Z0-9]{1,10}\.[A-Z]{2,4}"
_NOT_NEGATIVE = {"vol", "amount", "weight", "stk_div", "cash_div_tax"}


class RowError(DataError):
    """A row that breaks its table's contract: says the table, the row number and the rule.

    Attributes
    ----------
    row : int
        Position of the row in the checked frame, from 0; the text counts from 1.
    sentence : str
        The text without the row number, for who knows the row's place in a file.
    """

    def __init__(self, table: str, row: int, rule: str, was: object):
        self.row = row
        self.sentence = f"{table} must {rule}, was {was}"
        super().__init__(f"{table} row {row + 1} must {rule}, was {was}")


def check(table: Table, frame: pd.DataFrame, open_days: np.ndarray | None = None) -> pd.DataFrame:
    """Return ``frame`` in the table's column order, dtypes and key order, or refuse it.

    Parameters
    ----------
    table : Table
        The contract.
    frame : pandas.DataFrame
        Rows in canonical units: shares, yuan, fractions. Nullable columns may be absent.
    open_days : numpy.ndarray of datetime64[D], optional
        Ascending open days; dates of an ``on_calendar`` table must be among them.

    Raises
    ------
    RowError
        For the first row that breaks a rule, by its position in ``frame`` counted from 1.
    """
    names = [column.name for column in table.columns]
    extra = sorted(set(frame.columns) - set(names))
    if extra:
        raise DataError(f"{table.name} columns must be among {', '.join(names)}, was {extra[0]}")
    columns = {column.name: _typed(table, column, frame) for column in table.columns if column.name in frame}
    missing = [c.name for c in table.columns if c.name not in columns and not c.nullable]
    if missing:
        raise DataError(f"{table.name} must have a column {missing[0]}, was {', '.join(frame.columns)}")
    if not table.dated:  # small tables are complete, so that readers need not ask which columns came
        for column in table.columns:
            columns.setdefault(column.name, _nulls(column, frame.index))
    typed = pd.DataFrame({name: columns[name] for name in names if name in columns}, index=frame.index, copy=False)
    _check_prices(table, typed)
    if table.on_calendar and open_days is not None and len(open_days):
        _check_dates(table, typed, open_days)
    return _in_key_order(table, typed)


def _typed(table: Table, column: Column, frame: pd.DataFrame) -> pd.Series:
    values = frame[column.name]
    nulls = values.isna().to_numpy()
    if not column.nullable and nulls.any():
        raise RowError(table.name, int(nulls.argmax()), f"have a {column.name}", "null")
    if column.kind == "date":
        return _days(table, column, values, nulls)
    if column.kind in ("float", "int"):
        if not pd.api.types.is_numeric_dtype(values) and not nulls.all():
            raise RowError(table.name, int((~nulls).argmax()), f"have a number as {column.name}", _first(values, nulls))
        numbers = values.astype("float64")
        _check_numbers(table, column, numbers.to_numpy())
        return numbers if column.kind == "float" else numbers.astype("int64")
    if column.kind == "code":
        return _codes(table, column, values)
    return values.astype("str").where(~nulls, None)


def _first(values: pd.Series, nulls: np.ndarray) -> object:
    return values.iloc[int((~nulls).argmax())]


def _days(table: Table, column: Column, values: pd.Series, nulls: np.ndarray) -> pd.Series:
    if nulls.all():
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[ms]")
    if not pd.api.types.is_datetime64_dtype(values):
        raise RowError(table.name, int((~nulls).argmax()), f"have a date as {column.name}", _first(values, nulls))
    timed = (values != values.dt.normalize()).to_numpy() & ~nulls
    if timed.any():
        row = int(timed.argmax())
        raise RowError(table.name, row, f"have a date without a time as {column.name}", values.iloc[row])
    return values.astype("datetime64[ms]")


def _nulls(column: Column, index: pd.Index) -> pd.Series:
    kinds = {"float": "float64", "date": "datetime64[ms]"}
    return pd.Series(None, index=index, dtype=kinds.get(column.kind, "str"))


def _check_numbers(table: Table, column: Column, numbers: np.ndarray) -> None:
    bad, rule = np.isinf(numbers), "a finite"
    if column.kind == "int":
        bad, rule = ~np.isin(numbers, (0, 1)), "0 or 1 as"
    elif column.positive:
        bad, rule = bad | ~(numbers > 0), "a finite, positive"
    elif column.name in _NOT_NEGATIVE:
        bad, rule = bad | (numbers < 0), "a finite, not negative"
    if bad.any():
        row = int(bad.argmax())
        raise RowError(table.name, row, f"have {rule} {column.name}", numbers[row])


def _codes(table: Table, column: Column, values: pd.Series) -> pd.Series:
    codes = values.astype("category").cat.remove_unused_categories()
    categories = codes.cat.categories.astype("str")
    shaped = categories.str.fullmatch(_CODE_PATTERN)
    share = np.array([table.name != "daily" or is_a_share(code) for code in categories], dtype=bool)
    for good, rule in ((shaped, f"{column.name} like 000001.SZ"), (share, f"a {column.name} that is {A_SHARE_CODES}")):
        if not good.all():
            row = int(codes.cat.codes.isin(np.flatnonzero(~good)).to_numpy().argmax())
            raise RowError(table.name, row, f"have {rule}", values.iloc[row])
    return codes.cat.set_categories(sorted(categories))


def _check_prices(table: Table, frame: pd.DataFrame) -> None:
    if not {"open", "high", "low", "close"} <= set(frame.columns):
        return
    o, h, low, c = (frame[name].to_numpy() for name in ("open", "high", "low", "close"))
    # Index points are computed, and published extremes miss the close by their last digit on real days.
    slack = c * 1e-4 if table.name == "index_daily" else 0.0
    top, bottom = h + slack, low - slack
    for name, bad in (("high", (top < o) | (top < c) | (top < low)), ("low", (bottom > o) | (bottom > c))):
        if bad.any():
            row = int(bad.argmax())
            was = f"open {o[row]} high {h[row]} low {low[row]} close {c[row]} ({_where(frame, row)})"
            rule = "at least open, low and close" if name == "high" else "at most open and close"
            raise RowError(table.name, row, f"have {name} {rule}", was)


def _check_dates(table: Table, frame: pd.DataFrame, open_days: np.ndarray) -> None:
    days = frame[table.date_column].to_numpy().astype("datetime64[D]")
    at = np.searchsorted(open_days, days)
    bad = open_days[np.minimum(at, len(open_days) - 1)] != days
    if table.name != "daily":
        bad &= (days >= open_days[0]) & (days <= open_days[-1])
    if bad.any():
        row = int(bad.argmax())
        raise RowError(table.name, row, f"have {table.date_column} on an open day of the calendar", _where(frame, row))


def _where(frame: pd.DataFrame, row: int) -> str:
    line = frame.iloc[row]
    return " ".join(str(line[name])[:10] for name in frame.columns[:2])


def _in_key_order(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    keys = [_ordinal(frame[name]) for name in table.key]
    order = np.lexsort(keys[::-1])
    if not np.array_equal(order, np.arange(len(order))):
        frame, keys = frame.iloc[order], [key[order] for key in keys]
    if len(frame) > 1:
        same = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
        if same.any():
            at = int(same.argmax()) + 1
            key = " ".join(str(frame[name].iloc[at])[:10] for name in table.key)
            raise RowError(table.name, int(order[at]), f"have a key ({', '.join(table.key)}) of its own", key)
    return frame.reset_index(drop=True)


def _ordinal(values: pd.Series) -> np.ndarray:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy()
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.to_numpy().astype("int64")
    return values.to_numpy()
