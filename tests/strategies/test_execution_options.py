"""When and how orders are filled: price of execution, bounds, waiting, substitutes, volume and slippage."""

import numpy as np
import pytest

from strategies.execution.fills import slippage
from strategies.execution.policy import Policy, policy

A, B, C, D = "600000.SH", "600001.SH", "600002.SH", "600003.SH"
NAN = float("nan")


def rows(played, *columns):
    return [tuple(line) for line in played.orders[list(columns)].itertuples(index=False)]


def one_day(market, **more):
    """A opens at 10.20, trades between 9.80 and 11.00, closes at 10.90; a million shares for 10.5 million yuan."""
    fields = {"high": [10, 11.0, 11], "low": [10, 9.8, 11], "vol": [1e6] * 3, "amount": [1e7, 1.05e7, 1.1e7], **more}
    return market({A: [10.0, 10.9, 11.0]}, {A: [10.0, 10.2, 11.0]}, **{k: {A: v} for k, v in fields.items()})


@pytest.mark.parametrize(("execution", "price"), [("open", 10.2), ("vwap", 10.5), ("close", 10.9)])
def test_an_order_is_filled_at_the_price_of_execution(market, play, execution, price):
    played = play(one_day(market), {0: [(A, 1000)]}, options={"execution": execution})
    assert rows(played, "filled", "price") == [(1000, pytest.approx(price))]


def test_a_mean_price_is_never_outside_the_day(market, play):
    played = play(one_day(market, amount=[1e7, 1.2e7, 1.1e7]), {0: [(A, 1000)]}, options={"execution": "vwap"})
    assert played.orders["price"].iloc[0] == 11.0


@pytest.mark.parametrize(
    ("execution", "fill", "up_limit", "filled", "reason", "standing"),
    [
        # The day touches 11.00 and trades away from it.
        ("open", "default", 11.0, 1000, "", ""),
        ("open", "pessimistic", 11.0, 0, "limit up touched", "touched"),
        ("vwap", "default", 11.0, 1000, "", ""),
        ("vwap", "pessimistic", 11.0, 0, "limit up touched", "touched"),
        # It opens at 10.20, which is the limit of another day.
        ("open", "default", 10.2, 0, "limit up at open", "at limit"),
        ("open", "optimistic", 10.2, 1000, "", ""),
        ("open", "pessimistic", 10.2, 0, "limit up at open", "at limit"),
        # It closes at 10.90.
        ("close", "default", 10.9, 0, "limit up at close", "at limit"),
        ("close", "optimistic", 10.9, 1000, "", ""),
        # No limit known.
        ("open", "pessimistic", NAN, 1000, "", ""),
    ],
)
def test_each_mode_fills_what_it_should(market, play, execution, fill, up_limit, filled, reason, standing):
    panel = one_day(market, up_limit=[NAN, up_limit, NAN])
    played = play(panel, {0: [(A, 1000)]}, options={"execution": execution, "fill": fill})
    assert rows(played, "filled", "reason", "standing") == [(filled, reason, standing)]


@pytest.mark.parametrize("fill", ["optimistic", "default", "pessimistic"])
@pytest.mark.parametrize("execution", ["open", "vwap", "close"])
def test_nobody_buys_on_a_day_with_one_price_at_the_limit(market, play, execution, fill):
    panel = market({A: [10.0, 11.0, 11.0]}, {A: [10.0, 11.0, 11.0]}, up_limit={A: [NAN, 11.0, NAN]})
    played = play(panel, {0: [(A, 1000)]}, options={"execution": execution, "fill": fill})
    assert rows(played, "filled", "reason", "standing") == [(0, f"limit up at {execution}", "one price")]


@pytest.mark.parametrize(
    ("text", "sessions"), [("expire", 0), ("carry", np.inf), ("carry=3", 3), ("substitute", 0)]
)
def test_a_policy_is_read_from_text(text, sessions):
    assert policy(text).sessions == sessions and str(policy(text)) == text


@pytest.mark.parametrize("text", ["", "carry=", "carry=0", "carry=-1", "carry=1.5", "Carry", "wait"])
def test_any_other_policy_means_nothing(text):
    assert policy(text) is None


