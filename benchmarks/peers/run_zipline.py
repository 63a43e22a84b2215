"""The workload on zipline-reloaded: `run_zipline.py FOLDER OUT`, on the bundle that prepare_zipline.py ingested.

Filled at the open of the next bar by a slippage model of three lines; of the metrics only the account's value is
kept, and only the stocks that the ranking reaches are asked whether they trade.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prepare_zipline import BUNDLE, CALENDAR, FOLDER, announce
from runner import report
from workload import CASH, FEE, INVESTED, SLOTS, Workload, load
from zipline import run_algorithm
from zipline.api import order_target, order_target_percent, set_commission, set_slippage, symbol
from zipline.finance import commission, slippage
from zipline.finance.metrics.metric import DailyLedgerField
from zipline.utils.calendar_utils import get_calendar


class NextOpen(slippage.SlippageModel):
    """Fills an order in full at the open of the bar after it was placed."""

    def process_order(self, data: Any, order: Any) -> tuple[float, int]:
        return data.current(order.asset, "open"), order.amount


class Top10:
    """The workload's rule as zipline's callbacks."""

    def __init__(self, work: Workload):
        self.codes = work.codes.tolist()
        self.scores = work.scores
        self.decisions = {work.dates[row]: n for n, row in enumerate(work.decisions) if row + 1 < len(work.dates)}

    def initialize(self, context: Any) -> None:
        set_commission(us_equities=commission.PerDollar(cost=FEE))
        set_slippage(us_equities=NextOpen())
        self.assets = [symbol(code) for code in self.codes]

    def handle_data(self, context: Any, data: Any) -> None:
        n = self.decisions.get(data.current_session.to_datetime64().astype("datetime64[D]"))
        if n is None:
            return
        held = [asset for asset, position in context.portfolio.positions.items() if position.amount]
        stuck = [asset for asset in held if not data.current(asset, "volume")]
        best: list[Any] = []
        for column in np.argsort(-self.scores[n], kind="stable"):
            if len(best) == SLOTS - len(stuck):
                break
            if data.current(self.assets[column], "volume"):
                best.append(self.assets[column])
        for asset in held:
            if asset not in stuck and asset not in best:
                order_target(asset, 0)
        for asset in best:
            order_target_percent(asset, INVESTED / SLOTS)


def simulate(work: Workload) -> np.ndarray:
    """Return the NAV at every close, (T,)."""
    sessions, rule = pd.DatetimeIndex(work.dates), Top10(work)
    days = run_algorithm(
        start=sessions[0],
        end=sessions[-1],
        initialize=rule.initialize,
        handle_data=rule.handle_data,
        capital_base=CASH,
        bundle=BUNDLE,
        trading_calendar=get_calendar(CALENDAR),
        metrics_set={DailyLedgerField("portfolio.portfolio_value")},
        benchmark_returns=pd.Series(0.0, index=sessions),
    )
    return days["portfolio_value"].to_numpy()


if __name__ == "__main__":
    work = load(FOLDER)
    announce(work)
    report(lambda: simulate(work), Path(sys.argv[2]))
