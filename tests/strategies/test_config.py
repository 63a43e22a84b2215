"""The configuration of a backtest is checked before anything else happens."""

from datetime import date

import pytest

from feeds.errors import ConfigError
from strategies.execution.config import from_file, make, to_yaml


def test_the_defaults_are_the_ones_the_help_names():
    config = make({})
    assert (config.strategy, config.signal, config.universe, config.fees) == ("top10", "lstm_thoughts", "all", "8bp")
    assert (config.cash, config.min_listed_days, config.lots, config.blocked_sells) == (1e7, 120, "board", "carry")
    assert (config.start, config.end, config.benchmark, config.delisting_recovery) == (None, None, None, 0.0)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        make({}).cash = 1.0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"cash": 0}, "cash must be greater than 0, was 0"),
        ({"cash": float("nan")}, "cash must be "),
        ({"cash": "much"}, "cash must be a valid number, unable to parse string as a number, was much"),
        ({"start": "2024-13-01"}, "start must be "),
        ({"lots": "round"}, "lots must be 'board' or 'share', was round"),
        ({"blocked_sells": "forget"}, "blocked_sells must be expire, carry or carry=N sessions, was forget"),
        ({"blocked_sells": "substitute"}, "blocked_sells must be expire, carry or carry=N sessions, was substitute"),
        ({"blocked_buys": "carry=0"}, "blocked_buys must be expire, carry or carry=N sessions, or substitute, was "),
        ({"slippage": "5"}, "slippage must be none, or a number of bp or ticks like 5bp or 1tick, was 5"),
        ({"max_participation": 0}, "max_participation must be greater than 0, was 0"),
        ({"delisting_recovery": 1.2}, "delisting_recovery must be less than or equal to 1, was 1.2"),
        ({"min_listed_days": 0}, "min_listed_days must be greater than or equal to 1, was 0"),
        ({"risk_free": -1}, "risk_free must be greater than -1, was -1"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(option, message):
    with pytest.raises(ConfigError) as refused:
        make(option)
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


def test_an_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(ConfigError) as refused:
        make({"universes": "all"})
    assert str(refused.value).startswith("configuration key must be one of benchmark, blocked_buys, blocked_sells, ")
    assert str(refused.value).endswith("was universes (did you mean universe?)")


def test_a_saved_configuration_reads_back_the_same(tmp_path):
    config = make(
        {"start": "2020-01-02", "end": date(2020, 6, 30), "cash": 5e5, "parameters": {"top_k": 5, "note": "沪深"}}
    )
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config), encoding="utf-8")
    assert make(from_file(file)) == config


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "", "1: 2\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="config file must hold key: value lines"):
        from_file(file)


@pytest.mark.parametrize("content", [b"a: [1,\n", b"\xff\xfe\x00", None])
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="config file must be readable YAML") as refused:
        from_file(file)
    assert "\n" not in str(refused.value)
