"""The workload in plain NumPy, the floor: `run_numpy.py FOLDER OUT`."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from workload import CASH, FEE, INVESTED, SLOTS, Workload, load


def simulate(work: Workload) -> np.ndarray:
    """Return the NAV at every close, (T,): a ledger of shares and cash, month by month."""
    days = len(work.dates)
    shares: dict[int, int] = {}
    last: dict[int, float] = {}
    cash, nav = CASH, np.empty(days)
    decision = {int(row): n for n, row in enumerate(work.decisions)}
    orders: list[tuple[int, int]] = []
    closes: dict[int, np.ndarray] = {}
    for day in range(days):
        for n, change in orders:
            price = float(work.open[n, day])
            cash -= change * price + FEE * abs(change) * price
            shares[n] = shares.get(n, 0) + change
            last[n] = price
            if not shares[n]:
                del shares[n]
        orders = []
        for n in shares:
            close = closes.setdefault(n, work.close[n])[day]
            if close == close:
                last[n] = float(close)
        nav[day] = cash + sum(count * last[n] for n, count in shares.items())
        if day in decision and day + 1 < days:
            today = np.asarray(work.close[:, day])
            orders = rebalance(shares, last, today, work.scores[decision[day]], nav[day])
    return nav


def rebalance(
    shares: dict[int, int], last: dict[int, float], today: np.ndarray, scores: np.ndarray, worth: float
) -> list[tuple[int, int]]:
    """Return the orders (stock, shares) that move the book to the ten best stocks trading today."""
    trading = np.isfinite(today)
    stuck = [n for n in shares if not trading[n]]
    ranked = np.argsort(-np.where(trading, scores, -np.inf), kind="stable")
    best = [int(n) for n in ranked[: SLOTS - len(stuck)]]
    orders = [(n, -count) for n, count in shares.items() if n not in best and n not in stuck]
    for n in best:
        price = float(today[n])
        # 9.8 % each, written as the engine reads it: a tenth of 98 %.
        change = int((1 / SLOTS * (worth * INVESTED) - shares.get(n, 0) * price) / price)
        if change:
            orders.append((n, change))
    return orders


if __name__ == "__main__":
    work = load(Path(sys.argv[1]))
    start = time.perf_counter()
    nav = simulate(work)
    seconds = time.perf_counter() - start
    np.save(sys.argv[2], nav)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"engine_s": seconds, "peak_mb": peak}))
