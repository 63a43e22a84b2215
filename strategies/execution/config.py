"""What a backtest is asked to do: one frozen, checked object, saved with every run."""

import difflib
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from feeds.errors import ConfigError, DataError
from feeds.rules import as_day
from feeds.universe import MIN_LISTED_DAYS
from strategies.execution.fills import slippage
from strategies.execution.hedge_config import HedgeConfig
from strategies.execution.policy import policy


class BacktestConfig(BaseModel):
    """Options of a backtest; a flag wins over the YAML file, and the file over these defaults.

    Attributes
    ----------
    cash : float
        Starting capital in yuan.
    start, end : date, optional
        First and last trading day of the run; by default from the first score on, to the end of the data.
    benchmark : str, optional
        Index code; by default the CSI 300's total-return index, else its price index.
    prices : str
        ``raw``: exchange prices, with corporate actions as events. ``total-return``: back-adjusted, without any.
    execution, fill, slippage, max_participation, blocked_buys, blocked_sells, lots
        How orders are filled; see :class:`strategies.execution.broker.AShareBroker`.
    ignore : tuple of str
        Obstacles left out, to show what they cost: ``limits``, ``suspensions``, ``st`` (candidates with ST).
    delisting_recovery, dividends, dividend_tax, rights
        What corporate actions do; see :class:`strategies.execution.entitled.EntitledAccount`.
    hedge : HedgeConfig
        Index futures against the stocks; a kind alone may stand for it.
    parameters : dict
        The strategy's own parameters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str = "top10"
    signal: str = "lstm_thoughts"
    universe: str = "all"
    start: date | None = None
    end: date | None = None
    cash: float = Field(10_000_000.0, gt=0, le=1e15, allow_inf_nan=False)
    benchmark: str | None = None
    fees: str = "8bp"
    prices: Literal["raw", "total-return"] = "raw"
    execution: Literal["open", "vwap", "close"] = "open"
    fill: Literal["optimistic", "default", "pessimistic"] = "default"
    slippage: str = "none"
    max_participation: float | None = Field(None, gt=0, le=1)
    blocked_buys: str = "expire"
    blocked_sells: str = "carry"
    ignore: tuple[Literal["limits", "suspensions", "st"], ...] = ()
    lots: Literal["board", "share"] = "board"
    delisting_recovery: float = Field(0.0, ge=0, le=1)
    dividends: Literal["cash", "reinvest"] = "cash"
    dividend_tax: Literal["none", "holding"] = "none"
    rights: Literal["subscribe", "lapse"] = "subscribe"
    hedge: HedgeConfig = Field(default_factory=lambda: HedgeConfig.model_validate({}))
    min_listed_days: int = Field(MIN_LISTED_DAYS, ge=1)
    risk_free: float = Field(0.016, gt=-1, lt=1)
    parameters: dict[str, Any] = Field(default_factory=dict)

    @field_validator("hedge", mode="before")
    @classmethod
    def _as_hedge(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("slippage")
    @classmethod
    def _as_slippage(cls, value: str) -> str:
        if slippage(value) is None:
            raise ValueError("none, or a number of bp or ticks like 5bp or 1tick")
        return value

    @field_validator("blocked_buys", "blocked_sells")
    @classmethod
    def _as_policy(cls, value: str, info: ValidationInfo) -> str:
        sells = info.field_name == "blocked_sells"
        if policy(value) is None or (sells and value == "substitute"):
            raise ValueError("expire, carry or carry=N sessions" + ("" if sells else ", or substitute"))
        return value

    @field_validator("start", "end", mode="before")
    @classmethod
    def _as_date(cls, value: Any) -> Any:
        try:
            return None if value is None else as_day(value).astype(object)
        except DataError:
            raise ValueError("a day like 2020-01-31") from None


def make(options: dict[str, Any]) -> BacktestConfig:
    """Return a checked configuration, or refuse the first bad option in one line."""
    try:
        return BacktestConfig(**options)
    except ValidationError as refused:
        first = refused.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = HedgeConfig if first["loc"][0] == "hedge" else BacktestConfig
            raise unknown_key(str(first["loc"][-1]), list(known.model_fields)) from None
        rule = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise ConfigError(f"{name} must be {rule}, was {first['input']}") from None


def unknown_key(name: str, known: list[str]) -> ConfigError:
    """Return the error for a configuration key that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return ConfigError(f"configuration key must be one of {', '.join(sorted(known))}, was {name}{hint}")


def from_file(path: Path) -> dict[str, Any]:
    """Return the options of a YAML file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        raise ConfigError(f"config file must be readable YAML, was {path} ({str(broken).splitlines()[0]})") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"config file must hold key: value lines, was {path}")
    return content


def to_yaml(config: BacktestConfig) -> str:
    """Return the resolved configuration as YAML that :func:`from_file` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
