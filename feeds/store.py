"""The Parquet store: one folder per table, parts per year, a manifest that commits every write."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from feeds.atomic import TEMPORARY, naming, replace_file, sha256, sync_folder, temporary_beside
from feeds.errors import DataError, unknown
from feeds.tables import TABLES, RowError, Table, check

MANIFEST = "manifest.json"
FORMAT = 1
_ARROW = {"float": pa.float64(), "int": pa.int64(), "str": pa.string(), "date": pa.date32()}


class Store:
    """Market data in a folder.

    The manifest names every part by its content's SHA-256; writing it is the only moment at which a write takes
    effect, so a killed writer leaves the old state. Parts that no manifest names are removed by the next write.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> dict[str, Any]:
        file = self.path / MANIFEST
        if not file.exists():
            return {"format": FORMAT, "tables": {}}
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as broken:
            raise DataError(f"{file} must be a JSON manifest, was damaged ({broken})") from None
        found = manifest.get("format") if isinstance(manifest, dict) else None
        if found != FORMAT:
            raise DataError(f"{file} must have format {FORMAT}, was {found}")
        tables = manifest.get("tables")
        if not isinstance(tables, dict):
            raise DataError(f"{file} must list tables, was {tables}")
        for name, entry in tables.items():
            if name not in TABLES or not {"rows", "source", "simulated", "parts"} <= entry.keys():
                raise DataError(f"{file} must describe known tables in full, was damaged at {name}")
        return manifest

    @classmethod
    def existing(cls, path: str | Path) -> "Store":
        """Open a store that must already hold daily bars."""
        store = cls(path)
        if not store.tables.get("daily", {}).get("rows"):
            raise DataError(
                f"data folder must hold imported market data (see: data import, data demo), was {store.path}"
            )
        return store

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Manifest entries by table name: rows, start, end, source, simulated, fetched_at, parts."""
        return self.manifest["tables"]

    @property
    def simulated(self) -> bool:
        return any(entry.get("simulated") for entry in self.tables.values())

    @property
    def source(self) -> str:
        """Names of the sources of all tables, for reports."""
        return ", ".join(sorted({entry["source"] for entry in self.tables.values()}))

    @property
    def fingerprint(self) -> str:
        """A hash of all stored bytes; the same data written by the same pyarrow has the same fingerprint."""
        digest = hashlib.sha256()
        for name in sorted(self.tables):
            for part in self.tables[name]["parts"]:
                digest.update(f"{name} {part['sha256']}\n".encode())
        return digest.hexdigest()[:16]

    def read(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Return a table in canonical units, year by year, each in key order; an absent table is an empty frame.

        Raises
        ------
        DataError
            If the table is not known, or a part's SHA-256 is not the manifest's.
        """
        if name not in TABLES:
            raise unknown("table", name, TABLES, DataError)
        table = TABLES[name]
        parts = [pq.read_table(self._verified(part), columns=columns) for part in self._parts(name)]
        if not parts:
            return empty(table)[columns or [column.name for column in table.columns]]
        frame = pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
        return frame.to_pandas(date_as_object=False)

    def chunks(self, name: str, columns: list[str] | None = None, year: int | None = None) -> Iterator[pd.DataFrame]:
        """Yield a table part by part (a year each, or one year's only), as :meth:`read` would return it."""
        for part in self._parts(name):
            if year is not None and part["label"] not in ("all", str(year)):
                continue
            yield pq.read_table(self._verified(part), columns=columns).to_pandas(date_as_object=False)

    def columns(self, name: str) -> list[str]:
        """Return the columns that a table was stored with; of an absent table none."""
        parts = self._parts(name)
        return pq.read_schema(self._verified(parts[0])).names if parts else []

    def _parts(self, name: str) -> list[dict[str, Any]]:
        return self.tables[name]["parts"] if name in self.tables else []

    def _verified(self, part: dict[str, Any]) -> Path:
        path = self.path / part["file"]
        if not path.exists():
            raise DataError(f"{path} must exist as the manifest says, was missing (import the table again)")
        found = sha256(path)
        if found != part["sha256"]:
            raise DataError(
                f"{path} must have SHA-256 {part['sha256'][:12]}, was {found[:12]} (damaged: import the table again)"
            )
        return path

    def verify(self) -> Iterator[tuple[str, str]]:
        """Yield (part file, what is wrong) for every damaged or missing part."""
        for name in sorted(self.tables):
            for part in self.tables[name]["parts"]:
                try:
                    self._verified(part)
                except DataError as problem:
                    yield part["file"], str(problem)

    def open_days(self) -> np.ndarray:
        """Return the open days of the stored calendar, ascending, ``datetime64[D]``."""
        calendar = self.read("trade_cal")
        days = calendar.loc[calendar["is_open"] == 1, "cal_date"].to_numpy()
        return days.astype("datetime64[D]")

    @contextmanager
    def transaction(self, source: str, *, simulated: bool = False, fetched_at: str | None = None) -> Iterator["Writer"]:
        """Replace whole tables; nothing changes unless the block ends without an error.

        A store holds one market: imported tables with daily bars among them take the place of a simulated market,
        and anything else that would mix the two is refused.
        """
        if self.path.exists() and not self.path.is_dir():
            raise DataError(f"data folder must be a folder, was {self.path}")
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise DataError(f"{self.path} must not be written by two processes at once, was locked") from None
        try:
            self.manifest = self._read_manifest()  # another process may have written since this object was made
            writer = Writer(self, source, simulated, fetched_at)
            try:
                yield writer
                writer.commit()
            finally:
                self._remove_orphans()
        finally:
            lock.release()

    def _remove_orphans(self) -> None:
        named = {self.path / part["file"] for name in self.tables for part in self._parts(name)}
        for folder in (self.path / name for name in TABLES):
            for file in folder.glob("*"):
                if file not in named:
                    file.unlink()
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
        for file in self.path.glob(f"{TEMPORARY}*"):
            file.unlink()


