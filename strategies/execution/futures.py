"""Index futures in the account: integer lots by contract, margin, and every day's gain or loss paid in cash."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import fsum, nan
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from feeds.errors import DataError
from feeds.futures import FuturesPanel


class FuturesTerms(Protocol):
    """What the exchange asks of a kind of future on a day; rates are fractions of a contract's value."""

    tick: float  # points
    limit: float  # largest move from the previous settlement
    last_day_limit: float

    def multiplier(self, kind: str) -> float: ...

    def margin(self, kind: str, day: np.datetime64) -> float: ...

    def fee(self, kind: str, day: np.datetime64) -> float: ...

    def close_today_fee(self, kind: str, day: np.datetime64) -> float: ...

    def delivery_fee(self, kind: str, day: np.datetime64) -> float: ...

    def yuan_per_order(self, kind: str, day: np.datetime64) -> float: ...


class Fill(NamedTuple):
    """One trade."""

    lots: int  # negative if sold
    price: float  # points, after slippage
    fee: float  # yuan
    margin: float  # yuan that it locks, or frees if negative


class LedgerRow(NamedTuple):
    """One line of ``hedge.parquet``.

    A trade (``open``, ``close``, ``roll``, ``forced``, ``delivery``) has signed lots, its price, its fee, and as
    ``variation`` the gain from its price to that day's settlement. The day's ``settle`` row has the lots held at the
    close, their exposure and margin, and as ``variation`` the gain on the lots held since the close before. So the
    gain of any days is the sum of their variations less their fees.
    """

    row: int
    contract: str
    kind: str
    lots: float  # whole for futures; units of the index for the ideal short
    settle: float  # points
    price: float = nan  # points
    exposure: float = 0.0  # yuan at the settlement, negative for a short
    variation: float = 0.0  # yuan
    margin: float = 0.0  # yuan
    fee: float = 0.0  # yuan


def ledger_frame(rows: list[LedgerRow], dates: np.ndarray) -> pd.DataFrame:
    """Return ledger rows as a frame, with the column ``date`` in place of ``row``."""
    frame = pd.DataFrame(rows, columns=list(LedgerRow._fields))
    frame.insert(0, "date", dates[frame.pop("row").to_numpy("int64")].astype("datetime64[ms]"))
    texts = ("contract", "kind")
    return frame.astype({name: "str" if name in texts else "float64" for name in frame.columns[1:]})


def _larger_side(margins: Iterable[tuple[int, float]]) -> float:
    """Return the margin of (lots, margin) pairs: the exchange takes it once, on the larger side of all futures."""
    pairs = list(margins)
    return max(fsum(margin for lots, margin in pairs if lots * sign > 0) for sign in (1, -1))


@dataclass
class _Position:
    """The lots of one contract; ``base`` is the last settlement, NaN before the first."""

    lots: int = 0
    overnight: int = 0  # lots at the last settlement
    opened: int = 0  # lots opened today and not closed again, signed
    base: float = nan
    margin: float = 0.0
    trades: list[tuple[int, float, float, str]] = field(default_factory=list)  # today's lots, price, fee, kind


