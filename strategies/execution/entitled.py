"""The account on ex-dates: dividends, new shares, rights, share exchanges and delistings reach the holdings."""

from math import fsum
from typing import Any

import backtrader as bt

from feeds.lines import Market
from strategies.execution import trades
from strategies.execution.account import Account
from strategies.execution.corporate_actions import (
    Adjustment,
    Entitlement,
    Entitlements,
    apply,
    from_factor,
    unexplained,
)
from strategies.execution.hedge_book import HedgeBook
from strategies.execution.holding import Holding

_DUST = 1e-9  # shares


class EntitledAccount(Account):
    """An account whose holdings live through what companies do to their shares.

    Parameters
    ----------
    delisting_recovery : float
        Share of the last price that a holding is worth once its stock is delisted.
    dividends : str
        ``cash``: paid on the pay date, a receivable until then. ``reinvest``: whole shares at the ex-right price, at
        no cost; an idealisation that makes a raw-price run comparable with a total-return one.
    dividend_tax : str
        ``none``, or ``holding``: by how long shares were held, withheld when they are sold.
    rights : str
        ``subscribe`` where the cash covers all of a day's, or ``lapse``.
    """

    params: Any = (
        ("delisting_recovery", 0.0), ("dividends", "cash"), ("dividend_tax", "none"), ("rights", "subscribe"),
    )  # fmt: skip

    def attach(self, market: Market, hedge: HedgeBook | None = None) -> None:
        super().attach(market, hedge)
        self.due = Entitlements(market.panel.events)
        self.leaves: list[int] = market.panel.delist_index.tolist()  # by column, the first row without its shares
        self.exchanges: dict[int, tuple[int, float, float]] = {}  # what they become: column, ratio, yuan a share
        held = market.panel.conversions
        for old, row, new, ratio, cash in zip(*(getattr(held, part).tolist() for part in held.PARTS), strict=True):
            self.leaves[int(old)], self.exchanges[int(old)] = int(row), (int(new), ratio, cash)

    def ex_right(self, column: int, held: int, price: float) -> tuple[int, float]:
        """Return shares held and price as they will be at the next open, if the stock is known to go ex by then."""
        due = self.due.of(self.market.row + 1, (column,)).get(column)
        return (held + due.bonus(held), due.reference(price)) if due else (held, price)

    def pay(self, row: int) -> None:
        """Turn the receivables whose pay date has come into cash."""
        if not any(due <= row for due, _, _ in self.receivables):
            return
        for due, column, cash in self.receivables:
            if due <= row:
                self.actions.append((row, column, Adjustment("dividend_paid", 0, cash, -cash)))
                self.flows.append(cash)
        self.receivables = [entry for entry in self.receivables if entry[0] > row]
        self.settle()

    def go_ex(self, step: int) -> None:
        """Do to the holdings what corporate actions do to them before a session opens.

        What was held at the close is entitled first, also to what its last day brings; then shares leave, exchanged
        for those of another code even if that is days after their delisting, or written off.
        """
        row = self.market.first + step
        today = self.due.of(row, self.holdings)
        changed = [
            (column, holding)
            for column, holding in self.holdings.items()
            if column in today or holding.factors[step] != holding.factor
        ]
        if changed:
            self._give(changed, today, step)
        for column in [column for column in self.holdings if row >= self.leaves[column]]:
            if column in self.exchanges:
                self._exchange(column, self.holdings[column], *self.exchanges[column])
            else:
                self._delist(column, self.holdings[column])
        self.settle()

    def _give(self, changed: list[tuple[int, Holding]], today: dict[int, Entitlement], step: int) -> None:
        """Give holdings what is due to them; rights are taken up if the cash covers all of the day's."""
        going = [(holding, today[column]) for column, holding in changed if column in today]
        worthwhile = [(holding, due) for holding, due in going if due.rights_price < holding.price]
        costs = fsum(due.subscription(holding.position.size) for holding, due in worthwhile)
        subscribe = self.p.rights == "subscribe" and costs <= self.cash
        for column, holding in changed:
            due = today.get(column)
            if due is not None:
                self._entitle(column, holding, due, subscribe)
            # While suspended the factor may lag behind the tables: it is compared on the first day of trading.
            if holding.closes[step] == holding.closes[step]:
                self._reconcile(column, holding, holding.factors[step])

    def _entitle(self, column: int, holding: Holding, due: Entitlement, subscribe: bool) -> None:
        row, held = self.market.row, holding.position.size
        before, after = holding.price, due.reference(holding.price)
        if holding.tax is not None:
            holding.tax.pay(self.market.panel.dates[max(row - 1, 0)], due.taxable)
        for adjustment in apply(held, before, due, subscribe, row, self.p.dividends == "reinvest"):
            if adjustment.receivable:
                self.receivables.append((due.pay_row, column, adjustment.receivable))
            if adjustment.shares and due.tradable_row > row:
                holding.locked.append((due.tradable_row, adjustment.shares))
            self._book(column, holding, adjustment)
        holding.explained *= before / after
        holding.price = after

    def _reconcile(self, column: int, holding: Holding, factor: float) -> None:
        """Book a jump of the adjustment factor that the tables do not explain."""
        ratio = unexplained(factor / holding.factor, holding.explained, holding.price)
        if ratio != 1:
            reinvest = self.p.dividends == "reinvest"
            self._book(column, holding, from_factor(holding.position.size, holding.price, ratio, reinvest))
        holding.factor, holding.explained = factor, 1.0

    def _book(self, column: int, holding: Holding, row: Adjustment, kind: float = 0.0) -> None:
        """Change a holding by an adjustment; cash, paid or owed, lowers the average cost, as brokers show it.

        ``kind`` is what was received besides, in yuan.
        """
        position, market = holding.position, self.market
        before, after = position.size, position.size + row.shares
        gained = row.cash + row.receivable + kind
        costs = self.getcommissioninfo(holding.feed)
        trades.carry(self.cerebro.runningstrats, holding.feed, before, row.shares, gained, costs)
        position.price = (position.price * before - gained) / after if after else 0.0
        position.size = after
        self.flows.append(row.cash)
        self.actions.append((market.row, column, row))
        if holding.tax is not None:  # what is not sold is not taxed: a reverse split, shares that are delisted
            if row.shares < 0:
                holding.tax = holding.tax.scaled(after)
            holding.tax.acquire(market.panel.dates[market.row], row.shares)
        if not after:
            self.forget(column)
            return
        for order in self.pending:
            if order.info.whole and order.data.column == column:
                self._resize(order, row.shares)

    def withhold(self, column: int, tax: float) -> None:
        """Book dividend tax that falls due, in yuan."""
        if tax:
            self.flows.append(-tax)
            self.actions.append((self.market.row, column, Adjustment("dividend_tax", 0, -tax)))

    def _resize(self, order: bt.Order, shares: int) -> None:
        """Let a sale of the whole holding go on being one after its shares changed; its value stays the same."""
        created, old = order.created, order.created.size
        created.size = order.size = old - shares
        created.remsize = order.executed.remsize = order.executed.remsize - shares
        if created.size:
            order.info.reference *= old / created.size

    def _exchange(self, column: int, holding: Holding, new: int, ratio: float, cash: float) -> None:
        """Turn a holding into shares of another code; a fraction of a share is paid in cash."""
        self._abandon(column, "code changed")
        held, cost = holding.position.size, holding.position.price * holding.position.size
        price = (holding.price - cash) / ratio
        shares = int(held * ratio + _DUST)
        paid = held * cash + max(held * ratio - shares, 0.0) * price
        tax, holding.tax = holding.tax, None  # an exchange is no sale
        self._book(column, holding, Adjustment("exchanged_out", -held, paid), shares * price)
        if not shares:
            return
        target = self.open_holding(self.market.feed(new))
        if tax is not None and target.tax is not None:
            target.tax.lots += tax.scaled(shares).lots
        before = target.position.size
        trades.begin(self.cerebro.runningstrats, target.feed, shares, price, self.getcommissioninfo(target.feed))
        total = target.position.price * before + cost - paid
        target.position.size = before + shares
        target.position.price = total / target.position.size
        if not before:
            target.price = price
        self.actions.append((self.market.row, new, Adjustment("exchanged_in", shares, 0.0)))

    def _delist(self, column: int, holding: Holding) -> None:
        self._abandon(column, "delisted")
        cash = holding.value * self.p.delisting_recovery
        self._book(column, holding, Adjustment("delisting", -holding.position.size, cash))

    def _abandon(self, column: int, reason: str) -> None:
        """End the orders of a stock that is gone."""
        for order in [order for order in self.pending if order.data.column == column]:
            self.pending.remove(order)
            order.info.attempts += 1
            order.info.reason = reason
            self.end(order, "partial" if order.executed.size else "expired", reason)
