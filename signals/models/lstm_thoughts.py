"""LSTMWithThoughts: an LSTM whose last state is read by five parallel thoughts before it scores."""

import keras
import tensorflow as tf
from keras import layers

from signals.models.recurrent import gates_together, lstm, scaled_projection

SIZES = {
    # units of the LSTM, number of thoughts, units per thought, units of the two layers that read them
    "full": (64, 5, 32, 32),
    "tiny": (8, 2, 4, 4),
}
THOUGHTS = ("last", "per_step")


def build(
    lookback: int,
    features: int,
    *,
    size: str = "full",
    dropout: float = 0.2,
    thoughts: str = "last",
) -> keras.Model:
    """Return the untrained network, ``(batch, lookback, features) -> (batch, 1)``.

    Parameters
    ----------
    lookback : int
        Days in a window.
    features : int
        Features per day.
    size : {"full", "tiny"}
        ``full`` has 59,605 parameters at 22 x 101; ``tiny`` is for tests and first looks.
    dropout : float
        Share of the last layer's inputs dropped in training, in [0, 1).
    thoughts : {"last", "per_step"}
        Whether thoughts read the last state, or every state and are averaged over the days.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, was {size}")
    if thoughts not in THOUGHTS:
        raise ValueError(f"thoughts must be one of {', '.join(THOUGHTS)}, was {thoughts}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1), was {dropout}")
    units, count, width, read = SIZES[size]
    every = thoughts == "per_step"
    windows = keras.Input((lookback, features), name="windows")  # (batch, lookback, features)
    scaled = layers.BatchNormalization(name="scale")(windows)
    states = layers.LSTM(units, return_sequences=every, name="memory")(scaled)  # (batch[, lookback], units)
    thought = layers.Dense(count * width, name="thoughts")(states)  # (batch[, lookback], count * width)
    thought = layers.Dense(read, activation="relu", name="read")(thought)
    thought = layers.Dense(read, name="conclusion")(thought)  # (batch[, lookback], read)
    if every:
        thought = layers.GlobalAveragePooling1D(name="mean_thought")(thought)
        states = layers.Cropping1D((lookback - 1, 0), name="last_state")(states)
        states = layers.Flatten(name="state")(states)
    both = layers.Concatenate(name="state_and_conclusion")([thought, states])  # (batch, read + units)
    score = layers.Dense(1, name="score")(layers.Dropout(dropout, name="dropout")(both))  # (batch, 1)
    return keras.Model(windows, score, name="lstm_thoughts")


def forward(model: keras.Model, windows: tf.Tensor, training: bool) -> tf.Tensor:
    """Return ``model(windows, training)`` of a network made by :func:`build`, computed faster.

    Parameters
    ----------
    windows : Tensor, shape (batch, lookback, features)
        No gradient flows to them.

    Returns
    -------
    Tensor, shape (batch, 1)
    """
    layer = model.get_layer
    cell = layer("memory").cell
    kernel, bias, recurrent = (
        gates_together(weights.value) for weights in (cell.kernel, cell.bias, cell.recurrent_kernel)
    )
    states = lstm(scaled_projection(windows, layer("scale"), kernel, bias, training), recurrent)
    state = states[-1]  # (batch, units)
    every = layer("memory").return_sequences
    read = tf.transpose(states, (1, 0, 2)) if every else state  # (batch[, lookback], units)
    thought = layer("conclusion")(layer("read")(layer("thoughts")(read)))
    if every:
        thought = layer("mean_thought")(thought)
    both = layer("state_and_conclusion")([thought, state])
    return layer("score")(layer("dropout")(both, training=training))
