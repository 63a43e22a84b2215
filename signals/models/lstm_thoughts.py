"""LSTMWithThoughts: an LSTM whose last state is read by five parallel thoughts before it scores."""

import keras
from keras import layers

from signals.models.recurrent import LSTM

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
    states = LSTM(units, return_sequences=every, name="memory")(scaled)  # (batch[, lookback], units)
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
