"""Computes a feature panel into a folder that appears only when complete, in little memory."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feeds.atomic import sync_folder
from feeds.panel import MarketPanel
from signals.features.bars import STOCKS_AT_ONCE, parts
from signals.features.inputs import SHARED_BY_ALL, raw_features, whole_market
from signals.features.moving import Floats
from signals.features.preprocessing import carry_forward, standardise

FEATURES_AT_ONCE = 16  # 64 bytes, one cache line of the stored array
DATES_AT_ONCE = 32
THREADS = min(4, os.cpu_count() or 1)  # each holds about 150 MB of a market of a thousand days

Singles = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]


def write_features(
    panel: MarketPanel,
    eligible: Mask,
    names: tuple[str, ...],
    target: Path,
    progress: Progress | None,
    *,
    standardised: bool = True,
) -> None:
    """Write ``values.npy`` (N, T, F), ``coverage.npy`` (T, F) and ``features.json`` into a new folder.

    The first pass computes stock by stock, the second standardises date by date in place, unless raw values are
    wanted. Everything happens in a hidden folder beside the target, which the last step renames; those of killed
    runs are removed first.
    """
    for leftover in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(leftover)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        steps = _steps(panel, standardised, progress)
        made_whole = whole_market(panel, eligible, names)
        maker = _Maker(panel, eligible, names, made_whole, carried=standardised)
        counts = _write_raw(maker, temporary / "values.npy", steps)
        del made_whole, maker  # up to 19 arrays of the whole market, and the second pass does not need them
        if standardised:
            shared = np.array([name in SHARED_BY_ALL for name in names])
            _standardise_all(panel, eligible, shared, temporary / "values.npy", steps)
        with np.errstate(invalid="ignore"):
            coverage = counts / eligible.sum(axis=1)[:, None]
        np.save(temporary / "coverage.npy", coverage.astype(np.float32))
        span = [str(day) for day in panel.dates[[0, -1]]]
        about = {"fingerprint": panel.fingerprint, "dates": span, "names": names}
        (temporary / "features.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        for path in (*temporary.iterdir(), temporary):
            sync_folder(path)
        temporary.rename(target)
        sync_folder(target.parent)
        _remove_superseded(target, panel.fingerprint)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_superseded(target: Path, fingerprint: str) -> None:
    """Remove the features of data that the store no longer holds; whoever has them open keeps reading them."""
    for about in target.parent.glob("features-*/features.json"):
        if json.loads(about.read_text(encoding="utf-8"))["fingerprint"] != fingerprint:
            shutil.rmtree(about.parent)


def _steps(panel: MarketPanel, standardised: bool, progress: Progress | None) -> Iterator[None]:
    """Report one more step of the work done at every ``next``."""
    total = len(range(0, len(panel.codes), STOCKS_AT_ONCE))
    total += len(range(0, len(panel.dates), DATES_AT_ONCE)) if standardised else 0
    for done in range(1, total + 1):
        if progress is not None:
            progress(done, total)
        yield


@dataclass(frozen=True)
class _Maker:
    """Makes the features before standardisation, some stocks at a time."""

    panel: MarketPanel
    eligible: Mask
    names: tuple[str, ...]
    whole: Mapping[str, Singles]
    carried: bool

    def part(self, stocks: slice) -> tuple[Singles, npt.NDArray[np.int64]]:
        """Return the features of some stocks, (stocks, T, F), and how many eligible have each, (T, F)."""
        chosen = np.ascontiguousarray(self.eligible[:, stocks].T)
        last = len(self.names) - 1
        chunk = np.empty((*chosen.shape, len(self.names)), dtype="<f4")
        group = np.empty((FEATURES_AT_ONCE, *chosen.shape), dtype="<f4")
        counts = np.empty((chosen.shape[1], len(self.names)), dtype=np.int64)
        for column, raw in enumerate(raw_features(self.panel, stocks, self.names, self.whole)):
            slot = column % FEATURES_AT_ONCE
            group[slot] = _storable(raw)
            counts[:, column] = (chosen & ~np.isnan(group[slot])).sum(axis=0)
            if self.carried:
                carry_forward(group[slot])
            if slot == FEATURES_AT_ONCE - 1 or column == last:
                chunk[:, :, column - slot : column + 1] = np.moveaxis(group[: slot + 1], 0, -1)
        return chunk, counts


def _write_raw(maker: _Maker, path: Path, steps: Iterator[None]) -> npt.NDArray[np.int64]:
    """Write the features before standardisation; return how many eligible stocks have each, (T, F)."""
    days, stocks = maker.panel.shape
    features = len(maker.names)
    header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (stocks, days, features)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        first = file.tell()

    def write_part(part: slice) -> npt.NDArray[np.int64]:
        chunk, count = maker.part(part)
        with path.open("r+b", buffering=0) as file:
            file.seek(first + part.start * days * features * 4)
            chunk.tofile(file)
        return count

    counts = np.zeros((days, features), dtype=np.int64)
    with ThreadPoolExecutor(THREADS) as pool:
        for count in pool.map(write_part, parts(stocks, STOCKS_AT_ONCE)):
            counts += count
            next(steps)
    return counts


def _storable(raw: Floats) -> Singles:
    with np.errstate(over="ignore"):
        single = raw.astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return single


def _standardise_all(panel: MarketPanel, eligible: Mask, shared: Mask, path: Path, steps: Iterator[None]) -> None:
    """Replace the written features by the standardised ones, some dates at a time; shared ones are only filled."""
    stored = np.load(path, mmap_mode="r")
    stocks, dates, features = stored.shape
    header, listed = stored.offset, panel.listed
    del stored  # read and written by position: a mapping would bring the whole file into memory

    for start in range(0, dates, DATES_AT_ONCE):
        values = np.empty((stocks, min(DATES_AT_ONCE, dates - start), features), dtype="<f4")
        places = [header + (stock * dates + start) * features * 4 for stock in range(stocks)]

        def one_date(offset: int, values: Singles = values, start: int = start) -> None:
            raw = np.ascontiguousarray(values[:, offset].copy().T)  # copied first: four times faster
            scores = standardise(raw, eligible[start + offset], listed[start + offset])
            scores[shared] = np.where(listed[start + offset], np.nan_to_num(raw[shared]), 0.0)
            values[:, offset] = scores.T

        with path.open("r+b", buffering=0) as file:
            for place, window in zip(places, values, strict=True):
                file.seek(place)
                file.readinto(window.data)
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(one_date, range(values.shape[1])))
            for place, window in zip(places, values, strict=True):
                file.seek(place)
                file.write(window.data)
        next(steps)
