"""Which stocks the k best are."""

import pytest

from feeds.errors import ConfigError

A, B, C, D = "600000.SH", "600001.SH", "600002.SH", "600003.SH"
NAN = float("nan")


def bought(result):
    return result.orders.loc[result.orders["side"] == "buy", "ts_code"].tolist()


def flat(*codes, days=4):
    return {code: [10.0] * days for code in codes}


def test_the_best_scores_are_bought_at_equal_weight(market, backtest):
    result = backtest(market(flat(A, B, C, D)), {0: {A: -3.0, B: -1.0, C: -2.0, D: -9.0}}, top_k=2, cash=100_000)
    assert result.orders[["ts_code", "filled"]].to_numpy().tolist() == [[B, 5000], [C, 5000]]


def test_of_equal_scores_the_lower_code_wins(market, backtest):
    panel = market(flat(A, B, C, D))
    assert bought(backtest(panel, {0: {D: 1.0, C: 1.0, B: 1.0, A: 1.0}}, top_k=2)) == [A, B]
    assert bought(backtest(panel, {0: {D: 2.0, C: 1.0, B: 1.0, A: 1.0}}, top_k=2)) == [A, D]


def test_a_score_that_is_not_a_number_is_not_bought(market, backtest):
    result = backtest(market(flat(A, B, C)), {0: {A: NAN, B: 1.0, C: float("inf")}}, top_k=3)
    assert bought(result) == [B]


def test_fewer_stocks_than_slots_leave_the_rest_in_cash(market, backtest):
    result = backtest(market(flat(A, B)), {0: {A: 1.0, B: 2.0}}, top_k=10, cash=100_000)
    assert result.orders["filled"].tolist() == [1000, 1000]
    assert result.nav["cash"].iloc[-1] == 80_000


def test_stocks_without_a_score_are_left_out(market, backtest):
    assert bought(backtest(market(flat(A, B, C)), {0: {C: 0.5}}, top_k=2)) == [C]


def test_st_suspended_and_young_stocks_are_no_candidates(market, backtest):
    prices = flat(A, B, C, D)
    prices[B] = [10.0, NAN, 10.0, 10.0]
    prices[C] = [NAN, 10.0, 10.0, 10.0]
    panel = market(prices, st=[A], listed={C: 1})
    scores = {A: 4.0, B: 3.0, C: 2.0, D: 1.0}
    assert bought(backtest(panel, {1: scores}, top_k=4, min_listed_days=2)) == [D]
    assert bought(backtest(panel, {1: scores}, top_k=4, min_listed_days=1)) == [C, D]
    assert bought(backtest(panel, {2: scores}, top_k=4, min_listed_days=2)) == [B, C, D]


def test_a_holding_that_became_st_is_sold(market, backtest):
    panel = market(flat(A, B, days=5))
    panel.st[2:, 0] = True
    result = backtest(panel, {0: {A: 2.0, B: 1.0}, 2: {A: 2.0, B: 1.0}}, top_k=1)
    assert result.orders[["ts_code", "side"]].to_numpy().tolist() == [[A, "buy"], [A, "sell"], [B, "buy"]]


def test_a_suspended_holding_keeps_its_slot(market, backtest):
    panel = market({**flat(A, B, C, days=6), A: [10.0, 10.0, NAN, NAN, 10.0, 10.0]})
    result = backtest(panel, {0: {A: 3.0, B: 2.0, C: 1.0}, 2: {B: 1.0, C: 2.0}}, top_k=2)
    # A is stuck on day 2: one slot is left, for C; B goes. A's own sale waits until day 4.
    assert result.orders[["ts_code", "side", "attempts"]].to_numpy().tolist() == [
        [A, "buy", 1], [B, "buy", 1], [B, "sell", 1], [C, "buy", 1], [A, "sell", 2],
    ]  # fmt: skip
    kept = backtest(panel, {0: {A: 3.0, B: 2.0, C: 1.0}, 2: {B: 1.0, C: 2.0}}, parameters={"sell_suspended": False})
    assert kept.orders[["ts_code", "side"]].to_numpy().tolist() == [[A, "buy"], [B, "buy"], [B, "sell"], [C, "buy"]]


def test_more_stuck_holdings_than_slots_buy_nothing(market, backtest, play, basket):
    from strategies.top_k import TopK

    class Mixed(TopK):
        """Three stocks by hand, then the one best."""

        def next(self):
            if self.broker.market.step == 0:
                self.order_basket({0: 0.3, 1: 0.3, 2: 0.3})
            super().next()

    class Everyone:
        def on(self, row):
            return ~panel.suspended[row]

    import numpy as np

    panel = market({**{code: [10.0, 10.0, NAN, 10.0] for code in (A, B, C)}, D: [10.0] * 4})
    signal = {2: (np.array([3]), np.array([1.0]))}
    played = play(panel, strategy=Mixed, signal=signal, universe=Everyone(), top_k=1)
    assert played.orders["side"].tolist() == ["buy"] * 3 + ["sell"] * 3


@pytest.mark.parametrize("top_k", [0, -1])
def test_the_number_of_stocks_must_be_positive(market, backtest, top_k):
    with pytest.raises(ConfigError, match=f"top_k must be a positive whole number, was {top_k}"):
        backtest(market(flat(A)), {0: {A: 1.0}}, top_k=top_k)


@pytest.mark.parametrize("invested", [0, 1.01, -0.5])
def test_the_invested_share_must_be_a_share(market, backtest, invested):
    with pytest.raises(ConfigError, match="invested must be a number above 0 and at most 1, was"):
        backtest(market(flat(A)), {0: {A: 1.0}}, parameters={"invested": invested})
