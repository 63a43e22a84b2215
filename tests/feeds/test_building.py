import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from feeds import building
from feeds.building import CACHE, PANEL_FORMAT, build_panel, open_panel
from feeds.errors import DataError
from feeds.panel import MarketPanel
from feeds.sources.simulated import SimulatedMarket
from feeds.store import Store

NAN = np.nan
DAYS = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08"]
A, B, C = "000001.SZ", "300750.SZ", "600000.SH"
CLOSES = {A: [10.0, 10.1, 10.2, 10.3, 10.4], B: [None, 20.0, None, 20.2, 20.4], C: [5.0, 5.1, 5.2, None, 5.0]}


def same(found, expected):
    return np.array_equal(found, np.array(expected, dtype="float64"), equal_nan=True)


# -- bars and factors --------------------------------------------------------------------------------------------


def test_bars_fall_on_their_day_and_stock_and_other_cells_are_nan(make_panel):
    panel = make_panel(CLOSES, DAYS)
    assert panel.dates.astype(str).tolist() == DAYS
    assert panel.codes.tolist() == [A, B, C]
    assert same(
        panel.field("close"),
        [[10.0, NAN, 5.0], [10.1, 20.0, 5.1], [10.2, NAN, 5.2], [10.3, 20.2, NAN], [10.4, 20.4, 5.0]],
    )
    assert same(
        panel.field("open"),
        [[10.0, NAN, 5.0], [10.0, 20.0, 5.0], [10.1, NAN, 5.1], [10.2, 20.0, NAN], [10.3, 20.2, 5.2]],
    )
    assert same(panel.field("high")[4], [10.4, 20.4, 5.2])
    assert same(panel.field("low")[4], [10.3, 20.2, 5.0])
    assert same(panel.field("pre_close")[4], [10.3, 20.2, 5.2])
    assert same(panel.field("vol")[:, 2], [1e6, 1e6, 1e6, NAN, 1e6])
    assert same(panel.field("amount")[1], [10.1e6, 20e6, 5.1e6])
    assert panel.field("close").dtype == "float64"
    assert [panel.simulated, panel.source] == [False, "test"]


def test_a_day_without_volume_is_a_day_without_a_bar(make_panel, market_tables):
    daily = market_tables(CLOSES, DAYS)["daily"]
    daily.loc[(daily["ts_code"] == A) & (daily["trade_date"] == "2020-01-03"), "vol"] = 0.0
    panel = make_panel(CLOSES, DAYS, daily=daily)
    for name in ("open", "high", "low", "close", "pre_close", "vol", "amount", "up_limit"):
        assert np.isnan(panel.field(name)[1, 0]), name
    assert panel.suspended[:, 0].tolist() == [False, True, False, False, False]


def test_days_reach_from_the_first_bar_to_the_last(make_panel, market_tables):
    tables = market_tables(CLOSES, DAYS)
    calendar = pd.DataFrame({"cal_date": pd.date_range("2019-12-25", "2020-01-20"), "is_open": 1})
    calendar["is_open"] = (calendar["cal_date"].dt.day_of_week < 5).astype(int)
    panel = make_panel(CLOSES, DAYS, trade_cal=calendar, daily=tables["daily"])
    assert panel.dates.astype(str).tolist() == DAYS


def test_factors_are_carried_over_days_without_one_but_not_back(make_panel, rows):
    factors = rows(
        "ts_code trade_date adj_factor",
        *((A, day, 1.0) for day in DAYS),
        (B, "2020-01-03", 2.0), (B, "2020-01-07", 2.5), (B, "2020-01-08", 2.5),
        (C, "2020-01-02", 3.0), (C, "2020-01-03", 3.0), (C, "2020-01-06", 3.0), (C, "2020-01-07", 3.3),
        (C, "2020-01-08", 3.3),
    )  # fmt: skip
    factor = make_panel(CLOSES, DAYS, adj_factor=factors).field("adj_factor")
    assert same(factor[:, 1], [NAN, 2.0, 2.0, 2.5, 2.5])
    assert same(factor[:, 2], [3.0, 3.0, 3.0, 3.3, 3.3])  # a row of a suspended day counts from that day


def test_a_bar_without_a_factor_is_refused(make_store, market_tables):
    factors = market_tables(CLOSES, DAYS)["adj_factor"]
    store = make_store(CLOSES, DAYS, adj_factor=factors[~factors["ts_code"].eq(C)])
    with pytest.raises(DataError) as caught:
        build_panel(store)
    assert str(caught.value) == (
        "adj_factor must be known for every bar, was missing for 600000.SH 2020-01-02 and 3 more"
    )


