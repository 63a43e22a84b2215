"""The signal-file contract: one Parquet file of scores per signal date, with the facts of its making."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.errors import SignalError
from feeds.store import replace_file, sha256

MANIFEST = "manifest.json"
FORMAT = 1
COLUMNS = ("ts_code", "score", "rank_pct")
PUBLISHED = "19:00:00+08:00"  # Tushare's last evening table is complete by then
META_KEYS = (
    "signal_date",
    "available_at",
    "label_horizon",
    "model",
    "model_version",
    "train_start",
    "train_end",
    "validation_start",
    "validation_end",
    "label_end",
    "seeds",
    "data_fingerprint",
    "config_hash",
    "libraries",
    "universe",
    "proxy",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_META = b"huice"


@dataclass(frozen=True)
class Signal:
    """The scores of one signal date.

    Attributes
    ----------
    date : np.datetime64
        The trading day after whose close the scores were made, ``datetime64[D]``.
    codes : ndarray of str, shape (N,)
        Stock codes in Tushare style, ascending, unique.
    scores : ndarray of float64, shape (N,)
        Finite; a high score is attractive.
    meta : mapping
        The keys of :data:`META_KEYS`; None where a fact is not known, as for imported scores.
    """

    date: np.datetime64
    codes: np.ndarray
    scores: np.ndarray
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rank_pct(self) -> np.ndarray:
        """Rank by score over the number of stocks, shape (N,): 1.0 is the best; of equals, the lower code is."""
        return rank_pct(self.scores)


def rank_pct(scores: np.ndarray) -> np.ndarray:
    """Return ranks in (0, 1] of scores given in ascending order of code; the highest score has 1.0."""
    count = len(scores)
    order = np.lexsort((-np.arange(count), scores))  # ascending score; of equals the lower code comes last
    ranks = np.empty(count)
    ranks[order] = np.arange(1, count + 1) / count
    return ranks


def complete_meta(date: np.datetime64, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return ``meta`` with every key of the contract; unknown facts are None, and unknown keys stay.

    ``available_at`` is 19:00 Shanghai time of the signal date unless given.
    """
    given = dict(meta or {})
    full: dict[str, Any] = {key: given.pop(key, None) for key in META_KEYS}
    full["signal_date"] = str(date)
    full["available_at"] = full["available_at"] or f"{date}T{PUBLISHED}"
    full["proxy"] = bool(full["proxy"])
    return {**full, **{key: given[key] for key in sorted(given)}}


