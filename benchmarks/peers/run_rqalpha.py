"""The workload on rqalpha: `run_rqalpha.py FOLDER OUT`, on the bundle that prepare_rqalpha.py wrote.

Decided in ``handle_bar`` (the close), ordered in the next day's ``open_auction``; analyser, risk checks and progress
bar are off, volume does not limit a fill, and the commission is 8 bp a side (rqalpha's own rate without its minimum).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from prepare_rqalpha import code_of
from rqalpha import run_func
from rqalpha.apis import get_positions, is_suspended, order_shares
from runner import report
from workload import CASH, INVESTED, SLOTS, Workload, load

OFF = {"enabled": False}


class Top10:
    """The workload's rule as rqalpha's callbacks."""

    def __init__(self, work: Workload):
        self.codes = [code_of(code) for code in work.codes.tolist()]
        self.scores = work.scores
        self.decisions = {str(work.dates[row]): n for n, row in enumerate(work.decisions) if row + 1 < len(work.dates)}
        self.orders: list[tuple[str, int]] = []
        self.navs: list[float] = []

    def open_auction(self, context: Any, bars: Any) -> None:
        for code, shares in self.orders:
            order_shares(code, shares)
        self.orders = []

    def handle_bar(self, context: Any, bars: Any) -> None:
        n = self.decisions.get(str(context.now.date()))
        if n is None:
            return
        worth = context.portfolio.total_value
        held = {position.order_book_id: position.quantity for position in get_positions() if position.quantity}
        stuck = [code for code in held if is_suspended(code)]
        best: list[str] = []
        for column in np.argsort(-self.scores[n], kind="stable"):
            if len(best) == SLOTS - len(stuck):
                break
            if not is_suspended(self.codes[column]):
                best.append(self.codes[column])
        self.orders = [(code, -count) for code, count in held.items() if code not in stuck and code not in best]
        for code in best:
            price = bars[code].close
            change = int((INVESTED / SLOTS * worth - held.get(code, 0) * price) / price)
            if change:
                self.orders.append((code, change))
        self.orders.sort(key=lambda order: order[1] > 0)  # sells first

    def after_trading(self, context: Any) -> None:
        self.navs.append(context.portfolio.total_value)


def simulate(work: Workload, bundle: Path) -> list[float]:
    """Return the NAV at every close, (T,)."""
    base = {
        "start_date": str(work.dates[0]), "end_date": str(work.dates[-1]), "frequency": "1d",
        "accounts": {"stock": CASH}, "data_bundle_path": str(bundle), "rqdatac_uri": "disabled",
    }  # fmt: skip
    modules = {
        "sys_analyser": OFF, "sys_risk": OFF, "sys_progress": OFF,
        "sys_simulation": {"volume_limit": False, "slippage": 0},
        "sys_transaction_cost": {"stock_min_commission": 0, "tax_multiplier": 0},
    }  # fmt: skip
    rule = Top10(work)
    run_func(
        config={"base": base, "extra": {"log_level": "error"}, "mod": modules},
        init=lambda context: None,
        open_auction=rule.open_auction,
        handle_bar=rule.handle_bar,
        after_trading=rule.after_trading,
    )
    return rule.navs


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    work = load(folder)
    report(lambda: simulate(work, folder / "rqalpha"), Path(sys.argv[2]))
