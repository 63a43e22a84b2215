"""The account: cash, what is owed to it, what is held, and what it is all worth."""

from collections.abc import Iterable
from math import fsum

import backtrader as bt

from feeds.errors import ConfigError
from feeds.lines import Market, StockFeed
from strategies.execution.corporate_actions import Adjustment
from strategies.execution.hedge_book import HedgeBook
from strategies.execution.holding import Holding

_DUST = 1e-4  # yuan


class Account(bt.brokers.BackBroker):
    """The part of the broker that keeps the books; :class:`~strategies.execution.broker.AShareBroker` trades.

    Every sum over names is rounded once, so that it does not depend on their order. Cash below zero is a margin call
    of the hedge, made good at the next open; without a hedge it is never below zero.

    Attributes
    ----------
    market : Market
        Prices, dates and feeds: ``market.feed(code)``.
    worth : float
        Cash, receivables, holdings at their last close and margin, in yuan; known after each close.
    hedge : HedgeBook or None
        Futures against the stocks.
    holdings : dict of int to Holding
        What is held, by column of the panel.
    receivables : list of (row, column, yuan)
        Dividends gone ex and not paid yet, with the row that pays them.
    actions : list of (row, column, Adjustment)
        What corporate actions did to the account.
    fills : list of (row, column, shares, price, fee, slippage)
        Every execution; shares sold are negative.
    """

    cash: float
    startingcash: float

    def attach(self, market: Market, hedge: HedgeBook | None = None) -> None:
        """Say which market the account trades in, and what hedges it; called once before the run."""
        self.market = market
        self.hedge = hedge
        self.holdings: dict[int, Holding] = {}
        self.receivables: list[tuple[int, int, float]] = []
        self.actions: list[tuple[int, int, Adjustment]] = []
        self.fills: list[tuple[int, int, int, float, float, float]] = []
        self.flows: list[float] = []  # cash of the moment, not yet in the account

    def init(self) -> None:
        super().init()
        self.worth = self.startingcash

    def get_value(self, datas: Iterable[StockFeed] | None = None, mkt: bool = False, lever: bool = False) -> float:
        """Return what the account is worth at its last close, in yuan; of some stocks only if ``datas`` names them."""
        if datas is None:
            return self.worth
        return fsum(self.holdings[feed.column].value for feed in datas if feed.column in self.holdings)

    getvalue = get_value

    def get_fundvalue(self) -> float:
        return self.worth

    fundvalue = property(get_fundvalue)

    def add_cash(self, cash: float) -> None:
        raise ConfigError(f"cash must be in the account before the run starts, was {cash} more during it")

    def getposition(self, data: StockFeed) -> bt.Position:
        holding = self.holdings.get(data.column)
        return holding.position if holding else bt.Position()

    def position_size(self, column: int) -> int:
        """Return how many shares of a stock are held."""
        holding = self.holdings.get(column)
        return holding.position.size if holding else 0

    def last_price(self, column: int) -> float:
        """Return a stock's last close, in raw yuan, carried over suspended days; NaN before its first."""
        holding = self.holdings.get(column)
        return holding.price if holding else self.market.last_close(column)

    @property
    def receivable(self) -> float:
        """Dividends gone ex and not paid yet, in yuan."""
        return fsum(cash for _, _, cash in self.receivables)

    @property
    def stock_value(self) -> float:
        """Holdings at their last close, in yuan."""
        return fsum(holding.value for holding in self.holdings.values())

    def mark(self, step: int) -> None:
        """Value the account at a close."""
        values = [self.cash, *(cash for _, _, cash in self.receivables)]
        for holding in self.holdings.values():
            close = holding.closes[step]
            if close == close:  # NaN while suspended: the last close is carried
                holding.price = close
            values.append(holding.position.size * holding.price)
        if self.hedge is not None:
            values.append(self.hedge.value)
        self.worth = fsum(values)

    def settle(self) -> None:
        """Book the cash that flowed, as one sum: it does not depend on the order of names."""
        if self.flows:
            cash = fsum([self.cash, *self.flows])
            # A basket scaled to the last yuan may overshoot by the rounding of floats, far below a fen.
            self.cash = 0.0 if -_DUST < cash < 0 else cash
            self.flows.clear()

    def open_holding(self, feed: StockFeed) -> Holding:
        """Return the holding of a stock, a new one if nothing was held."""
        holding = self.holdings.get(feed.column)
        if holding is None:
            taxed = self.p.dividend_tax != "none"
            holding = self.holdings[feed.column] = Holding(self.market, feed, taxed)
            self.positions[feed] = holding.position
        return holding

    def forget(self, column: int) -> None:
        """Drop a holding without shares."""
        self.positions.pop(self.holdings.pop(column).feed, None)

    def end(self, order: bt.Order, outcome: str, reason: str) -> None:
        """Close an order that will not be filled any further and tell its owner."""
        order.info.outcome, order.info.row = outcome, self.market.row
        order.info.reason = order.info.reason or reason
        if outcome == "expired":
            order.status = bt.Order.Expired
        else:
            order.cancel()
        self.notify(order)
