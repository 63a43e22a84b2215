"""Strategies by name."""

import pytest

import strategies  # noqa: F401
from feeds.errors import ConfigError
from strategies import registry
from strategies.execution import config, engine
from strategies.top_k import TopK


def test_top10_is_the_ten_best_scores():
    spec = registry.get("top10")
    assert (spec.name, spec.cls, spec.defaults) == ("top10", TopK, {"top_k": 10})


def test_a_name_brings_its_own_parameters():
    assert engine.strategy_parameters(config.make({"strategy": "top10"}))["top_k"] == 10
    assert engine.strategy_parameters(config.make({"strategy": "top_k"})) == {
        "invested": 1.0, "top_k": 10, "sell_suspended": True,
    }  # fmt: skip
    assert engine.needs_signal(config.make({}))


def test_an_unknown_name_is_refused_with_the_known_and_the_nearest():
    with pytest.raises(ConfigError) as refused:
        registry.get("top1o")
    assert str(refused.value).startswith("strategy must be one of ") and "top10, " in str(refused.value)
    assert str(refused.value).endswith("was top1o (did you mean top10?)")


def test_a_name_can_be_given_once(monkeypatch):
    monkeypatch.setattr(registry, "STRATEGIES", {})
    assert registry.register("mine", TopK, "mine", top_k=3) is TopK
    assert registry.get("mine").defaults == {"top_k": 3}
    with pytest.raises(ConfigError, match="strategy name must be new, was mine twice"):
        registry.register("mine", TopK, "mine again")
