"""Random small markets: the account adds up, the rules hold, nothing looks ahead, names do not matter."""

from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from analyzers.recorders import RECORDERS
from feeds.panel import CorporateEvents, MarketPanel
from feeds.rules import board_of, limit_prices
from strategies import registry
from strategies.base import BasketStrategy
from strategies.execution import config, engine

CODES = [
    "000001.SZ", "300001.SZ", "300002.SZ", "600000.SH", "600001.SH", "688001.SH", "688002.SH", "830001.BJ",
]  # fmt: skip
PERCENT = {"main": 10, "chinext": 20, "star": 20, "bse": 30}
LEAST = {"main": 100, "chinext": 100, "star": 200, "bse": 100}
SEEDS = some.integers(0, 2**32 - 1)
CHECKED = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Count(bt.Analyzer):
    """How many orders were given."""

    def get_analysis(self):
        return len(self.strategy.broker.orders)


def stock(rng, code, days):
    """Return one stock's fields by day, its events, and its delisting row."""
    names = ("open", "close", "high", "low", "up_limit", "down_limit", "adj_factor", "vol", "amount")
    path = {name: np.full(days, np.nan) for name in names}
    listed = 3 if rng.random() < 0.15 else -1000
    delisted = int(rng.integers(4, days)) if rng.random() < 0.2 else days
    last, factor, shown, halt, events = round(rng.uniform(2, 60), 2), 1.0, 1.0, 0, []
    for day in range(max(listed, 0), min(delisted, days)):
        reference = last
        if rng.random() < 0.08:
            known = rng.random() < 0.7  # else only the factor tells
            shares, cash = rng.choice([0.0, 0.35, 1.0]), round(rng.choice([0.0, 0.03]) * last, 2)
            rights = 0.3 if known and rng.random() < 0.3 else 0.0
            price = round(last * rng.uniform(0.5, 1.1), 2)
            reference = max(round((last - cash + rights * price) / (1 + shares + rights), 2), 0.05)
            factor *= last / reference
            if known:  # some are paid, and some new shares admitted, days later
                late = [day + int(rng.integers(0, 3)) for _ in range(2)]
                events.append((day, shares, cash, rights, price, *late, shares if rng.random() < 0.5 else 0.0))
        halt = halt - 1 if halt else (int(rng.integers(1, 5)) if rng.random() < 0.06 else 0)
        if halt:
            last = reference
            shown = factor if rng.random() < 0.5 else shown
            path["adj_factor"][day] = shown
            continue
        shown = path["adj_factor"][day] = factor
        down, up = (float(limit) for limit in limit_prices(np.float64(reference), PERCENT[board_of(code)]))
        opened, close = (rng.choice([up, down, *np.round(rng.uniform(down, up, 4), 2)]) for _ in range(2))
        if rng.random() < 0.9:
            path["up_limit"][day], path["down_limit"][day] = up, down
        path["open"][day], path["close"][day], last = opened, close, close
        path["high"][day], path["low"][day] = max(opened, close), min(opened, close)
        path["vol"][day] = float(rng.integers(100, 50_000))
        path["amount"][day] = path["vol"][day] * (opened + close) / 2
    return path, events, listed, delisted


def random_market(seed):
    """Return a panel of 12 to 30 days and eight stocks on all boards, with everything that happens to stocks."""
    rng = np.random.default_rng(seed)
    days = int(rng.integers(12, 31))
    stocks = [stock(rng, code, days) for code in CODES]
    fields = {name: np.array([path[name] for path, *_ in stocks]).T for name in stocks[0][0]}
    rows = [(n, *event) for n, (_, events, *_) in enumerate(stocks) for event in events]
    list_index, delist_index = (np.array([parts[k] for parts in stocks]) for k in (2, 3))
    there = (np.arange(days)[:, None] >= list_index) & (np.arange(days)[:, None] < delist_index)
    return MarketPanel.from_arrays(
        np.busday_offset(np.datetime64("2024-01-02"), np.arange(days)), CODES, fields,
        events=CorporateEvents(*np.array(rows, "float64").reshape(-1, 9).T),
        list_index=list_index, delist_index=delist_index,
        suspended=there & ~np.isfinite(fields["close"]), st=rng.random((days, len(CODES))) < 0.05,
        indices={"000300.SH": np.linspace(3000, 3300, days)},
    )  # fmt: skip


