"""What a trial draws anew: which kinds of data, and from which row of the panel on."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

FIELDS = {
    "open": "open", "high": "high", "low": "low", "close": "close", "pre_close": "pre_close", "vol": "volume",
    "amount": "amount", "up_limit": "limits", "down_limit": "limits", "adj_factor": "adj_factor",
}  # fmt: skip
VALUATION = "valuation"  # every other field of the panel
NAMES = "company names"  # the panel knows only a company's latest name, which nobody knew before
EVENTS = "corporate events"  # known at the close before the ex-date: one session ahead of everything else
KINDS = (
    *dict.fromkeys(FIELDS.values()), VALUATION, "suspensions", "ST", "listing", "membership", "industries", EVENTS,
    "index closes", "futures open", "futures", NAMES, "scores",
)  # fmt: skip
EVENING = (VALUATION, "index closes", "futures", "scores")  # of a session: known after its close
# What of the session that fills it an order cannot have seen, by the price it is filled at.
UNSEEN = {"open": ("high", "low", "close", "volume", "amount"), "vwap": ("close",), "close": ()}


@dataclass(frozen=True)
class Future:
    """The data that a trial draws anew.

    Attributes
    ----------
    cut : int
        Row of the panel up to which everything is known and kept.
    first : mapping of str to int
        First row drawn anew, by kind; kinds that are not in it are kept whole.
    seed : int
        The same seed and cut draw the same data.
    whole : mapping of str to int
        The first rows of the trial that this is a part of: a part draws nothing that the whole does not.
    """

    cut: int
    first: Mapping[str, int]
    seed: int
    whole: Mapping[str, int]

    def only(self, kinds: Iterable[str]) -> "Future":
        """Return the part in which nothing but these kinds is drawn anew."""
        return replace(self, first={kind: self.first[kind] for kind in kinds if kind in self.first})

    def later(self) -> "Future":
        """Return the part that begins one session later."""
        return replace(self, first={kind: row + 1 for kind, row in self.first.items()})

    def random(self, purpose: str) -> np.random.Generator:
        """Return a generator that only the seed, the cut and the purpose decide."""
        return np.random.default_rng([self.seed, self.cut, zlib.crc32(purpose.encode())])


def after(cut: int, seed: int) -> Future:
    """Return the future of a close: every kind, from the next session on."""
    first = {kind: cut + 1 + (kind == EVENTS) for kind in KINDS}
    return Future(cut, first, seed, first)


def within(cut: int, seed: int, unseen: Iterable[str]) -> Future:
    """Return the future of the fills in the session after a cut: what they cannot have seen of it, and all days after.

    Parameters
    ----------
    unseen : iterable of str
        Kinds of that session, see :func:`unseen_by`.
    """
    hidden = {*unseen, *EVENING}
    first = {kind: cut + 2 - (kind in hidden) for kind in KINDS if kind != NAMES}
    return Future(cut, first, seed, first)


def same(rows: int) -> Future:
    """Return the future of a market of so many rows in which nothing is drawn anew."""
    return Future(rows - 1, {}, 0, {})


def unseen_by(config: Any) -> tuple[str, ...]:
    """Return what of its session a fill of this configuration cannot have seen.

    The bounds ``optimistic`` and ``pessimistic`` ask whether the day touched a limit, and a largest share of the
    day's volume asks for that volume: both are said to be more than an order could know.
    """
    seen = set() if getattr(config, "fill", "default") == "default" else {"high", "low"}
    if getattr(config, "max_participation", None) is not None:
        seen.add("volume")
    return tuple(kind for kind in UNSEEN[getattr(config, "execution", "open")] if kind not in seen)
