"""Hard days of the account, each worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from feeds.events import Conversions, CorporateEvents
from strategies.execution.policy import Policy

A, B, C = "600000.SH", "600001.SH", "600002.SH"
NAN = float("nan")


def with_events(panel, *events):
    """Return the panel with events (stock, row, shares, cash, rights, price, pay row, tradable row, taxed)."""
    return replace(panel, events=CorporateEvents(*np.array(events, "float64").T))


def with_exchange(panel, row, ratio, cash=0.0):
    """Return the panel with A's shares becoming shares of B."""
    return replace(panel, conversions=Conversions(*np.array([[0.0, row, 1.0, ratio, cash]]).T))


def navs(played):
    return pytest.approx(played.nav["nav"].tolist(), abs=1e-6)


def rows(played, *columns):
    return [tuple(line) for line in played.orders[list(columns)].itertuples(index=False)]


def test_a_day_without_any_bar_is_lived_through_at_the_last_closes(market, play):
    # The vendor lost day 2 of the whole market. A's sale ordered before waits for day 3; B is bought on day 3, not 2.
    panel = market({A: [10.0, 11.0, NAN, 12.0, 12.0], B: [5.0, 5.0, NAN, 6.0, 6.0]})
    options = {"blocked_buys": Policy("carry")}
    played = play(panel, {0: [(A, 100)], 1: [(A, -100), (B, 200)]}, cash=2_000, options=options)
    # 100 A at 11.00: 900 left. Day 3: + 1,200 - 200 x 6.00.
    assert navs(played) == [2_000, 2_000, 2_000, 2_100, 2_100]
    assert rows(played, "side", "price", "reason", "attempts")[1:] == [
        ("sell", 12.0, "suspended", 2), ("buy", 6.0, "suspended", 2),
    ]  # fmt: skip


def test_a_bar_that_lacks_its_open_fills_nothing_and_is_valued_at_its_close(market, play):
    panel = market({A: [10.0, 10.0, 11.0, 12.0]}, {A: [10.0, 10.0, NAN, 12.0]})
    played = play(panel, {0: [(A, 100)], 1: [(A, -100)]}, cash=1_000)
    assert navs(played) == [1_000, 1_000, 1_100, 1_200]
    assert rows(played, "price", "reason")[1] == (12.0, "suspended")


def test_a_bar_that_lacks_its_close_is_valued_at_the_last_one(market, play):
    panel = market({A: [10.0, 11.0, NAN, 12.0]}, {A: [10.0, 11.0, 11.5, 12.0]})
    played = play(panel, {0: [(A, 100)], 1: [(A, 100)]}, cash=2_250)
    # 100 at 11.00 and 100 at 11.50; day 2 closes nowhere: 200 x 11.00.
    assert navs(played) == [2_250, 2_250, 2_200, 2_400]


def test_a_stock_that_vanishes_is_held_at_its_last_close_and_its_sale_waits(market, play):
    # No bar from day 3 on, and no table says why: the account cannot know that it is over.
    panel = market({A: [10.0, 10.0, 11.0, NAN, NAN, NAN], B: [1.0] * 6})
    played = play(panel, {0: [(A, 100)], 2: [(A, -100)]}, cash=1_000)
    assert navs(played) == [1_000, 1_000, 1_100, 1_100, 1_100, 1_100]
    assert rows(played, "side", "filled", "status", "reason", "attempts")[1] == ("sell", 0, "open", "suspended", 3)
    assert played.actions == []


def test_cash_is_nothing_and_not_less_when_a_basket_takes_the_last_of_it(market, play):
    # As floats 0.1 and 0.7 are a little more than their float sum.
    panel = market({A: [0.1] * 3, B: [0.7] * 3})
    played = play(panel, {0: [(A, 1), (B, 1)]}, cash=0.1 + 0.7, options={"lots": "share"})
    assert played.orders["filled"].tolist() == [1, 1]
    assert played.nav["cash"].tolist() == [0.1 + 0.7, 0.0, 0.0]


def test_a_basket_is_sized_with_the_ex_right_price_of_a_suspended_holding(market, play, basket):
    # 1,000 at 20.00 become 2,000 at 10.00 in a halt; half of the account, 10,000 yuan, is 1,000 of them.
    panel = market({A: [20.0, 20.0, NAN, NAN, 10.0]}, events=[(A, 2, {"shares": 1.0})])
    played = play(panel, strategy=basket({0: {A: 1.0}, 3: {A: 0.5}}), cash=20_000)
    assert rows(played, "side", "wanted", "filled", "reference")[1] == ("sell", 1000, 1000, 10.0)


