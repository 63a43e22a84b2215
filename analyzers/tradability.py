"""What the market's rules cost: the same scores with each rule left out, and with the bounds of what fills."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analyzers.metrics import levels_of, performance_metrics
from analyzers.recorders import RECORDERS
from analyzers.trading import trading_metrics
from feeds.panel import MarketPanel
from strategies.execution import engine
from strategies.execution.clock import SignalReader
from strategies.execution.config import BacktestConfig

AS_IT_IS = "every rule"
BLIND = {"ignore": ("limits", "suspensions", "st"), "min_listed_days": 1, "lots": "share", "fees": "none",
         "slippage": "none", "max_participation": None}  # fmt: skip
FIGURES = ("total_return", "annual_return", "sharpe", "max_drawdown", "refusals")


def variants(config: BacktestConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the runs to compare, as a name and what it changes; what changes nothing is left out."""
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("optimistic fills", {"fill": "optimistic"}),
        ("pessimistic fills", {"fill": "pessimistic"}),
        ("no price limits", {"ignore": (*config.ignore, "limits")}),
        ("no suspensions", {"ignore": (*config.ignore, "suspensions")}),
        ("ST stocks too", {"ignore": (*config.ignore, "st")}),
        ("new listings too", {"min_listed_days": 1}),
        ("single shares", {"lots": "share"}),
        ("no fees", {"fees": "none"}),
        ("no slippage", {"slippage": "none"}),
        ("no volume cap", {"max_participation": None}),
        ("a tenth of volume", {"max_participation": 0.1}),
        ("a tick worse", {"slippage": "1tick"}),
        ("blind to all rules", BLIND),
    )
    yield AS_IT_IS, {}
    for name, changes in rows:
        if any(getattr(config, key) != value for key, value in changes.items()):
            yield name, changes


def tradability(config: BacktestConfig, panel: MarketPanel, signal: SignalReader | None) -> pd.DataFrame:
    """Return one row per variant of a run.

    Returns
    -------
    pandas.DataFrame
        ``variant``; ``total_return, annual_return, sharpe, max_drawdown, refusals`` of that run, by the conventions
        of :mod:`analyzers.conventions`; ``annual_difference``, its annual return less that with every rule: what the
        rule left out costs a year, or what the stricter one would.
    """
    rows = []
    for name, changes in variants(config):
        result = engine.run(config.model_copy(update=changes), panel, signal, RECORDERS)
        nav, benchmark = levels_of(result)
        figures = performance_metrics(nav, benchmark, config.risk_free)
        figures |= trading_metrics(result, figures, panel)
        rows.append({"variant": name, **{figure: figures[figure] for figure in FIGURES}})
    table = pd.DataFrame(rows)
    table["annual_difference"] = table["annual_return"] - table["annual_return"].iloc[0]
    return table
