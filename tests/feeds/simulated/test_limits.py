from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from feeds.rules import boards, limit_prices


def test_no_price_of_the_day_breaks_its_limits(bars):
    with np.errstate(invalid="ignore"):
        assert not ((bars["high"] > bars["up"] + 1e-9) | (bars["low"] < bars["down"] - 1e-9)).any()


def test_limits_are_those_of_board_date_and_st(market, bars, listed):
    """Independent of feeds.rules.limit_percents: the dated table written out."""
    day, board = market.days[:, None], boards(market.codes)[None, :]
    st = market.st()
    percent = np.where(st, 5, 10)
    percent = np.where((board == "chinext") & (day >= np.datetime64("2020-08-24")), 20, percent)
    percent = np.where(board == "star", 20, np.where(board == "bse", 30, percent))
    down, up = limit_prices(bars["pre_close"], percent)
    ordinary = np.isfinite(bars["up"]) & ~(market.age() == 0)
    assert ordinary.sum() > 400_000
    assert (bars["up"][ordinary] == up[ordinary]).all() and (bars["down"][ordinary] == down[ordinary]).all()


def test_first_days_follow_the_regime_of_the_listing(market, bars):
    age, board = market.age(), boards(market.codes)
    free = np.array([[np.isnan(bars["up"][age[:, n] == a, n]).all() for a in range(6)] for n in range(len(board))])
    first = market.basic["list_date"].to_numpy()
    new = first >= market.days[0]
    chinext, main = board == "chinext", board == "main"
    registered = (board == "star") | (chinext & (first >= np.datetime64("2020-08-24")))
    registered |= main & (first >= np.datetime64("2023-04-10"))
    assert (new & registered).sum() > 20
    assert free[new & registered].tolist() == [[True] * 5 + [False]] * int((new & registered).sum())
    assert free[board == "bse"].tolist() == [[True] + [False] * 5] * 15
    banded = np.flatnonzero(new & (chinext | main) & ~registered)
    assert len(banded) > 20 and not free[banded].any()
    for n in banded:
        row = np.flatnonzero(age[:, n] == 0)[0]
        issue = Decimal(f"{bars['pre_close'][row, n]:.2f}")
        assert bars["up"][row, n] == float((issue * Decimal("1.44")).quantize(Decimal("0.01"), ROUND_HALF_UP))
        assert bars["down"][row, n] == float((issue * Decimal("0.64")).quantize(Decimal("0.01"), ROUND_HALF_UP))
        assert bars["open"][row, n] <= float(issue) * 1.2 + 0.005


def test_the_rest_of_a_move_that_a_limit_cut_goes_on_the_next_day(bars):
    at_up, at_down = bars["close"] == bars["up"], bars["close"] == bars["down"]
    gap = bars["open"][1:] / bars["pre_close"][1:] - 1
    assert np.nanmean(gap[at_up[:-1]]) > 0.03
    assert np.nanmean(gap[at_down[:-1]]) < -0.03


def test_one_price_boards_and_runs_of_limit_days_exist(bars):
    one_price = bars["high"] == bars["low"]
    assert (one_price & (bars["close"] == bars["up"])).sum() > 200
    assert (one_price & (bars["close"] == bars["down"])).sum() > 100
    for limit in ("up", "down"):
        locked = bars["close"] == bars[limit]
        assert (locked[:-2] & locked[1:-1] & locked[2:]).sum() > 50


def test_one_price_days_trade_far_less_than_usual(bars):
    one_price = (bars["high"] == bars["low"]) & np.isfinite(bars["up"])
    usual = np.nanmedian(bars["vol"], axis=0)
    assert np.nanmedian((bars["vol"] / usual)[one_price]) < 0.5
