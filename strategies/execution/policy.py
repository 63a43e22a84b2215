"""What becomes of an order that a price limit or a suspension refused."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Policy:
    """``expire``; ``carry`` until the next basket, or ``carry=N`` sessions; ``substitute`` by the next rank.

    Attributes
    ----------
    sessions : float
        How many more sessions the order waits for; without end if infinite.
    """

    name: str
    sessions: float = 0.0

    def __post_init__(self) -> None:
        if self.name == "carry" and not self.sessions:
            object.__setattr__(self, "sessions", inf)

    @property
    def substitute(self) -> bool:
        return self.name == "substitute"

    def __str__(self) -> str:
        return f"carry={self.sessions:g}" if 0 < self.sessions < inf else self.name


def policy(text: str) -> Policy | None:
    """Return what a policy's text means, or None if it means nothing."""
    if text in ("expire", "carry", "substitute"):
        return Policy(text)
    days = text.removeprefix("carry=")
    return Policy("carry", float(days)) if days != text and days.isdecimal() and int(days) > 0 else None
