"""Training and scoring of one model: the only module that runs TensorFlow."""

import contextlib
import importlib
import io
import json
import os
import platform
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from feeds.errors import SignalError, unknown
from feeds.store import replace_file, sha256
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

    from signals.losses import LOSSES

LARGEST_BATCH = 4096  # samples scored at a time; one month of the whole market needs two such
SAVED_AT = "1980-01-01@00:00:00"


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


def prepare() -> str:
    """Pin threads and operations so that the same input gives the same bytes; return the device's name.

    One thread per process: folds are what runs side by side. A process in which TensorFlow already ran keeps its
    threads, which costs no reproducibility on a CPU.
    """
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
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

    def _step(self, windows: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Fit one batch of windows (n, lookback, features) and return its loss."""
        with tf.GradientTape() as tape:
            predicted = self.model(windows, training=True)[:, 0]  # (n,)
            loss = self.loss(predicted, labels, mask)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss


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
    windows: Windows,
    train: Sequence[Batch],
    validation: Sequence[Batch],
    seed: int,
    folder: Path,
    report: Callable[[Epoch], None] = lambda _: None,
) -> list[Epoch]:
    """Train one seed, saving ``epoch_01.keras`` and so on in a folder, and return what each epoch reached.

    Raises
    ------
    SignalError
        If the loss or a prediction is not finite; the message names the folder, the epoch and the date.
    """
    trainer.reset(seed)
    reached = []
    for number in range(1, trainer.spec.recipe.epochs + 1):
        losses = []
        for batch in batches(train, trainer.spec.recipe, seed, number):
            inputs = windows.gather(batch.stocks, batch.days)
            loss = float(trainer.step(inputs, batch.labels, batch.mask))
            if not np.isfinite(loss):
                raise SignalError(_not_finite("training loss", loss, folder, number, inputs, windows.dates[batch.days]))
            losses.append(loss)
        ic, rank_ic = validate(trainer.predict, windows, validation, folder, number)
        reached.append(Epoch(number, -float(np.mean(losses)), ic, rank_ic))
        save_model(trainer.model, folder / f"epoch_{number:02d}.keras")
        report(reached[-1])
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
    forward = tf.function(lambda windows: model(windows, training=False)[:, 0], input_signature=signature)

    def predict(windows: np.ndarray) -> np.ndarray:
        parts = [windows[start : start + LARGEST_BATCH] for start in range(0, len(windows), LARGEST_BATCH)]
        return np.concatenate([forward(part).numpy() for part in parts]).astype(np.float64)

    return predict


def save_model(model: "keras.Model", path: Path) -> None:
    """Save a model as ``.keras`` of which the same weights give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.keras")
    try:
        model.save(temporary)
        replace_file(path, _canonical(temporary.read_bytes()))
    finally:
        temporary.unlink(missing_ok=True)


def _canonical(content: bytes) -> bytes:
    """Return a ``.keras`` archive without what differs from save to save: dates, and addresses in memory."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps({**json.loads(data), "date_saved": SAVED_AT}, sort_keys=True).encode()
            elif name == "config.json":
                data = json.dumps(_numbered(json.loads(data), {}), sort_keys=True).encode()
            new.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)
    return result.getvalue()


def _numbered(node: Any, seen: dict[int, int]) -> Any:
    """Return a configuration whose shared objects are numbered as they appear, instead of by address."""
    if isinstance(node, list):
        return [_numbered(part, seen) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: _numbered(value, seen) for key, value in node.items()}
    if "shared_object_id" in node:
        node["shared_object_id"] = seen.setdefault(node["shared_object_id"], len(seen) + 1)
    return node


def load_model(path: Path, expected: str | None = None) -> "keras.Model":
    """Load a saved model without running any code that it might carry.

    Parameters
    ----------
    path : Path
        A ``.keras`` file.
    expected : str, optional
        Its SHA-256.

    Raises
    ------
    SignalError
        If the file is missing, is not the expected one, is damaged, or holds a Lambda or a foreign class.
    """
    if not path.exists():
        raise SignalError(f"{path} must exist, was missing (train again)")
    if expected is not None and sha256(path) != expected:
        raise SignalError(f"{path} must have SHA-256 {expected[:12]} as trained, was {sha256(path)[:12]}")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as problem:  # keras raises whatever the damaged archive provokes
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise SignalError(f"{path} must be a Keras model of built-in layers only, was refused: {reason}") from problem
