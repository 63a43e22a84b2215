"""What the market refuses, and what an order does to the account."""

from itertools import permutations

import numpy as np
import pytest

from feeds.errors import ConfigError
from strategies.execution.fees import Proportional
from strategies.execution.policy import Policy

A, B, C = "600000.SH", "600001.SH", "600002.SH"
STAR, BSE = "688001.SH", "830001.BJ"
NAN = float("nan")


def row(played, number=0):
    order = played.orders.iloc[number]
    return order["side"], int(order["wanted"]), int(order["filled"]), order["status"], order["reason"]


def fill(played, code):
    orders = played.orders[played.orders["ts_code"] == code]
    return [tuple(line) for line in orders[["side", "filled", "price"]].itertuples(index=False)]


def test_an_order_is_filled_at_the_next_open_with_the_fee_on_its_value(market, play):
    panel = market({A: [10.0, 11.0, 12.0]}, {A: [10.0, 10.5, 12.0]})
    played = play(panel, {0: [(A, 1000)]}, cash=20_000, fees_of="8bp")
    # 1,000 shares at 10.50 = 10,500; 8 bp of it = 8.40; 20,000 - 10,508.40 = 9,491.60; at 11.00 worth 11,000.
    order = played.orders.iloc[0]
    assert (order["price"], order["fee"]) == (10.5, pytest.approx(8.4))
    assert order["date"] == np.datetime64("2024-01-03") and order["signal_date"] == np.datetime64("2024-01-02")
    assert played.nav["cash"].tolist() == pytest.approx([20_000, 9_491.6, 9_491.6])
    assert played.nav["nav"].tolist() == pytest.approx([20_000, 20_491.6, 21_491.6])


def test_each_side_pays_its_own_fee(market, play):
    dear = Proportional("dear", 0.01, 0.03, "1 % to buy, 3 % to sell")
    played = play(market({A: [10.0] * 4}), {0: [(A, 100)], 1: [(A, -100)]}, fees_of=dear)
    assert played.orders["fee"].tolist() == pytest.approx([10.0, 30.0])


def test_an_order_tells_backtrader_what_it_moved_and_earned(market, play):
    import backtrader as bt

    class Told(bt.Strategy):
        def __init__(self):
            self.fills = []

        def next(self):
            feed = self.broker.market.feed(A)
            if len(self) == 1:
                self.buy(feed, size=300)
            if len(self) == 2:
                self.sell(feed, size=100)

        def notify_order(self, order):
            if order.status == order.Completed:
                done = order.executed
                day = str(bt.num2date(done.dt).date())
                self.fills.append((done.size, done.price, done.value, done.comm, done.pnl, day))

    panel = market({A: [10.0, 10.0, 12.5]}, {A: [10.0, 10.0, 12.0]})
    played = play(panel, strategy=Told, fees_of="100bp")
    # 100 of the shares that cost 10.00 sold at 12.00: 1,000 of cost released, 200 earned.
    assert played.strategy.fills == [
        (300, 10.0, 3_000.0, pytest.approx(30.0), 0.0, "2024-01-03"),
        (-100, 12.0, 1_000.0, pytest.approx(12.0), 200.0, "2024-01-04"),
    ]


@pytest.mark.parametrize(
    ("side", "opened", "limits", "reason"),
    [
        ("buy", 11.00, (9.00, 11.00), "limit up at open"),
        ("buy", 10.996, (9.00, 11.00), "limit up at open"),  # within half a tick is the limit
        ("buy", 10.99, (9.00, 11.00), ""),
        ("buy", 9.00, (9.00, 11.00), ""),  # at limit-down one may buy
        ("buy", 11.00, (NAN, NAN), ""),  # no limit known, none applied
        ("buy", NAN, (9.00, 11.00), "suspended"),
        ("sell", 9.00, (9.00, 11.00), "limit down at open"),
        ("sell", 9.004, (9.00, 11.00), "limit down at open"),
        ("sell", 9.01, (9.00, 11.00), ""),
        ("sell", 11.00, (9.00, 11.00), ""),  # at limit-up one may sell
        ("sell", 9.00, (NAN, NAN), ""),
        ("sell", NAN, (9.00, 11.00), "suspended"),
    ],
)
def test_the_open_against_the_limit_prices_decides(market, play, side, opened, limits, reason):
    down, up = limits
    panel = market(
        {A: [10.0, 10.0, 10.0 if opened == opened else NAN]},
        {A: [10.0, 10.0, opened]},
        up_limit={A: [NAN, NAN, up]},
        down_limit={A: [NAN, NAN, down]},
    )
    plan = {1: [(A, 100)]} if side == "buy" else {0: [(A, 100)], 1: [(A, -100)]}
    played = play(panel, plan, options={"blocked_sells": Policy("expire")})
    status = "expired" if reason else "filled"
    assert row(played, -1) == (side, 100, 0 if reason else 100, status, reason)


