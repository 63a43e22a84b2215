"""A Backtrader broker with A-share rules: refusals, T+1, lots, volume, baskets sized as a whole."""

from functools import partial
from typing import Any

import backtrader as bt

from feeds.errors import ConfigError
from feeds.rules import board_of, round_lot, round_sale
from strategies.execution import fills
from strategies.execution.basket import Buy, allot
from strategies.execution.entitled import EntitledAccount
from strategies.execution.policy import Policy

VOLUME, DELISTED = "volume", "delisted"


class AShareBroker(EntitledAccount):
    """Fills market orders in the next session, or says why not.

    All orders of a session are matched as one basket: sells first, their proceeds buy at once, and buys are scaled by
    one factor to the cash at hand, so the result does not depend on the order of the names. Only shares held before
    the session can be sold (T+1), so nothing is ever short. A fill is decided by the price of execution and the
    day's limit prices; :mod:`strategies.execution.fills` says what a daily bar cannot tell.

    Parameters
    ----------
    fees : Fees
        The fee schedule.
    lots : str
        ``board``: lots of the stock's board (100; STAR 200 then 1; BSE 100 then 1). ``share``: single shares.
    execution : str
        ``open``, ``vwap`` or ``close`` of the next session.
    fill : str
        ``default``, or the bounds ``optimistic`` and ``pessimistic``.
    blocked_buys, blocked_sells : Policy
        What becomes of an order that a limit or a suspension refused.
    max_participation : float, optional
        Largest share of a day's volume that one may trade; what is left waits for the next session.
    slippage : Slippage
        How much worse than the session's price a fill is.
    ignore : collection of str
        ``limits``, ``suspensions``: obstacles that a blind backtest would not see.
    """

    params: Any = (
        ("fees", None), ("lots", "board"), ("execution", "open"), ("fill", "default"),
        ("blocked_buys", Policy("expire")), ("blocked_sells", Policy("carry")), ("max_participation", None),
        ("slippage", fills.Slippage()), ("ignore", ()),
    )  # fmt: skip

    def init(self) -> None:
        super().init()
        self.reserve: list[int] = []  # columns that may take the place of a refused buy, best first
        self.traded: dict[int, int] = {}  # shares this session, by column

    # -- what Backtrader asks of a broker ---------------------------------------------------------------------

    def submit(self, order: bt.Order, check: bool = True) -> bt.Order:
        """Take an order for the next session; refuse a kind that this market does not know."""
        self._refuse_unknown(order)
        order.accept()
        info = order.info
        info.attempts = info.blocked = 0
        info.fee = info.slippage = 0.0
        info.reason = info.standing = ""
        if "replaces" not in info:
            info.replaces = -1
        if "signal_row" not in info:  # from a strategy of its own, not a basket
            column = order.data.column
            info.signal_row, info.reference = self.market.row, self.last_price(column)
            info.whole = -order.size >= self.position_size(column) > 0
            info.rank = 0
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
        """Live through one session: what is paid, goes ex or delists before it, the trading, and the close."""
        step, row = self.market.step, self.market.row
        if self.hedge is not None and step:  # what yesterday's close, and the basket ordered after it, ask for
            self.hedge.decide(row - 1, self.stock_value, self.cash)
        if self.receivables:
            self.pay(row)
        if self.holdings:
            self.go_ex(step)
        self._match(step)
        if self.hedge is not None:
            self.flows.append(self.hedge.settle(row))
            self.settle()
        self.mark(step)

    def _refuse_unknown(self, order: bt.Order) -> None:
        if order.data.column < 0:
            raise ConfigError("order must name a stock's feed (broker.market.feed(code)), was without one")
        if order.exectype not in (None, bt.Order.Market):
            raise ConfigError(f"order type must be Market (filled in the next session), was {order.getordername()}")
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
            self.end(order, "partial" if order.executed.size else "replaced", "")

    # -- the session -------------------------------------------------------------------------------------------

    def _match(self, step: int) -> None:
        """Trade the session: sales first, then the hedge, which needs or frees margin, then purchases."""
        orders = list(self.pending)
        self.pending.clear()
        self.traded.clear()
        buys = [order for order in orders if order.isbuy()]
        bought = {order.data.column for order in buys}
        for order in orders:
            if not order.isbuy():
                self._sell(order, step, "T+1" if order.data.column in bought else "nothing held")
        if self.hedge is not None:
            self.flows.append(self.hedge.open(self.market.row))
        self.settle()
        if buys:
            self._buy(buys, step)
            self.settle()
        self.reserve = []

    def _price(self, column: int, step: int) -> float:
        """Return the session's price of execution in raw yuan, NaN without a trade."""
        price = self.market.view(fills.EXECUTIONS[self.p.execution], column)[step]
        if price != price and "suspensions" in self.p.ignore:
            row, panel = self.market.row, self.market.panel
            return self.last_price(column) if panel.list_index[column] <= row < panel.delist_index[column] else price
        return price

    def _refusal(self, column: int, buy: bool, price: float, step: int) -> tuple[str, str]:
        """Return why nothing can be bought or sold of a stock in this session, and how the day stood to its limit.

        Both are empty where the session would fill an order.
        """
        if price != price:
            row, panel = self.market.row, self.market.panel
            if row >= panel.delist_index[column]:
                return DELISTED, ""
            return "suspended" if row >= panel.list_index[column] else "not listed", ""
        if "limits" in self.p.ignore:
            return "", ""
        view = self.market.view
        limit = view("up_limit" if buy else "down_limit", column)[step]
        if limit != limit:  # none, or unknown: refuses nothing
            return "", ""
        bar = fills.Bar(price, view("high", column)[step], view("low", column)[step], limit)
        state = fills.standing(bar, buy=buy)
        if state in fills.FILLED[self.p.fill]:
            return "", ""
        return fills.refusal(state, self.p.execution, buy=buy), state

    def _slipped(self, column: int, buy: bool, price: float, step: int) -> float:
        limit = self.market.view("up_limit" if buy else "down_limit", column)[step]
        return self.p.slippage.price(price, limit, buy=buy)

    def _capped(self, column: int, shares: int, step: int, planned: int = 0) -> int:
        """Return how many of ``shares`` the volume of the day leaves room for, besides what is filled or planned."""
        if self.p.max_participation is None:
            return shares
        volume = self.market.view("vol", column)[step]
        room = int(self.p.max_participation * volume) if volume == volume else 0
        return max(min(shares, room - self.traded.get(column, 0) - planned), 0)

    def _block(self, order: bt.Order, reason: str, standing: str, policy: Policy) -> None:
        """Let a refused order wait for the next session, or end it; nobody waits for what is delisted."""
        order.info.blocked += 1
        gone = reason == DELISTED
        if gone or not order.info.reason:
            order.info.reason, order.info.standing = reason, standing
        if order.info.blocked <= policy.sessions and not gone:
            self.pending.append(order)
        else:
            self.end(order, "partial" if order.executed.size else "expired", reason)

    def _wait_for_volume(self, order: bt.Order) -> None:
        order.info.reason = order.info.reason or VOLUME
        self.pending.append(order)

    def _sell(self, order: bt.Order, step: int, excess: str) -> None:
        """Sell what was held before this session; ``excess`` says why there may be less of it than ordered."""
        order.info.attempts += 1
        column, wanted = order.data.column, -order.executed.remsize
        holding = self.holdings.get(column)
        if holding is None:
            self.end(order, "partial" if order.executed.size else "expired", excess)
            return
        price = self._price(column, step)
        reason, standing = self._refusal(column, False, price, step)
        if reason:
            self._block(order, reason, standing, self.p.blocked_sells)
            return
        held = holding.tradable(self.market.row)
        locked = holding.position.size - held
        room = self._capped(column, wanted, step)
        size = self.round_sell(column, room, held)
        if size:
            self._fill(order, -size, price, self._slipped(column, False, price, step))
        if not order.alive():
            return
        if room < wanted and size < held:
            self._wait_for_volume(order)
        elif locked:
            self._block(order, "not admitted to trading yet", "", self.p.blocked_sells)
        else:
            self.end(order, "partial" if order.executed.size else "expired", excess if size == held else "lot")

    def _buy(self, orders: list[bt.Order], step: int) -> None:
        chosen, refused = [], []
        for order in orders:
            order.info.attempts += 1
            column = order.data.column
            price = self._price(column, step)
            reason, standing = self._refusal(column, True, price, step)
            if reason:
                refused.append(order)
                self._block(order, reason, standing, self.p.blocked_buys)
            else:
                chosen.append((order, price))
        if refused and self.p.blocked_buys.substitute:
            chosen += self._substitutes(refused, step)
        self._buy_basket(chosen, step)

    def _substitutes(self, refused: list[bt.Order], step: int) -> list[tuple[bt.Order, float]]:
        """Order the next ranks in place of what was refused, each for the value of the order it stands for."""
        found = []
        for order in sorted(refused, key=lambda order: order.info.rank):
            while self.reserve:
                column = self.reserve.pop(0)
                price = self._price(column, step)
                if self.position_size(column) or self._refusal(column, True, price, step)[0]:
                    continue
                reference = self._reference(column, step)
                shares = self.round_buy(column, order.executed.remsize * order.info.reference / reference)
                if shares:
                    place = self.buy(
                        order.owner, self.market.feed(column), shares, signal_row=order.info.signal_row,
                        reference=reference, whole=False, rank=order.info.rank, replaces=order.data.column,
                    )  # fmt: skip
                    self.pending.remove(place)
                    place.info.attempts = 1
                    found.append((place, price))
                    break
        return found

    def _reference(self, column: int, step: int) -> float:
        """Return the close before this session, ex-right if the stock goes ex on it: what a basket is sized with."""
        price = self.market.last_close(column, step - 1)
        due = self.due.of(self.market.row, (column,)).get(column)
        return due.reference(price) if due else price

    def _buy_basket(self, chosen: list[tuple[bt.Order, float]], step: int) -> None:
        """Buy what the lots, the volume and the cash allow."""
        rows, baskets, planned = [], [], dict.fromkeys((order.data.column for order, _ in chosen), 0)
        for order, price in chosen:
            column = order.data.column
            room = self._capped(column, order.executed.remsize, step, planned[column])
            size = self.round_buy(column, room)
            if not size:
                if room < order.executed.remsize:
                    self._wait_for_volume(order)
                else:
                    self.end(order, "partial" if order.executed.size else "expired", "lot")
                continue
            planned[column] += size
            paid = self._slipped(column, True, price, step)
            rows.append((order, price, paid, room))
            baskets.append(Buy(column, paid, size, partial(self.round_buy, column), partial(self._cost, order, paid)))
        for (order, price, paid, room), buy, size in zip(rows, baskets, allot(baskets, self.cash), strict=True):
            if size:
                self._fill(order, size, price, paid)
            if not order.alive():
                continue
            whole = size == buy.shares
            if whole and room < order.executed.remsize + size:
                self._wait_for_volume(order)
            else:
                self.end(order, "partial" if order.executed.size else "expired", "lot" if whole else "cash")

    def _cost(self, order: bt.Order, price: float, shares: float) -> float:
        """Return what so many more shares of an order cost, in yuan, fee included."""
        return price * shares + self._fee(order, "buy", price, shares)

    def _fee(self, order: bt.Order, side: str, price: float, shares: float) -> float:
        """Return the fee of a further fill of an order: a minimum is charged once, and no sale more than it brings."""
        done = order.executed
        value = price * shares + abs(done.size) * done.price
        code, day = str(self.market.panel.codes[order.data.column]), self.market.panel.dates[self.market.row]
        fee = max(self.p.fees.of(side, value, abs(done.size) + shares, code, day) - order.info.fee, 0.0)
        return fee if side == "buy" else min(fee, price * shares)

    def _fill(self, order: bt.Order, size: int, price: float, paid: float) -> None:
        """Fill a part of an order at ``paid``, which slippage made of the session's ``price``."""
        feed, info = order.data, order.info
        holding = self.open_holding(feed)
        position = holding.position
        old_size, old_price = position.size, position.price
        fee = self._fee(order, "buy" if size > 0 else "sell", paid, abs(size))
        spent = abs(order.executed.size) * order.executed.price + abs(size) * paid
        _, _, opened, closed = position.update(size, paid)
        self.flows.append(-size * paid - fee)
        order.execute(
            self.market.clock.lines.datetime[0], size, paid,
            closed, -closed * old_price, fee if closed else 0.0,
            opened, opened * paid, fee if opened else 0.0,
            0.0, -closed * (paid - old_price), old_size, old_price,
        )  # fmt: skip
        order.executed.price = paid if abs(size) == abs(order.executed.size) else spent / abs(order.executed.size)
        order.addcomminfo(self.getcommissioninfo(feed))
        slipped = abs(size) * abs(paid - price)
        info.fee += fee
        info.slippage += slipped
        self.fills.append((self.market.row, feed.column, size, paid, fee, slipped))
        self.traded[feed.column] = self.traded.get(feed.column, 0) + abs(size)
        if holding.tax is not None:
            day = self.market.panel.dates[self.market.row]
            if size > 0:
                holding.tax.acquire(day, size)
            else:
                self.withhold(feed.column, min(holding.tax.release(day, -size), -size * paid - fee))
        if not position.size:
            self.forget(feed.column)
        if not order.alive():
            info.outcome, info.row = "filled", self.market.row
        self.notify(order)

    def facts(self) -> dict[str, Any]:
        """Return the account's rules in words, for reports."""
        p = self.p
        return {
            "fees": p.fees.title,
            "fee_schedule": repr(p.fees),
            "lots": "board lots (100; STAR 200 then 1; BSE 100 then 1)" if p.lots == "board" else "single shares",
            "blocked_buys": str(p.blocked_buys),
            "blocked_sells": str(p.blocked_sells),
            "max_participation": p.max_participation,
            "slippage": str(p.slippage),
            "delisting_recovery": p.delisting_recovery,
            "dividends": p.dividends,
            "dividend_tax": p.dividend_tax,
            "rights": p.rights,
        }
