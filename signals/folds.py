"""One model of a walk-forward: from the panel's arrays to saved epochs and the scores of its months."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from feeds.building import open_panel
from feeds.errors import SignalError
from feeds.panel import MarketPanel
from feeds.store import Store, replace_file, sha256
from feeds.universe import eligible
from signals.features.panel import ALL, FeaturePanel
from signals.labels import Labels, labels_for, standardise
from signals.registry import SignalSpec
from signals.splits import Fold
from signals.table import Signal
from signals.windows import Batch, Windows, sections

if TYPE_CHECKING:
    from signals.training import Epoch, Trainer

FOLD = "fold.json"
SEED = "seed.json"


@dataclass(frozen=True)
class Progress:
    """What a long run is doing, for a progress display.

    Attributes
    ----------
    stage : {"preparing", "fold", "epoch", "written"}
        ``preparing``: a step before training, told in ``message``; ``fold``: a fold begins; ``epoch``: an epoch
        ended; ``written``: a fold's signal files are in place.
    fold, seed, epoch, epochs
        Where; epochs are counted from 1, ``epochs`` is how many the recipe wants.
    train_ic, validation_ic, validation_rank_ic : float
        Of the epoch that ended.
    dates : tuple of str
        Signal dates written.
    message : str
        Words for a log line.
    """

    stage: str
    fold: str = ""
    seed: int = 0
    epoch: int = 0
    epochs: int = 0
    train_ic: float = float("nan")
    validation_ic: float = float("nan")
    validation_rank_ic: float = float("nan")
    dates: tuple[str, ...] = ()
    message: str = ""


Callback = Callable[[Progress], None]


@dataclass(frozen=True)
class Workspace:
    """What every fold of one signal reads: the market, its features and labels, and where models are kept."""

    spec: SignalSpec
    universe: str
    panel: MarketPanel
    eligible: np.ndarray
    labels: Labels
    features: FeaturePanel
    folder: Path

    @cached_property
    def config_hash(self) -> str:
        """Hash of every setting that decides a score."""
        return config_hash(self.spec, self.universe)

    @cached_property
    def features_key(self) -> str:
        """Name of the cached features: it changes with the market data, the universe and the formulas."""
        return Path(str(self.features.values.filename)).parent.name  # type: ignore[attr-defined]

    @cached_property
    def window_hashes(self) -> dict[int, str]:
        """Hashes made so far, by date index: folds share most of their dates."""
        return {}


def models_folder(data_dir: str | Path, spec: SignalSpec) -> Path:
    """Return where a signal's models are kept, ``<data>/models/<name>``."""
    return Path(data_dir) / "models" / spec.name


def config_hash(spec: SignalSpec, universe: str) -> str:
    """Return a hash of every setting that decides a score, apart from the market data."""
    settings = {key: value for key, value in spec.as_dict().items() if key != "title"}
    return _digest([json.dumps({**settings, "universe": universe}, sort_keys=True, default=list).encode()])


def open_workspace(
    data_dir: str | Path, spec: SignalSpec, universe: str, tell: Callable[[str], None] = lambda _: None
) -> Workspace:
    """Open the panel, features and labels of a data folder, making what is not cached yet."""
    panel = open_panel(data_dir, tell)
    allowed = eligible(panel, universe)
    labels = labels_for(spec.horizon, panel, allowed, Store.existing(data_dir).open_days())
    names = ALL if spec.features == "all" else tuple(spec.features.split(","))
    tell(f"computing {len(names)} features (once per change of the data)")
    features = FeaturePanel.build(panel, allowed, Path(data_dir) / "features", names)
    return Workspace(spec, universe, panel, allowed, labels, features, models_folder(data_dir, spec))


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


def window_hash(work: Workspace, day: int) -> str:
    """Return a hash of what one date offers a model: its eligible stocks and their windows."""
    if day not in work.window_hashes:
        stocks = np.flatnonzero(work.eligible[day])
        parts = [str(work.panel.dates[day]).encode(), " ".join(work.panel.codes[stocks]).encode()]
        if len(stocks):
            windows = Windows(work.features.values, work.spec.lookback)
            parts.append(windows.gather(stocks, np.full(len(stocks), day)).tobytes())
        work.window_hashes[day] = _digest(parts)
    return work.window_hashes[day]


