import subprocess
import sys

import pytest

from feeds.errors import ConfigError
from signals import registry
from signals.registry import Recipe, SignalSpec, with_settings
from signals.splits import Schedule


@pytest.fixture(autouse=True)
def _restore(monkeypatch):
    monkeypatch.setattr(registry, "_SPECS", dict(registry._SPECS))


def test_lstm_thoughts_is_the_published_recipe():
    spec = registry.get("lstm_thoughts")

    assert (spec.lookback, spec.horizon, spec.features) == (22, "month", "all")
    assert spec.recipe == Recipe(10, 1e-4, "date", 256, 3.0, (0,), "ic")
    assert spec.schedule == Schedule(28, 6, (1, 4, 7, 10))


def test_an_unknown_signal_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"signal must be one of .*lstm_thoughts.*did you mean lstm_thoughts"):
        registry.get("lstm_thought")


def test_a_signal_of_ones_own_can_be_registered_once():
    mine = SignalSpec("mine", "My model", model="my_models.gru", options={"units": 32})

    registry.register(mine)

    assert registry.get("mine") is mine
    assert "mine" in registry.names()
    with pytest.raises(ConfigError, match="signal name must be new, was mine"):
        registry.register(mine)


def test_settings_are_texts_of_the_type_they_replace():
    texts = {
        "epochs": "3",
        "learning_rate": "1e-3",
        "batch_mode": "pooled",
        "seeds": "0,1,2",
        "train_sections": "12",
        "retrain_months": "1,7",
        "lookback": "5",
        "size": "tiny",
        "dropout": "0",
        "features": "ma_5,vol",
    }

    spec = with_settings(registry.get("lstm_thoughts"), texts)

    assert spec.recipe == Recipe(3, 1e-3, "pooled", 256, 3.0, (0, 1, 2))
    assert spec.schedule == Schedule(12, 6, (1, 7))
    assert (spec.lookback, spec.features) == (5, "ma_5,vol")
    assert spec.options == {"size": "tiny", "dropout": 0.0, "thoughts": "last"}
    assert registry.get("lstm_thoughts").recipe.epochs == 10


def test_an_unknown_setting_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"setting must be one of .*was epoch \(did you mean epochs\?\)"):
        with_settings(registry.get("lstm_thoughts"), {"epoch": "3"})


@pytest.mark.parametrize(
    ("key", "text", "rule"),
    [
        ("epochs", "three", "epochs must be int, was three"),
        ("epochs", "2.5", "epochs must be int, was 2.5"),
        ("epochs", "0", "epochs must be 1 or more, was 0"),
        ("learning_rate", "fast", "learning_rate must be float, was fast"),
        ("learning_rate", "2", r"learning_rate must be in \(0, 1\), was 2"),
        ("batch_mode", "weekly", "batch_mode must be one of date, pooled, was weekly"),
        ("batch_size", "1", "batch_size must be 2 or more, was 1"),
        ("clipnorm", "0", "clipnorm must be positive, was 0"),
        ("seeds", "a,b", "seeds must be whole numbers with commas, was a,b"),
        ("seeds", "1,1", "seeds must be different whole numbers"),
        ("train_sections", "0", "train_sections must be 1 or more, was 0"),
        ("validation_sections", "0", "validation_sections must be 1 or more, was 0"),
        ("retrain_months", "4,1", "retrain_months must be ascending months from 1 to 12"),
        ("retrain_months", "1,13", "retrain_months must be ascending months from 1 to 12"),
        ("lookback", "0", "lookback must be 1 or more, was 0"),
        ("minimum_coverage", "2", r"minimum_coverage must be in \[0, 1\], was 2"),
    ],
)
def test_a_setting_outside_its_range_is_refused(key, text, rule):
    with pytest.raises(ConfigError, match=rule):
        with_settings(registry.get("lstm_thoughts"), {key: text})


@pytest.mark.parametrize("name", ["", "Mine", "my-model", "../x", "1st"])
def test_a_signal_name_is_a_plain_word(name):
    with pytest.raises(ConfigError, match="signal name must be lower-case letters, digits and '_'"):
        SignalSpec(name, "title", model="m")


def test_listing_reading_and_planning_signals_does_not_import_tensorflow():
    code = (
        "import sys, signals.registry, signals.table, signals.validation, signals.importing, signals.walkforward;"
        "print([name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'keras')])"
    )

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