@pytest.mark.parametrize("lag", [False, True])
def test_a_split_on_a_suspended_day_halves_the_carried_price(market, play, lag):
    # 10 for 10 on day 3 of a halt from day 2 to day 4: 1,000 x 20.00 are 2,000 x 10.00; it comes back at 10.40.
    factor = [1.0, 1.0, 1.0, 1.0 if lag else 2.0, 1.0 if lag else 2.0, 2.0]
    panel = market({A: [20.0, 20.0, NAN, NAN, NAN, 10.4]}, adj_factor={A: factor}, events=[(A, 3, {"shares": 1.0})])
    played = play(panel, {0: [(A, 1000)]}, cash=20_500)
    assert navs(played) == [20_500, 20_500, 20_500, 20_500, 20_500, 500 + 20_800]
    assert played.positions["shares"].tolist() == [1000, 1000, 2000, 2000, 2000]
    assert played.positions["price"].tolist() == [20.0, 20.0, 10.0, 10.0, 10.4]
    assert played.actions == [(3, A, "bonus_shares", 1000, 0.0)]


def test_a_split_that_only_the_factor_tells_waits_for_the_first_bar(market, play):
    panel = market({A: [20.0, 20.0, NAN, NAN, 10.4]}, adj_factor={A: [1.0, 1.0, 1.0, 2.0, 2.0]})
    played = play(panel, {0: [(A, 1000)]}, cash=20_000)
    assert navs(played) == [20_000, 20_000, 20_000, 20_000, 20_800]
    assert played.actions == [(4, A, "derived", 1000, 0.0)]


def test_a_delisting_ends_a_sale_that_was_partly_filled(market, play):
    # A tenth of 3,000 shares a day: 300 on day 2 at 9.00, 300 on day 3 at 8.00; delisted on day 4 with 400 left, a
    # quarter of 8.00 is recovered: 2,700 + 2,400 + 400 x 2.00.
    panel = market({A: [10.0, 10.0, 9.0, 8.0, NAN, NAN], B: [1.0] * 6}, delisted={A: 4},
                   vol={A: [1e6, 1e6, 3e3, 3e3, NAN, NAN]})  # fmt: skip
    options = {"max_participation": 0.1, "delisting_recovery": 0.25}
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]}, cash=10_000, options=options)
    assert navs(played) == [10_000, 10_000, 2_700 + 6_300, 5_100 + 3_200, 5_900, 5_900]
    assert rows(played, "wanted", "filled", "status", "reason", "attempts")[1] == (1000, 600, "partial", "delisted", 3)
    assert played.broker.holdings == {} and not played.broker.pending


def test_a_sale_carried_through_ten_limit_downs_is_filled_on_the_eleventh_day(market, play):
    # Each limit is 0.9 times the close before, to the fen: 7.29 x 0.9 = 6.561, 6.56 x 0.9 = 5.904, ...
    falls = [9.0, 8.1, 7.29, 6.56, 5.9, 5.31, 4.78, 4.3, 3.87, 3.48]
    panel = market(
        {A: [10.0, 10.0, *falls, 3.3, 3.3]}, {A: [10.0, 10.0, *falls, 3.2, 3.3]},
        down_limit={A: [9.0, 9.0, *falls, 3.13, 2.97]}, up_limit={A: [11.0] * 14},
    )  # fmt: skip
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]}, cash=10_000, fees_of="8bp")
    # Bought: 10,000 + 8.00 do not fit: 900 shares, 9,007.20, 992.80 left. Sold at 3.20 less 2.304.
    expected = [992.8 + 900 * price for price in [10.0, *falls]]
    assert navs(played) == [10_000, *expected, 992.8 + 2_880 - 2.304, 992.8 + 2_880 - 2.304]
    sale = played.orders.iloc[1]
    assert (sale["attempts"], sale["reason"], sale["standing"]) == (11, "limit down at open", "one price")
    # All of 1,000 were asked for; only 900 were held.
    assert (sale["filled"], sale["price"], sale["status"]) == (900, 3.2, "partial")


