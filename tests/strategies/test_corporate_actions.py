"""Dividends, bonus shares, rights and factor jumps: shares and cash change, value does not."""

import backtrader as bt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from feeds.panel import CorporateEvents
from strategies.execution.corporate_actions import (
    Adjustment,
    Entitlement,
    Entitlements,
    apply,
    from_factor,
    unexplained,
)

A, B = "600000.SH", "600001.SH"
NAN = float("nan")


def test_the_reference_price_follows_the_exchange_formula():
    # 20.00 yuan, 10 for 3 bonus, 5 yuan cash for 10 shares, 10 for 2 rights at 8: (20 - 0.5 + 0.2 x 8) / 1.5
    due = Entitlement(shares=0.3, cash=0.5, rights=0.2, rights_price=8.0)
    assert due.reference(20.0) == pytest.approx(14.0666666667)


def test_plans_of_one_ex_date_are_summed_by_row_and_stock():
    events = CorporateEvents(
        stock=np.array([3.0, 3, 3, 3, 4]),
        row=np.array([7.0, 7, 7, 7, 7]),
        shares=np.array([0.1, 0.2, 0, 0, 0]),
        cash=np.array([0.5, 0, 0, 0.25, 1.0]),
        rights=np.array([0, 0.1, 0.3, 0, 0]),
        rights_price=np.array([NAN, 4.0, 8.0, NAN, NAN]),
    )
    due = Entitlements(events)
    assert due.of(6, {3, 4}) == due.of(8, {3, 4}) == due.of(99, {3}) == due.of(7, {5}) == {}
    assert list(due.of(7, {3, 4})) == [3, 4]
    assert due.of(7, {3, 4})[3].shares == pytest.approx(0.3) and due.of(7, {3, 4})[3].cash == 0.75
    # 0.1 at 4 and 0.3 at 8: 0.4 at 7.
    assert due.of(7, {3, 4})[3].rights == 0.4 and due.of(7, {3, 4})[3].rights_price == pytest.approx(7.0)
    assert due.of(7, {3, 4})[4] == Entitlement(cash=1.0, pay_row=7)


def test_a_plan_is_booked_in_whole_shares_and_cash():
    due = Entitlement(shares=0.35, cash=0.2)
    # 150 held at 13.70: 52.5 new shares; ex-right (13.70 - 0.20) / 1.35 = 10.00; half a share is 5 yuan.
    assert apply(150, 13.7, due, True) == [
        Adjustment("cash_dividend", 0, pytest.approx(30.0)),
        Adjustment("bonus_shares", 52, pytest.approx(5.0)),
    ]


@pytest.mark.parametrize(
    ("subscribe", "rights_price", "row"),
    [
        (True, 8.0, Adjustment("rights_taken", 300, -2_400.0)),
        (False, 8.0, Adjustment("rights_lost", 0, 0.0)),
        (True, 11.0, Adjustment("rights_lost", 0, 0.0)),  # nobody pays more than the market asks
    ],
)
def test_rights_are_taken_or_lost_whole(subscribe, rights_price, row):
    assert apply(1000, 11.0, Entitlement(rights=0.3, rights_price=rights_price), subscribe) == [row]


def test_a_right_to_less_than_a_share_is_no_row():
    assert apply(3, 10.0, Entitlement(rights=0.3, rights_price=5.0), True) == []


@pytest.mark.parametrize(
    ("held", "price", "ratio", "row"),
    [
        (1000, 20.0, 2.0, Adjustment("derived", 1000, 0.0)),
        (150, 15.0, 1.5, Adjustment("derived", 75, 0.0)),
        (101, 15.0, 1.5, Adjustment("derived", 50, pytest.approx(5.0))),  # 151.5: half a share of 10 yuan
        (1000, 11.0, 1.1, Adjustment("derived", 100, 0.0)),  # from 10 % on it is shares
        (1000, 20.8, 1.04, Adjustment("derived", 0, pytest.approx(800.0))),  # 20.8 -> 20: 0.80 a share
        (1000, 2.0, 0.1, Adjustment("derived", -900, pytest.approx(0.0))),
    ],
)
def test_a_factor_jump_becomes_shares_or_cash(held, price, ratio, row):
    assert from_factor(held, price, ratio) == row


