"""What a daily bar says of an order: the table of standings, the three modes, and slippage."""

import pytest

from strategies.execution.fills import AT_LIMIT, FILLED, FREE, ONE_PRICE, TOUCHED, Bar, Slippage, refusal, slippage
from strategies.execution.fills import standing as standing_of

NAN = float("nan")


@pytest.mark.parametrize(
    ("buy", "price", "high", "low", "limit", "expected"),
    [
        (True, 10.5, 10.9, 10.2, 11.0, FREE),
        (True, 10.5, 11.0, 10.2, 11.0, TOUCHED),
        (True, 11.0, 11.0, 10.2, 11.0, AT_LIMIT),
        (True, 11.0, 11.0, 11.0, 11.0, ONE_PRICE),
        (True, 9.0, 9.0, 9.0, 11.0, FREE),  # a one-price board at the lower limit: one may buy
        (True, 11.0, 11.0, 11.0, NAN, FREE),  # no limit, or unknown
        (False, 9.5, 9.9, 9.2, 9.0, FREE),
        (False, 9.5, 9.9, 9.0, 9.0, TOUCHED),
        (False, 9.0, 9.9, 9.0, 9.0, AT_LIMIT),
        (False, 9.0, 9.0, 9.0, 9.0, ONE_PRICE),
        (False, 11.0, 11.0, 11.0, 9.0, FREE),  # at the upper limit one may sell
        (True, 10.996, 11.0, 10.2, 11.0, AT_LIMIT),  # a mean price within half a tick of the limit
        (True, 10.99, 10.99, 10.99, 11.0, FREE),  # a tick below is below
    ],
)
def test_a_day_stands_to_the_limit_that_matters_to_the_side(buy, price, high, low, limit, expected):
    assert standing_of(Bar(price, high, low, limit), buy=buy) == expected


def test_the_modes_are_bounds_of_each_other():
    assert FILLED["pessimistic"] < FILLED["default"] < FILLED["optimistic"]
    assert all(ONE_PRICE not in filled for filled in FILLED.values())
    assert FILLED["default"] == {FREE, TOUCHED} and FILLED["pessimistic"] == {FREE}


@pytest.mark.parametrize(
    ("state", "execution", "buy", "words"),
    [
        (AT_LIMIT, "open", True, "limit up at open"), (ONE_PRICE, "open", True, "limit up at open"),
        (AT_LIMIT, "close", False, "limit down at close"), (ONE_PRICE, "vwap", False, "limit down at vwap"),
        (TOUCHED, "open", True, "limit up touched"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_was_known_at_the_price(state, execution, buy, words):
    assert refusal(state, execution, buy=buy) == words


@pytest.mark.parametrize(
    ("text", "buy", "price", "limit", "paid"),
    [
        ("none", True, 10.0, 11.0, 10.0),
        ("5bp", True, 10.0, 11.0, 10.005),
        ("5bp", False, 10.0, 9.0, 9.995),
        ("2ticks", True, 10.0, 11.0, 10.02),
        ("1tick", False, 10.0, 9.0, 9.99),
        ("1tick", True, 11.0, 11.0, 11.0),  # never above the limit
        ("50bp", False, 9.01, 9.0, 9.0),
        ("1tick", True, 10.0, NAN, 10.01),
        ("1tick", False, 0.01, NAN, 0.01),  # nothing is sold for nothing
    ],
)
def test_slippage_makes_a_fill_worse_but_not_beyond_the_limit(text, buy, price, limit, paid):
    assert slippage(text).price(price, limit, buy=buy) == pytest.approx(paid, abs=1e-12)


@pytest.mark.parametrize("text", ["", "5", "bp", "-5bp", "5 bp", "1000bp", "tick", "1e2bp", "0x1tick"])
def test_any_other_slippage_means_nothing(text):
    assert slippage(text) is None


def test_slippage_reads_back_in_words():
    assert [str(slippage(text)) for text in ("none", "5bp", "1.5ticks")] == ["none", "5 bp", "1.5 tick"]
    assert slippage("0bp") == Slippage()
