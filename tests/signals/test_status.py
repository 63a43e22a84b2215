"""How far a walk-forward is, read from what a killed, a finished and a changed one leave behind."""

import json
import shutil

import numpy as np
import pytest

from feeds.errors import DataError
from signals import walkforward
from signals.registry import Recipe, SignalSpec, with_settings
from signals.splits import Schedule
from signals.status import SeedStatus, status

# As in test_walkforward: frozen on 30 September and 31 December 2020, three months scored by each.
SPEC = SignalSpec(
    "tiny_status",
    "small enough for tests",
    model="signals.models.lstm_thoughts",
    features="ma_5,vol,bias1",
    lookback=4,
    recipe=Recipe(epochs=2, learning_rate=1e-2, seeds=(0, 3)),
    schedule=Schedule(train_sections=3, validation_sections=2),
    options={"size": "tiny"},
)


@pytest.fixture(scope="module", name="trained")
def trained_fixture(write_market, tmp_path_factory):
    data = write_market(tmp_path_factory.mktemp("status"))
    walkforward.run(data, SPEC, start="2020-09-30", end="2020-10-30")
    return data


def test_before_any_training_everything_is_missing(write_market, tmp_path):
    data = write_market(tmp_path)
    before = {path for path in data.rglob("*") if "panel" not in str(path)}
    found = status(data, SPEC)
    assert [(fold.name, str(fold.frozen), fold.dates, fold.written) for fold in found.folds] == [
        ("2020Q4", "2020-09-30", 3, 0),
        ("2021Q1", "2020-12-31", 3, 0),
    ]
    first = found.folds[0]
    assert [str(day) for day in (*first.train, *first.validation)] == [
        "2020-02-28", "2020-04-30", "2020-06-30", "2020-07-31",
    ]  # fmt: skip
    assert first.seeds == (SeedStatus("seed0", "missing"), SeedStatus("seed3", "missing"))
    assert found.stale == ()
    assert {path for path in data.rglob("*") if "panel" not in str(path)} == before  # nothing was written


def test_what_is_finished_has_its_best_epoch_and_what_is_scored_is_counted(trained):
    first, second = status(trained, SPEC).folds
    assert (first.finished, first.written, first.dates) == (True, 2, 3)
    assert (second.finished, second.written) == (False, 0)
    for seed, found in zip((0, 3), first.seeds, strict=True):
        page = json.loads((trained / f"models/tiny_status/2020Q4/seed{seed}/seed.json").read_text())
        best = max(page["epochs"], key=lambda epoch: epoch["validation_rank_ic"])
        assert found == SeedStatus(f"seed{seed}", "finished", best["epoch"], best["validation_rank_ic"])


def test_only_the_dates_asked_for_are_counted(trained):
    (only,) = status(trained, SPEC, start="2020-10-30", end="2020-12-30").folds
    assert (only.name, only.dates, only.written) == ("2020Q4", 2, 1)


def test_a_killed_seed_is_begun_and_a_signal_file_that_is_gone_is_not_written(trained, tmp_path):
    data = shutil.copytree(trained, tmp_path / "data")
    fold = data / "models/tiny_status/2020Q4"
    (fold / "fold.json").unlink()
    (fold / "seed3/seed.json").unlink()
    shutil.copytree(fold / "seed0", fold / "wide-seed0")
    (fold / "seed.lock").touch()
    (data / "signals/tiny_status/2020-10-30.parquet").unlink()
    found = status(data, SPEC).folds[0]
    assert [(seed.name, seed.state) for seed in found.seeds] == [
        ("seed0", "finished"), ("seed3", "begun"), ("wide-seed0", "finished"),
    ]  # fmt: skip
    assert (found.finished, found.written) == (False, 1)


def test_other_settings_are_named(trained):
    (words,) = status(trained, with_settings(SPEC, {"epochs": "3"})).stale
    assert "2020Q4 was trained with epochs 2 (now 3)" in words


def test_data_that_changed_are_told_of(write_market, trained, tmp_path):
    data = write_market(tmp_path, altered_after="2020-06-30")
    shutil.copytree(trained / "models", data / "models")
    assert status(data, SPEC).stale == (
        "market data changed since 2020Q4: training compares them and goes on if they only grew",
    )


def test_an_unknown_universe_is_refused(trained):
    with pytest.raises(DataError, match="universe must be one of"):
        status(trained, SPEC, "000301.SH")


def test_the_dates_are_days(trained):
    assert status(trained, SPEC).folds[0].frozen.dtype == np.dtype("datetime64[D]")
