import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.errors import DataError
from feeds.futures_terms import CffexTerms
from strategies.execution.futures import FuturesAccount

SUPPORT = runpy.run_path(str(Path(__file__).with_name("futures_support.py")))
futures_of, PlainTerms = SUPPORT["futures_of"], SUPPORT["PlainTerms"]
DAYS = np.busday_offset(np.datetime64("2024-01-02"), np.arange(10))
NAN = np.nan
OLD, NEW = "IF2401.CFX", "IF2402.CFX"


def account_of(settles, *, terms=None, days=DAYS, margin_add=0.0, slippage_ticks=0.0, **given):
    options = {"margin_add": margin_add, "slippage_ticks": slippage_ticks}
    return FuturesAccount(futures_of(settles, **given), days, terms or PlainTerms(), **options)


# -- settlement and margin ---------------------------------------------------------------------------------------


def test_a_short_is_settled_in_cash_day_by_day_over_a_roll():
    account = account_of({OLD: [4010.0, 3990.0, 3980.0, 3970.0], NEW: [3995.0, 3975.0, 3960.0, 3972.0]})
    old, new = 0, 1
    # Ten lots of 300 yuan a point: a point is 3,000 yuan.
    fill = account.trade(old, -10, 4000.0, 0)
    assert fill == pytest.approx((-10, 4000.0, 1_200.0 + 1.0, 1_200_000.0))
    assert account.settle(0) == pytest.approx(-30_000.0)
    assert account.value == account.margin_required(0) == pytest.approx(1_203_000.0)
    assert account.settle(1) == pytest.approx(60_000.0)
    assert account.value == pytest.approx(1_197_000.0)
    close, opened = account.trade(old, 10, 3985.0, 2, "roll"), account.trade(new, -10, 3970.0, 2, "roll")
    assert close == pytest.approx((10, 3985.0, 1_195.5 + 1.0, -1_197_000.0))
    assert opened == pytest.approx((-10, 3970.0, 1_191.0 + 1.0, 1_191_000.0))
    # The old month: +30,000 on the night's lots, -15,000 from its price; the new one +30,000 from its price.
    assert account.settle(2) == pytest.approx(45_000.0)
    assert account.lots == {new: -10} and account.value == pytest.approx(1_188_000.0)
    assert account.settle(3) == pytest.approx(-36_000.0)


def test_the_ledger_tells_every_trade_and_settlement():
    account = account_of({OLD: [4010.0, 3990.0, 3980.0], NEW: [3995.0, 3975.0, 3960.0]})
    account.trade(0, -10, 4000.0, 0)
    account.settle(0)
    account.settle(1)
    account.trade(0, 10, 3985.0, 2, "roll")
    account.trade(1, -10, 3970.0, 2, "roll")
    account.settle(2)
    ledger = account.ledger()
    assert ledger.columns.tolist() == [
        "date", "contract", "kind", "lots", "settle", "price", "exposure", "variation", "margin", "fee",
    ]  # fmt: skip
    assert ledger["date"].astype(str).tolist() == ["2024-01-02"] * 2 + ["2024-01-03"] + ["2024-01-04"] * 4
    told = [tuple(row) for row in ledger.drop(columns="date").fillna(0.0).itertuples(index=False)]
    assert told == [
        (OLD, "open", -10, 4010.0, 4000.0, 0.0, -30_000.0, 0.0, pytest.approx(1_201.0)),
        (OLD, "settle", -10, 4010.0, 0.0, -12_030_000.0, 0.0, pytest.approx(1_203_000.0), 0.0),
        (OLD, "settle", -10, 3990.0, 0.0, -11_970_000.0, 60_000.0, pytest.approx(1_197_000.0), 0.0),
        (OLD, "roll", 10, 3980.0, 3985.0, 0.0, -15_000.0, 0.0, pytest.approx(1_196.5)),
        (OLD, "settle", 0, 3980.0, 0.0, 0.0, 30_000.0, 0.0, 0.0),
        (NEW, "roll", -10, 3960.0, 3970.0, 0.0, 30_000.0, 0.0, pytest.approx(1_192.0)),
        (NEW, "settle", -10, 3960.0, 0.0, -11_880_000.0, 0.0, pytest.approx(1_188_000.0), 0.0),
    ]
    assert len(account_of({OLD: [4000.0]}).ledger()) == 0


