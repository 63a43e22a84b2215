import json
import os
import signal as system
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feeds.building import open_panel
from feeds.errors import ConfigError, SignalError
from signals import training, walkforward, workspace
from signals.freshness import refuse_scores_of_other_data
from signals.models.saving import load_model
from signals.registry import Recipe, SignalSpec
from signals.splits import Schedule
from signals.table import SignalFolder, signal_folder
from signals.workspace import Progress

ROOT = Path(__file__).parents[2]
TINY = SignalSpec(
    "tiny",
    "small enough for tests",
    model="signals.models.lstm_thoughts",
    features="ma_5,vol,bias1",
    lookback=4,
    recipe=Recipe(epochs=2, learning_rate=1e-2),
    schedule=Schedule(train_sections=3, validation_sections=2),
    options={"size": "tiny"},
)
# Weekdays from January 2020 to February 2021. Three sections, one purged and two more, ending two months before the
# freezing, make September 2020 the first that can be scored; 26 February 2021 is the last.
DATES = ["2020-09-30", "2020-10-30", "2020-11-30", "2020-12-31", "2021-01-29", "2021-02-26"]


def files(data: Path) -> dict[str, bytes]:
    """Content of all models and signals under a data folder, by relative path."""
    found = [path for name in ("models", "signals") for path in (data / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(data)): path.read_bytes() for path in sorted(found) if path.name[0] != "."}


def scores(data: Path) -> dict[str, list[float]]:
    folder = signal_folder(data, "tiny")
    return {str(date): folder.read(date).scores.tolist() for date in folder.dates()}


@pytest.fixture(scope="module")
def trained(write_market, tmp_path_factory) -> tuple[Path, walkforward.Summary, list[Progress]]:
    data = write_market(tmp_path_factory.mktemp("trained"))
    told: list[Progress] = []
    return data, walkforward.run(data, TINY, callback=told.append), told


def test_every_month_that_can_be_scored_has_a_file(trained):
    data, summary, _ = trained

    assert summary.folds == ("2020Q4", "2021Q1")
    assert summary.trained == summary.folds
    assert summary.written == tuple(DATES)
    assert summary.skipped == ()
    assert SignalFolder(summary.folder).dates().astype(str).tolist() == DATES
    assert summary.folder == data / "signals" / "tiny"


def test_progress_tells_of_every_epoch_and_file_in_order(trained):
    _, _, told = trained

    assert [(event.stage, event.fold, event.epoch) for event in told if event.stage != "preparing"] == [
        ("planned", "", 0),
        ("fold", "2020Q4", 0),
        ("epoch", "2020Q4", 1),
        ("epoch", "2020Q4", 2),
        ("written", "2020Q4", 0),
        ("fold", "2021Q1", 0),
        ("epoch", "2021Q1", 1),
        ("epoch", "2021Q1", 2),
        ("written", "2021Q1", 0),
    ]
    assert [event.epochs for event in told if event.stage == "planned"] == [4]
    epochs = [event for event in told if event.stage == "epoch"]
    assert all(event.epochs == 2 and np.isfinite([event.train_ic, event.validation_rank_ic]).all() for event in epochs)
    assert [event.dates for event in told if event.stage == "written"] == [tuple(DATES[:3]), tuple(DATES[3:])]


def test_the_meta_says_what_the_scores_could_know(trained):
    data, _, _ = trained

    meta = signal_folder(data, "tiny").meta("2020-11-30")

    # Frozen on 30 September: the label of July ends on 1 September, that of August only on 1 October.
    assert (meta["validation_start"], meta["validation_end"]) == ("2020-06-30", "2020-07-31")
    assert (meta["train_start"], meta["train_end"]) == ("2020-02-28", "2020-04-30")
    assert meta["label_end"] == "2020-09-01"
    assert meta["available_at"] == "2020-11-30T19:00:00+08:00"
    assert (meta["model"], meta["fold"], meta["seeds"], meta["universe"]) == ("tiny", "2020Q4", [0], "all")
    assert meta["data_fingerprint"] == open_panel(data).fingerprint
    assert set(meta["libraries"]) == {"python", "keras", "numpy", "tensorflow"}


