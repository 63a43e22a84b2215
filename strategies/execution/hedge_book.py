"""The hedge inside the account: it trades at the open, settles at the close, and decides after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from strategies.execution.futures import FuturesAccount
from strategies.execution.hedge import Hedge, Order
from strategies.execution.index_short import IndexShort


@dataclass
class HedgeOrder:
    """One wanted trade in futures, for ``orders.parquet``; lots in place of shares, points in place of prices."""

    signal_row: int
    row: int
    code: str
    wanted: int  # negative to sell
    filled: int
    price: float
    fee: float
    reason: str
    reference: float


class HedgeBook:
    """A hedge and its positions, told by the broker what its day is.

    The account keeps the cash: :meth:`open` and :meth:`settle` return what flows, margin locked or freed included.

    Parameters
    ----------
    hedge : Hedge
        The decisions.

    Attributes
    ----------
    orders : list of HedgeOrder
        What was wanted in futures, and what became of it.
    """

    def __init__(self, hedge: Hedge):
        self.hedge = hedge
        self.positions: FuturesAccount | IndexShort = hedge.account()
        self.orders: list[HedgeOrder] = []
        self._pending: list[Order] = []
        self._target: float | None = None  # stocks the book was rebalanced to, in yuan
        self._beta = 1.0

    @property
    def value(self) -> float:
        """The margin held, in yuan."""
        return self.positions.value

    def invested_share(self, row: int, weights: Mapping[int, float]) -> float:
        """Return the share of the account that may go into stocks of these weights, so that the margin fits."""
        self._beta = self._measured(row, weights)
        return self.hedge.invested_share(row, self._beta)

    def rebalance(self, stock_value: float) -> None:
        """Say what the stocks will be worth once the basket of this close is filled, in yuan."""
        self._target = stock_value

    def _measured(self, row: int, weights: Mapping[int, float]) -> float:
        held = {column: weight for column, weight in weights.items() if weight > 0}
        if not held:
            return self._beta
        return self.hedge.beta(row, np.array(list(held)), np.array(list(held.values())))

    def decide(self, row: int, stock_value: float, free_cash: float) -> None:
        """Decide, with what a close showed, what to trade in the session after it."""
        rebalanced = self._target is not None
        value = stock_value if self._target is None else self._target
        self._target = None
        if isinstance(self.positions, IndexShort):
            short = -self.positions.units * self.hedge.index[row]
            wanted = self.hedge.notional(value, self._beta)
            if rebalanced or abs(wanted + short) > self.hedge.config.band * wanted:
                self.positions.order(wanted)
            return
        self._pending = self.hedge.decide(
            row, self.positions.lots, value, beta=self._beta, rebalanced=rebalanced, free_cash=free_cash
        )

    def open(self, row: int) -> float:
        """Trade what was decided at a session's open; return the cash that flows, fees and margin, in yuan."""
        orders, self._pending = self._pending, []
        if not orders or isinstance(self.positions, IndexShort):
            return 0.0
        futures, refused, flow = self.hedge.futures, self.hedge.refusals(orders, row), 0.0
        for order in orders:
            reference = futures.last_settle(order.column, row - 1)
            made = HedgeOrder(
                row - 1, row, str(futures.codes[order.column]), order.lots, 0, np.nan, 0.0,
                refused.get(order.column, ""), reference,
            )  # fmt: skip
            if not made.reason:
                price = float(futures.open[order.column, row])
                fill = self.positions.trade(order.column, order.lots, price, row, order.kind)
                made.filled, made.price, made.fee = order.lots, fill.price, fill.fee
                flow -= fill.fee + fill.margin
            self.orders.append(made)
        return flow

    def settle(self, row: int) -> float:
        """Settle a session at its close; return the cash that flows, margin included, in yuan."""
        before = self.positions.value
        gain = self.positions.settle(row)
        return gain - (self.positions.value - before)

    def ledger(self) -> pd.DataFrame:
        """Return ``hedge.parquet``."""
        return self.positions.ledger()

    def order_rows(self) -> list[dict[str, Any]]:
        """Return the orders in the columns of ``orders.parquet``, with rows of the panel in place of dates."""
        return [
            {
                "signal_date": order.signal_row, "date": order.row, "ts_code": order.code,
                "side": "buy" if order.wanted > 0 else "sell", "wanted": abs(order.wanted), "filled": abs(order.filled),
                "price": order.price, "fee": order.fee, "status": "filled" if order.filled else "expired",
                "reason": order.reason, "reference": order.reference if isfinite(order.reference) else np.nan,
                "attempts": 1, "standing": "", "slippage": 0.0, "replaces": "",
            }
            for order in self.orders
        ]  # fmt: skip