@pytest.mark.parametrize(
    ("days", "filled", "status", "attempts"),
    [(1, 0, "expired", 2), (2, 1000, "filled", 3), (9, 1000, "filled", 3)],
)
def test_a_blocked_buy_waits_so_many_sessions(market, play, days, filled, status, attempts):
    # Suspended on days 1 and 2; N more sessions after the first that refused it.
    panel = market({A: [10.0, NAN, NAN, 10.0, 10.0]})
    played = play(panel, {0: [(A, 1000)]}, options={"blocked_buys": Policy("carry", days)})
    assert rows(played, "filled", "status", "reason", "attempts") == [(filled, status, "suspended", attempts)]


def test_a_blocked_sale_waits_so_many_sessions_and_then_expires(market, play):
    panel = market({A: [10.0, 10.0, NAN, NAN, NAN, 10.0]})
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]}, options={"blocked_sells": Policy("carry", 1)})
    assert rows(played, "side", "filled", "status", "attempts")[1] == ("sell", 0, "expired", 2)


def test_the_next_rank_takes_the_place_of_a_refused_buy(market, backtest):
    # Of A, B, C, D the two best are wanted. A is suspended on the fill day; C, the next, opens at its limit; D comes
    # in for A's 50,000 yuan at its reference of 20.00: 2,500 shares.
    panel = market(
        {A: [10.0, NAN, 10.0], B: [10.0] * 3, C: [10.0, 11.0, 11.0], D: [20.0, 21.0, 21.0]},
        {C: [10.0, 11.0, 11.0], D: [20.0, 20.5, 21.0]}, up_limit={C: [NAN, 11.0, NAN]},
    )  # fmt: skip
    run = backtest(panel, {0: {A: 4.0, B: 3.0, C: 2.0, D: 1.0}}, cash=110_000, blocked_buys="substitute",
                   parameters={"invested": 10 / 11})  # fmt: skip
    found = [tuple(row) for row in run.orders[["ts_code", "wanted", "filled", "reason", "replaces"]].to_numpy()]
    assert found == [(A, 5000, 0, "suspended", ""), (B, 5000, 5000, "", ""), (D, 2500, 2500, "", A)]
    assert run.orders["reference"].tolist() == [10.0, 10.0, 20.0]


def test_a_substitute_is_sized_ex_right_with_the_close_before(market, backtest):
    # B goes ex 10 for 10 on the fill day: its close of 20 is a reference of 10, whatever it closes at that day.
    closes = {A: [10.0, NAN, NAN], B: [20.0, 11.0, 11.0]}
    panel = market(closes, {B: [20.0, 10.0, 11.0]}, events=[(B, 1, {"shares": 1})])
    run = backtest(panel, {0: {A: 2.0, B: 1.0}}, top_k=1, cash=100_000, blocked_buys="substitute")
    assert run.orders[["ts_code", "wanted", "reference"]].to_numpy().tolist()[1] == [B, 10_000, 10.0]


def test_nothing_takes_the_place_of_what_the_account_could_not_pay(market, backtest):
    panel = market({A: [150.0] * 3, B: [10.0] * 3})
    run = backtest(panel, {0: {A: 2.0, B: 1.0}}, top_k=1, cash=10_000, blocked_buys="substitute")
    assert run.orders[["ts_code", "reason"]].to_numpy().tolist() == [[A, "lot"]]


def test_a_large_order_is_filled_over_days_by_volume(market, play):
    # A tenth of 12,340, 5,000 and a million shares: 1,234 -> 1,200, 500, the last 800.
    panel = market({A: [10.0, 10.0, 11.0, 12.0, 12.0]}, vol={A: [1e6, 12_340, 5_000, 1e6, 1e6]})
    played = play(panel, {0: [(A, 2500)]}, options={"max_participation": 0.1}, fees_of="8bp")
    mean = (1200 * 10 + 500 * 11 + 800 * 12) / 2500
    assert rows(played, "wanted", "filled", "price", "fee", "status", "reason", "attempts") == [
        (2500, 2500, pytest.approx(mean), pytest.approx(2500 * mean * 0.0008), "filled", "volume", 3)
    ]
    assert played.fills["shares"].tolist() == [1200, 500, 800]
    assert played.fills["fee"].tolist() == pytest.approx([9.6, 4.4, 7.68])
    assert played.strategy.told[-1][2] == "Completed"