class Writer:
    """One transaction: checks chunks, writes parts, and commits them with the manifest."""

    def __init__(self, store: Store, source: str, simulated: bool, fetched_at: str | None):
        self.store = store
        self.about = {"source": source, "simulated": simulated, "fetched_at": fetched_at}
        self.entries: dict[str, dict[str, Any]] = {}
        self.columns: dict[str, list[str]] = {}
        self.open_days: np.ndarray | None = None

    def put(self, name: str, frame: pd.DataFrame) -> None:
        """Check one chunk of a table and write its parts; chunks of a dated table hold years of their own, ascending.

        Raises
        ------
        DataError
            Naming the table, the row and the rule.
        """
        if name not in TABLES:
            raise unknown("table", name, TABLES, DataError)
        table = TABLES[name]
        if table.on_calendar and self.open_days is None:
            self.open_days = self.store.open_days() if "trade_cal" in self.store.tables else None
        frame = check(table, frame, self.open_days)
        if name == "trade_cal":
            self.open_days = frame.loc[frame["is_open"] == 1, "cal_date"].to_numpy().astype("datetime64[D]")
        columns = list(frame.columns)
        if self.columns.setdefault(name, columns) != columns:
            before = ", ".join(self.columns[name])
            raise DataError(f"{name} chunks must have the same columns, was {', '.join(columns)} after {before}")
        entry = self.entries.setdefault(name, {**self.about, "rows": 0, "start": None, "end": None, "parts": []})
        for label, part in _by_year(table, frame):
            if entry["parts"] and label <= entry["parts"][-1]["label"]:
                raise DataError(f"{name} chunks must ascend by year, was {label} after {entry['parts'][-1]['label']}")
            entry["parts"].append(self._write(table, label, part))
        entry["rows"] += len(frame)
        if table.date_column and len(frame):
            first, last = (str(frame[table.date_column].agg(side))[:10] for side in ("min", "max"))
            entry["start"], entry["end"] = entry["start"] or first, last  # chunks ascend

    def _write(self, table: Table, label: str, frame: pd.DataFrame) -> dict[str, Any]:
        folder = self.store.path / table.name
        folder.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(folder / label)
        with naming(folder):
            pq.write_table(to_arrow(table, frame), temporary, compression="zstd", row_group_size=1 << 20)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        digest = sha256(temporary)
        final = folder / f"{label}-{digest[:12]}.parquet"
        os.replace(temporary, final)
        sync_folder(folder)
        relative = final.relative_to(self.store.path).as_posix()
        return {"label": label, "file": relative, "rows": len(frame), "sha256": digest}

    def commit(self) -> None:
        """Make the written tables the store's, in one rename."""
        for name in ("trade_cal", "daily"):
            if name in self.entries and not self.entries[name]["rows"]:
                raise DataError(f"{name} must have a row, was empty")
        tables = {**self._kept(), **self.entries}
        manifest = {"format": FORMAT, "tables": {name: tables[name] for name in sorted(tables)}}
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True)
        replace_file(self.store.path / MANIFEST, text.encode())
        self.store.manifest = manifest

    def _kept(self) -> dict[str, dict[str, Any]]:
        """Return the stored tables that stay: those of the same kind of market."""
        simulated, stored = self.about["simulated"], self.store.tables
        kept = {name: entry for name, entry in stored.items() if entry["simulated"] == simulated}
        if len(kept) < len(stored) and (simulated or "daily" not in self.entries):
            kinds = "simulated with imported" if simulated else "imported with simulated"
            raise DataError(f"{self.store.path} must hold one market, was to mix {kinds} tables ({self.store.source})")
        return kept


