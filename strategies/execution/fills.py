"""Whether a session fills an order, and at what price: what a daily bar can tell, and bounds where it cannot."""

from typing import NamedTuple

HALF_TICK = 0.005
TICK = 0.01
_BASIS_POINT = 1e-4

EXECUTIONS = {"open": "open", "vwap": "vwap", "close": "close"}  # of the next session; the panel's field behind each

# How the day stood to the limit that refuses the order.
FREE = "free"  # the limit was never reached
TOUCHED = "touched"  # reached at some time, but not at the price of execution
AT_LIMIT = "at limit"  # the price of execution is the limit, but the day also traded away from it
ONE_PRICE = "one price"  # every trade of the day was at the limit

# What each mode fills. A queue at the limit is served only once the price leaves the limit, and a daily bar tells
# neither when that was nor how much was queued: so one that opens at the limit and trades away from it later is filled
# by the optimist alone, and a day that touches the limit at all is filled by all but the pessimist.
FILLED = {
    "optimistic": frozenset({FREE, TOUCHED, AT_LIMIT}),
    "default": frozenset({FREE, TOUCHED}),
    "pessimistic": frozenset({FREE}),
}


class Bar(NamedTuple):
    """A day's prices in raw yuan, with the limit that matters to the side of the order; NaN is no limit."""

    price: float  # of execution
    high: float
    low: float
    limit: float


def standing(bar: Bar, *, buy: bool) -> str:
    """Return how a day stood to the limit that refuses an order: the upper one a buy, the lower one a sale."""
    if buy:
        reached, at_limit, stayed = (x >= bar.limit - HALF_TICK for x in (bar.high, bar.price, bar.low))
    else:
        reached, at_limit, stayed = (x <= bar.limit + HALF_TICK for x in (bar.low, bar.price, bar.high))
    if at_limit:
        return ONE_PRICE if stayed else AT_LIMIT
    return TOUCHED if reached else FREE


def refusal(state: str, execution: str, *, buy: bool) -> str:
    """Return the reason that goes with a standing that was not filled, e.g. ``limit up at open``.

    It says what was known at the price of execution; whether all the day's trades were at the limit is known later.
    """
    return f"limit {'up' if buy else 'down'} {'touched' if state == TOUCHED else f'at {execution}'}"


class Slippage(NamedTuple):
    """How much worse than the session's price an order is filled: basis points of it, or ticks of 0.01 yuan."""

    basis_points: float = 0.0
    ticks: float = 0.0

    def price(self, price: float, limit: float, *, buy: bool) -> float:
        """Return the price of a fill, in yuan; never beyond the day's limit (NaN: none), never below one tick."""
        worse = price * self.basis_points * _BASIS_POINT + self.ticks * TICK
        moved = price + worse if buy else max(price - worse, min(price, TICK))
        beyond = moved > limit if buy else moved < limit
        return limit if beyond else moved

    def __str__(self) -> str:
        if not self.basis_points and not self.ticks:
            return "none"
        return f"{self.ticks:g} tick" if self.ticks else f"{self.basis_points:g} bp"


def slippage(text: str) -> Slippage | None:
    """Return what ``5bp``, ``1tick`` or ``none`` means, or None for any other text."""
    if text == "none":
        return Slippage()
    for unit, name in (("bp", "basis_points"), ("ticks", "ticks"), ("tick", "ticks")):
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdecimal() and float(number) < 1000:
            return Slippage(**{name: float(number)})
    return None