def test_margin_follows_the_exchanges_rate_of_the_day():
    days = np.array(["2015-08-25", "2015-08-31", "2015-09-02", "2015-09-07", "2017-02-17"], "datetime64[D]")
    account = account_of({"IF1509.CFX": [3300.0] * 5}, terms=CffexTerms(), days=days)
    account.trade(0, -10, 3300.0, 0)
    held = []
    for row in range(5):
        account.settle(row)
        held.append(account.value)
    # Of 9,900,000 yuan: 10 %, from 2015-08-31 30 %, from 2015-09-07 40 %, from 2017-02-17 20 %.
    assert held == pytest.approx([990_000.0, 2_970_000.0, 2_970_000.0, 3_960_000.0, 1_980_000.0])


def test_the_broker_asks_more_than_the_exchange():
    account = account_of({OLD: [4000.0]}, margin_add=0.02)
    assert account.trade(0, -10, 4000.0, 0).margin == pytest.approx(1_440_000.0)
    account.settle(0)
    assert account.value == pytest.approx(1_440_000.0)


def test_a_missing_settlement_carries_the_last_one_and_its_margin():
    days = np.array(["2015-09-02", "2015-09-07", "2015-09-08"], "datetime64[D]")
    account = account_of({"IF1509.CFX": [3300.0, NAN, 3200.0]}, terms=CffexTerms(), days=days)
    account.trade(0, -10, 3310.0, 0)
    assert account.settle(0) == pytest.approx(30_000.0)
    assert account.settle(1) == 0.0
    assert account.value == pytest.approx(2_970_000.0)  # 30 % as on the day before, not yet 40 %
    assert account.settle(2) == pytest.approx(300_000.0)
    assert account.value == pytest.approx(0.4 * 9_600_000.0)


def test_the_larger_side_pays_margin():
    account = account_of({OLD: [4000.0], "IC2401.CFX": [6000.0]})
    ic, if_ = 0, 1
    account.trade(if_, -10, 4000.0, 0)
    assert account.trade(ic, 5, 6000.0, 0).margin == 0.0  # 600,000 long against 1,200,000 short
    account.settle(0)
    assert account.value == account.margin_required(0) == pytest.approx(1_200_000.0)


def test_the_last_day_pays_out_at_the_final_settlement_with_its_fee():
    account = account_of({OLD: [4000.0, 3950.0, 3900.0]}, last={OLD: 1})
    account.trade(0, -10, 4000.0, 0)
    account.settle(0)
    # 10 x 300 x 50 points, less 1 bp of 11,850,000 yuan.
    assert account.settle(1) == pytest.approx(150_000.0 - 1_185.0)
    assert account.lots == {} and account.value == 0.0
    assert account.ledger().tail(2)[["kind", "lots", "variation", "fee"]].values.tolist() == [
        ["settle", 0.0, 150_000.0, 0.0],
        ["delivery", 10.0, 0.0, pytest.approx(1_185.0)],
    ]
    assert account.settle(2) == 0.0 and len(account.ledger()) == 4


def test_a_last_day_without_a_settlement_pays_out_at_the_last_one_known():
    account = account_of({OLD: [4000.0, NAN]}, last={OLD: 1})
    account.trade(0, -10, 4000.0, 0)
    account.settle(0)
    assert account.settle(1) == pytest.approx(-1_200.0)
    assert account.lots == {} and account.value == 0.0
    assert account.ledger()["margin"].tolist() == [0.0, pytest.approx(1_200_000.0), 0.0, 0.0]


# -- fees --------------------------------------------------------------------------------------------------------


def test_lots_opened_today_are_closed_first_and_dearly():
    account = account_of({OLD: [4000.0, 4000.0, 4000.0]})
    account.trade(0, -10, 4000.0, 0)
    account.settle(0)
    account.trade(0, -3, 4000.0, 1)
    # A lot is 1,200,000 yuan: three at 10 bp, two at 1 bp, and an order.
    assert account.trade(0, 5, 4000.0, 1).fee == pytest.approx(3_600.0 + 240.0 + 1.0)
    assert account.trade(0, 1, 4000.0, 1).fee == pytest.approx(120.0 + 1.0)
    account.settle(1)
    assert account.trade(0, 2, 4000.0, 2).fee == pytest.approx(240.0 + 1.0)


