"""The rulebook's answer with what the calendar and a data folder know."""

import pytest

from feeds.errors import DataError
from feeds.lookup import look_up
from feeds.rules import Facts, as_day

NEW, OLD = "300999.SZ", "600000.SH"
DAYS = ["2020-08-24", "2020-08-25", "2020-08-26", "2020-08-27", "2020-08-28", "2020-08-31"]


@pytest.fixture
def store(make_store, rows):
    """A ChiNext stock from its listing on 2020-08-25, and one that is named ST from 2020-08-27 on."""
    return make_store(
        {NEW: [None, 10.0, 10.0, 10.0, 10.0, 10.0], OLD: [5.0] * 6},
        DAYS,
        stock_basic=rows("ts_code name list_date", (NEW, "new", "2020-08-25"), (OLD, "old", "1999-11-10")),
        namechange=rows("ts_code name start_date", (OLD, "ST old", "2020-08-27")),
        stk_limit=rows(
            "ts_code trade_date up_limit down_limit", (OLD, "2020-08-26", 5.4, 4.6), (NEW, "2020-08-26", 0.0, 0.0)
        ),
        fund_daily=rows(
            "ts_code trade_date open high low close pre_close vol amount",
            ("510300.SH", "2020-08-25", 1.2, 1.2, 1.2, 1.2, 1.234, 1.0, 1.0),
        ),
    )  # fmt: skip


def said(code, date, data=None, **facts):
    return {ruling.rule: ruling for ruling in look_up(code, date, Facts(**facts), data)}


def test_the_data_folder_knows_listing_status_and_reference(store):
    ordinary = said(OLD, "2020-08-25", store.path)
    assert ordinary["limit prices of the day"].value == "4.50 to 5.50"
    assert "first days of a listing of 1999-11-10" in ordinary and "price limit under ST" not in ordinary
    assert ordinary["limit prices in a backtest"].value == "4.50 to 5.50"
    assert ordinary["limit prices in a backtest"].confidence == "computed"
    marked = said(OLD, "2020-08-27", store.path)
    assert marked["price limit under ST"].value == "±5%" and "price limit" not in marked
    assert marked["limit prices of the day"].value == "4.75 to 5.25"


def test_stated_limits_win_over_the_rule(store):
    stated = said(OLD, "2020-08-26", store.path)
    assert stated["limit prices of the day"].value == "4.50 to 5.50"
    assert stated["limit prices in a backtest"].value == "4.60 to 5.40"
    assert stated["limit prices in a backtest"].source == f"stk_limit of {store.path}, in the place of the rule"
    assert said(NEW, "2020-08-26", store.path)["limit prices in a backtest"].value == "none"


def test_trading_days_since_the_listing_are_counted(store):
    fifth, sixth = (
        said(NEW, "2020-08-31", store.path),
        said(NEW, "2020-09-01", listed=as_day("2020-08-25"), pre_close=10.0),
    )
    assert (fifth["limit prices of the day"].value, fifth["limit prices of the day"].source) == (
        "none", "day 5 of 5 without a limit",
    )  # fmt: skip
    assert fifth["limit prices in a backtest"].value == "none"
    assert sixth["limit prices of the day"].value == "8.00 to 12.00"


def test_what_the_caller_says_wins_over_the_data(store):
    found = said(OLD, "2020-08-25", store.path, st=True, pre_close=10.0)
    assert found["limit prices of the day"].value == "9.50 to 10.50"


def test_a_fund_has_its_reference_from_its_bar(store):
    assert said("510300.SH", "2020-08-25", store.path)["limit prices of the day"].value == "1.111 to 1.357"
    assert "limit prices of the day" not in said("510300.SH", "2020-08-26", store.path)


def test_a_contract_ends_on_its_real_last_day():
    assert said("IF2402.CFX", "2024-02-19")["last trading day"].value == "2024-02-19"  # the Friday was a holiday
    with pytest.raises(DataError, match="date must not be after 2024-02-19"):
        said("IF2402.CFX", "2024-02-20")


@pytest.mark.parametrize(
    ("code", "date", "message"),
    [
        (OLD, "2020-08-23", r"date must be a trading day, was 2020-08-23 \(the next is 2020-08-24\)"),
        (OLD, "2020-10-01", r"date must be a trading day, was 2020-10-01 \(the next is 2020-10-09\)"),
        (OLD, "2020-09-01", "date must be a trading day from 2020-08-24 to 2020-08-31, was 2020-09-01"),
        ("600519.SH", "2020-08-24", "code must be among the 2 codes with bars, was 600519.SH"),
        (NEW, "2020-08-24", "listing day must not be after the date, was 2020-08-25 after 2020-08-24"),
    ],
)
def test_what_the_data_do_not_hold_is_refused(store, code, date, message):
    with pytest.raises(DataError, match=message):
        said(code, date, store.path)