def test_a_store_without_a_calendar_is_refused(make_store, rows):
    store = make_store(CLOSES, DAYS)
    del store.manifest["tables"]["trade_cal"]
    with pytest.raises(DataError, match="must hold the table trade_cal, was without it"):
        build_panel(store)


def test_valuations_are_kept_where_they_are(make_panel, rows):
    frame = rows("ts_code trade_date pb pe_ttm_signed", (A, "2020-01-03", 1.5, -8.0), (C, "2020-01-08", 0.5, NAN))
    panel = make_panel(CLOSES, DAYS, daily_basic=frame)
    assert same(panel.field("pb"), [[NAN] * 3, [1.5, NAN, NAN], [NAN] * 3, [NAN] * 3, [NAN, NAN, 0.5]])
    assert panel.field("pe_ttm_signed")[1, 0] == -8.0
    assert panel.field("pb").dtype == "float32"
    assert not panel.has_field("pe_ttm")


def test_rows_before_the_first_bar_or_of_other_codes_fall_nowhere(make_panel, market_tables, rows):
    calendar = pd.DataFrame({"cal_date": pd.date_range("2019-12-30", "2020-01-08")})
    calendar["is_open"] = calendar["cal_date"].dt.strftime("%Y-%m-%d").isin(["2019-12-30", "2019-12-31", *DAYS])
    early, late = "2019-12-30", "2020-01-08"
    panel = make_panel(
        CLOSES, DAYS, trade_cal=calendar,
        stock_st=rows("ts_code trade_date", (A, early), ("600001.SH", late)),
        stk_limit=rows("ts_code trade_date up_limit down_limit", (A, early, 99.0, 1.0), ("600001.SH", late, 9.0, 8.0)),
        daily_basic=rows("ts_code trade_date pb", (A, early, 1.0), ("600001.SH", late, 2.0)),
        index_daily=rows("ts_code trade_date close", ("000300.SH", early, 4000.0), ("000300.SH", late, 4100.0)),
        dividend=rows(
            "ts_code end_date record_date ex_date stk_div cash_div_tax",
            (A, "2018-12-31", "2019-07-01", "2019-07-02", 0.5, 1.0),
            ("600001.SH", "2018-12-31", "2020-01-03", "2020-01-06", 0.5, 1.0),
        ),
        namechange=rows("ts_code name start_date end_date", (A, "ST平安", "2010-01-04", "2019-12-31")),
    )  # fmt: skip
    assert not panel.st.any()
    assert np.isnan(panel.field("pb")).all()
    assert same(panel.field("up_limit")[0], [11.0, NAN, 5.5])
    assert same(panel.index_close("000300.SH"), [NAN] * 4 + [4100.0])
    assert len(panel.events.stock) == 0


# -- who is listed -----------------------------------------------------------------------------------------------


def basic(rows, *lines):
    return rows("ts_code name list_date delist_date", *lines)


def test_listing_rows_are_counted_in_trading_days(make_panel, rows):
    calendar = rows("cal_date is_open", *((str(day)[:10], int(day.day_of_week < 5)) for day in
                                          pd.date_range("2019-12-02", "2020-01-08")))  # fmt: skip
    calendar.loc[calendar["cal_date"] == "2020-01-01", "is_open"] = 0
    stocks = basic(
        rows, (A, "a", "2019-12-30", None), (B, "b", "2020-01-03", "2020-01-08"), (C, "c", "2020-01-04", "2019-12-31")
    )
    panel = make_panel(CLOSES, DAYS, trade_cal=calendar, stock_basic=stocks)
    assert panel.list_index.tolist() == [-2, 1, 2]  # 30 and 31 December; the 3rd; a Saturday counts from Monday
    assert panel.delist_index.tolist() == [5, 4, 0]
    assert panel.listed_days(0).tolist() == [3, 0, 0]
    assert panel.listed_days(4).tolist() == [7, 0, 0]
    assert panel.suspended[:, 1].tolist() == [False, False, True, False, False]
    assert not panel.suspended[:, 2].any()


