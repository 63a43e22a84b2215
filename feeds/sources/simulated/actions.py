"""Dividends, bonus shares and rights issues: planned ahead, priced when announced, booked on the ex-date."""

from dataclasses import dataclass

import numpy as np

from feeds.sources.simulated.accounts import quarter_of_year
from feeds.sources.simulated.clock import Clock
from feeds.sources.simulated.listing import Listing
from feeds.sources.simulated.status import Status
from feeds.sources.simulated.streams import stream

ANNUAL, INTERIM, RIGHTS = 0, 1, 2
PAYERS, INTERIM_PAYERS = 0.75, 0.08  # shares of companies
BONUS_RATE, BONUS_PRICE_CENTS = 0.08, 1500  # only dear shares are split
RIGHTS_RATE = 0.006  # per company and year
RIGHTS_HALT = 6  # sessions before a rights ex-date
DEAREST_YIELD = 0.06  # of the price when announced
_BONUS = np.array([200, 300, 300, 400, 400, 400, 500, 500, 800, 1000])  # new shares per 1,000
_RIGHTS = np.array([100, 150, 200, 300])


@dataclass
class Actions:
    """All planned actions, one row each by ascending ex-session; ratios and cash are integers to stay exact."""

    kind: np.ndarray
    stock: np.ndarray
    quarter: np.ndarray  # index of the quarter end the distribution belongs to
    decided: np.ndarray  # session from which the terms are known
    ex: np.ndarray  # session
    cash_mills: np.ndarray  # 0.001 yuan per share before tax
    bonus_mills: np.ndarray  # new shares per 1,000
    rights_mills: np.ndarray  # new shares offered per 1,000
    rights_cents: np.ndarray  # subscription price
    draw: np.ndarray  # (3, K) uniform: settle payouts, whether a bonus comes with it, and its size
    done: np.ndarray  # bool, taken place with something to pay

    def settle(self, session: int, price: np.ndarray, earnings: np.ndarray, bonus_ok: np.ndarray) -> None:
        """Fix the terms of actions announced before ``session`` from prices (cents) and earnings (mills) per share."""
        rows = np.flatnonzero(self.decided == session)
        stock, (draw, lucky, size) = self.stock[rows], self.draw[:, rows]
        rights = self.kind[rows] == RIGHTS
        payout = np.where(self.kind[rows] == INTERIM, 0.25, 0.18 + 0.4 * draw)
        ceiling = DEAREST_YIELD * 10 * price[stock]
        cash = np.floor(np.clip(payout * earnings[self.kind[rows].clip(max=1), stock], 0, ceiling)).astype("int64")
        self.cash_mills[rows] = np.where(rights | (cash < 10), 0, cash)
        splits = (
            (self.kind[rows] == ANNUAL) & bonus_ok[stock] & (price[stock] > BONUS_PRICE_CENTS) & (lucky < BONUS_RATE)
        )
        self.bonus_mills[rows] = np.where(splits, _BONUS[(size * len(_BONUS)).astype("int64")], 0)
        self.rights_mills[rows] = np.where(rights, _RIGHTS[(size * len(_RIGHTS)).astype("int64")], 0)
        asked = np.maximum((price[stock] * (0.55 + 0.25 * draw)).astype("int64"), 1)
        self.rights_cents[rows] = np.where(rights, asked, 0)

    def on(self, session: int) -> np.ndarray:
        """Return the rows whose ex-date is ``session``."""
        first, last = np.searchsorted(self.ex, (session, session + 1))
        return np.arange(first, last)


def plan_actions(
    clock: Clock, listing: Listing, ends: np.ndarray, announced: np.ndarray, status: Status, seed: int
) -> Actions:
    """Lay out every distribution and rights issue, and the halts before rights ex-dates."""
    random = stream(seed, "actions")
    n, total = len(listing), len(clock)
    payer, interim = random.random(n) < PAYERS, random.random(n) < INTERIM_PAYERS
    rows: list[np.ndarray] = []
    for q, quarter in enumerate(quarter_of_year(ends)):
        if quarter not in (2, 4):
            continue
        known = clock.after(announced[q])
        kind = ANNUAL if quarter == 4 else INTERIM
        ex = known + random.integers(18, 62, n) if kind == ANNUAL else known + random.integers(15, 40, n)
        pays = payer if kind == ANNUAL else payer & interim
        rows.append(np.stack([np.full(n, kind), np.arange(n), np.full(n, q), known, ex])[:, pays])
    rows.append(_rights(clock, listing, random))
    kind, stock, quarter, decided, ex = np.concatenate(rows, axis=1)
    inside = (decided > 0) & (decided > listing.list_index[stock] + 10) & (ex < total)
    inside &= _healthy(status, stock, ex.clip(0, total - 1))
    order = np.flatnonzero(inside)
    order = order[np.lexsort((stock[order], ex[order]))]
    for row in order[kind[order] == RIGHTS]:
        status.suspended[ex[row] - RIGHTS_HALT : ex[row], stock[row]] = True
        status.suspended[[ex[row] - RIGHTS_HALT - 1, ex[row]], stock[row]] = False
    cash, bonus, offered, asked = np.zeros((4, len(order)), dtype="int64")
    return Actions(
        kind=kind[order],
        stock=stock[order],
        quarter=quarter[order],
        decided=decided[order],
        ex=ex[order],
        cash_mills=cash,
        bonus_mills=bonus,
        rights_mills=offered,
        rights_cents=asked,
        draw=random.random((3, len(order))),
        done=np.zeros(len(order), bool),
    )


def _rights(clock: Clock, listing: Listing, random: np.random.Generator) -> np.ndarray:
    n, total = len(listing), len(clock)
    count = min(max(2, round(RIGHTS_RATE * n * total / 243)), n)
    stock = random.choice(n, count, replace=False)
    ex = random.integers(min(40, total - 1), total, count)
    return np.stack([np.full(count, RIGHTS), stock, np.full(count, -1), ex - 30, ex])


def _healthy(status: Status, stock: np.ndarray, ex: np.ndarray) -> np.ndarray:
    """Return whether the company pays at all: not one in trouble, nor one about to leave."""
    troubled = status.st[ex, stock] | status.leaving[ex, stock]
    return ~troubled & (ex + 40 < status.delist_index[stock]) & (status.sinking[stock] >= len(status.st))


def reference_cents(
    price: np.ndarray, cash_mills: np.ndarray, bonus_mills: np.ndarray, rights_mills: np.ndarray, paid: np.ndarray
) -> np.ndarray:
    """Return the ex-right reference price in cents, rounded half up to the tick in whole-number arithmetic.

    Parameters
    ----------
    price : array of int64
        Last close, cents.
    cash_mills, bonus_mills, rights_mills : array of int64
        Cash in 0.001 yuan per share; bonus and rights shares per 1,000 shares.
    paid : array of int64
        Sum over the rights of subscription price (cents) x shares per 1,000.

    Notes
    -----
    ``(P - D + R x r) / (1 + s + r)``. Source: SSE trading rules 4.3, SZSE trading rules 4.4, ex-right reference.
    """
    above = (price * 10 - cash_mills) * 1000 + paid * 10
    below = (1000 + bonus_mills + rights_mills) * 10
    return np.maximum((2 * above + below) // (2 * below), 1)
