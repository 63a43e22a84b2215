"""Configurations of a folder of runs are counted once each, and only those of the same data and days."""

from types import SimpleNamespace

import pytest

from analyzers.trials import data_and_days, trials
from strategies.execution.config import make, to_yaml

FACTS = {
    "data_source": "simulated", "data_start": "2019-01-02", "data_end": "2020-12-31", "data_fingerprint": "f1",
    "start": "2019-08-01", "end": "2020-12-31",
}  # fmt: skip


def run(facts=FACTS, sessions=346, **options):
    return SimpleNamespace(config=make(options), facts=facts, nav=range(sessions))


def write(runs, name, other):
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(other.config), encoding="utf-8")
    lines = ["simulated market", *data_and_days(other), "orders buy filled: 3"]
    (folder / "run.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_lines_name_the_data_and_the_days():
    assert data_and_days(run()) == (
        "data simulated, 2019-01-02 to 2020-12-31, f1",
        "run 2019-08-01 to 2020-12-31, 346 sessions",
    )


def test_a_run_alone_is_the_first_whether_or_not_it_is_there_already(tmp_path):
    assert trials(tmp_path / "runs", run(signal="a")) == 1
    write(tmp_path / "runs", "one", run(signal="a"))
    assert trials(tmp_path / "runs", run(signal="a")) == 1


def test_other_configurations_on_the_same_data_and_days_count_once(tmp_path):
    for name, options in {
        "signal": {"signal": "b"},
        "parameters": {"signal": "a", "parameters": {"top_k": 20}},
        "again": {"signal": "b"},
        "hedge": {"signal": "a", "hedge": "IF"},
    }.items():
        write(tmp_path, name, run(**options))
    assert trials(tmp_path, run(signal="a")) == 4
    write(tmp_path, "own", run(signal="a"))
    assert trials(tmp_path, run(signal="a")) == 4
    assert trials(tmp_path, run(signal="b")) == 4


def test_the_same_choice_asked_for_with_and_without_its_days_is_one(tmp_path):
    write(tmp_path, "dated", run(signal="a", start="2019-08-01"))
    assert trials(tmp_path, run(signal="a")) == 1


@pytest.mark.parametrize(
    "other",
    [
        run({**FACTS, "data_fingerprint": "f2"}, signal="b"),
        run({**FACTS, "end": "2020-06-30"}, signal="b"),
        run(FACTS, 345, signal="b"),
    ],
)
def test_runs_of_other_data_or_days_do_not_count(other, tmp_path):
    write(tmp_path, "other", other)
    assert trials(tmp_path, run(signal="a")) == 1


def test_what_is_no_run_does_not_count(tmp_path):
    write(tmp_path, ".tmp-half", run(signal="b"))
    (write(tmp_path, "no-log", run(signal="c")) / "run.log").unlink()
    (write(tmp_path, "no-config", run(signal="d")) / "config.yaml").unlink()
    (write(tmp_path, "bytes", run(signal="e")) / "run.log").write_bytes(b"\xff\xfe")
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").write_text("x")
    assert trials(tmp_path, run(signal="a")) == 1
