"""Who may be bought on a day: listed long enough, not ST, trading, and a member of the chosen index."""

from collections.abc import Collection

import numpy as np

from feeds.panel import MarketPanel

MIN_LISTED_DAYS = 120


class Universe:
    """The eligible stocks of a panel, day by day, with what was known at each day's close.

    Parameters
    ----------
    panel : MarketPanel
        The market.
    name : str
        ``all`` or an index code whose dated members the store holds, e.g. ``000300.SH``.
    min_listed_days : int
        Trading days since listing, that day included.
    ignore : collection of str
        ``suspensions``, ``st``: filters left out, to show what they cost.
    """

    def __init__(
        self,
        panel: MarketPanel,
        name: str = "all",
        min_listed_days: int = MIN_LISTED_DAYS,
        ignore: Collection[str] = (),
    ):
        self.panel = panel
        self.name = name
        self.min_listed_days = min_listed_days
        self.ignore = ignore
        # Every listed stock is a member of "all", and the listing rule says who is listed.
        self.members = None if name == "all" else panel.members(name)
        self._days: dict[int, np.ndarray] = {}

    def on(self, row: int) -> np.ndarray:
        """Return who is eligible at the close of a day, (N,) bool."""
        if row not in self._days:
            panel = self.panel
            old_enough = panel.listed_days(row) >= max(self.min_listed_days, 1)
            trading = old_enough
            if "suspensions" not in self.ignore:
                trading = trading & ~panel.suspended[row]
            if "st" not in self.ignore:
                trading = trading & ~panel.st[row]
            self._days[row] = trading if self.members is None else trading & self.members[row]
        return self._days[row]

    def ever(self, first: int, last: int) -> np.ndarray:
        """Return who was listed and a member on any day from ``first`` to ``last``, (N,) bool."""
        panel = self.panel
        if self.members is None:
            return (panel.list_index <= last) & (panel.delist_index > first)
        return np.logical_or.reduce(self.members[first : last + 1], axis=0)


def eligible(panel: MarketPanel, universe: str = "all", min_listed_days: int = MIN_LISTED_DAYS) -> np.ndarray:
    """Return :meth:`Universe.on` for every day, (T, N) bool."""
    rule = Universe(panel, universe, min_listed_days)
    return np.array([rule.on(row) for row in range(len(panel.dates))]).reshape(panel.shape)
