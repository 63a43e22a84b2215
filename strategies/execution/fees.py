"""What a trade costs: fee schedules by name, or from a file."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from feeds.errors import ConfigError, DataError, unknown
from feeds.rules import STOCK, Timeline, costs, exchange_of, kind_of, timeline, transfer_fee
from feeds.rules.dated import KNOWN

BASIS_POINT = 1e-4


class Fees(ABC):
    """A fee schedule.

    Attributes
    ----------
    name : str
        How it is chosen on the command line.
    title : str
        The words a report uses.
    """

    name: str
    title: str

    @abstractmethod
    def of(self, side: str, value: float, shares: float, code: str, day: np.datetime64) -> float:
        """Return the fee of an order filled so far, in yuan: a minimum is one of the whole order.

        Parameters
        ----------
        side : str
            ``buy`` or ``sell``.
        value : float
            Traded value of all its fills, yuan.
        shares : float
            Number of shares, positive.
        code : str
            Tushare code.
        day : numpy.datetime64
            Day of its last fill.
        """

    def check(self, day: np.datetime64) -> None:  # noqa: B027, rates without dates are known on every day
        """Refuse a run that begins on a day for which a part of the schedule is not known."""


@dataclass(frozen=True)
class Proportional(Fees):
    """An all-in rate on the traded value of each side: ``buy`` and ``sell`` are fractions, everything included."""

    name: str
    buy: float
    sell: float
    title: str

    def of(self, side: str, value: float, shares: float, code: str, day: np.datetime64) -> float:
        return value * (self.buy if side == "buy" else self.sell)


@dataclass(frozen=True)
class Itemised(Fees):
    """Commission, stamp duty and transfer fee, each dated.

    Attributes
    ----------
    commission, minimum : Timeline
        Fraction of the value on each side, with exchange fees and the regulator's in it; yuan an order at least.
    stamp_duty : Timeline
        Fraction of the value of a sale of shares.
    transfer : Timeline, optional
        Fraction of the value of a trade of shares; by default what the rulebook says of the exchange.
    """

    name: str
    title: str
    commission: Timeline[float] = costs.COMMISSION
    minimum: Timeline[float] = costs.COMMISSION_MINIMUM
    stamp_duty: Timeline[float] = costs.STAMP_DUTY
    transfer: Timeline[float] | None = None

    def of(self, side: str, value: float, shares: float, code: str, day: np.datetime64) -> float:
        fee = max(self.commission.need(day) * value, self.minimum.need(day))
        if kind_of(code) != STOCK:  # funds and bonds pay neither of the two others
            return fee
        if side == "sell":
            fee += value * self.stamp_duty.need(day)
        if self.transfer is None:
            return fee + transfer_fee(exchange_of(code), day, value, shares)
        return fee + value * self.transfer.need(day)

    def check(self, day: np.datetime64) -> None:
        transfer = costs.TRANSFER_FEE["SZ"] if self.transfer is None else self.transfer
        for part in (self.commission, self.minimum, self.stamp_duty, transfer):
            try:
                part.need(day)
            except DataError as gap:
                raise ConfigError(f"fees {self.name}: {gap}") from None


SCHEDULES: dict[str, Fees] = {
    fees.name: fees
    for fees in (
        Proportional("8bp", 8 * BASIS_POINT, 8 * BASIS_POINT, "8 bp of the traded value on each side, all-in"),
        Proportional("none", 0.0, 0.0, "no costs at all: an upper bound, not a result"),
        Itemised(
            "detailed",
            "commission typical of its time on each side, at least 5 yuan an order; stamp duty on sales and transfer "
            "fee by the dated rulebook",
        ),
    )
}
_DETAILED = "detailed:"


def is_file(name: str) -> bool:
    """Return whether a schedule's name is that of a file."""
    return Path(name).suffix in (".yaml", ".yml")


def get(name: str) -> Fees:
    """Return a schedule.

    Parameters
    ----------
    name : str
        ``8bp``, ``none``, ``detailed``; ``12.5bp`` for another rate on each side; ``detailed:2.5bp`` for another
        commission in the detailed one; or the path of a YAML file (:mod:`strategies.execution.fee_file`).
    """
    if name in SCHEDULES:
        return SCHEDULES[name]
    if is_file(name):
        from strategies.execution.fee_file import read

        return read(Path(name))
    rate = _basis_points(name.removeprefix(_DETAILED))
    if rate is None:
        raise unknown("fees", name, [*SCHEDULES, "<number>bp", "detailed:<number>bp", "a .yaml file"])
    number = name.removeprefix(_DETAILED).removesuffix("bp")
    if not name.startswith(_DETAILED):
        return Proportional(name, rate, rate, f"{number} bp of the traded value on each side, all-in")
    title = (
        f"{number} bp of commission on each side, at least 5 yuan an order; stamp duty on sales and transfer fee by "
        "the dated rulebook"
    )
    return Itemised(name, title, timeline("commission", (None, rate, "the command line", KNOWN)))


def _basis_points(text: str) -> float | None:
    """Return a rate written like ``12.5bp`` as a fraction, None if it is not one below 1000 bp."""
    number = text.removesuffix("bp")
    if not text.endswith("bp") or not number.replace(".", "", 1).isdecimal() or not number.isascii():
        return None
    return float(number) * BASIS_POINT if float(number) < 1000 else None
