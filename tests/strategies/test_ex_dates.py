"""No ex-date moves the account: what was held at the close is worth as much at the exchange's ex-right price."""

import backtrader as bt
import numpy as np
import pytest

from feeds.building import open_panel
from strategies import registry
from strategies.execution import config, engine
from strategies.execution.corporate_actions import from_factor

TICK = 0.01
SHARES = 10_007  # odd, so that every ratio leaves a fraction of a share


class Holder(bt.Strategy):
    """Buys every stock after its first bar and keeps it."""

    def __init__(self):
        self.wanted = set()

    def next(self):
        market = self.broker.market
        for column in np.flatnonzero(np.isfinite(market.panel.fields["close"][:, market.row])):
            if column not in self.wanted:
                self.wanted.add(int(column))
                self.buy(data=market.feed(int(column)), size=SHARES)


class ExDates(bt.Analyzer):
    """Per row and column with an action: the value before it, the shares after it, the cash and claims it brought."""

    def start(self):
        self.held, self.seen, self.found = {}, 0, {}

    def next(self):
        broker = self.strategy.broker
        actions = broker.actions[self.seen :]
        self.seen += len(actions)
        for row, column, action in actions:
            if action.kind == "dividend_paid" or column not in self.held:
                continue
            shares, price = self.held[column]
            entry = self.found.setdefault((row, column), [shares * price, shares, 0.0, set()])
            entry[1] += action.shares
            entry[2] += action.cash + action.receivable
            entry[3].add(action.kind)
        self.held = {column: (holding.position.size, holding.price) for column, holding in broker.holdings.items()}

    def get_analysis(self):
        return self.found


@pytest.fixture
def ex_dates(monkeypatch):
    """A function that holds all stocks of a panel through the engine; it returns fills by column and ex-dates."""
    monkeypatch.setitem(registry.STRATEGIES, "holder", registry.StrategySpec("holder", Holder, "every stock"))

    def hold(panel):
        options = {
            "strategy": "holder", "cash": 1e10, "fees": "none", "lots": "share", "benchmark": "none",
            "blocked_buys": "carry", "ignore": ["limits"],
        }  # fmt: skip
        found = engine.run(config.make(options), panel, None, {"ex": ExDates, "bought": Bought}).analyses
        return found["bought"], found["ex"]

    return hold


class Bought(bt.Analyzer):
    """The row of each stock's purchase."""

    def get_analysis(self):
        return {column: row for row, column, *_ in self.strategy.broker.fills}


def next_bar(panel, row, column):
    """Return the first row with a bar from ``row`` on."""
    return row + int(np.isfinite(panel.fields["close"][column, row:]).argmax())


@pytest.fixture(scope="module")
def real_panel(real_store):
    return open_panel(real_store.path)


def jumps_of(panel):
    """Return the (row, column) of every jump of a factor, and its size."""
    factor = panel.fields["adj_factor"]
    ratio = factor[:, 1:] / factor[:, :-1]
    column, row = np.nonzero(np.isfinite(ratio) & (np.abs(ratio - 1) > 1e-6))
    return {(int(r) + 1, int(n)): float(ratio[n, r]) for n, r in zip(column, row, strict=True)}


@pytest.mark.parametrize("reinvest", [False, True])
def test_every_factor_jump_of_the_real_market_keeps_a_holdings_value(real_panel, reinvest):
    close, reference = (real_panel.fields[name] for name in ("close", "pre_close"))
    jumps = jumps_of(real_panel)
    assert len(jumps) > 4_000
    for (row, column), ratio in jumps.items():
        known = close[column, :row]
        before = float(known[np.isfinite(known)][-1])
        change = from_factor(SHARES, before, ratio, reinvest)
        after = (SHARES + change.shares) * reference[column, row] + change.cash
        assert abs(after - SHARES * before) <= TICK * (SHARES + change.shares)


def test_an_account_that_holds_the_real_market_keeps_its_value_on_every_ex_date(real_panel, ex_dates):
    bought, found = ex_dates(real_panel)
    assert len(bought) == len(real_panel.codes)
    assert set(found) == {(row, column) for row, column in jumps_of(real_panel) if row > bought[column]}
    for (row, column), (before, shares, cash, kinds) in found.items():
        assert kinds == {"derived"}
        assert abs(shares * real_panel.fields["pre_close"][column, row] + cash - before) <= TICK * shares


def test_an_account_that_holds_the_simulated_market_keeps_its_value_on_every_ex_date(ten_years, ex_dates):
    panel, (bought, found) = ten_years, ex_dates(ten_years)
    events = panel.events
    due = {(int(row), int(n)) for row, n in zip(events.row, events.stock, strict=True) if row > bought[int(n)]}
    left = {day for day, entry in found.items() if entry[3] & {"delisting", "exchanged_out"}}
    given = {day: entry for day, entry in found.items() if day not in left and entry[3] != {"exchanged_in"}}
    assert set(given) == due and len(due) > 200
    assert len(left) == (panel.delist_index < len(panel.dates)).sum()
    for (row, column), (before, shares, cash, _) in given.items():
        # Halted on its ex-date, a stock opens at the reference when it comes back.
        reference = panel.fields["pre_close"][column, next_bar(panel, row, column)]
        assert abs(shares * reference + cash - before) <= (TICK / 2 + 1e-9) * shares  # what rounding to a tick moves
    kinds = set.union(*(kinds for *_, kinds in given.values()))
    assert kinds == {"cash_dividend", "bonus_shares", "rights_taken"}
