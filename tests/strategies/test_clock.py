"""When a run begins and ends, and when a score may be traded."""

import numpy as np
import pytest

from feeds.errors import ConfigError, DataError, SignalError
from feeds.panel import MarketPanel
from signals.table import Signal
from strategies.execution.clock import Span, benchmark_closes, refuse_foresight, scores_by_row, span

# Tuesday 2 January to Friday 12 January 2024; Monday the 8th is a day off here.
DAYS = np.array([f"2024-01-{day:02d}" for day in (2, 3, 4, 5, 9, 10, 11, 12)], "datetime64[D]")
CODES = ["000001.SZ", "600000.SH"]


def panel(**indices):
    closes = {name: np.array(values, float) for name, values in indices.items()}
    return MarketPanel.from_arrays(DAYS, CODES, {"close": np.full((8, 2), 10.0)}, indices=closes)


def days(*texts):
    return np.array(texts, "datetime64[D]")


class Reader:
    name = "mine"

    def __init__(self, *signals):
        self.signals = {np.datetime64(day, "D"): signal for day, signal in signals}

    def dates(self):
        return np.array(sorted(self.signals), "datetime64[D]")

    def read(self, date):
        return self.signals[date]


def signal(day, codes=("600000.SH",), scores=(1.0,), **meta):
    return day, Signal(np.datetime64(day, "D"), np.array(codes), np.array(scores, float), meta)


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2024-01-04", "2024-01-10", "2024-01-03", "2024-01-10"),  # capital is in place the session before
        ("2024-01-08", "2024-01-10", "2024-01-05", "2024-01-10"),  # a day off starts with the next session
        ("2024-01-04", "2024-01-08", "2024-01-03", "2024-01-05"),  # ... and ends with the last
        ("2024-01-10", "2024-01-10", "2024-01-09", "2024-01-10"),  # a run of one day
        ("2024-01-02", None, "2024-01-02", "2024-01-12"),  # nothing lies before the first day of the data
        (None, "2024-01-11", "2024-01-04", "2024-01-11"),  # from the first score on
    ],
)
def test_the_days_of_a_run(start, end, first, last):
    found = span(panel(), start, end, days("2024-01-04", "2024-01-09"))
    assert (str(DAYS[found.first]), str(DAYS[found.last])) == (first, last)


def test_a_run_without_scores_begins_with_the_data():
    assert span(panel(), None, None, None) == Span(0, 7)


@pytest.mark.parametrize(
    ("start", "end", "scores", "message"),
    [
        ("2024-01-11", "2024-01-10", [], "start must be before end, was 2024-01-11 to 2024-01-10"),
        ("2023-12-29", None, [], "start must be within the data, 2024-01-02 to 2024-01-12, was 2023-12-29"),
        (None, "2024-02-01", [], "end must be within the data, 2024-01-02 to 2024-01-12, was 2024-02-01"),
        (None, "2024-01-03", ["2024-01-04"], "signal must have a score before the end 2024-01-03, was without one"),
        (None, None, [], "signal must have a score before the end 2024-01-12, was without one"),
        (None, None, ["2024-01-12"], "start must be before end, was 2024-01-12 to 2024-01-12"),
        ("2024-01-02", "2024-01-02", [], "start must be before end, was 2024-01-02 to 2024-01-02"),
    ],
)
def test_a_run_that_cannot_be_is_refused(start, end, scores, message):
    with pytest.raises(ConfigError) as refused:
        span(panel(), start, end, days(*scores))
    assert str(refused.value) == message


def test_scores_are_found_by_row_and_column():
    reader = Reader(signal("2024-01-03"), signal("2024-01-09", ("600000.SH", "000001.SZ"), (3.0, 4.0), model="m"))
    scores, metas = scores_by_row(panel(), reader, Span(2, 7))
    assert list(scores) == [4]
    columns, values = scores[4]
    assert columns.tolist() == [1, 0] and values.tolist() == [3.0, 4.0]
    assert metas == [{"model": "m"}]


def test_scores_outside_the_run_are_not_looked_at():
    reader = Reader(signal("2024-01-08"), signal("2024-01-03"), signal("2024-01-11"), signal("2024-01-12"))
    scores, _ = scores_by_row(panel(), reader, Span(6, 6))
    assert list(scores) == [6]


def test_a_score_of_the_last_day_of_the_data_is_read_though_no_session_follows():
    scores, _ = scores_by_row(panel(), Reader(signal("2024-01-12", available_at="2024-02-01T00:00")), Span(0, 7))
    assert list(scores) == [7]


@pytest.mark.parametrize("first", [3, 4])
def test_a_signal_date_that_is_no_trading_day_is_refused(first):
    with pytest.raises(SignalError, match="signal date of mine must be a trading day, was 2024-01-08"):
        scores_by_row(panel(), Reader(signal("2024-01-08"), signal("2024-01-10")), Span(first, 7))