def test_a_listing_before_the_calendar_is_counted_as_242_days_a_year(make_panel, rows):
    stocks = basic(rows, (A, "a", "2010-01-04", None), (B, "b", "2020-01-03", None), (C, "c", "2019-12-31", None))
    panel = make_panel(CLOSES, DAYS, stock_basic=stocks)
    weekdays = len(pd.bdate_range("2010-01-04", "2020-01-01"))
    assert panel.list_index.tolist() == [-(weekdays * 242 // 261), 1, -1]


def test_a_stock_without_a_listing_date_counts_from_its_first_bar_and_has_ordinary_limits(make_panel, rows):
    panel = make_panel(CLOSES, DAYS, stock_basic=basic(rows, (A, "a", "2010-01-04", None)))
    assert panel.list_index[1:].tolist() == [1, 0]
    assert panel.delist_index.tolist() == [5, 5, 5]
    assert same(panel.field("up_limit")[1], [11.0, 22.0, 5.5])
    assert panel.names == ("a", B, C)


# -- ST ----------------------------------------------------------------------------------------------------------


def test_names_mark_st_from_their_first_day_to_their_last(make_panel, rows):
    names = rows(
        "ts_code name start_date end_date",
        (A, "*ST平安", "2020-01-03", "2020-01-05"),  # ends on a Sunday
        (A, "平安银行", "2020-01-06", None),
        (A, "ST平安", "2020-01-08", None),
        (B, "ST宁德", "2019-05-06", None),  # no end: the next name ends it
        (B, "宁德时代", "2020-01-07", None),
        (C, "浦发银行", "2000-01-04", "2020-01-05"),
        (C, "S*ST浦发", "2020-01-07", "2020-01-07"),
    )
    panel = make_panel(CLOSES, DAYS, namechange=names)
    assert panel.st.astype(int).T.tolist() == [[0, 1, 0, 0, 1], [1, 1, 1, 0, 0], [0, 0, 0, 1, 0]]
    assert panel.st_known


@pytest.mark.parametrize(
    ("name", "marked"),
    [("ST平安", 1), ("*ST平安", 1), ("SST平安", 1), ("S*ST平安", 1), ("PT平安", 1), ("平安退", 1), ("退市平安", 1),
     ("XD*ST平", 1), ("平安银行", 0), ("TCL科技", 0), ("S平安", 0)],
)  # fmt: skip
def test_the_names_that_mark_a_troubled_company(make_panel, rows, name, marked):
    panel = make_panel(CLOSES, DAYS, namechange=rows("ts_code name start_date", (A, name, "2019-01-02")))
    assert panel.st[:, 0].astype(int).tolist() == [marked] * 5


def test_the_daily_list_marks_its_days_only(make_panel, rows):
    panel = make_panel(CLOSES, DAYS, stock_st=rows("ts_code trade_date", (A, "2020-01-03"), (C, "2020-01-07")))
    assert np.argwhere(panel.st).tolist() == [[1, 0], [3, 2]]
    assert panel.st_known
    assert not make_panel(CLOSES, DAYS, folder="without").st_known


# -- limit prices ------------------------------------------------------------------------------------------------


def test_the_dated_rule_gives_the_limits_that_no_table_states(make_panel, rows):
    st = rows("ts_code trade_date", (C, "2020-01-03"))
    panel = make_panel(CLOSES, DAYS, stock_st=st)
    assert same(panel.field("up_limit")[1], [11.0, 22.0, 5.25])
    assert same(panel.field("down_limit")[1], [9.0, 18.0, 4.75])
    assert np.isnan(panel.field("up_limit")[2, 1])


def test_stated_limits_win_and_null_or_absurd_ones_mean_none(make_panel, rows):
    stated = rows(
        "ts_code trade_date up_limit down_limit",
        (A, "2020-01-02", 10.51, 9.51), (A, "2020-01-03", NAN, NAN), (A, "2020-01-06", 100000.0, 0.0),
        (A, "2020-01-07", 0.0, 9.0), (C, "2020-01-07", 5.7, 4.7),
    )  # fmt: skip
    panel = make_panel(CLOSES, DAYS, stk_limit=stated)
    assert same(panel.field("up_limit")[:, 0], [10.51, NAN, NAN, NAN, 11.33])
    assert same(panel.field("down_limit")[:, 0], [9.51, NAN, NAN, 9.0, 9.27])
    assert same(panel.field("up_limit")[3], [NAN, 22.0, NAN])  # no bar, no limit


@pytest.mark.parametrize(
    ("code", "first", "up", "down"),
    [
        (A, "2019-12-31", [11.0, 11.0, 11.0], [9.0, 9.0, 9.0]),
        (A, "2020-01-02", [14.4, 11.0, 11.0], [6.4, 9.0, 9.0]),
        (A, "2020-01-03", [11.0, 14.4, 11.0], [9.0, 6.4, 9.0]),
        ("688001.SH", "2020-01-02", [NAN] * 3, [NAN] * 3),
        ("688001.SH", "2019-12-31", [NAN] * 3, [NAN] * 3),  # its second, third and fourth day
        ("688001.SH", "2019-12-26", [NAN, 12.0, 12.0], [NAN, 8.0, 8.0]),  # its fifth day is the panel's first
    ],
)
def test_the_first_days_of_a_listing_have_their_own_limits(make_panel, rows, code, first, up, down):
    stocks = basic(rows, (code, "x", first, None), (C, "c", "2010-01-04", None))
    closes = {code: [10.0] * 6, C: [5.0] * 6}
    panel = make_panel(closes, [*DAYS, "2020-01-09"], stock_basic=stocks)
    column = panel.index_of(code)
    assert same(panel.field("up_limit")[:3, column], up)
    assert same(panel.field("down_limit")[:3, column], down)
    last = 12.0 if code.startswith("688") else 11.0
    assert panel.field("up_limit")[5, column] == last  # the sixth day of any of them is an ordinary one


def test_beijing_has_one_free_day_and_no_known_limit_before_it_opened(make_panel, rows):
    days = ["2021-11-12", "2021-11-15", "2021-11-16", "2021-11-17"]
    stocks = basic(rows, ("430047.BJ", "old", "2020-07-27", None), ("830799.BJ", "new", "2021-11-16", None))
    closes = {"430047.BJ": [10.0] * 4, "830799.BJ": [None, None, 10.0, 10.0]}
    panel = make_panel(closes, days, stock_basic=stocks)
    assert same(panel.field("up_limit").T, [[NAN, 13.0, 13.0, 13.0], [NAN, NAN, NAN, 13.0]])
    assert same(panel.field("down_limit").T, [[NAN, 7.0, 7.0, 7.0], [NAN, NAN, NAN, 7.0]])


def test_an_s_share_has_the_band_of_st_and_is_not_st(make_panel, rows):
    names = rows("ts_code name start_date", (C, "S浦发", "2019-01-02"))
    panel = make_panel(CLOSES, DAYS, namechange=names)
    assert same(panel.field("up_limit")[1], [11.0, 22.0, 5.25])
    assert not panel.st.any()


def test_a_limit_may_equal_the_reference_in_shanghai_before_2023_04_10_but_not_in_shenzhen(make_panel):
    days = ["2023-04-07", "2023-04-10"]
    panel = make_panel({A: [0.04, 0.04], C: [0.04, 0.04]}, days)
    assert same(panel.field("up_limit"), [[0.05, 0.04], [0.05, 0.05]])
    assert same(panel.field("down_limit"), [[0.03, 0.04], [0.03, 0.03]])


def test_a_shanghai_listing_of_early_2014_was_banded_before_a_shenzhen_one(make_panel, rows):
    days = ["2014-01-02", "2014-01-03"]
    stocks = basic(rows, (A, "a", days[0], None), (C, "c", days[0], None))
    panel = make_panel({A: [10.0, 10.0], C: [10.0, 10.0]}, days, stock_basic=stocks)
    assert same(panel.field("up_limit"), [[NAN, 14.4], [11.0, 11.0]])


@pytest.mark.parametrize(("day", "opening"), [("2020-12-30", 5.5), ("2020-12-31", NAN)])
def test_a_delisting_period_has_the_boards_band_and_since_2020_12_31_a_free_first_day(make_panel, rows, day, opening):
    days = ["2020-12-29", "2020-12-30", "2020-12-31", "2021-01-04"]
    names = rows("ts_code name start_date", (C, "*ST浦发", "2020-01-02"), (C, "浦发退", day))
    up = make_panel({C: [5.0] * 4}, days, namechange=names).field("up_limit")[:, 0]
    row = days.index(day)
    assert same(up[:row], [5.25] * row)
    assert same(up[row:], [opening] + [5.5] * (3 - row))


def test_a_delisting_period_that_began_before_the_panel_has_no_free_day_in_it(make_panel, rows):
    names = rows("ts_code name start_date", (C, "浦发退", "2020-12-31"))
    panel = make_panel({C: [5.0, 5.0]}, ["2021-01-04", "2021-01-05"], namechange=names)
    assert same(panel.field("up_limit")[:, 0], [5.5, 5.5])


# -- members, industries, indices, events ------------------------------------------------------------------------


def test_members_are_taken_from_their_first_day_until_the_day_they_leave(make_panel, rows):
    member = rows(
        "index_code con_code in_date out_date",
        ("000300.SH", A, "2010-01-04", "2020-01-06"),
        ("000300.SH", A, "2020-01-08", None),
        ("000300.SH", B, "2020-01-04", "2020-01-05"),  # a weekend
        ("000300.SH", C, "2020-01-04", None),
        ("000300.SH", "600001.SH", "2010-01-04", None),
        ("000905.SH", B, "2020-01-03", "2020-01-07"),
    )
    panel = make_panel(CLOSES, DAYS, index_member=member)
    assert panel.members("000300.SH").astype(int).T.tolist() == [[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]]
    assert panel.members("000905.SH").astype(int).T.tolist() == [[0] * 5, [0, 1, 1, 0, 0], [0] * 5]


def weights(rows, *snapshots):
    return rows(
        "index_code con_code trade_date weight",
        *(("000300.SH", code, day, 1 / len(codes)) for day, *codes in snapshots for code in codes),
    )


def test_a_snapshot_of_weights_counts_from_the_day_after_it_until_the_next_one(make_panel, rows):
    frame = weights(rows, ("2020-01-02", A, B), ("2020-01-06", B, C))
    panel = make_panel(CLOSES, DAYS, index_weight=frame)
    assert panel.members("000300.SH").astype(int).T.tolist() == [[0, 1, 1, 0, 0], [0, 1, 1, 1, 1], [0, 0, 0, 1, 1]]


def test_only_the_last_snapshot_before_the_panel_counts(make_panel, rows):
    frame = weights(rows, ("2019-10-31", C), ("2019-11-29", A, C), ("2019-12-31", A), ("2020-01-06", B))
    panel = make_panel(CLOSES, DAYS, index_weight=frame)
    assert panel.members("000300.SH").astype(int).T.tolist() == [[1, 1, 1, 0, 0], [0, 0, 0, 1, 1], [0] * 5]


def test_dated_members_win_over_weights(make_panel, rows):
    member = rows("index_code con_code in_date out_date", ("000300.SH", C, "2010-01-04", None))
    panel = make_panel(CLOSES, DAYS, index_member=member, index_weight=weights(rows, ("2019-12-31", A)))
    assert panel.members("000300.SH").any(axis=0).tolist() == [False, False, True]


def test_industries_are_dated_where_the_table_is_and_otherwise_those_of_today(make_panel, rows):
    dated = rows(
        "ts_code industry in_date out_date",
        (A, "银行", "2010-01-04", "2020-01-06"),
        (A, "保险", "2020-01-06", None),
        (C, "银行", "2020-01-03", "2020-01-08"),
    )
    panel = make_panel(CLOSES, DAYS, industry=dated)
    assert panel.industry_names == ("保险", "银行")
    assert panel.industry.T.tolist() == [[1, 1, 0, 0, 0], [-1] * 5, [-1, 1, 1, 1, -1]]
    stocks = rows(
        "ts_code name industry list_date", (A, "a", "银行", "2010-01-04"), (B, "b", None, "2010-01-04"),
        (C, "c", "电力", "2010-01-04"),
    )  # fmt: skip
    today = make_panel(CLOSES, DAYS, folder="today", stock_basic=stocks)
    assert today.industry_names == ("电力", "银行")
    assert today.industry.tolist() == [[1, -1, 0]] * 5


def test_index_closes_are_aligned_with_the_days(make_panel, rows):
    frame = rows(
        "ts_code trade_date close", ("000300.SH", "2020-01-02", 4000.0), ("000300.SH", "2020-01-07", 4100.0),
        ("H00300.CSI", "2020-01-08", 5000.0),
    )  # fmt: skip
    panel = make_panel(CLOSES, DAYS, index_daily=frame)
    assert list(panel.indices) == ["000300.SH", "H00300.CSI"]
    assert same(panel.index_close("000300.SH"), [4000.0, NAN, NAN, 4100.0, NAN])
    assert same(panel.index_close("H00300.CSI"), [NAN] * 4 + [5000.0])


def test_events_fall_on_their_ex_date_or_the_next_open_day_and_plans_are_kept_apart(make_panel, rows):
    dividend = rows(
        "ts_code end_date record_date ex_date stk_div cash_div_tax",
        (A, "2019-06-30", "2020-01-02", "2020-01-03", 0.0, 0.25),
        (A, "2019-09-30", "2020-01-02", "2020-01-03", 0.3, 0.0),
        (C, "2019-06-30", "2020-01-03", "2020-01-04", 0.5, 0.1),
        (C, "2019-09-30", "2020-01-08", "2020-01-09", 0.5, 0.1),
    )
    offered = rows("ts_code ex_date ratio price", (B, "2020-01-07", 0.3, 8.5))
    events = make_panel(CLOSES, DAYS, dividend=dividend, rights=offered).events
    assert events.stock.tolist() == [0, 0, 2, 1]
    assert events.row.tolist() == [1, 1, 2, 3]
    assert events.shares.tolist() == [0.0, 0.3, 0.5, 0.0]
    assert events.cash.tolist() == [0.25, 0.0, 0.1, 0.0]
    assert events.rights.tolist() == [0.0, 0.0, 0.0, 0.3]
    assert events.rights_price.tolist() == [0.0, 0.0, 0.0, 8.5]


# -- against an independent market, and against the future --------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    """Two years with every corner case, across the reforms of 2020, by table."""
    tables = {}
    for name, frame in SimulatedMarket(stocks=80, start="2019-01-02", end="2021-06-30", seed=11).tables():
        tables.setdefault(name, []).append(frame)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}


def write(folder, tables):
    store = Store(folder)
    with store.transaction("simulated", simulated=True) as writer:
        for name in sorted(tables, key=lambda name: (name != "trade_cal", name)):
            writer.put(name, tables[name])
    return store


def test_the_rules_own_limits_equal_those_the_simulated_exchange_stated(simulated, tmp_path):
    stated = build_panel(write(tmp_path / "stated", simulated))
    ruled = build_panel(write(tmp_path / "ruled", {k: v for k, v in simulated.items() if k != "stk_limit"}))
    for name in ("up_limit", "down_limit"):
        assert np.array_equal(stated.field(name), ruled.field(name), equal_nan=True)
    free = np.isfinite(stated.field("close")) & np.isnan(stated.field("up_limit"))
    assert free.sum() > 5
    percent = stated.field("up_limit") / stated.field("pre_close") - 1
    for size in (0.05, 0.10, 0.20, 0.44):
        assert (np.abs(percent - size) < 0.001).any(), size


_KNOWN_LATER = {"out_date", "delist_date", "end_date"}


def before(tables, day, distort=False):
    """Return the tables as they stood at the close of a day: rows that begin later are gone, or distorted."""
    begins = {"stock_basic": "list_date", "namechange": "start_date", "dividend": "ex_date", "rights": "ex_date",
              "industry": "in_date", "index_member": "in_date", "fina_indicator": "ann_date",
              "code_change": "change_date"}  # fmt: skip
    result = {}
    for name, frame in tables.items():
        if name in ("trade_cal", "fut_basic"):
            result[name] = frame
            continue
        later = frame[begins.get(name, "trade_date")] > day
        if distort and begins.get(name) is None:
            frame = frame.copy()
            for column in frame.select_dtypes("float64"):
                frame.loc[later, column] *= 1.5
            result[name] = frame
            continue
        frame = frame[~later].copy()
        for column in set(frame.columns) & _KNOWN_LATER:
            if name in ("stock_basic", "namechange", "industry", "index_member"):
                frame.loc[frame[column] > day, column] = pd.NaT
        result[name] = frame
    return result


@pytest.mark.parametrize("distort", [False, True], ids=["dropped", "distorted"])
def test_nothing_up_to_a_day_changes_with_what_comes_after_it(simulated, tmp_path, distort):
    whole = build_panel(write(tmp_path / "whole", simulated))
    day = pd.Timestamp("2020-09-15")
    cut = build_panel(write(tmp_path / "cut", before(simulated, day, distort)))
    rows = whole.date_index("2020-09-15") + 1
    if distort:
        assert not np.array_equal(cut.field("close")[rows:], whole.field("close")[rows:], equal_nan=True)
    else:
        assert cut.dates[-1] == np.datetime64("2020-09-15")
    columns = np.array([whole.index_of(code) for code in cut.codes])
    others = np.setdiff1d(np.arange(len(whole.codes)), columns)
    assert not whole.listed[:rows, others].any()
    for name in whole.fields:
        assert np.array_equal(cut.field(name)[:rows], whole.field(name)[:rows, columns], equal_nan=True), name
    for name in ("suspended", "st", "listed", "industry"):
        expected = getattr(whole, name)[:rows, columns]
        found = getattr(cut, name)[:rows]
        if name == "industry":
            expected, found = (np.array([*names, ""])[part] for names, part in
                               ((whole.industry_names, expected), (cut.industry_names, found)))  # fmt: skip
        assert np.array_equal(found, expected), name
    for row in (0, 100, rows - 1):
        assert np.array_equal(cut.listed_days(row), whole.listed_days(row)[columns])
    for index in cut.member_spans:
        assert np.array_equal(cut.members(index)[:rows], whole.members(index)[:rows, columns]), index
    for index in cut.indices:
        assert np.array_equal(cut.index_close(index)[:rows], whole.index_close(index)[:rows], equal_nan=True), index
    assert due(cut, rows) == due(whole, rows)
    # Facts of the future that the panel does hold: delist_index, for the account on its day, and names, for reports.
    assert (whole.delist_index < len(whole.dates)).any()


def due(panel: MarketPanel, rows):
    events = panel.events
    return sorted(
        (panel.codes[int(stock)], int(row), *terms, *(min(day, rows) for day in days), taxed)
        for stock, row, *terms, pay_row, tradable_row, taxed in zip(
            *(getattr(events, part).tolist() for part in events.PARTS), strict=True
        )
        for days in [(pay_row, tradable_row)]
        if row < rows
    )


# -- the cache ---------------------------------------------------------------------------------------------------


def test_a_panel_is_built_once_and_again_after_every_change(make_store, rows):
    store = make_store(CLOSES, DAYS)
    told = []
    first = open_panel(store.path, told.append)
    again = open_panel(store.path, told.append)
    assert told == [f"building the panel of {store.path} (once per change of the data)"]
    assert np.array_equal(first.field("close"), again.field("close"), equal_nan=True)
    assert isinstance(again.fields["close"], np.memmap)
    assert again.fingerprint == store.fingerprint
    with store.transaction("test") as writer:
        writer.put("stock_st", rows("ts_code trade_date", (A, "2020-01-03")))
    assert open_panel(store.path, told.append).st.sum() == 1
    assert len(told) == 2
    assert [path.name for path in (store.path / CACHE).iterdir()] == [f"{store.fingerprint}-{PANEL_FORMAT}"]


def test_a_panel_of_another_format_is_not_opened(make_store, monkeypatch):
    store = make_store(CLOSES, DAYS)
    open_panel(store.path)
    monkeypatch.setattr(building, "PANEL_FORMAT", "next")
    told = []
    open_panel(store.path, told.append)
    assert len(told) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "close.npy").write_bytes((folder / "close.npy").read_bytes()[:-8]),
        lambda folder: (folder / "close.npy").write_bytes(b""),
        lambda folder: (folder / "close.npy").unlink(),
        lambda folder: (folder / "_st.npy").write_bytes(b"\x93NUMPY"),
        lambda folder: (folder / "panel.json").write_text('{"codes": ['),
        lambda folder: (folder / "panel.json").write_text("{}"),
        lambda folder: (folder / "panel.json").write_text("[]"),
        lambda folder: (folder / "panel.json").unlink(),
    ],
    ids=["shortened", "emptied", "missing", "headless", "cut page", "empty page", "other page", "no page"],
)
def test_a_damaged_cache_is_built_again(make_store, damage):
    store = make_store(CLOSES, DAYS)
    open_panel(store.path)
    damage(store.path / CACHE / f"{store.fingerprint}-{PANEL_FORMAT}")
    told = []
    panel = open_panel(store.path, told.append)
    assert len(told) == 1
    assert panel.field("close")[0, 0] == 10.0
    open_panel(store.path, told.append)
    assert len(told) == 1


