"""The workload on our engine: `run_huice.py FOLDER OUT [--rules] [--top-k K] [--days DAYS]`, from a saved panel.

``--rules`` runs the market that says no with every rule, hedged, and makes every frame of a run folder.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from runner import report
from workload import INVESTED, SLOTS

from analyzers.recorders import RECORDERS
from feeds.panel import MarketPanel, load_panel
from signals.table import Signal
from strategies.execution import config, engine

# What the ledger does: whole shares, and what could not be traded at once is given up.
PLAIN = {"lots": "share", "min_listed_days": 1, "blocked_sells": "expire"}
# The strictest value of each option.
STRICT = {
    "lots": "board", "min_listed_days": 120, "blocked_sells": "carry",
    "blocked_buys": "substitute", "max_participation": 0.1, "slippage": "5bp", "fees": "detailed",
    "dividend_tax": "holding", "hedge": "IF",
}  # fmt: skip


class Scores:
    """Scores held in memory, dated by the decision days."""

    name = "workload"

    def __init__(self, folder: Path, panel: MarketPanel):
        self.codes = panel.codes
        decisions, scores = np.load(folder / "decisions.npy"), np.load(folder / "scores.npy", mmap_mode="r")
        self.rows = {panel.dates[row]: n for n, row in enumerate(decisions)}
        self.scores = scores

    def dates(self) -> np.ndarray:
        return np.array(sorted(self.rows))

    def read(self, date: np.datetime64) -> Signal:
        return Signal(date, self.codes, self.scores[self.rows[date]], {"signal_date": str(date)})


def what_happened(result: engine.BacktestResult) -> dict[str, Any]:
    """Return what shows that the rules had something to do."""
    orders = result.orders
    reasons = orders["reason"][orders["reason"] != ""].value_counts()
    return {
        "orders": len(orders),
        "statuses": orders["status"].value_counts().to_dict(),
        "reasons": reasons.to_dict(),
        "actions": result.actions["kind"].value_counts().to_dict(),
        "futures": result.hedge["kind"].value_counts().to_dict(),
    }


def main(folder: Path, out: Path, rules: bool, top_k: int, days: int | None) -> None:
    panel = load_panel(folder / ("rules_panel" if rules else "panel"))
    options = STRICT if rules else PLAIN
    parameters = {"invested": INVESTED, "sell_suspended": rules, "top_k": top_k}
    # From the first day on, so that every engine's NAV has the same length.
    span = {"start": panel.dates[0].astype(object), "end": panel.dates[(days or len(panel.dates)) - 1].astype(object)}
    chosen = config.make({"strategy": "top_k", "signal": "workload", "parameters": parameters, **options, **span})
    recorders = RECORDERS if rules else {"nav": RECORDERS["nav"]}
    signal = Scores(folder, panel)
    results: list[engine.BacktestResult] = []

    def run() -> np.ndarray:
        results.append(engine.run(chosen, panel, signal, recorders))
        return results[0].nav["nav"].to_numpy()

    report(run, out, lambda: {"options": options, **(what_happened(results[0]) if rules else {})})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--top-k", type=int, default=SLOTS)
    parser.add_argument("--days", type=int)
    options = parser.parse_args()
    main(options.folder, options.out, options.rules, options.top_k, options.days)
