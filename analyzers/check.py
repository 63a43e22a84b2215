"""One thing a reader must know before any figure, and how much it matters."""

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["red", "amber", "green"]
LEVELS: tuple[Level, ...] = ("red", "amber", "green")
Facts = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """What was looked at, and what was found.

    Attributes
    ----------
    name : str
        A word or two.
    level : str
        ``green``: as it should be. ``amber``: to be kept in mind with every figure. ``red``: the figures cannot be
        believed as they are.
    sentence : str
        What was found, and what it does to the figures.
    """

    name: str
    level: Level
    sentence: str


def worst(*levels: Level) -> Level:
    """Return the most serious of some levels."""
    return min(levels, key=LEVELS.index)


def graded(share: float, few: float, many: float) -> Level:
    """Return the level of a share of something that should not be: green up to ``few``, red above ``many``."""
    return "green" if share <= few else "amber" if share <= many else "red"
