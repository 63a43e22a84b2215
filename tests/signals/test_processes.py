import multiprocessing
import queue
from types import SimpleNamespace

import pytest

from feeds.errors import SignalError
from signals import processes
from signals.processes import Job, side_by_side
from signals.registry import SignalSpec
from signals.splits import Schedule, make_folds
from signals.workspace import open_workspace

SPEC = SignalSpec(
    "tiny",
    "small enough for tests",
    model="signals.models.lstm_thoughts",
    features="vol",
    lookback=4,
    schedule=Schedule(train_sections=3, validation_sections=2),
)


def test_an_error_in_a_worker_reaches_the_caller_and_leaves_no_process(write_market, tmp_path):
    data = write_market(tmp_path, stocks=20)
    work = open_workspace(data, SPEC, "all")
    folds = make_folds(work.labels.clock, SPEC.schedule, SPEC.lookback)
    told = []

    with pytest.raises(SignalError, match=r"training of tiny 20.* must have a date with 30 or more labels"):
        list(side_by_side(data, work, [Job(fold, fold.scoring) for fold in folds], 2, told.append))

    assert multiprocessing.active_children() == []


def test_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(processes.os, "cpu_count", lambda: 8)

    assert [processes.threads_each(count) for count in (1, 2, 3, 8, 9)] == [8, 4, 2, 1, 1]


def test_a_worker_that_died_is_noticed(monkeypatch):
    monkeypatch.setattr(processes, "POLL", 0.01)
    workers = [SimpleNamespace(exitcode=None), SimpleNamespace(exitcode=-9)]

    with pytest.raises(SignalError, match="worker must live until its folds are done, was ended with exit code -9"):
        processes._next(queue.Queue(), workers)


def test_news_of_a_worker_that_ended_well_are_still_read(monkeypatch):
    news = queue.Queue()
    news.put("last words")

    assert processes._next(news, [SimpleNamespace(exitcode=0)]) == "last words"