def random_scores(seed, panel):
    rng = np.random.default_rng(seed + 1)
    rows = [0, *np.flatnonzero(rng.random(len(panel.dates)) < 0.3)]
    scores = {}
    for row in rows:
        scored = [code for code in CODES if rng.random() < 0.9] or CODES
        scores[int(row)] = dict(zip(scored, rng.normal(size=len(scored)), strict=True))
    return scores


def random_options(seed):
    rng = np.random.default_rng(seed + 2)
    return {
        "strategy": "top_k", "cash": float(rng.choice([5_000.0, 100_000.0, 1e7])), "min_listed_days": 2,
        "fees": str(rng.choice(["none", "8bp", "100bp"])), "lots": str(rng.choice(["board", "share"])),
        "blocked_sells": str(rng.choice(["carry", "expire", "carry=2"])),
        "blocked_buys": str(rng.choice(["expire", "carry=2", "substitute"])),
        "delisting_recovery": float(rng.choice([0.0, 0.5])),
        "slippage": str(rng.choice(["none", "10bp", "1tick"])),
        "max_participation": [None, 0.1, 0.5][rng.integers(3)],
        "dividends": str(rng.choice(["cash", "reinvest"])), "dividend_tax": str(rng.choice(["none", "holding"])),
        "rights": str(rng.choice(["subscribe", "lapse"])),
        "parameters": {"top_k": int(rng.choice([1, 2, 3, 10])), "sell_suspended": bool(rng.random() < 0.7)},
    }  # fmt: skip


@pytest.fixture(scope="module")
def play_random(scores_of):
    """Return a function that runs a panel with the scores and options of a seed."""

    def run(seed, panel, scores=None, **options):
        reader = scores_of(panel, random_scores(seed, panel) if scores is None else scores)
        return engine.run(config.make(random_options(seed) | options), panel, reader, {**RECORDERS, "count": Count})

    return run


def on_day(frame, date):
    return frame[frame["date"] == date]


def slipped(config, price, buy, limit):
    """Return the price of a fill by hand."""
    worse = {"none": 0.0, "10bp": 0.001 * price, "1tick": 0.01}[config.slippage]
    moved = price + worse if buy else max(price - worse, 0.01)
    return (min if buy else max)(moved, limit) if np.isfinite(limit) else moved


def ledger(panel, result):
    """Recompute cash, holdings and NAV of every day from the fills and actions alone, and check every fill."""
    rate = {"none": 0.0, "8bp": 0.0008, "100bp": 0.01}[result.config.fees]
    column = {code: n for n, code in enumerate(CODES)}
    prices = {name: panel.field(name) for name in ("open", "close", "up_limit", "down_limit", "vol")}
    events = zip(*(getattr(panel.events, part) for part in CorporateEvents.PARTS), strict=True)
    known = {(int(n), int(row)): due[:4] for n, row, *due in events}
    cash, owed, held, carried, lines = result.config.cash, 0.0, {}, {}, []
    for date in result.nav["date"]:
        row = panel.date_index(np.datetime64(date, "D"))
        for action in on_day(result.actions, date).itertuples():
            held[action.ts_code] = held.get(action.ts_code, 0) + action.shares
            cash += action.cash
            owed += action.receivable
        for code in carried:
            if (column[code], row) in known:
                shares, paid, rights, price = known[column[code], row]
                carried[code] = (carried[code] - paid + rights * price) / (1 + shares + rights)
        before, traded = dict(held), dict.fromkeys(CODES, 0)
        for fill in on_day(result.fills, date).sort_values("side", ascending=False).itertuples():  # sells first
            n = column[fill.ts_code]
            opened, up, down, volume = (prices[name][row, n] for name in ("open", "up_limit", "down_limit", "vol"))
            buy = fill.side == "buy"
            assert fill.price == slipped(result.config, opened, buy, up if buy else down)
            assert fill.slippage == pytest.approx(fill.shares * abs(fill.price - opened), abs=1e-6)
            assert fill.fee == pytest.approx(rate * fill.shares * fill.price, abs=1e-6)
            traded[fill.ts_code] += fill.shares
            if result.config.max_participation:
                assert traded[fill.ts_code] <= result.config.max_participation * volume
            if buy:
                assert not opened >= up - 0.005
                cash -= fill.shares * fill.price + fill.fee
                held[fill.ts_code] = held.get(fill.ts_code, 0) + fill.shares
            else:
                assert not opened <= down + 0.005
                assert fill.shares <= before[fill.ts_code]  # T+1: only what the morning held
                before[fill.ts_code] -= fill.shares
                held[fill.ts_code] -= fill.shares
                cash += fill.shares * fill.price - fill.fee
            assert held[fill.ts_code] >= 0
        assert cash >= -1e-6
        held = {code: shares for code, shares in held.items() if shares}
        closes = {code: prices["close"][row, column[code]] for code in held}
        carried = {code: close if np.isfinite(close) else carried[code] for code, close in closes.items()}
        worth = cash + owed + sum(shares * carried[code] for code, shares in held.items())
        lines.append((cash, worth, dict(held), owed))
    return lines


