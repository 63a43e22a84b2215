"""A Backtrader broker with A-share rules: refusals, T+1, lots, baskets sized as a whole, corporate actions."""

from collections.abc import Iterable
from typing import Any

import backtrader as bt

from feeds.errors import ConfigError
from feeds.lines import Market, StockFeed
from feeds.rules import board_of, round_lot, round_sale
from strategies.execution.corporate_actions import Adjustment, apply, entitlements, from_factor

_HALF_TICK = 0.005
_SAME_FACTOR = 1e-9


class Holding:
    """An open position and the views its stock is valued with."""

    __slots__ = ("closes", "delist_step", "factors", "feed", "position", "price")

    def __init__(self, market: Market, feed: StockFeed):
        self.feed = feed
        self.position = bt.Position()
        self.closes = market.view("close", feed.column)
        self.factors = market.view("adj_factor", feed.column)
        self.delist_step = int(market.panel.delist_index[feed.column]) - market.first
        self.price = 0.0  # last close, carried over suspended days, in yuan, raw


class AShareBroker(bt.brokers.BackBroker):
    """Fills market orders at the next session's open, or says why not.

    All orders of a session are matched as one basket: sells first, their proceeds buy at once, and buys are scaled by
    one factor to the cash at hand, so the result does not depend on the order of the names. Only shares held before
    the session can be sold (T+1), so nothing is ever short. A fill is decided by the open and the day's limit prices,
    nothing later. Unfilled buys expire; unfilled sells are carried to the next session, or expire too.

    Parameters
    ----------
    fees : Fees
        The fee schedule.
    lots : str
        ``board``: lots of the stock's board (100; STAR 200 then 1; BSE 100 then 1). ``share``: single shares.
    unfilled_sells : str
        ``carry`` or ``expire``.
    delisting_recovery : float
        Share of the last price that a holding is worth once its stock is delisted.
    """

    params = (("fees", None), ("lots", "board"), ("unfilled_sells", "carry"), ("delisting_recovery", 0.0))

    def attach(self, market: Market) -> None:
        """Say which market the account trades in; called once before the run."""
        self.market = market
        self.holdings: dict[int, Holding] = {}
        self.actions: list[tuple[int, int, Adjustment]] = []
        self.due = entitlements(market.panel.events)

    def init(self) -> None:
        super().init()
        self._worth = self.startingcash

    # -- what Backtrader asks of a broker ---------------------------------------------------------------------

    def get_value(self, datas: Iterable[StockFeed] | None = None, mkt: bool = False, lever: bool = False) -> float:
        """Return cash plus holdings at their last close, in yuan; of some stocks only if ``datas`` names them."""
        if datas is None:
            return self._worth
        return sum(self.stock_value(self.holdings[feed.column]) for feed in datas if feed.column in self.holdings)

    getvalue = get_value

    def get_fundvalue(self) -> float:
        return self._worth

    fundvalue = property(get_fundvalue)

    def getposition(self, data: StockFeed) -> bt.Position:
        holding = self.holdings.get(data.column)
        return holding.position if holding else bt.Position()

    def transmit(self, order: bt.Order, check: bool = True) -> bt.Order:
        if order.exectype not in (None, bt.Order.Market):
            raise ConfigError(f"order type must be Market (filled at the next open), was {order.getordername()}")
        order.submit()
        order.accept()
        order.info.attempts = 0
        order.info.reason = ""
        self.pending.append(order)
        self.orders.append(order)
        self.notify(order)
        return order

    def cancel(self, order: bt.Order, bracket: bool = False) -> bool:
        if order not in self.pending:
            return False
        self.pending.remove(order)
        order.cancel()
        self.notify(order)
        return True

    def next(self) -> None:
        """Live through one session: what goes ex or delists before the open, the open, and the close."""
        step = self.market.step
        if self.holdings:
            self._before_open(step)
        if self.pending:
            self._match(step)
        worth = self.cash
        for holding in self.holdings.values():
            close = holding.closes[step]
            if close == close:  # NaN while suspended: the last close is carried
                holding.price = close
            worth += holding.position.size * holding.price
        self._worth = worth

    # -- the account -------------------------------------------------------------------------------------------

    def stock_value(self, holding: Holding) -> float:
        """Return a holding's value at its last close, in yuan."""
        return holding.position.size * holding.price

    def round_buy(self, column: int, shares: float) -> int:
        """Return the largest number of shares not above ``shares`` that the lot rule lets one buy."""
        if self.p.lots == "share":
            return int(shares)
        return round_lot(board_of(str(self.market.panel.codes[column])), shares)

    def round_sell(self, column: int, shares: float, held: int) -> int:
        """Return the largest number of shares not above ``shares`` that the lot rule lets one sell."""
        if self.p.lots == "share":
            return min(int(shares), held)
        return round_sale(board_of(str(self.market.panel.codes[column])), shares, held)

    def cancel_carried(self) -> None:
        """Take back every order still waiting, for a new basket replaces it."""
        for order in list(self.pending):
            order.info.outcome = "replaced"
            self.cancel(order)

    def _before_open(self, step: int) -> None:
        for column, holding in list(self.holdings.items()):
            if step >= holding.delist_step:
                self._delist(column, holding)
                continue
            key = (column, self.market.first + step)
            before, now = holding.factors[step - 1], holding.factors[step]
            jump = now / before if step and before == before else 1.0
            due = self.due.get(key)
            if due is None and abs(jump - 1) <= _SAME_FACTOR:
                continue
            rows = []
            if due is not None:
                rows = apply(holding.position.size, holding.price, due, self.cash)
                explained = holding.price / due.reference(holding.price)
                # The exchange rounds the reference to a tick, so factors differ from the plan by up to that much.
                if abs(jump / explained - 1) <= _HALF_TICK * 2 * jump / holding.price + 1e-4:
                    jump = explained
                jump /= explained
            for row in rows:
                self._book(column, holding, row)
            if abs(jump - 1) > _SAME_FACTOR:
                self._book(column, holding, from_factor(holding.position.size, holding.price, jump))

    def _book(self, column: int, holding: Holding, row: Adjustment) -> None:
        position = holding.position
        if row.shares:
            position.price = position.price * position.size / (position.size + row.shares)
            position.size += row.shares
        holding.price = row.price
        self.cash += row.cash
        self.actions.append((self.market.row, column, row))

    def _delist(self, column: int, holding: Holding) -> None:
        size = holding.position.size
        cash = size * holding.price * self.p.delisting_recovery
        self._book(column, holding, Adjustment("delisting", 0, cash, holding.price))
        self.actions[-1] = (*self.actions[-1][:2], Adjustment("delisting", -size, cash, holding.price))
        del self.holdings[column]
        for order in [order for order in self.pending if order.data.column == column]:
            self._end(order, "expired", "delisted")

    # -- the open ----------------------------------------------------------------------------------------------

    def _match(self, step: int) -> None:
        orders, self.pending = list(self.pending), type(self.pending)()
        for order in orders:
            if not order.isbuy():
                self._sell(order, step)
        self._buy([order for order in orders if order.isbuy()], step)

    def _refusal(self, order: bt.Order, price: float, step: int) -> str:
        """Return why an order cannot trade at the open, or an empty string."""
        if price != price:
            return "suspended"
        column = order.data.column
        if order.isbuy():
            limit = self.market.view("up_limit", column)[step]
            return "limit up at open" if price >= limit - _HALF_TICK else ""
        limit = self.market.view("down_limit", column)[step]
        return "limit down at open" if price <= limit + _HALF_TICK else ""

    def _sell(self, order: bt.Order, step: int) -> None:
        order.info.attempts += 1
        price = self.market.view("open", order.data.column)[step]
        reason = self._refusal(order, price, step)
        if reason:
            if self.p.unfilled_sells == "carry":
                order.info.reason = order.info.reason or reason
                self.pending.append(order)
            else:
                self._end(order, "expired", reason)
            return
        holding = self.holdings.get(order.data.column)
        held = holding.position.size if holding else 0
        size = self.round_sell(order.data.column, -order.executed.remsize, held)
        if not size:
            self._end(order, "expired", "no shares held before this session (T+1)" if not held else "lot")
            return
        self._fill(order, -size, price)
        if order.alive():
            self._end(order, "partial", "no more shares held")

    def _buy(self, orders: list[bt.Order], step: int) -> None:
        fits = []
        for order in orders:
            order.info.attempts += 1
            price = self.market.view("open", order.data.column)[step]
            reason = self._refusal(order, price, step)
            if reason:
                self._end(order, "expired", reason)
            else:
                fits.append((order, price, order.executed.remsize))
        values = [price * size for _, price, size in fits]
        cost = sum(value + self.p.fees.of("buy", value) for value in values)
        factor = min(1.0, self.cash / cost) if cost > 0 else 1.0
        for order, price, wanted in fits:
            size = wanted if factor == 1.0 else self.round_buy(order.data.column, wanted * factor)
            if size:
                self._fill(order, size, price)
            if order.alive():
                self._end(order, "partial" if size else "expired", "cash")

    def _fill(self, order: bt.Order, size: int, price: float) -> None:
        feed = order.data
        holding = self.holdings.get(feed.column)
        if holding is None:
            holding = self.holdings[feed.column] = Holding(self.market, feed)
        position = holding.position
        old_size, old_price = position.size, position.price
        fee = self.p.fees.of("buy" if size > 0 else "sell", abs(size) * price)
        _, _, opened, closed = position.update(size, price)
        self.cash -= size * price + fee
        holding.price = price
        order.execute(
            self.market.clock.lines.datetime[0], size, price,
            closed, -closed * old_price, fee if closed else 0.0,
            opened, opened * price, fee if opened else 0.0,
            0.0, -closed * (price - old_price), old_size, old_price,
        )  # fmt: skip
        order.addcomminfo(self.getcommissioninfo(feed))
        if not position.size:
            del self.holdings[feed.column]
        if not order.alive():
            order.info.outcome = "filled"
            self.notify(order)

    def _end(self, order: bt.Order, outcome: str, reason: str) -> None:
        """Close an order that will not be filled any further and tell its owner."""
        order.info.outcome = outcome
        order.info.reason = order.info.reason or reason
        if outcome == "expired":
            order.status = bt.Order.Expired
        else:
            order.cancel()
        self.notify(order)


    def facts(self) -> dict[str, Any]:
        """Return the account's rules in words, for reports."""
        return {
            "fees": self.p.fees.title,
            "lots": "board lots (100; STAR 200 then 1; BSE 100 then 1)" if self.p.lots == "board" else "single shares",
            "unfilled_sells": self.p.unfilled_sells,
            "delisting_recovery": self.p.delisting_recovery,
        }
