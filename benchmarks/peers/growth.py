"""How the cost of our engine, with every rule on, grows with stocks, days and orders: one at a time."""

import sys
from pathlib import Path
from statistics import median
from typing import Any

from measuring import REPEATS, Measured, call, generated, measure

# Axis -> (stocks, days, stocks held) of its points.
AXES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "stocks": tuple((stocks, 1210, 10) for stocks in (300, 600, 1200, 2700, 5400)),
    "days": tuple((1120, days, 10) for days in (300, 600, 1210, 2430)),
    "held": tuple((1120, 1210, held) for held in (5, 10, 20, 50, 100, 200)),
}


def growth(out: Path) -> Measured:
    """Return the points of each axis, each the median of some runs made in turn."""
    points: Measured = {}
    for axis, sizes in AXES.items():
        longest = max(days for _, days, _ in sizes)
        folders = {stocks: generated(out, stocks, longest) for stocks, _, _ in sizes}
        for folder in folders.values():
            call(sys.executable, "prepare_huice", folder, "rules")
        turns = [[_run(folders[size[0]], size) for size in sizes] for _ in range(REPEATS)]
        points[axis] = [_point(size, runs) for size, *runs in zip(sizes, *turns, strict=True)]
        print(f"growth with {axis}: {[round(point['engine_s'], 3) for point in points[axis]]}", file=sys.stderr)
    return points


def _run(folder: Path, size: tuple[int, int, int]) -> Measured:
    _, days, held = size
    return measure(sys.executable, "run_huice", folder, "--rules", "--top-k", held, "--days", days)[0]


def _point(size: tuple[int, int, int], runs: list[Any]) -> Measured:
    costs = {name: median(run[name] for run in runs) for name in ("engine_s", "peak_mb")}
    return {"stocks": size[0], "days": size[1], "held": size[2], "orders": runs[0]["orders"], **costs}