@given(SEEDS)
@CHECKED
def test_an_independent_ledger_of_the_frames_finds_the_same_account_every_day(play_random, seed):
    panel = random_market(seed)
    result = play_random(seed, panel)
    lines = ledger(panel, result)
    scale = result.config.cash * 1e-12 + 1e-6
    assert result.nav["cash"].to_numpy() == pytest.approx([line[0] for line in lines], abs=scale)
    assert result.nav["nav"].to_numpy() == pytest.approx([line[1] for line in lines], abs=scale)
    assert result.nav["receivable"].to_numpy() == pytest.approx([line[3] for line in lines], abs=scale)
    assert (result.nav["cash"] >= 0).all()
    parts = result.nav[["cash", "receivable", "stock_value", "hedge_value"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(result.nav["nav"].to_numpy(), abs=1e-6)
    positions = result.positions
    for date, (_, worth, held, _) in zip(result.nav["date"], lines, strict=True):
        today = on_day(positions, date)
        assert dict(zip(today["ts_code"], today["shares"], strict=True)) == held
        assert today["weight"].sum() * worth == pytest.approx(today["value"].sum(), abs=1e-4)


@given(SEEDS)
@CHECKED
def test_every_wanted_order_is_one_row_that_explains_itself(play_random, seed):
    panel = random_market(seed)
    result = play_random(seed, panel)
    orders = result.orders
    assert len(orders) == result.analyses["count"]
    keys = ["ts_code", "side"]
    done = orders[orders["filled"] > 0].groupby(keys)
    fills = result.fills.groupby(keys)
    assert done["filled"].sum().to_dict() == fills["shares"].sum().to_dict()
    assert done["fee"].sum().to_dict() == pytest.approx(fills["fee"].sum().to_dict())
    assert (orders["wanted"] > 0).all() and orders["filled"].between(0, orders["wanted"]).all()
    whole, none = orders["filled"] == orders["wanted"], orders["filled"] == 0
    status = orders["status"]
    assert (whole == (status == "filled")).all()
    assert status[~whole & ~none].isin(["partial", "open"]).all() and not (status[none] == "partial").any()
    assert set(status) <= {"filled", "partial", "expired", "replaced", "open"}
    assert ((orders["reason"] == "") == (whole & (orders["attempts"] == 1))).all()
    assert orders.loc[none, "price"].isna().all() and (orders.loc[none, "fee"] == 0).all()
    assert orders["reference"].gt(0).all()
    if result.config.blocked_sells == "expire":
        waited = orders[(orders["side"] == "sell") & (orders["attempts"] > 1)]
        assert waited["reason"].isin(["volume"]).all()
    first = [panel.date_index(np.datetime64(day, "D")) + 1 for day in orders["signal_date"]]
    last = [panel.date_index(np.datetime64(day, "D")) for day in orders["date"]]
    assert (np.array(last) - np.array(first) + 1).tolist() == orders["attempts"].tolist()


@given(SEEDS)
@CHECKED
def test_only_candidates_are_bought_in_lots_of_their_board(play_random, seed):
    panel = random_market(seed)
    result = play_random(seed, panel)
    buys = result.orders[result.orders["side"] == "buy"]
    assert buys[buys["replaces"] == ""].groupby("signal_date").size().le(result.config.parameters["top_k"]).all()
    for order in buys.itertuples():
        row, n = panel.date_index(np.datetime64(order.signal_date, "D")), panel.index_of(order.ts_code)
        assert panel.listed_days(row)[n] >= 2 and not panel.suspended[row, n] and not panel.st[row, n]
        if order.filled and result.config.lots == "board":
            board = board_of(order.ts_code)
            assert order.filled >= LEAST[board]
            assert board in ("star", "bse") or order.filled % 100 == 0


def changed(panel, **changes):
    return replace(panel, **changes)


def until(result, date):
    """Return orders ended, actions booked, NAV and positions up to a day."""
    frames = {name: getattr(result, name) for name in ("orders", "actions", "nav", "positions")}
    return {name: frame[frame["date"] <= date].reset_index(drop=True) for name, frame in frames.items()}


@given(SEEDS, some.integers(1, 30))
@CHECKED
def test_a_days_closes_highs_and_lows_decide_nothing_of_its_fills(play_random, seed, day):
    panel = random_market(seed)
    day = day % (len(panel.dates) - 1) + 1
    factors = np.random.default_rng(seed).uniform(0.8, 1.2, len(CODES))
    fields = {name: np.array(values) for name, values in panel.fields.items()}
    capped = random_options(seed)["max_participation"] is not None  # only then does the day's volume matter
    for name in ("close", "high", "low", *(() if capped else ("vol", "amount"))):
        fields[name][:, day] *= factors
    date = pd.Timestamp(panel.dates[day])
    seen, other = (until(play_random(seed, p), date) for p in (panel, changed(panel, fields=fields)))
    orders, others = (run["orders"].drop(columns="standing") for run in (seen, other))  # known after the day
    pd.testing.assert_frame_equal(orders, others, check_exact=True)
    pd.testing.assert_frame_equal(seen["actions"], other["actions"], check_exact=True)


@given(SEEDS, some.integers(1, 30))
@CHECKED
def test_nothing_that_comes_later_changes_what_happened_before(play_random, seed, day):
    panel, future = random_market(seed), random_market(seed + 7)
    day = day % (len(panel.dates) - 2) + 1
    days = min(len(panel.dates), len(future.dates))
    late = slice(day + 1, days)
    fields = {name: np.array(values) for name, values in panel.fields.items()}
    for name, values in fields.items():
        values[:, late] = future.fields[name][:, late] * (3.0 if name == "adj_factor" else 1.0)
    suspended, st = np.array(panel.suspended), np.array(panel.st)
    suspended[late], st[late] = ~np.isfinite(fields["close"][:, late]).T, future.st[late]
    # An ex-date is known at the close before: only later ones are the future.
    keep = panel.events.row <= day + 1
    events = CorporateEvents(*(getattr(panel.events, part)[keep] for part in CorporateEvents.PARTS))
    other = changed(panel, fields=fields, suspended=suspended, st=st, events=events)
    scores = random_scores(seed, panel)
    invented = {row: s if row <= day else dict.fromkeys(s, 1.0) for row, s in scores.items()}
    date = pd.Timestamp(panel.dates[day])
    before, after = until(play_random(seed, panel, scores), date), until(play_random(seed, other, invented), date)
    for name in before:
        pd.testing.assert_frame_equal(before[name], after[name], check_exact=True)


class Weighted(BasketStrategy):
    """Holds the three best stocks, the better its score the more of each."""

    def weights(self, row, columns, scores):
        score = dict(zip(columns.tolist(), scores, strict=True))
        parts = {n: np.exp(score[n]) for n in self.best(row, columns, scores, count=3).tolist()}
        return {n: part / sum(parts.values()) for n, part in parts.items()}


@pytest.fixture(scope="module")
def weighted():
    """A strategy of uneven weights, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.STRATEGIES, "weighted", registry.StrategySpec("weighted", Weighted, "uneven weights"))
        yield {"strategy": "weighted", "parameters": {}}


@pytest.mark.parametrize("execution", ["open", "vwap", "close"])
@given(seed=SEEDS)
@settings(parent=CHECKED, max_examples=15)
def test_other_names_change_nothing_of_uneven_baskets_either(play_random, weighted, execution, seed):
    options = {**weighted, "execution": execution, "blocked_buys": "substitute", "max_participation": 0.1}
    check_other_names(play_random, seed, **options)


@given(SEEDS)
@CHECKED
def test_other_names_for_the_same_stocks_change_nothing(play_random, seed):
    check_other_names(play_random, seed)


def check_other_names(play_random, seed, **options):
    """Run a market and the same one under other names, and compare all frames."""
    panel = random_market(seed)
    scores = random_scores(seed, panel)
    rng = np.random.default_rng(seed)
    order = np.arange(len(CODES))
    for board in PERCENT:  # a stock keeps its board, for the board decides lots
        mine = [n for n, code in enumerate(CODES) if board_of(code) == board]
        order[mine] = rng.permutation(mine)
    place = np.argsort(order)  # stock n of the first market is stock place[n] of the other
    renamed = {code: CODES[place[n]] for n, code in enumerate(CODES)}
    events = {part: getattr(panel.events, part) for part in CorporateEvents.PARTS}
    events["stock"] = place[events["stock"].astype(int)].astype(float)
    other = changed(
        panel, fields={name: values[order] for name, values in panel.fields.items()}, events=CorporateEvents(**events),
        suspended=panel.suspended[:, order], st=panel.st[:, order],
        list_index=panel.list_index[order], delist_index=panel.delist_index[order],
    )  # fmt: skip
    first = play_random(seed, panel, scores, **options)
    scores = {row: {renamed[c]: x for c, x in s.items()} for row, s in scores.items()}
    second = play_random(seed, other, scores, **options)
    for name, keys in (("orders", ["date", "signal_date", "ts_code", "side"]), ("positions", ["date", "ts_code"])):
        frame = getattr(first, name)
        columns = [column for column in ("ts_code", "replaces") if column in frame]
        frame = frame.assign(**{c: frame[c].map({**renamed, "": ""}).astype("str") for c in columns})
        frame = frame.sort_values(keys, ignore_index=True)
        pd.testing.assert_frame_equal(
            frame, getattr(second, name).sort_values(keys, ignore_index=True), check_exact=True
        )
    pd.testing.assert_frame_equal(first.nav, second.nav, check_exact=True)


@given(SEEDS)
@CHECKED
def test_a_price_that_only_goes_ex_leaves_the_nav_where_it_was(market, play, seed):
    rng = np.random.default_rng(seed)
    code, price, halted, lost = "600000.SH", 30.0, False, 0.0
    factor = shown = float(rng.uniform(0.5, 20))
    prices, factors, events = [price, price], [factor, factor], []
    for day in range(2, 30):
        was_halted, halted = halted, rng.random() < (0.6 if halted else 0.15)
        kind, before = rng.choice(["none", "none", "cash", "shares", "rights", "unknown"]), price
        if kind == "cash":
            events.append((code, day, {"cash": 0.02 * price}))
            price *= 0.98
        elif kind == "shares":
            events.append((code, day, {"shares": 0.37}))
            price /= 1.37
        elif kind == "rights":
            events.append((code, day, {"rights": 0.3, "rights_price": price / 2}))
            price, lost = price * 1.15 / 1.3, lost + price  # a fraction of a share is lost
        elif kind == "unknown" and not was_halted and not halted:
            price /= rng.choice([1.013, 1.5])  # only the factor tells
        factor *= before / price
        shown = shown if halted and rng.random() < 0.5 else factor  # it may lag until the stock trades
        prices.append(np.nan if halted else price)
        factors.append(shown)
    panel = market({code: prices}, adj_factor={code: factors}, events=events)
    nav = play(panel, {0: [(code, 10_000)]}, cash=1e9).nav["nav"].to_numpy()
    assert nav == pytest.approx(np.full(30, 1e9), abs=lost + 1e-4)


@given(SEEDS)
@settings(parent=CHECKED, max_examples=10)
def test_the_same_run_gives_the_same_frames(play_random, seed):
    panel = random_market(seed)
    first, second = play_random(seed, panel), play_random(seed, panel)
    for name in ("orders", "actions", "nav", "positions"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)


def test_the_random_markets_hold_what_they_should(play_random):
    """The properties above mean little unless every obstacle and event comes up."""
    runs = [play_random(seed, random_market(seed)) for seed in range(40)]
    orders = pd.concat([run.orders for run in runs])
    actions = pd.concat([run.actions for run in runs])
    reasons = {"suspended", "limit up at open", "limit down at open", "volume", "lot", "cash", "delisted", ""}
    reasons |= {"not admitted to trading yet"}
    assert reasons <= set(orders["reason"])
    assert {"filled", "partial", "expired", "replaced", "open"} == set(orders["status"])
    kinds = {"cash_dividend", "bonus_shares", "rights_taken", "rights_lost", "derived", "delisting"}
    kinds |= {"dividend_paid", "dividend_tax", "dividend_reinvested"}
    assert kinds == set(actions["kind"])
