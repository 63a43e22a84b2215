"""Runs engines in processes of their own and holds their NAV series to the ledger's.

The process that measures stays small: on Linux a child begins with its parent's peak memory as its own.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from engines import ENGINES, Engine
from environments import environment, versions
from workload import SIZES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REPEATS = 3
SLOW = 60.0  # seconds: what takes longer is run once
GIVEN_UP = 3600.0  # seconds
Measured = dict[str, Any]


def failure(error: Exception) -> str:
    """Return why a process failed, in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in (error.stderr or "").splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {error.returncode}"
    return str(error).splitlines()[0]


def call(python: Path | str, script: str, *arguments: object) -> tuple[str, float]:
    """Return what a script of this folder printed, and the seconds of its whole process."""
    # Only our own environment may see our packages: peers have names of their own.
    paths = {"PYTHONPATH": str(ROOT)} if str(python) == sys.executable else {}
    command = [str(python), str(HERE / f"{script}.py"), *map(str, arguments)]
    start = time.perf_counter()
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=GIVEN_UP, env={**os.environ, **paths}
    )
    return done.stdout, time.perf_counter() - start


def measure(python: Path | str, script: str, folder: Path, *arguments: object) -> tuple[Measured, np.ndarray]:
    """Return what one run cost, and its NAV at every close."""
    out = folder / "nav.npy"
    printed, seconds = call(python, script, folder, out, *arguments)
    return {**json.loads(printed.splitlines()[-1]), "process_s": seconds}, np.load(out)


def generated(out: Path, stocks: int, days: int) -> Path:
    """Return the folder of a workload, written if it is not there yet or was made by another recipe."""
    folder = out / f"{stocks}x{days}"
    complete, recipe = folder / "complete", (HERE / "workload.py").read_text(encoding="utf-8")
    if not complete.exists() or complete.read_text(encoding="utf-8") != recipe:
        print(f"generating {folder.name}", file=sys.stderr)
        call(sys.executable, "workload", stocks, days, folder)
        complete.write_text(recipe, encoding="utf-8")
    return folder


def pythons(out: Path) -> tuple[dict[str, Path | str], Measured]:
    """Return each engine's Python, and its packages or why there are none."""
    found: dict[str, Path | str] = {}
    packages: Measured = {}
    for engine in ENGINES:
        names = {line.partition("==")[0] for line in engine.requirements} | {"numpy", "pandas"}
        try:
            name = engine.name.partition("_")[0]
            python = environment(out / "envs" / name, engine.requirements) if engine.requirements else sys.executable
            packages[engine.name] = {"versions": versions(Path(python), sorted(names))}
            found[engine.name] = python
        except (subprocess.SubprocessError, OSError) as error:
            packages[engine.name] = {"failed": f"could not be installed: {failure(error)}"}
    return found, packages


def compare(out: Path, size: tuple[int, int], found: dict[str, Path | str]) -> Measured:
    """Return every engine's figures at one size, measured in turn so that a drifting machine hits all."""
    folder = generated(out, *size)
    figures: Measured = {engine.name: {"runs": []} for engine in ENGINES if engine.name in found}
    navs: dict[str, np.ndarray] = {}
    for turn in range(REPEATS):
        for engine in ENGINES:
            own = figures.get(engine.name)
            if own is None or "failed" in own or (turn and own["runs"][0]["process_s"] > SLOW):
                continue
            try:
                if not turn:
                    own |= _prepared(engine, found[engine.name], folder)
                run, navs[engine.name] = _once(engine, found[engine.name], folder, size)
                own["runs"].append(run)
                print(f"{folder.name} {engine.title}: {run['engine_s']:.3f} s", file=sys.stderr)
            except (subprocess.SubprocessError, OSError) as error:
                own["failed"] = failure(error)
    for engine in ENGINES:
        if engine.name in navs and engine.compared and engine.name != "numpy":
            figures[engine.name] |= difference(navs[engine.name], navs["numpy"])
            if engine.ledger:
                _, nav = measure(sys.executable, "run_numpy", folder, *engine.ledger)
                figures[engine.name]["own_rule"] = difference(navs[engine.name], nav)
    return {"stocks": size[0], "days": size[1], "engines": figures}


def _prepared(engine: Engine, python: Path | str, folder: Path) -> Measured:
    if not engine.prepare:
        return {}
    script, *arguments = engine.prepare
    return {"prepare_s": call(python, script, folder, *arguments)[1]}


def _once(engine: Engine, python: Path | str, folder: Path, size: tuple[int, int]) -> tuple[Measured, np.ndarray]:
    few = [engine.few_days] if engine.few_days and size == SIZES[-1] else []
    run, nav = measure(python, engine.script, folder, *engine.arguments, *few)
    return {**run, "days": len(nav)}, nav


def difference(nav: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Return the largest difference at any close, in yuan and in basis points of the reference."""
    reference = reference[: len(nav)]
    return {
        "yuan": float(np.abs(nav - reference).max()),
        "bp": float(np.abs(nav / reference - 1).max() * 1e4),
    }
