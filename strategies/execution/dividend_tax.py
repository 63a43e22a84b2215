"""Dividend tax of a holding: first in, first out, withheld when shares are sold, the less the longer they were held."""

from collections import deque

import numpy as np

from feeds.dividend_tax import dividend_tax_rate


class TaxLots:
    """The lots of one holding and what each share of them was paid.

    Notes
    -----
    New shares of a bonus or a transfer are a lot of their own from their ex-date on. Source: notices on differential
    individual income tax of dividends, Cai Shui 2012 No. 85 and 2015 No. 101.
    """

    __slots__ = ("lots",)

    def __init__(self) -> None:
        self.lots: deque[list] = deque()  # [day acquired, shares, taxable yuan per share]

    def acquire(self, day: np.datetime64, shares: int) -> None:
        """Take in shares bought, subscribed to, or given on a day."""
        if shares > 0:
            self.lots.append([day, shares, 0.0])

    def pay(self, taxable: float) -> None:
        """Note a distribution of ``taxable`` yuan per share to every share held."""
        for lot in self.lots:
            lot[2] += taxable

    def release(self, day: np.datetime64, shares: int) -> float:
        """Give up the oldest shares on a day and return the tax that falls due, in yuan."""
        due = 0.0
        while shares > 0 and self.lots:
            lot = self.lots[0]
            taken = min(lot[1], shares)
            due += taken * lot[2] * dividend_tax_rate(lot[0], day) if lot[2] else 0.0
            lot[1] -= taken
            shares -= taken
            if not lot[1]:
                self.lots.popleft()
        return due

    def scaled(self, shares: int) -> "TaxLots":
        """Return the same lots as ``shares`` shares in all; the time they were held goes on."""
        result, held, moved, given = TaxLots(), sum(lot[1] for lot in self.lots), 0, 0
        for day, count, taxable in self.lots:
            moved += count
            part = shares * moved // held - given
            given += part
            if part:
                result.lots.append([day, part, taxable * count / part])
        return result