def test_a_small_jump_becomes_shares_if_cash_is_reinvested():
    # 1,000 x 20.80 go ex to 20.00: 1,040 shares; 1,001 shares are 1,041.04, and 0.04 of 20 yuan is cash.
    assert from_factor(1000, 20.8, 1.04, reinvest=True) == Adjustment("derived", 40, pytest.approx(0.0, abs=1e-6))
    assert from_factor(1001, 20.8, 1.04, reinvest=True) == Adjustment("derived", 40, pytest.approx(0.8))


def test_only_an_unexplained_jump_is_news():
    assert unexplained(1.0 + 1e-7, 1.0, 10.0) == 1.0  # rounding
    assert unexplained(NAN, 1.0, 10.0) == 1.0
    assert unexplained(1.0002, 1.0, 10.0) == 1.0002  # a dividend of 0.02 %, no table
    assert unexplained(1.0058, 1.00572, 437.0) == 1.0  # a factor of three decimals
    assert unexplained(1.0, 1.05, 10.0) == 1.0  # the factor does not know of it: the table is believed
    assert unexplained(2.94, 3.0, 30.0) == 1.0  # treasury shares take no part
    assert unexplained(1.0021, 1.001, 1000.0) == 1.0  # a tenth of a percent is within any rounding
    assert unexplained(1.0305, 1.02, 1.0) == 1.0  # a tick of a stock at 1.00 yuan is 1 %
    assert unexplained(1.0305, 1.02, 10.0) == pytest.approx(1.0305 / 1.02)  # at 10.00 yuan it is not
    assert unexplained(1.30, 1.02, 10.0) == pytest.approx(1.30 / 1.02)  # rights on the day of a dividend


@given(
    held=some.integers(1, 10**6),
    price=some.floats(1, 2000),
    shares=some.sampled_from([0.0, 0.1, 0.35, 1.0, 2.0]),
    cash=some.floats(0, 0.9),
)
@settings(max_examples=60, deadline=None)
def test_value_before_equals_value_after_a_plan(held, price, shares, cash):
    due = Entitlement(shares=shares, cash=cash)
    rows = apply(held, price, due, True)
    after = (held + sum(row.shares for row in rows)) * due.reference(price) + sum(row.cash for row in rows)
    assert after == pytest.approx(held * price, rel=1e-9)


@given(held=some.integers(1, 10**6), price=some.floats(1, 2000), ratio=some.floats(0.2, 5))
@settings(max_examples=60, deadline=None)
def test_value_before_equals_value_after_a_jump(held, price, ratio):
    row = from_factor(held, price, ratio)
    assert (held + row.shares) * price / ratio + row.cash == pytest.approx(held * price, rel=1e-9)
    assert row.shares == int(row.shares) and held + row.shares >= 0


# -- in the account --------------------------------------------------------------------------------------------


def test_a_dividend_is_cash_on_the_ex_date(market, play):
    # Bought at 10.00; 0.50 a share on day 2, whose reference is 9.50: nothing is gained or lost.
    factor = {A: [1, 1, 10 / 9.5, 10 / 9.5]}
    panel = market({A: [10.0, 10.0, 9.5, 9.5]}, adj_factor=factor, events=[(A, 2, {"cash": 0.5})])
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.actions == [(2, A, "cash_dividend", 0, 500.0)]
    assert played.nav["nav"].tolist() == [10_000] * 4
    assert played.nav["cash"].tolist() == [10_000, 0, 500, 500]


def test_bonus_shares_leave_an_odd_lot_that_can_be_sold(market, play):
    panel = market({A: [13.5, 13.5, 10.0, 10.0, 10.0]}, events=[(A, 2, {"shares": 0.35})])
    played = play(panel, {0: [(A, 100)], 2: [(A, -135)]}, cash=1_350)
    assert played.actions == [(2, A, "bonus_shares", 35, 0.0)]
    assert played.orders["filled"].tolist() == [100, 135]
    assert played.nav["nav"].tolist() == pytest.approx([1_350] * 5)


