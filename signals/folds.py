"""One model of a walk-forward: from the panel's arrays to saved epochs and the scores of its months."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from feeds.errors import SignalError
from feeds.store import sha256
from signals.freshness import date_hash, inputs_hash
from signals.labels import standardise
from signals.splits import Fold
from signals.table import Signal
from signals.windows import Batch, Windows, sections
from signals.workspace import FOLD, Callback, Progress, Workspace, read_json, settings, write_json

if TYPE_CHECKING:
    from signals.training import Epoch

SEED = "seed.json"  # written last: a seed with it is finished


@dataclass(frozen=True)
class FoldData:
    """The samples of one fold.

    Attributes
    ----------
    windows : Windows
        Gathers the features kept for this fold.
    names : tuple of str
        Those features.
    train, validation : list of Batch
        One per date.
    skipped : list of str
        Dates with too few labels.
    dropped : mapping
        Features left out, with the reason.
    """

    windows: Windows
    names: tuple[str, ...]
    train: list[Batch]
    validation: list[Batch]
    skipped: list[str]
    dropped: Mapping[str, str]


def fold_data(work: Workspace, fold: Fold) -> FoldData:
    """Return the samples that a fold may see.

    Raises
    ------
    SignalError
        If no date has enough labels, or no feature enough values.
    """
    clock, spec = work.labels.clock, work.spec
    train, few = sections(work.labels, work.eligible, fold.train)
    validation, few_validation = sections(work.labels, work.eligible, fold.validation)
    if not train or not validation:
        part = "validation" if train else "training"
        raise SignalError(f"{part} of {spec.name} {fold.name} must have a date with 30 or more labels, was without one")
    first = int(clock.signal[fold.train[0]]) - spec.lookback + 1
    span = slice(first, int(clock.signal[fold.scoring[0]]) + 1)  # ends at the freezing: later days decide nothing
    kept, names = work.features.keep(span, spec.minimum_coverage)
    if not len(kept):
        raise SignalError(f"features of {spec.name} {fold.name} must have values, was none with enough coverage")
    skipped = [str(clock.dates[position]) for position in (*few, *few_validation)]
    windows = Windows(work.features.values, spec.lookback, kept, work.panel.dates)
    return FoldData(windows, names, train, validation, skipped, work.features.dropped(span, spec.minimum_coverage))


def make_fold(work: Workspace, fold: Fold, report: Callback, threads: int) -> dict[str, Any]:
    """Train the seeds that a fold lacks, telling of every epoch; write its page last, and return it."""
    data = fold_data(work, fold)
    inputs = inputs_hash(work, fold)
    from signals import training  # TensorFlow takes seconds to import, and neither plans nor backtests need it

    device = training.prepare(threads)
    epochs, samples = work.spec.recipe.epochs, int(sum(batch.mask.sum() for batch in data.train))
    message = f"{fold.name}: {samples:,} samples of {work.spec.lookback} x {len(data.names)} on {device}"
    report(Progress("fold", fold.name, epochs=epochs, message=message))
    seeds = {}
    for seed in work.spec.recipe.seeds:
        folder = work.folder / fold.name / f"seed{seed}"
        held = read_json(folder / SEED)
        if held is None or (held["inputs_hash"], held["config_hash"]) != (inputs, work.config_hash):
            shutil.rmtree(folder, ignore_errors=True)  # what a killed run left of this seed
            held = _train_seed(work, fold, data, seed, report)
            held |= {"inputs_hash": inputs, "config_hash": work.config_hash}
            write_json(folder / SEED, held)
        seeds[str(seed)] = held
    made = {"inputs_hash": inputs, "device": device, "libraries": training.libraries(), "seeds": seeds}
    page = _page(work, fold, data) | made
    write_json(work.folder / fold.name / FOLD, page)
    return page


def _train_seed(work: Workspace, fold: Fold, data: FoldData, seed: int, report: Callback) -> dict[str, Any]:
    from signals import training

    recipe = work.spec.recipe

    def told(epoch: "Epoch") -> None:
        report(Progress("epoch", fold.name, seed, epochs=recipe.epochs, **asdict(epoch)))

    folder = work.folder / fold.name / f"seed{seed}"
    trainer = training.trainer_for(work.spec, len(data.names))
    reached = training.fit(trainer, recipe, data.windows, data.train, data.validation, seed, folder, told)
    files = {path.name: sha256(path) for path in sorted(folder.glob("*.keras"))}
    return {
        "best_epoch": training.best_epoch(reached),
        "epochs": [asdict(epoch) for epoch in reached],
        "files": files,
    }


def _page(work: Workspace, fold: Fold, data: FoldData) -> dict[str, Any]:
    clock = work.labels.clock
    seen = [*fold.train, *fold.validation]
    days = {name: [str(clock.dates[p]) for p in getattr(fold, name)] for name in ("train", "purged", "validation")}
    return {
        "signal": work.spec.name,
        "fold": fold.name,
        "universe": work.universe,
        "frozen": str(fold.frozen),
        "label_end": str(max(clock.exit_dates[position] for position in seen)),
        **days,
        "skipped": data.skipped,
        "samples": {
            "train": int(sum(batch.mask.sum() for batch in data.train)),
            "validation": int(sum(batch.mask.sum() for batch in data.validation)),
        },
        "features": data.names,
        "dropped_features": dict(data.dropped),
        "settings": settings(work.spec),
        "config_hash": work.config_hash,
        "data_fingerprint": work.panel.fingerprint,
    }


def score_fold(
    work: Workspace, fold: Fold, page: Mapping[str, Any], positions: Sequence[int], threads: int = 1
) -> list[Signal]:
    """Return the scores of some of a fold's dates: the mean over seeds of each date's z-scores."""
    from signals import training

    training.prepare(threads)
    spec, clock = work.spec, work.labels.clock
    columns = np.array([work.features.names.index(name) for name in page["features"]])
    windows = Windows(work.features.values, spec.lookback, columns, work.panel.dates)
    trainer = training.trainer_for(spec, len(columns))
    days = [int(clock.signal[position]) for position in positions]
    scores = {day: np.zeros(int(work.eligible[day].sum())) for day in days}
    for seed, held in page["seeds"].items():
        file = f"epoch_{held['best_epoch']:02d}.keras"
        trainer.load(work.folder / fold.name / f"seed{seed}" / file, held["files"][file])
        for day in days:
            stocks = np.flatnonzero(work.eligible[day])
            if not len(stocks):
                date = work.panel.dates[day]
                raise SignalError(f"universe {work.universe} must have an eligible stock on {date}, was empty")
            outputs = trainer.predict(windows.gather(stocks, np.full(len(stocks), day)))
            scores[day] += np.nan_to_num(standardise(outputs)) / len(page["seeds"])
    return [
        Signal(work.panel.dates[day], work.panel.codes[work.eligible[day]], scores[day], _meta(work, page, day))
        for day in days
    ]


def _meta(work: Workspace, page: Mapping[str, Any], day: int) -> dict[str, Any]:
    return {
        "label_horizon": work.spec.horizon,
        "model": work.spec.name,
        "model_version": work.spec.version,
        "train_start": page["train"][0],
        "train_end": page["train"][-1],
        "validation_start": page["validation"][0],
        "validation_end": page["validation"][-1],
        "label_end": page["label_end"],
        "seeds": list(work.spec.recipe.seeds),
        "data_fingerprint": work.panel.fingerprint,
        "config_hash": work.config_hash,
        "libraries": page["libraries"],
        "universe": work.universe,
        "proxy": work.spec.proxy,
        "fold": page["fold"],
        "features": len(page["features"]),
        "dropped_features": page["dropped_features"],
        "inputs_hash": date_hash(work, page["inputs_hash"], day),
    }
