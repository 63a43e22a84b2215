import numpy as np
import pytest

from feeds.calendar import (
    futures_last_day,
    index_review_day,
    month_ends,
    next_session,
    nth_weekday,
    session_on_or_after,
    trading_days,
    week_ends,
)
from feeds.errors import DataError


def days(*text):
    return np.array(text, dtype="datetime64[D]")


def test_the_spring_festival_of_2020_was_prolonged_to_february_the_third():
    assert trading_days("2020-01-22", "2020-02-04").tolist() == days(
        "2020-01-22", "2020-01-23", "2020-02-03", "2020-02-04"
    ).tolist()  # fmt: skip


def test_both_ends_of_the_span_are_included():
    assert trading_days("20240102", "2024-01-02").tolist() == days("2024-01-02").tolist()


def test_a_year_has_the_sessions_the_exchange_published():
    assert [len(trading_days(f"{year}-01-01", f"{year}-12-31")) for year in (2018, 2020, 2024)] == [243, 243, 242]


def test_a_span_of_holidays_is_empty():
    assert len(trading_days("2024-10-01", "2024-10-07")) == 0


def test_a_span_in_the_wrong_order_is_refused():
    with pytest.raises(DataError, match="start must not be after end, was 2024-02-01 after 2024-01-01"):
        trading_days("2024-02-01", "2024-01-01")


def test_years_the_calendar_does_not_know_are_refused():
    with pytest.raises(DataError, match="dates must lie between 1990-12-03 and"):
        trading_days("1980-01-01", "2024-01-01")


def test_the_returned_days_belong_to_the_caller():
    first = trading_days("2024-01-02", "2024-01-05")
    first[:] = np.datetime64("2000-01-01")
    assert str(trading_days("2024-01-02", "2024-01-05")[0]) == "2024-01-02"


def test_month_ends_are_the_last_open_days_and_a_running_month_has_none():
    span = trading_days("2024-01-02", "2024-03-15")
    assert span[month_ends(span)].tolist() == days("2024-01-31", "2024-02-29").tolist()


def test_a_month_ends_on_the_last_date_if_the_exchange_stays_closed_after_it():
    span = trading_days("2024-09-02", "2024-09-30")
    assert month_ends(span).tolist() == [len(span) - 1]


def test_weeks_end_before_holidays_and_on_the_last_date_of_a_closed_week():
    span = trading_days("2024-09-23", "2024-10-11")
    assert span[week_ends(span)].tolist() == days("2024-09-27", "2024-09-30", "2024-10-11").tolist()


def test_no_dates_have_no_ends():
    assert month_ends(days()).tolist() == []


def test_the_last_known_session_of_the_calendar_can_end_its_month():
    span = trading_days("2026-12-01", "2026-12-31")
    assert month_ends(span).tolist() == [len(span) - 1]


def test_the_next_session_is_strictly_after_a_day():
    span = days("2024-01-02", "2024-01-03", "2024-01-05")
    asked = days("2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05")
    assert next_session(span, asked).tolist() == [0, 1, 2, 3]
    assert session_on_or_after(span, asked).tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("month", "nth", "expected"),
    [("2024-02", 3, "2024-02-16"), ("2024-03", 2, "2024-03-08"), ("2024-11", 1, "2024-11-01")],
)
def test_weekdays_are_counted_from_the_month_start(month, nth, expected):
    assert str(nth_weekday(np.datetime64(month), nth)) == expected


@pytest.mark.parametrize(
    ("month", "expected"),
    [("2024-02", "2024-02-19"), ("2026-02", "2026-02-24"), ("2026-06", "2026-06-22"), ("2024-03", "2024-03-15")],
)
def test_futures_expire_on_the_third_friday_or_the_session_after_its_holiday(month, expected):
    assert str(futures_last_day(np.datetime64(month))) == expected


@pytest.mark.parametrize(("month", "expected"), [("2022-12", "2022-12-12"), ("2023-06", "2023-06-12")])
def test_reviews_count_from_the_session_after_the_second_friday(month, expected):
    assert str(index_review_day(np.datetime64(month))) == expected
