"""Strategies by name, by file and from installed packages."""

import hashlib
import sys
from pathlib import Path

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


@pytest.mark.parametrize("name", ["a/b", "", "../mine", "mine.py", "a b", "-x"])
def test_a_name_that_could_be_a_path_is_refused(name):
    with pytest.raises(ConfigError, match=r"strategy name must be letters, digits, '_', '-' and '\.', was"):
        registry.register(name, TopK, "mine")


ONE = """
from strategies.registry import register
from strategies.top_k import TopK


class Mine(TopK):
    pass


register("mine", Mine, "mine", top_k=4)
"""
TWO = ONE + 'register("other", Mine, "the other")\n'


def write(folder: Path, text: str, name: str = "my_strategy.py") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_is_a_name_for_the_strategy_it_registers(tmp_path):
    file = write(tmp_path, ONE)
    spec = registry.get(file)
    assert (spec.name, spec.title, spec.defaults, spec.cls.__name__) == ("mine", "mine", {"top_k": 4}, "Mine")
    assert spec.sha256 == hashlib.sha256(ONE.encode()).hexdigest()
    assert registry.get(f"{file}:mine") is spec is registry.get(file)  # one class, however often it is asked for
    assert engine.strategy_parameters(config.make({"strategy": file}))["top_k"] == 4


def test_the_names_of_a_file_stay_its_own(tmp_path):
    registry.get(write(tmp_path, ONE))
    assert "mine" not in registry.STRATEGIES
    (tmp_path / "other").mkdir()
    assert registry.get(write(tmp_path / "other", ONE)).name == "mine"


def test_a_file_that_was_edited_is_read_again(tmp_path):
    first = registry.get(write(tmp_path, ONE))
    second = registry.get(write(tmp_path, ONE.replace("top_k=4", "top_k=5")))
    assert (second.defaults, second.sha256 != first.sha256) == ({"top_k": 5}, True)
    assert second.cls.__module__ == first.cls.__module__ in sys.modules


def test_a_file_leaves_no_compiled_copy_behind(tmp_path):
    registry.get(write(tmp_path, ONE))
    assert [path.name for path in tmp_path.iterdir()] == ["my_strategy.py"]


def test_of_several_strategies_in_a_file_one_is_named(tmp_path):
    file = write(tmp_path, TWO)
    assert registry.get(f"{file}:other").title == "the other"
    with pytest.raises(ConfigError) as refused:
        registry.get(file)
    assert str(refused.value) == f"strategy of {file} must be named ({file}:mine), was one of mine, other"
    with pytest.raises(ConfigError) as refused:
        registry.get(f"{file}:othr")
    assert str(refused.value) == f"strategy of {file} must be one of mine, other, was othr (did you mean other?)"


FAULTS = {
    "an exception": (ONE + "\n\n1 / 0\n", "line 13: ZeroDivisionError: division by zero"),
    "no syntax": ("a = 1\nb = = 2\n", "line 2: SyntaxError: invalid syntax"),
    "a missing module": ("\nimport nowhere_at_all\n", "line 2: ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "an exit": ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
    "a taken name": (ONE.replace('"mine"', '"top10"', 1), "line 10: ConfigError: strategy name must be new, was top10"),
    "several lines": ("raise ValueError('first\\nsecond')\n", "line 1: ValueError: first"),
    "deep inside": (
        "import json\n\ndef read():\n    return json.loads('{')\n\nread()\n",
        "line 4: JSONDecodeError: Expecting property name",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_does_not_import_is_refused_with_its_line(fault, tmp_path):
    text, said = FAULTS[fault]
    file = write(tmp_path, text)
    known = dict(registry.STRATEGIES)
    for _ in range(2):  # the second time too
        with pytest.raises(ConfigError) as refused:
            registry.get(file)
        assert str(refused.value).startswith(f"strategy file must import, was {file} {said}")
        assert "\n" not in str(refused.value)
    assert known == registry.STRATEGIES


def test_a_file_without_a_strategy_and_no_file_are_refused(tmp_path):
    with pytest.raises(ConfigError) as refused:
        registry.get(write(tmp_path, "x = 1\n"))
    assert str(refused.value).startswith("strategy file must register a strategy, was ")
    with pytest.raises(ConfigError) as refused:
        registry.get(str(tmp_path / "nowhere.py"))
    assert str(refused.value).startswith(f"strategy file must be readable, was {tmp_path / 'nowhere.py'} (No such file")


def install(folder: Path, entry: str, **modules: str) -> None:
    """Install a package as pip would, into a folder."""
    about = folder / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[huice.strategies]\n{entry}\n")
    for name, text in modules.items():
        write(folder, text, f"{name}.py")


def test_an_installed_package_offers_a_strategy_that_is_imported_when_it_is_asked_for(tmp_path, monkeypatch):
    install(tmp_path, "bought = offered_bought", offered_bought=ONE.replace('"mine"', '"bought"', 1))
    monkeypatch.setattr(registry, "STRATEGIES", dict(registry.STRATEGIES))
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.get("top10").name == "top10" and "offered_bought" not in sys.modules
    with pytest.raises(ConfigError, match=r"strategy must be one of .*bought, .*was bougt \(did you mean bought\?\)"):
        registry.get("bougt")
    assert "offered_bought" not in sys.modules
    spec = registry.get("bought")
    assert (spec.cls.__module__, spec.defaults, spec.sha256) == ("offered_bought", {"top_k": 4}, "")
    assert registry.get("bought") is spec


def test_an_installed_package_that_breaks_its_word_is_refused(tmp_path, monkeypatch):
    install(tmp_path, "broken = offered_broken\nsilent = offered_silent", offered_broken="1 / 0", offered_silent="")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as refused:
        registry.get("broken")
    assert str(refused.value) == (
        "strategy broken of offered_broken must import, was ZeroDivisionError: division by zero"
    )
    with pytest.raises(ConfigError, match="offered_silent must register the strategy silent, was without it"):
        registry.get("silent")
