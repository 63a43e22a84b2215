"""Walk-forward training: plan the folds, make what is missing, write one signal file per month."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from feeds.building import open_panel
from feeds.errors import ConfigError, SignalError
from feeds.panel import MarketPanel
from feeds.rules import as_day
from feeds.store import Store
from signals.freshness import forget, refuse_other_data, refuse_other_settings
from signals.labels import Clock, month_clock, month_ends
from signals.processes import Job, Result, in_this_process, side_by_side
from signals.registry import SignalSpec
from signals.splits import Fold, make_folds, select_folds
from signals.table import SignalFolder, signal_folder
from signals.workspace import FOLD, Callback, Progress, Workspace, models_folder, open_workspace

__all__ = ["Progress", "Summary", "missing_dates", "plan", "run", "signal_dates"]


@dataclass(frozen=True)
class Summary:
    """What a run did.

    Attributes
    ----------
    written, skipped : tuple of str
        Signal dates whose files were written, and those that were there already.
    folds : tuple of str
        Folds in the plan, ascending.
    trained : tuple of str
        Those of them for which this run fitted a model.
    folder : Path
        Where the signal files are.
    """

    written: tuple[str, ...]
    skipped: tuple[str, ...]
    folds: tuple[str, ...]
    trained: tuple[str, ...]
    folder: Path


def plan(
    panel: MarketPanel,
    spec: SignalSpec,
    start: Any = None,
    end: Any = None,
    calendar: np.ndarray | None = None,
) -> list[Fold]:
    """Return the folds that score the month-ends from ``start`` to ``end``, both included.

    Parameters
    ----------
    panel : MarketPanel
    spec : SignalSpec
    start, end : date-like, optional
        First and last signal date wanted; by default all that can be scored.
    calendar : ndarray of datetime64[D], optional
        Trading days that may reach beyond the panel, to tell whether its last day ends a month.

    Raises
    ------
    SignalError
        If the data are too short, or too short before ``start``; the message says what is needed and which date
        is the first that can be scored.
    """
    return _plan(month_clock(panel.dates, calendar), spec, start, end)


def _plan(clock: Clock, spec: SignalSpec, start: Any, end: Any) -> list[Fold]:
    schedule = spec.schedule
    needs = (
        f"{schedule.train_sections} + {schedule.validation_sections} month-ends whose labels have ended, one purged "
        f"between them, and {spec.lookback} days before the first"
    )
    first, last = (None if day is None else as_day(day) for day in (start, end))
    return select_folds(clock, make_folds(clock, schedule, spec.lookback), first, last, needs)


def signal_dates(dates: np.ndarray, start: Any, end: Any, calendar: np.ndarray | None = None) -> np.ndarray:
    """Return the month-ends that a backtest from ``start`` to ``end`` trades on, ascending, ``datetime64[D]``.

    The first is the last one before ``start``, because it is what the first session trades; the last is before
    ``end``.

    Parameters
    ----------
    dates, calendar
        See :func:`~signals.labels.month_ends`.
    """
    ends = dates[month_ends(dates, calendar)]
    traded = ends[ends < as_day(end)]
    return traded[max(0, int(np.searchsorted(traded, as_day(start))) - 1) :]


def missing_dates(folder: SignalFolder, wanted: np.ndarray) -> list[str]:
    """Return which of some dates have no signal file, ascending."""
    held = folder.manifest()["files"]
    return [str(day) for day in wanted if str(day) not in held]


def run(
    data_dir: str | Path,
    spec: SignalSpec,
    universe: str = "all",
    start: Any = None,
    end: Any = None,
    *,
    workers: int = 1,
    callback: Callback = lambda _: None,
    retrain: bool = False,
) -> Summary:
    """Train what is missing and write the missing signal files.

    A run that was killed goes on where it stopped, seed by seed, and leaves the same bytes; a run with nothing
    left to do changes nothing. The number of workers does not change a byte either.

    Parameters
    ----------
    data_dir : path
        Folder of the store; models go to ``models/<name>`` and scores to ``signals/<name>`` under it.
    spec : SignalSpec
    universe : str
        ``all`` or an index code.
    start, end : date-like, optional
        First and last signal date wanted; by default all that can be scored.
    workers : int
        Processes that train folds side by side and share the cores. 1 trains in this process, on all of them. A
        script that asks for more must guard its calls with ``if __name__ == "__main__":``.
    callback : callable
        Told of every epoch and file, in this process.
    retrain : bool
        Forget the models and scores of the dates asked for, and all that were made with other settings.

    Raises
    ------
    SignalError
        If the data are too short, if what is there was made from other settings or data, if a loss is not finite,
        or if another run is at work on the same signal.
    """
    if workers < 1:
        raise ConfigError(f"workers must be 1 or more, was {workers}")

    def tell(text: str) -> None:
        callback(Progress("preparing", message=text))

    models, folder = models_folder(data_dir, spec), signal_folder(data_dir, spec.name)
    with _alone(models):
        panel = open_panel(data_dir, tell)
        if not panel.members(universe).any():  # an unknown one is refused here, before settings are compared
            raise SignalError(f"universe must have members in the data, was {universe}")
        if not retrain:
            refuse_other_settings(spec, universe, models, folder)
        folds = plan(panel, spec, start, end, Store.existing(data_dir).open_days())
        if not folds:
            raise ConfigError(f"start to end must hold a month-end that can be scored, was {start} to {end}")
        work = open_workspace(data_dir, spec, universe, tell)
        if retrain:
            forget(work, folder, folds)
        refuse_other_data(work, folder)
        jobs = [job for fold in folds if (job := _job(work, folder, fold)).positions]
        todo = sum(not (work.folder / job.fold.name / FOLD).exists() for job in jobs)
        callback(Progress("planned", epochs=todo * spec.recipe.epochs * len(spec.recipe.seeds)))
        wanted = {str(work.labels.clock.dates[p]) for fold in folds for p in fold.scoring}
        apart = min(workers, todo) > 1  # scoring alone is not worth another start of TensorFlow
        results = (
            side_by_side(data_dir, work, jobs, workers, callback) if apart else in_this_process(work, jobs, callback)
        )
        written, trained = _collect(folder, results, callback)
        names = tuple(fold.name for fold in folds)
        return Summary(written, tuple(sorted(wanted - set(written))), names, trained, folder.path)


def _collect(
    folder: SignalFolder, results: Generator[Result], callback: Callback
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write each fold's files as it comes; return the dates written and the folds trained."""
    written: list[str] = []
    trained: list[str] = []
    with closing(results):  # on an error or Ctrl-C here, no process is left behind
        for result in results:
            folder.write_all(result.signals)
            dates = tuple(str(signal.date) for signal in result.signals)
            written.extend(dates)
            trained.extend([result.job.fold.name] if result.trained else [])
            callback(Progress("written", result.job.fold.name, dates=dates))
    return tuple(sorted(written)), tuple(sorted(trained))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SignalError(f"{folder} must be trained by one process at a time, was locked by another") from None
    try:
        yield
    finally:
        lock.release()


def _job(work: Workspace, folder: SignalFolder, fold: Fold) -> Job:
    """Return which of a fold's dates lack a file."""
    dates, files = work.labels.clock.dates, folder.manifest()["files"]
    held = {date for date, entry in files.items() if (folder.path / entry["file"]).exists()}
    return Job(fold, tuple(position for position in fold.scoring if str(dates[position]) not in held))
