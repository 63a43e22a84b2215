"""The dated facts, written out by hand around every change."""

import numpy as np
import pytest

from feeds.errors import DataError
from feeds.rules import (
    codes,
    contract_of,
    costs,
    delisting_sessions,
    first_days,
    future_fee_rate,
    futures,
    has_period_after_low_prices,
    kind_of,
    limit_percents,
    limit_prices,
    limits,
    listings,
    lots,
    margin_rate,
    sessions,
    settlement,
)


def day(text):
    return np.datetime64(text)


def value(rule, date):
    row = rule.on(day(date))
    return None if row is None else row.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("600519.SH", "stock"), ("920002.BJ", "stock"), ("510300.SH", "fund"), ("588000.SH", "fund"),
        ("159915.SZ", "fund"), ("508000.SH", "fund"), ("180101.SZ", "fund"), ("113050.SH", "convertible"),
        ("123001.SZ", "convertible"), ("IF2402.CFX", "index future"), ("IM2212.CFX", "index future"),
    ],
)  # fmt: skip
def test_the_kind_of_an_instrument_is_in_its_code(code, kind):
    assert kind_of(code) == kind


@pytest.mark.parametrize(
    "code",
    ["000300.SH", "399001.SZ", "900901.SH", "60051.SH", "6005190.SH", "600519", "600519.XX", "IF2413.CFX", "IF.CFX",
     "CU2402.SHF", "IF2402.CFX ", "if2402.cfx", "60051a.SH", ""],
)  # fmt: skip
def test_a_code_of_anything_else_is_refused(code):
    with pytest.raises(DataError, match=r"code must be an A-share's .*, was"):
        kind_of(code)


def test_a_contract_names_its_product_and_month():
    assert contract_of("IC2212.CFX") == ("IC", day("2022-12"))
    with pytest.raises(DataError, match=r"code must be an index future's like IF2402.CFX, was 600519.SH"):
        contract_of("600519.SH")