def test_a_code_that_the_market_does_not_have_is_refused():
    reader = Reader(signal("2024-01-03", ("000001.SZ", "600001.SH", "999999.SH"), (1, 2, 3)))
    with pytest.raises(SignalError) as refused:
        scores_by_row(panel(), reader, Span(0, 7))
    text = "codes of signal mine 2024-01-03 must be in the market's data, was 600001.SH and 1 more"
    assert str(refused.value) == text


def test_a_file_with_another_days_scores_is_refused():
    reader = Reader(("2024-01-03", signal("2024-01-05")[1]))
    with pytest.raises(SignalError, match="score of mine 2024-01-03 must carry that date, was 2024-01-05"):
        scores_by_row(panel(), reader, Span(0, 7))


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"available_at": "2024-01-04T09:15:00+08:00"}, "must be available before 2024-01-04, was 2024-01-04T09:15"),
        ({"available_at": "2024-01-04T09:15:00"}, "must be available before"),  # Shanghai time unless it says otherwise
        ({"available_at": "2024-01-04T01:15:00+00:00"}, "must be available before"),
        ({"available_at": "soon"}, "available_at must be an ISO time, was 'soon'"),
        ({"train_end": "2024-01-04"}, "train_end of mine 2024-01-03 must not be after the signal date, was 2024-01-04"),
        ({"validation_end": "20240104"}, "validation_end of mine 2024-01-03 must not be after"),
        ({"label_end": "2024-01-04"}, "label_end of mine 2024-01-03 must not be after the signal date"),
        ({"label_end": "later"}, "label_end must be a date, was 'later'"),
    ],
)
def test_a_score_that_could_not_have_been_known_is_refused(meta, message):
    with pytest.raises(SignalError) as refused:
        scores_by_row(panel(), Reader(signal("2024-01-03", **meta)), Span(0, 7))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "meta",
    [
        {"available_at": "2024-01-04T09:14:59+08:00"},
        {"available_at": "2024-01-04T01:14:00+00:00"},
        {"available_at": None, "label_end": None},
        {"train_end": "2024-01-02", "validation_end": "2024-01-03", "label_end": "2024-01-03"},
    ],
)
def test_a_score_known_in_time_is_read(meta):
    scores, _ = scores_by_row(panel(), Reader(signal("2024-01-03", **meta)), Span(0, 7))
    assert list(scores) == [1]


def test_a_score_over_a_holiday_may_be_made_until_the_next_session_opens():
    scores, _ = scores_by_row(panel(), Reader(signal("2024-01-05", available_at="2024-01-08T12:00:00")), Span(0, 7))
    assert list(scores) == [3]


def test_a_score_is_never_executed_on_its_own_day():
    with pytest.raises(SignalError, match="signal date of mine must be before its execution on 2024-01-03"):
        refuse_foresight("mine", signal("2024-01-03")[1], np.datetime64("2024-01-03"))


RISING = list(range(1, 9))


@pytest.mark.parametrize(
    ("indices", "code"),
    [
        ({"000905.SH": RISING, "000300.SH": RISING, "H00300.CSI": RISING}, "H00300.CSI"),
        ({"000905.SH": RISING, "000300.SH": RISING}, "000300.SH"),
        ({"000300.SH": RISING, "H00300.CSI": [1, 2, *[np.nan] * 3, 6, 7, 8]}, "000300.SH"),  # not there in the run
        ({"000905.SH": RISING}, "000905.SH"),
    ],
)
def test_the_benchmark_is_the_csi_300_with_dividends_if_the_data_have_it(indices, code):
    assert benchmark_closes(panel(**indices), None, Span(2, 4))[0] == code


def test_a_gap_in_the_index_with_dividends_is_not_answered_with_the_one_without():
    market = panel(**{"000300.SH": RISING, "H00300.CSI": [1, 2, np.nan, 4, 5, 6, 7, 8]})
    with pytest.raises(DataError, match=r"benchmark H00300\.CSI must have a close on every day, was missing 1"):
        benchmark_closes(market, None, Span(2, 4))


@pytest.mark.parametrize(("indices", "code"), [({}, None), ({"000300.SH": RISING}, "none")])
def test_a_run_may_have_no_benchmark(indices, code):
    found, closes = benchmark_closes(panel(**indices), code, Span(2, 4))
    assert found is None and len(closes) == 3 and np.isnan(closes).all()


def test_a_benchmark_asked_for_must_cover_the_run():
    market = panel(**{"000300.SH": [1, 2, np.nan, 4, np.nan, 6, 7, 8]})
    assert benchmark_closes(market, "000300.SH", Span(5, 7))[1].tolist() == [6, 7, 8]
    with pytest.raises(DataError) as refused:
        benchmark_closes(market, "000300.SH", Span(0, 7))
    assert str(refused.value) == "benchmark 000300.SH must have a close on every day, was missing 2, first 2024-01-04"
    with pytest.raises(DataError, match=r"index must be one of 000300\.SH, was 000301\.SH"):
        benchmark_closes(market, "000301.SH", Span(0, 7))
