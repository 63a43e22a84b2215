"""What the README promises exists: its commands, its strategy, its files."""

import re
import shlex
import sys
import types
from pathlib import Path

import click
import numpy as np
import pytest

import cli

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "README.zh-CN.md")


def commands(page: str) -> list[list[str]]:
    """Return the words of every `python cli.py ...` line of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^python cli\.py (.+?)(?:\s+#.*)?$", text, flags=re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_of_the_page_exists(page):
    lines = commands(page)
    assert len(lines) >= 5
    for words in lines:
        command: click.Command = cli.main
        while isinstance(command, click.Group) and words:
            assert words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words


def test_every_option_of_the_backtest_table_row_exists_and_none_is_missing():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `backtest`"))
    known = {p.opts[-1] for p in cli.main.commands["backtest"].params}
    assert set(re.findall(r"--[a-z-]+", row)) == known


@pytest.mark.parametrize("page", PAGES)
def test_every_file_a_page_links_to_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo:", makefile, flags=re.MULTILINE)
    assert re.search(r"^test:", makefile, flags=re.MULTILINE)


def test_the_strategy_of_the_page_runs(monkeypatch):
    from analyzers.recorders import RECORDERS
    from feeds.panel import MarketPanel
    from signals.table import Signal
    from strategies import registry
    from strategies.execution import config, engine

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    source = next(block for block in re.findall(r"```python\n(.+?)```", text, flags=re.DOTALL) if "BestThird" in block)
    monkeypatch.setattr(registry, "STRATEGIES", dict(registry.STRATEGIES))
    module = types.ModuleType("readme")
    monkeypatch.setitem(sys.modules, "readme", module)  # Backtrader looks a strategy's module up
    exec(compile(source, "README.md", "exec"), module.__dict__)

    dates = np.arange("2024-01-01", "2024-01-09", dtype="datetime64[D]")
    codes = [f"60000{n}.SH" for n in range(5)]
    close = np.tile([10.0, 20.0, 30.0, 40.0, 60.0], (len(dates), 1))
    panel = MarketPanel.from_arrays(dates, codes, {"close": close}, indices={"000300.SH": np.ones(len(dates))})

    class Scores:
        name = "mine"

        def dates(self):
            return dates[1:2]

        def read(self, date):
            return Signal(date, panel.codes, np.arange(5.0), {})

    options = config.make({"strategy": "best_third", "signal": "mine", "fees": "none"})
    result = engine.run(options, panel, Scores(), RECORDERS)
    # The dearest stock costs more than 50 yuan; of the others the three best scores are bought.
    assert result.orders["ts_code"].tolist() == ["600001.SH", "600002.SH", "600003.SH"]
