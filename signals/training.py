"""Training and scoring of one model: the only module that runs TensorFlow."""

import contextlib
import importlib
import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from feeds.errors import SignalError, unknown
from signals.registry import Recipe, SignalSpec
from signals.windows import Batch, Windows, pooled

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Send the process's error stream to nowhere: TensorFlow greets on it before it reads any setting."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with _silent():
    import keras
    import tensorflow as tf

    from signals.losses import LOSSES, ic_loss
    from signals.models.saving import load_model, save_model

LARGEST_BATCH = 4096  # samples scored at a time; one month of the whole market needs two such


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training sections reached.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    train_ic : float
        Mean over batches of the correlation of outputs (with dropout) and labels.
    validation_ic, validation_rank_ic : float
        Mean over validation dates of Pearson's and Spearman's correlation.
    """

    epoch: int
    train_ic: float
    validation_ic: float
    validation_rank_ic: float


def prepare(threads: int = 1) -> str:
    """Pin threads and operations so that the same input gives the same bytes; return the device's name.

    Parameters
    ----------
    threads : int
        How many operations may run at a time. Each runs on one thread whatever the number, so it changes no byte. A
        process in which TensorFlow already ran keeps its threads.
    """
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"


def libraries() -> dict[str, str]:
    """Return the versions that decide a model's bits."""
    names = ("keras", "numpy", "tensorflow")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}


