"""What the exchange and its dates ask of an index future: margin, fees, ticks and daily limits, by the rulebook."""

import numpy as np

from feeds.errors import DataError, unknown
from feeds.rules import future_fee_rate, futures, margin_rate

PERCENT = 0.01


class CffexTerms:
    """The terms of IF, IH, IC and IM by day; the rows and their sources are in :mod:`feeds.rules.futures`.

    Rates are fractions of a contract's value in yuan. ``limit`` is the largest move from the previous settlement,
    ``last_day_limit`` that of a contract's last day.

    Parameters
    ----------
    hedging : bool
        Whether the account has the exchange's approval for hedging, whose margin was lower in some years.
    """

    tick = futures.FUTURE_TICK.rows[-1].value
    limit = futures.FUTURE_LIMIT.rows[-1].value * PERCENT
    last_day_limit = futures.FUTURE_LIMIT_WIDE.rows[-1].value * PERCENT

    def __init__(self, hedging: bool = False):
        self.hedging = hedging

    def multiplier(self, kind: str) -> float:
        """Return yuan per point."""
        return float(futures.MULTIPLIER[_known(kind)].rows[-1].value)

    def margin(self, kind: str, day: np.datetime64) -> float:
        """Return the margin rate from a day's settlement on."""
        return margin_rate(_known(kind), day, hedging=self.hedging)

    def fee(self, kind: str, day: np.datetime64) -> float:
        """Return the fee rate of opening, and of closing lots of an earlier day."""
        return future_fee_rate(day)

    def close_today_fee(self, kind: str, day: np.datetime64) -> float:
        """Return the fee rate of closing lots on the day they were opened; the ordinary one until 2015."""
        return future_fee_rate(day, closes_today=True)

    def delivery_fee(self, kind: str, day: np.datetime64) -> float:
        """Return the fee rate of cash settlement on the last day."""
        return futures.DELIVERY_FEE.need(day)

    def yuan_per_order(self, kind: str, day: np.datetime64) -> float:
        """Return what one order costs besides; nothing until 2015."""
        row = futures.ORDER_FEE.on(day)
        return 0.0 if row is None else row.value


def _known(kind: str) -> str:
    if kind not in futures.MULTIPLIER:
        raise unknown("future", kind, futures.MULTIPLIER, DataError)
    return kind
