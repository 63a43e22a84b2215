"""A folder of a Tushare user's own exports: one Parquet or CSV file per table, in Tushare units."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from feeds.errors import DataError
from feeds.tables import TABLES, Column, Table

# Tushare's own names and the names users give their files.
ALIASES = {"st_days": "stock_st", "index_total_return": "index_daily", "index_member_all": "industry"}
# Tushare units -> shares, yuan, fractions. `fund_daily` and `index_daily` follow `daily`.
LOTS, THOUSANDS, TEN_THOUSANDS, PERCENT = 100.0, 1e3, 1e4, 0.01
_BARS = {"vol": LOTS, "amount": THOUSANDS}
FACTORS: dict[str, dict[str, float]] = {
    "daily": _BARS,
    "fund_daily": _BARS,
    "index_daily": _BARS,
    "daily_basic": {
        **dict.fromkeys(("turnover_rate", "turnover_rate_f", "dv_ratio", "dv_ttm"), PERCENT),
        **dict.fromkeys(("total_share", "float_share", "free_share", "total_mv", "circ_mv"), TEN_THOUSANDS),
    },
    "index_weight": {"weight": PERCENT},
    "fut_daily": {"amount": TEN_THOUSANDS},
    "fina_indicator": dict.fromkeys(("roe", "roa", "grossprofit_margin", "debt_to_assets", "netprofit_yoy"), PERCENT),
    "moneyflow": dict.fromkeys((c.name for c in TABLES["moneyflow"].columns[2:]), TEN_THOUSANDS),
}
RENAMES = {"industry": {"l1_name": "industry"}}
IMPLEMENTED = "实施"  # the stage of a dividend; earlier ones repeat the plan
# Tables that Tushare itself serves with repeated rows; a repeat is told by these columns (all, where none are named).
_REPEATED: dict[str, list[str] | None] = {
    "dividend": None,
    "fina_indicator": ["ts_code", "end_date", "ann_date"],
    "namechange": ["ts_code", "start_date", "name"],
}
_DATE = r"\d{8}(?:\.0)?|\d{4}-\d\d-\d\d(?: 00:00:00)?"  # with .0 where a spreadsheet made it a number


class TushareFiles:
    """Tables from ``FOLDER/<table>.parquet`` or ``FOLDER/<table>.csv``.

    Tushare units are converted here, once: lots to shares, thousands and ten thousands to yuan, percent to fractions.
    Columns that the table's contract does not name are left out; files that are no table are listed in ``skipped``.
    Left out and named in ``notes`` are index rows on closed days (a published total-return index has some), dividends
    not yet implemented, and rows that repeat a dividend, a name or a report. Rows are counted as a user sees them: in a
    CSV file the header is row 1.
    """

    simulated = False

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(f"import folder must be a folder, was {self.folder}")
        self.name = f"files of {self.folder.resolve().name}"
        found = sorted(p for p in self.folder.iterdir() if p.suffix in (".parquet", ".csv"))
        self.files: dict[str, list[Path]] = {}
        self.skipped: list[Path] = []
        self.notes: list[str] = []
        self._closed = pd.Series([], dtype="datetime64[ms]")
        self._rows: dict[Path, np.ndarray] = {}
        for path in found:
            name = ALIASES.get(path.stem, path.stem)
            if name in TABLES:
                self.files.setdefault(name, []).append(path)
            else:
                self.skipped.append(path)
        for name, paths in self.files.items():
            stems = [path.stem for path in paths]
            if len(set(stems)) < len(stems):
                raise DataError(f"{name} must come as one file, was {', '.join(p.name for p in paths)}")
        if not self.files:
            known = ", ".join(sorted(TABLES))
            raise DataError(
                f"import folder must hold a .parquet or .csv file named after a table ({known}), was {folder}"
            )
        if "daily" in self.files and "trade_cal" not in self.files:
            raise DataError(f"import folder must hold trade_cal beside daily, was {self.folder}")

    def place(self, name: str, row: int | None = None) -> str:
        """Return where a table comes from, or the file and row of one of the rows last yielded."""
        if row is None:
            return ", ".join(str(path) for path in self.files[name])
        ends = np.cumsum([len(self._rows[path]) for path in self.files[name]])
        file = int(np.searchsorted(ends, row, side="right"))
        path = self.files[name][file]
        return _place(path, self._rows[path][row - ends[file]])

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each table in canonical units, the calendar first."""
        order = sorted(self.files, key=lambda name: (name != "trade_cal", name != "stock_basic", name))
        for name in order:
            frames = [self._frame(name, path) for path in self.files[name]]
            frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
            if name == "trade_cal" and {"cal_date", "is_open"} <= set(frame.columns):
                self._closed = frame.loc[frame["is_open"] == 0, "cal_date"]
            yield name, frame

    def _frame(self, name: str, path: Path) -> pd.DataFrame:
        raw = _read(path)
        frame = canonical(TABLES[name], raw, path)
        keep = np.ones(len(frame), bool)
        if name == "dividend" and "div_proc" in raw.column_names:
            keep = self._leave_out(path, keep, raw["div_proc"].to_pandas().ne(IMPLEMENTED), "not yet implemented")
        if name in _REPEATED:
            ordered = _first_to_keep(name, frame, raw)
            repeated = ordered[keep[ordered.index]].duplicated(_REPEATED[name]).reindex(frame.index, fill_value=False)
            keep = self._leave_out(path, keep, repeated, "repeated")
        if name == "index_daily" and {"ts_code", "trade_date"} <= set(frame.columns):
            keep = self._leave_out(path, keep, frame["trade_date"].isin(self._closed), "a closed day", frame)
        self._rows[path] = np.flatnonzero(keep)
        return frame if keep.all() else frame[keep]

    def _leave_out(
        self, path: Path, keep: np.ndarray, out: pd.Series, why: str, frame: pd.DataFrame | None = None
    ) -> np.ndarray:
        """Return ``keep`` without the rows of ``out``, and note them: one by one with ``frame``, else their number."""
        gone = keep & out.to_numpy(dtype=bool)
        if frame is not None:
            rows = frame.loc[gone, ["ts_code", "trade_date"]].itertuples(index=False)
            self.notes += [f"{path.name}: {code} {day:%Y-%m-%d} left out, {why}" for code, day in rows]
        elif gone.any():
            self.notes.append(f"{path.name}: {int(gone.sum())} rows left out, {why}")
        return keep & ~gone


