from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd
import pytest

from feeds.errors import DataError
from feeds.rules import (
    as_day,
    board_of,
    boards,
    delisting_day_is_free,
    free_days,
    has_ipo_band,
    limit_percents,
    limit_prices,
    round_lot,
    round_sale,
)


def day(text):
    return np.datetime64(text)


@pytest.mark.parametrize(
    ("code", "board"),
    [
        ("600000.SH", "main"),
        ("601318.SH", "main"),
        ("603288.SH", "main"),
        ("605499.SH", "main"),
        ("T00018.SH", "main"),
        ("688981.SH", "star"),
        ("689009.SH", "star"),
        ("000001.SZ", "main"),
        ("001872.SZ", "main"),
        ("002594.SZ", "main"),
        ("003816.SZ", "main"),
        ("300750.SZ", "chinext"),
        ("301236.SZ", "chinext"),
        ("302132.SZ", "chinext"),
        ("430047.BJ", "bse"),
        ("830799.BJ", "bse"),
        ("873169.BJ", "bse"),
        ("889001.BJ", "bse"),
        ("920002.BJ", "bse"),
    ],
)
def test_the_board_is_in_the_code(code, board):
    assert board_of(code) == board


@pytest.mark.parametrize(
    "code",
    ["900901.SH", "200002.SZ", "000300.SH", "399001.SZ", "510300.SH", "159919.SZ", "899050.BJ", "830799.SZ", "600000"],
)
def test_codes_of_b_shares_indices_funds_and_other_markets_are_refused(code):
    with pytest.raises(DataError, match=rf"code must be an A-share's .*, was {code}"):
        board_of(code)


def test_boards_of_many_codes_keep_their_order():
    assert boards(np.array(["688981.SH", "600000.SH", "920002.BJ"])).tolist() == ["star", "main", "bse"]


@pytest.mark.parametrize(
    ("board", "date", "st", "percent"),
    [
        ("main", "2015-01-05", False, 10),
        ("main", "2015-01-05", True, 5),
        ("main", "2026-07-03", True, 5),
        ("main", "2026-07-06", True, 10),
        ("main", "2026-07-06", False, 10),
        ("chinext", "2020-08-21", False, 10),
        ("chinext", "2020-08-21", True, 5),
        ("chinext", "2020-08-24", False, 20),
        ("chinext", "2020-08-24", True, 20),
        ("chinext", "2026-07-06", True, 20),
        ("star", "2019-07-22", False, 20),
        ("star", "2021-05-10", True, 20),
        ("bse", "2021-11-15", False, 30),
        ("bse", "2022-05-10", True, 30),
    ],
)
def test_the_ordinary_limit_depends_on_board_date_and_st(board, date, st, percent):
    assert limit_percents(board, day(date), st) == percent


def test_limits_of_stocks_by_days_are_a_grid():
    days = np.array(["2020-08-21", "2020-08-24"], dtype="datetime64[D]")
    st = np.array([[False, False], [True, True], [True, True]])
    grid = limit_percents(np.array(["chinext", "chinext", "main"])[:, None], days[None, :], st)
    assert grid.tolist() == [[10, 20], [5, 20], [5, 5]]


@pytest.mark.parametrize(
    ("board", "exchange", "listed", "free", "band"),
    [
        ("main", "SH", "2013-12-12", 1, False),
        ("main", "SH", "2013-12-13", 0, True),
        ("main", "SH", "2014-06-12", 0, True),
        ("main", "SZ", "2013-12-13", 1, False),
        ("main", "SZ", "2014-06-12", 1, False),
        ("main", "SZ", "2014-06-13", 0, True),
        ("main", "SH", "2023-04-09", 0, True),
        ("main", "SH", "2023-04-10", 5, False),
        ("main", "SZ", "2023-04-10", 5, False),
        ("chinext", "SZ", "2014-06-12", 1, False),
        ("chinext", "SZ", "2014-06-13", 0, True),
        ("chinext", "SZ", "2020-08-21", 0, True),
        ("chinext", "SZ", "2020-08-24", 5, False),
        ("star", "SH", "2019-07-22", 5, False),
        ("bse", "BJ", "2021-11-15", 1, False),
        ("bse", "BJ", "2024-01-05", 1, False),
    ],
)
def test_the_first_days_of_a_listing_follow_the_regime_of_its_date(board, exchange, listed, free, band):
    assert free_days(board, day(listed), exchange) == free
    assert has_ipo_band(board, day(listed), exchange) == band


def test_a_delisting_period_begins_without_a_limit_since_2020_12_31():
    assert [delisting_day_is_free("main", day(date)) for date in ("2020-12-30", "2020-12-31")] == [False, True]
    assert delisting_day_is_free("bse", day("2020-12-30"))


