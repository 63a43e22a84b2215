"""What a panel's tables cover, counted by hand, kept on disk, and of the real market."""

import json

import numpy as np

from feeds.building import build_panel
from feeds.coverage import Coverage

DAYS = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"]
A, B, GONE = "000001.SZ", "600000.SH", "600001.SH"
CLOSES = {A: [10.0, 10.1, 10.2, 10.3], B: [5.0, None, 5.2, 5.0]}


def test_stated_limits_are_counted_among_the_bars_of_a_day(make_panel, rows):
    limits = rows(
        "ts_code trade_date up_limit down_limit",
        (A, "2020-01-02", 11.0, 9.0),
        (B, "2020-01-02", None, None),  # a day without limits, and it says so
        (B, "2020-01-03", 5.5, 4.5),  # not a bar
        (A, "2020-01-06", 11.2, 9.2),
        (GONE, "2020-01-06", 11.2, 9.2),
        (A, "2020-01-07", 11.2, 9.2),
        (B, "2020-01-07", 5.7, 4.7),
    )
    assert make_panel(CLOSES, DAYS, stk_limit=limits).coverage.stated_limits.tolist() == [1.0, 0.0, 0.5, 1.0]


def test_a_day_without_any_bar_has_no_share_of_stated_limits(make_panel):
    halted = {A: [10.0, None, 10.2, 10.3], B: [5.0, None, 5.2, 5.0]}
    assert np.isnan(make_panel(halted, DAYS).coverage.stated_limits).tolist() == [False, True, False, False]


def test_a_stock_with_dated_names_is_told_from_one_without(make_panel, rows):
    spans = (B, "浦发银行", "2010-01-04", None), (GONE, "x", "2010-01-04", None)
    names = rows("ts_code name start_date end_date", *spans)
    assert make_panel(CLOSES, DAYS, namechange=names).coverage.name_histories.tolist() == [False, True]
    assert make_panel(CLOSES, DAYS, folder="none").coverage.name_histories.tolist() == [False, False]


def test_industries_are_dated_if_their_table_is_there(make_panel, rows):
    dated = rows("ts_code industry in_date out_date", (A, "银行", "2010-01-04", None))
    assert make_panel(CLOSES, DAYS, industry=dated).coverage.dated_industries
    assert not make_panel(CLOSES, DAYS, folder="none").coverage.dated_industries


def test_members_without_a_bar_are_counted_by_day(make_panel, rows):
    member = rows(
        "index_code con_code in_date out_date",
        ("000300.SH", A, "2010-01-04", None),
        ("000300.SH", GONE, "2010-01-04", "2020-01-07"),
        ("000300.SH", "600002.SH", "2020-01-06", None),
        ("000300.SH", "600003.SH", "2020-01-07", "2020-01-03"),  # left before it came
        ("000905.SH", B, "2010-01-04", None),
    )
    absent = make_panel(CLOSES, DAYS, index_member=member).coverage.absent_members
    assert {index: days.tolist() for index, days in absent.items()} == {
        "000300.SH": [1, 1, 2, 1], "000905.SH": [0, 0, 0, 0],
    }  # fmt: skip


def test_members_without_a_bar_are_counted_from_weights_too(make_panel, rows):
    weight = rows(
        "index_code con_code trade_date weight",
        ("000300.SH", A, "2019-12-31", 0.5),
        ("000300.SH", GONE, "2019-12-31", 0.5),
        ("000300.SH", A, "2020-01-03", 1.0),
    )
    assert make_panel(CLOSES, DAYS, index_weight=weight).coverage.absent_members["000300.SH"].tolist() == [1, 1, 0, 0]


def test_coverage_is_the_same_after_it_was_kept():
    one = Coverage(np.array([1 / 3, np.nan]), np.array([True, False]), True, {"000300.SH": np.array([7, 0])})
    other = Coverage.from_json(json.loads(json.dumps(one.as_json(), allow_nan=False)))
    assert np.array_equal(other.stated_limits, one.stated_limits, equal_nan=True)
    assert other.name_histories.tolist() == [True, False] and other.name_histories.dtype == "bool"
    assert other.dated_industries is True
    assert other.absent_members["000300.SH"].tolist() == [7, 0]


def test_the_real_index_lacks_the_members_that_merged_or_were_delisted(real_store):
    panel = build_panel(real_store)
    member = real_store.read("index_member")
    gone = member[~member["con_code"].astype(str).isin(panel.codes)]
    day = np.datetime64("2015-06-01")
    there = (gone["in_date"] <= day) & ~(gone["out_date"] <= day)
    absent = panel.coverage.absent_members["000300.SH"][panel.date_index(day)]
    assert absent == there.sum() > 0
    assert panel.coverage.stated_limits.tolist() == [1.0] * len(panel.dates)
    assert not panel.coverage.name_histories.any() and not panel.coverage.dated_industries