def test_a_close_at_the_limit_refuses_nothing(market, play):
    panel = market({A: [10.0, 11.0, 9.0]}, {A: [10.0, 10.5, 10.0]}, up_limit={A: [11.0] * 3}, down_limit={A: [9.0] * 3})
    played = play(panel, {0: [(A, 100)], 1: [(A, -100)]})
    assert fill(played, A) == [("buy", 100, 10.5), ("sell", 100, 10.0)]


def test_an_unfilled_buy_expires_and_is_not_tried_again(market, play):
    panel = market({A: [10.0, NAN, 10.0]})
    played = play(panel, {0: [(A, 100)]})
    assert row(played) == ("buy", 100, 0, "expired", "suspended")
    assert played.positions.empty


def test_an_unfilled_sale_is_carried_until_the_market_takes_it(market, play):
    panel = market(
        {A: [10.0, 10.0, NAN, NAN, 9.0, 9.5]},
        {A: [10.0, 10.0, NAN, NAN, 9.0, 9.2]},
        down_limit={A: [NAN, NAN, NAN, NAN, 9.0, 8.1]},
    )
    played = play(panel, {0: [(A, 100)], 1: [(A, -100)]})
    sale = played.orders.iloc[1]
    assert row(played, 1) == ("sell", 100, 100, "filled", "suspended")  # the first obstacle stays on record
    assert (sale["price"], sale["attempts"]) == (9.2, 4)
    assert (sale["signal_date"], sale["date"]) == (np.datetime64("2024-01-03"), np.datetime64("2024-01-09"))


def test_an_unfilled_sale_expires_if_asked_to(market, play):
    panel = market({A: [10.0, 10.0, NAN, 10.0]})
    played = play(panel, {0: [(A, 100)], 1: [(A, -100)]}, options={"blocked_sells": Policy("expire")})
    assert row(played, 1) == ("sell", 100, 0, "expired", "suspended")
    assert played.positions["shares"].tolist() == [100, 100, 100]


def test_a_suspended_holding_is_valued_at_its_last_close(market, play):
    panel = market({A: [10.0, 12.0, NAN, NAN, 15.0]}, {A: [10.0, 10.0, NAN, NAN, 15.0]})
    played = play(panel, {0: [(A, 100)]}, cash=1_000)
    assert played.nav["nav"].tolist() == [1000, 1200, 1200, 1200, 1500]
    assert played.positions["price"].tolist() == [12, 12, 12, 15]


def test_a_sale_still_waiting_when_the_run_ends_is_a_row(market, play):
    panel = market({A: [10.0, 10.0, NAN, NAN]})
    played = play(panel, {0: [(A, 100)], 1: [(A, -100)]})
    assert row(played, 1) == ("sell", 100, 0, "open", "suspended")
    assert played.orders.iloc[1]["date"] == np.datetime64("2024-01-05")


def test_shares_bought_today_cannot_be_sold_today(market, play):
    panel = market({A: [10.0] * 4})
    played = play(panel, {0: [(A, 300), (A, -300)], 1: [(A, -300)]})
    assert row(played, 0) == ("sell", 300, 0, "expired", "T+1")
    assert row(played, 1) == ("buy", 300, 300, "filled", "")
    assert row(played, 2) == ("sell", 300, 300, "filled", "")


def test_only_what_was_held_before_the_session_is_sold_beside_a_purchase(market, play):
    panel = market({A: [10.0] * 4})
    played = play(panel, {0: [(A, 200)], 1: [(A, 300), (A, -500)]})
    assert row(played, 1) == ("sell", 500, 200, "partial", "T+1")
    assert played.positions["shares"].tolist() == [200, 300, 300]


