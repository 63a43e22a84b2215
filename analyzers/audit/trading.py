"""Whether a strategy's orders, fills and account depend on days that had not come yet."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from analyzers.audit.comparison import DECISIONS, compare, compare_fills
from analyzers.audit.findings import Difference, Leak, Row, name_cause
from analyzers.audit.future import Future, after, same, unseen_by, within
from analyzers.audit.market import DrawnScores, HeldScores, perturbed
from analyzers.recorders import RECORDERS, DecisionRecorder
from feeds.errors import ConfigError
from feeds.panel import MarketPanel
from strategies.execution import engine
from strategies.execution.clock import SignalReader
from strategies.execution.config import BacktestConfig

Step = Callable[[str], None]  # told before each run what it is for
AFTER = "everything after the cut"


@dataclass(frozen=True)
class _Trial:
    """One future and the comparison that must find nothing."""

    row: str
    future: Future
    compare: Callable[[engine.BacktestResult, engine.BacktestResult], tuple[int, Difference | None]]


class _Runs:
    """The same backtest on the market as it is and on others."""

    def __init__(self, config: BacktestConfig, panel: MarketPanel, signal: SignalReader | None):
        self.config, self.panel, self.signal = config, panel, signal
        self.before = self._run(panel, signal)

        self.first, self.last = (panel.date_index(self.before.nav["date"].iloc[place]) for place in (0, -1))

    def on(self, future: Future) -> engine.BacktestResult:
        """Run on another future; if the strategy fails on it, no further than the session after the cut."""
        panel = perturbed(self.panel, future)
        signal = None if self.signal is None else DrawnScores(self.signal, self.panel, future)
        try:
            return self._run(panel, signal)
        except Exception:
            end = panel.dates[min(future.cut + 1, self.last)].astype(object)
        try:
            return self._run(panel, signal, end=end)
        except Exception as problem:
            raise ConfigError(
                f"strategy {self.config.strategy} must run on a market that is another after "
                f"{panel.dates[future.cut]}, was stopped by {type(problem).__name__}: {problem}"
            ) from problem

    def _run(self, panel: MarketPanel, signal: SignalReader | None, **options: Any) -> engine.BacktestResult:
        gc.collect()  # Backtrader's objects refer to each other: the market of the run before is still held
        config = self.config.model_copy(update=options)
        return engine.run(config, panel, signal, {**RECORDERS, DECISIONS: DecisionRecorder})


def audit_trading(
    config: BacktestConfig, panel: MarketPanel, signal: SignalReader | None, trials: int, seed: int,
    step: Step = lambda _: None,
) -> tuple[list[Row], Leak | None]:  # fmt: skip
    """Return the rows of a strategy's trials and the first leak.

    Every trial cuts the market at a random close of the run, every other one at a close on which orders were given.
    All later data are drawn anew, scores included, and nothing up to the cut may change. Then what the fills of the
    next session cannot have seen of it is drawn anew, and neither the orders nor those fills may change.

    Parameters
    ----------
    trials : int
        Number of cuts.
    seed : int
        Decides the cuts and everything drawn.

    Raises
    ------
    ConfigError
        If the strategy does not order the same twice on the same market, or does not run on another.
    """
    runs = _Runs(config, panel, None if signal is None else HeldScores(signal))
    step("the same market again")
    _require_repeatable(runs, panel.dates[-1])
    cuts = _cuts(runs, trials, seed)
    counts: dict[str, list[int]] = {}
    first: tuple[_Trial, Difference] | None = None
    for trial in _trials(config, panel, cuts, seed):
        step(trial.row)
        compared, difference = trial.compare(runs.before, runs.on(trial.future))
        count = counts.setdefault(trial.row, [0, 0, 0])
        count[:] = count[0] + 1, count[1] + compared, count[2] + (difference is not None)
        first = first or (None if difference is None else (trial, difference))
    rows = [Row(name, *count) for name, count in counts.items()]
    return rows, None if first is None else _leak(runs, *first, step)


def _cuts(runs: _Runs, trials: int, seed: int) -> list[int]:
    """Return the rows after which trials cut, ascending, none before the first order.

    Half of them are days with orders, if there are as many.
    """
    random = np.random.default_rng(seed)
    given = np.unique(np.searchsorted(runs.panel.dates, runs.before.analyses[DECISIONS]["signal_date"].to_numpy()))
    chosen = random.permutation(given[given < runs.last])[: (trials + 1) // 2]
    every = np.arange(given[0] if len(given) else runs.first, runs.last)
    others = random.permutation(np.setdiff1d(every, chosen))[: trials - len(chosen)]
    return sorted(map(int, [*chosen, *others]))


def _trials(config: BacktestConfig, panel: MarketPanel, cuts: list[int], seed: int) -> Iterator[_Trial]:
    unseen = unseen_by(config)
    for cut in cuts:
        yield _Trial(AFTER, after(cut, seed), partial(compare, day=panel.dates[cut]))
    name = f"the execution day's {', '.join(unseen)}" if unseen else "the execution day's evening"
    for cut in cuts:
        days = {"day": panel.dates[cut], "session": panel.dates[cut + 1]}
        yield _Trial(name, within(cut, seed, unseen), partial(compare_fills, **days))


def _require_repeatable(runs: _Runs, day: np.datetime64) -> None:
    again = runs.on(same(len(runs.panel.dates)))
    _, difference = compare(runs.before, again, day)
    if difference is not None:
        raise ConfigError(
            f"strategy {runs.config.strategy} must do the same on the same market, was not: {difference.what} of "
            f"{difference.date} {difference.code} was {difference.was}, then {difference.became}"
        )


def _leak(runs: _Runs, trial: _Trial, difference: Difference, step: Step) -> Leak:
    """Find what alone makes the difference."""

    def differs(future: Future) -> bool:
        step("looking for the cause")
        return trial.compare(runs.before, runs.on(future))[1] is not None

    dates, cut = runs.panel.dates, trial.future.cut
    executed = trial.row != AFTER or difference.date == dates[cut]
    cause = name_cause(trial.future, differs, dates, "the execution day" if executed else "the day")
    return Leak(trial.row, dates[cut], difference, cause)
