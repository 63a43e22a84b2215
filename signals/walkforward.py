"""Walk-forward training: plan the folds, make what is missing, write one signal file per month."""

import multiprocessing
import shutil
import signal as system
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from feeds.errors import ConfigError, HuiceError, SignalError
from feeds.panel import MarketPanel
from feeds.rules import as_day
from signals.folds import (
    FOLD,
    Callback,
    Progress,
    Workspace,
    date_hash,
    inputs_hash,
    make_fold,
    models_folder,
    open_workspace,
    read_json,
    score_fold,
)
from signals.labels import Clock, month_clock, month_ends
from signals.registry import SignalSpec
from signals.splits import Fold, make_folds, select_folds
from signals.table import Signal, SignalFolder, signal_folder

if TYPE_CHECKING:
    from signals.training import Trainer

POLL = 0.5  # seconds between looks at whether a worker or the parent has died


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


@dataclass(frozen=True)
class Job:
    """One fold's share of a run: score these sections, after training if there is no model yet."""

    fold: Fold
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """What came of a job."""

    job: Job
    signals: list[Signal]
    trained: bool


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
        Processes that train folds side by side, one thread each. 1 trains in this process. A script that asks for
        more must guard its calls with ``if __name__ == "__main__":``.
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
    with _alone(models_folder(data_dir, spec)):
        work = open_workspace(data_dir, spec, universe, lambda text: callback(Progress("preparing", message=text)))
        folds = _plan(work.labels.clock, spec, start, end)
        folder = signal_folder(data_dir, spec.name)
        if retrain:
            _forget(work, folder, folds)
        _refuse_other_settings(work, folder)
        jobs = [job for fold in folds if (job := _job(work, folder, fold)).positions]
        wanted = {str(work.labels.clock.dates[p]) for fold in folds for p in fold.scoring}
        apart = workers > 1 and len(jobs) > 1
        results = _side_by_side(data_dir, work, jobs, workers, callback) if apart else _here(work, jobs, callback)
        written, trained = _collect(folder, results, callback)
        names = tuple(fold.name for fold in folds)
        return Summary(written, tuple(sorted(wanted - set(written))), names, trained, folder.path)


