"""The whole path from a data folder to a run folder: what the command line calls, and a notebook can."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analyzers.conventions import Metrics
from analyzers.metrics import metrics_of
from analyzers.recorders import RECORDERS
from analyzers.run_folder import write_run
from analyzers.signal_quality import SignalQuality, signal_quality
from analyzers.trials import data_and_days, trials
from feeds.building import open_panel
from feeds.panel import MarketPanel
from feeds.sources import SIMULATED_NOTICE
from feeds.store import Store
from feeds.universe import eligible
from signals import walkforward
from signals.catalogue import find
from signals.freshness import refuse_scores_of_other_data
from signals.labels import month_clock
from signals.registry import SignalSpec
from signals.table import SignalFolder
from strategies import registry
from strategies.execution import engine
from strategies.execution.clock import span
from strategies.execution.config import BacktestConfig

Note = Callable[[str], None]
# Trains a signal for a universe, from one signal date to another.
Train = Callable[[SignalSpec, str, str, str], object]


@dataclass(frozen=True)
class Report:
    """A finished backtest: its run folder, what happened, and its figures."""

    folder: Path
    result: engine.BacktestResult
    metrics: Metrics


def backtest(config: BacktestConfig, data: Path, runs: Path, train: Train, note: Note = print) -> Report:
    """Run a backtest and write its run folder under ``runs``, training missing scores first.

    Parameters
    ----------
    config : BacktestConfig
        What to do.
    data : Path
        Data folder.
    runs : Path
        Folder in which run folders are made.
    train : callable
        Called as ``train(spec, universe, first, last)`` when a trained signal lacks scores.
    note : callable
        Told in words what takes time.

    Raises
    ------
    HuiceError
        If something asked for breaks its rule; nothing is written then.
    """
    log: list[str] = []

    def tell(text: str) -> None:
        log.append(text)
        note(text)

    panel, folder = prepare(config, data, train, tell)
    result = _named(engine.run(config, panel, folder, RECORDERS))
    result = replace(result, facts={**result.facts, "trials": trials(runs, result)})
    unhedged = _unhedged(config, panel, folder)
    quality = None if folder is None else _quality(config, panel, folder, result)
    metrics = metrics_of(result, panel, quality, unhedged)
    lines = [*log, *_log_lines(result)]
    place = write_run(runs, result, metrics, panel, quality, lines, unhedged=unhedged)
    return Report(place, result, metrics)


def _named(result: engine.BacktestResult) -> engine.BacktestResult:
    """Return the result under its strategy's own name; one of a user's file is told from an edited one by its hash."""
    spec = registry.get(result.config.strategy)
    own = {"strategy_sha256": spec.sha256} if spec.sha256 else {}
    return replace(result, facts={**result.facts, "strategy": spec.name, **own})


def _unhedged(
    config: BacktestConfig, panel: MarketPanel, folder: SignalFolder | None
) -> engine.BacktestResult | None:
    """Return the same run without its hedge, to compare with; None if it has none."""
    if config.hedge.kind == "none":
        return None
    alone = config.hedge.model_copy(update={"kind": "none"})
    return engine.run(config.model_copy(update={"hedge": alone}), panel, folder, RECORDERS)


def prepare(
    config: BacktestConfig, data: Path, train: Train, note: Note = print
) -> tuple[MarketPanel, SignalFolder | None]:
    """Return the market and the scores of a run, training those that are missing, or refuse what breaks a rule."""
    engine.strategy_parameters(config)
    folder, spec = find(config.signal, data) if engine.needs_signal(config) else (None, None)
    panel = open_panel(data, note)
    span(panel, config.start, config.end, panel.dates[:1])  # days outside the data are refused before any training
    if spec is not None and folder is not None:
        _train_missing(config, data, panel, spec, folder, train, note)
    if folder is not None:
        refuse_scores_of_other_data(data, spec, folder)
    return panel, folder


def _train_missing(
    config: BacktestConfig, data: Path, panel: MarketPanel, spec: SignalSpec, folder: SignalFolder,
    train: Train, note: Note,
) -> None:  # fmt: skip
    """Train the scores that the run needs and that are not there, and say so."""
    missing = walkforward.missing_dates(folder, _wanted(config, panel, spec, Store(data).open_days()))
    if missing:
        note(f"training {spec.name} for {len(missing)} months without scores, {missing[0]} to {missing[-1]}")
        train(spec, config.universe, missing[0], missing[-1])


def _wanted(config: BacktestConfig, panel: MarketPanel, spec: SignalSpec, open_days: np.ndarray) -> np.ndarray:
    """Return the signal dates of a run; one without a start begins with the first score there can be."""
    first, last = config.start or panel.dates[0], config.end or panel.dates[-1]
    wanted = walkforward.signal_dates(panel.dates, first, last, open_days)
    if config.start is not None:
        return wanted
    months = month_clock(panel.dates, open_days).dates
    folds = walkforward.plan(panel, spec, calendar=open_days)
    return wanted[wanted >= min(months[position] for fold in folds for position in fold.scoring)]


def _quality(
    config: BacktestConfig, panel: MarketPanel, folder: SignalFolder, result: engine.BacktestResult
) -> SignalQuality:
    dates = result.nav["date"].to_numpy().astype("datetime64[D]")
    traded = [folder.read(day) for day in folder.dates() if dates[0] <= day <= dates[-1]]
    scores = [(signal.date, signal.codes, signal.scores) for signal in traded]
    universe = eligible(panel, config.universe, config.min_listed_days)
    return signal_quality(scores, panel, universe=universe, delisting_recovery=config.delisting_recovery)


def _log_lines(result: engine.BacktestResult) -> list[str]:
    """Return what a reader of run.log wants first: the data, the scores, and what became of the orders."""
    facts, orders = result.facts, result.orders
    data, days = data_and_days(result)
    lines = [SIMULATED_NOTICE] if facts["simulated"] else []
    lines += [data, f"signal {facts['signal']['name']}, {facts['signal']['files']} files", days]
    if "strategy_sha256" in facts:
        lines.append(f"strategy {facts['strategy']} of {result.config.strategy}, SHA-256 {facts['strategy_sha256']}")
    counts = orders.groupby(["side", "status", "reason"]).size().reset_index(name="count")
    for row in counts.itertuples():
        lines.append(f"orders {row.side} {row.status} {row.reason}: {row.count}".replace(" :", ":"))
    return lines + [f"action {row.date:%Y-%m-%d} {row.ts_code} {row.kind}" for row in result.actions.itertuples()]