def test_who_buys_on_the_ex_date_is_not_entitled(market, play):
    panel = market({A: [10.0, 9.5, 9.5]}, adj_factor={A: [1, 10 / 9.5, 10 / 9.5]}, events=[(A, 1, {"cash": 0.5})])
    played = play(panel, {0: [(A, 1000)]})
    assert played.actions == []
    assert played.nav["nav"].tolist() == [1_000_000] * 3


def test_who_sells_on_the_ex_date_is_entitled(market, play):
    panel = market({A: [10.0, 10.0, 9.5, 9.5]}, events=[(A, 2, {"cash": 0.5})])
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]}, cash=10_000)
    assert played.nav["cash"].tolist() == [10_000, 0, 10_000, 10_000]


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_a_dividend_while_suspended_is_booked_once_however_late_the_factor_moves(market, play, lag):
    # Ex on day 2, suspended on days 2 and 3; the factor moves on day 2, 3 or 4, when the stock trades again.
    factor = [1.0, 1.0] + [1.0] * lag + [10 / 9.5] * (4 - lag)
    panel = market(
        {A: [10.0, 10.0, NAN, NAN, 9.5, 9.5]}, adj_factor={A: factor}, events=[(A, 2, {"cash": 0.5})]
    )
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.actions == [(2, A, "cash_dividend", 0, 500.0)]
    assert played.nav["nav"].tolist() == pytest.approx([10_000] * 6)
    assert played.positions["price"].tolist() == pytest.approx([10, 9.5, 9.5, 9.5, 9.5])


def test_a_dividend_that_only_the_factor_tells_is_reinvested_if_asked_to(market, play):
    panel = market({A: [20.8, 20.8, 20.0, 22.0]}, adj_factor={A: [1.0, 1.0, 1.04, 1.04]})
    played = play(panel, {0: [(A, 1000)]}, cash=20_800, options={"dividends": "reinvest"})
    assert played.actions == [(2, A, "derived", 40, pytest.approx(0.0, abs=1e-6))]
    assert played.nav["nav"].tolist() == pytest.approx([20_800, 20_800, 20_800, 22_880])


def test_a_factor_jump_without_a_row_in_the_tables_is_booked_when_the_stock_trades(market, play):
    jump = 10 / 9.5
    panel = market({A: [10.0, 10.0, NAN, 9.5, 9.5]}, adj_factor={A: [1, 1, jump, jump, jump]})
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.actions == [(3, A, "derived", 0, pytest.approx(500))]
    assert played.nav["nav"].tolist() == pytest.approx([10_000] * 5)


def test_jumps_are_measured_from_the_last_one(market, play):
    # The factor starts at 3, and moves by 10 / 9.5 and then by 9.5 / 9.
    factor = [3.0, 3.0, 30 / 9.5, 30 / 9]
    played = play(market({A: [10.0, 10.0, 9.5, 9.0]}, adj_factor={A: factor}), {0: [(A, 1000)]}, cash=10_000)
    assert played.actions == [(2, A, "derived", 0, pytest.approx(500)), (3, A, "derived", 0, pytest.approx(500))]
    assert played.nav["nav"].tolist() == pytest.approx([10_000] * 4)


def test_a_known_dividend_does_not_explain_a_later_jump(market, play):
    factor = [1.0, 1.0, 10 / 9.5, 10 / 9]
    panel = market({A: [10.0, 10.0, 9.5, 9.0]}, adj_factor={A: factor}, events=[(A, 2, {"cash": 0.5})])
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert [action[2] for action in played.actions] == ["cash_dividend", "derived"]
    assert played.nav["nav"].tolist() == pytest.approx([10_000] * 4)


def test_a_split_without_a_row_in_the_tables_becomes_shares(market, play):
    panel = market({A: [30.0, 30.0, 10.0]}, adj_factor={A: [1, 1, 3]})
    played = play(panel, {0: [(A, 100)]}, cash=3_000)
    assert played.actions == [(2, A, "derived", 200, 0.0)]
    assert played.nav["nav"].tolist() == pytest.approx([3_000] * 3)


