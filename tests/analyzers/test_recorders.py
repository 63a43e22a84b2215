"""The frames of a run, as its recorders write them down."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from analyzers.recorders import RECORDERS, DecisionRecorder
from feeds.lines import Market
from feeds.panel import CorporateEvents, MarketPanel
from strategies.execution import fees
from strategies.execution.broker import AShareBroker

A, B = "600000.SH", "600001.SH"
NAN = float("nan")
DAYS = 6


class Script(bt.Strategy):
    params = (("plan", None),)

    def next(self):
        for code, shares in self.p.plan.get(len(self) - 1, ()):
            (self.buy if shares > 0 else self.sell)(self.broker.market.feed(code), size=abs(shares))


def record(plan, closes, first=0, events=(), strategy=Script, **options):
    """Run orders by day and return the frames; opens are closes, 10,000 yuan, 1 % a side."""
    dates = np.busday_offset(np.datetime64("2024-01-02"), np.arange(DAYS))
    panel = MarketPanel.from_arrays(
        dates, sorted(closes), {"close": np.array([closes[code] for code in sorted(closes)], float).T},
        events=CorporateEvents(*np.array(events, "float64").reshape(-1, 6).T),
    )  # fmt: skip
    market = Market(panel, first, DAYS - 1, np.arange(first, DAYS) + 3000.0)
    cerebro = bt.Cerebro(stdstats=False)
    broker = AShareBroker(fees=fees.get("100bp"), **options)
    broker.setcash(10_000.0)
    broker.attach(market)
    cerebro.setbroker(broker)
    cerebro.adddata(market.clock)
    cerebro.addstrategy(strategy, **({"plan": plan} if strategy is Script else {}))
    recorders = {**RECORDERS, "decisions": DecisionRecorder}
    for name, recorder in recorders.items():
        cerebro.addanalyzer(recorder, _name=name)
    run = cerebro.run()[0]
    return {name: getattr(run.analyzers, name).get_analysis() for name in recorders}


QUIET = ["standing", "slippage", "replaces"]
PRICES = {A: [10, 10, 12, NAN, NAN, 11], B: [5, 5, 5, 5, 5, 5]}


def test_the_nav_frame_is_the_account_at_every_close():
    nav = record({0: [(A, 100), (B, 200)]}, PRICES)["nav"]
    assert nav.columns.tolist() == ["date", "nav", "cash", "receivable", "stock_value", "hedge_value", "benchmark"]
    # 1,000 + 1,000 and 1 % of it: 7,980 left; A 12 from day 2, carried over two days, 11 at last.
    assert nav["cash"].tolist() == [10_000] + [7_980] * 5
    assert nav["nav"].tolist() == [10_000, 9_980, 10_180, 10_180, 10_180, 10_080]
    assert nav["stock_value"].tolist() == [0, 2_000, 2_200, 2_200, 2_200, 2_100]
    assert (nav["hedge_value"] == 0).all()
    assert nav["benchmark"].tolist() == [3000, 3001, 3002, 3003, 3004, 3005]
    assert nav["date"].tolist() == list(pd.bdate_range("2024-01-02", periods=6))


def test_the_position_frame_holds_every_holding_of_every_close_by_code():
    positions = record({0: [(B, 200)], 1: [(A, 100)], 3: [(B, -200)]}, PRICES)["positions"]
    assert positions.columns.tolist() == ["date", "ts_code", "shares", "price", "value", "weight"]
    held = positions.groupby("date")[["ts_code", "shares", "price"]].apply(lambda day: day.to_numpy().tolist()).tolist()
    assert held == [
        [[B, 200, 5.0]], [[A, 100, 12.0], [B, 200, 5.0]], [[A, 100, 12.0], [B, 200, 5.0]],
        [[A, 100, 12.0]], [[A, 100, 11.0]],
    ]  # fmt: skip
    # Day 2: 10,000 - 1,010 - 1,212 of cash and 2,200 of stocks are 9,978.
    assert positions["weight"].iloc[1] == pytest.approx(1_200 / 9_978)


def test_the_order_frame_tells_what_became_of_every_order():
    orders = record({0: [(A, 150)], 1: [(B, 100)], 2: [(A, -100), (B, 50)]}, PRICES)["orders"]
    days = pd.bdate_range("2024-01-02", periods=6)
    rows = [tuple(row) for row in orders.drop(columns=["price", "fee", *QUIET]).itertuples(index=False)]
    assert rows == [
        (days[0], days[1], A, "buy", 150, 100, "partial", "lot", 10.0, 1),
        (days[1], days[2], B, "buy", 100, 100, "filled", "", 5.0, 1),
        (days[2], days[3], B, "buy", 50, 0, "expired", "lot", 5.0, 1),
        (days[2], days[5], A, "sell", 100, 100, "filled", "suspended", 12.0, 3),
    ]
    assert orders["price"].tolist()[:2] == [10.0, 5.0] and np.isnan(orders["price"].iloc[2])
    assert orders["fee"].tolist() == pytest.approx([10.0, 5.0, 0.0, 11.0])
    assert orders[QUIET].drop_duplicates().to_numpy().tolist() == [["", 0.0, ""]]  # no limit, slippage or substitute


def test_the_fill_frame_lists_every_execution_sales_first():
    fills = record({0: [(B, 200), (A, 100)], 1: [(A, 100), (B, -200)]}, PRICES)["fills"]
    days = pd.bdate_range("2024-01-02", periods=6)
    assert [tuple(row) for row in fills.itertuples(index=False)] == [
        (days[1], A, "buy", 100, 10.0, pytest.approx(10.0), 0.0),
        (days[1], B, "buy", 200, 5.0, pytest.approx(10.0), 0.0),
        (days[2], B, "sell", 200, 5.0, pytest.approx(10.0), 0.0),
        (days[2], A, "buy", 100, 12.0, pytest.approx(12.0), 0.0),
    ]


def test_sales_come_before_purchases_of_the_same_day():
    orders = record({0: [(B, 100), (A, 100)], 1: [(A, 100), (B, -100)]}, PRICES)["orders"]
    assert orders[["ts_code", "side"]].to_numpy().tolist() == [[A, "buy"], [B, "buy"], [B, "sell"], [A, "buy"]]


def test_an_order_still_waiting_at_the_end_is_open():
    prices = {**PRICES, A: [10, 10, 12, NAN, NAN, NAN]}
    orders = record({0: [(A, 100)], 2: [(A, -100)], 5: [(B, 100)]}, prices)["orders"]
    assert orders[["side", "filled", "status", "reason", "attempts"]].to_numpy().tolist() == [
        ["buy", 100, "filled", "", 1], ["sell", 0, "open", "suspended", 3], ["buy", 0, "open", "", 0],
    ]  # fmt: skip
    assert (orders["date"].iloc[1:] == pd.Timestamp("2024-01-09")).all()


def test_a_sale_replaced_by_the_next_basket_ends_on_the_last_session_it_was_tried():
    class Again(bt.Strategy):
        def next(self):
            feed = self.broker.market.feed(A)
            if len(self) == 1:
                self.buy(feed, size=100)
            if len(self) == 3:
                self.sell(feed, size=100)
            if len(self) == 5:
                self.broker.cancel_carried()

    orders = record({}, PRICES, strategy=Again)["orders"]
    sale = orders.iloc[1]
    assert (sale["status"], sale["reason"], sale["attempts"]) == ("replaced", "suspended", 2)
    assert sale["date"] == pd.Timestamp("2024-01-08")


def test_a_run_may_begin_in_the_middle_of_the_panel():
    frames = record({0: [(B, 100)]}, PRICES, first=2)
    assert frames["nav"]["date"].iloc[0] == pd.Timestamp("2024-01-04")
    assert frames["nav"]["benchmark"].tolist() == [3002, 3003, 3004, 3005]
    assert frames["orders"]["date"].tolist() == [pd.Timestamp("2024-01-05")]
    assert frames["positions"]["date"].iloc[0] == pd.Timestamp("2024-01-05")


def test_bonus_shares_are_in_the_positions_from_the_ex_date_on():
    frames = record({0: [(B, 100)]}, {**PRICES, B: [5, 5, 2.5, 2.5, 2.5, 2.5]}, events=[(1, 2, 1.0, 0, 0, 0)])
    assert frames["positions"]["shares"].tolist() == [100, 200, 200, 200, 200]
    assert frames["nav"]["nav"].tolist() == [10_000] + [9_995] * 5


def test_the_decisions_are_the_orders_as_they_were_given_whatever_became_of_them():
    """B is suspended on day 2 and goes ex with a bonus share per old one: what waits to be sold has doubled."""
    prices = {A: [10, 10, 12, 11, 11, 11], B: [5, 5, NAN, 2.5, 2.5, 2.5]}
    plan = {0: [(B, 200), (A, 100)], 1: [(B, -200)], 4: [(A, 100)]}
    frames = record(plan, prices, events=[(1, 3, 1.0, 0, 0, 0)])
    decisions = frames["decisions"]
    assert decisions.values.tolist() == [
        [pd.Timestamp("2024-01-02"), A, "buy", 100, 10.0],
        [pd.Timestamp("2024-01-02"), B, "buy", 200, 5.0],
        [pd.Timestamp("2024-01-03"), B, "sell", 200, 5.0],
        [pd.Timestamp("2024-01-08"), A, "buy", 100, 11.0],
    ]
    orders = frames["orders"]
    assert orders.loc[orders["side"] == "sell", ["wanted", "reference"]].values.tolist() == [[400, 2.5]]
    empty = record({}, PRICES)["decisions"]
    assert empty.dtypes.to_dict() == decisions.dtypes.to_dict() and not len(empty)


@pytest.mark.parametrize("plan", [{}, {0: [(B, 100)]}])
def test_the_frames_have_the_same_types_whether_or_not_anything_happened(plan):
    frames = record(plan, PRICES)
    types = {name: {column: str(kind) for column, kind in frame.dtypes.items()} for name, frame in frames.items()}
    assert types["orders"] == {
        "signal_date": "datetime64[ms]", "date": "datetime64[ms]", "ts_code": "str", "side": "str",
        "wanted": "int64", "filled": "int64", "price": "float64", "fee": "float64", "status": "str",
        "reason": "str", "reference": "float64", "attempts": "int64", "standing": "str", "slippage": "float64",
        "replaces": "str",
    }  # fmt: skip
    assert types["fills"] == {
        "date": "datetime64[ms]", "ts_code": "str", "side": "str", "shares": "int64", "price": "float64",
        "fee": "float64", "slippage": "float64",
    }  # fmt: skip
    assert types["positions"] == {
        "date": "datetime64[ms]", "ts_code": "str", "shares": "int64", "price": "float64", "value": "float64",
        "weight": "float64",
    }  # fmt: skip
    assert set(types["nav"].values()) == {"datetime64[ms]", "float64"}
    assert len(frames["nav"]) == DAYS and len(frames["positions"]) == (5 if plan else 0)
