import numpy as np
import pandas as pd
import pytest

from feeds.sources.simulated.indices import SPECS


@pytest.mark.parametrize(
    ("price_code", "total_code"),
    [
        ("000016.SH", "H00016.CSI"),
        ("000300.SH", "H00300.CSI"),
        ("000852.SH", "H00852.CSI"),
        ("000905.SH", "H00905.CSI"),
    ],
)
def test_index_returns_are_the_members_weighted_by_floating_value(market, bars, price_code, total_code):
    member, index = market.members(price_code), market["index_daily"]
    levels = {code: index.loc[index["ts_code"] == code, "close"].to_numpy() for code in (price_code, total_code)}
    shares = pd.DataFrame(market.grid("daily_basic", "float_share")).ffill().to_numpy()
    close = pd.DataFrame(bars["close"]).ffill().to_numpy()
    cash, growth = np.zeros(close.shape), np.zeros(close.shape)
    paid = market["dividend"]
    np.add.at(cash, market.at(paid["ts_code"], paid["ex_date"]), paid["cash_div_tax"])
    np.add.at(growth, market.at(paid["ts_code"], paid["ex_date"]), paid["stk_div"])
    subscribed = np.zeros(close.shape)
    rights = market["rights"]
    at = market.at(rights["ts_code"], rights["ex_date"])
    growth[at] += rights["ratio"]
    subscribed[at] = rights["ratio"] * rights["price"]
    compared = 0
    for t in range(1, len(market.days)):
        rows = member[t]
        if not np.isfinite(close[t - 1, rows]).all() or np.isnan(bars["close"][t - 1 : t + 1, rows]).any():
            continue
        weight = shares[t - 1, rows] * close[t - 1, rows]
        value = weight / weight.sum()
        gross = close[t, rows] / bars["pre_close"][t, rows]
        fallen = close[t, rows] * (1 + growth[t, rows]) / (close[t - 1, rows] + subscribed[t, rows])
        assert levels[total_code][t] / levels[total_code][t - 1] == pytest.approx((value * gross).sum(), abs=1e-7)
        # The reference is rounded to a cent, which the total return keeps and the price return need not.
        assert levels[price_code][t] / levels[price_code][t - 1] == pytest.approx((value * fallen).sum(), abs=1e-4)
        compared += 1
    assert compared > 300
    growth = {code: np.log(level[-1] / level[0]) / 8 for code, level in levels.items()}
    assert 0.005 < growth[total_code] - growth[price_code] < 0.03


def test_members_are_the_largest_third_and_the_next_at_each_review(market, bars, listed):
    large, middle, small = (market.members(code) for code in ("000300.SH", "000905.SH", "000852.SH"))
    assert not (large & middle).any() and not ((large | middle) & small).any() and (large.sum(axis=1) > 50).all()
    change = (large[1:] != large[:-1]) & listed[1:]
    reviews = market.days[1:][change.any(axis=1)].astype("datetime64[D]").astype(str).tolist()
    assert reviews == [
        "2017-06-12", "2017-12-11", "2018-06-11", "2018-12-17", "2019-06-17", "2019-12-16", "2020-06-15", "2020-12-14",
        "2021-06-15", "2021-12-13", "2022-06-13", "2022-12-12", "2023-06-12", "2023-12-11", "2024-06-17", "2024-12-16",
    ]  # fmt: skip
    value = market.grid("daily_basic", "circ_mv")
    t = np.searchsorted(market.days, np.datetime64("2020-05-29"))
    after = np.searchsorted(market.days, np.datetime64("2020-06-15"))
    known = np.isfinite(value[t])
    assert np.median(value[t, large[after] & known]) > np.median(value[t, middle[after] & known])
    assert value[t, large[after] & known].min() >= value[t, middle[after] & known].max()
    assert value[t, middle[after] & known].min() >= value[t, small[after] & known].max()
    largest = market.members("000016.SH")
    assert largest[after].sum() == large[after].sum() // 6
    assert value[t, largest[after] & known].min() >= value[t, (large & ~largest)[after] & known].max()


@pytest.mark.parametrize(
    ("code", "fit", "band"),
    [
        ("000016.SH", 12, (0, 3)), ("000016.SH", 300, (0, 16)), ("000016.SH", 4200, (0, 50)),
        ("000300.SH", 12, (0, 4)), ("000300.SH", 300, (0, 100)), ("000300.SH", 4200, (0, 300)),
        ("000905.SH", 12, (4, 8)), ("000905.SH", 300, (100, 200)), ("000905.SH", 4200, (300, 800)),
        ("000852.SH", 12, (8, 12)), ("000852.SH", 300, (200, 300)), ("000852.SH", 4200, (800, 1800)),
    ],
)  # fmt: skip
def test_a_small_market_has_all_indices_in_proportion_and_a_large_one_the_real_counts(code, fit, band):
    spec = next(spec for spec in SPECS if spec.code == code)
    assert spec.band(fit) == slice(*band)


def test_nobody_under_st_is_taken_in_at_a_review(market):
    st = market.st()
    for index in ("000016.SH", "000300.SH", "000852.SH", "000905.SH"):
        member = market.members(index)
        for review, ranked in (("2019-06-17", "2019-05-31"), ("2022-12-12", "2022-11-30")):
            t, before = (np.searchsorted(market.days, np.datetime64(day)) for day in (review, ranked))
            assert not (member[t] & st[before]).any()


def test_weights_are_shares_of_floating_value_at_the_snapshot(market, bars):
    weight = market["index_weight"]
    totals = weight.groupby(["index_code", "trade_date"], observed=True)["weight"].sum()
    assert totals.to_numpy() == pytest.approx(1.0, abs=1e-6) and (weight["weight"] > 0).all()
    assert len(totals) == 4 * 97  # the first session and 96 month ends
    day = pd.Timestamp("2021-03-31")
    snapshot = weight[(weight["trade_date"] == day) & (weight["index_code"] == "000300.SH")]
    t, n = market.at(snapshot["con_code"], snapshot["trade_date"])
    assert market.members("000300.SH")[t[0]].sum() == len(snapshot)
    shares = pd.DataFrame(market.grid("daily_basic", "float_share")).ffill().to_numpy()
    value = shares[t, n] * pd.DataFrame(bars["close"]).ffill().to_numpy()[t, n]
    assert snapshot["weight"].to_numpy() == pytest.approx(value / value.sum(), abs=1e-9)
