"""What a table promises of its columns and rows, and the check that every row keeps it."""

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
    if pd.api.types.is_string_dtype(values):
        return pd.factorize(values, sort=True)[0]
    return values.to_numpy()