class SignalFolder:
    """Signal files of one name, ``<data>/signals/<name>/<YYYY-MM-DD>.parquet``.

    ``manifest.json`` beside the files is written last and names every file with its SHA-256 and meta: a file is
    there when the manifest says so. Files hold ``ts_code``, ``score`` and ``rank_pct`` in order of code, and
    the same input gives the same bytes.

    Parameters
    ----------
    path : path
        The folder; it need not exist before the first write.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.name = self.path.name
        self._read: tuple[tuple[int, int, int], dict[str, Any]] | None = None

    def manifest(self) -> dict[str, Any]:
        """Return ``{"format", "name", "files": {date: {"file", "sha256", "rows", "meta"}}}``.

        Raises
        ------
        SignalError
            If the manifest is damaged.
        """
        path = self.path / MANIFEST
        if not path.exists():
            return {"format": FORMAT, "name": self.name, "files": {}}
        status = path.stat()
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, self._parse(path))
        return self._read[1]

    def _parse(self, path: Path) -> dict[str, Any]:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as broken:
            raise SignalError(f"{path} must be a JSON manifest, was damaged ({broken})") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise SignalError(f"{path} must be a signal manifest of format {FORMAT}, was another kind of file")
        return content

    def dates(self) -> np.ndarray:
        """Return the signal dates, ascending, ``datetime64[D]``."""
        return np.array(sorted(self.manifest()["files"]), dtype="datetime64[D]")

    def unlisted(self) -> list[str]:
        """Return the names of signal files that the manifest does not name, ascending."""
        named = {entry["file"] for entry in self.manifest()["files"].values()}
        files = sorted(self.path.glob("*.parquet")) if self.path.exists() else []
        return [file.name for file in files if file.name not in named]

    def meta(self, date: Any) -> dict[str, Any]:
        """Return the meta of one date from the manifest, without opening the file."""
        return self._entry(np.datetime64(date, "D"))["meta"]

    def _entry(self, date: np.datetime64) -> dict[str, Any]:
        entry = self.manifest()["files"].get(str(date))
        if entry is None:
            raise SignalError(f"signal {self.name} must have a file for {date}, was missing in {self.path}")
        return entry

    def table(self, date: Any) -> pa.Table:
        """Return one file's raw table after its SHA-256 was checked; its rows are not.

        Raises
        ------
        SignalError
            If the file is missing, altered, or has other columns.
        """
        day = np.datetime64(date, "D")
        entry = self._entry(day)
        path = self.path / entry["file"]
        if not path.exists():
            raise SignalError(f"{path} must exist as the manifest says, was missing")
        found = sha256(path)
        if found != entry["sha256"]:
            raise SignalError(
                f"{path} must have SHA-256 {entry['sha256'][:12]} as written, was {found[:12]} (altered or damaged)"
            )
        table = pq.read_table(path)
        if tuple(table.column_names) != COLUMNS:
            raise SignalError(f"{path} must have columns {', '.join(COLUMNS)}, was {', '.join(table.column_names)}")
        return table

    def read(self, date: Any) -> Signal:
        """Return the scores of one date.

        Raises
        ------
        SignalError
            If the file is missing or altered, or holds a duplicate code or a score that is not finite.
        """
        day = np.datetime64(date, "D")
        table = self.table(day)
        codes = table["ts_code"].to_numpy().astype(str)
        scores = table["score"].to_numpy()
        codes, scores = _checked(self.path / self._entry(day)["file"], codes, scores)
        return Signal(day, codes, scores, self.meta(day))

    def write(self, date: Any, codes: np.ndarray, scores: np.ndarray, meta: Mapping[str, Any] | None = None) -> Path:
        """Write the scores of one date and return the file; the same input gives the same bytes.

        Parameters
        ----------
        date : date-like
            Signal date.
        codes : array of str, shape (N,)
            Unique Tushare codes in any order.
        scores : array of float, shape (N,)
            Finite scores.
        meta : mapping, optional
            Facts of :data:`META_KEYS`; missing ones become None.

        Raises
        ------
        SignalError
            If a code is duplicated, a score is not finite, or there is no row.
        """
        day = np.datetime64(date, "D")
        self.write_all([Signal(day, codes, scores, dict(meta or {}))])
        return self.path / f"{day}.parquet"

    def write_all(self, signals: Iterable[Signal]) -> int:
        """Write several dates with one manifest at the end, and return how many."""
        files: dict[str, Any] = {}
        for signal in signals:
            path = self.path / f"{signal.date}.parquet"
            codes, scores = _checked(path, np.asarray(signal.codes), np.asarray(signal.scores))
            meta = complete_meta(signal.date, signal.meta)
            content = _parquet(codes, scores, meta)
            digest = hashlib.sha256(content).hexdigest()
            if self.manifest()["files"].get(str(signal.date), {}).get("sha256", digest) != digest:
                self.remove([signal.date])  # else a kill would leave new content under an old hash
            replace_file(path, content)
            files[str(signal.date)] = {"file": path.name, "sha256": digest, "rows": len(codes), "meta": meta}
        self._commit({**self.manifest()["files"], **files})
        return len(files)

    def remove(self, dates: Iterable[Any]) -> None:
        """Forget dates: the manifest first, then their files."""
        gone = {str(np.datetime64(date, "D")) for date in dates}
        files = self.manifest()["files"]
        named = [entry["file"] for date, entry in files.items() if date in gone]
        if named:
            self._commit({date: entry for date, entry in files.items() if date not in gone})
        for file in named:
            (self.path / file).unlink(missing_ok=True)

    def _commit(self, files: Mapping[str, Any]) -> None:
        content = {"format": FORMAT, "name": self.name, "files": dict(files)}
        replace_file(self.path / MANIFEST, json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode())


def _checked(path: Path, codes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes ascending with their scores, or refuse with the first offender."""
    if len(codes) == 0 or len(codes) != len(scores):
        raise SignalError(f"{path} must have a score for each of 1 or more codes, was {len(codes)} and {len(scores)}")
    codes = np.asarray(codes, dtype=str)
    scores = np.asarray(scores, dtype=np.float64)
    order = np.argsort(codes, kind="stable")
    codes, scores = codes[order], scores[order]
    twice = np.flatnonzero(codes[1:] == codes[:-1])
    if len(twice):
        raise SignalError(f"{path} must hold each code once, was {codes[twice[0]]} twice")
    unscored = np.flatnonzero(~np.isfinite(scores))
    if len(unscored):
        raise SignalError(f"{path} must hold finite scores, was {scores[unscored[0]]} for {codes[unscored[0]]}")
    return codes, scores


def _parquet(codes: np.ndarray, scores: np.ndarray, meta: Mapping[str, Any]) -> bytes:
    """Return the file's bytes; nothing but the arguments and the library's version decides them."""
    schema = pa.schema(
        [("ts_code", pa.string()), ("score", pa.float64()), ("rank_pct", pa.float64())],
        metadata={_META: json.dumps(meta, ensure_ascii=False, sort_keys=True).encode()},
    )
    columns = [pa.array(codes.tolist(), pa.string()), pa.array(scores), pa.array(rank_pct(scores))]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def file_meta(path: str | Path) -> dict[str, Any]:
    """Return the meta that a signal file carries inside itself, for files that left their folder."""
    held = pq.read_schema(path).metadata or {}
    if _META not in held:
        raise SignalError(f"{path} must carry signal meta, was a Parquet file without it")
    return json.loads(held[_META])


def signal_folder(data_dir: str | Path, name: str) -> SignalFolder:
    """Return the folder of a signal by name, ``<data>/signals/<name>``.

    Raises
    ------
    SignalError
        If the name could be taken for a path.
    """
    if not _NAME.fullmatch(name):
        raise SignalError(f"signal name must be letters, digits, '_', '-' and '.', was {name!r}")
    return SignalFolder(Path(data_dir) / "signals" / name)


def signal_names(data_dir: str | Path) -> list[str]:
    """Return the names of the signals that have files under a data folder, ascending."""
    folder = Path(data_dir) / "signals"
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
