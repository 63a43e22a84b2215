"""A fee schedule of one's own, read from a YAML file."""

import math
from pathlib import Path
from typing import Any

import yaml

from feeds.errors import ConfigError, DataError, unknown
from feeds.rules import Timeline, as_day, costs, timeline
from feeds.rules.dated import KNOWN
from strategies.execution.fees import Itemised

_CAP: float = costs.COMMISSION_CAP.rows[-1].value
# Part of a schedule -> its largest value: fractions of the value, and yuan.
_PARTS = {"commission": _CAP, "minimum": 1000.0, "stamp_duty": 0.01, "transfer": 0.01}


def read(path: Path) -> Itemised:
    """Return the schedule of a YAML file.

    Any of ``commission``, ``minimum``, ``stamp_duty`` and ``transfer``: a number, or a list of ``{since: DAY, value:
    NUMBER}``. All are fractions of the traded value but ``minimum``, which is yuan an order. The rulebook fills in
    what is left out; 0 switches a part off.

    Raises
    ------
    ConfigError
        If the file cannot be read, or breaks these rules.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as broken:
        raise ConfigError(f"fees file must be readable YAML, was {path} ({str(broken).splitlines()[0]})") from None
    if not isinstance(content, dict):
        raise ConfigError(f"fees file must hold key: value lines, was {path}")
    for key in content:
        if key not in _PARTS:
            raise unknown("fees key", str(key), _PARTS)
    parts = {key: _part(key, value, path) for key, value in content.items()}
    return Itemised(str(path), f"{path.name}: {_words(parts)}", **parts)


def _part(key: str, value: Any, path: Path) -> Timeline[float]:
    name = f"{key} of {path.name}"
    if not isinstance(value, list):
        return timeline(name, (None, _fraction(key, value), str(path), KNOWN))
    facts: list[tuple[str | None, float, str, str]] = []
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"since", "value"}:
            raise ConfigError(f"{key} must be a number or a list of {{since: DAY, value: NUMBER}}, was {entry}")
        try:
            since = str(as_day(entry["since"]))
        except DataError:
            raise ConfigError(f"{key} since must be a day like 2020-01-31, was {entry['since']}") from None
        before = facts[-1][0] if facts else None
        if before is not None and since <= before:
            raise ConfigError(f"{key} must have ascending days, was {since} after {before}")
        facts.append((since, _fraction(key, entry["value"]), str(path), KNOWN))
    if not facts:
        raise ConfigError(f"{key} must be a number or a list of {{since: DAY, value: NUMBER}}, was an empty list")
    return timeline(name, *facts)


def _fraction(key: str, value: Any) -> float:
    """Return a part's number, or refuse one that is none or cannot be meant."""
    try:  # YAML reads 1e-4 as text
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= _PARTS[key]:
        unit = "yuan an order" if key == "minimum" else "a fraction of the traded value"
        raise ConfigError(f"{key} must be a number from 0 to {_PARTS[key]:g} ({unit}), was {value}")
    return number


def _words(parts: dict[str, Timeline[float]]) -> str:
    """Return a file's numbers in words, all of them: they tell one schedule from another."""
    words = []
    for key in _PARTS:
        rows = parts[key].rows if key in parts else ()
        dated = [f"{row.value!r} since {row.start}" if row.start else f"{row.value!r}" for row in rows]
        words.append(f"{key} {', '.join(dated) or 'by the dated rulebook'}")
    return "; ".join(words)
