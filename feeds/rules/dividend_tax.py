"""The tax on dividends of individuals and mutual funds, by holding time; withheld when the shares are sold."""

from dataclasses import dataclass

import numpy as np

from feeds.rules.dated import KNOWN, SOURCED, timeline


@dataclass(frozen=True)
class TaxTiers:
    """Part of a dividend taxed away after holding up to a month, up to a year, and longer."""

    month: float
    year: float
    longer: float

    def __str__(self) -> str:
        if self.month == self.year == self.longer:
            return f"{self.month:.0%} however long held"
        return f"{self.month:.0%} up to a month, {self.year:.0%} up to a year, {self.longer:.0%} after"


# By the dividend's record date. Cash counts before tax, bonus shares at their face of 1 yuan; shares from capital
# reserves are not taxed. Shares are taken to be sold in the order of their purchase.
DIVIDEND_TAX = timeline(
    "dividend tax",
    (None, TaxTiers(0.1, 0.1, 0.1), "half of the income tax of 20 %, until 2012", KNOWN),
    ("2013-01-01", TaxTiers(0.2, 0.1, 0.05), "Ministry of Finance, notice 85 of 2012", KNOWN),
    ("2015-09-08", TaxTiers(0.2, 0.1, 0.0), "Ministry of Finance, notice 101 of 2015", SOURCED),
)


def dividend_tax_rate(
    record: np.datetime64, bought: np.ndarray | np.datetime64, sold: np.ndarray | np.datetime64
) -> np.ndarray:
    """Return the part of a dividend that is taxed away when shares are sold.

    Parameters
    ----------
    record : numpy.datetime64
        The dividend's record date.
    bought, sold : arrays of datetime64[D] that broadcast together
        Purchase and sale of the shares. Of a purchase on 05-24, the month ends with a sale on 06-24 and the year
        with one on the next 05-24: time held counts to the day before the sale.
    """
    tiers = DIVIDEND_TAX.need(record)
    rates = np.where(sold <= _months_after(bought, 12), tiers.year, tiers.longer)
    return np.where(sold <= _months_after(bought, 1), tiers.month, rates)


def _months_after(days: np.ndarray | np.datetime64, months: int) -> np.ndarray:
    """Return the same day of a later month, or its last day where it has no such day."""
    days = np.asarray(days, "datetime64[D]")
    month = days.astype("datetime64[M]")
    target = month + months
    last = (target + 1).astype("datetime64[D]") - 1
    return np.minimum(target.astype("datetime64[D]") + (days - month.astype("datetime64[D]")), last)
