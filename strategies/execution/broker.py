"""A Backtrader broker with A-share rules: refusals, T+1, lots, baskets sized as a whole, corporate actions."""

from math import fsum
from typing import Any

import backtrader as bt

from feeds.errors import ConfigError
from feeds.rules import board_of, round_lot, round_sale
from strategies.execution.account import Account, Holding

_HALF_TICK = 0.005


class AShareBroker(Account):
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

    params: Any = (("fees", None), ("lots", "board"), ("unfilled_sells", "carry"))

    # -- what Backtrader asks of a broker ---------------------------------------------------------------------

    def submit(self, order: bt.Order, check: bool = True) -> bt.Order:
        """Take an order for the next session's open; refuse a kind that this market does not know."""
        self._refuse_unknown(order)
        order.accept()
        info = order.info
        info.attempts = 0
        info.reason = ""
        if "signal_row" not in info:  # from a strategy of its own, not a basket
            column = order.data.column
            info.signal_row, info.reference = self.market.row, self.last_price(column)
            info.whole = -order.size >= self.position_size(column) > 0
        self.pending.append(order)
        self.orders.append(order)
        self.notify(order)
        return order

    def cancel(self, order: bt.Order, bracket: bool = False) -> bool:
        if order not in self.pending:
            return False
        self.pending.remove(order)
        self.end(order, "cancelled", "")
        return True

    def next(self) -> None:
        """Live through one session: what goes ex or delists before the open, the open, and the close."""
        step = self.market.step
        if self.holdings:
            self.go_ex(step)
        if self.pending:
            self._match(step)
        self.mark(step)

    def _refuse_unknown(self, order: bt.Order) -> None:
        if order.data.column < 0:
            raise ConfigError("order must name a stock's feed (broker.market.feed(code)), was without one")
        if order.exectype not in (None, bt.Order.Market):
            raise ConfigError(f"order type must be Market (filled at the next open), was {order.getordername()}")
        if order.valid is not None or order.parent is not None or not order.transmit:
            raise ConfigError("order must stand alone, was with valid, parent or transmit=False")
        if order.size != order.size or order.size % 1:
            raise ConfigError(f"order size must be a whole number of shares, was {order.size}")

    def _ocoize(self, order: bt.Order, oco: bt.Order | None) -> None:
        if oco is not None:
            raise ConfigError("order must stand alone, was with oco")

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
        orders = list(self.pending)
        self.pending.clear()
        for order in orders:
            self.end(order, "replaced", "")

    # -- the open ----------------------------------------------------------------------------------------------

    def _match(self, step: int) -> None:
        orders = list(self.pending)
        self.pending.clear()
        buys = [order for order in orders if order.isbuy()]
        bought = {order.data.column for order in buys}
        for order in orders:
            if not order.isbuy():
                self._sell(order, step, "T+1" if order.data.column in bought else "nothing held")
        self.settle()
        if buys:
            self._buy(buys, step)
            self.settle()

    def _refusal(self, order: bt.Order, price: float, step: int) -> str:
        """Return why an order cannot trade at the open, or an empty string."""
        column = order.data.column
        if price != price:
            row, panel = self.market.row, self.market.panel
            if row >= panel.delist_index[column]:
                return "delisted"
            return "suspended" if row >= panel.list_index[column] else "not listed"
        if order.isbuy():  # a limit of NaN, none or unknown, refuses nothing
            limit = self.market.view("up_limit", column)[step]
            return "limit up at open" if price >= limit - _HALF_TICK else ""
        limit = self.market.view("down_limit", column)[step]
        return "limit down at open" if price <= limit + _HALF_TICK else ""

    def _sell(self, order: bt.Order, step: int, excess: str) -> None:
        """Sell what was held before this session; ``excess`` says why there may be less of it than ordered."""
        order.info.attempts += 1
        column, wanted = order.data.column, -order.executed.remsize
        holding = self.holdings.get(column)
        if holding is None:
            self.end(order, "expired", excess)
            return
        price = self.market.view("open", column)[step]
        reason = self._refusal(order, price, step)
        if reason and self.p.unfilled_sells == "carry":
            order.info.reason = order.info.reason or reason
            self.pending.append(order)
            return
        held = holding.position.size
        size = 0 if reason else self.round_sell(column, wanted, held)
        if size:
            self._fill(order, -size, price)
        if order.alive():
            self.end(order, "partial" if size else "expired", reason or (excess if size == held else "lot"))

    def _buy(self, orders: list[bt.Order], step: int) -> None:
        fits = []
        for order in orders:
            order.info.attempts += 1
            price = self.market.view("open", order.data.column)[step]
            reason = self._refusal(order, price, step)
            size = 0 if reason else self.round_buy(order.data.column, order.executed.remsize)
            if size:
                fits.append((order, price, size))
            else:
                self.end(order, "expired", reason or "lot")
        values = [price * size for _, price, size in fits]
        cost = fsum(value + self.p.fees.of("buy", value) for value in values)
        factor = self.cash / cost if cost > self.cash else 1.0
        for order, price, wanted in fits:
            size = self.round_buy(order.data.column, wanted * factor)
            if size:
                self._fill(order, size, price)
            if order.alive():
                self.end(order, "partial" if size else "expired", "lot" if size == wanted else "cash")

    def _fill(self, order: bt.Order, size: int, price: float) -> None:
        feed = order.data
        holding = self.holdings.get(feed.column)
        if holding is None:
            holding = self.holdings[feed.column] = Holding(self.market, feed)
            self.positions[feed] = holding.position
        position = holding.position
        old_size, old_price = position.size, position.price
        fee = self.p.fees.of("buy" if size > 0 else "sell", abs(size) * price)
        _, _, opened, closed = position.update(size, price)
        self.flows.append(-size * price - fee)
        order.execute(
            self.market.clock.lines.datetime[0], size, price,
            closed, -closed * old_price, fee if closed else 0.0,
            opened, opened * price, fee if opened else 0.0,
            0.0, -closed * (price - old_price), old_size, old_price,
        )  # fmt: skip
        order.executed.price = price  # an order is filled once; Backtrader's average of one is off by a rounding
        order.addcomminfo(self.getcommissioninfo(feed))
        if not position.size:
            self.forget(feed.column)
        if not order.alive():
            order.info.outcome, order.info.row = "filled", self.market.row
            self.notify(order)

    def facts(self) -> dict[str, Any]:
        """Return the account's rules in words, for reports."""
        return {
            "fees": self.p.fees.title,
            "lots": "board lots (100; STAR 200 then 1; BSE 100 then 1)" if self.p.lots == "board" else "single shares",
            "unfilled_sells": self.p.unfilled_sells,
            "delisting_recovery": self.p.delisting_recovery,
        }