def _first_to_keep(name: str, frame: pd.DataFrame, raw: pa.Table) -> pd.DataFrame:
    """Return the rows with those first that win over their repeats.

    Of repeated names it is the one that says when it ended; of a report announced once and restated later
    (``update_flag`` 1), the one that was first announced, for the other was not known then.
    """
    if name == "fina_indicator" and "update_flag" in raw.column_names:
        flags = pd.to_numeric(raw["update_flag"].to_pandas(), errors="coerce").to_numpy()
        return frame.iloc[np.argsort(flags, kind="stable")]
    if name == "namechange" and "end_date" in frame:
        return frame.sort_values("end_date", kind="stable")
    return frame


def _place(path: Path, row: int) -> str:
    """Return a file and a row of it counted from 0 as a user counts: a CSV file's header is row 1."""
    return f"{path} row {row + (2 if path.suffix == '.csv' else 1)}"


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path, partitioning=None)
        texts = {c.name: pa.string() for t in TABLES.values() for c in t.columns if c.kind not in ("float", "int")}
        convert = pa_csv.ConvertOptions(column_types=texts, strings_can_be_null=True)
        table = pa_csv.read_csv(path, convert_options=convert)
        _ = table.column_names  # names that are not UTF-8 show themselves only when read
        return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as broken:
        first = str(broken).splitlines()[0]
        raise DataError(f"{path} must be a readable {path.suffix[1:]} file, was damaged: {first}") from None


def canonical(table: Table, raw: pa.Table, path: Path) -> pd.DataFrame:
    """Return a Tushare table with the contract's columns, dates parsed and units converted."""
    renames = RENAMES.get(table.name, {})
    raw = raw.rename_columns([renames.get(name, name) for name in raw.column_names])
    factors = FACTORS.get(table.name, {})
    columns: dict[str, pd.Series] = {}
    for column in table.columns:
        times = raw.column_names.count(column.name)
        if times > 1:
            raise DataError(f"{path} must have one column {column.name}, was {times}")
        if not times:
            continue
        values = raw[column.name]
        try:
            parsed = _parse(column, values, path)
        except (pa.ArrowException, TypeError):
            raise DataError(f"{path} column {column.name} must hold {column.kind} values, was {values.type}") from None
        columns[column.name] = parsed * factors[column.name] if column.name in factors else parsed
    return pd.DataFrame(columns, copy=False)


def _parse(column: Column, values: pa.ChunkedArray, path: Path) -> pd.Series:
    if column.kind == "date":
        return _dates(values, column.name, path)
    if column.kind == "code":
        return values.cast(pa.string()).dictionary_encode().to_pandas()
    if column.kind in ("float", "int"):
        return _numbers(values, column.name, path)
    return values.cast(pa.string()).to_pandas()


def _numbers(values: pa.ChunkedArray, name: str, path: Path) -> pd.Series:
    try:
        return values.cast(pa.float64()).to_pandas()
    except pa.ArrowInvalid:
        texts = values.to_pandas()
        numbers = pd.to_numeric(texts, errors="coerce")
        bad = (numbers.isna() & texts.notna()).to_numpy()
        if not bad.any():
            return numbers.astype("float64")
        row = int(bad.argmax())
        raise DataError(f"{_place(path, row)}: {name} must be a number, was {texts.iloc[row]}") from None


def _dates(values: pa.ChunkedArray, name: str, path: Path) -> pd.Series:
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("ms")).to_pandas()
    # One parse per distinct text; a null is no text and gives NaT.
    texts = values.cast(pa.string()).dictionary_encode().to_pandas().cat
    codes, texts = texts.codes.to_numpy(), texts.categories
    shaped = pd.Series(texts, dtype="str")
    shaped = shaped.where(shaped.str.fullmatch(_DATE), "").str.slice(0, 10).str.replace(r"-|\.0", "", regex=True)
    days = pd.to_datetime(shaped, format="%Y%m%d", errors="coerce").to_numpy().astype("datetime64[ms]")
    bad = np.append(np.isnat(days), False)[codes]
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{_place(path, row)}: {name} must be a date like 20200131, was {texts[codes[row]]}")
    return pd.Series(np.append(days, np.datetime64("NaT", "ms"))[codes])
