"""What every part of a walk-forward shares: the open market, its features and labels, and how progress is told."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from feeds.building import open_panel
from feeds.errors import SignalError
from feeds.panel import MarketPanel
from feeds.store import Store, replace_file
from feeds.universe import eligible
from signals.features.panel import FeaturePanel
from signals.features.sets import FeatureSet, resolve
from signals.labels import HORIZONS, Labels, labels_for
from signals.registry import SignalSpec

FOLD = "fold.json"  # written last: a fold with it is finished


@dataclass(frozen=True)
class Progress:
    """What a long run is doing, for a progress display.

    Attributes
    ----------
    stage : {"preparing", "planned", "fold", "epoch", "written"}
        ``preparing``: a step before training, told in ``message``; ``planned``: it is known what is missing;
        ``fold``: a fold begins; ``epoch``: an epoch ended; ``written``: a fold's signal files are in place.
    fold, seed, epoch, epochs
        Where; epochs are counted from 1. ``epochs`` is how many the recipe wants, and with ``planned`` how many are
        to come in the whole run.
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
    return digest([json.dumps({**settings(spec), "universe": universe}, sort_keys=True).encode()])


def settings(spec: SignalSpec) -> dict[str, Any]:
    """Return what of a spec decides a score, as JSON has it."""
    return json.loads(json.dumps({key: value for key, value in spec.as_dict().items() if key != "title"}))


def open_workspace(
    data_dir: str | Path, spec: SignalSpec, universe: str, tell: Callable[[str], None] = lambda _: None
) -> Workspace:
    """Open the panel, features and labels of a data folder, making what is not cached yet."""
    panel, calendar = open_panel(data_dir, tell), Store.existing(data_dir).open_days()
    folders = {"features": Path(data_dir) / "features", "models": models_folder(data_dir, spec)}
    return workspace_on(panel, spec, universe, calendar, **folders, tell=tell)


def workspace_on(
    panel: MarketPanel, spec: SignalSpec, universe: str, calendar: np.ndarray,
    *, features: Path, models: Path, tell: Callable[[str], None] = lambda _: None,
) -> Workspace:  # fmt: skip
    """Return what a signal sees of a market: who is eligible, features and labels.

    Parameters
    ----------
    calendar : ndarray of datetime64[D]
        Trading days that may reach beyond the panel, see :func:`signals.labels.month_ends`.
    features : Path
        Folder in which computed features are kept.
    models : Path
        Where the signal's models are.
    """
    chosen = _trainable(spec)
    allowed = eligible(panel, universe)
    labels = labels_for(spec.horizon, panel, allowed, calendar)
    told: list[int] = []

    def progress(done: int, total: int) -> None:
        if not told:
            tell(f"computing {len(chosen.names)} features (once per change of the data)")
        told.append(done)

    return Workspace(spec, universe, panel, allowed, labels, chosen.build(panel, allowed, features, progress), models)


def _trainable(spec: SignalSpec) -> FeatureSet:
    """Return the features of a signal, or refuse what the walk-forward cannot read: it is monthly, on stored scores."""
    chosen = resolve(spec.features)
    if chosen.preprocessing != "cross_section":
        raise SignalError(f"features of {spec.name} must be scored across stocks to be trained, was {chosen.name}")
    if HORIZONS[spec.horizon].sections != "month":
        raise SignalError(f"horizon of {spec.name} must be monthly to be trained, was {spec.horizon}")
    return chosen


def digest(parts: Iterable[bytes]) -> str:
    """Return a short hash of a sequence of byte strings; it depends on where one ends and the next begins."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:16]


def read_json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as broken:
        raise SignalError(f"{path} must be JSON, was damaged ({broken}); use --retrain") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    replace_file(path, json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode())
