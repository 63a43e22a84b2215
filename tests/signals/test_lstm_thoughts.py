import keras
import numpy as np
import pytest
import tensorflow as tf

from signals.models import lstm_thoughts
from signals.models.lstm_thoughts import build


def test_the_published_network_has_59605_parameters():
    assert build(22, 101).count_params() == 59_605


def test_the_parameters_are_those_of_each_layer_counted_by_hand():
    counts = {layer.name: layer.count_params() for layer in build(22, 101).layers if layer.count_params()}

    assert counts == {
        "scale": 4 * 101,
        "memory": 4 * 64 * (101 + 64 + 1),
        "thoughts": (64 + 1) * 160,
        "read": (160 + 1) * 32,
        "conclusion": (32 + 1) * 32,
        "score": 96 + 1,
    }


@pytest.mark.parametrize("thoughts", ["last", "per_step"])
@pytest.mark.parametrize("size", ["tiny", "full"])
def test_every_variant_gives_one_score_per_window(size, thoughts):
    model = build(5, 3, size=size, thoughts=thoughts)

    assert model(np.zeros((7, 5, 3), "float32")).shape == (7, 1)


def test_thoughts_per_step_have_the_same_weights_and_another_output():
    windows = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
    last, every = build(5, 3, size="tiny"), build(5, 3, size="tiny", thoughts="per_step")
    every.set_weights(last.get_weights())

    assert not np.allclose(last(windows), every(windows))


def test_thoughts_per_step_join_the_mean_thought_to_the_last_state():
    windows = np.random.default_rng(0).normal(size=(4, 1, 3)).astype("float32")  # one step: mean and last agree
    last, every = build(1, 3, size="tiny"), build(1, 3, size="tiny", thoughts="per_step")
    every.set_weights(last.get_weights())

    assert np.allclose(last(windows), every(windows), atol=1e-6)


@pytest.mark.parametrize("thoughts", ["last", "per_step"])
@pytest.mark.parametrize("training", [False, True])
def test_outputs_and_gradients_are_those_of_the_network_with_a_memory_of_keras(thoughts, training, monkeypatch):
    windows = tf.constant(np.random.default_rng(0).normal(1, 3, size=(40, 6, 5)).astype("float32"))
    found = []
    for memory in (keras.layers.LSTM, lstm_thoughts.LSTM):
        monkeypatch.setattr(lstm_thoughts, "LSTM", memory)
        model = build(6, 5, size="tiny", thoughts=thoughts, dropout=0.0)
        random = np.random.default_rng(2)  # every weight and moving statistic is away from its start
        model.set_weights([random.uniform(0.05, 0.5, weights.shape) for weights in model.get_weights()])
        with tf.GradientTape() as tape:
            output = model(windows, training=training)
            loss = tf.reduce_sum(output**2)
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append([output, *gradients, *model.non_trainable_variables[:2]])

    for expected, fast in zip(*found, strict=True):
        assert np.asarray(fast) == pytest.approx(np.asarray(expected), rel=2e-4, abs=2e-5)


def test_dropout_acts_in_training_only():
    model = build(5, 3, dropout=0.5)
    windows = np.random.default_rng(0).normal(size=(50, 5, 3)).astype("float32")

    assert np.array_equal(model(windows, training=False), model(windows, training=False))
    assert not np.allclose(model(windows, training=True), model(windows, training=True))


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ({"size": "huge"}, "size must be one of full, tiny, was huge"),
        ({"thoughts": "none"}, "thoughts must be one of last, per_step, was none"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), was 1.0"),
    ],
)
def test_an_option_outside_its_range_is_refused(option, rule):
    with pytest.raises(ValueError, match=rule):
        build(5, 3, **option)