def test_a_fold_keeps_every_epoch_with_its_metrics_and_hash(trained):
    data, _, _ = trained

    page = json.loads((data / "models/tiny/2020Q4/fold.json").read_text())

    assert page["purged"] == ["2020-05-29"]
    assert page["features"] == ["ma_5", "vol", "bias1"]
    assert page["samples"] == {"train": 120, "validation": 80}
    assert page["device"] in ("CPU", "GPU")
    seed = page["seeds"]["0"]
    assert sorted(seed["files"]) == ["epoch_01.keras", "epoch_02.keras"]
    assert [epoch["epoch"] for epoch in seed["epochs"]] == [1, 2]
    best = max(seed["epochs"], key=lambda epoch: epoch["validation_rank_ic"])
    assert seed["best_epoch"] == best["epoch"]


def test_scores_are_z_scores_of_the_best_epoch_for_all_eligible_stocks(trained):
    data, _, _ = trained
    signal = signal_folder(data, "tiny").read("2020-10-30")
    page = json.loads((data / "models/tiny/2020Q4/fold.json").read_text())
    work = workspace.open_workspace(data, TINY, "all")
    best = data / f"models/tiny/2020Q4/seed0/epoch_0{page['seeds']['0']['best_epoch']}.keras"
    day = work.panel.date_index("2020-10-30")

    outputs = training.predictor(load_model(best))(np.array(work.features.values[:, day - 3 : day + 1]))

    assert signal.codes.tolist() == work.panel.codes.tolist()
    assert signal.scores == pytest.approx((outputs - outputs.mean()) / outputs.std(), abs=1e-5)


def test_a_second_run_does_nothing(trained):
    data, _, _ = trained
    before = {path: path.stat().st_mtime_ns for path in sorted(data.rglob("*")) if path.is_file()}
    told: list[Progress] = []

    summary = walkforward.run(data, TINY, callback=told.append)

    assert (summary.written, summary.trained) == ((), ())
    assert summary.skipped == tuple(DATES)
    assert [(event.stage, event.epochs) for event in told] == [("planned", 0)]
    after = {path: path.stat().st_mtime_ns for path in sorted(data.rglob("*")) if path.is_file()}
    assert {path for path in after if after[path] != before.get(path)} <= {
        path for path in after if "lock" in path.name
    }


