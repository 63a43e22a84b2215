"""A backtest audited whole: its trading, and its signal where it can be trained."""

from collections.abc import Callable
from pathlib import Path

from analyzers.audit.findings import Audit
from analyzers.audit.learning import Market, audit_learning
from analyzers.audit.trading import audit_trading
from feeds.errors import ConfigError
from feeds.panel import MarketPanel
from feeds.store import Store
from signals.catalogue import find
from signals.table import SignalFolder
from signals.workspace import models_folder
from strategies.execution.config import BacktestConfig


def audit(
    config: BacktestConfig, data: Path, panel: MarketPanel, folder: SignalFolder | None,
    *, trials: int = 20, seed: int = 0, step: Callable[[str], None] = lambda _: None,
) -> Audit:  # fmt: skip
    """Draw the future anew and look whether anything before it moves: orders, fills, holdings, features, samples.

    Parameters
    ----------
    config : BacktestConfig
        The backtest to audit.
    data : Path
        Data folder.
    panel, folder
        Its market and scores, from :func:`analyzers.backtest.prepare`.
    trials : int
        Number of random cuts.
    seed : int
        Decides the cuts and all that is drawn: the same seed finds the same.
    step : callable
        Told in words what is done next.

    Raises
    ------
    HuiceError
        If something asked for breaks its rule.

    Notes
    -----
    Only what comes from the panel and the scores is drawn anew. What a strategy reads by itself, from a file or a
    network, stays as it is, and so do imported scores before the cut: nobody can compute them again.
    """
    refuse_impossible(trials, seed)
    rows, leak = audit_trading(config, panel, folder, trials, seed, step)
    leaks = [] if leak is None else [leak]
    spec = None if folder is None else find(config.signal, data)[1]
    if spec is not None and folder is not None:
        universe = folder.meta(folder.dates()[0]).get("universe") or config.universe
        calendar = Store.existing(data).open_days()
        market = Market(panel, universe, calendar, Path(data) / "features", models_folder(data, spec))
        more, leak = audit_learning(market, spec, trials, seed, step)
        rows += more
        leaks += [] if leak is None else [leak]
    return Audit(rows, leaks, panel.simulated)


def refuse_impossible(trials: int, seed: int) -> None:
    """Raise a ConfigError for a number of trials or a seed that cannot be."""
    if trials < 1:
        raise ConfigError(f"trials must be 1 or more, was {trials}")
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, was {seed}")
