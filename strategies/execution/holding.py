"""An open position: what is held of a stock, what it is worth, and when its shares may be sold."""

import backtrader as bt

from feeds.lines import Market, StockFeed
from strategies.execution.dividend_tax import TaxLots


class Holding:
    """An open position and the views its stock is valued with.

    ``price`` is the last close in raw yuan, carried over suspended days and ex-dates. ``factor`` is the adjustment
    factor up to which the shares are accounted for, ``explained`` the jump that known events since then make up.
    ``locked`` are new shares that do not trade yet, as (first row on which they do, shares).
    """

    __slots__ = ("closes", "explained", "factor", "factors", "feed", "locked", "position", "price", "tax")

    def __init__(self, market: Market, feed: StockFeed, taxed: bool = False):
        self.feed = feed
        self.position = bt.Position()
        self.closes = market.view("close", feed.column)
        self.factors = market.view("adj_factor", feed.column)
        self.factor = self.factors[market.step]
        self.explained = 1.0
        self.price = market.last_close(feed.column)
        self.locked: list[tuple[int, int]] = []
        self.tax = TaxLots() if taxed else None

    @property
    def value(self) -> float:
        """Shares at the carried price, in yuan."""
        return self.position.size * self.price

    def tradable(self, row: int) -> int:
        """Return how many of the shares have been admitted to trading by a row of the panel."""
        if not self.locked:
            return self.position.size
        self.locked = [(first, shares) for first, shares in self.locked if first > row]
        return max(self.position.size - sum(shares for _, shares in self.locked), 0)
