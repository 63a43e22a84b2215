"""A fee schedule of one's own, read from a YAML file."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from feeds.errors import ConfigError, DataError
from feeds.rules import Timeline, as_day, timeline
from feeds.rules.dated import KNOWN
from strategies.execution.fees import Itemised

_KEYS = {"commission": True, "minimum": False, "stamp_duty": True, "transfer": True}  # whether it is a fraction
LARGEST_RATE = 0.1  # a rate above it is a percentage or basis points written by mistake


def read(path: Path) -> Itemised:
    """Return the schedule of a file.

    Each of ``commission``, ``minimum``, ``stamp_duty`` and ``transfer`` is a number, or a list of
    ``{from: DAY, value: NUMBER}`` with ascending days; what is left out is nothing. Rates are fractions of the traded
    value (``transfer`` of each side, ``stamp_duty`` of sales), ``minimum`` is yuan an order.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a key or value breaks its rule.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        raise ConfigError(f"fees file must be readable YAML, was {path} ({str(broken).splitlines()[0]})") from None
    if not isinstance(content, Mapping) or not content:
        raise ConfigError(f"fees file must hold key: value lines, was {path}")
    for key in content:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ConfigError(f"fees key must be one of {', '.join(_KEYS)}, was {key}{hint}")
    parts = {key: _timeline(key, content.get(key, 0.0), path) for key in _KEYS}
    return Itemised(str(path), f"the schedule of {path.name}", **parts)


def _timeline(key: str, given: Any, path: Path) -> Timeline[float]:
    if not isinstance(given, list):
        return timeline(key, (None, _number(key, given), path.name, KNOWN))
    rows = []
    for entry in given:
        if not isinstance(entry, Mapping) or set(entry) != {"from", "value"}:
            raise ConfigError(f"{key} in {path} must be a number or a list of from and value, was {entry}")
        rows.append((str(_day(key, entry["from"])), _number(key, entry["value"]), path.name, KNOWN))
    days = [row[0] for row in rows]
    if not rows or days != sorted(set(days)):
        raise ConfigError(f"days of {key} in {path} must ascend, was {', '.join(days) or 'none'}")
    return timeline(key, *rows)


def _day(key: str, given: Any) -> Any:
    try:
        return as_day(given)
    except DataError:
        raise ConfigError(f"{key} must be from a day like 2020-01-31, was {given}") from None


def _number(key: str, given: Any) -> float:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not 0 <= given < float("inf"):
        raise ConfigError(f"{key} must be a number, 0 or more, was {given}")
    if _KEYS[key] and given > LARGEST_RATE:
        raise ConfigError(f"{key} must be a fraction of the value, at most {LARGEST_RATE}, was {given}")
    return float(given)
