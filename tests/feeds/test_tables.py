import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.errors import DataError
from feeds.tables import TABLES, RowError, check

OPEN_DAYS = np.array(["2020-01-02", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")
BAR = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "pre_close": 10.0, "vol": 100.0, "amount": 1050.0}


def bars(*keys, **columns):
    frame = pd.DataFrame(list(keys), columns=["ts_code", "trade_date"]).assign(**{**BAR, **columns})
    frame["trade_date"] = pd.to_datetime(frame["trade_date"])
    return frame


def refused(name, frame, open_days=OPEN_DAYS):
    with pytest.raises(DataError) as caught:
        check(TABLES[name], frame, open_days)
    return str(caught.value)


TWO = (("000001.SZ", "2020-01-02"), ("000001.SZ", "2020-01-03"))


def test_rows_come_back_in_key_order_with_the_contracts_columns_and_types():
    frame = bars(("600000.SH", "2020-01-02"), ("000001.SZ", "2020-01-03"), ("000001.SZ", "2020-01-02"))
    frame["vol"] = [1, 2, 3]
    checked = check(TABLES["daily"], frame[frame.columns[::-1]], OPEN_DAYS)
    assert list(checked.columns) == [
        "ts_code", "trade_date", "open", "high", "low", "close", "pre_close", "vol", "amount",
    ]  # fmt: skip
    assert checked["ts_code"].astype(str).tolist() == ["000001.SZ", "000001.SZ", "600000.SH"]
    assert checked["trade_date"].dt.day.tolist() == [2, 3, 2]
    assert checked["vol"].tolist() == [3.0, 2.0, 1.0]
    assert checked["trade_date"].dtype == "datetime64[ms]"
    assert checked["vol"].dtype == "float64"
    assert checked.index.tolist() == [0, 1, 2]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(order):
    keys = [(code, day) for code in ("000001.SZ", "600000.SH") for day in OPEN_DAYS]
    frame = bars(*keys, vol=np.arange(6.0))
    shuffled = check(TABLES["daily"], frame.iloc[list(order)], OPEN_DAYS)
    pd.testing.assert_frame_equal(shuffled, check(TABLES["daily"], frame, OPEN_DAYS))


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("high", [11.0, 10.4], "daily row 2 must have high at least open, low and close, was open 10.0 high 10.4 "
         "low 9.0 close 10.5 (000001.SZ 2020-01-03)"),
        ("low", [10.1, 9.0], "daily row 1 must have low at most open and close, was open 10.0 high 11.0 low 10.1 "
         "close 10.5 (000001.SZ 2020-01-02)"),
        ("low", [9.0, 10.2], "daily row 2 must have low at most open and close, was open 10.0 high 11.0 low 10.2 "
         "close 10.5 (000001.SZ 2020-01-03)"),
        ("close", [10.5, 11.2], "daily row 2 must have high at least open, low and close, was open 10.0 high 11.0 "
         "low 9.0 close 11.2 (000001.SZ 2020-01-03)"),
        ("close", [8.9, 10.5], "daily row 1 must have low at most open and close, was open 10.0 high 11.0 low 9.0 "
         "close 8.9 (000001.SZ 2020-01-02)"),
        ("high", [10.4995, 11.0], "daily row 1 must have high at least open, low and close, was open 10.0 high 10.4995 "
         "low 9.0 close 10.5 (000001.SZ 2020-01-02)"),
        ("close", [10.5, 0.0], "daily row 2 must have a finite, positive close, was 0.0"),
        ("open", [-1.0, 10.0], "daily row 1 must have a finite, positive open, was -1.0"),
        ("pre_close", [10.0, np.inf], "daily row 2 must have a finite, positive pre_close, was inf"),
        ("close", [10.5, np.nan], "daily row 2 must have a close, was null"),
        ("vol", [1.0, -1.0], "daily row 2 must have a finite, not negative vol, was -1.0"),
        ("amount", [np.inf, 1.0], "daily row 1 must have a finite, not negative amount, was inf"),
        ("vol", ["1", "2"], "daily row 1 must have a number as vol, was 1"),
        ("ts_code", ["000001.SZ", None], "daily row 2 must have a ts_code, was null"),
        ("ts_code", ["000001.SZ", "000001"], "daily row 2 must have ts_code like 000001.SZ, was 000001"),
        ("ts_code", ["000001.sz", "000001.SZ"], "daily row 1 must have ts_code like 000001.SZ, was 000001.sz"),
        ("ts_code", ["000001.SZ", 600000], "daily row 2 must have ts_code like 000001.SZ, was 600000"),
        ("ts_code", ["000001.SZ", "900901.SH"], "daily row 2 must have a ts_code that is an A-share's "
         "(60, 68 .SH; 00, 30 .SZ; 43, 83, 87, 88, 92 .BJ), was 900901.SH"),
        ("trade_date", ["20200102", "20200103"], "daily row 1 must have a date as trade_date, was 20200102"),
        ("trade_date", [20200102, 20200103], "daily row 1 must have a date as trade_date, was 20200102"),
        ("trade_date", pd.to_datetime(["2020-01-02 00:00", "2020-01-03 09:30"]),
         "daily row 2 must have a date without a time as trade_date, was 2020-01-03 09:30:00"),
        ("trade_date", pd.to_datetime(["2020-01-02", "2020-01-03"]).tz_localize("Asia/Shanghai"),
         "daily row 1 must have a date as trade_date, was 2020-01-02 00:00:00+08:00"),
        ("trade_date", pd.to_datetime(pd.Series(["2020-01-02", None])), "daily row 2 must have a trade_date, was null"),
        ("trade_date", pd.to_datetime(["2020-01-02", "2020-01-04"]),
         "daily row 2 must have trade_date on an open day of the calendar, was 000001.SZ 2020-01-04"),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_with_table_row_rule_and_value(column, values, message):
    assert refused("daily", bars(*TWO).assign(**{column: values})) == message


def test_the_row_of_a_repeated_key_is_its_later_one_in_the_file():
    frame = bars(("600000.SH", "2020-01-02"), ("000001.SZ", "2020-01-03"), ("300750.SZ", "2020-01-02"), *TWO[1:])
    assert refused("daily", frame) == (
        "daily row 4 must have a key (ts_code, trade_date) of its own, was 000001.SZ 2020-01-03"
    )


def test_an_error_of_a_row_knows_its_position_and_its_text_without_it():
    with pytest.raises(RowError) as caught:
        check(TABLES["daily"], bars(*TWO, vol=[1.0, -1.0]), OPEN_DAYS)
    assert caught.value.row == 1
    assert caught.value.sentence == "daily must have a finite, not negative vol, was -1.0"


def test_a_column_that_is_not_in_the_contract_is_refused():
    assert refused("daily", bars(*TWO, pct_chg=1.0)) == (
        "daily columns must be among ts_code, trade_date, open, high, low, close, pre_close, vol, amount, was pct_chg"
    )


def test_a_column_that_is_missing_is_refused():
    assert refused("daily", bars(*TWO)[["ts_code", "trade_date", "open"]]) == (
        "daily must have a column high, was ts_code, trade_date, open"
    )


def test_stock_bars_must_lie_within_the_calendar_and_other_rows_only_on_its_open_days():
    early, closed = (("510300.SH", "2019-12-31"),), (("510300.SH", "2020-01-05"),)
    assert len(check(TABLES["fund_daily"], bars(*early), OPEN_DAYS)) == 1
    assert refused("fund_daily", bars(*closed)).endswith("an open day of the calendar, was 510300.SH 2020-01-05")
    assert refused("daily", bars(("600000.SH", "2019-12-31"))).endswith("was 600000.SH 2019-12-31")
    assert refused("daily", bars(("600000.SH", "2020-01-07"))).endswith("was 600000.SH 2020-01-07")


def test_a_snapshot_of_weights_may_be_dated_on_a_closed_day():
    frame = pd.DataFrame({"index_code": "000300.SH", "con_code": "600000.SH", "weight": [1.0]})
    frame["trade_date"] = pd.to_datetime(["2020-01-05"])
    assert len(check(TABLES["index_weight"], frame, OPEN_DAYS)) == 1


def test_without_a_calendar_any_day_is_taken():
    assert len(check(TABLES["daily"], bars(("600000.SH", "2020-01-05")))) == 1


@pytest.mark.parametrize("values", [[1, 2], [0.5, 1], [-1, 0]])
def test_a_calendar_says_open_or_closed(values):
    frame = pd.DataFrame({"cal_date": pd.to_datetime(["2020-01-01", "2020-01-02"]), "is_open": values})
    assert "must have 0 or 1 as is_open, was " in refused("trade_cal", frame)


def test_a_calendar_may_be_written_with_truth_values():
    frame = pd.DataFrame({"cal_date": pd.to_datetime(["2020-01-02", "2020-01-01"]), "is_open": [True, False]})
    checked = check(TABLES["trade_cal"], frame)
    assert checked["is_open"].tolist() == [0, 1]
    assert checked["is_open"].dtype == "int64"


def test_nullable_columns_of_a_dated_table_may_be_absent_or_hold_nulls():
    frame = pd.DataFrame({"ts_code": "000001.SZ", "trade_date": OPEN_DAYS, "pe_ttm": [1.5, np.nan, -3.0]})
    checked = check(TABLES["daily_basic"], frame, OPEN_DAYS)
    assert list(checked.columns) == ["ts_code", "trade_date", "pe_ttm"]
    assert np.array_equal(checked["pe_ttm"], [1.5, np.nan, -3.0], equal_nan=True)


def test_a_table_without_a_date_is_completed_with_its_nullable_columns():
    frame = pd.DataFrame({"ts_code": ["000001.SZ"], "name": ["平安银行"], "list_date": pd.to_datetime(["1991-04-03"])})
    checked = check(TABLES["stock_basic"], frame)
    assert list(checked.columns) == ["ts_code", "name", "industry", "market", "list_date", "delist_date"]
    assert checked.iloc[0].isna().tolist() == [False, False, True, True, False, True]
    assert checked["delist_date"].dtype == "datetime64[ms]"


def test_a_column_of_nulls_only_is_taken_where_nulls_may_be():
    frame = pd.DataFrame(
        {"ts_code": ["000001.SZ"], "name": ["x"], "list_date": OPEN_DAYS[:1], "delist_date": [None], "market": [None]}
    )
    checked = check(TABLES["stock_basic"], frame)
    assert checked[["delist_date", "market"]].isna().all(axis=None)


def test_infinite_valuations_are_refused():
    frame = pd.DataFrame({"ts_code": "000001.SZ", "trade_date": OPEN_DAYS[:1], "pb": [-np.inf]})
    assert refused("daily_basic", frame) == "daily_basic row 1 must have a finite pb, was -inf"


def test_an_index_may_miss_its_published_extremes_by_the_last_digit_only():
    frame = pd.DataFrame(
        {
            "ts_code": "000300.SH", "trade_date": OPEN_DAYS[:1],
            "open": [4000.0], "high": [4010.0], "low": [3990.0], "close": [4010.3],
        }
    )  # fmt: skip
    assert len(check(TABLES["index_daily"], frame, OPEN_DAYS)) == 1
    assert "must have high at least" in refused("index_daily", frame.assign(close=4010.5))


def test_categories_that_no_row_uses_do_not_matter():
    codes = pd.Categorical(["000001.SZ", "000001.SZ"], categories=["bad code", "000001.SZ"])
    checked = check(TABLES["daily"], bars(*TWO).assign(ts_code=codes), OPEN_DAYS)
    assert checked["ts_code"].cat.categories.tolist() == ["000001.SZ"]


def test_categories_in_another_order_do_not_change_the_order_of_rows():
    codes = pd.Categorical(["600000.SH", "000001.SZ"], categories=["600000.SH", "000001.SZ"])
    checked = check(TABLES["daily"], bars(*TWO).assign(ts_code=codes), OPEN_DAYS)
    assert checked["ts_code"].astype(str).tolist() == ["000001.SZ", "600000.SH"]


def test_limits_and_factors_may_be_those_of_funds():
    frame = pd.DataFrame({"ts_code": ["510300.SH"], "trade_date": OPEN_DAYS[:1], "adj_factor": [1.2]})
    assert len(check(TABLES["adj_factor"], frame, OPEN_DAYS)) == 1


def test_an_empty_table_is_taken_with_its_types():
    checked = check(TABLES["daily"], bars(), OPEN_DAYS)
    assert len(checked) == 0
    assert checked["close"].dtype == "float64"
    assert checked["trade_date"].dtype == "datetime64[ms]"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_key_is_made_of_columns_that_are_never_null(table):
    assert len({column.name for column in table.columns}) == len(table.columns)
    for name in table.key:
        assert not table.column(name).nullable
        assert table.column(name).kind in ("code", "date", "str")
    assert not table.on_calendar or table.dated