@pytest.mark.parametrize(
    ("pre_close", "percents", "down", "up"),
    [
        (13.69, (10,), 12.32, 15.06),  # 15.059 and 12.321
        (3.34, (5,), 3.17, 3.51),  # 3.507 and 3.173
        (15.05, (10,), 13.55, 16.56),  # 16.555 and 13.545 are halves: up
        (10.00, (20,), 8.00, 12.00),
        (8.07, (30,), 5.65, 10.49),
        (10.01, (44, 36), 6.41, 14.41),  # day one of an IPO: 14.4144 and 6.4064
        (0.05, (10,), 0.04, 0.06),  # 0.055 rounds to 0.06, 0.045 to 0.05: one tick at least
        (0.04, (10,), 0.03, 0.05),
        (0.01, (10,), 0.01, 0.02),  # never below one tick
    ],
)
def test_limit_prices_worked_by_hand(pre_close, percents, down, up):
    assert [float(price) for price in limit_prices(np.array(pre_close), *percents)] == [down, up]


@pytest.mark.parametrize("percent", [5, 10, 20, 30, 36, 44])
def test_limit_prices_are_rounded_half_up_as_decimals_are(percent):
    cents = np.unique(np.concatenate([np.arange(10, 6000), np.arange(6000, 300_000, 97)]))
    down, up = limit_prices(cents / 100, percent)
    tick, ratio = Decimal("0.01"), Decimal(percent) / 100
    for number, low, high in zip(cents.tolist(), down.tolist(), up.tolist(), strict=True):
        price = Decimal(number) / 100
        assert Decimal(str(high)) == max((price * (1 + ratio)).quantize(tick, ROUND_HALF_UP), price + tick)
        assert Decimal(str(low)) == min((price * (1 - ratio)).quantize(tick, ROUND_HALF_UP), price - tick)


def test_an_unknown_reference_has_no_limits():
    down, up = limit_prices(np.array([np.nan, 10.0]), 10)
    assert np.isnan([down[0], up[0]]).all()
    assert [down[1], up[1]] == [9.0, 11.0]


@pytest.mark.parametrize(
    ("board", "wanted", "bought"),
    [
        ("main", 99.9, 0),
        ("main", 100, 100),
        ("main", 299, 200),
        ("chinext", 1050.0, 1000),
        ("star", 199, 0),
        ("star", 200, 200),
        ("star", 201.7, 201),
        ("bse", 99, 0),
        ("bse", 101, 101),
        ("main", -50, 0),
        ("star", -50, 0),
    ],
)
def test_purchases_are_cut_to_the_boards_lots(board, wanted, bought):
    assert round_lot(board, wanted) == bought


@pytest.mark.parametrize(
    ("board", "held", "wanted", "sold"),
    [
        ("main", 350, 150, 150),
        ("main", 350, 120, 100),
        ("main", 350, 99, 50),
        ("main", 350, 50, 50),
        ("main", 350, 49, 0),
        ("main", 350, 349, 300),
        ("main", 350, 350, 350),
        ("main", 350, 400, 350),
        ("main", 300, 150, 100),
        ("main", 50, 20, 0),
        ("chinext", 350, 250.9, 250),
        ("star", 350, 199, 0),
        ("star", 350, 200, 200),
        ("star", 350, 333, 333),
        ("star", 150, 149, 0),
        ("star", 150, 150, 150),
        ("bse", 150, 99, 0),
        ("bse", 150, 120, 120),
        ("bse", 50, 49, 0),
        ("bse", 50, 50, 50),
        ("main", 350, -10, 0),
        ("star", 350, -10, 0),
    ],
)
def test_sales_are_cut_to_lots_and_whole_odd_remainders(board, held, wanted, sold):
    assert round_sale(board, wanted, held) == sold


@pytest.mark.parametrize(("board", "smallest", "odd_lots"), [("main", 100, 100), ("star", 200, 1), ("bse", 100, 1)])
def test_a_sale_is_the_largest_legal_one(board, smallest, odd_lots):
    for held in (1, 99, 100, 101, 199, 200, 250, 399, 401):
        residue = held % odd_lots
        # Legal: everything; or from the smallest order on in steps of a lot; or such an order with the whole residue.
        legal = {0, held, residue if odd_lots > 1 else 0}
        legal |= {n for n in range(smallest, held) if n % odd_lots in (0, residue)}
        for wanted in range(held + 2):
            assert round_sale(board, wanted, held) == max(n for n in legal if n <= wanted), (held, wanted)


@pytest.mark.parametrize("text", ["2020-01-31", "20200131", "2020-01-31 09:30:00", day("2020-01-31T12")])
def test_a_day_is_read_from_its_usual_spellings(text):
    assert as_day(text) == day("2020-01-31")
    assert as_day(pd.Timestamp("2020-01-31").date()) == day("2020-01-31")


@pytest.mark.parametrize("text", ["2020-02-30", "2020-13-01", "2020", "2020-01", "today", "31/01/2020", "", "NaT"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(DataError, match=f"date must be a day like 2020-01-31, was {text}"):
        as_day(text)
