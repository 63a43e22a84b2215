"""How far a walk-forward is: which models and scores are there, and whether they are of today's settings and data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feeds.building import open_panel
from feeds.errors import SignalError
from feeds.store import Store
from signals.folds import SEED
from signals.freshness import refuse_other_settings
from signals.labels import clock_for
from signals.registry import SignalSpec
from signals.splits import Fold
from signals.table import signal_folder
from signals.walkforward import plan
from signals.workspace import FOLD, models_folder, read_json

Span = tuple[np.datetime64, np.datetime64]


@dataclass(frozen=True)
class SeedStatus:
    """One model of a fold.

    Attributes
    ----------
    name : str
        Its folder, such as ``seed0``.
    state : {"missing", "begun", "finished"}
    best_epoch : int, optional
        The epoch that scores, and its validation RankIC; None until it is finished.
    validation_rank_ic : float, optional
    """

    name: str
    state: str
    best_epoch: int | None = None
    validation_rank_ic: float | None = None


@dataclass(frozen=True)
class FoldStatus:
    """One fold of the plan and what is there of it.

    Attributes
    ----------
    name : str
    frozen : datetime64[D]
        The close after which nothing more may enter its models.
    train, validation : tuple of datetime64[D]
        First and last signal date.
    dates, written : int
        Dates it scores, and those of them whose signal files are there.
    finished : bool
        Whether every model is there.
    seeds : tuple of SeedStatus
    """

    name: str
    frozen: np.datetime64
    train: Span
    validation: Span
    dates: int
    written: int
    finished: bool
    seeds: tuple[SeedStatus, ...]


@dataclass(frozen=True)
class Status:
    """How far a signal is.

    Attributes
    ----------
    folds : tuple of FoldStatus
        Those of the plan, ascending.
    stale : tuple of str
        Why what is there may not be gone on with, as sentences; empty if it may.
    """

    folds: tuple[FoldStatus, ...]
    stale: tuple[str, ...]


def status(
    data_dir: str | Path, spec: SignalSpec, universe: str = "all", start: Any = None, end: Any = None
) -> Status:  # fmt: skip
    """Return how far the training of a signal is, without computing or writing anything.

    Parameters
    ----------
    data_dir, spec, universe, start, end
        See :func:`signals.walkforward.run`.

    Raises
    ------
    HuiceError
        If the data are too short, or the universe is unknown.
    """
    store = Store.existing(data_dir)
    panel, calendar = open_panel(data_dir), store.open_days()
    panel.members(universe)  # an unknown one is refused
    models, folder = models_folder(data_dir, spec), signal_folder(data_dir, spec.name)
    held = {date for date, entry in folder.manifest()["files"].items() if (folder.path / entry["file"]).exists()}
    clock = clock_for(spec.horizon, panel.dates, calendar)
    seeds = [f"seed{seed}" for seed in spec.recipe.seeds]
    folds = []
    for fold in plan(panel, spec, start, end, calendar):
        scoring = clock.dates[list(fold.scoring)]
        folds.append(fold_status(fold, clock.dates, scoring, models / fold.name, seeds=seeds, held=held))
    stale = []
    try:
        refuse_other_settings(spec, universe, models, folder)
    except SignalError as other:
        stale.append(str(other))
    stale += _other_data([models / fold.name for fold in folds], store.fingerprint)
    return Status(tuple(folds), tuple(stale))


def fold_status(
    fold: Fold, sections: np.ndarray, scoring: np.ndarray, folder: Path, *,
    seeds: Sequence[str], held: Collection[str],
) -> FoldStatus:  # fmt: skip
    """Return what is there of one fold.

    Parameters
    ----------
    fold : Fold
    sections : ndarray of datetime64[D]
        Dates of the sections that ``fold.train`` and ``fold.validation`` count.
    scoring : ndarray of datetime64[D]
        Dates that the fold scores.
    folder : Path
        Where its models are.
    seeds : sequence of str
        Folders of the models wanted; others that are there are told of too.
    held : collection of str
        Dates with signal files.
    """
    there = sorted(path.name for path in folder.glob("*seed*") if path.is_dir())
    return FoldStatus(
        fold.name,
        fold.frozen,
        (sections[fold.train[0]], sections[fold.train[-1]]),
        (sections[fold.validation[0]], sections[fold.validation[-1]]),
        len(scoring),
        sum(str(date) in held for date in scoring),
        (folder / FOLD).exists(),
        tuple(_seed_status(folder / name) for name in dict.fromkeys([*seeds, *there])),
    )


def _seed_status(folder: Path) -> SeedStatus:
    page = read_json(folder / SEED)
    if page is None:
        return SeedStatus(folder.name, "begun" if folder.exists() else "missing")
    best = page["best_epoch"]
    reached = [epoch["validation_rank_ic"] for epoch in page["epochs"] if epoch["epoch"] == best]
    return SeedStatus(folder.name, "finished", best, *reached)


def _other_data(folders: Sequence[Path], fingerprint: str) -> list[str]:
    """Return a sentence on folds trained before the data changed; data that only grew do not make them stale."""
    pages = {folder.name: read_json(folder / FOLD) for folder in folders}
    others = [name for name, page in pages.items() if page and page["data_fingerprint"] != fingerprint]
    if not others:
        return []
    named = others[0] if len(others) == 1 else f"{others[0]} to {others[-1]}"
    return [f"market data changed since {named}: training compares them and goes on if they only grew"]