def _collect(
    folder: SignalFolder, results: Iterable[Result], callback: Callback
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write each fold's files as it comes; return the dates written and the folds trained."""
    written: list[str] = []
    trained: list[str] = []
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


def _forget(work: Workspace, folder: SignalFolder, folds: Sequence[Fold]) -> None:
    """Remove the signal files and models of some folds, and all that other settings made."""
    clock = work.labels.clock
    names = {fold.name for fold in folds}
    dates = {str(clock.dates[position]) for fold in folds for position in fold.scoring}
    for date, entry in folder.manifest()["files"].items():
        if entry["meta"].get("config_hash") != work.config_hash or entry["meta"].get("fold") in names:
            dates.add(date)
    folder.remove(dates)
    for page in sorted(work.folder.glob(f"*/{FOLD}")):
        other = page.parent.name not in names and _settings_of(page) != work.config_hash
        if other:
            shutil.rmtree(page.parent)
    for name in sorted(names):
        shutil.rmtree(work.folder / name, ignore_errors=True)


def _settings_of(page: Path) -> str | None:
    try:
        return (read_json(page) or {}).get("config_hash")
    except SignalError:
        return None


def _refuse_other_settings(work: Workspace, folder: SignalFolder) -> None:
    """Refuse to mix scores of two configurations in one folder."""
    for date, entry in folder.manifest()["files"].items():
        found = entry["meta"].get("config_hash")
        if found != work.config_hash:
            raise _stale(work, f"{date} was made with other settings or universe ({found}, now {work.config_hash})")
    for page in sorted(work.folder.glob(f"*/{FOLD}")):
        found, name = _settings_of(page), page.parent.name
        if found != work.config_hash:
            raise _stale(work, f"{name} was trained with other settings or universe ({found}, now {work.config_hash})")


def _stale(work: Workspace, was: str) -> SignalError:
    return SignalError(f"signal {work.spec.name} must be retrained (--retrain) to be of one kind, {was}")


def _job(work: Workspace, folder: SignalFolder, fold: Fold) -> Job:
    """Return which of a fold's dates lack a file, after checking that those present are of today's data.

    Data that only grew at the end leave a fold's inputs, and so its hash, as they were.
    """
    clock = work.labels.clock
    page = read_json(work.folder / fold.name / FOLD)
    inputs: str | None = None
    if page is not None:
        inputs = page["inputs_hash"]
        if page["features_key"] != work.features_key and inputs_hash(work, fold) != inputs:
            raise _stale(work, f"model {fold.name} was trained on other data")
    files = folder.manifest()["files"]
    lacking = []
    for position in fold.scoring:
        day = str(clock.dates[position])
        meta = files[day]["meta"] if day in files else None
        if meta is None or not (folder.path / files[day]["file"]).exists():
            lacking.append(position)
        elif meta["features_key"] != work.features_key:
            inputs = inputs or inputs_hash(work, fold)
            if meta["inputs_hash"] != date_hash(work, inputs, int(clock.signal[position])):
                raise _stale(work, f"{day} was scored from other data")
    return Job(fold, tuple(lacking))


def _do(work: Workspace, job: Job, report: Callback, trainers: "dict[int, Trainer]") -> Result:
    page = read_json(work.folder / job.fold.name / FOLD)
    trained = page is None
    if page is None:
        report(Progress("fold", job.fold.name, epochs=work.spec.recipe.epochs))
        page = make_fold(work, job.fold, report, trainers)
    return Result(job, score_fold(work, job.fold, page, job.positions), trained)


def _here(work: Workspace, jobs: Sequence[Job], callback: Callback) -> Iterator[Result]:
    trainers: dict[int, Trainer] = {}
    for job in jobs:
        yield _do(work, job, callback, trainers)


def _side_by_side(
    data_dir: str | Path, work: Workspace, jobs: Sequence[Job], workers: int, callback: Callback
) -> Iterator[Result]:
    """Yield results from processes in the order in which they come; leave no process behind."""
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    tasks, news = context.Queue(), context.Queue()
    for job in jobs:
        tasks.put(job)
    arguments = (tasks, news, str(data_dir), work.spec, work.universe)
    count = min(workers, len(jobs))
    processes = [context.Process(target=_worker, args=arguments, daemon=True) for _ in range(count)]
    try:
        for process in processes:
            tasks.put(None)
            process.start()
        left = len(jobs)
        while left:
            message = _next(news, processes)
            if isinstance(message, Progress):
                callback(message)
            elif isinstance(message, Result):
                left -= 1
                yield message
            else:
                raise message
    finally:
        for process in processes:
            if process.pid is not None:
                process.terminate()
                process.join()


def _next(news: Any, processes: Sequence[Any]) -> Any:
    """Return the next message, or raise if a worker died without one."""
    while True:
        try:
            return news.get(timeout=POLL)
        except Empty:
            dead = [process.exitcode for process in processes if process.exitcode not in (None, 0)]
            if dead:
                raise SignalError(
                    f"worker must live until its folds are done, was ended with exit code {dead[0]} (out of memory, or "
                    'a script that calls run without `if __name__ == "__main__":`)'
                ) from None


def _worker(tasks: Any, news: Any, data_dir: str, spec: SignalSpec, universe: str) -> None:
    """Do jobs until there are none; the parent alone decides about Ctrl-C, and its death ends the worker."""
    system.signal(system.SIGINT, system.SIG_IGN)
    parent = multiprocessing.parent_process()

    def report(progress: Progress) -> None:
        if parent is not None and not parent.is_alive():
            raise SystemExit(0)
        news.put(progress)

    try:
        work = open_workspace(data_dir, spec, universe)
        trainers: dict[int, Trainer] = {}
        while (job := tasks.get()) is not None:
            news.put(_do(work, job, report, trainers))
    except HuiceError as problem:
        news.put(problem)
    except Exception:
        news.put(SignalError(f"worker must not fail, was:\n{traceback.format_exc()}"))