@pytest.mark.parametrize(
    ("policy", "filled", "status", "attempts"),
    [
        ("expire", 0, "expired", 1), ("carry=2", 0, "expired", 3), ("carry=3", 600, "partial", 4),
        ("carry", 600, "partial", 4),
    ],
)  # fmt: skip
def test_a_purchase_meets_three_limit_ups_in_a_row(market, play, policy, filled, status, attempts):
    # Wanted 1,000 at 10.00; 11.00, 12.10 and 13.31 all day, then it opens at 14.00 under a limit of 14.64.
    ups = [11.0, 12.1, 13.31]
    panel = market(
        {A: [10.0, *ups, 14.2, 15.0]}, {A: [10.0, *ups, 14.0, 15.0]}, up_limit={A: [NAN, *ups, 14.64, 15.62]}
    )
    name, _, sessions = policy.partition("=")
    options = {"blocked_buys": Policy(name, float(sessions or 0))}
    played = play(panel, {0: [(A, 1000)]}, cash=9_000, options=options)
    found = rows(played, "filled", "status", "reason", "standing", "attempts")
    assert found == [(filled, status, "limit up at open", "one price", attempts)]
    # 9,000 buy 600 at 14.00, and 600 are left; closes of 14.20 and 15.00.
    assert navs(played) == [9_000] * 4 + ([600 + 8_520, 600 + 9_000] if filled else [9_000] * 2)


def test_rights_during_a_suspension_are_paid_on_the_ex_date_and_sold_once_admitted(market, play):
    # 10 for 3 at 6.00 on day 3 of a halt: 1,800 yuan for 300 shares, ex-right 11.80 / 1.3 = 9.0769; trading again from
    # day 5 at 9.50, the new shares from day 6. All 1,300 are ordered sold on day 2 while there are 1,000.
    panel = market({A: [10.0, 10.0, NAN, NAN, NAN, 9.5, 9.6, 9.6]})
    panel = with_events(panel, (0, 3, 0, 0, 0.3, 6.0, 3, 6, 0))
    played = play(panel, {0: [(A, 1000)], 2: [(A, -1000)]}, cash=12_000)
    sold, both = 200 + 9_500, 200 + 9_500 + 300 * 9.6
    assert navs(played) == [12_000] * 5 + [sold + 300 * 9.5, both, both]
    assert played.nav["cash"].tolist() == pytest.approx([12_000, 2_000, 2_000, 200, 200, sold, both, both])
    assert played.positions["shares"].tolist() == [1000, 1000, 1300, 1300, 300]
    sale = played.orders.iloc[1]
    assert (sale["wanted"], sale["filled"], sale["price"]) == (1300, 1300, pytest.approx((9_500 + 2_880) / 1300))


def test_the_last_dividend_of_a_stock_that_is_delisted_on_its_ex_date_is_paid(market, play):
    # 0.50 a share, ex and delisted on day 2, paid on day 3; 30 % of the ex-dividend price of 9.50 is recovered.
    panel = market({A: [10.0, 10.0, NAN, NAN], B: [1.0] * 4}, delisted={A: 2})
    panel = with_events(panel, (0, 2, 0, 0.5, 0, 0, 3, 2, 0))
    played = play(panel, {0: [(A, 1000)]}, cash=10_000, options={"delisting_recovery": 0.3})
    assert played.nav["receivable"].tolist() == [0, 0, 500, 0]
    assert played.nav["cash"].tolist() == pytest.approx([10_000, 0, 2_850, 3_350])
    assert [action[2:] for action in played.actions] == [
        ("cash_dividend", 0, 0.0), ("delisting", -1000, pytest.approx(2_850)), ("dividend_paid", 0, 500.0),
    ]  # fmt: skip


def test_the_last_dividend_of_a_stock_that_is_exchanged_on_its_ex_date_is_paid(market, play):
    # 1,000 A at 10.00, ex 0.50 and exchanged on day 2: 500 yuan, and 500 B at 20.00; carried at 9.50 / 0.5 = 19.00.
    panel = market({A: [10.0, 10.0, NAN, NAN], B: [20.0, 20.0, NAN, 20.0]}, delisted={A: 2})
    panel = with_exchange(with_events(panel, (0, 2, 0, 0.5, 0, 0, 2, 2, 0)), 2, 0.5)
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert navs(played) == [10_000, 10_000, 500 + 9_500, 500 + 10_000]