class Trainer:
    """A network with its optimiser and compiled steps, reusable for every fold and seed of one shape.

    Parameters
    ----------
    spec : SignalSpec
    features : int
        Features per day.
    """

    def __init__(self, spec: SignalSpec, features: int):
        if spec.recipe.loss not in LOSSES:
            raise unknown("loss", spec.recipe.loss, LOSSES)
        self.spec = spec
        self.features = features
        self.loss = LOSSES[spec.recipe.loss]
        self.model = build_model(spec, features)
        self.optimizer = keras.optimizers.Adam(spec.recipe.learning_rate, clipnorm=spec.recipe.clipnorm)
        self.optimizer.build(self.model.trainable_variables)
        self._blank = [variable.numpy() for variable in self.optimizer.variables]
        windows = tf.TensorSpec((None, spec.lookback, features), tf.float32)
        vector = tf.TensorSpec((None,), tf.float32)
        self.step = tf.function(self._step, input_signature=[windows, vector, vector])
        self.predict = predictor(self.model)

    def reset(self, seed: int) -> None:
        """Bring every variable to the state in which a fresh process with this seed would start."""
        keras.utils.set_random_seed(seed)
        fresh = build_model(self.spec, self.features)
        for variable, start in zip(self.model.variables, fresh.variables, strict=True):
            variable.assign(start.numpy())
        for variable, value in zip(self.optimizer.variables, self._blank, strict=True):
            variable.assign(value)

    def load(self, path: Path, expected: str | None = None) -> None:
        """Take the weights of a saved model, see :func:`load_model`."""
        loaded = load_model(path, expected)
        try:
            self.model.set_weights(loaded.get_weights())
        except ValueError as problem:
            raise SignalError(f"{path} must fit {self.spec.model}, was another network ({problem})") from None

    def _step(self, windows: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Fit one batch of windows (n, lookback, features) and return its loss and its IC."""
        with tf.GradientTape() as tape:
            outputs = self.model(windows, training=True)  # (n, 1), or (n, 2) with a cross-entropy
            loss = self.loss(outputs, labels, mask)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss, -ic_loss(outputs, labels, mask)


def trainer_for(spec: SignalSpec, features: int) -> Trainer:
    """Return a trainer, the one made before in this process if the network and its optimiser are the same."""
    recipe = spec.recipe
    network = (spec.model, spec.lookback, features, json.dumps(dict(spec.options), sort_keys=True))
    key = (*network, recipe.loss, recipe.learning_rate, recipe.clipnorm)
    if key not in _TRAINERS:
        _TRAINERS.clear()  # one at a time: compiled steps are large
        _TRAINERS[key] = Trainer(spec, features)
    return _TRAINERS[key]


_TRAINERS: dict[tuple[Any, ...], Trainer] = {}


def build_model(spec: SignalSpec, features: int) -> "keras.Model":
    """Return the spec's network with new weights."""
    return importlib.import_module(spec.model).build(spec.lookback, features, **spec.options)


def batches(train: Sequence[Batch], recipe: Recipe, seed: int, epoch: int) -> list[Batch]:
    """Return the batches of one epoch in an order that only the seed and the epoch decide."""
    random = np.random.default_rng((seed, epoch))
    if recipe.batch_mode == "pooled":
        return pooled(train, recipe.batch_size, random)
    return [train[position] for position in random.permutation(len(train))]


def fit(
    trainer: Trainer,
    recipe: Recipe,
    windows: Windows,
    train: Sequence[Batch],
    validation: Sequence[Batch],
    seed: int,
    folder: Path,
    report: Callable[[Epoch], None] = lambda _: None,
) -> list[Epoch]:
    """Train one seed, saving ``epoch_01.keras`` and so on in a folder, and return what each epoch reached.

    Windows are gathered a batch at a time, which costs 2 % of what fitting them does.

    Raises
    ------
    SignalError
        If the loss or a prediction is not finite; the message names the folder, the epoch and the date.
    """
    trainer.reset(seed)
    reached = []
    for number in range(1, recipe.epochs + 1):
        ics = []
        for batch in batches(train, recipe, seed, number):
            inputs = windows.gather(batch.stocks, batch.days)
            loss, batch_ic = (float(value) for value in trainer.step(inputs, batch.labels, batch.mask))
            if not np.isfinite(loss):
                raise SignalError(_not_finite("training loss", loss, folder, number, inputs, windows.dates[batch.days]))
            ics.append(batch_ic)
        ic, rank_ic = validate(trainer.predict, windows, validation, folder, number)
        reached.append(Epoch(number, float(np.mean(ics)), ic, rank_ic))
        save_model(trainer.model, folder / f"epoch_{number:02d}.keras")
        report(reached[-1])
        if recipe.patience and number - best_epoch(reached) >= recipe.patience:
            break
    return reached


def _not_finite(what: str, was: float, folder: Path, epoch: int, inputs: np.ndarray, dates: np.ndarray) -> str:
    bad = int((~np.isfinite(inputs)).sum())
    cause = f"{bad} inputs are not finite" if bad else "inputs are finite, so try a smaller learning_rate"
    when = f"{dates.min()}" if dates.min() == dates.max() else f"{dates.min()} to {dates.max()}"
    return f"{what} must be finite, was {was} in {folder} at epoch {epoch} on {when} ({cause})"


def validate(
    predict: Callable[[np.ndarray], np.ndarray],
    windows: Windows,
    validation: Sequence[Batch],
    folder: Path,
    epoch: int,
) -> tuple[float, float]:
    """Return the means over dates of IC and RankIC; a date with constant output counts as 0."""
    pearson, spearman = [], []
    for batch in validation:
        inputs = windows.gather(batch.stocks, batch.days)
        output = predict(inputs)
        if not np.isfinite(output).all():
            raise SignalError(_not_finite("prediction", np.nan, folder, epoch, inputs, windows.dates[batch.days]))
        labelled = batch.mask > 0
        outputs, labels = output[labelled], batch.labels[labelled].astype(float)
        constant = np.ptp(outputs) == 0
        pearson.append(0.0 if constant else float(stats.pearsonr(outputs, labels).statistic))
        spearman.append(0.0 if constant else float(stats.spearmanr(outputs, labels).statistic))
    return float(np.mean(pearson)), float(np.mean(spearman))


def best_epoch(reached: Sequence[Epoch]) -> int:
    """Return the epoch, counted from 1, with the highest validation RankIC; of equals the earliest."""
    return max(reached, key=lambda epoch: (epoch.validation_rank_ic, -epoch.epoch)).epoch


def predictor(model: "keras.Model") -> Callable[[np.ndarray], np.ndarray]:
    """Return a compiled function from windows (n, lookback, features) to outputs (n,) as float64."""
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    compiled = tf.function(lambda windows: model(windows, training=False)[:, -1], input_signature=signature)

    def predict(windows: np.ndarray) -> np.ndarray:
        parts = [windows[start : start + LARGEST_BATCH] for start in range(0, len(windows), LARGEST_BATCH)]
        return np.concatenate([compiled(part).numpy() for part in parts]).astype(np.float64)

    return predict
