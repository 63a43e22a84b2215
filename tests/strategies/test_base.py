"""Target weights into orders."""

import numpy as np
import pytest

from feeds.errors import ConfigError
from strategies.base import BasketStrategy

A, B, C = "600000.SH", "600001.SH", "600002.SH"
STAR = "688001.SH"
NAN = float("nan")


def orders(played):
    columns = ["ts_code", "side", "wanted", "filled", "status", "reason"]
    return [tuple(line) for line in played.orders[columns].itertuples(index=False)]


def test_weights_are_sized_at_the_close_and_cut_to_lots(market, play, basket):
    # 100,000 x 0.25 / 17.30 = 1,445.08; x 0.5 / 9.99 = 5,005.005.
    panel = market({A: [17.3, 17.5, 17.5], B: [9.99, 9.8, 9.8]})
    played = play(panel, strategy=basket({0: {A: 0.25, B: 0.5}}), cash=100_000)
    assert orders(played) == [(A, "buy", 1400, 1400, "filled", ""), (B, "buy", 5000, 5000, "filled", "")]
    assert played.orders["reference"].tolist() == [17.3, 9.99]
    assert played.orders["price"].tolist() == [17.5, 9.8]


def test_invested_scales_the_weights(market, play, basket):
    played = play(market({A: [10.0] * 3}), strategy=basket({0: {A: 1.0}}), cash=100_000, invested=0.98)
    assert orders(played) == [(A, "buy", 9800, 9800, "filled", "")]


def test_what_has_no_weight_is_sold_odd_lots_included(market, play, basket):
    panel = market({A: [13.5, 13.5, 10.0, 10.0, 10.0]}, events=[(A, 2, {"shares": 0.35})])
    played = play(panel, strategy=basket({0: {A: 1.0}, 2: {A: 0.0}}), cash=1_350)
    assert orders(played)[1] == (A, "sell", 135, 135, "filled", "")
    played = play(panel, strategy=basket({0: {A: 1.0}, 2: {}}), cash=1_350)
    assert orders(played)[1] == (A, "sell", 135, 135, "filled", "")


def test_only_the_difference_is_ordered(market, play, basket):
    # Day 1: A is worth 12,000 of 22,000, B 10,000. Half each is 11,000: A gives 83.3 -> 0 lots, B takes 100.
    panel = market({A: [10.0, 12.0, 12.0], B: [10.0, 10.0, 10.0]}, {A: [10.0, 10.0, 12.0]})
    played = play(panel, strategy=basket({0: {A: 0.5, B: 0.5}, 1: {A: 0.5, B: 0.5}}), cash=20_000)
    assert orders(played)[2:] == [(B, "buy", 100, 0, "expired", "cash")]


def test_a_weight_of_none_leaves_a_holding_alone(market, play, basket):
    panel = market({A: [10.0, 20.0, 20.0], B: [10.0] * 3}, {A: [10.0, 10.0, 20.0]})
    played = play(panel, strategy=basket({0: {A: 0.5}, 1: {A: None, B: 0.1}}), cash=20_000)
    assert orders(played)[1:] == [(B, "buy", 300, 300, "filled", "")]


def test_a_new_target_below_one_lot_is_ordered_and_refused(market, play, basket):
    # 10,000 yuan at 150 a share are 66 shares: no lot; the row says so. STAR: 166 of at least 200.
    panel = market({A: [150.0] * 3, STAR: [60.0] * 3, B: [10.0] * 3})
    played = play(panel, strategy=basket({0: {A: 0.1, STAR: 0.1, B: 0.1}}), cash=100_000)
    assert orders(played) == [
        (A, "buy", 66, 0, "expired", "lot"),
        (B, "buy", 1000, 1000, "filled", ""),
        (STAR, "buy", 166, 0, "expired", "lot"),
    ]


def test_an_increase_below_one_lot_is_no_order(market, play, basket):
    panel = market({A: [150.0, 140.0, 140.0]})
    played = play(panel, strategy=basket({0: {A: 1.0}, 1: {A: 1.0}}), cash=20_000)
    assert orders(played) == [(A, "buy", 100, 100, "filled", "")]


def test_a_new_basket_replaces_what_is_carried(market, play, basket):
    # The sale of A waits from day 2 on; day 3 wants A again, so the sale is taken back and A stays.
    panel = market({A: [10.0, 10.0, NAN, NAN, 10.0, 10.0], B: [10.0] * 6})
    played = play(panel, strategy=basket({0: {A: 0.5}, 1: {B: 0.5}, 3: {A: 0.5, B: 0.5}}), cash=20_000)
    assert orders(played) == [
        (A, "buy", 1000, 1000, "filled", ""),
        (B, "buy", 1000, 1000, "filled", ""),
        (A, "sell", 1000, 0, "replaced", "suspended"),
    ]
    replaced = played.orders.iloc[2]
    assert (replaced["date"], replaced["attempts"]) == (np.datetime64("2024-01-05"), 2)
    assert played.positions.groupby("ts_code")["shares"].last().to_dict() == {A: 1000, B: 1000}


