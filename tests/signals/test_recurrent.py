"""Ours against Keras's: every output and gradient, in loops and written out, and the same files."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from signals.models import recurrent
from signals.models.saving import load_model, save_model

FEATURES, UNITS = 3, 4
SHORT, LONG = 7, recurrent.UNROLLED + 3  # written out, and in a loop
PAIRS: dict[str, tuple[Any, Any]] = {
    "LSTM": (keras.layers.LSTM, recurrent.LSTM),
    "GRU": (keras.layers.GRU, recurrent.GRU),
}


def random(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def pair(kind: str, lookback: int, **options) -> list[keras.layers.Layer]:
    """Keras's layer and ours with the same weights, all of them away from zero."""
    layers = [made(UNITS, **options) for made in PAIRS[kind]]
    for layer in layers:
        layer.build((None, lookback, FEATURES))
        layer.set_weights([random(*w.shape, seed=n).numpy() / 2 for n, w in enumerate(layer.get_weights())])
    return layers


def outputs_and_gradients(layer, windows: tf.Tensor, states: list[tf.Tensor] | None = None) -> list[np.ndarray]:
    """Everything a layer gives, and the gradients of its weights, inputs and first states, as the graph has them."""

    @tf.function
    def compute(windows, *states):
        with tf.GradientTape() as tape:
            tape.watch((windows, states))
            outputs = layer(windows, initial_state=list(states) or None)
            outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
            loss = tf.add_n([tf.reduce_sum(tf.sin(3 * output)) for output in outputs])
        wanted = [windows, *states, *(variable.value for variable in layer.trainable_variables)]
        return [*outputs, *tape.gradient(loss, wanted)]

    return [tensor.numpy() for tensor in compute(windows, *(states or []))]


def fast(layer: keras.layers.Layer, windows: tf.Tensor, **call) -> bool:
    """Whether the layer goes its own way: then Keras's step function is never called."""
    layer.cell.call = Mock(wraps=layer.cell.call)
    layer(windows, **call)
    return not layer.cell.call.called


def assert_close(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        assert mine == pytest.approx(other, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("lookback", [1, SHORT, LONG])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("batch", [1, 5])  # one shard is empty; shards of three and two
def test_outputs_states_and_every_gradient_are_those_of_keras(kind, lookback, sequences, batch):
    theirs, ours = pair(kind, lookback, return_sequences=sequences, return_state=True)
    windows = random(batch, lookback, FEATURES)
    states = [random(batch, UNITS, seed=9 + n) for n in range(2 if kind == "LSTM" else 1)]

    assert fast(ours, windows)
    assert_close(outputs_and_gradients(ours, windows, states), outputs_and_gradients(theirs, windows, states))


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("lookback", [SHORT, LONG])
def test_stacked_layers_start_from_zero_and_give_what_keras_gives(kind, lookback):
    models = []
    for made in PAIRS[kind]:
        windows = keras.Input((lookback, FEATURES))
        models.append(keras.Model(windows, made(2)(made(UNITS, return_sequences=True)(windows))))
    models[0].set_weights([random(*w.shape, seed=n).numpy() / 2 for n, w in enumerate(models[0].get_weights())])
    models[1].set_weights(models[0].get_weights())
    windows = random(6, lookback, FEATURES)

    def result(model: keras.Model) -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            output = model(windows)
            loss = tf.reduce_sum(output**3)
        return [output.numpy(), *(g.numpy() for g in tape.gradient(loss, [v.value for v in model.trainable_variables]))]

    assert_close(result(models[1]), result(models[0]))


@pytest.mark.parametrize("kind", PAIRS)
def test_inputs_dropped_in_training_are_dropped_as_keras_drops_them(kind):
    theirs, ours = pair(kind, SHORT, dropout=0.5, seed=3)
    windows = random(8, SHORT, FEATURES)

    assert fast(ours, windows, training=True)
    ours.cell.seed_generator.state.assign(theirs.cell.seed_generator.state)
    assert ours(windows, training=True).numpy() == pytest.approx(theirs(windows, training=True).numpy(), abs=1e-5)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize(
    "options",
    [
        {"go_backwards": True},
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"use_bias": False},
        {"recurrent_dropout": 0.2},
        {"dtype": "float64"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_option_that_the_fast_way_lacks_is_left_to_keras(kind, options):
    theirs, ours = pair(kind, SHORT, **options)
    windows = random(5, SHORT, FEATURES)

    assert not fast(ours, windows)
    assert ours(windows).numpy() == pytest.approx(theirs(windows).numpy(), abs=1e-5)


def test_masked_steps_a_gpu_and_a_reset_before_the_product_are_left_to_keras(monkeypatch):
    windows = random(5, SHORT, FEATURES)
    mask = tf.constant([[True] * 4 + [False] * 3] * 5)
    theirs, ours = pair("LSTM", SHORT)

    assert not fast(ours, windows, mask=mask)
    assert ours(windows, mask=mask).numpy() == pytest.approx(theirs(windows, mask=mask).numpy(), abs=1e-5)
    assert not fast(pair("GRU", SHORT, reset_after=False)[1], windows)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"] if kind == "GPU" else [])
    assert not fast(pair("GRU", SHORT)[1], windows)


@pytest.mark.parametrize("kind", PAIRS)
def test_the_same_inputs_give_the_same_bits_under_op_determinism(kind):
    _, ours = pair(kind, LONG, return_sequences=True)
    tf.config.experimental.enable_op_determinism()
    windows = random(50, LONG, FEATURES)

    first, second = (outputs_and_gradients(ours, windows) for _ in range(2))

    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("saved_by", [0, 1], ids=["keras", "ours"])
def test_weights_saved_by_one_are_read_by_the_other(kind, saved_by, tmp_path: Path):
    models = []
    for made in PAIRS[kind]:
        windows = keras.Input((SHORT, FEATURES))
        models.append(keras.Model(windows, made(UNITS)(windows)))
    windows = random(5, SHORT, FEATURES)
    source, target = models[saved_by], models[1 - saved_by]
    names = [[variable.path.split("/", 1)[1] for variable in model.trainable_variables] for model in models]

    source.save_weights(tmp_path / "of.weights.h5")
    target.load_weights(tmp_path / "of.weights.h5")

    assert names[0] == names[1]
    assert target(windows).numpy() == pytest.approx(source(windows).numpy(), abs=1e-6)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_saved_model_is_loaded_in_safe_mode_with_its_fast_layer_and_the_same_bits(kind, tmp_path: Path):
    inputs = keras.Input((SHORT, FEATURES))
    model = keras.Model(inputs, PAIRS[kind][1](UNITS, dropout=0.1)(inputs))
    windows = random(5, SHORT, FEATURES)
    save_model(model, tmp_path / "model.keras")

    loaded = load_model(tmp_path / "model.keras")

    assert type(loaded.layers[1]) is PAIRS[kind][1]
    assert loaded.layers[1].dropout == 0.1
    assert np.array_equal(loaded(windows), model(windows))