class FuturesAccount:
    """Positions in index futures, settled every day.

    The account that it belongs to keeps the cash: it pays the fees of a `Fill`, books what `settle` returns, and
    locks every rise of ``value``. Then ``cash + stocks + value`` is its worth.

    Parameters
    ----------
    futures : FuturesPanel
        Contracts and their bars.
    dates : numpy.ndarray of datetime64[D], shape (T,)
        The panel's days.
    terms : FuturesTerms
        Dated margin and fees.
    margin_add : float
        What the broker asks on top of the exchange's margin rate.
    slippage_ticks : float
        Ticks that every trade loses on its price.
    """

    def __init__(
        self,
        futures: FuturesPanel,
        dates: np.ndarray,
        terms: FuturesTerms,
        *,
        margin_add: float = 0.0,
        slippage_ticks: float = 0.0,
    ):
        self.futures, self.dates, self.terms = futures, dates, terms
        self.margin_add, self.slippage = margin_add, slippage_ticks * terms.tick
        self._positions: dict[int, _Position] = {}
        self._rows: list[LedgerRow] = []

    @property
    def lots(self) -> dict[int, int]:
        """Lots by column, negative for a short."""
        return {column: position.lots for column, position in self._positions.items() if position.lots}

    @property
    def value(self) -> float:
        """The margin held, in yuan."""
        return _larger_side((position.lots, position.margin) for position in self._positions.values())

    def margin_rate(self, column: int, row: int) -> float:
        """Return a contract's margin rate from a day's settlement on, the broker's part included."""
        return self.terms.margin(str(self.futures.kind[column]), self.dates[row]) + self.margin_add

    def margin_required(self, row: int) -> float:
        """Return the margin that the lots need at a day's rates and the last settlements, in yuan."""
        return _larger_side((p.lots, self._margin(column, row)) for column, p in self._positions.items())

    def trade(self, column: int, lots: int, price: float, row: int, kind: str | None = None) -> Fill:
        """Trade lots of a contract, negative to sell, at a price in points before slippage.

        Lots opened the same day are closed first, at their own fee: the exchange knows no order to close older ones.
        A trade through zero is two orders, one that closes and one that opens.

        Parameters
        ----------
        kind : str, optional
            For the ledger, instead of ``close`` and ``open``: ``roll`` or ``forced``.
        """
        if not (lots and price > 0 and self.futures.first_row[column] <= row <= self.futures.last_row[column]):
            code, day = self.futures.codes[column], self.dates[row]
            raise DataError(f"trade must be of lots at a price while listed, was {lots} of {code} at {price} on {day}")
        before = self.value
        position = self._positions.setdefault(column, _Position())
        price += self.slippage if lots > 0 else -self.slippage
        held = position.lots
        closing = max(min(lots, -held), 0) if held < 0 else min(max(lots, -held), 0)
        parts = [(closing, kind or "close"), (lots - closing, kind or "open")]
        fees = [self._book(column, row, part, price, name) for part, name in parts if part]
        position.margin = self._margin(column, row)
        return Fill(lots, price, fsum(fees), self.value - before)

    def _book(self, column: int, row: int, lots: int, price: float, kind: str) -> float:
        """Book lots that all close or all open, and return their fee."""
        position, terms = self._positions[column], self.terms
        what = str(self.futures.kind[column]), self.dates[row]
        closes = position.lots * lots < 0
        today = min(abs(position.opened), abs(lots)) if closes else 0
        rates = today * terms.close_today_fee(*what) + (abs(lots) - today) * terms.fee(*what)
        fee = price * float(self.futures.multiplier[column]) * rates + terms.yuan_per_order(*what)
        position.opened += (today if lots > 0 else -today) if closes else lots
        position.lots += lots
        position.trades.append((lots, price, fee, kind))
        return fee

    def settle(self, row: int) -> float:
        """Settle a day and return its gain or loss in yuan, less fees of delivery, for the account's cash.

        Lots held since the close before gain from its settlement, traded ones from their price. A contract without a
        settlement that day keeps its last one and its margin. On its last day it is paid out and gone.
        """
        return fsum(self._settle(column, row) for column in sorted(self._positions))

    def _settle(self, column: int, row: int) -> float:
        position, code = self._positions[column], str(self.futures.codes[column])
        multiplier = float(self.futures.multiplier[column])
        settle = float(self.futures.settle[column, row])
        known = settle == settle
        if not known:
            settle = self._mark(position)
        traded = [
            LedgerRow(row, code, kind, lots, settle, price, variation=lots * multiplier * (settle - price), fee=fee)
            for lots, price, fee, kind in position.trades
        ]
        held = position.overnight * multiplier * (settle - position.base) if position.overnight else 0.0
        delivered = position.lots if row >= self.futures.last_row[column] else 0
        position.base, position.lots = settle, position.lots - delivered
        position.overnight, position.opened = position.lots, 0
        position.trades.clear()
        if known or delivered:
            position.margin = self._margin(column, row)
        worth = position.lots * multiplier * settle
        self._rows += traded
        self._rows.append(LedgerRow(row, code, "settle", position.lots, settle, nan, worth, held, position.margin))
        fee = self._deliver(column, row, delivered) if delivered else 0.0
        if not position.lots:
            del self._positions[column]
        return fsum([*(trade.variation for trade in traded), held, -fee])

    def _deliver(self, column: int, row: int, lots: int) -> float:
        """Write the payment of a contract on its last day and return its fee."""
        kind, settle = str(self.futures.kind[column]), self._positions[column].base
        value = abs(lots) * float(self.futures.multiplier[column]) * settle
        fee = value * self.terms.delivery_fee(kind, self.dates[row])
        code = str(self.futures.codes[column])
        self._rows.append(LedgerRow(row, code, "delivery", -lots, settle, settle, fee=fee))
        return fee

    def _mark(self, position: _Position) -> float:
        """Return a contract's last settlement, or the price of its first trade before one."""
        return position.base if position.base == position.base else position.trades[0][1]

    def _margin(self, column: int, row: int) -> float:
        position = self._positions[column]
        value = abs(position.lots) * float(self.futures.multiplier[column]) * self._mark(position)
        return value * self.margin_rate(column, row)

    def ledger(self) -> pd.DataFrame:
        """Return what was settled so far, in the columns of `LedgerRow` with ``date`` in place of ``row``."""
        return ledger_frame(self._rows, self.dates)
