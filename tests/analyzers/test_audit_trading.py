"""Planted cheats are caught and named, honest strategies pass."""

import re

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from analyzers.audit.comparison import DECISIONS, PARTS, compare, compare_fills
from analyzers.audit.trading import AFTER, audit_trading
from analyzers.run_folder import FRAMES
from feeds.errors import ConfigError
from signals.table import Signal
from strategies import registry
from strategies.base import BasketStrategy
from strategies.execution import config, engine
from strategies.execution.broker import AShareBroker
from strategies.top_k import TopK

INDEX = "000300.SH"
WITHIN = "the execution day's high, low, close, volume, amount"
SPAN = {"start": "2019-11-04", "end": "2020-03-31"}


class Scores:
    """Scores of every month-end that say nothing."""

    name = "memory"

    def __init__(self, panel):
        self.panel = panel
        months = panel.dates.astype("datetime64[M]")
        self.rows = [row for row in np.flatnonzero(months[1:] != months[:-1]) if row > 130]

    def dates(self):
        return self.panel.dates[self.rows]

    def read(self, date):
        random = np.random.default_rng(int(date.astype(int)))
        codes = self.panel.codes[self.panel.listed[self.panel.date_index(date)]]
        return Signal(date, codes, random.normal(size=len(codes)), {})


@pytest.fixture
def audit(simulated_panel, monkeypatch):
    """A function that audits a strategy class under the name ``cheat``, or a registered name."""
    monkeypatch.setattr(registry, "STRATEGIES", dict(registry.STRATEGIES))

    def run(strategy, trials=8, seed=0, **options):
        if not isinstance(strategy, str):
            registry.register("cheat", strategy, "planted")
            strategy = "cheat"
        settings = {"strategy": strategy, "min_listed_days": 30, **SPAN, **options}
        return audit_trading(config.make(settings), simulated_panel, Scores(simulated_panel), trials, seed)

    return run


@pytest.mark.parametrize("strategy", ["top10", "top_k"])
def test_an_honest_strategy_passes(strategy, audit):
    rows, leak = audit(strategy, universe=INDEX)
    assert leak is None
    assert [(row.name, row.trials, row.differences) for row in rows] == [(AFTER, 8, 0), (WITHIN, 8, 0)]
    assert all(row.compared > 1000 for row in rows)


MODES = {
    "the rest waits": ({"blocked_sells": "expire", "blocked_buys": "carry=3", "lots": "share"}, WITHIN),
    "the next rank": ({"blocked_buys": "substitute", "slippage": "1tick"}, WITHIN),
    "a share of the volume": ({"max_participation": 0.01}, "the execution day's high, low, close, amount"),
    "the pessimist": ({"fill": "pessimistic"}, "the execution day's close, volume, amount"),
    "the mean price": ({"execution": "vwap"}, "the execution day's close"),
    "the close": ({"execution": "close"}, "the execution day's evening"),
    "adjusted prices": ({"prices": "total-return"}, WITHIN),
    "all taxes": ({"dividend_tax": "holding", "fees": "detailed", "delisting_recovery": 0.5}, WITHIN),
    "fewer rules": ({"ignore": ("limits", "st")}, WITHIN),
    "futures": ({"hedge": {"kind": "IF", "sizing": "beta"}}, WITHIN),
    "the index": ({"hedge": "index"}, WITHIN),
}


@pytest.mark.parametrize("mode", MODES)
def test_no_way_to_fill_orders_looks_ahead(mode, audit):
    options, name = MODES[mode]
    rows, leak = audit("top10", trials=6, **options)
    assert leak is None, leak
    assert [(row.name, row.trials, row.differences) for row in rows] == [(AFTER, 6, 0), (name, 6, 0)]


def ranked(peek):
    """Return a strategy that buys the best five by ``peek(panel, row, scores by row)`` of each stock, (N,)."""

    class Peek(BasketStrategy):
        params = (("count", 5),)

        def weights(self, row, columns, scores):
            values = np.asarray(peek(self.broker.market.panel, row, self.p.signal), float)[columns]
            best = self.best(row, columns, np.nan_to_num(values) + 1e-9 * scores, self.p.count)
            return {int(column): 1 / self.p.count for column in best}

    return Peek


def field(name):
    return lambda panel, row, _: panel.field(name)[row + 1] / panel.field("close")[row]


def next_scores(panel, row, signal):
    columns, scores = signal[min((later for later in signal if later > row), default=row)]
    return pd.Series(scores, columns).reindex(range(len(panel.codes)), fill_value=-9.0)


