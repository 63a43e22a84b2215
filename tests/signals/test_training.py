import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
from scipy import stats

from feeds.errors import SignalError
from signals import training
from signals.models.recurrent import LSTM
from signals.models.saving import load_model
from signals.registry import Recipe, SignalSpec, with_settings
from signals.training import Epoch, Trainer
from signals.windows import Batch, Windows

STOCKS, DAYS, FEATURES, LOOKBACK = 60, 26, 3, 4
TINY = SignalSpec(
    "tiny",
    "small enough for tests",
    model="signals.models.lstm_thoughts",
    lookback=LOOKBACK,
    recipe=Recipe(epochs=2, learning_rate=1e-2),
    options={"size": "tiny"},
)
TWO_PROBABILITIES = "two_probabilities"  # a model module of this name is made below


@pytest.fixture(scope="module", autouse=True)
def two_probabilities() -> Iterator[None]:
    """A module whose network says how probable down and up are."""
    module = ModuleType(TWO_PROBABILITIES)

    def build(lookback: int, features: int) -> keras.Model:
        windows = keras.Input((lookback, features))
        return keras.Model(windows, keras.layers.Dense(2, activation="softmax")(LSTM(8)(windows)))

    module.__dict__["build"] = build
    sys.modules[TWO_PROBABILITIES] = module
    yield
    del sys.modules[TWO_PROBABILITIES]


def world(shuffled: bool = False) -> tuple[Windows, list[Batch], list[Batch]]:
    """Labels that are the last day's first feature plus noise, or that noise alone in another order."""
    random = np.random.default_rng(11)
    values = random.normal(size=(STOCKS, DAYS, FEATURES)).astype("float32")
    dates = []
    for day in range(LOOKBACK, DAYS):
        labels = values[:, day, 0] + 0.5 * random.normal(size=STOCKS).astype("float32")
        labels = random.permutation(labels) if shuffled else labels
        ones = np.ones(STOCKS, "float32")
        dates.append(Batch(np.arange(STOCKS), np.full(STOCKS, day), labels.astype("float32"), ones))
    return Windows(values, LOOKBACK), dates[:16], dates[16:]


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    training.prepare()
    return Trainer(TINY, FEATURES)


def fit(trainer: Trainer, folder: Path, seed: int = 0, **world_options: bool) -> list[Epoch]:
    return training.fit(trainer, trainer.spec.recipe, *world(**world_options), seed, folder)


def test_a_planted_signal_is_found(tmp_path):
    spec = with_settings(TINY, {"epochs": "8"})

    reached = fit(Trainer(spec, FEATURES), tmp_path)

    assert reached[training.best_epoch(reached) - 1].validation_rank_ic > 0.6
    assert reached[-1].train_ic > reached[0].train_ic


def test_nothing_is_found_in_shuffled_labels(trainer, tmp_path):
    reached = fit(trainer, tmp_path, shuffled=True)

    assert max(abs(epoch.validation_rank_ic) for epoch in reached) < 3 / (STOCKS * 6) ** 0.5


def test_an_epoch_is_reported_and_saved_as_soon_as_it_ends(trainer, tmp_path):
    told = []

    training.fit(
        trainer,
        TINY.recipe,
        *world(),
        0,
        tmp_path,
        lambda epoch: told.append((epoch, (tmp_path / f"epoch_0{epoch.epoch}.keras").exists())),
    )

    assert [(epoch.epoch, saved) for epoch, saved in told] == [(1, True), (2, True)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_01.keras", "epoch_02.keras"]


def test_validation_is_the_mean_over_dates_of_both_correlations(trainer, tmp_path):
    windows, train, validation = world()
    validation[0].mask[:10] = 0
    reached = training.fit(trainer, trainer.spec.recipe, windows, train, validation, 0, tmp_path)

    predict = training.predictor(load_model(tmp_path / "epoch_02.keras"))
    pairs = [
        (predict(windows.gather(date.stocks, date.days))[date.mask > 0], date.labels[date.mask > 0])
        for date in validation
    ]

    assert reached[1].validation_ic == pytest.approx(np.mean([stats.pearsonr(*pair).statistic for pair in pairs]))
    assert reached[1].validation_rank_ic == pytest.approx(np.mean([stats.spearmanr(*pair).statistic for pair in pairs]))


def test_a_saved_model_scores_bit_for_bit_like_the_trained_one(trainer, tmp_path):
    windows, _, validation = world()
    fit(trainer, tmp_path)
    inputs = windows.gather(validation[0].stocks, validation[0].days)

    model = load_model(tmp_path / "epoch_02.keras")

    assert np.array_equal(training.predictor(model)(inputs), trainer.predict(inputs))


def test_the_same_seed_gives_the_same_bytes_even_after_another_seed(trainer, tmp_path):
    fit(trainer, tmp_path / "a", seed=0)
    fit(trainer, tmp_path / "b", seed=1)
    fit(trainer, tmp_path / "c", seed=0)

    content = {name: (tmp_path / name / "epoch_02.keras").read_bytes() for name in "abc"}
    assert content["a"] == content["c"]
    assert content["a"] != content["b"]


def test_the_step_is_compiled_once_for_dates_of_every_size(trainer, tmp_path):
    windows, train, validation = world()
    smaller = [Batch(b.stocks[:40], b.days[:40], b.labels[:40], b.mask[:40]) for b in train]

    training.fit(trainer, trainer.spec.recipe, windows, train + smaller, validation, 0, tmp_path)

    assert trainer.step.experimental_get_tracing_count() == 1


def test_dates_come_in_an_order_that_the_seed_and_the_epoch_decide():
    _, train, _ = world()

    def order(seed: int, epoch: int) -> list[int]:
        return [int(batch.days[0]) for batch in training.batches(train, Recipe(), seed, epoch)]

    assert sorted(order(0, 1)) == [int(batch.days[0]) for batch in train]
    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (1, 2)}) == 4


