"""How many configurations were tried on the same data and days: the best of many looks better than it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from strategies.execution.config import to_yaml

if TYPE_CHECKING:
    from strategies.execution.engine import BacktestResult

_DAYS = ("start:", "end:")  # of a configuration; what they came to is a line of run.log


def data_and_days(result: "BacktestResult") -> tuple[str, str]:
    """Return the two lines of ``run.log`` that say which data a run used, and which days."""
    facts = result.facts
    return (
        f"data {facts['data_source']}, {facts['data_start']} to {facts['data_end']}, {facts['data_fingerprint']}",
        f"run {facts['start']} to {facts['end']}, {len(result.nav)} sessions",
    )


def trials(runs: Path, result: "BacktestResult") -> int:
    """Return how many configurations a folder of runs holds for a run's data and days, the run itself included.

    Run folders of the same configuration count once, and so does the run whether or not its folder is there already:
    a run that is repeated finds the same number. What was tried elsewhere, or thrown away, is not known.
    """
    configurations = {_choices(to_yaml(result.config))}
    marks = set(data_and_days(result))
    for folder in sorted(runs.iterdir()) if runs.is_dir() else []:
        if folder.name.startswith("."):
            continue
        try:
            if marks <= set((folder / "run.log").read_text(encoding="utf-8").splitlines()):
                configurations.add(_choices((folder / "config.yaml").read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError):
            continue  # no run folder, or one that is being replaced
    return len(configurations)


def _choices(config: str) -> str:
    return "".join(line for line in config.splitlines(keepends=True) if not line.startswith(_DAYS))