def test_a_share_exchange_ends_a_sale_that_was_partly_filled(market, play):
    # A fifth of 1,500 shares: 300 sold at 11.00 on day 2. On day 3 two A are one B: 700 are 350, worth 22.00 each
    # while B is suspended, then 23.00.
    panel = market({A: [10.0, 10.0, 11.0, NAN, NAN], B: [20.0, 20.0, 20.0, NAN, 23.0]}, delisted={A: 3},
                   vol={A: [1e6, 1e6, 1_500, NAN, NAN]})  # fmt: skip
    played = play(with_exchange(panel, 3, 0.5), {0: [(A, 1000)], 1: [(A, -1000)]}, cash=10_000,
                  options={"max_participation": 0.2})  # fmt: skip
    assert navs(played) == [10_000, 10_000, 11_000, 3_300 + 7_700, 3_300 + 8_050]
    assert rows(played, "wanted", "filled", "status", "reason")[1] == (1000, 300, "partial", "code changed")
    assert [action[1:4] for action in played.actions] == [(A, "exchanged_out", -700), (B, "exchanged_in", 350)]


def test_shares_delisted_days_before_their_exchange_are_not_written_off(market, play):
    # A's last day is day 1, its shares become B's on day 4: until then they are carried at 10.00.
    panel = market({A: [10.0, 10.0, NAN, NAN, NAN, NAN], B: [20.0] * 4 + [21.0] * 2}, delisted={A: 2})
    played = play(with_exchange(panel, 4, 0.5), {0: [(A, 1000)]}, cash=10_000)
    assert navs(played) == [10_000] * 4 + [10_500] * 2


def test_shares_that_arrive_by_an_exchange_do_not_reprice_what_was_held_before(market, play):
    # 1,000 A, last at 11.00, become 500 B on a day without a bar of B: all 600 B are carried at their own 20.00.
    panel = market(
        {A: [10.0, 11.0, NAN, NAN], B: [20.0, 20.0, NAN, 21.0]}, {A: [10.0, 10.0, NAN, NAN]}, delisted={A: 2}
    )
    played = play(with_exchange(panel, 2, 0.5), {0: [(A, 1000), (B, 100)]}, cash=12_000)
    assert navs(played) == [12_000, 13_000, 600 * 20, 600 * 21]


def test_shares_that_arrive_by_an_exchange_take_no_part_in_a_dividend_of_that_day(market, play):
    # B goes ex 1.00 on the day that two A become one B: who held B before is paid for those shares alone.
    panel = market({A: [10.0, 10.0, NAN], B: [20.0, 20.0, 19.0]}, delisted={A: 2})
    panel = with_exchange(with_events(panel, (1, 2, 0, 1.0, 0, 0, 2, 2, 0)), 2, 0.5)
    alone = play(panel, {0: [(A, 1000)]}, cash=10_000)
    both = play(panel, {0: [(A, 1000), (B, 100)]}, cash=12_000)
    assert alone.nav["cash"].iloc[-1] == 0 and both.nav["cash"].iloc[-1] == 100
    assert both.nav["nav"].iloc[-1] == pytest.approx(600 * 19 + 100)


def test_two_plans_of_one_ex_date_are_owed_until_the_later_pay_date(market, play):
    # 0.30 paid on day 3 and 0.20 on day 5: the sum goes ex at 9.50 and is paid on day 5.
    panel = market({A: [10.0, 10.0, 9.5, 9.5, 9.5, 9.5]})
    panel = with_events(panel, (0, 2, 0, 0.3, 0, 0, 3, 2, 0), (0, 2, 0, 0.2, 0, 0, 5, 2, 0))
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert navs(played) == [10_000] * 6
    assert played.nav["receivable"].tolist() == pytest.approx([0, 0, 500, 500, 500, 0])
    assert [action[:3] for action in played.actions] == [(2, A, "cash_dividend"), (5, A, "dividend_paid")]


def test_a_right_above_the_market_does_not_cost_the_others_theirs(market, play):
    # B's rights at 60.00 are nobody's; A's cost 300 x 6.00 = 1,800 of the 2,000 in cash.
    panel = with_events(
        market({A: [10.0] * 3, B: [10.0] * 3}), (0, 2, 0, 0, 0.3, 6.0, 2, 2, 0), (1, 2, 0, 0, 0.3, 60.0, 2, 2, 0)
    )
    played = play(panel, {0: [(A, 1000), (B, 1000)]}, cash=22_000)
    assert [action[1:4] for action in played.actions] == [(A, "rights_taken", 300), (B, "rights_lost", 0)]


