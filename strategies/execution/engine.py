"""From a configuration to a finished run: the clock, the account and the strategy in one Cerebro."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt
import pandas as pd

from feeds.adjusted import total_return
from feeds.errors import ConfigError
from feeds.futures_terms import CffexTerms
from feeds.lines import Market
from feeds.panel import MarketPanel
from feeds.universe import Universe
from strategies import registry
from strategies.base import BasketStrategy
from strategies.execution.broker import AShareBroker
from strategies.execution.clock import SignalReader, Span, benchmark_closes, scores_by_row, span
from strategies.execution.config import BacktestConfig, unknown_key
from strategies.execution.data_facts import data_facts
from strategies.execution.fees import get as get_fees
from strategies.execution.fills import slippage
from strategies.execution.futures import ledger_frame
from strategies.execution.hedge import Hedge
from strategies.execution.hedge_book import HedgeBook
from strategies.execution.policy import policy
from strategies.execution.rules_in_words import fill_rule, not_charged


@dataclass(frozen=True)
class BacktestResult:
    """What happened in a run.

    Attributes
    ----------
    nav, positions, orders, fills, actions, hedge : pandas.DataFrame
        The frames of the run folder (README, "Run folder").
    facts : dict
        What the numbers rest on: data, fees, fill rule, universe, benchmark, the signal's training spans.
    analyses : dict
        What analyzers beyond those of the frames found, by the name they were given.
    """

    config: BacktestConfig
    nav: pd.DataFrame
    positions: pd.DataFrame
    orders: pd.DataFrame
    fills: pd.DataFrame
    actions: pd.DataFrame
    hedge: pd.DataFrame
    facts: dict[str, Any] = field(default_factory=dict)
    analyses: dict[str, Any] = field(default_factory=dict)


FRAMES = ("nav", "positions", "orders", "fills")  # what recorders of these names leave
_FILLED_IN = ("signal", "universe")  # parameters that the engine gives to strategies that name them


def needs_signal(config: BacktestConfig) -> bool:
    """Return whether the strategy reads scores; a Backtrader strategy without a parameter ``signal`` does not."""
    return "signal" in registry.get(config.strategy).cls.params._getkeys()


def strategy_parameters(config: BacktestConfig) -> dict[str, Any]:
    """Return the strategy's parameters: the name's own values, then the configuration's.

    An unknown one is refused, and one of the wrong kind; a basket strategy's own ``check`` judges ranges.
    """
    spec = registry.get(config.strategy)
    known = {name: value for name, value in spec.cls.params._getitems() if name not in _FILLED_IN}
    for name, value in config.parameters.items():
        if name not in known:
            raise unknown_key(name, list(known))
        _check_kind(name, value, known[name])
    parameters = {**known, **spec.defaults, **config.parameters}
    if issubclass(spec.cls, BasketStrategy):
        spec.cls.check(parameters)
    return parameters


def _check_kind(name: str, value: Any, default: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    rules = (
        (bool, "true or false", isinstance(value, bool)),
        (int, "a whole number", number and isinstance(value, int)),
        (float, "a number", number),
        (str, "text", isinstance(value, str)),
    )
    for kind, rule, good in rules:
        if isinstance(default, kind):
            if not good:
                raise ConfigError(f"{name} must be {rule}, was {value}")
            return


def run(
    config: BacktestConfig,
    panel: MarketPanel,
    signal: SignalReader | None,
    recorders: Mapping[str, type[bt.Analyzer]],
) -> BacktestResult:
    """Run a backtest.

    Parameters
    ----------
    config : BacktestConfig
        What to do.
    panel : MarketPanel
        The market.
    signal : SignalReader or None
        Dated scores; not looked at if the strategy has no parameter ``signal``.
    recorders : mapping of str to analyzer class
        Those named ``nav``, ``positions``, ``orders`` and ``fills`` make the result's frames; any other Backtrader
        analyzer's analysis is found in ``analyses`` under its name.

    Raises
    ------
    HuiceError
        Before the first day is simulated, if something asked for breaks its rule.
    """
    parameters = strategy_parameters(config)
    if config.prices == "total-return":
        panel = total_return(panel)
    if not needs_signal(config):
        signal = None
    elif signal is None:
        raise ConfigError(f"strategy {config.strategy} must have a signal, was without one")
    rows = span(panel, config.start, config.end, None if signal is None else signal.dates())
    benchmark, closes = benchmark_closes(panel, config.benchmark, rows)
    scores, metas = scores_by_row(panel, signal, rows) if signal is not None else ({}, [])
    if signal is not None and not scores:
        raise ConfigError(f"signal {signal.name} must have a score within the run, was without one")
    universe = Universe(panel, config.universe, config.min_listed_days, config.ignore)
    get_fees(config.fees).check(panel.dates[rows.first])
    hedge = _hedge(config, panel, rows)
    cerebro, broker = _cerebro(config, Market(panel, rows.first, rows.last, closes), hedge)
    cls = registry.get(config.strategy).cls
    inputs = {"signal": scores, "universe": universe}
    taken = {name: value for name, value in inputs.items() if name in cls.params._getkeys()}
    cerebro.addstrategy(cls, **taken, **parameters)
    for name, recorder in recorders.items():
        cerebro.addanalyzer(recorder, _name=name)
    strategy = cerebro.run()[0]
    found = {name: getattr(strategy.analyzers, name).get_analysis() for name in recorders}
    frames = {name: found.pop(name, pd.DataFrame()) for name in FRAMES}
    facts = _facts(config, panel, rows, universe, scores, metas, parameters, benchmark) | broker.facts()
    frames |= {"actions": _actions(panel, broker), "hedge": _ledger(panel, hedge)}
    if hedge is not None:
        facts |= hedge.hedge.facts()
    return BacktestResult(config, **frames, facts=facts, analyses=found)


def _hedge(config: BacktestConfig, panel: MarketPanel, rows: Span) -> HedgeBook | None:
    if config.hedge.kind == "none":
        return None
    return HedgeBook(Hedge(config.hedge, panel, CffexTerms(config.hedge.margin == "hedging"), rows.first, rows.last))


def _cerebro(config: BacktestConfig, market: Market, hedge: HedgeBook | None) -> tuple[bt.Cerebro, AShareBroker]:
    cerebro = bt.Cerebro(stdstats=False)
    same = ("lots", "execution", "fill", "max_participation", "ignore")
    corporate = ("delisting_recovery", "dividends", "dividend_tax", "rights")
    broker = AShareBroker(
        fees=get_fees(config.fees),
        slippage=slippage(config.slippage),
        blocked_buys=policy(config.blocked_buys),
        blocked_sells=policy(config.blocked_sells),
        **{name: getattr(config, name) for name in (*same, *corporate)},
    )
    broker.setcash(config.cash)
    broker.attach(market, hedge)
    cerebro.setbroker(broker)
    cerebro.adddata(market.clock, name="clock")
    return cerebro, broker


def _ledger(panel: MarketPanel, hedge: HedgeBook | None) -> pd.DataFrame:
    return ledger_frame([], panel.dates) if hedge is None else hedge.ledger()


def _actions(panel: MarketPanel, broker: AShareBroker) -> pd.DataFrame:
    """Return corporate actions by date and code, those of one stock and day in the order they were booked."""
    booked = sorted(broker.actions, key=lambda action: action[:2])
    return pd.DataFrame(
        [(panel.dates[row], str(panel.codes[n]), a.kind, a.shares, a.cash, a.receivable) for row, n, a in booked],
        columns=["date", "ts_code", "kind", "shares", "cash", "receivable"],
    ).astype(
        {"date": "datetime64[ms]", "ts_code": "str", "kind": "str", "shares": "int64", "cash": "float64",
         "receivable": "float64"}
    )  # fmt: skip


def _facts(
    config: BacktestConfig, panel: MarketPanel, rows: Span, universe: Universe,
    scores: Mapping[int, Any], metas: list[Mapping[str, Any]], parameters: dict[str, Any], benchmark: str | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "data_source": panel.source,
        "simulated": panel.simulated,
        "data_fingerprint": panel.fingerprint,
        "data_start": str(panel.dates[0]),
        "data_end": str(panel.dates[-1]),
        "prices": config.prices,
        "execution": config.execution,
        "fill": config.fill,
        "ignore": list(config.ignore),
        "fill_rule": fill_rule(config),
        "not_charged": not_charged(config),
        "benchmark_code": benchmark,
        "benchmark_kind": _kind_of(benchmark),
        **data_facts(panel, rows, universe, scores),
        "min_listed_days": config.min_listed_days,
        "signal": {
            "name": config.signal if needs_signal(config) else "none",
            "files": len(metas),
            "available_at": _available_at(metas),
            "spans": _training_spans(metas),
        },
        "strategy": config.strategy,
        "params": parameters,
        "names": {str(code): panel.name_of(str(code)) for code in panel.codes},
        "start": str(panel.dates[rows.first + 1]),
        "end": str(panel.dates[rows.last]),
        "cash_start": config.cash,
        "rf": config.risk_free,
    }


def _kind_of(benchmark: str | None) -> str | None:
    """Return what an index is: CSI's total-return versions are H00... and H20..., e.g. H00300.CSI for 000300.SH."""
    if benchmark is None:
        return None
    total = benchmark.endswith(".CSI") and benchmark.startswith(("H00", "H20"))
    return "total-return index" if total else "price index"


def _available_at(metas: list[Mapping[str, Any]]) -> str | None:
    """Return the time of day at which all scores were known, if it is one and the same on their signal dates."""
    known = [meta for meta in metas if meta.get("available_at")]
    times = {str(meta["available_at"]).removeprefix(str(meta.get("signal_date"))) for meta in known}
    time = times.pop() if len(times) == 1 else ""
    return f"{time[1:6]} of the signal date" if time.startswith("T") else None


def _training_spans(metas: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per model: the signal dates it scored and the spans it was trained and selected on."""
    keys = ("train_start", "train_end", "validation_start", "validation_end", "label_end", "dropped_features")
    spans: list[dict[str, Any]] = []
    for meta in metas:
        facts = {key: meta.get(key) for key in keys}
        if not spans or any(spans[-1][key] != facts[key] for key in keys):
            spans.append({"first_signal": meta.get("signal_date"), "last_signal": None, **facts})
        spans[-1]["last_signal"] = meta.get("signal_date")
    return spans