def test_leftovers_of_a_killed_builder_are_removed(make_store):
    store = make_store(CLOSES, DAYS)
    (store.path / CACHE / ".tmp-killed").mkdir(parents=True)
    open_panel(store.path)
    assert len(list((store.path / CACHE).iterdir())) == 1


def test_a_store_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataError, match="data folder must hold imported market data"):
        open_panel(tmp_path)


def test_of_two_that_open_at_once_one_builds_and_both_read(make_store, monkeypatch):
    store = make_store(CLOSES, DAYS)
    built, panels = [], []

    def slowly(opened):
        built.append(opened)
        time.sleep(0.2)
        return build_panel(opened)

    monkeypatch.setattr(building, "build_panel", slowly)
    threads = [threading.Thread(target=lambda: panels.append(open_panel(store.path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert [panel.field("close")[4, 0] for panel in panels] == [10.4] * 3


OPEN = """
import sys
from feeds.building import open_panel
sys.stdin.readline()
panel = open_panel(sys.argv[1], lambda text: print("builds", flush=True))
print(panel.fingerprint, float(panel.field("close")[4, 0]))
"""


def test_two_processes_that_open_at_once_read_the_same_panel(make_store, repository):
    store = make_store(CLOSES, DAYS)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(store.path)],
            cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate()[0].split("\n") for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(line for lines in printed for line in lines if line) == [
        *[f"{store.fingerprint} 10.4"] * 2, "builds",
    ]  # fmt: skip


# -- the real market ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_panel(real_store):
    return open_panel(real_store.path)


def test_the_real_panel_equals_a_pivot_of_the_files(real_panel, real_market):
    codes = ["000001.SZ", "000002.SZ", "300750.SZ", "600519.SH", "688981.SH"]
    daily, factor, limit = (
        pq.read_table(real_market / f"{name}.parquet", filters=[("ts_code", "in", codes)]).to_pandas()
        for name in ("daily", "adj_factor", "stk_limit")
    )
    days = np.char.replace(real_panel.dates.astype(str), "-", "")
    columns = [real_panel.index_of(code) for code in codes]
    for frame, name, unit in (
        *((daily, name, 1.0) for name in ("open", "high", "low", "close", "pre_close")),
        (daily, "vol", 100.0), (daily, "amount", 1000.0), (limit, "up_limit", 1.0), (limit, "down_limit", 1.0),
    ):  # fmt: skip
        pivot = frame.pivot(index="trade_date", columns="ts_code", values=name).reindex(days)[codes] * unit
        assert np.array_equal(real_panel.field(name)[:, columns], pivot.to_numpy(), equal_nan=True), name
    pivot = factor.pivot(index="trade_date", columns="ts_code", values="adj_factor").reindex(days)[codes].ffill()
    assert np.array_equal(real_panel.field("adj_factor")[:, columns], pivot.to_numpy(), equal_nan=True)


def test_every_real_close_is_within_the_limits(real_panel):
    close = real_panel.field("close")
    assert not (close > real_panel.field("up_limit") + 1e-6).any()
    assert not (close < real_panel.field("down_limit") - 1e-6).any()
    assert real_panel.shape == (1947, 634)


def test_the_rules_own_limits_equal_the_real_ones_but_on_six_unforeseeable_days(real_panel, real_store):
    store = Store(real_store.path)
    del store.manifest["tables"]["stk_limit"]
    ruled = build_panel(store)
    for name in ("up_limit", "down_limit"):
        real, own = real_panel.field(name), ruled.field(name)
        differs = ~np.isclose(real, own, rtol=0, atol=1e-9, equal_nan=True)
        # Four listed anew after a pause, two that came by a merger instead of an offer.
        assert [(str(real_panel.codes[n]), str(real_panel.dates[row])) for row, n in np.argwhere(differs)] == [
            ("300498.SZ", "2015-11-02"), ("601155.SH", "2015-12-04"), ("600732.SH", "2017-06-06"),
            ("000629.SZ", "2018-08-24"), ("600733.SH", "2018-09-27"), ("000792.SZ", "2021-08-10"),
        ]  # fmt: skip


def test_the_real_index_has_about_300_members_each_day(real_panel):
    members = real_panel.members("000300.SH").sum(axis=1)
    assert 290 <= members.min() <= members.max() <= 300  # ten delisted members have no bars
    july = real_panel.date_index("2015-07-08")
    assert real_panel.suspended[july].sum() > 150  # half the market had halted


def test_the_real_panel_opens_in_well_under_a_second(real_panel, real_store):
    began = time.perf_counter()
    panel = open_panel(real_store.path)
    assert panel.field("close")[-1, 0] > 0
    assert time.perf_counter() - began < 0.5
