"""`python benchmarks/engine [--out FOLDER] [--skip-backtrader]`: our engine, plain NumPy and ordinary Backtrader.

Generates the workload once under FOLDER (default build/bench), runs each engine in a process of its own, compares the
NAV series to the cent, and writes results.md beside this file.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from workload import SIZES, generate, save  # noqa: E402

REPEATS = 5
EXTRAPOLATED_DAYS = 240
LARGEST = SIZES[-1]


def measure(script: str, folder: Path, *arguments: object) -> dict[str, Any]:
    """Run one engine in a process of its own; seconds of the whole process and its NAV series included."""
    out = folder / f"{script}.npy"
    command = [sys.executable, str(HERE / f"{script}.py"), str(folder), str(out), *map(str, arguments)]
    start = time.perf_counter()
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    seconds = time.perf_counter() - start
    return {**json.loads(done.stdout.splitlines()[-1]), "process_s": seconds, "nav": np.load(out)}


def median(runs: list[dict[str, Any]], key: str) -> float:
    return float(np.median([run[key] for run in runs]))


def compare(size: tuple[int, int], folder: Path, with_backtrader: bool) -> list[str]:
    """Return the rows of one size."""
    stocks, days = size
    ours, floor = [], []
    for _ in range(REPEATS):  # in turn, so that a drifting machine hits both
        ours.append(measure("run_huice", folder))
        floor.append(measure("run_numpy", folder))
    for runs in (ours, floor):
        runs.sort(key=lambda run: run["engine_s"])
    name = f"{stocks:,} x {days:,}"
    rows = [_row(name, "NumPy ledger", floor), _row(name, "huice", ours, floor[0]["nav"])]
    if with_backtrader:
        few = size == LARGEST
        peer = measure("run_backtrader", folder, *([EXTRAPOLATED_DAYS] if few else []))
        whole = days / len(peer["nav"])
        difference = np.abs(peer["nav"] - floor[0]["nav"][: len(peer["nav"])])[:-1].max()
        title = f"Backtrader, PandasData ({EXTRAPOLATED_DAYS} days x {whole:.2f})" if few else "Backtrader, PandasData"
        rows.append(
            f"| {name} | {title} | {peer['engine_s'] * whole:,.1f} | {peer['process_s'] * whole:,.1f} | "
            f"{peer['peak_mb']:,.0f} | {difference:.4f} |"
        )
        ratio = peer["engine_s"] * whole / median(ours, "engine_s")
        rows.append(f"| {name} | **huice is faster by** | **{ratio:,.0f} x** | | | |")
    return rows


def _row(size: str, name: str, runs: list[dict[str, Any]], reference: np.ndarray | None = None) -> str:
    difference = "" if reference is None else f"{np.abs(runs[0]['nav'] - reference).max():.4f}"
    return (
        f"| {size} | {name} | {median(runs, 'engine_s'):.3f} | {median(runs, 'process_s'):.2f} | "
        f"{median(runs, 'peak_mb'):,.0f} | {difference} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--skip-backtrader", action="store_true")
    options = parser.parse_args()
    rows = []
    for size in SIZES:
        folder = options.out / f"{size[0]}x{size[1]}"
        if not (folder / "complete").exists():
            folder.mkdir(parents=True, exist_ok=True)
            print(f"generating {size[0]} x {size[1]}", file=sys.stderr)
            save(generate(*size), folder)
        rows += compare(size, folder, not options.skip_backtrader)
        print("\n".join(rows[-4:]), file=sys.stderr)
    (HERE / "results.md").write_text(page(rows), encoding="utf-8")


def page(rows: list[str]) -> str:
    """Return the results page."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("backtrader", "numpy", "pandas"))
    return "\n".join(
        [
            "# Engine speed",
            "",
            "Command: `make bench`, or `python benchmarks/engine`. The workload is described in `workload.py`: monthly",
            "top 10 at 9.8 % each on random-walk bars, about 1 % suspended stock-days, next open, 0.08 % a side.",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, {packages}.",
            f"Median of {REPEATS} processes each, ours and NumPy's in turn; Backtrader once. Engine: from opened panel",
            "(Backtrader: from arrays, for it has no panel to open) to the NAV series. Difference: largest",
            "absolute difference of NAV at any close from the NumPy ledger, in yuan (Backtrader's last day left out).",
            "",
            "| stocks x days | engine | engine, s | whole process, s | peak memory, MB | NAV difference, yuan |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
