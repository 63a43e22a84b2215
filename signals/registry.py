"""Names of trainable signals: what each sees, foresees, how it is trained and how often."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from feeds.errors import ConfigError, unknown
from signals.labels import HORIZONS
from signals.splits import Schedule

BATCH_MODES = ("date", "pooled")


@dataclass(frozen=True)
class Recipe:
    """How one model is fitted.

    Attributes
    ----------
    epochs : int
        Most passes over the training sections; the epoch with the best validation RankIC is kept.
    patience : int
        Training ends when the best validation RankIC is this many epochs old; 0 makes all epochs.
    learning_rate : float
        Of Adam.
    batch_mode : {"date", "pooled"}
        ``date``: a batch is one section, all its stocks. ``pooled``: the samples of all sections are shuffled and
        cut into ``batch_size``; such a batch compares stocks of different months.
    batch_size : int
        Samples per batch when pooled.
    clipnorm : float
        Largest norm of each variable's gradient.
    seeds : tuple of int
        One model each; the score is the mean of their z-scores.
    loss : str
        Name in :data:`signals.losses.LOSSES`: ``ic``, ``mse``, ``weighted_mse`` or ``cross_entropy`` (of up and down,
        for a network that ends in a softmax of two). The last column of a network's outputs is the score.
    """

    epochs: int = 10
    learning_rate: float = 1e-4
    batch_mode: str = "date"
    batch_size: int = 256
    clipnorm: float = 3.0
    seeds: tuple[int, ...] = (0,)
    loss: str = "ic"
    patience: int = 0

    def __post_init__(self) -> None:
        _require(self.epochs >= 1, "epochs must be 1 or more", self.epochs)
        _require(0 < self.learning_rate < 1, "learning_rate must be in (0, 1)", self.learning_rate)
        _require(self.batch_mode in BATCH_MODES, f"batch_mode must be one of {', '.join(BATCH_MODES)}", self.batch_mode)
        _require(self.batch_size >= 2, "batch_size must be 2 or more", self.batch_size)
        _require(self.patience >= 0, "patience must be 0 or more", self.patience)
        _require(self.clipnorm > 0, "clipnorm must be positive", self.clipnorm)
        _require(
            len(self.seeds) > 0 and len(set(self.seeds)) == len(self.seeds) and min(self.seeds) >= 0,
            "seeds must be different whole numbers, 0 or more, at least one",
            self.seeds,
        )


@dataclass(frozen=True)
class SignalSpec:
    """All that decides a trained signal, apart from the market data and the universe.

    Attributes
    ----------
    name : str
        Folder of the signal files, ``<data>/signals/<name>``.
    title : str
        One line for lists and reports.
    model : str
        Import path of a module with ``build(lookback, features, **options) -> keras.Model``.
    features : str
        The name of a set of :data:`signals.features.sets.SETS` such as ``price_volume``, ``all`` for ``thoughts``, or
        names of :data:`signals.features.inputs.FEATURES` with commas.
    lookback : int
        Days in a window, the signal date being the last.
    horizon : str
        What the label measures and how often, a name of :data:`signals.labels.HORIZONS`.
    recipe, schedule
        How a model is fitted, and when.
    options : mapping
        Keyword arguments of ``build``.
    minimum_coverage : float
        A feature that on some day of a fold's windows covers a smaller share of the eligible stocks is left out of
        that fold.
    version : str
        Changes when the same settings would mean another model.
    proxy : bool
        Whether inputs stand in for data that a published model had.
    """

    name: str
    title: str
    model: str
    features: str = "all"
    lookback: int = 22
    horizon: str = "month"
    recipe: Recipe = field(default_factory=Recipe)
    schedule: Schedule = field(default_factory=Schedule)
    options: Mapping[str, Any] = field(default_factory=dict)
    minimum_coverage: float = 0.5
    version: str = "1"
    proxy: bool = False

    def __post_init__(self) -> None:
        valid = re.fullmatch(r"[a-z][a-z0-9_]*", self.name) is not None
        _require(valid, "signal name must be lower-case letters, digits and '_'", self.name)
        _require(self.lookback >= 1, "lookback must be 1 or more", self.lookback)
        _require(self.horizon in HORIZONS, f"horizon must be one of {', '.join(HORIZONS)}", self.horizon)
        _require(0 <= self.minimum_coverage <= 1, "minimum_coverage must be in [0, 1]", self.minimum_coverage)
        schedule = self.schedule
        for name in ("train_sections", "validation_sections"):
            _require(getattr(schedule, name) >= 1, f"{name} must be 1 or more", getattr(schedule, name))
        months = schedule.retrain_months
        _require(
            len(months) > 0 and list(months) == sorted(set(months)) and months[0] >= 1 and months[-1] <= 12,
            "retrain_months must be ascending months from 1 to 12",
            months,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return every setting as plain JSON-able values."""
        return {**asdict(self), "options": dict(self.options)}