def test_a_carried_sale_still_wanted_is_ordered_afresh(market, play, basket):
    panel = market({A: [10.0, 10.0, NAN, NAN, NAN, 9.0]})
    played = play(panel, strategy=basket({0: {A: 1.0}, 1: {}, 3: {}}), cash=10_000)
    assert orders(played)[1:] == [
        (A, "sell", 1000, 0, "replaced", "suspended"),
        (A, "sell", 1000, 1000, "filled", "suspended"),
    ]


def test_orders_are_sized_ex_right_if_the_stock_goes_ex_by_the_open(market, play, basket):
    # 10 for 10 on day 2: at the close of day 1 B costs 20.00, at the open 10.00: 10,000 yuan are 1,000 shares.
    panel = market({A: [10.0] * 4, B: [20.0, 20.0, 10.0, 10.0]}, events=[(B, 2, {"shares": 1.0})])
    bought = play(panel, strategy=basket({1: {B: 1.0}}), cash=10_000)
    assert orders(bought) == [(B, "buy", 1000, 1000, "filled", "")]
    assert bought.orders["reference"].tolist() == [10.0]
    # Holding 500, to be 1,000 shares at 10.00: half of it is 500 of the new shares.
    halved = play(panel, strategy=basket({0: {B: 1.0}, 1: {B: 0.5}}), cash=10_000)
    assert orders(halved)[1] == (B, "sell", 500, 500, "filled", "")
    # Three quarters of it are more shares than were held when the order was given, and still not all.
    quartered = play(panel, strategy=basket({0: {B: 1.0}, 1: {B: 0.25}}), cash=10_400)
    assert orders(quartered)[1] == (B, "sell", 700, 700, "filled", "")
    assert quartered.positions["shares"].iloc[-1] == 300


def test_a_stock_suspended_on_the_signal_date_is_sized_at_its_last_close(market, play, basket):
    panel = market({A: [NAN, 25.0, NAN, 25.0], B: [10.0] * 4}, {A: [NAN, 25.0, NAN, 20.0]})
    played = play(panel, strategy=basket({2: {A: 1.0}}), cash=100_000)
    assert orders(played) == [(A, "buy", 4000, 4000, "filled", "")]


def test_a_stock_that_never_traded_cannot_have_a_weight(market, play, basket):
    panel = market({A: [NAN, NAN, 10.0], B: [10.0] * 3})
    with pytest.raises(ConfigError) as refused:
        play(panel, strategy=basket({1: {A: 0.5}}))
    assert str(refused.value) == "weights must be of stocks that have traded, was of 600000.SH on 2024-01-03"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({A: -0.1}, "weights must be finite and not negative, was -0.1"),
        ({A: NAN}, "weights must be finite and not negative, was nan"),
        ({A: float("inf")}, "weights must be finite and not negative, was inf"),
        ({A: 0.7, B: 0.4}, "weights must add up to at most 1, was 1.100000"),
    ],
)
def test_impossible_weights_are_refused(market, play, basket, weights, message):
    with pytest.raises(ConfigError) as refused:
        play(market({A: [10.0] * 3, B: [10.0] * 3}), strategy=basket({0: weights}))
    assert str(refused.value) == message


def test_weights_may_add_up_to_one_within_rounding(market, play, basket):
    codes = [f"60000{n}.SH" for n in range(3)]
    played = play(market({code: [10.0] * 3 for code in codes}), strategy=basket({0: dict.fromkeys(codes, 1 / 3)}))
    assert played.orders["filled"].tolist() == [33300] * 3


def test_a_strategy_without_weights_says_what_is_missing(market, backtest, monkeypatch):
    from strategies import registry

    class Empty(BasketStrategy):
        pass

    monkeypatch.setitem(registry.STRATEGIES, "empty", registry.StrategySpec("empty", Empty, "nothing"))
    with pytest.raises(TypeError, match=r"Empty must implement weights\(\), was without it"):
        backtest(market({A: [10.0] * 3}), {0: {A: 1.0}}, strategy="empty", top_k=None)


def test_a_score_of_the_last_day_orders_nothing(market, backtest):
    panel = market({A: [10.0] * 3, B: [10.0] * 3})
    assert backtest(panel, {0: {A: 1.0}, 2: {B: 1.0}}).orders["ts_code"].tolist() == [A]


def test_a_score_is_traded_on_the_next_session_and_never_on_its_own(market, backtest):
    panel = market({A: [10.0, 11.0, 12.0, 13.0]})
    order = backtest(panel, {1: {A: 1.0}}).orders.iloc[0]
    assert (order["signal_date"], order["date"]) == (np.datetime64("2024-01-03"), np.datetime64("2024-01-04"))
    assert order["price"] == 12.0
