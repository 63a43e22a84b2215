"""The workload on vectorbt, all of it at once: `run_vectorbt.py FOLDER OUT`.

One matrix of target percents, next open, sized at the close before: possible because the workload's choices do not
depend on the account. Only the columns that ever get an order are simulated.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import vectorbt as vbt
from runner import report
from workload import CASH, FEE, INVESTED, SLOTS, Workload, load


def targets(work: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns that ever get an order, (C,), and their target percents, (T, C), NaN without an order."""
    days = len(work.dates)
    held = np.zeros(0, dtype=int)
    baskets = []
    for n, row in enumerate(work.decisions):
        if row + 1 == days:
            break
        trading = np.isfinite(work.close[:, row])
        stuck = held[~trading[held]]
        ranked = np.argsort(-np.where(trading, work.scores[n], -np.inf), kind="stable")
        best = ranked[: SLOTS - len(stuck)]
        baskets.append((row + 1, best, np.setdiff1d(held, [*best, *stuck])))
        held = np.append(best, stuck)
    used = np.unique(np.concatenate([best for _, best, _ in baskets]))
    size = np.full((days, len(used)), np.nan)
    for row, best, sold in baskets:
        size[row, np.searchsorted(used, best)] = INVESTED / SLOTS
        size[row, np.searchsorted(used, sold)] = 0.0
    return used, size


def simulate(work: Workload) -> np.ndarray:
    """Return the NAV at every close, (T,)."""
    used, size = targets(work)
    index = pd.DatetimeIndex(work.dates)
    close = pd.DataFrame(work.close[used].T, index=index).ffill()
    before = close.shift(1).fillna(close)
    portfolio = vbt.Portfolio.from_orders(
        close,
        size=size,
        size_type="targetpercent",
        direction="longonly",
        price=pd.DataFrame(work.open[used].T, index=index).fillna(before),  # read only where there is an order
        val_price=before,
        fees=FEE,
        size_granularity=1.0,
        init_cash=CASH,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )
    return portfolio.value().to_numpy().ravel()


if __name__ == "__main__":
    work = load(Path(sys.argv[1]))
    report(lambda: simulate(work), Path(sys.argv[2]))
