"""A folder of a Tushare user's own exports: one Parquet or CSV file per table, in Tushare units."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from feeds.errors import DataError
from feeds.tables import TABLES, Table

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
    "fina_indicator": dict.fromkeys(
        ("roe", "roa", "grossprofit_margin", "debt_to_assets", "netprofit_yoy"), PERCENT
    ),
    "moneyflow": dict.fromkeys((c.name for c in TABLES["moneyflow"].columns[2:]), TEN_THOUSANDS),
}
RENAMES = {"industry": {"l1_name": "industry"}}


class TushareFiles:
    """Tables from ``FOLDER/<table>.parquet`` or ``FOLDER/<table>.csv``.

    Tushare units are converted here, once: lots to shares, thousands and ten thousands to yuan, percent to fractions.
    Columns that the table's contract does not name are left out; files that are no table are listed in ``skipped``.
    Index rows on closed days (a published total-return index has some) are left out and named in ``notes``.
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

    def place(self, name: str) -> str:
        """Return where a table's rows come from, for error messages."""
        return ", ".join(str(path) for path in self.files[name])

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each table in canonical units, the calendar first."""
        order = sorted(self.files, key=lambda name: (name != "trade_cal", name != "stock_basic", name))
        for name in order:
            frames = [canonical(TABLES[name], _read(path), path) for path in self.files[name]]
            frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
            if name == "trade_cal":
                closed = frame.loc[frame["is_open"] == 0, "cal_date"]
            if name == "index_daily" and "trade_cal" in self.files:
                frame = self._without_closed_days(frame, closed)
            yield name, frame

    def _without_closed_days(self, frame: pd.DataFrame, closed: pd.Series) -> pd.DataFrame:
        bad = frame["trade_date"].isin(closed)
        for code, day in frame.loc[bad, ["ts_code", "trade_date"]].itertuples(index=False):
            self.notes.append(f"index_daily: {code} {day:%Y-%m-%d} left out, a closed day")
        return frame[~bad]


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        texts = {c.name: pa.string() for t in TABLES.values() for c in t.columns if c.kind not in ("float", "int")}
        convert = pa_csv.ConvertOptions(column_types=texts, strings_can_be_null=True)
        return pa_csv.read_csv(path, convert_options=convert)
    except (pa.ArrowInvalid, OSError) as broken:
        first = str(broken).splitlines()[0]
        raise DataError(f"{path} must be a readable {path.suffix[1:]} file, was damaged: {first}") from None


def canonical(table: Table, raw: pa.Table, path: Path) -> pd.DataFrame:
    """Return a Tushare table with the contract's columns, dates parsed and units converted."""
    renames = RENAMES.get(table.name, {})
    raw = raw.rename_columns([renames.get(name, name) for name in raw.column_names])
    factors = FACTORS.get(table.name, {})
    columns: dict[str, pd.Series] = {}
    for column in table.columns:
        if column.name not in raw.column_names:
            continue
        values = raw[column.name]
        if column.kind == "date":
            columns[column.name] = _dates(values, column.name, path)
        elif column.kind == "code":
            columns[column.name] = values.cast(pa.string()).dictionary_encode().to_pandas()
        elif column.kind == "float":
            numbers = _numbers(values, column.name, path)
            columns[column.name] = numbers * factors[column.name] if column.name in factors else numbers
        else:
            columns[column.name] = values.to_pandas()
    return pd.DataFrame(columns)


def _numbers(values: pa.ChunkedArray, name: str, path: Path) -> pd.Series:
    try:
        return values.cast(pa.float64()).to_pandas()
    except pa.ArrowInvalid:
        texts = values.to_pandas()
        row = int(pd.to_numeric(texts, errors="coerce").isna().to_numpy().argmax())
        raise DataError(f"{path} row {row + 1}: {name} must be a number, was {texts.iloc[row]}") from None


def _dates(values: pa.ChunkedArray, name: str, path: Path) -> pd.Series:
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("ms")).to_pandas()
    encoded = values.cast(pa.string()).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    texts = pd.Series(encoded.dictionary.to_pandas(), dtype="str")
    days = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    if days.isna().any():
        bad = texts[days.isna()].iloc[0]
        row = values.cast(pa.string()).to_pandas().eq(bad).to_numpy().argmax()
        raise DataError(f"{path} row {row + 1}: {name} must be a date like 20200131, was {bad}")
    return _take(days, encoded)


def _take(days: pd.Series, encoded: pa.DictionaryArray) -> pd.Series:
    """Return the parsed day of every dictionary index; a null index gives NaT."""
    index = encoded.indices.to_pandas(integer_object_nulls=False)
    if encoded.null_count == 0:
        return pd.Series(days.to_numpy().astype("datetime64[ms]")[index.to_numpy()])
    known = index.notna().to_numpy()
    result = pd.Series(pd.NaT, index=range(len(index)), dtype="datetime64[ms]")
    result[known] = days.to_numpy().astype("datetime64[ms]")[index[known].astype("int64").to_numpy()]
    return result
