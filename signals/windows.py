"""Windows of features gathered from the panel by index, one batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from feeds.errors import SignalError
from signals.labels import MINIMUM_LABELS, Labels


class Windows:
    """Gathers windows of the last days of features, without ever holding more than one batch.

    Parameters
    ----------
    values : ndarray of float32, shape (N, T, F)
        Features per stock and date, finite; may be a memory map.
    lookback : int
        Days in a window, the last being the date asked for.
    columns : ndarray of int, optional
        The features to keep, all of them by default.
    dates : ndarray of datetime64[D], shape (T,), optional
        What the days are called in messages; their numbers by default.
    """

    def __init__(
        self,
        values: np.ndarray,
        lookback: int,
        columns: np.ndarray | None = None,
        dates: np.ndarray | None = None,
    ):
        self.values = values
        self.lookback = lookback
        self.dates = np.arange(values.shape[1]) if dates is None else dates
        whole = columns is None or np.array_equal(columns, np.arange(values.shape[2]))
        self.columns = None if whole else np.asarray(columns)

    @property
    def features(self) -> int:
        """Number of features in a window."""
        return self.values.shape[2] if self.columns is None else len(self.columns)

    def gather(self, stocks: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return windows that end on given days, shape (samples, lookback, features), float32.

        Parameters
        ----------
        stocks, days : ndarray of int, shape (samples,)
            Indices of stocks and of last days, the days at least ``lookback - 1``.

        Raises
        ------
        SignalError
            If a window would begin before the panel.
        """
        lowest = int(days.min())
        if lowest < self.lookback - 1:
            raise SignalError(f"window must begin inside the data, was {self.lookback} days up to {self.dates[lowest]}")
        if lowest == days.max():  # one date: a slice of days copies three times faster than an index of days
            batch = self.values[stocks, lowest - self.lookback + 1 : lowest + 1]
        else:
            batch = self.values[stocks[:, None], days[:, None] + np.arange(1 - self.lookback, 1)]
        return np.ascontiguousarray(batch if self.columns is None else batch[:, :, self.columns])


@dataclass(frozen=True)
class Batch:
    """Samples that meet in one step: those of one date, or of several when pooled.

    Attributes
    ----------
    stocks, days : ndarray of int, shape (n,)
        Where each sample's window ends, as indices into the panel.
    labels, mask : ndarray of float32, shape (n,)
        Standardised label, 0 where there is none, and 1 or 0 for whether there is.
    """

    stocks: np.ndarray
    days: np.ndarray
    labels: np.ndarray
    mask: np.ndarray


def sections(labels: Labels, eligible: np.ndarray, positions: Sequence[int]) -> tuple[list[Batch], list[int]]:
    """Return the samples of some sections, a batch each, and the positions with too few labels.

    Parameters
    ----------
    labels : Labels
    eligible : ndarray of bool, shape (T, N)
    positions : sequence of int
        Sections of the label clock. One with fewer than :data:`~signals.labels.MINIMUM_LABELS` labels is left out.
    """
    chosen, skipped = [], []
    for position in positions:
        day = int(labels.clock.signal[position])
        stocks = np.flatnonzero(eligible[day])
        label = labels.scores[position, stocks]
        valid = np.isfinite(label)
        if valid.sum() < MINIMUM_LABELS:
            skipped.append(position)
            continue
        days = np.full(len(stocks), day)
        chosen.append(Batch(stocks, days, np.where(valid, label, 0).astype("float32"), valid.astype("float32")))
    return chosen, skipped


def pooled(parts: Sequence[Batch], size: int, random: np.random.Generator) -> list[Batch]:
    """Return the labelled samples of all dates shuffled into batches of ``size``.

    A last batch of one sample is left out: it has no correlation.
    """
    whole = Batch(*(np.concatenate([getattr(part, name) for part in parts]) for name in Batch.__annotations__))
    order = random.permutation(np.flatnonzero(whole.mask > 0))
    cuts = [order[start : start + size] for start in range(0, len(order), size)]
    return [
        Batch(whole.stocks[cut], whole.days[cut], whole.labels[cut], whole.mask[cut]) for cut in cuts if len(cut) > 1
    ]
