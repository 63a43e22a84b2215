"""The form of the rulebook: rows that follow on one another, each with a source, looked up by day or for many days."""

import importlib
import pkgutil

import numpy as np
import pytest

import feeds.rules
from feeds.errors import DataError
from feeds.rules.dated import KNOWN, SECONDARY, SOURCED, UNSURE, Timeline, timeline


def day(text):
    return np.datetime64(text)


def found(value):
    """Yield the rules in a value: itself, or those of a dict."""
    if isinstance(value, Timeline):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from found(part)


def all_rules():
    for module in pkgutil.iter_modules(feeds.rules.__path__):
        for name, value in vars(importlib.import_module(f"feeds.rules.{module.name}")).items():
            for number, rule in enumerate(found(value)):
                yield pytest.param(rule, id=f"{module.name}-{name}-{number}")


RULES = list(all_rules())


def test_the_walk_over_the_book_finds_it():
    assert len(RULES) > 100


@pytest.mark.parametrize("rule", RULES)
def test_rows_ascend_without_overlap_and_say_where_they_come_from(rule):
    assert rule.name
    for row, following in zip(rule.rows, [*rule.rows[1:], None], strict=True):
        assert row.source and row.confidence in (SOURCED, SECONDARY, KNOWN, UNSURE)
        assert rule.text(row)
        if following:
            assert row.end + 1 == following.start
            assert row.start is None or row.start <= row.end
            assert row.value != following.value


RATE = timeline(
    "a rate", (None, 3, "old notice", KNOWN), ("2020-01-06", None, "repeal", SOURCED), ("2021-03-01", 5, "new", UNSURE)
)
SHORT = timeline("a week", ("2016-01-04", 1, "notice", SOURCED), until="2016-01-07", form="{} a day")


@pytest.mark.parametrize(
    ("date", "value", "start", "end", "source"),
    [
        ("1990-01-01", 3, None, "2020-01-05", "old notice"),
        ("2020-01-05", 3, None, "2020-01-05", "old notice"),
        ("2020-01-06", None, "2020-01-06", "2021-02-28", "repeal"),
        ("2021-02-28", None, "2020-01-06", "2021-02-28", "repeal"),
        ("2021-03-01", 5, "2021-03-01", None, "new"),
        ("2999-01-01", 5, "2021-03-01", None, "new"),
    ],
)
def test_the_row_of_a_day_is_the_last_that_began(date, value, start, end, source):
    row = RATE.on(day(date))
    assert (row.value, row.source) == (value, source)
    assert [None if side is None else str(side) for side in (row.start, row.end)] == [start, end]


def test_a_rule_holds_from_its_first_day_to_its_last():
    assert [SHORT.on(day(f"2016-01-0{n}")) is None for n in (3, 4, 7, 8)] == [True, False, False, True]
    assert SHORT.need(day("2016-01-07")) == 1
    assert SHORT.text(SHORT.rows[0]) == "1 a day"
    assert (str(SHORT.first), str(RATE.first)) == ("2016-01-04", "0001-01-01")
    with pytest.raises(DataError, match="a week must be known on the day, was without a rule on 2016-01-08"):
        SHORT.need(day("2016-01-08"))


def test_many_days_have_their_values_at_once_and_nan_where_nothing_is_prescribed_or_known():
    days = np.array(["2016-01-03", "2016-01-04", "2016-01-07", "2016-01-08"], "datetime64[D]")
    assert np.array_equal(SHORT.values(days), [np.nan, 1, 1, np.nan], equal_nan=True)
    days = np.array([["2020-01-05", "2020-01-06"], ["2021-02-28", "2021-03-01"]], "datetime64[D]")
    assert np.array_equal(RATE.values(days), [[3, np.nan], [np.nan, 5]], equal_nan=True)
    assert RATE.text(RATE.rows[1]) == "none"
