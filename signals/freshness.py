"""Whether models and scores that are there were made from today's settings and data, so that none are mixed."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from feeds.errors import SignalError
from feeds.store import Store
from signals.registry import SignalSpec
from signals.splits import Fold, make_folds
from signals.table import SignalFolder
from signals.windows import Windows
from signals.workspace import (
    FOLD,
    Workspace,
    config_hash,
    digest,
    open_workspace,
    read_json,
    settings,
    write_json,
)

CHECKED = ".checked.json"


def window_hash(work: Workspace, day: int) -> str:
    """Return a hash of what one date offers a model: its eligible stocks and their windows."""
    if day not in work.window_hashes:
        stocks = np.flatnonzero(work.eligible[day])
        parts = [str(work.panel.dates[day]).encode(), " ".join(work.panel.codes[stocks]).encode()]
        if len(stocks):
            windows = Windows(work.features.values, work.spec.lookback)
            parts.append(windows.gather(stocks, np.full(len(stocks), day)).tobytes())
        work.window_hashes[day] = digest(parts)
    return work.window_hashes[day]


def inputs_hash(work: Workspace, fold: Fold) -> str:
    """Return a hash of all that a fold is trained on: windows and labels of its sections."""
    clock = work.labels.clock
    parts = []
    for position in (*fold.train, *fold.validation):
        stocks = np.flatnonzero(work.eligible[clock.signal[position]])
        parts.append(window_hash(work, int(clock.signal[position])).encode())
        parts.append(work.labels.scores[position, stocks].tobytes())
    return digest(parts)


def date_hash(work: Workspace, inputs: str, day: int) -> str:
    """Return a hash of all that a date's scores follow from: its model's inputs and its own windows."""
    return digest([inputs.encode(), window_hash(work, day).encode()])


def refuse_other_settings(spec: SignalSpec, universe: str, models: Path, folder: SignalFolder) -> None:
    """Refuse to mix scores of two configurations in one folder, naming what differs where it is known."""
    now = config_hash(spec, universe)
    for page in sorted(models.glob(f"*/{FOLD}")):
        held = read_json(page) or {}
        if held.get("config_hash") != now:
            raise _stale(spec, f"{page.parent.name} was trained with {_differences(spec, universe, held)}")
    for date, entry in folder.manifest()["files"].items():
        if entry["meta"].get("config_hash") != now:
            raise _stale(spec, f"{date} was scored with other settings")


def refuse_other_data(work: Workspace, folder: SignalFolder) -> None:
    """Refuse to mix scores of two states of the data; data that only grew at the end are the same state.

    What was found is noted beside the models, so that it is not computed again until the features change.
    """
    note = work.folder / CHECKED
    if (read_json(note) or {}).get("features") == work.features_key:
        return
    clock = work.labels.clock
    folds = {fold.name: fold for fold in make_folds(clock, work.spec.schedule, work.spec.lookback)}
    inputs: dict[str, str] = {}
    for name in sorted(page.parent.name for page in work.folder.glob(f"*/{FOLD}")):
        page = read_json(work.folder / name / FOLD) or {}
        inputs[name] = inputs_hash(work, folds[name]) if name in folds else ""
        if page.get("inputs_hash") != inputs[name]:
            raise _stale(work.spec, f"model {name} was trained on other market data or feature formulas")
    for date, entry in folder.manifest()["files"].items():
        name, place = entry["meta"]["fold"], np.flatnonzero(work.panel.dates == np.datetime64(date))
        if name not in inputs and name in folds:
            inputs[name] = inputs_hash(work, folds[name])
        if not len(place) or entry["meta"]["inputs_hash"] != date_hash(work, inputs.get(name, ""), int(place[0])):
            raise _stale(work.spec, f"{date} was scored from other market data or feature formulas")
    write_json(note, {"features": work.features_key})


def refuse_scores_of_other_data(data_dir: str | Path, spec: SignalSpec | None, folder: SignalFolder) -> None:
    """Refuse to trade trained scores on a market they were not made from; one that only grew is the same.

    Imported scores, whose data are not known, pass.

    Parameters
    ----------
    data_dir : path
        Folder of the store.
    spec : SignalSpec or None
        The registered signal of that name; without it, or where the files were made with other settings, what
        they were made from cannot be computed again, and any change of the data is refused.
    folder : SignalFolder
        The scores.
    """
    now = Store.existing(data_dir).fingerprint
    metas = [entry["meta"] for entry in folder.manifest()["files"].values()]
    made = sorted({meta["data_fingerprint"] for meta in metas} - {None, now})
    if not made:
        return
    universe = metas[0]["universe"]
    if spec is None or any(meta["config_hash"] != config_hash(spec, universe) for meta in metas):
        raise SignalError(
            f"signal {folder.name} must be made from the market data in {data_dir} ({now}), was made from {made[0]} "
            "(train it again with --retrain)"
        )
    refuse_other_data(open_workspace(data_dir, spec, universe), folder)


def forget(work: Workspace, folder: SignalFolder, folds: Sequence[Fold]) -> None:
    """Remove the signal files and models of some folds, and all that other settings made."""
    clock = work.labels.clock
    names = {fold.name for fold in folds}
    dates = {str(clock.dates[position]) for fold in folds for position in fold.scoring}
    for date, entry in folder.manifest()["files"].items():
        if entry["meta"].get("config_hash") != work.config_hash or entry["meta"].get("fold") in names:
            dates.add(date)
    folder.remove(dates)
    for page in sorted(work.folder.glob(f"*/{FOLD}")):
        if page.parent.name in names or (read_json(page) or {}).get("config_hash") != work.config_hash:
            page.unlink()  # first: without it, what a killed removal leaves is not a finished fold
            shutil.rmtree(page.parent)
    for name in sorted(names):
        shutil.rmtree(work.folder / name, ignore_errors=True)
    (work.folder / CHECKED).unlink(missing_ok=True)


def _differences(spec: SignalSpec, universe: str, held: Mapping[str, Any]) -> str:
    """Return the settings in which a fold's page differs from a spec, as ``epochs 3 (now 10)``."""
    before = _flat({**held.get("settings", {}), "universe": held.get("universe")})
    now = _flat({**settings(spec), "universe": universe})
    differing = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    return ", ".join(f"{key} {before.get(key)} (now {now.get(key)})" for key in differing) or "other settings"


def _flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by their own names, without the groups they are in."""
    result: dict[str, Any] = {}
    for key, value in nested.items():
        result.update(_flat(value) if isinstance(value, Mapping) else {key: value})
    return result


def _stale(spec: SignalSpec, was: str) -> SignalError:
    return SignalError(f"signal {spec.name} must be retrained (--retrain) to be of one kind, {was}")