@pytest.mark.parametrize(
    ("rule", "date", "expected"),
    [
        (codes.BOARD["chinext"], "2009-10-29", None),
        (codes.BOARD["chinext"], "2009-10-30", "ChiNext"),
        (codes.BOARD["star"], "2019-07-21", None),
        (codes.BOARD["bse"], "2021-11-15", "Beijing Stock Exchange"),
        (limits.BANDS["main"], "1996-12-15", None),
        (limits.BANDS["main"], "1996-12-16", 10),
        (limits.ST_BANDS["main"], "1998-03-31", None),
        (limits.ST_BANDS["main"], "1998-04-01", 5),
        (limits.ST_BANDS["main"], "2026-07-05", 5),
        (limits.ST_BANDS["main"], "2026-07-06", 10),
        (limits.S_SHARE_BAND, "2010-01-04", 5),
        (limits.BANDS["chinext"], "2009-10-29", None),
        (limits.BANDS["chinext"], "2009-10-30", 10),
        (limits.BANDS["chinext"], "2020-08-23", 10),
        (limits.BANDS["chinext"], "2020-08-24", 20),
        (limits.ST_BANDS["chinext"], "2020-08-23", 5),
        (limits.ST_BANDS["chinext"], "2020-08-24", 20),
        (limits.BANDS["star"], "2019-07-21", None),
        (limits.ST_BANDS["star"], "2019-07-22", 20),
        (limits.BANDS["bse"], "2021-11-14", None),
        (limits.ST_BANDS["bse"], "2021-11-15", 30),
        (limits.FUND_BAND, "1996-12-16", 10),
        (limits.WIDE_FUND_BAND["SH"], "2020-08-20", None),
        (limits.WIDE_FUND_BAND["SH"], "2020-08-21", 20),
        (limits.WIDE_FUND_BAND["SZ"], "2020-08-23", None),
        (limits.WIDE_FUND_BAND["SZ"], "2020-08-24", 20),
        (limits.BOND_FUND_BAND, "2020-01-02", None),
        (limits.REIT_BAND, "2021-06-21", 10),
        (limits.REIT_FIRST_DAY, "2021-06-21", 30),
        (limits.CONVERTIBLE_BAND, "2022-07-31", None),
        (limits.CONVERTIBLE_BAND, "2022-08-01", 20),
        (limits.CONVERTIBLE_FIRST_DAY, "2022-07-31", None),
        (limits.CONVERTIBLE_FIRST_DAY, "2022-08-01", (57.3, 43.3)),
        (limits.LEAST_GAP["SZ"], "2011-02-27", 0),
        (limits.LEAST_GAP["SZ"], "2011-02-28", 1),
        (limits.LEAST_GAP["SH"], "2023-04-09", 0),
        (limits.LEAST_GAP["SH"], "2023-04-10", 1),
        (listings.OPENING_CALL["main", "SH"], "2013-12-12", None),
        (listings.OPENING_CALL["main", "SH"], "2013-12-13", 20),
        (listings.OPENING_CALL["main", "SH"], "2023-04-10", None),
        (listings.OPENING_CALL["main", "SZ"], "2014-06-12", None),
        (listings.OPENING_CALL["main", "SZ"], "2023-04-09", 20),
        (listings.OPENING_CALL["chinext", "SZ"], "2014-06-13", 20),
        (listings.OPENING_CALL["chinext", "SZ"], "2020-08-24", None),
        (listings.RETURN, "2020-06-08", listings.FirstDays(1)),
        (listings.DELISTING_FIRST_DAY["star"], "2020-12-30", "the ordinary limit"),
        (listings.DELISTING_FIRST_DAY["star"], "2020-12-31", "no limit"),
        (listings.DELISTING_FIRST_DAY["bse"], "2021-11-15", "no limit"),
        (lots.LARGEST["main"], "2024-01-02", 1_000_000),
        (lots.LARGEST["chinext"], "2020-08-23", 1_000_000),
        (lots.LARGEST["chinext"], "2020-08-24", 300_000),
        (lots.LARGEST["star"], "2024-01-02", 100_000),
        (lots.LARGEST["bse"], "2024-01-02", 1_000_000),
        (lots.LOTS["star"], "2019-07-22", lots.Lot(200, 1)),
        (lots.LOTS["bse"], "2021-11-15", lots.Lot(100, 1)),
        (lots.LOTS["fund"], "2020-01-02", lots.Lot(100, 100)),
        (lots.LOTS["convertible"], "2020-01-02", lots.Lot(10, 10)),
        (lots.TICKS["stock", "SH"], "2020-01-02", 0.01),
        (lots.TICKS["fund", "SZ"], "2020-01-02", 0.001),
        (lots.TICKS["convertible", "SZ"], "2019-06-03", 0.001),
        (lots.TICKS["convertible", "SH"], "2019-06-03", 0.01),
        (lots.TICKS["convertible", "SH"], "2026-01-05", 0.001),
        (settlement.SETTLEMENT["stock"], "2020-01-02", 1),
        (settlement.SETTLEMENT["equity fund"], "2020-01-02", 1),
        (settlement.SETTLEMENT["convertible"], "2020-01-02", 0),
        (settlement.SETTLEMENT["index future"], "2020-01-02", 0),
        (settlement.SETTLEMENT["bond, money or gold fund"], "2013-12-02", 0),
        (settlement.SETTLEMENT["cross-border fund"], "2015-01-18", 1),
        (settlement.SETTLEMENT["cross-border fund"], "2015-01-19", 0),
        (settlement.SETTLEMENT["commodity fund, SZSE"], "2019-01-10", 1),
        (settlement.SETTLEMENT["commodity fund, SZSE"], "2019-01-11", 0),
        (settlement.SETTLEMENT["commodity fund, SSE"], "2020-01-19", 1),
        (settlement.SETTLEMENT["commodity fund, SSE"], "2020-01-20", 0),
        (settlement.SHORT_SALES, "2024-07-10", None),
        (sessions.CLOSING_CALL["SH"], "2018-08-17", "none: last-minute average price"),
        (sessions.CLOSING_CALL["SH"], "2018-08-20", "call 14:57-15:00"),
        (sessions.CLOSING_CALL["SZ"], "2006-07-01", "call 14:57-15:00"),
        (sessions.FUND_CLOSING_CALL["SH"], "2026-07-05", "none: last-minute average price"),
        (sessions.FUND_CLOSING_CALL["SH"], "2026-07-06", "call 14:57-15:00"),
        (sessions.AFTER_HOURS["main"], "2026-07-05", None),
        (sessions.AFTER_HOURS["main"], "2026-07-06", "15:05-15:30 at the close"),
        (sessions.AFTER_HOURS["star"], "2019-07-22", "15:05-15:30 at the close"),
        (sessions.PRICE_CAGE["main"], "2023-04-09", None),
        (sessions.FUTURES_HOURS, "2015-12-31", "9:15-11:30 and 13:00-15:15"),
        (sessions.FUTURES_HOURS, "2016-01-04", "9:30-11:30 and 13:00-15:00"),
        (sessions.BREAKER, "2016-01-08", None),
    ],
)  # fmt: skip
def test_a_fact_of_the_stock_exchanges_on_a_day(rule, date, expected):
    assert value(rule, date) == expected


