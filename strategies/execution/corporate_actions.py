"""What dividends, bonus shares, rights and splits do to a holding, in shares and cash."""

from collections.abc import Container
from dataclasses import dataclass
from math import log

import numpy as np

from feeds.events import CorporateEvents

SPLIT_LIKE = 1.1  # a factor jump from this size on is read as new shares, a smaller one as cash
_NOISE = 1e-6  # a factor jump this small is rounding
_DUST = 1e-9  # shares


@dataclass(frozen=True)
class Entitlement:
    """What one old share carries on an ex-date: new shares, cash, and shares offered at a price.

    ``pay_row`` and ``tradable_row`` are the first rows with the cash and on which the new shares trade, at or before
    the ex-date if at once; ``taxed`` is the part of the new shares that is taxed at 1 yuan each.
    """

    shares: float = 0.0
    cash: float = 0.0
    rights: float = 0.0
    rights_price: float = 0.0
    pay_row: int = 0
    tradable_row: int = 0
    taxed: float = 0.0

    @property
    def taxable(self) -> float:
        """Yuan per old share that dividend tax is on: the cash, and bonus shares at their face value of 1 yuan."""
        return self.cash + self.taxed

    def reference(self, price: float) -> float:
        """Return the ex-right price that follows from ``price``, in yuan, unrounded.

        Notes
        -----
        ``(price - cash + rights x rights price) / (1 + shares + rights)``; source: SSE and SZSE trading rules,
        ex-right reference price.
        """
        return (price - self.cash + self.rights * self.rights_price) / (1 + self.shares + self.rights)

    def bonus(self, held: int) -> int:
        """Return the whole new shares that ``held`` shares bring without payment."""
        return int(held * self.shares + _DUST)

    def offered(self, held: int) -> int:
        """Return the whole shares that ``held`` shares may subscribe to."""
        return int(held * self.rights + _DUST)

    def subscription(self, held: int) -> float:
        """Return what taking up the offered shares costs, in yuan."""
        return self.offered(held) * self.rights_price


@dataclass(frozen=True)
class Adjustment:
    """One row for the account: ``shares``, ``cash`` and ``receivable`` (yuan) are changes."""

    kind: str
    shares: int
    cash: float
    receivable: float = 0.0


class Entitlements:
    """What is due on each row of the panel, made for the stocks that ask: a market has far more events than a holder.

    Parameters
    ----------
    events : CorporateEvents
        Distributions of the whole market, in any order.
    """

    def __init__(self, events: CorporateEvents):
        order = np.argsort(events.row, kind="stable")
        self._parts = {part: np.asarray(getattr(events, part))[order] for part in CorporateEvents.PARTS}
        rows = self._parts["row"].astype(int)
        self._starts = np.searchsorted(rows, np.arange(rows[-1] + 2 if len(rows) else 1)).tolist()
        self._stocks: list[int] = self._parts["stock"].astype(int).tolist()

    def of(self, row: int, columns: Container[int]) -> dict[int, Entitlement]:
        """Return what is due on a row to those of some columns that have anything due."""
        if row + 1 >= len(self._starts):
            return {}
        day: dict[int, Entitlement] = {}
        for place in range(self._starts[row], self._starts[row + 1]):
            stock = self._stocks[place]
            if stock in columns:
                day[stock] = self._plus(day.get(stock, Entitlement()), place)
        return day

    def _plus(self, old: Entitlement, place: int) -> Entitlement:
        """Return the sum of plans that share an ex-date; of their dates the latest."""
        new = {part: float(values[place]) for part, values in self._parts.items()}
        rights = old.rights + new["rights"]
        paid = old.rights * old.rights_price + (new["rights"] * new["rights_price"] if new["rights"] else 0.0)
        return Entitlement(
            old.shares + new["shares"],
            old.cash + new["cash"],
            rights,
            paid / rights if rights else 0.0,
            max(old.pay_row, int(new["pay_row"]) if new["cash"] else 0),
            max(old.tradable_row, int(new["tradable_row"]) if new["shares"] or new["rights"] else 0),
            old.taxed + new["taxed"],
        )


def apply(
    held: int, price: float, due: Entitlement, subscribe: bool, row: int | None = None, reinvest: bool = False
) -> list[Adjustment]:
    """Return the changes to a holding of ``held`` shares carried at ``price`` when ``due`` goes ex.

    New shares are booked on the ex-date, and so is cash, as a receivable if the pay date is after ``row``; a fraction
    of a share is paid in cash at the ex-right price. Offered shares are taken up if ``subscribe``, and lost
    otherwise: rights on A-shares cannot be sold. Nobody subscribes above the market price.

    Parameters
    ----------
    row : int, optional
        The ex-date's row of the panel; without it everything is paid at once.
    reinvest : bool
        Turn cash into whole shares at the ex-right price, at no cost.
    """
    rows = []
    if due.cash:
        cash = held * due.cash
        if reinvest:
            bought = int(cash / due.reference(price) + _DUST)
            rows.append(Adjustment("dividend_reinvested", bought, max(cash - bought * due.reference(price), 0.0)))
        elif row is not None and due.pay_row > row:
            rows.append(Adjustment("cash_dividend", 0, 0.0, cash))
        else:
            rows.append(Adjustment("cash_dividend", 0, cash))
    if due.shares:
        whole = due.bonus(held)
        rows.append(Adjustment("bonus_shares", whole, max(held * due.shares - whole, 0.0) * due.reference(price)))
    if due.offered(held):
        if subscribe and due.rights_price < price:
            rows.append(Adjustment("rights_taken", due.offered(held), -due.subscription(held)))
        else:
            rows.append(Adjustment("rights_lost", 0, 0.0))
    return rows


def unexplained(jump: float, explained: float, price: float) -> float:
    """Return the part of an adjustment factor's jump that no known event explains, 1 if none.

    The tables say what the account receives. The factor follows from prices that the exchange rounds to a tick and
    from all shares but treasury shares, so it may differ a little from the plan; more than that is a missing event.

    Parameters
    ----------
    jump : float
        Factor now over factor before; NaN if unknown.
    explained : float
        The jump that the known events of the same days amount to, 1 without any.
    price : float
        Carried price, yuan.
    """
    if not abs(jump - 1) > _NOISE:
        return 1.0
    if explained == 1:
        return jump
    slack = 0.001 + 0.01 / price + 0.1 * abs(log(explained))
    return jump / explained if abs(log(jump / explained)) > slack else 1.0


def from_factor(held: int, price: float, ratio: float, reinvest: bool = False) -> Adjustment:
    """Return the change that keeps a holding's value when only the adjustment factor's jump is known.

    A jump of :data:`SPLIT_LIKE` or more becomes whole shares and the rest cash; a smaller one becomes cash, or whole
    shares as well if cash is to ``reinvest``. Value before equals value after:
    ``held x price = (held + shares) x price / ratio + cash``.
    """
    after = price / ratio
    if reinvest or ratio >= SPLIT_LIKE or ratio < 1:
        whole = int(held * ratio + _DUST)
        return Adjustment("derived", whole - held, max(held * ratio - whole, 0.0) * after)
    return Adjustment("derived", 0, held * (price - after))
