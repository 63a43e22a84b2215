"""The command train --status: what is there and what is missing, without training."""

import pytest
from click.testing import CliRunner, Result

import cli
from signals import registry
from signals.registry import Recipe, SignalSpec
from signals.splits import Schedule

SPEC = SignalSpec(
    "short_history",
    "trained on months rather than years",
    model="signals.models.lstm_thoughts",
    features="ma_5,vol,bias1",
    lookback=4,
    recipe=Recipe(epochs=2, seeds=(0, 1)),
    schedule=Schedule(train_sections=3, validation_sections=2),
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(registry._SPECS, SPEC.name, SPEC)


@pytest.fixture(scope="module", name="market")
def market_fixture(tmp_path_factory):
    data = tmp_path_factory.mktemp("train_status") / "data"
    made = run("data", "demo", "--data", data, "--stocks", "12", "--start", "2019-01-02", "--end", "2020-06-30")
    assert made.exit_code == 0, made.output
    return data


def test_the_folds_are_shown_and_nothing_is_trained(market):
    shown = run("train", "--status", "--signal", "short_history", "--data", market, "--start", "2020-01-01")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[-1] == "0 of 3 folds finished, 0 of 6 dates scored"
    assert shown.stdout.count("missing") == 6  # two seeds of each
    assert not (market / "models").exists()


@pytest.mark.parametrize(("arguments", "words"), [
    (["--retrain"], "--status must be given without --retrain, was given with it"),
    (["--universe", "000301.SH"], "universe must be one of"),
    (["--set", "seed=1"], "seed"),
])  # fmt: skip
def test_what_has_no_status_is_refused_in_one_line(arguments, words, market):
    refused = run("train", "--status", "--signal", "short_history", "--data", market, *arguments)
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_folder_without_data_is_refused_and_not_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = run("train", "--status", "--signal", "short_history")
    assert refused.exit_code == 2
    assert list(tmp_path.iterdir()) == []
