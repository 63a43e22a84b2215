import numpy as np
import pandas as pd

from feeds.sources.simulated import SimulatedMarket

REFORM = pd.Timestamp("2020-12-31")


def test_halted_days_have_no_bar_and_a_row_that_says_so(market, bars, listed):
    halts = market["suspend_d"]
    whole = halts[halts["suspend_timing"].isna() & (halts["suspend_type"] == "S")]
    said = np.zeros(listed.shape, bool)
    said[market.at(whole["ts_code"], whole["trade_date"])] = True
    assert (said == (listed & np.isnan(bars["close"]))).all()
    assert 0.003 < said.sum() / listed.sum() < 0.03


def test_halts_last_from_a_day_to_months(bars, listed):
    halted = listed & np.isnan(bars["close"])
    ends = np.diff(np.vstack([halted, np.zeros((1, halted.shape[1]))]).astype(int), axis=0) == -1
    length = np.zeros(halted.shape[1])
    lengths = []
    for row, end in zip(halted[:-1], ends, strict=False):
        length = np.where(row, length + 1, 0)
        lengths += length[end].tolist()
    assert min(lengths) == 1 and max(lengths) > 60 and len(lengths) > 300


def test_brief_halts_and_resumptions_have_bars(market, bars):
    halts = market["suspend_d"]
    rest = halts[halts["suspend_timing"].notna() | (halts["suspend_type"] == "R")]
    assert rest["suspend_timing"].notna().sum() > 50 and (rest["suspend_type"] == "R").sum() > 20
    assert np.isfinite(bars["close"][market.at(rest["ts_code"], rest["trade_date"])]).all()


def test_bars_exist_only_between_listing_and_delisting(market, bars, listed):
    traded = np.isfinite(bars["close"])
    day = market.days[:, None]
    first, gone = market.basic["list_date"].to_numpy(), market.basic["delist_date"].to_numpy()
    inside = (day >= first) & ~(day >= gone)
    assert (listed == inside).all() and not (traded & ~inside).any()
    new = np.flatnonzero(first >= market.days[0])
    assert len(new) > 80
    assert traded[np.searchsorted(market.days, first[new]), new].all()


def test_companies_enter_st_and_leave_it(market):
    names = market["namechange"]
    assert (names["change_reason"] == "ST").sum() > 10
    assert (names["change_reason"] == "*ST").sum() > 3
    assert (names["change_reason"] == "撤销ST").sum() > 5
    spans = names[names["name"].str.contains("ST")]
    st = market["stock_st"]
    for code, rows in st.groupby("ts_code", observed=True):
        own = spans[spans["ts_code"].astype(str) == code]
        stop = own["end_date"].fillna(pd.Timestamp("2100-01-01"))
        days = rows["trade_date"].to_numpy()[:, None]
        assert ((days >= own["start_date"].to_numpy()) & (days <= stop.to_numpy())).any(axis=1).all(), code


def test_names_follow_each_other_without_a_gap_and_the_last_is_the_listings(market):
    names = market["namechange"]
    same = names["ts_code"].astype(str).to_numpy()[1:] == names["ts_code"].astype(str).to_numpy()[:-1]
    end, start = names["end_date"].to_numpy()[:-1], names["start_date"].to_numpy()[1:]
    assert (end[same] + np.timedelta64(1, "D") == start[same]).all()
    assert names.loc[np.append(~same, True), "end_date"].isna().all()
    assert names.loc[np.append(~same, True), "name"].tolist() == market.basic["name"].tolist()
    assert (names["ann_date"] <= names["start_date"]).all()
    gone = market.basic.loc[names["ts_code"].astype(str), "delist_date"].to_numpy()
    assert not (names["start_date"].to_numpy() >= gone).any()


def delistings(market, bars):
    """Yield code, delisting date, the delisting period's first session or None, and the rows of the bars."""
    names = market["namechange"]
    for n, (code, row) in enumerate(market.basic.iterrows()):
        if pd.notna(row["delist_date"]):
            period = names[(names["ts_code"].astype(str) == code) & names["name"].str.endswith("退")]
            traded = np.flatnonzero(np.isfinite(bars["close"][:, n]))
            yield n, row["delist_date"], period["start_date"].iloc[0] if len(period) else None, traded


def test_delisting_periods_have_30_sessions_and_15_since_the_end_of_2020(market, bars):
    lengths = {True: [], False: []}
    for n, gone, start, traded in delistings(market, bars):
        if start is None:
            continue
        days = market.days[traded][market.days[traded] >= np.datetime64(start)]
        assert market.days[traded[-1] + 1] == np.datetime64(gone)
        lengths[start >= REFORM].append(len(days))
        first = np.searchsorted(market.days, np.datetime64(start))
        assert np.isnan(bars["up"][first, n]) == (start >= REFORM)
    assert set(lengths[False]) == {30} and set(lengths[True]) == {15}


def test_price_delistings_have_no_period_since_the_end_of_2020_and_twenty_closes_below_one_yuan(market, bars):
    prices = [
        bars["close"][traded[-20:], n]
        for n, gone, start, traded in delistings(market, bars)
        if start is None and gone > REFORM
    ]
    assert len(prices) >= 2
    assert all((price < 1).all() for price in prices)


def test_before_a_delisting_the_exchange_decides_for_fifteen_halted_sessions(market, bars):
    for n, gone, start, _traded in delistings(market, bars):
        until = np.searchsorted(market.days, np.datetime64(gone if start is None else start))
        assert np.isnan(bars["close"][until - 15 : until, n]).all()


def test_names_and_the_daily_list_agree_on_who_is_st_in_a_span_that_begins_mid_year():
    tables: dict[str, list[pd.DataFrame]] = {}
    for name, frame in SimulatedMarket(stocks=300, start="2019-06-03", end="2020-12-31", seed=7).tables():
        tables.setdefault(name, []).append(frame)
    names, listed_st = pd.concat(tables["namechange"]), pd.concat(tables["stock_st"])
    last = names.sort_values(["ts_code", "start_date"]).groupby("ts_code", observed=True).tail(1)
    by_name = set(last.loc[last["name"].str.match(r"\*?ST"), "ts_code"].astype(str))
    final = listed_st["trade_date"].max()
    by_list = set(listed_st.loc[listed_st["trade_date"] == final, "ts_code"].astype(str))
    basic = pd.concat(tables["stock_basic"])
    alive = set(basic.loc[basic["delist_date"].isna(), "ts_code"].astype(str))
    assert by_name & alive == by_list & alive
