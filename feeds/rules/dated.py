"""Dated facts: a value with its first and last day, its source and how sure it is, and the lookup by day."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from feeds.errors import DataError

# How sure a row is: from the issuer's own notice; from another's compilation; common knowledge of the trade; doubtful.
SOURCED, SECONDARY, KNOWN, UNSURE = "sourced", "secondary", "known", "unsure"

V = TypeVar("V")


@dataclass(frozen=True)
class Row(Generic[V]):
    """A value that held from ``start`` to ``end``, both included; None: since ever, and still."""

    start: np.datetime64 | None
    end: np.datetime64 | None
    value: V
    source: str
    confidence: str


@dataclass(frozen=True)
class Timeline(Generic[V]):
    """One rule through time.

    Attributes
    ----------
    name : str
        What the rule is about.
    rows : tuple of Row
        Ascending, without overlap; a value of None says that nothing is prescribed.
    form : str
        How a value reads, for ``str.format``.
    """

    name: str
    rows: tuple[Row[V], ...]
    form: str

    @cached_property
    def _starts(self) -> list[np.datetime64]:
        return [_EVER if row.start is None else row.start for row in self.rows]

    @property
    def first(self) -> np.datetime64:
        """The first day that the rows cover; the year 1 if they reach back for ever."""
        return self._starts[0]

    def on(self, day: np.datetime64) -> Row[V] | None:
        """Return the row in force on a day, None where no row covers it."""
        if day not in self._found:
            self._found[day] = self._search(day)
        return self._found[day]

    @cached_property
    def _found(self) -> dict[np.datetime64, Row[V] | None]:
        return {}

    def _search(self, day: np.datetime64) -> Row[V] | None:
        at = bisect_right(self._starts, day) - 1
        if at < 0:
            return None
        row = self.rows[at]
        return row if row.end is None or day <= row.end else None

    def need(self, day: np.datetime64) -> V:
        """Return the value in force on a day.

        Raises
        ------
        DataError
            If no row covers the day.
        """
        row = self.on(day)
        if row is None:
            raise DataError(f"{self.name} must be known on the day, was without a rule on {day}")
        return row.value

    @cached_property
    def _steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the days on which the value changes, and the values before, between and after them."""
        last = self.rows[-1].end
        starts = [*self._starts, *([] if last is None else [last + 1])]
        values = [np.nan if row.value is None else row.value for row in self.rows]
        return np.array(starts, "datetime64[D]"), np.array([np.nan, *values, np.nan])

    def values(self, days: np.ndarray | np.datetime64) -> np.ndarray:
        """Return the numbers in force on many days, NaN where nothing is prescribed or known."""
        starts, values = self._steps
        return values[np.searchsorted(starts, days, side="right")]

    def text(self, row: Row[V]) -> str:
        """Return a row's value in words."""
        return "none" if row.value is None else self.form.format(row.value)


_EVER = np.datetime64("0001-01-01")


def timeline(
    name: str, *facts: tuple[str | None, V, str, str], form: str = "{}", until: str | None = None
) -> Timeline[V]:
    """Return a rule from its facts.

    Parameters
    ----------
    name : str
        What the rule is about.
    *facts : tuple of (start, value, source, confidence)
        Ascending; each holds until the day before the next. A start of None: since before the sources begin.
    form : str
        How a value reads, for ``str.format``.
    until : str, optional
        Last day of the last fact; by default it is still in force.
    """
    starts = [None if start is None else np.datetime64(start, "D") for start, *_ in facts]
    ends = [*(start - 1 for start in starts[1:] if start is not None), None if until is None else np.datetime64(until)]
    rows = [Row(start, end, *fact[1:]) for start, end, fact in zip(starts, ends, facts, strict=True)]
    return Timeline(name, tuple(rows), form)
