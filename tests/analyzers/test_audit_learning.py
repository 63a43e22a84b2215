"""Features, samples and scores that know later days are caught; those of the framework pass."""

import re
from dataclasses import replace

import numpy as np
import pytest

from analyzers.audit import learning
from analyzers.audit.learning import Market, audit_learning
from feeds.panel import MarketPanel
from feeds.store import Store
from signals import labels, walkforward, workspace
from signals.features.inputs import FEATURES
from signals.features.panel import FeaturePanel
from signals.registry import Recipe, SignalSpec
from signals.splits import Schedule
from signals.workspace import models_folder

SPEC = SignalSpec(
    "tiny",
    "small enough for tests",
    model="signals.models.lstm_thoughts",
    features="ma_5,vol,bias1,pb",
    lookback=4,
    recipe=Recipe(epochs=1, learning_rate=1e-2),
    schedule=Schedule(train_sections=3, validation_sections=2),
    options={"size": "tiny"},
)


@pytest.fixture
def market(simulated_data, simulated_panel, tmp_path) -> Market:
    """The simulated market with its features kept apart, for a planted feature must not stay in the data folder."""
    calendar = Store(simulated_data).open_days()
    return Market(simulated_panel, "all", calendar, tmp_path / "features", models_folder(simulated_data, SPEC))


def test_the_framework_s_own_features_and_samples_pass(market):
    rows, leak = audit_learning(market, SPEC, 20, 0)
    assert leak is None
    assert [(row.name, row.trials, row.differences) for row in rows] == [("features", 3, 0), ("training samples", 3, 0)]
    assert all(row.compared > 1000 for row in rows)


def test_every_feature_of_the_framework_passes(market):
    rows, leak = audit_learning(market, replace(SPEC, features="all"), 1, 5)
    assert leak is None and rows[0].trials == 1


def full_span_scaler(block):
    """Closes standardised by the mean and deviation of all days, later ones too."""
    close = block.field("close")
    return (close - np.nanmean(close, axis=1, keepdims=True)) / np.nanstd(close, axis=1, keepdims=True)


def pooled_scaler(block):
    """The same with one mean and deviation for all stocks of a block and all days."""
    change = block.field("close") / block.field("pre_close") - 1
    return (change - np.nanmean(change)) / np.nanstd(change) ** np.arange(1, len(change) + 1)[:, None]


def tomorrows_close(block):
    close = block.field("close")
    return np.concatenate([close[:, 1:] / close[:, :-1], np.full((len(close), 1), np.nan)], axis=1)


@pytest.mark.parametrize("cheat", [full_span_scaler, pooled_scaler, tomorrows_close])
def test_a_feature_that_knows_later_days_is_caught_and_named(cheat, market, monkeypatch):
    """A signal of the user's own, with a feature of its own, registered nowhere."""
    monkeypatch.setitem(FEATURES, "mine", cheat)
    rows, leak = audit_learning(market, replace(SPEC, name="mine", features="ma_5,mine"), 2, 0)
    assert [row.differences for row in rows] == [2, 0]
    assert (leak.row, leak.difference.what) == ("features", "feature mine")
    assert leak.difference.date <= leak.cut and leak.difference.code in market.panel.codes
    following = market.panel.dates[market.panel.date_index(leak.cut) + 1]
    assert leak.moved_by in (f"close of days after {leak.cut}", f"close of the day {following}")
    assert ("days after" in leak.moved_by) == (cheat is not tomorrows_close)


def test_a_label_that_ends_after_its_model_was_frozen_is_caught(market, monkeypatch):
    honest = labels._exit_price

    def late(panel: MarketPanel, entry: np.ndarray, exit_: np.ndarray, price: str) -> np.ndarray:
        return honest(panel, entry, np.minimum(exit_ + 45, len(panel.dates) - 1), price)

    monkeypatch.setattr(labels, "_exit_price", late)
    rows, leak = audit_learning(market, SPEC, 3, 0)
    assert rows[0].differences == 0 and rows[1].differences == 3
    assert (leak.row, leak.difference.what) == ("training samples", "label")
    assert leak.difference.date < leak.cut
    assert re.fullmatch(rf"(volume|amount|close) of days after {leak.cut}", leak.moved_by)


def test_a_universe_that_knows_tomorrow_is_caught(market, monkeypatch):
    honest = workspace.eligible
    monkeypatch.setattr(workspace, "eligible", lambda panel, name: np.roll(honest(panel, name), -1, axis=0))
    _, leak = audit_learning(market, SPEC, 1, 0)
    assert leak.difference.what == "universe" and {leak.difference.was, leak.difference.became} == {
        "eligible", "not eligible",
    }  # fmt: skip
    assert re.match("(suspensions|ST|listing) of the day ", leak.moved_by)


def test_features_chosen_by_what_comes_later_are_caught(market, monkeypatch):
    honest = FeaturePanel.keep

    def keep(self, span, minimum=0.5):
        columns, _ = honest(self, span, minimum)
        best = columns[np.argsort(-np.abs(self.values[0, -1, columns]), kind="stable")[:2]]
        return best, tuple(self.names[column] for column in best)

    monkeypatch.setattr(FeaturePanel, "keep", keep)
    rows, leak = audit_learning(market, SPEC, 3, 0)
    assert rows[0].differences == 0 and rows[1].differences > 0
    assert leak.difference.what.startswith("samples of 20")
    assert leak.difference.was == leak.difference.became  # as many features, but others


def test_scores_of_saved_models_are_made_again_and_compared(market, simulated_data, monkeypatch):
    walkforward.run(simulated_data, SPEC, start="2020-09-30", end="2020-11-30")
    rows, leak = audit_learning(market, SPEC, 3, 0)
    assert leak is None
    (scores,) = [row for row in rows if row.name == "scores"]
    assert scores.trials >= 1 and scores.compared > 30 and scores.differences == 0
    assert [row.name for row in audit_learning(market, replace(SPEC, minimum_coverage=0.4), 3, 0)[0]] == [
        "features", "training samples",
    ]  # fmt: skip  # a model of other settings is not this signal's

    honest = learning.score_fold

    def scaled_by_the_whole_span(work, fold, page, positions):
        spread = float(np.abs(work.features.values[:, -30:]).mean())
        return [replace(signal, scores=signal.scores * spread) for signal in honest(work, fold, page, positions)]

    monkeypatch.setattr(learning, "score_fold", scaled_by_the_whole_span)
    rows, leak = audit_learning(market, SPEC, 3, 0)
    assert [row.differences > 0 for row in rows] == [False, False, True]
    assert (leak.row, leak.difference.what) == ("scores", "score")


def test_a_signal_without_any_fold_has_its_features_looked_at(market):
    rows, leak = audit_learning(market, replace(SPEC, schedule=Schedule(60, 6)), 2, 0)
    assert leak is None and [(row.name, row.trials) for row in rows] == [("features", 2)]


def test_the_features_of_other_markets_do_not_stay(market, tmp_path):
    audit_learning(market, SPEC, 1, 0)
    assert len(list((tmp_path / "features").glob("features-*/values.npy"))) == 1


def test_the_same_seed_finds_the_same(market, monkeypatch):
    monkeypatch.setitem(FEATURES, "mine", tomorrows_close)
    spec = replace(SPEC, features="mine")
    assert audit_learning(market, spec, 2, 1) == audit_learning(market, spec, 2, 1)