def _require(valid: bool, rule: str, was: object) -> None:
    if not valid:
        raise ConfigError(f"{rule}, was {was}")


_SPECS: dict[str, SignalSpec] = {}


def register(spec: SignalSpec) -> SignalSpec:
    """Add a signal to the names that can be trained, and return it.

    A model of your own is a module with one function and one registration::

        # my_models/gru.py
        import keras

        from signals.models.recurrent import GRU  # keras.layers.GRU, faster on a CPU

        def build(lookback, features, *, units=32):
            windows = keras.Input((lookback, features))
            return keras.Model(windows, keras.layers.Dense(1)(GRU(units)(windows)))

        # before training, for instance in a script that calls signals.walkforward.run
        from signals.registry import Recipe, SignalSpec, register

        register(SignalSpec("my_gru", "GRU of mine", model="my_models.gru",
                            recipe=Recipe(epochs=20), options={"units": 32}))

    Only Keras's layers and the recurrent ones of huice can be loaded again: a saved model never brings code of its own.

    Raises
    ------
    ConfigError
        If the name is taken.
    """
    if spec.name in _SPECS:
        raise ConfigError(f"signal name must be new, was {spec.name} ({_SPECS[spec.name].title})")
    _SPECS[spec.name] = spec
    return spec


def get(name: str) -> SignalSpec:
    """Return a registered signal.

    Raises
    ------
    ConfigError
        If there is none of that name; the message lists the known names and the nearest.
    """
    if name not in _SPECS:
        raise unknown("signal", name, _SPECS)
    return _SPECS[name]


def names() -> list[str]:
    """Return the names of all registered signals, ascending."""
    return sorted(_SPECS)


def with_settings(spec: SignalSpec, settings: Mapping[str, str]) -> SignalSpec:
    """Return a spec with some settings replaced by the texts of ``--set key=value``.

    Keys are the fields of :class:`Recipe`, of :class:`~signals.splits.Schedule` and the model's options, and
    ``lookback``, ``features`` and ``minimum_coverage``. Tuples are written with commas.

    Raises
    ------
    ConfigError
        If a key is not known or a value does not have the key's type.
    """
    recipe, schedule, options = asdict(spec.recipe), asdict(spec.schedule), dict(spec.options)
    own = {key: getattr(spec, key) for key in ("lookback", "features", "minimum_coverage")}
    groups: tuple[dict[str, Any], ...] = (recipe, schedule, options, own)
    for key, text in settings.items():
        group = next((group for group in groups if key in group), None)
        if group is None:
            raise unknown("setting", key, [known for group in groups for known in group])
        group[key] = _parse(key, str(text), group[key])
    return replace(spec, recipe=Recipe(**recipe), schedule=Schedule(**schedule), options=options, **own)


def _parse(key: str, text: str, default: object) -> Any:
    """Return a text as the type of the setting it replaces."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
        if isinstance(default, tuple):
            return tuple(int(part) for part in text.split(","))
    except (ValueError, KeyError):
        kind = "whole numbers with commas" if isinstance(default, tuple) else type(default).__name__
        raise ConfigError(f"{key} must be {kind}, was {text}") from None
    return text


register(
    SignalSpec(
        "lstm_thoughts",
        "LSTMWithThoughts: next month's return from 22 days of technical factors",
        model="signals.models.lstm_thoughts",
        options={"size": "full", "dropout": 0.2, "thoughts": "last"},
    )
)
