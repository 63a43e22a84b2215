"""What the rulebook says of one code on one day."""

import numpy as np
import pytest

from feeds.errors import DataError
from feeds.rules import Facts, rulings


def day(text):
    return np.datetime64(text)


def said(code, date, **facts):
    """Return value, first and last day by rule, as text."""
    facts = {name: day(value) if name in ("listed", "last_day") else value for name, value in facts.items()}
    found = rulings(code, day(date), Facts(**facts))
    assert len({ruling.rule for ruling in found}) == len(found)
    return {ruling.rule: (ruling.value, ruling.since, ruling.until) for ruling in found}


def test_a_main_board_stock_in_2020():
    found = said("600519.SH", "2020-08-24", st=False, pre_close=13.69)
    expected = {
        "board": ("main board", None, None),
        "price limit": ("±10%", "1996-12-16", None),
        "limit prices of the day": ("12.32 to 15.06", "2020-08-24", "2020-08-24"),
        "size of an order": ("100 or more, in multiples of it; an odd rest is sold at once", None, None),
        "sale of what was bought, stock": ("T+1", None, None),
        "stamp duty on sales": ("0.10% of the value", "2008-09-19", "2023-08-27"),
        "transfer fee": ("0.02‰ of the value, each side", "2015-08-01", "2022-04-28"),
        "commission, at least": ("5 yuan an order", "2002-05-01", None),
        "dividend tax": ("20% up to a month, 10% up to a year, 0% after", "2015-09-08", None),
        "closing price": ("call 14:57-15:00", "2018-08-20", None),
    }
    assert {rule: found[rule] for rule in expected} == expected
    assert "price limit under ST" not in found and "price cage" not in found


def test_without_its_status_a_stock_has_both_bands_and_the_wider_prices():
    found = said("600519.SH", "2020-08-24", pre_close=3.34)
    assert (found["price limit"][0], found["price limit under ST"][0]) == ("±10%", "±5%")
    assert found["limit prices of the day"][0] == "3.01 to 3.67"
    assert said("600519.SH", "2020-08-24", st=True, pre_close=3.34)["limit prices of the day"][0] == "3.17 to 3.51"
    assert said("600519.SH", "2026-07-06", st=True, pre_close=3.34)["limit prices of the day"][0] == "3.01 to 3.67"


@pytest.mark.parametrize(
    ("listed", "date", "age", "prices"),
    [
        ("2020-08-21", "2020-08-21", 1, "6.40 to 14.40"),  # the last ChiNext listing with a band
        ("2020-08-24", "2020-08-24", 1, "none"),
        ("2020-08-24", "2020-08-28", 5, "none"),
        ("2020-08-24", "2020-08-31", 6, "8.00 to 12.00"),
        ("2009-10-30", "2009-10-30", 1, "none"),
        ("2009-10-30", "2009-11-02", 2, "9.00 to 11.00"),
    ],
)
def test_first_days_have_their_own_prices(listed, date, age, prices):
    found = said("300999.SZ", date, st=False, listed=listed, age=age, pre_close=10.0)
    assert found["limit prices of the day"][0] == prices
    assert f"first days of a listing of {listed}" in found


def test_a_future_in_february_2024():
    found = said("IF2402.CFX", "2024-02-19", last_day="2024-02-19")
    assert found["index"] == ("000300.SH", "2010-04-16", None)
    assert found["multiplier"][0] == "300 yuan a point"
    assert found["last trading day"][0] == "2024-02-19"
    assert found["margin at settlement (a broker adds 2 to 4 points)"][0] == "12% of the value"
    assert found["fee of a trade"][0] == "0.0023% of the value"
    assert found["lots opened in a day (hedges exempt)"][0] == "500"
    assert said("IC1602.CFX", "2016-01-29")["margin at settlement (a broker adds 2 to 4 points)"] == (
        "40% of the value, hedges 20%", "2015-09-07", "2017-02-16",
    )  # fmt: skip


def test_funds_and_bonds_have_their_own_rules():
    fund = said("510300.SH", "2021-01-04", pre_close=5.123)
    assert fund["limit prices of the day"][0] == "4.611 to 5.635"
    assert fund["price limit of a fund of ±20% stocks only"][0] == "±20%"
    assert fund["sale of what was bought, equity fund"][0] == "T+1"
    assert fund["sale of what was bought, cross-border fund"][0] == "T+0"
    assert "stamp duty on sales" not in fund
    assert "limit prices of the day" not in said("113050.SH", "2022-07-29", pre_close=110.0)
    assert said("113050.SH", "2022-08-01", pre_close=110.0)["limit prices of the day"][0] == "88.000 to 132.000"
    first = said("113066.SH", "2022-08-01", pre_close=100.0, age=1, listed="2022-08-01")
    assert first["limit prices of the day"][0] == "56.700 to 157.300"
    assert first["sale of what was bought, convertible"][0] == "T+0"


@pytest.mark.parametrize(
    ("code", "date", "facts", "message"),
    [
        ("000300.SH", "2020-08-24", {}, "code must be an A-share's"),
        ("300750.SZ", "2009-10-29", {}, "date must be on or after 2009-10-30, the opening of the board of 300750.SZ"),
        ("IM2208.CFX", "2022-07-21", {}, "date must be on or after 2022-07-22, the listing of IM, was 2022-07-21"),
        ("IF2402.CFX", "2024-02-20", {"last_day": "2024-02-19"}, "date must not be after 2024-02-19, the last trading"),
        ("IF2402.CFX", "2024-02-19", {"pre_close": 3000.0}, "listing day and pre-close must be of a stock"),
        ("510300.SH", "2020-08-24", {"st": True}, "ST must be said of a stock, was said of 510300.SH"),
        ("600519.SH", "2020-08-24", {"pre_close": 0.0}, "pre-close must be a positive price, was 0.0"),
        ("600519.SH", "2020-08-24", {"pre_close": float("nan")}, "pre-close must be a positive price, was nan"),
        ("600519.SH", "2020-08-24", {"listed": "2020-08-25"}, "listing day must not be after the date, was 2020-08-25"),
    ],
)
def test_what_cannot_be_is_refused(code, date, facts, message):
    with pytest.raises(DataError, match=message):
        said(code, date, **facts)
