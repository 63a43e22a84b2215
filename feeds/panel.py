"""The market as memory-mapped date x stock arrays, built from the store and cached by its fingerprint."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from feeds.atomic import naming, temporary_beside
from feeds.coverage import Coverage
from feeds.errors import DataError, unknown
from feeds.events import Conversions, CorporateEvents
from feeds.futures import BARS, FuturesPanel
from feeds.rules import as_day

FLOAT_FIELDS = (
    "open", "high", "low", "close", "pre_close", "vol", "amount", "adj_factor", "up_limit", "down_limit",
)  # fmt: skip
_FUTURES = {
    "codes": "U12", "kind": "U2", "multiplier": "float64", "first_row": "int64", "last_row": "int64", "main": "bool",
}  # fmt: skip


@dataclass(frozen=True)
class Spans:
    """Facts that hold from one day to another: rows of (stock, first day, first day after, value) indices."""

    stock: np.ndarray
    start: np.ndarray
    end: np.ndarray
    value: np.ndarray

    @staticmethod
    def none() -> "Spans":
        return Spans(*(np.zeros(0, "int32") for _ in range(4)))


@dataclass(frozen=True)
class MarketPanel:
    """T trading days x N stocks.

    Float arrays are kept stock by stock, so that ``field(name)`` is a Fortran-ordered (T, N) view whose columns are
    contiguous; status arrays are kept day by day. Prices are raw yuan, volumes shares, amounts yuan; a day without
    a trade holds NaN in all of them. Everything at row t is known at the close of day t; limit prices and
    ``pre_close`` are known before its open.
    """

    dates: np.ndarray  # (T,) datetime64[D]
    codes: np.ndarray  # (N,) str, ascending
    fields: Mapping[str, np.ndarray]  # name -> (N, T)
    suspended: np.ndarray  # (T, N) bool: listed, and no trade that day
    st: np.ndarray  # (T, N) bool
    list_index: np.ndarray  # (N,) first listed day as a row; negative = trading days before the first row
    delist_index: np.ndarray  # (N,) first row no longer listed; T if still listed
    names: tuple[str, ...] = ()
    indices: Mapping[str, np.ndarray] = field(default_factory=dict)  # code -> (T,) closes
    index_amounts: Mapping[str, np.ndarray] = field(default_factory=dict)  # code -> (T,) yuan traded
    member_spans: Mapping[str, Spans] = field(default_factory=dict)
    industry_spans: Spans = field(default_factory=Spans.none)
    industry_names: tuple[str, ...] = ()
    events: CorporateEvents = field(default_factory=CorporateEvents.none)
    conversions: Conversions = field(default_factory=Conversions.none)
    futures: FuturesPanel = field(default_factory=FuturesPanel.none)
    st_known: bool = True
    coverage: Coverage | None = None  # None where the panel was not built from a store
    simulated: bool = False
    source: str = "arrays"
    fingerprint: str = "arrays"

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.dates), len(self.codes)

    def has_field(self, name: str) -> bool:
        return name in self.fields

    def field(self, name: str) -> np.ndarray:
        """Return one field, shape (T, N); see :mod:`feeds.tables` for its unit."""
        if name not in self.fields:
            raise unknown("panel field", name, self.fields, DataError)
        return self.fields[name].T

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {str(code): n for n, code in enumerate(self.codes)}

    def index_of(self, code: str) -> int:
        """Return the column of a code, or refuse an unknown one."""
        try:
            return self._positions[code]
        except KeyError:
            raise DataError(f"code must be among the {len(self.codes)} codes with bars, was {code}") from None

    def date_index(self, day: Any) -> int:
        """Return the row of a trading day, or refuse any other day."""
        wanted = as_day(day)
        row = int(np.searchsorted(self.dates, wanted))
        if row == len(self.dates) or self.dates[row] != wanted:
            raise DataError(f"date must be a trading day from {self.dates[0]} to {self.dates[-1]}, was {wanted}")
        return row

    def name_of(self, code: str) -> str:
        """Return the company's latest known name, or the code."""
        return self.names[self.index_of(code)] if self.names else code

    def listed_days(self, row: int) -> np.ndarray:
        """Return how many trading days each stock has been listed, that day included; 0 if not listed. (N,)"""
        days = row - self.list_index + 1
        return np.where((days > 0) & (row < self.delist_index), days, 0)

    @cached_property
    def listed(self) -> np.ndarray:
        """Whether each stock was listed each day, (T, N) bool."""
        rows = np.arange(len(self.dates))[:, None]
        return (rows >= self.list_index) & (rows < self.delist_index)

    def members(self, universe: str) -> np.ndarray:
        """Return the members of an index each day, (T, N) bool; ``all`` means every listed stock."""
        if universe == "all":
            return self.listed
        if universe not in self.member_spans:
            raise unknown("universe", universe, ["all", *self.member_spans], DataError)
        spans = self.member_spans[universe]
        inside = np.zeros(self.shape, dtype=bool)
        for stock, start, end in zip(spans.stock, spans.start, spans.end, strict=True):
            inside[start:end, stock] = True
        return inside

    def index_close(self, code: str) -> np.ndarray:
        """Return an index's closes, (T,), NaN where the store has none."""
        if code not in self.indices:
            raise unknown("index", code, self.indices, DataError)
        return self.indices[code]

    @cached_property
    def industry(self) -> np.ndarray:
        """Row of each stock's industry in ``industry_names`` each day, (T, N) int16, -1 where unknown."""
        result = np.full(self.shape, -1, dtype="int16")
        spans = self.industry_spans
        for stock, start, end, value in zip(spans.stock, spans.start, spans.end, spans.value, strict=True):
            result[start:end, stock] = value
        return result

    @staticmethod
    def from_arrays(dates: np.ndarray, codes: Any, fields: Mapping[str, np.ndarray], **status: Any) -> "MarketPanel":
        """Build a panel in memory from (T, N) arrays; what is not given takes its plainest value.

        Absent ``high``, ``low``, ``pre_close``, ``vol``, ``amount`` and ``adj_factor`` follow from open and close;
        absent limits are unknown (NaN). Used by tests, benchmarks and notebooks.
        """
        t, n = len(dates), len(codes)
        given = {name: np.ascontiguousarray(np.asarray(a, "float64").T) for name, a in fields.items()}
        for name, values in given.items():
            if values.shape != (n, t):
                raise DataError(f"{name} must have the shape ({t}, {n}), was {values.shape[::-1]}")
        close = given["close"]
        open_ = given.setdefault("open", close)
        given.setdefault("high", np.fmax(open_, close))
        given.setdefault("low", np.fmin(open_, close))
        given.setdefault("vol", np.where(np.isfinite(close), 1e6, np.nan))
        given.setdefault("amount", given["vol"] * (open_ + close) / 2)
        given.setdefault("adj_factor", np.ones((n, t)))
        previous = np.concatenate([open_[:, :1], carry_forward(close)[:, :-1]], axis=1)
        given.setdefault("pre_close", previous)
        for name in ("up_limit", "down_limit"):
            given.setdefault(name, np.full((n, t), np.nan))
        status.setdefault("suspended", ~np.isfinite(close.T))
        status.setdefault("st", np.zeros((t, n), bool))
        status.setdefault("list_index", np.full(n, -1000))
        status.setdefault("delist_index", np.full(n, t))
        codes = np.asarray(codes, dtype="U12")
        return MarketPanel(np.asarray(dates, "datetime64[D]"), codes, given, **status)


