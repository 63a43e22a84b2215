"""Times the 101 features of a whole market against a loop of MyTT over its stocks.

    python benchmarks/features.py [--market FOLDER] [--sample 200] [--page benchmarks/features.md]

FOLDER holds ``daily_all_2019_2022.parquet``, a Tushare-style export of raw bars with ``adj_factor``; without
it the market is random walks of the same size. Each measurement runs in a process of its own, on one panel
saved beforehand.
"""

import argparse
import json
import os
import platform
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from feeds.panel import MarketPanel, load_panel, save_panel
from feeds.universe import eligible
from signals.features import TECHNICAL, FeaturePanel, StockBlock, indicator

ROOT = Path(__file__).resolve().parents[1]
EXPORT = "daily_all_2019_2022.parquet"
COLUMNS = ("open", "high", "low", "close", "pre_close", "vol", "amount", "adj_factor")
SIZE = (972, 4904)


def exported_panel(path: Path) -> MarketPanel:
    """Return the panel of a Tushare-style export; a stock is listed from its first bar on."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    codes, stock = np.unique(table["ts_code"].to_numpy().astype("U9"), return_inverse=True)
    days, day = np.unique(table["trade_date"].to_numpy().astype("U8"), return_inverse=True)
    fields = {}
    for name in COLUMNS:
        values = np.full((len(codes), len(days)), np.nan)
        values[stock, day] = table[name].to_numpy() * {"vol": 100, "amount": 1000}.get(name, 1)
        fields[name] = values.T
    dates = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in days], dtype="datetime64[D]")
    first = np.isfinite(fields["close"]).argmax(axis=0)
    return with_listing(dates, codes, fields, np.where(first == 0, -1000, first))


def random_panel(days: int, stocks: int) -> MarketPanel:
    """Return a panel of seeded random walks with 1 % of the stock-days suspended."""
    rng = np.random.default_rng(0)
    close = np.round(20 * np.exp(np.cumsum(rng.normal(0, 0.02, (stocks, days)), axis=1)), 2)
    open_ = np.round(close * np.exp(rng.normal(0, 0.01, close.shape)), 2)
    close[rng.random(close.shape) < 0.01] = np.nan
    high = np.round(np.maximum(open_, close) * 1.01, 2)
    low = np.round(np.minimum(open_, close) * 0.99, 2)
    vol = np.round(np.exp(rng.normal(13, 1, close.shape)))
    fields = {"open": open_, "high": high, "low": low, "close": close, "vol": vol}
    dates = np.datetime64("2019-01-02") + np.arange(days)
    codes = np.array([f"{600000 + n}.SH" for n in range(stocks)])
    return with_listing(dates, codes, {name: a.T for name, a in fields.items()}, np.full(stocks, -1000))


def with_listing(dates: Any, codes: Any, fields: dict[str, Any], first: Any) -> MarketPanel:
    """Return the panel, suspended on every listed day without a bar."""
    listed = np.arange(len(dates))[:, None] >= first
    suspended = listed & ~np.isfinite(fields["close"])
    return MarketPanel.from_arrays(
        dates, codes, fields, list_index=first, suspended=suspended, fingerprint="benchmark"
    )


class Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Return the seconds passed, as ``wall`` and ``cpu``."""
        return {"wall": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


def prepare(folder: Path, market: Path) -> dict[str, Any]:
    """Save the panel that the other tasks read."""
    export = market / EXPORT
    panel = exported_panel(export) if export.exists() else random_panel(*SIZE)
    save_panel(panel, folder)
    days, stocks = panel.shape
    bars = int(np.isfinite(panel.field("close")).sum())
    return {"days": days, "stocks": stocks, "bars": bars, "real": export.exists()}


def time_loop(folder: Path, sample: int) -> dict[str, Any]:
    """Time MyTT on a random sample of stocks; ``error`` is that of the mean wall seconds per stock."""
    panel = load_panel(folder)
    mytt = runpy.run_path(str(ROOT / "tests/signals/features_support.py"))["mytt_indicators"]
    chosen = np.random.default_rng(0).permutation(len(panel.codes))[:sample]
    arrays = {name: panel.field(name).T for name in COLUMNS}
    spent = []
    whole = Clock()
    with np.errstate(all="ignore"):
        for stock in chosen:
            clock = Clock()
            has_bar = np.isfinite(arrays["close"][stock])
            bars = {name: values[stock][has_bar] for name, values in arrays.items()}
            prices = (bars[name] * bars["adj_factor"] for name in ("open", "high", "low", "close"))
            mytt(*prices, bars["vol"])
            spent.append(clock.read()["wall"])
    return {"sample": len(spent), "error": float(np.std(spent) / np.sqrt(len(spent))), **whole.read()}


def time_indicators(folder: Path, _: int) -> dict[str, Any]:
    """Time the 78 indicators of every stock, float64 on the panel's days, each block dropped after use."""
    panel = load_panel(folder)
    clock = Clock()
    for first in range(0, len(panel.codes), 128):
        block = StockBlock(panel, slice(first, min(first + 128, len(panel.codes))))
        for name in TECHNICAL:
            block.bars.scatter(indicator(name, block.bars))
    return clock.read()


def time_panel(folder: Path, _: int) -> dict[str, Any]:
    """Time the build of the whole feature panel, and its reopening."""
    panel = load_panel(folder)
    universe = eligible(panel)
    target = folder.parent / "features"
    clock = Clock()
    built = FeaturePanel.build(panel, universe, target)
    figures = clock.read()
    again = Clock()
    FeaturePanel.build(panel, universe, target)
    return {**figures, "reopened": again.read()["wall"], "gigabytes": built.values.nbytes / 1e9}


TASKS = {"loop": time_loop, "indicators": time_indicators, "panel": time_panel}


def measure(task: str, folder: Path, argument: object) -> dict[str, Any]:
    """Run one task in a process of its own and return its figures, peak memory in GB among them."""
    command = [sys.executable, __file__, "--task", task, "--panel", str(folder), "--argument", str(argument)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def run_task(task: str, folder: Path, argument: str) -> None:
    """Do the task and print its figures."""
    figures = prepare(folder, Path(argument)) if task == "prepare" else TASKS[task](folder, int(argument))
    unit = 1 if sys.platform == "darwin" else 1024
    figures["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    print(json.dumps(figures))


def page(about: dict[str, Any], runs: dict[str, dict[str, Any]]) -> str:
    """Return the results as Markdown."""
    loop, ours, built = runs["loop"], runs["indicators"], runs["panel"]
    scale = about["stocks"] / loop["sample"]
    wall, cpu, error = (loop[key] * scale for key in ("wall", "cpu", "error"))
    error *= loop["sample"]
    market = "real bars of 2019 to 2022" if about["real"] else "random walks"
    size = f"{about['stocks']:,} stocks x {about['days']:,} days, {about['bars']:,} bars"
    rows = [
        (
            "78 indicators, MyTT stock by stock, extrapolated",
            f"{wall:.0f} +- {error:.0f}",
            f"{cpu:.0f}",
            loop,
        ),
        ("78 indicators, this framework, one thread", f"{ours['wall']:.1f}", f"{ours['cpu']:.1f}", ours),
        ("101 features, standardised, on disk", f"{built['wall']:.1f}", f"{built['cpu']:.1f}", built),
    ]
    machine = f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "scipy", "MyTT"))
    table = "\n".join(f"| {what} | {a} | {b} | {run['memory']:.2f} |" for what, a, b, run in rows)
    return f"""# Features of a whole market

`python benchmarks/features.py --page benchmarks/features.md` on {market}: {size}.
{machine}, Python {platform.python_version()}, {versions}.
Memory is the peak resident size of the process that did the work.

| what | wall seconds | processor seconds | memory, GB |
|---|---|---|---|
{table}
| the same, opened again | {built["reopened"]:.3f} | | |

In wall time the indicators are {wall / ours["wall"]:.0f} times faster than the loop; all 101 features,
standardised and written to a file of {built["gigabytes"]:.2f} GB, are {wall / built["wall"]:.0f} times faster
than the loop's 78 alone. The loop was timed on {loop["sample"]} stocks drawn at random (seed 0) and scaled
to all (+- one standard error). It calls MyTT as `tests/signals/test_features_technical.py` does, which
holds every indicator to MyTT's values.
"""


def main() -> None:
    """Save the panel, take the three measurements, print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("HUICE_REAL_DATA", str(ROOT.parent / "shared" / "market"))
    parser.add_argument("--market", type=Path, default=Path(default))
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--panel", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--argument", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        run_task(options.task, options.panel, options.argument)
        return
    with tempfile.TemporaryDirectory() as folder:
        panel = Path(folder) / "panel"
        about = measure("prepare", panel, options.market)
        text = page(about, {task: measure(task, panel, options.sample) for task in TASKS})
    print(text)
    if options.page:
        options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