def test_an_event_that_the_factor_does_not_show_is_not_undone(market, play):
    panel = market({A: [10.0, 10.0, 9.5, 9.5]}, events=[(A, 2, {"cash": 0.5})])  # a factor of 1 throughout
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.actions == [(2, A, "cash_dividend", 0, 500.0)]
    assert played.nav["nav"].tolist() == [10_000] * 4


def test_rights_missing_beside_a_dividend_are_derived(market, play):
    # The factor says 1.25, the table only knows of 0.50 cash: 10 / 9.5; the rest, 1.1875, comes as shares.
    panel = market({A: [10.0, 10.0, 8.0]}, adj_factor={A: [1, 1, 1.25]}, events=[(A, 2, {"cash": 0.5})])
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert [(kind, shares) for _, _, kind, shares, _ in played.actions] == [("cash_dividend", 0), ("derived", 187)]
    assert played.nav["nav"].iloc[-1] == pytest.approx(10_000)


@pytest.mark.parametrize(
    ("cash", "kinds", "shares", "nav"),
    [
        # 10 for 3 at 6 yuan on 1,000 shares cost 1,800; ex-right (10 + 1.8) / 1.3 = 9.0769.
        (12_000, ["rights_taken"], 1300, 12_000),
        (11_800, ["rights_taken"], 1300, 11_800),  # to the last yuan
        (11_000, ["rights_lost"], 1000, 1_000 + 9_076.92),
    ],
)
def test_rights_are_taken_up_if_the_cash_covers_them(market, play, cash, kinds, shares, nav):
    after = 11.8 / 1.3
    panel = market(
        {A: [10.0, 10.0, after]}, adj_factor={A: [1, 1, 10 / after]},
        events=[(A, 2, {"rights": 0.3, "rights_price": 6.0})],
    )  # fmt: skip
    played = play(panel, {0: [(A, 1000)]}, cash=cash)
    assert [action[2] for action in played.actions] == kinds
    assert played.positions["shares"].iloc[-1] == shares
    assert played.nav["nav"].iloc[-1] == pytest.approx(nav, abs=0.01)


def test_rights_of_one_day_are_taken_all_or_none(market, play):
    # Each alone would be covered: who gets the cash must not depend on the order of names.
    due = {"rights": 0.3, "rights_price": 6.0}
    panel = market({A: [10.0] * 4, B: [10.0] * 4}, events=[(A, 2, due), (B, 2, due)])
    played = play(panel, {0: [(A, 1000), (B, 1000)]}, cash=22_000)
    assert [action[2] for action in played.actions] == ["rights_lost", "rights_lost"]


def test_a_lost_right_still_lowers_the_carried_price(market, play):
    panel = market({A: [10.0, 10.0, NAN, 8.5]}, events=[(A, 2, {"rights": 1.0, "rights_price": 7.0})])
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.nav["nav"].tolist() == [10_000, 10_000, 8_500, 8_500]


def test_two_events_of_one_date_are_both_booked(market, play):
    panel = market({A: [22.5, 22.5, 10.0]}, events=[(A, 2, {"shares": 1.0}), (A, 2, {"cash": 2.5})])
    played = play(panel, {0: [(A, 100)]}, cash=2_250)
    assert played.actions == [(2, A, "cash_dividend", 0, 250.0), (2, A, "bonus_shares", 100, 0.0)]
    assert played.nav["nav"].tolist() == pytest.approx([2_250] * 3)


def test_an_event_on_the_first_day_touches_nobody(market, play):
    panel = market({A: [10.0] * 3}, events=[(A, 0, {"cash": 0.5})])
    assert play(panel, {0: [(A, 100)]}).actions == []


def test_a_waiting_sale_of_everything_takes_the_new_shares_with_it(market, play):
    panel = market({A: [20.0, 20.0, NAN, 10.0, 10.0]}, events=[(A, 2, {"shares": 1.0})])
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]}, cash=20_000)
    sale = played.orders.iloc[1]
    assert (sale["wanted"], sale["filled"], sale["reference"]) == (2000, 2000, 10.0)
    assert played.nav["nav"].tolist() == [20_000] * 5
    assert played.broker.holdings == {}