def test_nothing_is_ever_sold_short(market, play):
    panel = market({A: [10.0] * 4, B: [10.0, NAN, 10.0, 10.0]})
    played = play(panel, {0: [(A, -100), (B, -100)], 1: [(B, 100)]})
    assert row(played, 0) == ("sell", 100, 0, "expired", "nothing held")
    # Not carried either: a later purchase must not meet an old sale.
    assert played.orders["status"].tolist() == ["expired", "expired", "filled"]
    assert played.positions["shares"].tolist() == [100, 100]


def test_selling_more_than_is_held_sells_what_is_held(market, play):
    played = play(market({A: [10.0] * 4}), {0: [(A, 200)], 1: [(A, -700)]})
    assert row(played, 1) == ("sell", 700, 200, "partial", "nothing held")
    assert played.nav["cash"].iloc[-1] == 1_000_000


@pytest.mark.parametrize(
    ("code", "wanted", "filled"),
    [(A, 7012, 7000), (A, 99, 0), (STAR, 7012, 7012), (STAR, 199, 0), (STAR, 200, 200), (BSE, 101, 101), (BSE, 99, 0)],
)
def test_a_purchase_is_cut_to_the_lots_of_its_board(market, play, code, wanted, filled):
    played = play(market({code: [10.0] * 3}), {0: [(code, wanted)]})
    status, reason = ("filled", "") if filled == wanted else ("partial" if filled else "expired", "lot")
    assert row(played) == ("buy", wanted, filled, status, reason)


def test_single_shares_can_be_traded_if_asked_to(market, play):
    played = play(market({A: [10.0] * 4}), {0: [(A, 7)], 1: [(A, -3)]}, options={"lots": "share"})
    assert played.positions["shares"].tolist() == [7, 4, 4]


def test_proceeds_of_the_same_open_buy(market, play):
    panel = market({A: [10.0] * 4, B: [20.0] * 4})
    played = play(panel, {0: [(A, 1000)], 1: [(B, 500), (A, -1000)]}, cash=10_000)
    assert fill(played, B) == [("buy", 500, 20.0)]
    assert played.nav["cash"].tolist() == [10_000, 0, 0, 0]


def test_buys_are_scaled_by_one_factor_to_the_cash(market, play):
    # Wanted 600 x 10 + 300 x 20 = 12,000 of 9,000 in cash: three quarters, 450 and 225, cut to lots 400 and 200.
    # Of the 1,000 left, B lacks 100 x 20 = 2,000, as A does, and its lot is too dear; a lot of A is all of it.
    panel = market({A: [10.0] * 3, B: [20.0] * 3})
    played = play(panel, {0: [(A, 600), (B, 300)]}, cash=9_000)
    assert row(played, 0) == ("buy", 600, 500, "partial", "cash")
    assert row(played, 1) == ("buy", 300, 200, "partial", "cash")
    assert played.nav["cash"].iloc[-1] == 0


def test_fees_are_part_of_what_the_cash_must_cover(market, play):
    # 1,000 x 10 = 10,000 and 1 % of it: 10,100. With 10,000 in cash the factor is 0.990..., 900 shares.
    played = play(market({A: [10.0] * 3}), {0: [(A, 1000)]}, cash=10_000, fees_of="100bp")
    assert row(played) == ("buy", 1000, 900, "partial", "cash")
    assert played.nav["cash"].iloc[-1] == pytest.approx(10_000 - 9_000 * 1.01)
    played = play(market({A: [10.0] * 3}), {0: [(A, 1000)]}, cash=10_100, fees_of="100bp")
    assert row(played) == ("buy", 1000, 1000, "filled", "")
    assert played.nav["cash"].iloc[-1] == pytest.approx(0, abs=1e-9)


def test_an_order_that_cannot_be_filled_takes_no_cash_from_the_others(market, play):
    panel = market({A: [10.0] * 3, B: [10.0] * 3, C: [10.0] * 3}, up_limit={B: [NAN, 10.0, NAN]})
    played = play(panel, {0: [(A, 900), (B, 900), (C, 50)]}, cash=9_000)
    assert played.orders["filled"].tolist() == [900, 0, 0]
    assert played.orders["reason"].tolist() == ["", "limit up at open", "lot"]


def test_without_cash_nothing_is_bought(market, play):
    played = play(market({A: [10.0] * 4, B: [10.0] * 4}), {0: [(A, 100)], 1: [(B, 100)]}, cash=1_000)
    assert row(played, 1) == ("buy", 100, 0, "expired", "cash")
    assert played.nav["cash"].tolist() == [1000, 0, 0, 0]


