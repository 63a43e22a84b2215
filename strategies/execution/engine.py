"""From a configuration to a finished run: the clock, the account and the strategy in one Cerebro."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt
import pandas as pd

from feeds.errors import ConfigError
from feeds.lines import Market
from feeds.panel import MarketPanel
from feeds.universe import Universe
from strategies import registry
from strategies.execution.broker import AShareBroker
from strategies.execution.clock import SignalReader, Span, benchmark_closes, scores_by_row, span
from strategies.execution.config import BacktestConfig, unknown_key
from strategies.execution.fees import get as get_fees

FILL_RULE = (
    "scores of a close trade at the next session's open; no buy at or above the upper limit, no sell at or below the "
    "lower limit, nothing while suspended; shares bought today cannot be sold today; unfilled buys expire"
)


@dataclass(frozen=True)
class BacktestResult:
    """What happened in a run.

    Attributes
    ----------
    nav, positions, orders, actions : pandas.DataFrame
        The frames of the run folder (README, "Run folder").
    facts : dict
        What the numbers rest on: data, fees, fill rule, universe, benchmark, the signal's training spans.
    """

    config: BacktestConfig
    nav: pd.DataFrame
    positions: pd.DataFrame
    orders: pd.DataFrame
    actions: pd.DataFrame
    facts: dict[str, Any] = field(default_factory=dict)


def strategy_parameters(config: BacktestConfig) -> dict[str, Any]:
    """Return the strategy's parameters: the name's own values, then the configuration's; an unknown one is refused."""
    spec = registry.get(config.strategy)
    reserved = {"signal", "universe"}
    known = {name: value for name, value in spec.cls.params._getitems() if name not in reserved}
    for name, value in config.parameters.items():
        if name not in known:
            raise unknown_key(name, list(known))
        _check_parameter(name, value, known[name])
    return {**known, **spec.defaults, **config.parameters}


def _check_parameter(name: str, value: Any, default: Any) -> None:
    if isinstance(default, bool):
        good = isinstance(value, bool)
    elif isinstance(default, int):
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
    elif isinstance(default, float):
        good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
    else:
        good = True
    if not good:
        kind = {bool: "true or false", int: "a positive whole number", float: "a number above 0 and at most 1"}
        raise ConfigError(f"{name} must be {kind[type(default)]}, was {value}")


def run(
    config: BacktestConfig,
    panel: MarketPanel,
    signal: SignalReader,
    recorders: Mapping[str, type[bt.Analyzer]],
) -> BacktestResult:
    """Run a backtest.

    Parameters
    ----------
    config : BacktestConfig
        What to do.
    panel : MarketPanel
        The market.
    signal : SignalReader
        Dated scores.
    recorders : mapping of str to analyzer class
        ``nav``, ``positions`` and ``orders``: their analysis becomes the result's frame of that name.

    Raises
    ------
    HuiceError
        Before the first day is simulated, if something asked for breaks its rule.
    """
    parameters = strategy_parameters(config)
    rows = span(panel, config.start, config.end, signal.dates())
    benchmark, closes = benchmark_closes(panel, config.benchmark, rows)
    scores, metas = scores_by_row(panel, signal, rows)
    if not scores:
        raise ConfigError(f"signal {signal.name} must have a score within the run, was without one")
    universe = Universe(panel, config.universe, config.min_listed_days)
    cerebro, broker = _cerebro(config, Market(panel, rows.first, rows.last, closes))
    spec = registry.get(config.strategy)
    cerebro.addstrategy(spec.cls, signal=scores, universe=universe, **parameters)
    for name, recorder in recorders.items():
        cerebro.addanalyzer(recorder, _name=name)
    strategy = cerebro.run()[0]
    frames = {name: getattr(strategy.analyzers, name).get_analysis() for name in recorders}
    for name in ("nav", "positions", "orders"):
        frames.setdefault(name, pd.DataFrame())
    facts = _facts(config, panel, rows, universe, scores, metas, parameters, benchmark)
    return BacktestResult(config, **frames, actions=_actions(panel, broker), facts={**facts, **broker.facts()})


def _cerebro(config: BacktestConfig, market: Market) -> tuple[bt.Cerebro, AShareBroker]:
    cerebro = bt.Cerebro(stdstats=False)
    broker = AShareBroker(
        fees=get_fees(config.fees),
        lots=config.lots,
        unfilled_sells=config.unfilled_sells,
        delisting_recovery=config.delisting_recovery,
    )
    broker.setcash(config.cash)
    broker.attach(market)
    cerebro.setbroker(broker)
    cerebro.adddata(market.clock, name="clock")
    return cerebro, broker


def _actions(panel: MarketPanel, broker: AShareBroker) -> pd.DataFrame:
    return pd.DataFrame(
        [(panel.dates[row], str(panel.codes[n]), a.kind, a.shares, a.cash) for row, n, a in broker.actions],
        columns=["date", "ts_code", "kind", "shares", "cash"],
    ).astype({"date": "datetime64[ms]", "shares": "int64", "cash": "float64"})


def _facts(
    config: BacktestConfig, panel: MarketPanel, rows: Span, universe: Universe,
    scores: Mapping[int, Any], metas: list[Mapping[str, Any]], parameters: dict[str, Any], benchmark: str,
) -> dict[str, Any]:  # fmt: skip
    sizes = {row: int(universe.on(row).sum()) for row in scores}
    ever = universe.ever(rows.first, rows.last)
    later = panel.delist_index[ever] < len(panel.dates)
    return {
        "data_source": panel.source,
        "simulated": panel.simulated,
        "data_fingerprint": panel.fingerprint,
        "data_start": str(panel.dates[0]),
        "data_end": str(panel.dates[-1]),
        "fill_rule": FILL_RULE,
        "benchmark_code": benchmark,
        "benchmark_kind": "total-return index" if benchmark.endswith(".CSI") else "price index",
        "universe": config.universe,
        "universe_size": [[str(panel.dates[row])[:7], size] for row, size in sizes.items()],
        "universe_later_delisted": float(later.mean()) if ever.any() else None,
        "st_known": panel.st_known,
        "min_listed_days": config.min_listed_days,
        "signal": {"name": config.signal, "files": len(metas), "spans": _training_spans(metas)},
        "strategy": config.strategy,
        "params": parameters,
        "names": {str(code): panel.name_of(str(code)) for code in panel.codes},
        "start": str(panel.dates[rows.first + 1]),
        "end": str(panel.dates[rows.last]),
        "cash_start": config.cash,
        "rf": config.risk_free,
    }


def _training_spans(metas: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per model: the signal dates it scored and the spans it was trained and selected on."""
    keys = ("train_start", "train_end", "validation_start", "validation_end", "label_end")
    spans: list[dict[str, Any]] = []
    for meta in metas:
        facts = {key: meta.get(key) for key in keys}
        if not spans or any(spans[-1][key] != facts[key] for key in keys):
            spans.append({"first_signal": meta.get("signal_date"), "last_signal": None, **facts})
        spans[-1]["last_signal"] = meta.get("signal_date")
    return spans