def inputs_hash(work: Workspace, fold: Fold) -> str:
    """Return a hash of all that a fold is trained on: windows and labels of its sections."""
    clock = work.labels.clock
    parts = []
    for position in (*fold.train, *fold.validation):
        stocks = np.flatnonzero(work.eligible[clock.signal[position]])
        parts.append(window_hash(work, int(clock.signal[position])).encode())
        parts.append(work.labels.scores[position, stocks].tobytes())
    return _digest(parts)


def date_hash(work: Workspace, inputs: str, day: int) -> str:
    """Return a hash of all that a date's scores follow from: its model's inputs and its own windows."""
    return _digest([inputs.encode(), window_hash(work, day).encode()])


def _digest(parts: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def make_fold(work: Workspace, fold: Fold, report: Callback, trainers: dict[int, "Trainer"]) -> dict[str, Any]:
    """Train what a fold lacks, write its page last, and return it.

    Parameters
    ----------
    work : Workspace
    fold : Fold
    report : callable
        Told of every epoch.
    trainers : dict
        Compiled networks by number of features; filled and reused across folds of one process.
    """
    from signals import training  # TensorFlow takes seconds to import and a backtest never needs it

    device = training.prepare()
    data = fold_data(work, fold)
    inputs = inputs_hash(work, fold)
    count = data.windows.features
    if count not in trainers:
        trainers[count] = training.Trainer(work.spec, count)
    seeds = {}
    for seed in work.spec.recipe.seeds:
        folder = work.folder / fold.name / f"seed{seed}"
        held = read_json(folder / SEED)
        if held is None or held["inputs_hash"] != inputs or held["config_hash"] != work.config_hash:
            held = _train_seed(work, fold, data, trainers[count], seed, report)
            held |= {"inputs_hash": inputs, "config_hash": work.config_hash}
            _write_json(folder / SEED, held)
        seeds[str(seed)] = held
    page = _page(work, fold, data) | {"inputs_hash": inputs, "device": device, "libraries": training.libraries()}
    _write_json(work.folder / fold.name / FOLD, page | {"seeds": seeds})
    return page | {"seeds": seeds}


def _train_seed(
    work: Workspace, fold: Fold, data: FoldData, trainer: "Trainer", seed: int, report: Callback
) -> dict[str, Any]:
    from signals import training

    epochs = work.spec.recipe.epochs

    def told(epoch: "Epoch") -> None:
        report(Progress("epoch", fold.name, seed, epochs=epochs, **asdict(epoch)))

    folder = work.folder / fold.name / f"seed{seed}"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left of this seed
    reached = training.fit(trainer, data.windows, data.train, data.validation, seed, folder, told)
    best = training.best_epoch(reached)
    files = {f"epoch_{e.epoch:02d}.keras": sha256(folder / f"epoch_{e.epoch:02d}.keras") for e in reached}
    return {"best_epoch": best, "epochs": [asdict(epoch) for epoch in reached], "files": files}


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
        "settings": json.loads(json.dumps(work.spec.as_dict(), default=list)),
        "config_hash": work.config_hash,
        "data_fingerprint": work.panel.fingerprint,
        "features_key": work.features_key,
    }


def score_fold(work: Workspace, fold: Fold, page: Mapping[str, Any], positions: Sequence[int]) -> list[Signal]:
    """Return the scores of some of a fold's dates: the mean over seeds of each date's z-scores."""
    from signals import training

    training.prepare()
    columns = np.array([work.features.names.index(name) for name in page["features"]])
    windows = Windows(work.features.values, work.spec.lookback, columns)
    predictors = []
    for seed, held in page["seeds"].items():
        file = f"epoch_{held['best_epoch']:02d}.keras"
        path = work.folder / fold.name / f"seed{seed}" / file
        predictors.append(training.predictor(training.load_model(path, held["files"][file])))
    scored = []
    for position in positions:
        day = int(work.labels.clock.signal[position])
        stocks = np.flatnonzero(work.eligible[day])
        if not len(stocks):
            date = work.panel.dates[day]
            raise SignalError(f"universe {work.universe} must have an eligible stock on {date}, was empty")
        inputs = windows.gather(stocks, np.full(len(stocks), day))
        outputs = np.array([np.nan_to_num(standardise(predict(inputs))) for predict in predictors])
        scores = outputs.mean(axis=0)
        scored.append(Signal(work.panel.dates[day], work.panel.codes[stocks], scores, _meta(work, page, day)))
    return scored


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
        "features_key": work.features_key,
        "inputs_hash": date_hash(work, page["inputs_hash"], day),
    }


def read_json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as broken:
        raise SignalError(f"{path} must be JSON, was damaged ({broken}); use --retrain") from None


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    replace_file(path, json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode())