def carry_forward(values: np.ndarray) -> np.ndarray:
    """Carry the last known value forward along the days of (N, T)."""
    last = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    np.maximum.accumulate(last, axis=1, out=last)
    return np.take_along_axis(values, last, axis=1)


def save_panel(panel: MarketPanel, folder: Path) -> None:
    """Write a panel as ``.npy`` files and a JSON page, complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(folder)
    temporary.mkdir()
    try:
        with naming(temporary):
            _write_panel(panel, temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_panel(panel: MarketPanel, folder: Path) -> None:
    for name, array in panel.fields.items():
        np.save(folder / f"{name}.npy", array)
    for name in ("suspended", "st", "list_index", "delist_index", "dates"):
        np.save(folder / f"_{name}.npy", getattr(panel, name))
    spans = {"industry": panel.industry_spans, **{f"member {k}": v for k, v in panel.member_spans.items()}}
    futures = panel.futures
    about = {
        "codes": panel.codes.tolist(),
        "names": list(panel.names),
        "fields": list(panel.fields),
        "indices": list(panel.indices),
        "index_amounts": list(panel.index_amounts),
        "industry_names": list(panel.industry_names),
        "spans": {
            name: [getattr(s, part).tolist() for part in ("stock", "start", "end", "value")]
            for name, s in spans.items()
        },
        "futures": {name: getattr(futures, name).tolist() for name in _FUTURES},
        "settled_at_close": futures.settled_at_close,
        "st_known": panel.st_known,
        "coverage": None if panel.coverage is None else panel.coverage.as_json(),
        "simulated": panel.simulated,
        "source": panel.source,
        "fingerprint": panel.fingerprint,
    }
    for name, rows in (("events", panel.events), ("conversions", panel.conversions)):
        np.save(folder / f"_{name}.npy", np.array([getattr(rows, part) for part in rows.PARTS], "float64"))
    np.save(folder / "_futures.npy", np.array([getattr(futures, name) for name in BARS]))
    for name in ("indices", "index_amounts"):
        series = list(getattr(panel, name).values())
        np.save(folder / f"_{name}.npy", np.array(series, "float64").reshape(-1, len(panel.dates)))
    (folder / "panel.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")


def load_panel(folder: Path) -> MarketPanel:
    """Open a saved panel; its arrays stay on disk until they are read."""
    about = json.loads((folder / "panel.json").read_text(encoding="utf-8"))

    def array(name: str) -> np.ndarray:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    spans = {name: Spans(*(np.array(part, "int32") for part in parts)) for name, parts in about["spans"].items()}
    return MarketPanel(
        dates=np.array(array("_dates")),
        codes=np.array(about["codes"], dtype="U12"),
        fields={name: array(name) for name in about["fields"]},
        suspended=array("_suspended"),
        st=array("_st"),
        list_index=np.array(array("_list_index")),
        delist_index=np.array(array("_delist_index")),
        names=tuple(about["names"]),
        indices=dict(zip(about["indices"], np.array(array("_indices")), strict=True)),
        index_amounts=dict(zip(about["index_amounts"], np.array(array("_index_amounts")), strict=True)),
        member_spans={name.removeprefix("member "): s for name, s in spans.items() if name != "industry"},
        industry_spans=spans["industry"],
        industry_names=tuple(about["industry_names"]),
        events=CorporateEvents(*np.array(array("_events"))),
        conversions=Conversions(*np.array(array("_conversions"))),
        futures=FuturesPanel(
            **{name: np.array(about["futures"][name], kind) for name, kind in _FUTURES.items()},
            **dict(zip(BARS, array("_futures"), strict=True)),
            settled_at_close=about["settled_at_close"],
        ),
        st_known=about["st_known"],
        coverage=None if about["coverage"] is None else Coverage.from_json(about["coverage"]),
        simulated=about["simulated"],
        source=about["source"],
        fingerprint=about["fingerprint"],
    )
