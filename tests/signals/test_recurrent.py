import keras
import numpy as np
import pytest
import tensorflow as tf

from signals.models.recurrent import gates_together, lstm, scaled_projection

BATCH, LOOKBACK, FEATURES, UNITS = 30, 7, 5, 4
WINDOWS = tf.constant(np.random.default_rng(0).normal(2, 3, size=(BATCH, LOOKBACK, FEATURES)).astype("float32"))


def test_gates_are_reordered_so_that_the_candidate_is_last():
    weights = tf.constant([[1.0, 1, 2, 2, 3, 3, 4, 4]])  # input, forget, candidate, output

    assert gates_together(weights).numpy().tolist() == [[1, 1, 2, 2, 4, 4, 3, 3]]


@pytest.fixture
def layer() -> keras.layers.LSTM:
    keras.utils.set_random_seed(3)
    layer = keras.layers.LSTM(UNITS, return_sequences=True)
    layer.build((None, LOOKBACK, FEATURES))
    return layer


def states(layer: keras.layers.LSTM, windows: tf.Tensor) -> tf.Tensor:
    kernel, recurrent, bias = (gates_together(weights.value) for weights in layer.trainable_variables)
    return tf.transpose(lstm(tf.matmul(tf.transpose(windows, (1, 0, 2)), kernel) + bias, recurrent), (1, 0, 2))


def test_states_of_every_step_are_those_of_keras(layer):
    assert states(layer, WINDOWS).numpy() == pytest.approx(layer(WINDOWS).numpy(), abs=1e-6)


def test_gradients_of_every_step_are_those_of_keras(layer):
    weights = tf.constant(np.random.default_rng(1).normal(size=(BATCH, LOOKBACK, UNITS)).astype("float32"))
    found = []
    for compute in (lambda: layer(WINDOWS), lambda: states(layer, WINDOWS)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(compute() * weights)
        found.append(tape.gradient(loss, [variable.value for variable in layer.trainable_variables]))

    for expected, ours in zip(*found, strict=True):
        assert ours.numpy() == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-4)


def test_a_window_of_one_day_has_no_recurrence(layer):
    one = WINDOWS[:, :1]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(states(layer, one))

    gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])

    assert states(layer, one).numpy() == pytest.approx(layer(one).numpy(), abs=1e-6)
    assert not gradients[1].numpy().any()


@pytest.mark.parametrize("training", [True, False])
def test_projection_is_normalising_and_then_multiplying(training):
    random = np.random.default_rng(5)
    ours, theirs = keras.layers.BatchNormalization(), keras.layers.BatchNormalization()
    weights = [random.uniform(0.5, 1.5, FEATURES) for _ in range(4)]
    for scale in (ours, theirs):
        scale.build((None, LOOKBACK, FEATURES))
        scale.set_weights(weights)
    kernel, bias = random.normal(size=(FEATURES, 3)).astype("float32"), random.normal(size=3).astype("float32")

    projected = scaled_projection(WINDOWS, ours, tf.constant(kernel), tf.constant(bias), training)

    expected = tf.transpose(theirs(WINDOWS, training=training) @ kernel + bias, (1, 0, 2))
    assert projected.numpy() == pytest.approx(expected.numpy(), abs=1e-4)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine == pytest.approx(other, rel=1e-5)
