"""`python benchmarks/peers [--out FOLDER] [--draw]`: our engine, a NumPy ledger and five peers on one workload.

Generates the workload under FOLDER (default build/bench), makes an environment for each peer, prepares and runs every
engine in turn in processes of their own, and writes results.json, results.md and growth.svg beside this file. With
``--draw`` page and chart are written again from results.json.
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from growth import growth  # noqa: E402
from measuring import ROOT, compare, pythons  # noqa: E402
from page import page  # noqa: E402
from workload import SIZES  # noqa: E402

IDLE, ALONE = 0.5, 1.5  # the load of a machine that does nothing else, before the benchmark and during it


def everything(out: Path) -> dict[str, Any]:
    """Return the results of all sizes and axes."""
    found, packages = pythons(out)
    loads = [os.getloadavg()[0]]
    points = growth(out)
    sizes = []
    for size in SIZES:
        loads.append(os.getloadavg()[0])
        sizes.append(compare(out, size, found))
    loads.append(os.getloadavg()[0])
    return {"about": about(loads), "packages": packages, "sizes": sizes, "growth": points}


def about(loads: list[float]) -> dict[str, Any]:
    """Return when and on what machine, given its load before each part."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "loads": loads,
        "busy": loads[0] > IDLE or max(loads) > ALONE,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--draw", action="store_true")
    options = parser.parse_args()
    file = HERE / "results.json"
    if not options.draw:
        results = everything(options.out)
        file.write_text(json.dumps(results, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    results = json.loads(file.read_text(encoding="utf-8"))
    (HERE / "results.md").write_text(page(results), encoding="utf-8")
    from chart import draw  # after the measuring, whose process stays small

    draw(results, HERE / "growth.svg")


if __name__ == "__main__":
    main()
