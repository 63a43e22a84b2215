"""The workload on our engine: `run_huice.py FOLDER OUT`; prints seconds from opened panel to NAV series."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from analyzers.recorders import NavRecorder
from feeds.panel import load_panel
from signals.table import Signal
from strategies.execution import config, engine


class Scores:
    """Scores held in memory, dated by the decision days."""

    name = "workload"

    def __init__(self, folder: Path, dates: np.ndarray, codes: np.ndarray):
        self.codes = codes
        decisions = np.load(folder / "decisions.npy")
        scores = np.load(folder / "scores.npy")
        self.rows = {dates[row]: scores[n] for n, row in enumerate(decisions)}

    def dates(self) -> np.ndarray:
        return np.array(sorted(self.rows))

    def read(self, date: np.datetime64) -> Signal:
        return Signal(date, self.codes, self.rows[date], {"signal_date": str(date)})


def main(folder: Path, out: Path, repeats: int) -> None:
    settings = config.make(
        {
            "strategy": "top10", "signal": "workload", "lots": "share", "blocked_sells": "expire",
            "min_listed_days": 1, "parameters": {"invested": 0.98, "sell_suspended": False},
        }
    )  # fmt: skip
    panel = load_panel(folder / "panel")
    # The run starts on the first day, so that every engine's NAV has the same length.
    settings = settings.model_copy(update={"start": panel.dates[0].astype(object)})
    signal = Scores(folder, panel.dates, panel.codes)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = engine.run(settings, panel, signal, {"nav": NavRecorder})
        seconds.append(time.perf_counter() - start)
    np.save(out, result.nav["nav"].to_numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"engine_s": seconds[0], "engine_best_s": min(seconds), "peak_mb": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
