from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd
import pytest

from feeds.sources.simulated.actions import reference_cents


def test_the_reference_price_is_rounded_half_up_by_hand():
    # (10.00 - 0.25 + 5.00 x 0.3) / (1 + 0.5 + 0.3) = 6.25; (10.01 - 0) / 2 = 5.005 -> 5.01
    one = (np.array([v]) for v in (1000, 250, 500, 300, 500 * 300))
    assert reference_cents(*one).tolist() == [625]
    assert reference_cents(*(np.array([v]) for v in (1001, 0, 1000, 0, 0))).tolist() == [501]


def test_the_reference_price_is_the_last_close_but_on_ex_dates(market, bars):
    close = pd.DataFrame(bars["close"]).ffill().shift().to_numpy()
    moved = np.isfinite(close) & np.isfinite(bars["pre_close"]) & (np.abs(bars["pre_close"] - close) > 1e-9)
    events = pd.concat([market["dividend"][["ts_code", "ex_date"]], market["rights"][["ts_code", "ex_date"]]])
    ex = np.zeros(moved.shape)
    ex[market.at(events["ts_code"], events["ex_date"])] = 1
    # A stock halted on its ex-date opens at the reference when it comes back.
    traded = np.isfinite(bars["close"])
    waiting = np.cumsum(ex, axis=0)
    before = pd.DataFrame(np.where(traded, waiting, np.nan)).ffill().shift().fillna(0).to_numpy()
    due = traded & np.isfinite(close) & (waiting > before)
    assert moved.sum() > 1000 and not (moved & ~due).any()


def test_ex_dates_follow_the_formula_of_the_exchange(market, bars):
    terms = {}
    for row in market["dividend"].itertuples():
        key = (row.ts_code, row.ex_date)
        cash, bonus, ratio, paid = terms.get(key, (Decimal(0),) * 4)
        bonus, cash = bonus + Decimal(f"{row.stk_div:.3f}"), cash + Decimal(f"{row.cash_div_tax:.3f}")
        terms[key] = (cash, bonus, ratio, paid)
    for row in market["rights"].itertuples():
        cash, bonus, _, _ = terms.get((row.ts_code, row.ex_date), (Decimal(0),) * 4)
        ratio = Decimal(f"{row.ratio:.3f}")
        terms[(row.ts_code, row.ex_date)] = (cash, bonus, ratio, ratio * Decimal(f"{row.price:.2f}"))
    checked = 0
    for (code, day), (cash, bonus, ratio, paid) in terms.items():
        t, n = np.searchsorted(market.days, np.datetime64(day)), np.searchsorted(market.codes, code)
        before, after = bars["close"][t - 1, n], bars["pre_close"][t, n]
        if np.isfinite(before) and np.isfinite(after):
            exact = (Decimal(f"{before:.2f}") - cash + paid) / (1 + bonus + ratio)
            assert Decimal(f"{after:.2f}") == exact.quantize(Decimal("0.01"), ROUND_HALF_UP), (code, day)
            checked += 1
    assert checked > 1000 and (market["dividend"]["stk_div"] > 0).sum() > 5


def test_rights_issues_follow_six_halted_sessions(market, bars):
    rights = market["rights"]
    assert len(rights) > 3
    for t, n in zip(*market.at(rights["ts_code"], rights["ex_date"]), strict=True):
        assert np.isfinite(bars["close"][[t - 7, t], n]).all()
        assert np.isnan(bars["close"][t - 6 : t, n]).all()


def test_dividends_are_recorded_the_session_before_and_paid_from_the_ex_date_on(market):
    dividend = market["dividend"]
    record, ex = (np.searchsorted(market.days, dividend[name].to_numpy()) for name in ("record_date", "ex_date"))
    assert (ex - record == 1).all()
    assert (dividend["ann_date"] < dividend["record_date"]).all() and (
        dividend["ann_date"] > dividend["end_date"]
    ).all()
    cash = dividend["cash_div_tax"] > 0
    assert dividend.loc[cash, "pay_date"].notna().all() and dividend.loc[~cash, "pay_date"].isna().all()
    assert (dividend.loc[cash, "pay_date"] >= dividend.loc[cash, "ex_date"]).all()
    assert (dividend.loc[cash, "pay_date"] > dividend.loc[cash, "ex_date"]).sum() > 10
    shares = dividend["stk_div"] > 0
    assert dividend.loc[~shares, "div_listdate"].isna().all()
    bonus = dividend[shares]
    wait = np.searchsorted(market.days, bonus["div_listdate"].to_numpy()) - ex[shares]
    assert wait.tolist() == bonus["ts_code"].astype(str).str.endswith(".SH").astype(int).tolist()
    assert set(wait) == {0, 1}


def test_the_factor_jumps_by_the_last_close_over_the_reference(bars):
    traded = np.isfinite(bars["close"])
    close = pd.DataFrame(bars["close"]).ffill().shift().to_numpy()
    factor = pd.DataFrame(np.where(traded, bars["factor"], np.nan)).ffill().shift().to_numpy()
    both = traded & np.isfinite(close)
    jump = bars["factor"][both] / factor[both]
    np.testing.assert_allclose(jump, close[both] / bars["pre_close"][both], rtol=1e-9)


def test_the_factor_is_one_at_a_listing(market, bars):
    assert set(bars["factor"][market.age() == 0]) == {1.0}


def test_share_counts_grow_by_bonus_and_rights(market):
    shares = market.grid("daily_basic", "total_share")
    carried = pd.DataFrame(shares).ffill().to_numpy()
    bonus, rights = market["dividend"].query("stk_div > 0"), market["rights"]
    issues = [(bonus, bonus["stk_div"]), (rights, rights["ratio"])]
    for rows, ratios in issues:
        compared = 0
        for t, n, ratio in zip(*market.at(rows["ts_code"], rows["ex_date"]), ratios, strict=True):
            if np.isfinite(shares[t, n]) and np.isfinite(carried[t - 1, n]):
                assert shares[t, n] == np.floor(carried[t - 1, n] * (1 + ratio) + 1e-6)
                compared += 1
        assert compared > 3


def test_some_companies_leave_by_a_merger_that_keeps_the_value(market, bars):
    changes = market["code_change"]
    assert len(changes) >= 2
    close = pd.DataFrame(bars["close"]).ffill().to_numpy()
    for change in changes.itertuples():
        day, old = market.at(pd.Series([change.ts_code]), pd.Series([change.change_date]))
        _, new = market.at(pd.Series([change.new_code]), pd.Series([change.change_date]))
        assert market.basic["delist_date"].iloc[old[0]] == change.change_date
        assert np.isfinite(bars["close"][day[0], new[0]])
        assert change.ratio == pytest.approx(close[day[0] - 1, old[0]] / close[day[0] - 1, new[0]], abs=1e-3)
