"""What an audit finds: how many trials of each kind differed, and the first difference with what moved it."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analyzers.audit.future import KINDS, NAMES, Future


@dataclass(frozen=True)
class Difference:
    """The first thing that another future changed.

    Attributes
    ----------
    what : str
        ``order``, ``fill``, ``holding``, ``corporate action``, ``net asset value``, or of a signal ``feature bias1``.
    date : datetime64[D]
        Its own day: of an order, the signal date.
    code : str
        The stock, or "".
    was, became : str
        In words.
    """

    what: str
    date: np.datetime64
    code: str
    was: str
    became: str


@dataclass(frozen=True)
class Row:
    """The trials of one kind: what they drew anew, how many, over how many rows, and how many differed."""

    name: str
    trials: int
    compared: int
    differences: int


@dataclass(frozen=True)
class Leak:
    """A difference, the close after which all was drawn anew, and which data alone suffice to make it."""

    row: str
    cut: np.datetime64
    difference: Difference
    moved_by: str

    def __str__(self) -> str:
        found = self.difference
        of = f" for {found.code}" if found.code else ""
        return (
            f"{found.what} of {found.date}{of} must not depend on {self.moved_by}, "
            f"was {found.was} and became {found.became}"
        )

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return {key: str(value) for key, value in {**asdict(self), **asdict(self.difference)}.items()
                if key != "difference"}  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """The rows of an audit and its leaks: none, or the first of the trading and the first of the signal."""

    rows: list[Row]
    leaks: list[Leak]
    simulated: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"rows": [asdict(row) for row in self.rows], "leaks": [leak.as_dict() for leak in self.leaks]}


Differs = Callable[[Future], bool]


def name_cause(future: Future, differs: Differs, dates: np.ndarray, following: str) -> str:
    """Return in words which data alone make a difference: the kind, and the day if the session after the cut decides.

    Kinds are drawn anew one at a time. If none of them suffices alone, the smallest set found by leaving one out
    after the other does.

    Parameters
    ----------
    differs : callable
        Whether a future makes the difference.
    dates : ndarray of datetime64[D]
        The panel's.
    following : str
        What the session after the cut is called.
    """
    kinds = [kind for kind in KINDS if kind in future.first]
    alone = next((kind for kind in kinds if differs(future.only([kind]))), None)
    needed = [alone] if alone else _smallest(future, kinds, differs)
    if needed == [NAMES]:
        return "company names, which are those of the data's end"
    longer = future.cut + 2 < len(dates) and differs(future.only(needed).later())
    day = f"days after {dates[future.cut]}" if longer else f"{following} {dates[future.cut + 1]}"
    return f"{' and '.join(needed)} of {day}"


def _smallest(future: Future, kinds: Iterable[str], differs: Differs) -> list[str]:
    needed = list(kinds)
    for kind in kinds:
        fewer = [other for other in needed if other != kind]
        if differs(future.only(fewer)):
            needed = fewer
    return needed
