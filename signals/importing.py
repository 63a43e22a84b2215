"""Scores made elsewhere: a long CSV or Parquet table becomes signal files."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.errors import SignalError
from signals import registry
from signals.table import Signal, SignalFolder, signal_folder

DATE_COLUMNS = ("date", "datetime", "trade_date")
CODE_COLUMNS = ("ts_code", "code", "instrument")
SCORE_COLUMNS = ("score",)
IMPORTED = "imported"
_SUFFIXES = {
    "SZ": "SZ", "SH": "SH", "BJ": "BJ",  # Tushare
    "XSHE": "SZ", "XSHG": "SH",  # JoinQuant, RiceQuant
    "SZSE": "SZ", "SSE": "SH", "BSE": "BJ",  # vn.py
}  # fmt: skip
_AFTER = re.compile(r"(\d{6})\.([A-Z]+)")
_BEFORE = re.compile(r"(SZ|SH|BJ)(\d{6})")  # qlib
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?")
STYLES = "000001.SZ, SZ000001, 000001.XSHE or 000001.SZSE"


def normalise_code(code: str) -> str:
    """Return a stock code in Tushare style, ``000001.SZ``.

    Parameters
    ----------
    code : str
        In the style of Tushare (``000001.SZ``), qlib (``SZ000001``), JoinQuant (``000001.XSHE``) or vn.py
        (``000001.SZSE``), in either case.

    Raises
    ------
    SignalError
        If it is in none of them; six digits alone do not say which exchange is meant.
    """
    text = str(code).strip().upper()
    before = _BEFORE.fullmatch(text)
    if before:
        return f"{before[2]}.{before[1]}"
    after = _AFTER.fullmatch(text)
    if after and after[2] in _SUFFIXES:
        return f"{after[1]}.{_SUFFIXES[after[2]]}"
    raise SignalError(f"code must be written like {STYLES}, was {code}")


def import_scores(
    file: str | Path,
    name: str,
    data_dir: str | Path,
    *,
    replace: bool = False,
    meta: dict[str, Any] | None = None,
) -> SignalFolder:
    """Write one signal file per date of a table of scores, and return their folder.

    Parameters
    ----------
    file : path
        ``.csv`` or ``.parquet`` with one row per date and stock: a column ``date``, ``datetime`` or
        ``trade_date``, a column ``ts_code``, ``code`` or ``instrument``, and ``score`` (high = attractive). Other
        columns are ignored. In Parquet the two keys may be the index of a pandas frame.
    name : str
        Name of the signal, ``<data_dir>/signals/<name>``.
    replace : bool
        Whether an earlier import of that name may be replaced, whole.
    meta : dict, optional
        Facts for the files' meta, such as ``train_end`` or ``label_horizon``; what is not given is unknown.

    Raises
    ------
    SignalError
        If a row breaks a rule, naming file, row and rule, or the name is taken.
    """
    file = Path(file)
    folder = signal_folder(data_dir, name)
    if name in registry.names():
        raise SignalError(f"signal name must not be that of a trained signal, was {name}")
    frame = _read(file)
    dates, codes, scores = (_column(file, frame, names) for names in (DATE_COLUMNS, CODE_COLUMNS, SCORE_COLUMNS))
    first = 2 if file.suffix == ".csv" else 1  # a CSV's header is row 1
    days = _days(file, dates, first)
    stocks = _stocks(file, codes, first)
    values = _scores(file, scores, first)
    _refuse_duplicates(file, days, stocks, first)
    _make_room(folder, replace)
    about = {"model": IMPORTED, "source_file": file.name, **(meta or {})}
    order = np.argsort(days, kind="stable")
    starts = np.flatnonzero(np.append(True, days[order][1:] != days[order][:-1]))
    groups = np.split(order, starts[1:])
    folder.write_all(Signal(days[rows[0]], stocks[rows], values[rows], about) for rows in groups)
    return folder


def _read(file: Path) -> pd.DataFrame:
    if not file.exists():
        raise SignalError(f"file of scores must exist, was {file}")
    try:
        if file.suffix == ".csv":
            return pd.read_csv(file, dtype=str, keep_default_na=False)
        if file.suffix == ".parquet":
            frame = pq.read_table(file).to_pandas()
            return frame.reset_index() if any(frame.index.names) else frame
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, pa.ArrowException) as broken:
        first = str(broken).splitlines()[0]
        kind = file.suffix[1:]
        raise SignalError(f"{file.name} must be a readable {kind} file in UTF-8, was damaged: {first}") from None
    raise SignalError(f"file of scores must be .csv or .parquet, was {file.name}")


def _column(file: Path, frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    found = [name for name in names if name in frame.columns]
    if len(found) != 1:
        was = " and ".join(found) if found else ", ".join(map(str, frame.columns))
        raise SignalError(f"{file.name} must have one column of {', '.join(names)}, was {was}")
    if frame.empty:
        raise SignalError(f"{file.name} must hold scores, was empty")
    return frame[found[0]]


def _days(file: Path, column: pd.Series, first: int) -> np.ndarray:
    """Return days as datetime64[D]; a time of day is dropped, as qlib writes midnight and vn.py the bar's time."""
    if pd.api.types.is_datetime64_any_dtype(column):
        if column.isna().any():
            raise _refused(file, first + int(column.isna().to_numpy().argmax()), "date must be given", "missing")
        if getattr(column.dt, "tz", None) is not None:
            column = column.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
        return column.to_numpy().astype("datetime64[D]")
    kinds: dict[str, np.datetime64] = {}
    texts = column.astype(str).to_numpy()
    for text in pd.unique(texts):
        match = _DAY.fullmatch(str(text).strip())
        try:
            kinds[text] = np.datetime64("-".join(match.groups()) if match else "", "D")
        except ValueError:
            match = None
        if match is None:
            row = first + int((texts == text).argmax())
            raise _refused(file, row, "date must be written like 20240131 or 2024-01-31", text)
    return np.array([kinds[text] for text in texts], dtype="datetime64[D]")