def test_a_trade_through_zero_closes_and_opens():
    account = account_of({OLD: [4000.0, 4000.0]})
    account.trade(0, -2, 4000.0, 0)
    account.settle(0)
    assert account.trade(0, 5, 4000.0, 1).fee == pytest.approx(240.0 + 1.0 + 360.0 + 1.0)
    assert account.lots == {0: 3}
    assert account.trade(0, -4, 4000.0, 1).fee == pytest.approx(3_600.0 + 1.0 + 120.0 + 1.0)
    account.settle(1)
    assert account.lots == {0: -1}
    ledger = account.ledger()
    assert ledger.loc[ledger["date"] == "2024-01-03", "kind"].tolist() == ["close", "open", "close", "open", "settle"]


@pytest.mark.parametrize(
    ("day", "fee", "close_today", "delivery"),
    [
        ("2010-04-16", 0.5, 0.5, 1.0),
        ("2013-01-04", 0.25, 0.25, 1.0),
        ("2015-08-31", 0.23, 1.15, 1.0),
        ("2015-09-07", 0.23, 23.0, 1.0),
        ("2017-02-17", 0.23, 9.2, 1.0),
        ("2017-09-18", 0.23, 6.9, 1.0),
        ("2018-12-03", 0.23, 4.6, 1.0),
        ("2019-04-22", 0.23, 3.45, 1.0),
        ("2024-01-02", 0.23, 2.3, 1.0),
    ],
)
def test_fees_are_those_of_the_day_in_basis_points(day, fee, close_today, delivery):
    terms, when = CffexTerms(), np.datetime64(day)
    rates = [terms.fee("IF", when), terms.close_today_fee("IF", when), terms.delivery_fee("IF", when)]
    assert rates == pytest.approx([fee * 1e-4, close_today * 1e-4, delivery * 1e-4])
    assert terms.yuan_per_order("IF", when) == (0.0 if day < "2015-08" else 1.0)


@pytest.mark.parametrize("lots", [10, -10])
def test_slippage_moves_the_price_against_the_trade(lots):
    account = account_of({OLD: [4000.0]}, slippage_ticks=2)
    assert account.trade(0, lots, 4000.0, 0).price == pytest.approx(4000.4 if lots > 0 else 3999.6)
    assert account.settle(0) == pytest.approx(-10 * 300 * 0.4)


@pytest.mark.parametrize(("lots", "price", "row"), [(0, 4000.0, 1), (1, NAN, 1), (1, 4000.0, 0), (1, 4000.0, 3)])
def test_a_trade_of_nothing_or_off_the_contracts_days_is_refused(lots, price, row):
    account = account_of({OLD: [4000.0] * 4}, first={OLD: 1}, last={OLD: 2})
    with pytest.raises(DataError, match=r"trade must be of lots at a price while listed, was .* of IF2401"):
        account.trade(0, lots, price, row)
    assert account.lots == {} and account.settle(1) == 0.0


# -- the identity ------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    trades=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(-8, 8), st.integers(-200, 200)), max_size=12
    ),
    moves=st.lists(st.integers(-300, 300), min_size=10, max_size=10),
)
def test_cash_and_margin_are_the_start_plus_gains_less_fees_every_day(trades, moves):
    settles = np.array([[4000.0], [6000.0]]) + np.cumsum(np.array(moves, "float64").reshape(2, 5), axis=1)
    account = account_of({OLD: settles[0], "IM2401.CFX": settles[1]})
    multiplier, cash, done = (300.0, 200.0), 5e7, []
    for row in range(5):
        for _, column, lots, off in (trade for trade in trades if trade[0] == row and trade[2]):
            before, price = account.value, settles[column, row] + off
            fill = account.trade(column, lots, price, row)
            assert account.value - before == pytest.approx(fill.margin)
            cash -= fill.fee + fill.margin
            done.append((column, lots, price, fill.fee))
        before = account.value
        cash += account.settle(row)
        cash -= account.value - before
        gains = [lots * multiplier[n] * (settles[n, row] - price) - fee for n, lots, price, fee in done]
        assert cash + account.value == pytest.approx(5e7 + sum(gains), abs=1e-4)
        assert account.value == pytest.approx(account.margin_required(row))
    ledger = account.ledger()
    assert cash + account.value - 5e7 == pytest.approx((ledger["variation"] - ledger["fee"]).sum(), abs=1e-4)
