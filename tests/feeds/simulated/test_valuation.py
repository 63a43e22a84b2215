import numpy as np
import pandas as pd


def test_valuations_agree_with_prices_shares_and_volumes(market):
    basic = market["daily_basic"].merge(market["daily"], on=["ts_code", "trade_date"])
    assert len(basic) == len(market["daily"])
    assert (basic["circ_mv"] == basic["close"] * basic["float_share"]).all()
    assert (basic["total_mv"] == basic["close"] * basic["total_share"]).all()
    assert (basic["float_share"] <= basic["total_share"]).all() and (basic["free_share"] <= basic["float_share"]).all()
    np.testing.assert_allclose(basic["turnover_rate"], basic["vol"] / basic["float_share"], atol=1e-8)
    assert 0.005 < basic["turnover_rate"].median() < 0.03


def test_losses_have_no_earnings_ratio_but_a_signed_one(market):
    basic = market["daily_basic"]
    loss = basic["pe_ttm_signed"] < 0
    assert 0.01 < loss.mean() < 0.2
    assert basic.loc[loss, "pe_ttm"].isna().all()
    assert (basic.loc[~loss, "pe_ttm"] == basic.loc[~loss, "pe_ttm_signed"]).all()


def test_reports_come_after_their_period_and_within_the_legal_time(market):
    reports = market["fina_indicator"]
    lag = (reports["ann_date"] - reports["end_date"]).dt.days
    assert lag.min() > 0
    regular = reports["ann_date"].to_numpy() > market.basic.loc[reports["ts_code"].astype(str), "list_date"].to_numpy()
    longest = lag[regular].groupby(reports.loc[regular, "end_date"].dt.quarter).max()
    assert longest[1] <= 30 and longest[2] <= 62 and longest[3] <= 31 and longest[4] <= 120
    assert reports.groupby("ts_code", observed=True).size().min() > 5


def test_a_first_quarter_report_never_precedes_the_annual_report_before_it(market):
    published = market["fina_indicator"].set_index(["ts_code", "end_date"])["ann_date"]
    first = published[published.index.get_level_values("end_date").quarter == 1].reset_index()
    annual = pd.to_datetime((first["end_date"].dt.year - 1).astype(str) + "-12-31").astype("datetime64[ms]")
    before = published.reindex(pd.MultiIndex.from_arrays([first["ts_code"].astype(str), annual])).to_numpy()
    known = ~np.isnat(before)
    assert known.sum() > 1500
    assert (first["ann_date"].to_numpy()[known] >= before[known]).all()
    assert (first["ann_date"].to_numpy()[known] == before[known]).mean() > 0.05  # late companies publish both at once


def test_no_report_comes_after_the_span_or_after_a_delisting(market):
    reports = market["fina_indicator"]
    gone = market.basic.loc[reports["ts_code"].astype(str), "delist_date"].to_numpy()
    assert reports["ann_date"].max() <= pd.Timestamp("2024-12-31")
    assert not (reports["ann_date"].to_numpy() >= gone).any()
    assert (~np.isnat(gone)).sum() > 100


def test_per_share_figures_agree_with_valuations_and_with_each_other(market):
    reports = market["fina_indicator"]
    shares = pd.DataFrame(market.grid("daily_basic", "total_share")).ffill().to_numpy()
    issued = np.any(np.diff(shares, axis=0) > 0, axis=0)
    steady = set(market.codes[~issued])
    own = reports[reports["ts_code"].astype(str).isin(steady)].copy()
    own["prior"] = own.groupby("ts_code", observed=True)["eps"].shift(4)
    own = own[own["prior"].notna() & (own["prior"].abs() > 0.05)]
    growth = (own["eps"] - own["prior"]) / own["prior"].abs()
    np.testing.assert_allclose(own["netprofit_yoy"], growth, atol=2e-3)
    basic = market["daily_basic"].merge(market["daily"], on=["ts_code", "trade_date"])
    basic = basic[(basic["trade_date"] == "2024-12-02") & basic["ts_code"].astype(str).isin(steady)]
    third = reports[reports["end_date"] == "2024-09-30"].set_index("ts_code")["bps"]
    np.testing.assert_allclose(basic["close"] / basic["pb"], third.loc[basic["ts_code"].astype(str)], rtol=2e-3)
    assert len(basic) > 150


def test_the_volume_ratio_is_todays_volume_over_the_mean_of_five_sessions(market):
    volume, ratio = market.grid("daily", "vol"), market.grid("daily_basic", "volume_ratio")
    rows = np.isfinite(volume[294:300]).all(axis=0)
    assert rows.sum() > 100
    np.testing.assert_allclose(ratio[299, rows], volume[299, rows] / volume[294:299, rows].mean(axis=0), atol=1e-4)
    debut = np.flatnonzero((market.age() == 0).any(axis=0))
    assert np.isnan(ratio[np.nanargmax(market.age()[:, debut] == 0, axis=0), debut]).all()


def test_the_trailing_yield_is_the_cash_of_the_last_243_sessions_over_value(market):
    paid = market["dividend"]
    cash = np.zeros((len(market.days), len(market.codes)))
    t, n = market.at(paid["ts_code"], paid["ex_date"])
    shares = pd.DataFrame(market.grid("daily_basic", "total_share")).ffill().to_numpy()
    np.add.at(cash, (t, n), paid["cash_div_tax"].to_numpy() * shares[t - 1, n])
    value, given = market.grid("daily_basic", "total_mv"), market.grid("daily_basic", "dv_ttm")
    for t in (700, 1500, 1900):
        rows = np.isfinite(value[t])
        expected = cash[t - 242 : t + 1, rows].sum(axis=0) / value[t, rows]
        np.testing.assert_allclose(given[t, rows], expected, atol=1e-6)
        assert 0.005 < np.median(expected) < 0.04


def test_book_value_changes_only_after_a_report_is_published(market):
    equity = pd.DataFrame(market.grid("daily_basic", "total_mv") / market.grid("daily_basic", "pb"))
    before = equity.ffill().shift().to_numpy()
    changed = np.abs(equity.to_numpy() / before - 1) > 2e-3
    reports = market["fina_indicator"]
    code = np.searchsorted(market.codes, reports["ts_code"].astype(str).to_numpy())
    published = np.zeros((len(market.days) + 1, len(market.codes)))
    np.add.at(published, (np.searchsorted(market.days, reports["ann_date"].to_numpy(), side="right"), code), 1)
    count = np.cumsum(published[:-1], axis=0)
    traded = np.isfinite(market.grid("daily", "close"))
    seen = pd.DataFrame(np.where(traded, count, np.nan)).ffill().shift().to_numpy()
    assert changed.sum() > 5000 and not (changed & ~(count > seen)).any()
