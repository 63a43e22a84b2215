"""Dividend tax of a holding: first in, first out, withheld when shares are sold, the less the longer they were held."""

from collections import deque
from dataclasses import dataclass, field
from math import fsum

import numpy as np

from feeds.rules import dividend_tax_rate


@dataclass
class _Lot:
    """Shares acquired on one day, and what each of them was paid: (day, taxable yuan)."""

    day: np.datetime64
    shares: int
    paid: list[tuple[np.datetime64, float]] = field(default_factory=list)


class TaxLots:
    """The lots of one holding and what each share of them was paid.

    Notes
    -----
    New shares of a bonus or a transfer are a lot of their own from their ex-date on. Rates and their sources:
    :mod:`feeds.rules.dividend_tax`.
    """

    __slots__ = ("lots",)

    def __init__(self) -> None:
        self.lots: deque[_Lot] = deque()

    def acquire(self, day: np.datetime64, shares: int) -> None:
        """Take in shares bought, subscribed to, or given on a day."""
        if shares > 0:
            self.lots.append(_Lot(day, shares))

    def pay(self, day: np.datetime64, taxable: float) -> None:
        """Note a distribution of ``taxable`` yuan per share to every share held, recorded on a day."""
        for lot in self.lots:
            lot.paid.append((day, taxable))

    def release(self, day: np.datetime64, shares: int) -> float:
        """Give up the oldest shares on a day and return the tax that falls due, in yuan."""
        due = []
        while shares > 0 and self.lots:
            lot = self.lots[0]
            taken = min(lot.shares, shares)
            due += [taken * taxable * float(dividend_tax_rate(paid, lot.day, day)) for paid, taxable in lot.paid]
            lot.shares -= taken
            shares -= taken
            if not lot.shares:
                self.lots.popleft()
        return fsum(due)

    def scaled(self, shares: int) -> "TaxLots":
        """Return the same lots as ``shares`` shares in all; the time they were held goes on."""
        result, held, moved, given = TaxLots(), sum(lot.shares for lot in self.lots), 0, 0
        for lot in self.lots:
            moved += lot.shares
            part = shares * moved // held - given
            given += part
            if part:
                paid = [(day, taxable * lot.shares / part) for day, taxable in lot.paid]
                result.lots.append(_Lot(lot.day, part, paid))
        return result