@pytest.mark.parametrize(
    ("first", "rules"),
    [
        ("2002-05-01", [costs.COMMISSION_CAP, costs.COMMISSION_MINIMUM]),
        ("2006-07-01", [limits.CONVERTIBLE_BAND, listings.RETURN]),
        ("2009-10-30", [limits.ST_BANDS["chinext"]]),
        ("2010-04-16", [futures.FUTURE_TICK, futures.FUTURE_LIMIT, futures.FUTURE_LIMIT_WIDE, futures.DELIVERY_FEE,
                        futures.LAST_DAY, futures.MONTHS, futures.MARGIN_SIDE, futures.MARGIN["IF"],
                        futures.SETTLEMENT_PRICE, futures.DELIVERY, sessions.FUTURES_HOURS,
                        settlement.SETTLEMENT["index future"]]),
        ("2013-12-01", [settlement.SETTLEMENT["bond, money or gold fund"]]),
        ("2015-04-16", [futures.MARGIN["IH"], futures.MARGIN["IC"]]),
        ("2016-01-04", [sessions.BREAKER]),
        ("2019-07-22", [codes.BOARD["star"], listings.FIRST_DAYS["star", "SH"], lots.LARGEST["star"],
                        sessions.PRICE_CAGE["star"]]),
        ("2020-08-24", [sessions.AFTER_HOURS["chinext"], sessions.PRICE_CAGE["chinext"]]),
        ("2021-11-15", [listings.FIRST_DAYS["bse", "BJ"], lots.LARGEST["bse"], limits.LEAST_GAP["BJ"],
                        costs.TRANSFER_FEE["BJ"]]),
        ("2022-07-22", [futures.MARGIN["IM"]]),
        ("2023-04-10", [sessions.PRICE_CAGE["main"]]),
        ("2024-07-11", [settlement.SHORT_SALES]),
        ("2026-07-06", [sessions.FUND_AFTER_HOURS]),
    ],
)  # fmt: skip
def test_the_first_day_of_rules(first, rules):
    assert [str(rule.first) for rule in rules] == [first] * len(rules)


def test_limits_before_any_known_rule_are_unknown():
    days = np.array(["1996-12-15", "1996-12-16"], dtype="datetime64[D]")
    assert np.array_equal(limit_percents("main", days, False), [np.nan, 10], equal_nan=True)
    assert np.isnan(limit_percents("bse", day("2021-11-12"), False))
    down, up = limit_prices(np.array([10.0, 10.0]), np.array([np.nan, 10.0]))
    assert np.array_equal(down, [np.nan, 9.0], equal_nan=True) and np.array_equal(up, [np.nan, 11.0], equal_nan=True)


@pytest.mark.parametrize(
    ("pre_close", "percents", "options", "down", "up"),
    [
        (0.05, (10,), {"least_gap": 0}, 0.05, 0.06),  # 0.045 and 0.055, both halves, up
        (0.04, (10,), {"least_gap": 0}, 0.04, 0.04),  # 0.036 and 0.044
        (1.234, (10,), {"tick": 0.001}, 1.111, 1.357),  # 1.1106 and 1.3574
        (1.439, (20,), {"tick": 0.001}, 1.151, 1.727),  # 1.1512 and 1.7268
        (100.0, (57.3, 43.3), {"tick": 0.001}, 56.7, 157.3),
        (0.004, (10,), {"tick": 0.001}, 0.003, 0.005),
    ],
)
def test_limit_prices_of_other_gaps_and_ticks(pre_close, percents, options, down, up):
    assert [float(price) for price in limit_prices(np.array(pre_close), *percents, **options)] == [down, up]


def test_a_listing_begins_as_its_regime_says():
    assert str(first_days("main", day("2013-12-12"), "SH")) == "no limit on day 1"
    assert str(first_days("main", day("2013-12-13"), "SH")) == "day 1 +44% / -36% of the issue price"
    assert str(first_days("main", day("2023-04-10"), "SZ")) == "no limit on days 1 to 5"


@pytest.mark.parametrize(("date", "sessions", "for_low_prices"), [("2020-12-30", 30, True), ("2020-12-31", 15, False)])
def test_a_delisting_period_lasts_30_sessions_then_15(date, sessions, for_low_prices):
    assert delisting_sessions(day(date)) == sessions
    assert has_period_after_low_prices(day(date)) == for_low_prices


# -- index futures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "index", "multiplier", "listed"),
    [
        ("IF", "000300.SH", 300, "2010-04-16"), ("IH", "000016.SH", 300, "2015-04-16"),
        ("IC", "000905.SH", 200, "2015-04-16"), ("IM", "000852.SH", 200, "2022-07-22"),
    ],
)  # fmt: skip
def test_a_product_has_its_index_and_multiplier_since_its_listing(product, index, multiplier, listed):
    for rule, expected in ((futures.INDEX, index), (futures.MULTIPLIER, multiplier)):
        assert value(rule[product], listed) == expected
        assert rule[product].on(day(listed) - 1) is None