def test_a_waiting_sale_of_a_part_stays_as_it_was(market, play):
    panel = market({A: [20.0, 20.0, NAN, 10.0, 10.0]}, events=[(A, 2, {"shares": 1.0})])
    played = play(panel, {0: [(A, 1000)], 1: [(A, -300)]}, cash=20_000)
    assert played.orders["filled"].tolist() == [1000, 300]
    assert played.positions["shares"].iloc[-1] == 1700


def test_a_holding_that_a_reverse_split_leaves_without_shares_is_paid_out(market, play):
    panel = market({A: [1.0, 1.0, 10.0, 10.0]}, adj_factor={A: [1, 1, 0.1, 0.1]})
    played = play(panel, {0: [(A, 5)]}, cash=5, options={"lots": "share"})
    assert played.actions == [(2, A, "derived", -5, pytest.approx(5.0))]
    assert played.nav["nav"].tolist() == pytest.approx([5] * 4)
    assert played.broker.holdings == {}


class Trades(bt.Analyzer):
    """Closed trades: code, result before fees, sessions held."""

    def start(self):
        self.closed = []

    def notify_trade(self, trade):
        assert trade.pnlcomm == trade.pnl  # no fees in these tests
        if trade.isclosed:
            self.closed.append((trade.data._name, round(trade.pnl, 6), trade.barlen))

    def get_analysis(self):
        return self.closed


def test_backtraders_trades_survive_bonus_shares_and_count_dividends(market, play):
    # Bought 1,000 at 20; 10 for 10 and 2.00 a share on day 2 (ex-right 9.00); sold 2,000 at 9.50 on day 4:
    # 19,000 + 2,000 - 20,000 = 1,000. Then a second trade that loses 100.
    panel = market(
        {A: [20.0, 20.0, 9.0, 9.0, 9.5, 9.5, 8.5, 8.5]}, events=[(A, 2, {"shares": 1.0, "cash": 2.0})]
    )  # fmt: skip
    plan = {0: [(A, 1000)], 3: [(A, -2000)], 4: [(A, 100)], 5: [(A, -100)]}
    played = play(panel, plan, analyzers={"trades": Trades, "found": bt.analyzers.TradeAnalyzer})
    assert played.trades == [(A, 1_000.0, 3), (A, -100.0, 1)]
    assert played.found.total == {"total": 2, "open": 0, "closed": 2}
    assert played.found.pnl.gross.total == pytest.approx(900.0)
    assert played.nav["nav"].iloc[-1] == 1_000_900


def test_the_position_shows_the_cost_that_is_left(market, play):
    panel = market({A: [20.0, 20.0, 9.0]}, events=[(A, 2, {"shares": 1.0, "cash": 2.0})])
    played = play(panel, {0: [(A, 1000)]})
    position, trade = played.broker.holdings[0].position, played.strategy._trades[played.broker.market.feed(A)][0][-1]
    assert (position.size, position.price) == (2000, 9.0)
    assert (trade.size, trade.price, trade.value, trade.isopen) == (2000, 9.0, 18_000.0, True)


def test_a_delisting_closes_backtraders_trade_at_what_is_recovered(market, play):
    panel = market({A: [10.0, 10.0, 8.0, NAN, NAN], B: [1.0] * 5}, delisted={A: 3})
    played = play(panel, {0: [(A, 1000)]}, analyzers={"trades": Trades}, options={"delisting_recovery": 0.5})
    assert played.trades == [(A, -6_000.0, 2)]  # 8.00 x 0.5 = 4.00 for what cost 10.00


def test_trades_kept_apart_by_number_share_the_new_shares(market, play):
    class Two(bt.Strategy):
        def next(self):
            feed = self.broker.market.feed(A)
            if len(self) == 1:
                self.buy(feed, size=100, tradeid=1)
                self.buy(feed, size=300, tradeid=2)
            if len(self) == 4:
                self.sell(feed, size=150, tradeid=1)
                self.sell(feed, size=450, tradeid=2)

    panel = market({A: [15.0, 15.0, 10.0, 10.0, 11.0]}, events=[(A, 2, {"shares": 0.5})])
    played = play(panel, strategy=Two, analyzers={"trades": Trades}, options={"lots": "share"})
    assert played.trades == [(A, 150.0, 3), (A, 450.0, 3)]