@pytest.mark.parametrize("cash", [0.1 + 0.2, 1000 / 3, 123_456.789])
def test_cash_never_goes_below_zero_when_a_basket_takes_all_of_it(market, play, cash):
    prices = {f"60000{n}.SH": [round(0.07 + 0.1 * n, 2)] * 3 for n in range(8)}
    played = play(market(prices), {0: [(code, 10**7) for code in prices]}, cash=cash, options={"lots": "share"})
    assert (played.nav["cash"] >= 0).all()


def test_the_order_of_names_changes_nothing(market, play):
    prices = {A: [10.0, 10.1, 10.3], B: [20.0, 19.7, 21.0], C: [30.0, 31.3, 29.9], "600003.SH": [7.0, 7.7, 7.1]}
    orders = [(A, 600), (B, 300), (C, 100), ("600003.SH", 1000)]
    outcomes = set()
    for plan in permutations(orders):
        played = play(market(prices), {0: plan, 1: [(code, -100) for code, _ in plan]}, cash=12_345.67, fees_of="8bp")
        outcomes.add((played.orders.to_csv(), played.nav.to_csv()))
    assert len(outcomes) == 1


def test_an_odd_remainder_is_sold_whole_or_not_at_all(market, play):
    panel = market({A: [10.0] * 5}, events=[(A, 2, {"shares": 0.35})])
    sold = play(panel, {0: [(A, 1000)], 2: [(A, -50)], 3: [(A, -1300)]})
    # 1,350 held. 50 is the odd remainder: sold. Then all of the 1,300 left.
    assert sold.orders["filled"].tolist() == [1000, 50, 1300]
    refused = play(panel, {0: [(A, 1000)], 2: [(A, -49)]})
    assert row(refused, 1) == ("sell", 49, 0, "expired", "lot")


def test_a_stock_delisted_or_not_yet_listed_is_refused_by_name(market, play):
    panel = market({A: [10.0, NAN, NAN], B: [NAN, NAN, 10.0], C: [1.0] * 3}, delisted={A: 1}, listed={B: 2})
    played = play(panel, {0: [(A, 100), (B, 100)]})
    assert played.orders["reason"].tolist() == ["delisted", "not listed"]


@pytest.mark.parametrize(("recovery", "left"), [(0.0, 0.0), (0.4, 3_600.0)])
def test_a_holding_is_written_down_when_its_stock_leaves_the_exchange(market, play, recovery, left):
    panel = market({A: [10.0, 10.0, 9.0, NAN, NAN], B: [1.0] * 5}, delisted={A: 3})
    played = play(panel, {0: [(A, 1000)]}, cash=10_000, options={"delisting_recovery": recovery})
    assert played.actions == [(3, A, "delisting", -1000, left)]
    assert played.nav["nav"].tolist() == [10_000, 10_000, 9_000, left, left]
    assert played.positions["date"].max() == np.datetime64("2024-01-04")


def test_a_sale_carried_into_a_delisting_ends_once(market, play):
    panel = market({A: [10.0, 10.0, NAN, NAN, NAN, NAN], B: [1.0] * 6}, delisted={A: 4})
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]})
    assert len(played.orders) == 2
    assert row(played, 1) == ("sell", 1000, 0, "expired", "delisted")
    assert played.orders.iloc[1]["date"] == np.datetime64("2024-01-08")
    assert played.actions == [(4, A, "delisting", -1000, 0.0)]


def test_a_strategy_can_take_back_a_carried_sale(market, play):
    import backtrader as bt

    class Regret(bt.Strategy):
        def next(self):
            feed = self.broker.market.feed(A)
            if len(self) == 1:
                self.buy(feed, size=100)
            if len(self) == 2:
                self.order = self.sell(feed, size=100)
            if len(self) == 4:
                self.cancel(self.order)
                self.cancel(self.order)  # a second time does nothing

    played = play(market({A: [10.0, 10.0, NAN, NAN, 10.0, 10.0]}), strategy=Regret)
    assert row(played, 1) == ("sell", 100, 0, "cancelled", "suspended")
    assert played.orders.iloc[1]["date"] == np.datetime64("2024-01-05")
    assert played.positions["shares"].tolist() == [100] * 5


