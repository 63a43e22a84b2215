"""The workload, `workload.py STOCKS DAYS FOLDER`: seeded bars, monthly scores, the ten best held at 9.8 % each.

Bars are random walks on a common calendar of weekdays, prices on the 0.01 grid, about 1 % suspended stock-days in runs
that never begin on a fill day. On the first trading day of a month the stocks trading that day are ranked by last
month's score; a suspended holding keeps its slot and gets no order. Whole shares sized at that day's close, filled at
the next open, 0.08 % a side, 10 million to start with, no limit prices and no dividends.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CASH, FEE, SLOTS, INVESTED = 1e7, 0.0008, 10, 0.98
SIZES = ((300, 1000), (1120, 1210), (5400, 2430))


@dataclass(frozen=True)
class Workload:
    """Bars as (N, T) arrays, NaN while suspended; one row of ``scores`` per decision day in ``decisions``."""

    dates: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    decisions: np.ndarray
    scores: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        return np.array([f"{600000 + n:06d}.SH" for n in range(len(self.close))])


def generate(stocks: int, days: int, seed: int = 20261120) -> Workload:
    """Return the workload of a size; the same size and seed give the same bytes."""
    rng = np.random.default_rng(seed)
    dates = np.busday_offset(np.datetime64("2014-01-02"), np.arange(days))
    months = dates.astype("datetime64[M]")
    decisions = np.flatnonzero(np.append(False, months[1:] != months[:-1]))
    suspended = _suspensions(rng, stocks, days, decisions + 1)
    overnight = np.clip(rng.normal(1e-4, 0.005, (stocks, days)), -0.03, 0.03)
    intraday = np.clip(rng.normal(1e-4, 0.018, (stocks, days)), -0.065, 0.065)
    overnight[suspended] = intraday[suspended] = 0.0
    start = rng.uniform(8, 60, stocks)[:, None]
    close = start * np.exp(np.cumsum(np.log1p(overnight) + np.log1p(intraday), axis=1))
    opening = close / (1 + intraday)
    spread = np.abs(rng.normal(0, 0.005, (2, stocks, days)))
    bars = [opening, np.maximum(opening, close) * (1 + spread[0]), np.minimum(opening, close) * (1 - spread[1]), close]
    opening, high, low, close = (np.maximum(np.round(bar, 2), 0.01) for bar in bars)
    for bar in (opening, high, low, close):
        bar[suspended] = np.nan
    scores = np.cumsum(rng.normal(size=(len(decisions), stocks)), axis=0)
    return Workload(dates, opening, high, low, close, decisions, scores)


def _suspensions(rng: np.random.Generator, stocks: int, days: int, fills: np.ndarray) -> np.ndarray:
    starts = rng.random((days, stocks)) < 0.002
    starts[:5] = False
    starts[fills[fills < days]] = False
    lengths = rng.geometric(0.2, size=(days, stocks))
    left = np.zeros(stocks, dtype=int)
    suspended = np.zeros((days, stocks), dtype=bool)
    for day in range(days):
        left = np.where(starts[day], np.maximum(left, lengths[day]), left)
        suspended[day] = left > 0
        left = np.maximum(left - 1, 0)
    suspended[-1] = False
    return np.ascontiguousarray(suspended.T)


ARRAYS = ("dates", "open", "high", "low", "close", "decisions", "scores")


def save(workload: Workload, folder: Path) -> None:
    """Write the workload as plain arrays, from which each engine makes what it reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(workload, name))


def load(folder: Path) -> Workload:
    """Return a saved workload; its arrays stay on disk until they are read."""
    return Workload(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS))


if __name__ == "__main__":
    save(generate(int(sys.argv[1]), int(sys.argv[2])), Path(sys.argv[3]))
