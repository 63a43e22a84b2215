"""The account: what is held, what it is worth, and what corporate actions do to it."""

from collections.abc import Iterable
from math import fsum
from typing import Any

import backtrader as bt

from feeds.errors import ConfigError
from feeds.lines import Market, StockFeed
from strategies.execution import trades
from strategies.execution.corporate_actions import (
    Adjustment,
    Entitlement,
    apply,
    entitlements,
    from_factor,
    unexplained,
)


class Holding:
    """An open position and the views its stock is valued with.

    ``price`` is the last close in raw yuan, carried over suspended days and ex-dates. ``factor`` is the adjustment
    factor up to which the shares are accounted for, ``explained`` the jump that known events since then make up.
    """

    __slots__ = ("closes", "delist_step", "explained", "factor", "factors", "feed", "position", "price")

    def __init__(self, market: Market, feed: StockFeed):
        self.feed = feed
        self.position = bt.Position()
        self.closes = market.view("close", feed.column)
        self.factors = market.view("adj_factor", feed.column)
        self.factor = self.factors[market.step]
        self.explained = 1.0
        self.delist_step = int(market.panel.delist_index[feed.column]) - market.first
        self.price = 0.0

    @property
    def value(self) -> float:
        """Shares at the carried price, in yuan."""
        return self.position.size * self.price


class Account(bt.brokers.BackBroker):
    """The half of the broker that keeps the books; :class:`strategies.execution.broker.AShareBroker` trades.

    Every sum over names is rounded once, so that it does not depend on their order.

    Parameters
    ----------
    delisting_recovery : float
        Share of the last price that a holding is worth once its stock is delisted.

    Attributes
    ----------
    market : Market
        Prices, dates and feeds: ``market.feed(code)``.
    worth : float
        Cash plus holdings at their last close, in yuan; known after each close.
    holdings : dict of int to Holding
        What is held, by column of the panel.
    actions : list of (row, column, Adjustment)
        What corporate actions did to the account.
    """

    params: Any = (("delisting_recovery", 0.0),)
    cash: float
    startingcash: float

    def attach(self, market: Market) -> None:
        """Say which market the account trades in; called once before the run."""
        self.market = market
        self.holdings: dict[int, Holding] = {}
        self.actions: list[tuple[int, int, Adjustment]] = []
        self.due = entitlements(market.panel.events)
        self.flows: list[float] = []  # cash of the moment, not yet in the account

    def init(self) -> None:
        super().init()
        self.worth = self.startingcash

    def get_value(self, datas: Iterable[StockFeed] | None = None, mkt: bool = False, lever: bool = False) -> float:
        """Return cash plus holdings at their last close, in yuan; of some stocks only if ``datas`` names them."""
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

    def ex_right(self, column: int, held: int, price: float) -> tuple[int, float]:
        """Return shares held and price as they will be at the next open, if the stock is known to go ex by then."""
        due = self.due.get(self.market.row + 1, {}).get(column)
        return (held + due.bonus(held), due.reference(price)) if due else (held, price)

    def mark(self, step: int) -> None:
        """Value the account at a close."""
        values = [self.cash]
        for holding in self.holdings.values():
            close = holding.closes[step]
            if close == close:  # NaN while suspended: the last close is carried
                holding.price = close
            values.append(holding.position.size * holding.price)
        self.worth = fsum(values)

    def settle(self) -> None:
        """Book the cash that flowed, as one sum: it does not depend on the order of names."""
        if self.flows:
            # A basket scaled to the last yuan may overshoot by the rounding of floats, far below a fen.
            self.cash = max(fsum([self.cash, *self.flows]), 0.0)
            self.flows.clear()

    def go_ex(self, step: int) -> None:
        """Do to the holdings what corporate actions do to them before a session opens."""
        today = self.due.get(self.market.first + step, {})
        changed = []
        for column, holding in list(self.holdings.items()):
            if step >= holding.delist_step:
                self._delist(column, holding)
            elif column in today or holding.factors[step] != holding.factor:
                changed.append((column, holding))
        if changed:
            self._give(changed, today, step)
        self.settle()

    def _give(self, changed: list[tuple[int, Holding]], today: dict[int, Entitlement], step: int) -> None:
        """Give holdings what is due to them; rights are taken up if the cash covers all of the day's."""
        going = [(holding.position.size, today[column]) for column, holding in changed if column in today]
        subscribe = fsum(due.subscription(held) for held, due in going) <= self.cash
        for column, holding in changed:
            due = today.get(column)
            if due is not None:
                before, after = holding.price, due.reference(holding.price)
                for row in apply(holding.position.size, before, due, subscribe):
                    self._book(column, holding, row)
                holding.explained *= before / after
                holding.price = after
            # While suspended the factor may lag behind the tables: it is compared on the first day of trading.
            if holding.closes[step] == holding.closes[step]:
                self._reconcile(column, holding, holding.factors[step])

    def _reconcile(self, column: int, holding: Holding, factor: float) -> None:
        """Book a jump of the adjustment factor that the tables do not explain."""
        ratio = unexplained(factor / holding.factor, holding.explained, holding.price)
        if ratio != 1:
            self._book(column, holding, from_factor(holding.position.size, holding.price, ratio))
        holding.factor, holding.explained = factor, 1.0

    def _book(self, column: int, holding: Holding, row: Adjustment) -> None:
        """Change a holding by an adjustment; cash lowers the average cost, as brokers show it."""
        position = holding.position
        before, after = position.size, position.size + row.shares
        costs = self.getcommissioninfo(holding.feed)
        trades.carry(self.cerebro.runningstrats, holding.feed, before, row.shares, row.cash, costs)
        position.price = (position.price * before - row.cash) / after if after else 0.0
        position.size = after
        self.flows.append(row.cash)
        self.actions.append((self.market.row, column, row))
        if not after:
            self.forget(column)
            return
        for order in self.pending:
            if order.info.whole and order.data.column == column:
                self._resize(order, row.shares)

    def _resize(self, order: bt.Order, shares: int) -> None:
        """Let a sale of the whole holding go on being one after its shares changed; its value stays the same."""
        created, old = order.created, order.created.size
        created.size = created.remsize = order.size = order.executed.remsize = old - shares
        if created.size:
            order.info.reference *= old / created.size

    def _delist(self, column: int, holding: Holding) -> None:
        for order in [order for order in self.pending if order.data.column == column]:
            self.pending.remove(order)
            order.info.attempts += 1
            order.info.reason = "delisted"
            self.end(order, "expired", "delisted")
        cash = holding.value * self.p.delisting_recovery
        self._book(column, holding, Adjustment("delisting", -holding.position.size, cash))

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