def to_arrow(table: Table, frame: pd.DataFrame) -> pa.Table:
    """Return a checked frame as an Arrow table; codes are dictionary-encoded, days are date32."""
    arrays, names = [], []
    for column in table.columns:
        if column.name not in frame:
            continue
        values = frame[column.name]
        if column.kind == "code":
            used = values.cat.remove_unused_categories()
            array = pa.DictionaryArray.from_arrays(
                pa.array(used.cat.codes.to_numpy().astype("int32")), pa.array(used.cat.categories.astype(object))
            )
        elif column.kind == "date":
            array = pa.array(values.to_numpy().astype("datetime64[D]"), type=pa.date32())
        else:
            array = pa.Array.from_pandas(values, type=_ARROW[column.kind])
        arrays.append(array)
        names.append(column.name)
    return pa.table(arrays, names=names)


def empty(table: Table) -> pd.DataFrame:
    """Return an empty frame with the table's columns and dtypes."""
    kinds = {"float": "float64", "int": "int64", "date": "datetime64[ms]"}
    return pd.DataFrame({c.name: pd.Series([], dtype=kinds.get(c.kind, "str")) for c in table.columns})


def _by_year(table: Table, frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if table.date_column is None:
        yield "all", frame
        return
    years = frame[table.date_column].dt.year.to_numpy()
    for year in np.unique(years):
        yield str(year), frame[years == year]


def import_source(store: Store, source: Any, fetched_at: str | None = None) -> dict[str, int]:
    """Write every table of a source in one transaction and return the rows per table.

    Raises
    ------
    DataError
        Naming the file and its row where the source knows them, the table, the rule and the value.
    """
    with store.transaction(source.name, simulated=source.simulated, fetched_at=fetched_at) as writer:
        for name, frame in source.tables():
            try:
                writer.put(name, frame)
            except DataError as problem:
                if not hasattr(source, "place"):
                    raise
                if isinstance(problem, RowError):
                    raise DataError(f"{source.place(name, problem.row)}: {problem.sentence}") from None
                raise DataError(f"{source.place(name)}: {problem}") from None
    return {name: entry["rows"] for name, entry in writer.entries.items()}