def test_a_run_killed_in_the_middle_goes_on_to_the_same_bytes(trained, write_market, tmp_path):
    reference, _, _ = trained
    data = write_market(tmp_path)
    script = f"""
        import sys
        sys.path[:0] = [{str(ROOT)!r}]
        from signals import walkforward
        from signals.registry import *
        from signals.splits import Schedule

        def told(event):
            print(event.stage, event.fold, event.epoch, flush=True)

        walkforward.run({str(data)!r}, {TINY!r}, callback=told)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == ["epoch", "2021Q1", "1"]:
            os.kill(process.pid, system.SIGKILL)
            break
    assert process.wait() == -system.SIGKILL
    left = files(data)
    assert "models/tiny/2021Q1/seed0/epoch_01.keras" in left
    assert "models/tiny/2021Q1/fold.json" not in left
    assert "signals/tiny/2020-11-30.parquet" in left

    summary = walkforward.run(data, TINY)

    assert summary.trained == ("2021Q1",)
    assert summary.written == tuple(DATES[3:])
    assert files(data) == files(reference)


def test_two_workers_write_the_same_bytes_as_one(trained, write_market, tmp_path):
    reference, _, _ = trained
    data = write_market(tmp_path)
    told: list[Progress] = []

    summary = walkforward.run(data, TINY, workers=2, callback=told.append)

    assert summary.written == tuple(DATES)
    assert files(data) == files(reference)
    assert len([event for event in told if event.stage == "epoch"]) == 4


def test_nothing_after_a_date_changes_its_scores(trained, write_market, tmp_path):
    reference, _, _ = trained
    data = write_market(tmp_path, altered_after="2020-10-30")

    walkforward.run(data, TINY)

    before, after = scores(reference), scores(data)
    assert {date for date in DATES if before[date] == after[date]} == {"2020-09-30", "2020-10-30"}


def test_data_that_grew_add_months_and_leave_the_old_files_alone(trained, write_market, tmp_path):
    reference, _, _ = trained
    data = write_market(tmp_path, months=11)
    first = walkforward.run(data, TINY)
    old = files(data)
    assert first.written == tuple(DATES[:3])

    write_market(data, months=14)
    second = walkforward.run(data, TINY)

    assert second.written == tuple(DATES[3:])
    assert second.trained == ("2021Q1",)
    new = files(data)
    assert {name for name in old if new[name] != old[name]} == {"signals/tiny/manifest.json"}
    assert scores(data) == scores(reference)


def test_data_that_changed_under_a_signal_ask_for_retraining(write_market, tmp_path):
    data = write_market(tmp_path)
    walkforward.run(data, TINY, end="2020-11-30")
    write_market(data, altered_after="2020-03-31")

    with pytest.raises(
        SignalError, match=r"signal tiny must be retrained \(--retrain\).* 2020Q4 was trained on other market"
    ):
        walkforward.run(data, TINY, end="2020-11-30")

    summary = walkforward.run(data, TINY, end="2020-11-30", retrain=True)
    assert summary.written == tuple(DATES[:3])


def test_data_that_changed_in_a_scored_window_ask_for_retraining(write_market, tmp_path):
    data = write_market(tmp_path)
    walkforward.run(data, TINY, end="2020-11-30")
    write_market(data, altered_after="2020-10-30")  # after the freezing, before the last score

    with pytest.raises(SignalError, match="2020-11-30 was scored from other market data or feature formulas"):
        walkforward.run(data, TINY, end="2020-11-30")


def test_scores_are_not_traded_on_a_market_they_were_not_made_from(write_market, tmp_path):
    data = write_market(tmp_path)
    walkforward.run(data, TINY, end="2020-11-30")
    folder = signal_folder(data, "tiny")
    refuse_scores_of_other_data(data, None, folder)  # the same data

    write_market(data, altered_after="2020-12-31")  # after the last score: what it was made from is there still
    refuse_scores_of_other_data(data, TINY, folder)
    with pytest.raises(SignalError, match="signal tiny must be made from the market data in"):
        refuse_scores_of_other_data(data, None, folder)
    with pytest.raises(SignalError, match="signal tiny must be made from the market data in"):
        refuse_scores_of_other_data(data, replace(TINY, recipe=Recipe(epochs=1)), folder)

    write_market(data, altered_after="2020-10-30")
    with pytest.raises(SignalError, match="2020-11-30 was scored from other market data"):
        refuse_scores_of_other_data(data, TINY, folder)


def test_imported_scores_may_be_traded_on_any_market(write_market, tmp_path):
    data = write_market(tmp_path)
    folder = signal_folder(data, "mine")
    folder.write("2020-11-30", np.array(["600000.SH"]), np.array([1.0]), {"model": "imported"})
    write_market(data, altered_after="2020-10-30")
    refuse_scores_of_other_data(data, None, folder)


def test_other_settings_are_never_mixed_into_a_signal(write_market, tmp_path):
    data = write_market(tmp_path)
    walkforward.run(data, TINY, end="2020-11-30")
    other = replace(TINY, recipe=Recipe(epochs=1, learning_rate=1e-2))

    with pytest.raises(SignalError, match=r"retrained \(--retrain\).* 2020Q4 was trained with epochs 2 \(now 1\)$"):
        walkforward.run(data, other, start="2020-12-31")

    summary = walkforward.run(data, other, start="2020-12-31", retrain=True)
    assert summary.written == tuple(DATES[3:])
    assert signal_folder(data, "tiny").dates().astype(str).tolist() == DATES[3:]
    assert sorted(path.name for path in (data / "models/tiny").iterdir() if path.is_dir()) == ["2021Q1"]


def test_only_the_dates_asked_for_are_written(write_market, tmp_path):
    data = write_market(tmp_path)

    summary = walkforward.run(data, TINY, start="2020-10-01", end="2020-10-31")

    assert summary.written == ("2020-10-30",)
    assert summary.folds == ("2020Q4",)


def test_the_score_is_the_mean_of_the_seeds_z_scores(trained, write_market, tmp_path):
    reference, _, _ = trained
    data = write_market(tmp_path)
    both = replace(TINY, recipe=replace(TINY.recipe, seeds=(0, 1)))
    other = replace(TINY, name="other", recipe=replace(TINY.recipe, seeds=(1,)))
    for spec in (both, other):
        walkforward.run(data, spec, end="2020-09-30")

    one, two, mean = (
        signal_folder(folder, name).read("2020-09-30").scores
        for folder, name in ((reference, "tiny"), (data, "other"), (data, "tiny"))
    )
    assert mean == pytest.approx((one + two) / 2)


def test_an_altered_model_is_not_used(write_market, tmp_path):
    data = write_market(tmp_path)
    walkforward.run(data, TINY, end="2020-09-30")
    for path in (data / "models/tiny/2020Q4/seed0").glob("*.keras"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(SignalError, match=r"epoch_0\d\.keras must have SHA-256"):
        walkforward.run(data, TINY, end="2020-10-30")


def test_two_runs_of_one_signal_at_once_are_refused(write_market, tmp_path):
    data = write_market(tmp_path)

    def second_run(_: Progress) -> None:
        walkforward.run(data, TINY)

    with pytest.raises(SignalError, match="must be trained by one process at a time, was locked by another"):
        walkforward.run(data, TINY, callback=second_run)


def test_data_too_short_say_what_is_needed(write_market, tmp_path):
    data = write_market(tmp_path, months=5)

    with pytest.raises(SignalError, match=r"must hold 3 \+ 2 month-ends .* 4 days before the first"):
        walkforward.run(data, TINY)


def test_the_plan_names_the_first_date_that_can_be_scored(trained):
    data, _, _ = trained
    panel = open_panel(data)

    assert [fold.name for fold in walkforward.plan(panel, TINY)] == ["2020Q4", "2021Q1"]
    assert [fold.name for fold in walkforward.plan(panel, TINY, start="2021-01-01")] == ["2021Q1"]
    with pytest.raises(SignalError, match="first signal date must be 2020-09-30 or later"):
        walkforward.plan(panel, TINY, start="2020-08-31")


def test_a_backtest_needs_the_month_end_before_it_and_those_before_its_end():
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-07-01"))
    days = days[np.is_busday(days)]

    wanted = walkforward.signal_dates(days, "2020-03-02", "2020-05-29")

    assert wanted.astype(str).tolist() == ["2020-02-28", "2020-03-31", "2020-04-30"]
    assert walkforward.signal_dates(days, "2020-02-28", "2020-03-31").astype(str).tolist() == [
        "2020-01-31",
        "2020-02-28",
    ]


def test_missing_dates_are_those_without_a_file(trained):
    data, _, _ = trained
    wanted = np.array(["2020-08-31", "2020-09-30", "2020-10-30"], dtype="datetime64[D]")

    assert walkforward.missing_dates(signal_folder(data, "tiny"), wanted) == ["2020-08-31"]


def test_workers_are_at_least_one(tmp_path):
    with pytest.raises(ConfigError, match="workers must be 1 or more, was 0"):
        walkforward.run(tmp_path, TINY, workers=0)
