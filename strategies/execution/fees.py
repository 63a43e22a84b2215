"""What a trade costs: named fee schedules."""

from dataclasses import dataclass

import numpy as np

from feeds.errors import unknown

BASIS_POINT = 1e-4


@dataclass(frozen=True)
class Fees:
    """An all-in rate on the traded value of each side.

    Attributes
    ----------
    name : str
        How it is chosen on the command line.
    buy, sell : float
        Fraction of the traded value, everything included.
    title : str
        The words a report uses.
    """

    name: str
    buy: float
    sell: float
    title: str

    def of(self, side: str, value: float, shares: float, code: str, day: np.datetime64) -> float:
        """Return the fee of an order filled for ``value`` yuan, in yuan."""
        return value * (self.buy if side == "buy" else self.sell)


SCHEDULES = {
    fees.name: fees
    for fees in (
        Fees("8bp", 8 * BASIS_POINT, 8 * BASIS_POINT, "8 bp of the traded value on each side, all-in"),
        Fees("none", 0.0, 0.0, "no costs at all: an upper bound, not a result"),
    )
}


def get(name: str) -> Fees:
    """Return a schedule by name; ``12.5bp`` style names make one of that rate on each side."""
    if name in SCHEDULES:
        return SCHEDULES[name]
    number = name.removesuffix("bp")
    if name.endswith("bp") and number.replace(".", "", 1).isdecimal() and float(number) < 1000:
        rate = float(number) * BASIS_POINT
        return Fees(name, rate, rate, f"{number} bp of the traded value on each side, all-in")
    raise unknown("fees", name, [*SCHEDULES, "<number>bp"])
