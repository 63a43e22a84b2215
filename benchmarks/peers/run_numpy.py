"""The workload in plain NumPy, the floor and the reference: `run_numpy.py FOLDER OUT [same_close]`."""

import sys
from pathlib import Path

import numpy as np
from runner import report
from workload import CASH, FEE, INVESTED, SLOTS, Workload, load


class Ledger:
    """Shares, cash and last prices by stock."""

    def __init__(self) -> None:
        self.shares: dict[int, int] = {}
        self.last: dict[int, float] = {}
        self.cash = CASH

    @property
    def worth(self) -> float:
        return self.cash + sum(count * self.last[n] for n, count in self.shares.items())

    def fill(self, orders: list[tuple[int, int]], prices: np.ndarray) -> None:
        """Trade every order in full at its stock's price."""
        for n, change in orders:
            price = float(prices[n])
            self.cash -= change * price + FEE * abs(change) * price
            self.last[n] = price
            self.shares[n] = self.shares.get(n, 0) + change
            if not self.shares[n]:
                del self.shares[n]

    def rebalance(self, today: np.ndarray, scores: np.ndarray) -> list[tuple[int, int]]:
        """Return the orders (stock, shares) that move the book to the ten best stocks trading today."""
        worth, trading = self.worth, np.isfinite(today)
        stuck = [n for n in self.shares if not trading[n]]
        ranked = np.argsort(-np.where(trading, scores, -np.inf), kind="stable")
        best = [int(n) for n in ranked[: SLOTS - len(stuck)]]
        orders = [(n, -count) for n, count in self.shares.items() if n not in best and n not in stuck]
        for n in best:
            price = float(today[n])
            # 9.8 % each, written as the engine reads it: a tenth of 98 %.
            change = int((1 / SLOTS * (worth * INVESTED) - self.shares.get(n, 0) * price) / price)
            if change:
                orders.append((n, change))
        return orders


def simulate(work: Workload, same_close: bool = False) -> np.ndarray:
    """Return the NAV at every close, (T,); orders are filled at the next open, or at the close they were sized with."""
    days = len(work.dates)
    decision = {int(row): n for n, row in enumerate(work.decisions) if row + 1 < days}
    ledger, nav = Ledger(), np.empty(days)
    orders: list[tuple[int, int]] = []
    closes: dict[int, np.ndarray] = {}
    for day in range(days):
        ledger.fill(orders, work.open[:, day])
        orders = []
        for n in ledger.shares:
            close = closes.setdefault(n, work.close[n])[day]
            if close == close:
                ledger.last[n] = float(close)
        if day in decision:
            today = np.asarray(work.close[:, day])
            orders = ledger.rebalance(today, work.scores[decision[day]])
            if same_close:
                ledger.fill(orders, today)
                orders = []
        nav[day] = ledger.worth
    return nav


if __name__ == "__main__":
    work, same_close = load(Path(sys.argv[1])), "same_close" in sys.argv
    report(lambda: simulate(work, same_close), Path(sys.argv[2]))
