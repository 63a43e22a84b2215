"""Stock-index futures on the panel's days: dated contracts, and main series kept apart from them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from feeds.errors import DataError, unknown
from feeds.rules import futures as rules

BARS = ("open", "high", "low", "close", "settle", "pre_settle", "vol")
NEVER = np.iinfo("int64").max  # the last row of a series that does not expire
_CODE = r"(IF|IH|IC|IM)(\d{4})?\.CFX"


@dataclass(frozen=True)
class Kind:
    """One kind of index future: the price index it settles on, and yuan per point."""

    index: str
    multiplier: float


KINDS = {
    product: Kind(index.rows[-1].value, float(rules.MULTIPLIER[product].rows[-1].value))
    for product, index in rules.INDEX.items()
}


@dataclass(frozen=True)
class FuturesPanel:
    """C contracts and main series x the panel's T trading days.

    Prices are points, volumes lots; a day without a bar holds NaN. Everything at row t is known at the close of day t,
    but ``pre_settle``, which is known before its open.
    """

    codes: np.ndarray  # (C,) str, ascending
    kind: np.ndarray  # (C,) str: IF, IH, IC or IM
    multiplier: np.ndarray  # (C,) yuan per point
    first_row: np.ndarray  # (C,) row of the first trading day, 0 if before the panel
    last_row: np.ndarray  # (C,) row of the last trading day, counted on beyond the panel's end
    main: np.ndarray  # (C,) bool: a continuous series of main contracts, not a contract
    open: np.ndarray  # (C, T)
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    settle: np.ndarray  # the close where the data have none
    pre_settle: np.ndarray  # the bar before's settlement where the data have none
    vol: np.ndarray
    settled_at_close: bool = False  # whether a close stands for some settlement

    @staticmethod
    def none() -> "FuturesPanel":
        codes, kinds, rows = np.zeros(0, "U12"), np.zeros(0, "U2"), np.zeros(0, "int64")
        bars = dict.fromkeys(BARS, np.zeros((0, 0)))
        return FuturesPanel(codes, kinds, np.zeros(0), rows, rows, np.zeros(0, bool), **bars, settled_at_close=False)

    def contracts(self, kind: str, row: int) -> np.ndarray:
        """Return the columns of a kind's contracts that are listed and not expired at a row, nearest first."""
        there = (self.kind == kind) & ~self.main & (self.first_row <= row) & (row <= self.last_row)
        columns = np.flatnonzero(there)
        return columns[np.argsort(self.last_row[columns], kind="stable")]

    def column(self, code: str) -> int:
        """Return the column of a contract or main series, or refuse an unknown one."""
        found = np.flatnonzero(self.codes == code)
        if not len(found):
            raise unknown("future", code, [str(known) for known in self.codes], DataError)
        return int(found[0])

    def settled_row(self, column: int, row: int) -> int:
        """Return the last row up to a row with a settlement of a contract, -1 before the first."""
        if self.settle[column, row] == self.settle[column, row]:
            return row
        known = np.flatnonzero(np.isfinite(self.settle[column, : row + 1]))
        return int(known[-1]) if len(known) else -1

    def last_settle(self, column: int, row: int) -> float:
        """Return the last settlement known at the close of a row, in points; NaN before the first."""
        settled = self.settled_row(column, row)
        return float(self.settle[column, settled]) if settled >= 0 else np.nan


def futures_panel(basic: pd.DataFrame, bars: pd.DataFrame, days: np.ndarray, open_days: np.ndarray) -> FuturesPanel:
    """Build the futures of a panel: contracts that ``fut_basic`` knows and main series, those that have a bar.

    Parameters
    ----------
    basic, bars : pandas.DataFrame
        The tables ``fut_basic`` and ``fut_daily``; futures on other things than stock indices are left out.
    days : numpy.ndarray of datetime64[D], shape (T,)
        The panel's trading days.
    open_days : numpy.ndarray of datetime64[D]
        The calendar, for last days beyond the panel's end.
    """
    bars = bars.reindex(columns=["ts_code", "trade_date", *BARS])
    bars = bars.assign(ts_code=bars["ts_code"].astype("str"), row=_row_of(bars["trade_date"], days))
    terms = basic.assign(ts_code=basic["ts_code"].astype("str")).set_index("ts_code")
    dated = bars["ts_code"].str.fullmatch(_CODE) & bars["ts_code"].isin(terms.index)
    main = bars["ts_code"].isin([f"{kind}.CFX" for kind in KINDS])
    bars = bars[(dated | main) & (bars["row"] >= 0)].sort_values(["ts_code", "row"])
    codes, column = np.unique(bars["ts_code"].to_numpy("U12"), return_inverse=True)
    if not len(codes):
        return FuturesPanel.none()
    kind = codes.astype("U2")
    continuous = codes == np.char.add(kind, ".CFX")
    terms = terms.reindex(codes)
    first_bar = bars.groupby("ts_code")["row"].min().to_numpy()
    listed = np.searchsorted(days, terms["list_date"].to_numpy().astype("datetime64[D]"))
    own = np.array([KINDS[str(name)].multiplier for name in kind])
    without_settle = bars["settle"].isna()
    settle = bars["settle"].where(~without_settle, bars["close"])
    before = bars["pre_settle"].fillna(settle.groupby(bars["ts_code"]).shift())
    grid = {name: np.full((len(codes), len(days)), np.nan) for name in BARS}
    for name, values in bars.assign(settle=settle, pre_settle=before)[list(BARS)].items():
        grid[str(name)][column, bars["row"]] = values
    return FuturesPanel(
        codes=codes,
        kind=kind,
        multiplier=np.where(continuous, own, terms["multiplier"]),
        first_row=np.where(continuous, first_bar, listed),
        last_row=np.where(continuous, NEVER, _last_rows(terms["delist_date"], days, open_days)),
        main=continuous,
        settled_at_close=bool(without_settle.any()),
        **grid,
    )


def _row_of(dates: pd.Series, days: np.ndarray) -> np.ndarray:
    """Return the row of each date, -1 for one that is no trading day of the panel."""
    found = dates.to_numpy().astype("datetime64[D]")
    row = np.searchsorted(days, found)
    return np.where(days[np.minimum(row, len(days) - 1)] == found, row, -1)


def _last_rows(dates: pd.Series, days: np.ndarray, open_days: np.ndarray) -> np.ndarray:
    """Return the row of each last trading day, the next session's where it is closed; past the calendar by weekdays."""
    calendar = open_days[open_days >= days[0]]
    last = dates.to_numpy().astype("datetime64[D]")
    unknown_day = np.isnat(last)
    last = np.where(unknown_day, days[0], last)
    beyond = len(calendar) - 1 + np.busday_count(calendar[-1], last)
    rows = np.where(last <= calendar[-1], np.searchsorted(calendar, last), beyond)
    return np.where(unknown_day, NEVER, rows)
