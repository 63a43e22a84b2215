"""Saves the workload as panels that our engine opens: `prepare_huice.py FOLDER [rules]`."""

import sys
from pathlib import Path

import numpy as np
from rules_market import market_that_refuses
from workload import Workload, load

from feeds.panel import MarketPanel, save_panel

INDEX = "000300.SH"


def plain_market(work: Workload) -> MarketPanel:
    """Return the workload as it is: no limit prices, no events."""
    fields = {name: getattr(work, name).T for name in ("open", "high", "low", "close")}
    return MarketPanel.from_arrays(work.dates, work.codes, fields, indices=index_of(work))


def index_of(work: Workload) -> dict[str, np.ndarray]:
    """Return a benchmark, which a run wants to have."""
    return {INDEX: np.linspace(3000, 4000, len(work.dates))}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    if "rules" in sys.argv:
        save_panel(market_that_refuses(load(folder)), folder / "rules_panel")
    else:
        save_panel(plain_market(load(folder)), folder / "panel")