def dividends(panel, row, _):
    soon = (panel.events.row > row + 1) & (panel.events.row < row + 60)
    return np.bincount(panel.events.stock[soon].astype(int), panel.events.cash[soon], len(panel.codes))


def front(panel, row, name):
    """Return a price of the nearest IF contract in the next session."""
    return getattr(panel.futures, name)[panel.futures.contracts("IF", row + 1)[0], row + 1]


def shuffled(panel, level):
    """Rank all stocks by a number of the whole market: another number ranks them otherwise."""
    return np.sin(np.arange(len(panel.codes)) * level)


# Tomorrow's data, one kind each. Written by hand: a kind that is no longer drawn anew lets its cheat pass.
PEEKS = {
    "open": field("open"),
    "high": field("high"),
    "low": field("low"),
    "close": field("close"),
    "pre_close": field("pre_close"),
    "volume": field("vol"),
    "amount": field("amount"),
    "limits": field("up_limit"),
    "adj_factor": lambda panel, row, _: panel.field("adj_factor")[row + 1] / panel.field("adj_factor")[row],
    "valuation": field("pb"),
    "suspensions": lambda panel, row, _: ~panel.suspended[row + 1],
    "ST": lambda panel, row, _: ~panel.st[row + 1],
    "listing": lambda panel, row, _: panel.delist_index - row > 30,
    "membership": lambda panel, row, _: panel.members(INDEX)[row + 1],
    "industries": lambda panel, row, _: panel.industry[row + 1],
    "corporate events": dividends,
    "index closes": lambda panel, row, _: shuffled(panel, panel.index_close(INDEX)[row + 1]),
    "futures open": lambda panel, row, _: shuffled(panel, front(panel, row, "open")),
    "futures": lambda panel, row, _: shuffled(panel, front(panel, row, "settle")),
    "company names": lambda panel, row, _: [sum(map(ord, name)) for name in panel.names],
    "scores": next_scores,
}


@pytest.mark.parametrize("kind", PEEKS)
def test_a_strategy_that_looks_at_tomorrow_is_caught_and_what_it_looks_at_is_named(kind, audit):
    rows, leak = audit(ranked(PEEKS[kind]), trials=6)
    assert leak is not None and rows[0].differences > 0
    assert leak.difference.what == "order"
    assert re.match(rf"{kind}( of |, )", leak.moved_by), leak.moved_by


@pytest.mark.parametrize("kind", [kind for kind in PEEKS if kind not in ("scores", "listing", "company names")])
def test_the_same_strategy_that_looks_at_today_passes(kind, audit):
    back = 60 if kind == "corporate events" else 1
    _, leak = audit(ranked(lambda panel, row, signal: PEEKS[kind](panel, row - back, signal)), trials=1)
    assert leak is None, leak


def test_a_dividend_of_the_next_session_is_known(audit):
    """Its ex-date was announced, and the broker sizes orders with it."""

    def due(panel, row, _):
        return np.bincount(panel.events.stock[panel.events.row == row + 1].astype(int), minlength=len(panel.codes))

    _, leak = audit(ranked(due))
    assert leak is None, leak


def test_tomorrows_close_is_named_with_its_day_and_the_first_order_it_moves(audit, simulated_panel):
    _, leak = audit(ranked(PEEKS["close"]))
    date, code = leak.difference.date, leak.difference.code
    execution = simulated_panel.dates[simulated_panel.date_index(date) + 1]
    assert (leak.row, leak.cut) == (AFTER, date)
    assert str(leak).startswith(
        f"order of {date} for {code} must not depend on close of the execution day {execution}, was "
    )
    assert {"buy", "sell", "none"} >= {leak.difference.was.split()[0], leak.difference.became.split()[0]}


def test_what_is_later_than_the_execution_day_is_named_so(audit):
    _, leak = audit(ranked(lambda panel, row, _: panel.field("close")[row + 5] / panel.field("close")[row]))
    assert leak.moved_by == f"close of days after {leak.cut}"


def test_membership_before_its_date_is_caught(audit):
    """Who will be a member in a month: the way a backtest on today's members cheats."""

    class Members(TopK):
        def weights(self, row, columns, scores):
            panel = self.broker.market.panel
            later = panel.members(INDEX)[min(row + 20, len(panel.dates) - 1), columns]
            return super().weights(row, columns[later], scores[later])

    _, leak = audit(Members)
    assert leak.difference.what == "order"
    assert leak.moved_by.startswith("membership of ")


