"""The one protocol of all engines: `run_X.py FOLDER OUT` reads a workload, saves its NAV series and prints its cost."""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def report(run: Callable[[], Any], out: Path, facts: Callable[[], Mapping[str, Any]] = dict) -> None:
    """Time ``run``, save the NAV at every close that it returns, and print the cost as one line of JSON.

    Seconds are of ``run`` alone, peak memory (1e6 bytes) is of the whole process; ``facts`` are asked for afterwards.
    """
    start = time.perf_counter()
    nav = run()
    seconds = time.perf_counter() - start
    np.save(out, np.asarray(nav, dtype="float64"))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(json.dumps({"engine_s": seconds, "peak_mb": peak, **facts()}))