def test_a_sale_never_costs_more_than_it_brings(market, play):
    class Minimum:
        title = "5 yuan an order"

        def of(self, side, value, shares, code, day):
            return 5.0

    # 9 shares at 1.00 and 5.00 of fees are 14.00; half a yuan a share is 4.50, all of which is the fee.
    panel = market({A: [1.0, 1.0, 0.5, 0.5]})
    played = play(panel, {0: [(A, 9)], 1: [(A, -9)]}, cash=14, fees_of=Minimum(), options={"lots": "share"})
    assert played.fills["fee"].tolist() == [5.0, 4.5]
    assert played.nav["cash"].tolist() == [14, 0, 0, 0]


def test_dividend_tax_is_withheld_from_what_a_sale_brings(market, play):
    # 5.00 a share, sold within a month: 1.00 of tax a share, but the price has fallen to 0.60.
    panel = with_events(market({A: [10.0, 10.0, 5.0, 0.6, 0.6]}), (0, 2, 0, 5.0, 0, 0, 4, 2, 0))
    played = play(panel, {0: [(A, 1000)], 2: [(A, -1000)]}, cash=10_000, options={"dividend_tax": "holding"})
    assert played.nav["cash"].tolist() == [10_000, 0, 0, 0, 5_000]
    assert played.actions[1] == (3, A, "dividend_tax", 0, -600.0)


def test_a_reverse_split_keeps_the_tax_of_the_shares_it_merges(market, play):
    # 0.10 a share on 1,000, then ten become one; sold within a month: 20 % of 100 yuan.
    factor = [1.0, 1.0, 1 / 0.9, 0.1 / 0.9, 0.1 / 0.9]
    panel = with_events(market({A: [1.0, 1.0, 0.9, 9.0, 9.0]}, adj_factor={A: factor}), (0, 2, 0, 0.1, 0, 0, 2, 2, 0))
    played = play(panel, {0: [(A, 1000)], 3: [(A, -100)]}, cash=1_000, options={"dividend_tax": "holding"})
    assert played.actions[-1] == (4, A, "dividend_tax", 0, pytest.approx(-20.0))
    assert played.nav["cash"].tolist() == pytest.approx([1_000, 0, 100, 100, 100 + 900 - 20])


def test_a_suspended_stock_bought_by_the_blind_is_worth_what_was_paid(market, play):
    panel = market({A: [10.0, NAN, NAN, 12.0]})
    played = play(panel, {0: [(A, 1000)]}, cash=10_000, options={"ignore": ("suspensions",)})
    assert navs(played) == [10_000, 10_000, 10_000, 12_000]


def test_a_substitute_suspended_on_the_signal_date_is_sized_with_its_last_close(market, backtest):
    # A's open is at its limit; B takes its place, sized with the 8.00 of the day before the signal's.
    panel = market({A: [10.0, 10.0, 11.0], B: [8.0, NAN, 9.0]}, up_limit={A: [NAN, NAN, 11.0]})
    run = backtest(panel, {1: {A: 2.0, B: 1.0}}, top_k=1, cash=8_000, blocked_buys="substitute",
                   ignore=("suspensions",))  # fmt: skip
    assert run.orders[["ts_code", "wanted", "reference"]].to_numpy().tolist() == [[A, 800, 10.0], [B, 1000, 8.0]]


def test_nobody_waits_for_a_stock_that_is_delisted(market, play):
    # Suspended on day 1, delisted on day 2.
    panel = market({A: [10.0, NAN, NAN, NAN], B: [1.0] * 4}, delisted={A: 2})
    played = play(panel, {0: [(A, 100)]}, options={"blocked_buys": Policy("carry")})
    assert rows(played, "status", "reason", "attempts") == [("expired", "delisted", 2)]
    # Delisted on day 2, exchanged on day 4: a sale does not wait for a market that will not come back.
    panel = market({A: [10.0, 10.0, NAN, NAN, NAN], B: [20.0] * 5}, delisted={A: 2})
    played = play(with_exchange(panel, 4, 0.5), {0: [(A, 100)], 1: [(A, -100)]})
    assert rows(played, "filled", "status", "reason", "attempts")[1] == (0, "expired", "delisted", 1)
