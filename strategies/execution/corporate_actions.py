"""What dividends, bonus shares, rights and splits do to a holding, in shares and cash."""

from dataclasses import dataclass

from feeds.panel import CorporateEvents

SPLIT_LIKE = 1.1  # a factor jump from this size on is read as new shares, a smaller one as cash


@dataclass(frozen=True)
class Entitlement:
    """What one old share carries on an ex-date: new shares, cash, and shares offered at a price."""

    shares: float = 0.0
    cash: float = 0.0
    rights: float = 0.0
    rights_price: float = 0.0

    def reference(self, price: float) -> float:
        """Return the ex-right price that follows from ``price``, in yuan, unrounded.

        Notes
        -----
        ``(price - cash + rights x rights price) / (1 + shares + rights)``; source: SSE and SZSE trading rules,
        ex-right reference price.
        """
        return (price - self.cash + self.rights * self.rights_price) / (1 + self.shares + self.rights)


@dataclass(frozen=True)
class Adjustment:
    """One row for the account: ``shares`` and ``cash`` are changes; ``price`` is the carried price after it."""

    kind: str
    shares: int
    cash: float
    price: float


def entitlements(events: CorporateEvents) -> dict[tuple[int, int], Entitlement]:
    """Return what is due per (stock column, row); plans that share an ex-date are summed."""
    result: dict[tuple[int, int], Entitlement] = {}
    rows = zip(*(getattr(events, part).tolist() for part in CorporateEvents.PARTS), strict=True)
    for stock, row, shares, cash, rights, rights_price in rows:
        key = (int(stock), int(row))
        old = result.get(key, Entitlement())
        offered = old.rights + rights
        cost = old.rights * old.rights_price + rights * rights_price
        result[key] = Entitlement(old.shares + shares, old.cash + cash, offered, cost / offered if offered else 0.0)
    return result


def apply(held: int, price: float, due: Entitlement, free_cash: float) -> list[Adjustment]:
    """Return the changes to a holding of ``held`` shares carried at ``price`` when ``due`` goes ex.

    Cash and new shares are booked on the ex-date (the pay date is usually the same day); a fraction of a share is
    paid in cash at the ex-right price. Offered rights are taken up when ``free_cash`` covers them, and lost
    otherwise: rights on A-shares cannot be sold.
    """
    after = due.reference(price)
    rows = []
    if due.cash:
        rows.append(Adjustment("cash_dividend", 0, held * due.cash, after))
    if due.shares:
        exact = held * due.shares
        whole = int(exact + 1e-9)
        rows.append(Adjustment("bonus_shares", whole, max(exact - whole, 0.0) * after, after))
    offered = int(held * due.rights + 1e-9)
    if offered:
        taken = offered if offered * due.rights_price <= free_cash else 0
        rows.append(Adjustment("rights_taken" if taken else "rights_lost", taken, -taken * due.rights_price, after))
    return rows


def from_factor(held: int, price: float, ratio: float) -> Adjustment:
    """Return the change that keeps a holding's value when only the adjustment factor's jump is known.

    A jump of :data:`SPLIT_LIKE` or more becomes whole shares and the rest cash; a smaller one becomes cash. Value
    before equals value after: ``held x price = (held + shares) x price / ratio + cash``.
    """
    after = price / ratio
    if ratio >= SPLIT_LIKE or ratio < 1:
        whole = int(held * ratio + 1e-9)
        return Adjustment("derived", whole - held, (held * ratio - whole) * after, after)
    return Adjustment("derived", 0, held * (price - after), after)
