"""How many shares of each order the cash buys: one factor for all, whole lots, and the rest where most is missing."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from math import fsum

_MOST_STEPS = 50  # of the search for the factor; a minimum fee makes it more than one
_LOT = 100  # the largest step by which left-over cash is handed out
_DUST = 1e-12  # of the cash: the rounding of floats


@dataclass(frozen=True)
class Buy:
    """An order that the market would fill.

    Attributes
    ----------
    key : int
        The stock's column; settles equal shortfalls.
    price : float
        Of the fill, in yuan.
    shares : int
        Wanted, of a size the lot rule allows.
    round_down : callable
        Largest number of shares not above another that the lot rule allows.
    cost : callable
        Yuan for so many shares, fee included.
    """

    key: int
    price: float
    shares: int
    round_down: Callable[[float], int]
    cost: Callable[[int | float], float]


def allot(buys: list[Buy], cash: float) -> list[int]:
    """Return the shares that each buy gets, so that all of them together cost no more than ``cash``.

    All buys are scaled by one factor and rounded down to lots; then one lot at a time goes to the buy that lacks
    most, in yuan, of those the left-over cash can pay for. The result does not depend on the order of ``buys``.
    """
    total = fsum(buy.cost(buy.shares) for buy in buys)
    if total <= cash:
        return [buy.shares for buy in buys]
    if cash <= 0:
        return [0] * len(buys)
    factor = _factor(buys, total, cash)
    got = [buy.round_down(buy.shares * factor) for buy in buys]
    left = cash - fsum(buy.cost(shares) for buy, shares in zip(buys, got, strict=True) if shares)
    while left < -_DUST * cash and any(got):  # minimum fees took more than their part: the largest gives back
        most = max(range(len(buys)), key=lambda n: (buys[n].price * got[n], buys[n].key))
        had, got[most] = got[most], buys[most].round_down(got[most] - 1)
        left += _price_of(buys[most], got[most], had)
    return _fill_up(buys, got, left)


def _factor(buys: list[Buy], total: float, cash: float) -> float:
    """Return the factor at which the buys, lots aside, cost what there is: found by proportion, again and again."""
    factor = cash / total
    for _ in range(_MOST_STEPS):
        cost = fsum(buy.cost(buy.shares * factor) for buy in buys)
        if cost <= cash * (1 + _DUST):
            break
        factor *= cash / cost
    return factor


def _fill_up(buys: list[Buy], got: list[int], left: float) -> list[int]:
    lacking = [(-_shortfall(buy, got[n]), buy.key, n) for n, buy in enumerate(buys) if got[n] < buy.shares]
    heapq.heapify(lacking)
    while lacking:
        _, _, n = heapq.heappop(lacking)
        buy, had = buys[n], got[n]
        shares = _next(buy, had)
        price = _price_of(buy, had, shares)
        if price > left:  # where single shares may be bought, a part of the step may do
            shares = buy.round_down(had + left / price * (shares - had))
            price = _price_of(buy, had, shares)
            if shares <= had or price > left:
                continue
        got[n], left = shares, left - price
        if shares < buy.shares:
            heapq.heappush(lacking, (-_shortfall(buy, shares), buy.key, n))
    return got


def _shortfall(buy: Buy, shares: int) -> float:
    return (buy.shares - shares) * buy.price


def _next(buy: Buy, had: int) -> int:
    """Return the next larger number of shares, a lot more or the least that one may buy."""
    step = buy.round_down(had + _LOT)
    return min(step if step > had else buy.round_down(had + 2 * _LOT) or buy.shares, buy.shares)


def _price_of(buy: Buy, had: int, shares: int) -> float:
    return buy.cost(shares) - (buy.cost(had) if had else 0.0)
