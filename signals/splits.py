"""Which months train, validate and are scored by each model of a walk-forward: dates only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from feeds.errors import SignalError
from signals.labels import Clock, require_matured

QUARTERS = (1, 4, 7, 10)


@dataclass(frozen=True)
class Schedule:
    """How long a model learns and how often it is made anew.

    Attributes
    ----------
    train_sections, validation_sections : int
        Number of monthly sections.
    retrain_months : tuple of int
        A model is frozen at the last session before each of these months begins.
    """

    train_sections: int = 28
    validation_sections: int = 6
    retrain_months: tuple[int, ...] = QUARTERS


@dataclass(frozen=True)
class Fold:
    """One model of a walk-forward: positions are sections of the label clock, ascending.

    Attributes
    ----------
    name : str
        The period it scores, such as ``2020Q1``.
    frozen : datetime64[D]
        The close after which nothing more may enter the model.
    train, purged, validation : tuple of int
        Sections that fit the model, that are left out between, and that choose its epoch.
    scoring : tuple of int
        Sections the model scores: the freezing day itself and the month-ends until the next model.
    """

    name: str
    frozen: np.datetime64
    train: tuple[int, ...]
    purged: tuple[int, ...]
    validation: tuple[int, ...]
    scoring: tuple[int, ...]


def fold_name(month: np.datetime64, schedule: Schedule) -> str:
    """Return ``2020Q1`` for quarterly schedules and ``2020-01`` for others, of the first month traded."""
    year, number = str(month).split("-")
    quarterly = schedule.retrain_months == QUARTERS
    return f"{year}Q{(int(number) + 2) // 3}" if quarterly else f"{year}-{number}"


def make_folds(clock: Clock, schedule: Schedule, lookback: int) -> list[Fold]:
    """Return every fold that the sections allow, ascending.

    Parameters
    ----------
    clock : Clock
        Sections with their signal and exit days.
    schedule : Schedule
        Lengths and retraining months.
    lookback : int
        Days in a window; a section whose window begins before the panel is not used.
    """
    months = clock.dates.astype("datetime64[M]")
    starts = np.array([int(str(month)[5:]) % 12 + 1 in schedule.retrain_months for month in months], dtype=bool)
    frozen_at = np.flatnonzero(starts)
    folds = []
    for place, position in enumerate(frozen_at):
        until = frozen_at[place + 1] if place + 1 < len(frozen_at) else len(months)
        fold = _fold(clock, schedule, lookback, int(position), int(until))
        if fold is not None:
            folds.append(fold)
    return folds


def _fold(clock: Clock, schedule: Schedule, lookback: int, position: int, until: int) -> Fold | None:
    frozen = clock.dates[position]
    first = int(np.searchsorted(clock.signal, lookback - 1))  # the first section with a whole window
    usable = np.flatnonzero(clock.exit_dates <= frozen)
    usable = usable[usable >= first]
    validation = usable[len(usable) - schedule.validation_sections :]
    if len(usable) < schedule.validation_sections:
        return None
    earlier = usable[usable < validation[0]]
    matured = earlier[clock.exit_dates[earlier] <= clock.dates[validation[0]]]
    train = matured[-schedule.train_sections :]
    if len(train) < schedule.train_sections:
        return None
    purged = earlier[earlier > train[-1]]
    month = clock.dates[position].astype("datetime64[M]") + np.timedelta64(1, "M")
    fold = Fold(
        fold_name(month, schedule),
        frozen,
        _ints(train),
        _ints(purged),
        _ints(validation),
        tuple(range(position, until)),
    )
    check_fold(clock, fold)
    return fold


def check_fold(clock: Clock, fold: Fold) -> None:
    """Assert that a fold sees no label before its exit day.

    Raises
    ------
    SignalError
        If a label of training or validation ends after the freezing, or one of training after the first day
        of validation.
    """
    for position in (*fold.train, *fold.validation):
        require_matured(clock.exit_dates[position], fold.frozen)
    for position in fold.train:
        require_matured(clock.exit_dates[position], clock.dates[fold.validation[0]])


def select_folds(
    clock: Clock, folds: Sequence[Fold], start: np.datetime64 | None, end: np.datetime64 | None, needs: str
) -> list[Fold]:
    """Return the folds with only those scoring dates that lie in [start, end].

    Raises
    ------
    SignalError
        If there is no fold at all, or ``start`` is before the first date that can be scored.
    """
    if not folds:
        span = f" from {clock.dates[0]} to {clock.dates[-1]}" if len(clock.dates) else ""
        raise SignalError(f"market data must hold {needs}, to train one model, was {len(clock.dates)} month-ends{span}")
    first = clock.dates[folds[0].scoring[0]]
    if start is not None and start < first:
        raise SignalError(f"first signal date must be {first} or later, as a model needs {needs}, was {start}")
    chosen = []
    for fold in folds:
        scoring = tuple(
            position
            for position in fold.scoring
            if (start is None or clock.dates[position] >= start) and (end is None or clock.dates[position] <= end)
        )
        if scoring:
            chosen.append(Fold(fold.name, fold.frozen, fold.train, fold.purged, fold.validation, scoring))
    return chosen


def _ints(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