class ClosesHigher(AShareBroker):
    """Fills at the open only what will close above it."""

    def next(self):
        for order in list(self.pending):
            opened, close = (self.market.view(name, order.data.column)[self.market.step] for name in ("open", "close"))
            if order.isbuy() and close < opened:
                self.cancel(order)
        super().next()


def test_a_close_that_decides_a_fill_at_the_open_is_caught(audit, monkeypatch, simulated_panel):
    monkeypatch.setattr(engine, "AShareBroker", ClosesHigher)
    rows, leak = audit("top10")
    assert [row.differences > 0 for row in rows] == [False, True]  # no order depends on it, only fills do
    assert (leak.row, leak.difference.what) == (WITHIN, "fill")
    execution = simulated_panel.dates[simulated_panel.date_index(leak.cut) + 1]
    assert leak.moved_by == f"close of the execution day {execution}"


def test_orders_dropped_because_of_the_execution_days_limits_are_caught(audit):
    """Trade at the open, but drop what ends the day at its limit."""

    class Limits(TopK):
        def weights(self, row, columns, scores):
            panel = self.broker.market.panel
            free = ~(panel.field("close")[row + 1, columns] >= panel.field("up_limit")[row + 1, columns] - 0.005)
            return super().weights(row, columns[free], scores[free])

    _, leak = audit(Limits, trials=12)
    assert leak.difference.what == "order"
    assert re.fullmatch(r"close( and limits)? of the execution day \S+", leak.moved_by)


def test_a_value_of_the_account_that_looks_ahead_is_caught(audit, monkeypatch):
    class Optimist(AShareBroker):
        def mark(self, step):
            super().mark(min(step + 1, self.market.days - 1))

    monkeypatch.setattr(engine, "AShareBroker", Optimist)
    rows, leak = audit("top10")
    assert rows[0].differences > 4  # not only on the four days with orders
    assert leak.moved_by.startswith("close of ")


def test_two_kinds_that_only_matter_together_are_both_named(audit, simulated_panel):
    def peek(panel, row, _):
        moved = [np.abs(panel.field(name) - simulated_panel.field(name))[row + 1] > 0 for name in ("close", "vol")]
        return moved[0] & moved[1] & (np.arange(len(panel.codes)) % 2 == 0)

    _, leak = audit(ranked(peek))
    assert re.fullmatch(r"close and volume of the execution day \S+", leak.moved_by)


def test_the_same_seed_finds_the_same_and_another_seed_cuts_elsewhere(audit):
    class Mine(ranked(PEEKS["close"])):
        pass

    registry.register("mine", Mine, "planted")
    first = audit("mine", trials=2)
    assert first == audit("mine", trials=2)
    assert {audit("mine", trials=1, seed=seed)[1].cut for seed in range(4)} > {first[1].cut}


def test_a_strategy_that_does_not_repeat_itself_is_refused(audit):
    random = np.random.default_rng()

    with pytest.raises(ConfigError, match="strategy cheat must do the same on the same market, was not: order of "):
        audit(ranked(lambda panel, row, _: random.random(len(panel.codes))))


def fragile(panel, ahead):
    """Return a strategy that stops where a stock without dividends has another factor than it always had."""
    factors = panel.field("adj_factor")
    steady = int(np.argmax((factors == factors[0]).all(axis=0)))

    class Fragile(TopK):
        def weights(self, row, columns, scores):
            if self.broker.market.panel.field("adj_factor")[row + ahead, steady] != factors[0, steady]:
                raise ValueError("another factor")
            return super().weights(row, columns, scores)

    return Fragile


def test_a_strategy_that_fails_on_another_market_is_audited_up_to_the_failure(audit, simulated_panel):
    rows, leak = audit(fragile(simulated_panel, ahead=0))
    assert leak is None and [row.trials for row in rows] == [8, 8]


def test_a_strategy_that_fails_because_of_tomorrow_is_refused(audit, simulated_panel):
    with pytest.raises(ConfigError, match=r"must run on a market that is another after .* ValueError: another factor"):
        audit(fragile(simulated_panel, ahead=1))


def test_a_strategy_without_scores_is_audited_too(audit):
    class Once(bt.Strategy):
        def next(self):
            market = self.broker.market
            if market.step == 20:
                today, tomorrow = market.panel.field("close")[market.row : market.row + 2]
                self.buy(data=market.feed(int(np.nanargmax(tomorrow / today))), size=100)

    rows, leak = audit(Once, trials=6)
    assert leak.difference.what == "order" and "close of the execution day" in leak.moved_by
    assert rows[0].trials == 6


