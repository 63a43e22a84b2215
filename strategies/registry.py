"""Strategies by name."""

from dataclasses import dataclass, field
from typing import Any

from feeds.errors import ConfigError, unknown


@dataclass(frozen=True)
class StrategySpec:
    """A strategy class under a name, with the parameter values that the name stands for."""

    name: str
    cls: Any  # a backtrader.Strategy
    title: str
    defaults: dict[str, Any] = field(default_factory=dict)


STRATEGIES: dict[str, StrategySpec] = {}


def register(name: str, cls: Any, title: str, **defaults: Any) -> Any:
    """Give a strategy class a name; a name can be given once."""
    if name in STRATEGIES:
        raise ConfigError(f"strategy name must be new, was {name} twice")
    STRATEGIES[name] = StrategySpec(name, cls, title, defaults)
    return cls


def get(name: str) -> StrategySpec:
    """Return a strategy by name, or refuse with the known names and the nearest match."""
    if name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    return STRATEGIES[name]
