"""The workload on bt: `run_bt.py FOLDER OUT [same_close]`."""

import sys
from pathlib import Path

import bt
import numpy as np
import pandas as pd
from runner import report
from workload import CASH, FEE, INVESTED, SLOTS, Workload, load


class Ranked(bt.Algo):
    """Sets the weights of the ten best stocks trading today; a suspended holding keeps its weight."""

    def __init__(self, work: Workload):
        super().__init__()
        self.work = work
        self.names = work.codes.tolist()
        self.columns = {name: n for n, name in enumerate(self.names)}
        rows = [(n, row) for n, row in enumerate(work.decisions) if row + 1 < len(work.dates)]
        self.decisions = {pd.Timestamp(work.dates[row]): (n, row) for n, row in rows}

    def __call__(self, target: bt.Strategy) -> bool:
        if target.now not in self.decisions:
            return False
        n, row = self.decisions[target.now]
        trading = np.isfinite(self.work.close[:, row])
        held = [name for name, child in target.children.items() if child.position]
        stuck = [name for name in held if not trading[self.columns[name]]]
        ranked = np.argsort(-np.where(trading, self.work.scores[n], -np.inf), kind="stable")
        weights = {name: target.children[name].value / target.value for name in stuck}
        weights |= {self.names[column]: INVESTED / SLOTS for column in ranked[: SLOTS - len(stuck)]}
        target.temp["weights"] = weights
        return True


def simulate(work: Workload) -> np.ndarray:
    """Return the NAV at every close, (T,)."""
    prices = pd.DataFrame(work.close.T, index=pd.DatetimeIndex(work.dates), columns=work.codes).ffill()
    strategy = bt.Strategy("top10", [Ranked(work), bt.algos.Rebalance()])
    test = bt.Backtest(
        strategy,
        prices,
        initial_capital=CASH,
        commissions=lambda quantity, price: abs(quantity) * price * FEE,
        integer_positions=True,
        progress_bar=False,
    )
    test.run()
    return test.strategy.values.to_numpy()[1:]  # the first is the day before


if __name__ == "__main__":
    work = load(Path(sys.argv[1]))
    report(lambda: simulate(work), Path(sys.argv[2]))