def result(**frames):
    """Return a run of one order on the first day, filled on the second."""
    days = pd.to_datetime(["2024-01-02", "2024-01-03"]).astype("datetime64[ms]")
    order = {"signal_date": days[:1], "ts_code": ["600000.SH"], "side": ["buy"], "wanted": [100], "reference": [9.5]}
    fill = {
        "signal_date": days[:1], "date": days[1:], "ts_code": ["600000.SH"], "side": ["buy"], "wanted": [100],
        "filled": [100], "price": [10.0], "status": ["filled"], "reason": [""], "standing": [""],
    }  # fmt: skip
    made = {"date": days[1:], "ts_code": ["600000.SH"], "shares": [100], "price": [10.0]}
    held = {"date": days[1:], "ts_code": ["600000.SH"], "shares": [100], "price": [10.5]}
    frames_of = {
        "nav": pd.DataFrame({"date": days, "nav": [1e6, 1.00005e6]}), "orders": pd.DataFrame(fill),
        "fills": pd.DataFrame(made), "hedge": pd.DataFrame({"date": days[:0], "gain": []}),
        "positions": pd.DataFrame(held), "actions": pd.DataFrame({"date": days[:0], "ts_code": [], "cash": []}),
        DECISIONS: pd.DataFrame(order),
    }  # fmt: skip
    frames_of |= {name: frames_of[name].assign(**changes) for name, changes in frames.items()}
    return engine.BacktestResult(config.make({}), analyses={DECISIONS: frames_of.pop(DECISIONS)}, **frames_of)


FIRST, SECOND = np.datetime64("2024-01-02"), np.datetime64("2024-01-03")


def test_every_frame_of_a_run_folder_is_compared():
    assert set(PARTS.values()) == {*FRAMES, DECISIONS}


def test_the_same_run_has_no_difference():
    assert compare(result(), result(), SECOND) == (6, None)
    assert compare(result(), result(), FIRST) == (2, None)
    nan = {"reference": [np.nan]}
    assert compare(result(decisions=nan), result(decisions=nan), SECOND) == (6, None)


@pytest.mark.parametrize(
    ("change", "what", "was", "became"),
    [
        ({"decisions": {"wanted": [200]}}, "order", "buy 100 sized at 9.5", "buy 200 sized at 9.5"),
        ({"decisions": {"ts_code": ["000001.SZ"]}}, "order", "none", "buy 100 sized at 9.5"),
        ({"nav": {"nav": [1e6 + 1e-10, 1.00005e6]}}, "net asset value", "1,000,000.0000", "1,000,000.0000"),
    ],
)
def test_what_differs_by_the_cut_is_found_to_the_last_bit(change, what, was, became):
    _, difference = compare(result(), result(**change), FIRST)
    assert (difference.what, difference.date) == (what, FIRST)
    assert (difference.was, difference.became) == (was, became)


def test_minus_zero_is_not_zero():
    _, difference = compare(result(nav={"nav": [0.0, 1.0]}), result(nav={"nav": [-0.0, 1.0]}), FIRST)
    assert difference.what == "net asset value"


@pytest.mark.parametrize(
    "change", [{"orders": {"price": [9.9]}}, {"positions": {"shares": [200]}}, {"fills": {"price": [9.9]}}]
)
def test_what_happens_after_the_cut_may_differ(change):
    assert compare(result(), result(**change), FIRST)[1] is None
    assert compare(result(), result(**change), SECOND)[1] is not None


def test_of_the_next_session_fills_must_be_the_same_but_not_what_is_known_at_its_close():
    changes = ({"positions": {"price": [99.0]}}, {"nav": {"nav": [1e6, 2e6]}}, {"orders": {"standing": ["one price"]}})
    for change in changes:
        assert compare_fills(result(), result(**change), FIRST, SECOND)[1] is None
    _, difference = compare_fills(result(), result(orders={"filled": [0], "reason": ["limit"]}), FIRST, SECOND)
    assert (difference.what, difference.was, difference.became) == (
        "fill", "buy 100 of 100 on 2024-01-03 at 10", "buy 0 of 100 on 2024-01-03 (limit)",
    )  # fmt: skip
    for change in (
        {"orders": {"price": [9.9]}}, {"orders": {"reason": ["lot"]}}, {"fills": {"price": [9.9]}},
        {"positions": {"shares": [200]}}, {"decisions": {"wanted": [1]}},
    ):  # fmt: skip
        assert compare_fills(result(), result(**change), FIRST, SECOND)[1] is not None