def test_an_order_taken_back_after_the_last_close_is_a_row_too(market, play):
    import backtrader as bt

    class Late(bt.Strategy):
        def next(self):
            if len(self) == 3:
                self.cancel(self.buy(self.broker.market.feed(A), size=100))
                self.buy(self.broker.market.feed(A), size=200)

    played = play(market({A: [10.0] * 3}), strategy=Late)
    rows = played.orders[["wanted", "status", "attempts"]].to_numpy().tolist()
    assert rows == [[100, "cancelled", 0], [200, "open", 0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exectype": 2, "price": 9.0}, "order type must be Market (filled in the next session), was Limit"),
        ({"valid": 5}, "order must stand alone, was with valid, parent or transmit=False"),
        ({"transmit": False}, "order must stand alone, was with valid, parent or transmit=False"),
        ({"size": 10.5}, "order size must be a whole number of shares, was 10.5"),
        ({"size": NAN}, "order size must be a whole number of shares, was nan"),
        ({"data": None}, "order must name a stock's feed (broker.market.feed(code)), was without one"),
    ],
)
def test_an_order_that_this_market_does_not_know_is_refused(market, play, options, message):
    import backtrader as bt

    class Odd(bt.Strategy):
        def next(self):
            self.buy(**{"data": self.broker.market.feed(A), "size": 100, **options})

    with pytest.raises(ConfigError) as refused:
        play(market({A: [10.0] * 3}), strategy=Odd)
    assert str(refused.value) == message


def test_linked_orders_and_late_deposits_are_refused(market, play):
    import backtrader as bt

    class Linked(bt.Strategy):
        def next(self):
            feed = self.broker.market.feed(A)
            self.buy(feed, size=100, oco=self.buy(feed, size=100))

    class Deposit(bt.Strategy):
        def next(self):
            self.broker.add_cash(5.0)

    with pytest.raises(ConfigError, match="order must stand alone, was with oco"):
        play(market({A: [10.0] * 3}), strategy=Linked)
    with pytest.raises(ConfigError, match=r"cash must be in the account before the run starts, was 5\.0 more"):
        play(market({A: [10.0] * 3}), strategy=Deposit)


def test_orders_are_told_in_backtraders_words(market, play):
    panel = market({A: [10.0, NAN, 10.0, 10.0]})
    played = play(panel, {0: [(A, 100)], 1: [(A, 250)]})
    assert played.strategy.told == [
        (1, A, "Accepted"), (1, A, "Expired"), (2, A, "Accepted"), (2, A, "Partial"), (2, A, "Canceled"),
    ]  # fmt: skip


def test_value_and_position_can_be_asked_by_feed(market, play):
    played = play(market({A: [10.0, 10.0, 11.0], B: [5.0] * 3}), {0: [(A, 100), (B, 200)]}, cash=3_000)
    broker = played.broker
    a, b, clock = broker.market.feed(A), broker.market.feed(B), broker.market.clock
    assert broker.getvalue() == broker.worth == broker.fundvalue == 3_100
    assert broker.getvalue([a]) == 1_100 and broker.getvalue([a, b, clock]) == 2_100
    assert broker.getposition(b).size == 200 and broker.getposition(clock).size == 0
    assert {feed._name: position.size for feed, position in broker.positions.items()} == {A: 100, B: 200}


def test_a_strategy_can_ask_for_the_capital_before_the_first_day(market, play):
    import backtrader as bt

    class Asking(bt.Strategy):
        def __init__(self):
            self.capital = self.broker.getvalue(), self.broker.getcash()

    assert play(market({A: [10.0] * 2}), strategy=Asking, cash=5_000).strategy.capital == (5_000, 5_000)


def test_a_closed_position_is_forgotten(market, play):
    played = play(market({A: [10.0] * 4}), {0: [(A, 100)], 1: [(A, -100)]})
    assert played.broker.holdings == {} and played.broker.positions == {}


def test_the_accounts_rules_can_be_put_into_words(market, play):
    broker = play(market({A: [10.0] * 2}), fees_of="8bp").broker
    assert broker.facts() == {
        "fees": "8 bp of the traded value on each side, all-in",
        "fee_schedule": repr(broker.p.fees),
        "lots": "board lots (100; STAR 200 then 1; BSE 100 then 1)",
        "blocked_buys": "expire",
        "blocked_sells": "carry",
        "max_participation": None,
        "slippage": "none",
        "delisting_recovery": 0.0,
        "dividends": "cash",
        "dividend_tax": "none",
        "rights": "subscribe",
    }
    assert play(market({A: [10.0] * 2}), options={"lots": "share"}).broker.facts()["lots"] == "single shares"