def test_a_sale_waits_for_volume_too_and_a_new_basket_ends_it(market, play, basket):
    panel = market({A: [10.0] * 6}, vol={A: [1e6, 1e6, 3_000, 3_000, 3_000, 3_000]})
    targets = basket({0: {A: 1.0}, 1: {}, 3: {A: 0.5}})
    played = play(panel, strategy=targets, cash=10_000, options={"max_participation": 0.1})
    assert rows(played, "side", "wanted", "filled", "status", "reason", "attempts") == [
        ("buy", 1000, 1000, "filled", "", 1),
        ("sell", 1000, 600, "partial", "volume", 2),
        ("buy", 100, 100, "filled", "", 1),
    ]


def test_two_orders_of_a_stock_share_its_volume(market, play):
    panel = market({A: [10.0] * 3}, vol={A: [1e6, 10_000, 1e6]})
    played = play(panel, {0: [(A, 600), (A, 900)]}, options={"max_participation": 0.1})
    assert played.fills[["date", "shares"]].groupby("date")["shares"].sum().tolist()[0] == 1000


def test_slippage_is_paid_on_each_side_and_shown(market, play):
    panel = market({A: [10.0, 10.0, 20.0, 20.0]})
    played = play(panel, {0: [(A, 1000)], 1: [(A, -1000)]}, options={"slippage": slippage("10bp")})
    assert played.orders["price"].tolist() == pytest.approx([10.01, 19.98])
    assert played.orders["slippage"].tolist() == pytest.approx([10.0, 20.0])
    assert played.nav["cash"].iloc[-1] == pytest.approx(1_000_000 - 10_010 + 19_980)


def test_a_fee_minimum_is_charged_once_for_an_order_filled_over_days(market, play):
    class Minimum:
        title = "5 yuan an order, 0.1 % above"

        def of(self, side, value, shares, code, day):
            return max(0.001 * value, 5.0)

    panel = market({A: [10.0] * 5}, vol={A: [1e6, 3_000, 3_000, 3_000, 3_000]})
    played = play(panel, {0: [(A, 800)]}, options={"max_participation": 0.1}, fees_of=Minimum())
    # 300, 300 and 200 shares: 3,000 and 6,000 yuan are 5 and 6 yuan of fees, 8,000 are 8.
    assert played.fills["fee"].tolist() == pytest.approx([5.0, 1.0, 2.0])


def test_obstacles_can_be_left_out_to_see_what_they_cost(market, play):
    panel = market({A: [10.0, 11.0, NAN, 12.0]}, {A: [10.0, 11.0, NAN, 12.0]}, up_limit={A: [NAN, 11.0, NAN, NAN]})
    plan = {0: [(A, 1000)], 1: [(A, -1000)]}
    assert rows(play(panel, plan), "filled", "reason") == [(0, "limit up at open"), (0, "nothing held")]
    blind = play(panel, plan, options={"ignore": ("limits", "suspensions")})
    assert rows(blind, "filled", "price") == [(1000, 11.0), (1000, 11.0)]  # sold at the last close


def test_a_delisted_stock_is_gone_even_for_the_blind(market, play):
    panel = market({A: [10.0, NAN, NAN]}, delisted={A: 1})
    played = play(panel, {0: [(A, 1000)]}, options={"ignore": ("suspensions",)})
    assert rows(played, "filled", "reason") == [(0, "delisted")]


@pytest.mark.parametrize(("ignore", "codes"), [((), [C]), (("st",), [A, C]), (("suspensions",), [B, C])])
def test_filters_of_candidates_can_be_left_out(market, backtest, ignore, codes):
    panel = market({A: [10.0] * 3, B: [10.0, NAN, 10.0], C: [10.0] * 3}, st=[A])
    run = backtest(panel, {1: {A: 3.0, B: 2.0, C: 1.0}}, top_k=3, ignore=ignore)
    assert sorted(run.orders["ts_code"]) == codes