MARGINS = [
    ("2010-04-16", 0.18, None, None, None), ("2013-01-04", 0.12, None, None, None),
    ("2014-09-01", 0.10, None, None, None), ("2015-08-25", 0.10, 0.10, 0.10, None),
    ("2015-08-26", 0.12, 0.12, 0.12, None), ("2015-08-27", 0.15, 0.15, 0.15, None),
    ("2015-08-28", 0.20, 0.20, 0.20, None), ("2015-08-31", 0.30, 0.30, 0.30, None),
    ("2015-09-06", 0.30, 0.30, 0.30, None), ("2015-09-07", 0.40, 0.40, 0.40, None),
    ("2017-02-16", 0.40, 0.40, 0.40, None), ("2017-02-17", 0.20, 0.20, 0.30, None),
    ("2017-09-17", 0.20, 0.20, 0.30, None), ("2017-09-18", 0.15, 0.15, 0.30, None),
    ("2018-12-02", 0.15, 0.15, 0.30, None), ("2018-12-03", 0.10, 0.10, 0.15, None),
    ("2019-04-21", 0.10, 0.10, 0.15, None), ("2019-04-22", 0.10, 0.10, 0.12, None),
    ("2020-12-01", 0.12, 0.12, 0.14, None), ("2022-07-22", 0.12, 0.12, 0.14, 0.15),
    ("2024-01-02", 0.12, 0.12, 0.12, 0.12),
]  # fmt: skip


@pytest.mark.parametrize("row", MARGINS, ids=[row[0] for row in MARGINS])
def test_margins_by_product_around_every_change(row):
    date, *expected = row
    for product, margin in zip(("IF", "IH", "IC", "IM"), expected, strict=True):
        if margin is not None:
            assert margin_rate(product, day(date)) == margin


def test_hedges_had_margins_of_their_own_from_2015_to_2018():
    assert margin_rate("IF", day("2015-08-28"), hedging=True) == 0.10
    assert margin_rate("IF", day("2015-09-07"), hedging=True) == 0.20
    assert margin_rate("IC", day("2017-02-17"), hedging=True) == 0.20
    assert margin_rate("IC", day("2018-12-03"), hedging=True) == 0.15
    with pytest.raises(DataError, match=r"margin .* was without a rule on 2022-07-21"):
        margin_rate("IM", day("2022-07-21"))


@pytest.mark.parametrize(
    ("date", "normal", "close_today", "lots"),
    [
        ("2010-04-16", 0.5, 0.5, None), ("2012-05-31", 0.5, 0.5, None), ("2012-06-01", 0.35, 0.35, None),
        ("2012-09-01", 0.25, 0.25, None), ("2015-08-02", 0.25, 0.25, None), ("2015-08-03", 0.23, 0.23, None),
        ("2015-08-25", 0.23, 0.23, None), ("2015-08-26", 0.23, 1.15, 600), ("2015-08-31", 0.23, 1.15, 100),
        ("2015-09-06", 0.23, 1.15, 100), ("2015-09-07", 0.23, 23, 10), ("2017-02-16", 0.23, 23, 10),
        ("2017-02-17", 0.23, 9.2, 20), ("2017-09-17", 0.23, 9.2, 20), ("2017-09-18", 0.23, 6.9, 20),
        ("2018-12-02", 0.23, 6.9, 20), ("2018-12-03", 0.23, 4.6, 50), ("2019-04-21", 0.23, 4.6, 50),
        ("2019-04-22", 0.23, 3.45, 500), ("2024-01-02", 0.23, 2.3, 500),
    ],
)  # fmt: skip
def test_fees_in_basis_points_and_lots_a_day_of_futures_around_every_change(date, normal, close_today, lots):
    assert future_fee_rate(day(date)) == pytest.approx(normal * 1e-4)
    assert future_fee_rate(day(date), closes_today=True) == pytest.approx(close_today * 1e-4)
    assert value(futures.OPEN_LIMIT, date) == lots


def test_other_terms_of_the_contracts():
    assert value(futures.ORDER_FEE, "2015-08-02") is None and value(futures.ORDER_FEE, "2015-08-03") == 1
    assert value(futures.DELIVERY_FEE, "2020-01-02") == 0.0001
    assert value(futures.FUTURE_TICK, "2020-01-02") == 0.2
    assert (value(futures.FUTURE_LIMIT, "2020-01-02"), value(futures.FUTURE_LIMIT_WIDE, "2020-01-02")) == (10, 20)