def _stocks(file: Path, column: pd.Series, first: int) -> np.ndarray:
    texts = column.astype(str).to_numpy()
    known: dict[str, str] = {}
    for text in pd.unique(texts):
        try:
            known[text] = normalise_code(text)
        except SignalError:
            rule = f"code must be written like {STYLES}"
            raise _refused(file, first + int((texts == text).argmax()), rule, text) from None
    return np.array([known[text] for text in texts])


def _scores(file: Path, column: pd.Series, first: int) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise _refused(file, first + int(bad[0]), "score must be a finite number", column.iloc[int(bad[0])])
    return values


def _refuse_duplicates(file: Path, days: np.ndarray, stocks: np.ndarray, first: int) -> None:
    twice = pd.DataFrame({"day": days, "code": stocks}).duplicated().to_numpy()
    if twice.any():
        row = int(twice.argmax())
        raise _refused(file, first + row, "date and code must be given once", f"{days[row]} {stocks[row]} again")


def _refused(file: Path, row: int, rule: str, was: object) -> SignalError:
    return SignalError(f"{file.name} row {row}: {rule}, was {was if str(was) else 'empty'}")


def _make_room(folder: SignalFolder, replace: bool) -> None:
    """Refuse a name that is taken; with ``replace``, remove an earlier import but never a trained signal."""
    dates = folder.dates()
    if not len(dates):
        return
    trained = [str(date) for date in dates if folder.meta(date).get("model") != IMPORTED]
    if trained:
        raise SignalError(f"signal name must not be that of a trained signal, was {folder.name} (trained {trained[0]})")
    if not replace:
        raise SignalError(f"signal name must be new unless replacing, was {folder.name} with {len(dates)} files")
    shutil.rmtree(folder.path)
