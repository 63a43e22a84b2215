"""Small markets written by hand, and runs on them: orders by script, or scores through the whole engine."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import backtrader as bt
import numpy as np
import pytest

from analyzers.recorders import RECORDERS
from feeds.building import build_panel
from feeds.lines import Market
from feeds.panel import CorporateEvents, MarketPanel
from feeds.sources.simulated import SimulatedMarket
from feeds.store import Store, import_source
from signals.table import Signal
from strategies.execution import config, engine, fees
from strategies.execution.broker import AShareBroker

INDEX = "000300.SH"


def _events(codes: Sequence[str], events: Sequence[tuple[str, int, Mapping[str, float]]]) -> CorporateEvents:
    names = ("shares", "cash", "rights", "rights_price")
    rows = [(codes.index(code), row, *(due.get(name, 0.0) for name in names)) for code, row, due in events]
    return CorporateEvents(*np.array(rows, "float64").reshape(-1, 6).T)


def _market(
    closes: Mapping[str, Sequence[float]],
    opens: Mapping[str, Sequence[float]] | None = None,
    *,
    events: Sequence[tuple[str, int, Mapping[str, float]]] = (),
    listed: Mapping[str, int] | None = None,
    delisted: Mapping[str, int] | None = None,
    st: Sequence[str] = (),
    **fields: Mapping[str, Sequence[float]],
) -> MarketPanel:
    """Return a panel from prices by code, one a day; a NaN is a day without a bar, opens are closes if not given.

    The days are weekdays from 2024-01-02 on, a Tuesday. ``fields`` are further fields by code, NaN for other codes
    (1 for ``adj_factor``). An event is (code, row, {"shares", "cash", "rights", "rights_price"}).
    """
    codes = sorted(closes)
    days = len(closes[codes[0]])
    plain = {"adj_factor": 1.0}
    table = {"close": closes, "open": {**closes, **(opens or {})}, **fields}
    arrays = {
        name: np.array([by_code.get(code, [plain.get(name, np.nan)] * days) for code in codes], "float64").T
        for name, by_code in table.items()
    }
    list_index = np.array([(listed or {}).get(code, -1000) for code in codes])
    delist_index = np.array([(delisted or {}).get(code, days) for code in codes])
    rows = np.arange(days)[:, None]
    there = (rows >= list_index) & (rows < delist_index)
    return MarketPanel.from_arrays(
        np.busday_offset(np.datetime64("2024-01-02"), np.arange(days)),
        codes,
        arrays,
        events=_events(codes, events),
        indices={INDEX: np.linspace(3000.0, 3100.0, days)},
        list_index=list_index,
        delist_index=delist_index,
        suspended=there & ~np.isfinite(arrays["close"]),
        st=np.tile([code in st for code in codes], (days, 1)),
    )


class Scripted(bt.Strategy):
    """Orders what the plan says after the close of each day: ``{day: [(code, shares), ...]}``, minus for a sale."""

    params = (("plan", None),)

    def __init__(self):
        self.told = []

    def next(self):
        market = self.broker.market
        for code, shares in self.p.plan.get(market.step, ()):
            (self.buy if shares > 0 else self.sell)(data=market.feed(code), size=abs(shares))

    def notify_order(self, order):
        self.told.append((self.broker.market.step, order.data._name, order.getstatusname()))


def _play(
    panel: MarketPanel,
    plan: Mapping[int, Sequence[tuple[str, int]]] | None = None,
    *,
    cash: float = 1_000_000.0,
    fees_of: str | fees.Fees = "none",
    strategy: type[bt.Strategy] = Scripted,
    analyzers: Mapping[str, type[bt.Analyzer]] | None = None,
    options: Mapping[str, Any] | None = None,
    cerebro_options: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> SimpleNamespace:
    """Run a strategy (by default a script of orders) over the whole panel and return frames and objects."""
    market = Market(panel, 0, len(panel.dates) - 1, panel.indices[INDEX])
    cerebro = bt.Cerebro(stdstats=False, **(cerebro_options or {}))
    schedule = fees.get(fees_of) if isinstance(fees_of, str) else fees_of
    broker = AShareBroker(fees=schedule, **(options or {}))
    broker.setcash(cash)
    broker.attach(market)
    cerebro.setbroker(broker)
    cerebro.adddata(market.clock, name="clock")
    cerebro.addstrategy(strategy, **({"plan": plan or {}} if strategy is Scripted else {}), **parameters)
    for name, analyzer in {**RECORDERS, **(analyzers or {})}.items():
        cerebro.addanalyzer(analyzer, _name=name)
    run = cerebro.run()[0]
    found = {name: getattr(run.analyzers, name).get_analysis() for name in (*RECORDERS, *(analyzers or {}))}
    actions = [(row, str(panel.codes[n]), a.kind, a.shares, a.cash) for row, n, a in broker.actions]
    return SimpleNamespace(broker=broker, strategy=run, actions=actions, **found)


class Scores:
    """Scores held in memory: ``{row: {code: score}}``."""

    name = "memory"

    def __init__(self, panel: MarketPanel, by_row: Mapping[int, Mapping[str, float]], **meta: Any):
        self.by_day = {panel.dates[row]: scores for row, scores in by_row.items()}
        self.meta = meta

    def dates(self) -> np.ndarray:
        return np.array(sorted(self.by_day), "datetime64[D]")

    def read(self, date: Any) -> Signal:
        scores = self.by_day[date]
        return Signal(date, np.array(list(scores), str), np.array(list(scores.values()), "float64"), self.meta)


def _backtest(
    panel: MarketPanel, by_row: Mapping[int, Mapping[str, float]], top_k: int | None = 2, **options: Any
) -> engine.BacktestResult:
    """Run ``top_k`` on scores by row and code through the whole engine, without fees unless named."""
    parameters = {**({} if top_k is None else {"top_k": top_k}), **options.pop("parameters", {})}
    settings = {
        "strategy": "top_k", "min_listed_days": 1, "fees": "none", "cash": 1_000_000.0,
        "parameters": parameters, **options,
    }  # fmt: skip
    return engine.run(config.make(settings), panel, Scores(panel, by_row), RECORDERS)


@pytest.fixture(scope="session")
def market() -> Callable[..., MarketPanel]:
    return _market


@pytest.fixture(scope="session")
def play() -> Callable[..., SimpleNamespace]:
    return _play


@pytest.fixture(scope="session")
def backtest() -> Callable[..., engine.BacktestResult]:
    return _backtest


@pytest.fixture(scope="session")
def scores_of() -> type[Scores]:
    return Scores


@pytest.fixture(scope="session")
def basket() -> Callable[..., type[bt.Strategy]]:
    """A function that makes a basket strategy of target weights by day and code: ``{day: {code: weight}}``."""
    from strategies.base import BasketStrategy

    def make(targets: Mapping[int, Mapping[str, float | None]]) -> type[bt.Strategy]:
        class Targets(BasketStrategy):
            def next(self):
                market = self.broker.market
                if market.step in targets:
                    wanted = targets[market.step].items()
                    self.order_basket({market.panel.index_of(code): weight for code, weight in wanted})

        return Targets

    return make


@pytest.fixture(scope="session")
def ten_years(tmp_path_factory) -> MarketPanel:
    """Ten years of a simulated market of 60 stocks, as a panel."""
    store = Store(tmp_path_factory.mktemp("ten_years") / "data")
    import_source(store, SimulatedMarket(60, "2014-01-02", "2023-12-29", 7))
    return build_panel(store)
