"""Folds made in this process or in several side by side, with progress told in this one."""

import multiprocessing
import os
import signal as system
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

from feeds.errors import HuiceError, SignalError
from signals.folds import make_fold, score_fold
from signals.registry import SignalSpec
from signals.splits import Fold
from signals.table import Signal
from signals.workspace import FOLD, Callback, Progress, Workspace, open_workspace, read_json

POLL = 0.5  # seconds between looks at whether a worker has died


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


def threads_each(processes: int) -> int:
    """Return how many threads each of some processes may use, so that together they use every core once."""
    return max(1, (os.cpu_count() or 1) // processes)


def _do(work: Workspace, job: Job, report: Callback, threads: int) -> Result:
    """Return a fold's scores, from the model that is there or else from one made now."""
    page = read_json(work.folder / job.fold.name / FOLD)
    trained = page is None
    if page is None:
        page = make_fold(work, job.fold, report, threads)
    return Result(job, score_fold(work, job.fold, page, job.positions, threads), trained)


def in_this_process(work: Workspace, jobs: Sequence[Job], callback: Callback) -> Generator[Result]:
    """Yield the results of jobs one after the other."""
    for job in jobs:
        yield _do(work, job, callback, threads_each(1))


def side_by_side(
    data_dir: str | Path, work: Workspace, jobs: Sequence[Job], workers: int, callback: Callback
) -> Generator[Result]:
    """Yield results from processes in the order in which they come; leave no process behind."""
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    tasks, news = context.Queue(), context.Queue()
    for job in jobs:
        tasks.put(job)
    count = min(workers, len(jobs))
    arguments = (tasks, news, str(data_dir), work.spec, work.universe, threads_each(count))
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


def _worker(tasks: Any, news: Any, data_dir: str, spec: SignalSpec, universe: str, threads: int) -> None:
    """Do jobs until there are none; the parent alone decides about Ctrl-C, and its death ends the worker."""
    system.signal(system.SIGINT, system.SIG_IGN)
    parent = multiprocessing.parent_process()

    def report(progress: Progress) -> None:
        if parent is not None and not parent.is_alive():
            raise SystemExit(0)
        news.put(progress)

    try:
        work = open_workspace(data_dir, spec, universe)
        while (job := tasks.get()) is not None:
            news.put(_do(work, job, report, threads))
    except HuiceError as problem:
        news.put(problem)
    except Exception:
        news.put(SignalError(f"worker must not fail, was:\n{traceback.format_exc()}"))