def test_pooled_batches_have_256_samples_of_mixed_dates():
    _, train, _ = world()

    batches = training.batches(train, Recipe(batch_mode="pooled"), 0, 1)

    assert [len(batch.stocks) for batch in batches] == [256, 256, 256, 192]
    assert all(len(np.unique(batch.days)) > 1 for batch in batches)


def test_the_best_epoch_has_the_highest_validation_rank_ic_and_is_the_earliest_of_equals():
    rank_ics = [0.01, 0.05, 0.05, 0.02]

    assert training.best_epoch([Epoch(n + 1, 0.9 - n, -n, value) for n, value in enumerate(rank_ics)]) == 2


@pytest.mark.parametrize(("patience", "made"), [(0, 6), (1, 3), (2, 5), (9, 6)])
def test_training_ends_when_the_best_epoch_is_as_old_as_patience_allows(patience, made, trainer, tmp_path, monkeypatch):
    rank_ics = iter([0.01, 0.05, 0.03, 0.06, 0.06, 0.02] if patience != 2 else [0.01, 0.02, 0.05, 0.03, 0.05, 0.06])
    monkeypatch.setattr(training, "validate", lambda *_: (0.0, next(rank_ics)))

    reached = training.fit(trainer, Recipe(epochs=6, patience=patience), *world(), 0, tmp_path)

    assert len(reached) == len(list(tmp_path.iterdir())) == made


@pytest.mark.parametrize("loss", ["mse", "weighted_mse", "cross_entropy"])
def test_a_planted_signal_is_found_with_every_loss_and_told_as_an_ic(loss, tmp_path):
    recipe = Recipe(epochs=8, learning_rate=2e-2, loss=loss)
    spec = replace(TINY, model=TWO_PROBABILITIES if loss == "cross_entropy" else TINY.model, recipe=recipe)
    spec = replace(spec, options={} if loss == "cross_entropy" else TINY.options)

    reached = fit(Trainer(spec, FEATURES), tmp_path)

    assert max(epoch.validation_rank_ic for epoch in reached) > 0.5
    assert 0 < reached[-1].train_ic < 1


def test_an_input_that_is_not_a_number_stops_training_with_the_place(trainer, tmp_path):
    windows, train, validation = world()
    windows.values[5, 10, 1] = np.nan

    with pytest.raises(SignalError, match=r"training loss must be finite, was nan in .* at epoch 1 on 1\d \(\d inputs"):
        training.fit(trainer, trainer.spec.recipe, windows, train, validation, 0, tmp_path)


def test_weights_that_ran_away_stop_training_with_a_hint(tmp_path):
    wild = replace(TINY, recipe=Recipe(epochs=1, learning_rate=0.5, clipnorm=1e30))
    trainer = Trainer(wild, FEATURES)
    windows, train, validation = world()
    trainer.optimizer.learning_rate.assign(1e30)
    trainer._blank = [variable.numpy() for variable in trainer.optimizer.variables]

    with pytest.raises(SignalError, match=r"must be finite, was nan .*try a smaller learning_rate"):
        training.fit(trainer, trainer.spec.recipe, windows, train, validation, 0, tmp_path)


def test_a_trainer_takes_the_weights_of_a_saved_model_and_refuses_another_network(trainer, tmp_path):
    inputs = np.random.default_rng(0).normal(size=(5, LOOKBACK, FEATURES)).astype("float32")
    fit(trainer, tmp_path)
    trained = trainer.predict(inputs)
    trainer.reset(5)

    trainer.load(tmp_path / "epoch_02.keras")

    assert np.array_equal(trainer.predict(inputs), trained)
    wider = Trainer(TINY, FEATURES + 1)
    with pytest.raises(SignalError, match=r"must fit signals\.models\.lstm_thoughts, was another network"):
        wider.load(tmp_path / "epoch_02.keras")


def test_one_trainer_serves_recipes_that_differ_in_epochs_only():
    first = training.trainer_for(TINY, FEATURES)

    assert training.trainer_for(with_settings(TINY, {"epochs": "5"}), FEATURES) is first
    assert training.trainer_for(with_settings(TINY, {"learning_rate": "0.1"}), FEATURES) is not first


def test_large_dates_are_scored_in_parts_that_agree_with_the_whole(trainer, monkeypatch):
    inputs = np.random.default_rng(0).normal(size=(50, LOOKBACK, FEATURES)).astype("float32")
    whole = trainer.predict(inputs)
    monkeypatch.setattr(training, "LARGEST_BATCH", 16)

    assert trainer.predict(inputs) == pytest.approx(whole, abs=1e-6)
    assert whole.dtype == np.float64
