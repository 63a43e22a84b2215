"""Taxes and fees, written out by hand around every change."""

import numpy as np
import pytest

from feeds.errors import DataError
from feeds.rules import costs, dividend_tax_rate, stamp_duty, transfer_fee


def day(text):
    return np.datetime64(text)


@pytest.mark.parametrize(
    ("date", "yuan"),
    [("2008-09-19", 100.0), ("2023-08-27", 100.0), ("2023-08-28", 50.0), ("2026-11-20", 50.0)],
)
def test_stamp_duty_on_a_sale_of_100_000_yuan(date, yuan):
    assert stamp_duty(day(date), 100_000.0) == pytest.approx(yuan)


def test_stamp_duty_before_the_first_known_row_is_refused():
    with pytest.raises(DataError, match=r"stamp duty on sales must be known .*, was without a rule on 2008-09-18"):
        stamp_duty(day("2008-09-18"), 100_000.0)


@pytest.mark.parametrize(
    ("exchange", "date", "yuan"),
    [
        ("SH", "2012-05-31", 5.0),  # 0.5 per mille of the face of 10,000 shares
        ("SH", "2012-06-01", 3.75),
        ("SH", "2012-08-31", 3.75),
        ("SH", "2012-09-01", 3.0),
        ("SH", "2015-07-31", 3.0),
        ("SH", "2015-08-01", 2.0),  # 0.02 per mille of 100,000 yuan
        ("SH", "2022-04-28", 2.0),
        ("SH", "2022-04-29", 1.0),
        ("SZ", "2015-07-31", 0.0),  # 0.0255 per mille inside the commission
        ("SZ", "2015-08-01", 2.0),
        ("SZ", "2022-04-28", 2.0),
        ("SZ", "2022-04-29", 1.0),
        ("BJ", "2022-04-28", 2.5),
        ("BJ", "2022-04-29", 1.0),
    ],
)
def test_transfer_fee_of_10_000_shares_worth_100_000_yuan(exchange, date, yuan):
    assert transfer_fee(exchange, day(date), 100_000.0, 10_000) == pytest.approx(yuan)


@pytest.mark.parametrize(
    ("rule", "date", "yuan"),
    [
        (costs.TRANSFER_FEE["SZ"], "2015-07-31", 2.55),
        (costs.HANDLING_FEE["SH"], "2012-06-01", 6.96),
        (costs.HANDLING_FEE["SZ"], "2015-07-31", 6.96),
        (costs.HANDLING_FEE["SZ"], "2015-08-01", 4.87),
        (costs.HANDLING_FEE["SH"], "2023-08-27", 4.87),
        (costs.HANDLING_FEE["SH"], "2023-08-28", 3.41),
        (costs.HANDLING_FEE["BJ"], "2021-11-15", 50.0),
        (costs.HANDLING_FEE["BJ"], "2022-11-30", 50.0),
        (costs.HANDLING_FEE["BJ"], "2022-12-01", 25.0),
        (costs.HANDLING_FEE["BJ"], "2023-08-28", 12.5),
        (costs.REGULATORY_FEE, "2020-01-02", 2.0),
    ],
)
def test_what_a_commission_already_includes_of_100_000_yuan(rule, date, yuan):
    levy = rule.need(day(date))
    assert levy.included
    assert levy.of(100_000.0, 10_000) == pytest.approx(yuan)


@pytest.mark.parametrize(
    ("date", "rate"),
    [("2010-01-01", 8), ("2014-12-31", 8), ("2015-01-01", 3), ("2025-12-31", 3), ("2026-01-01", 2.5)],
)
def test_typical_commissions_in_basis_points(date, rate):
    assert costs.COMMISSION.need(day(date)) == pytest.approx(rate * 1e-4)
    assert costs.COMMISSION_MINIMUM.need(day(date)) == 5
    assert costs.COMMISSION_CAP.need(day(date)) == 0.003


# -- dividend tax ------------------------------------------------------------------------------------------------

BOUGHT = "2013-05-24"


@pytest.mark.parametrize(
    ("record", "sold", "rate"),
    [
        ("2012-12-31", "2013-06-24", 0.10),
        ("2012-12-31", "2014-05-25", 0.10),
        ("2013-01-01", "2013-06-24", 0.20),  # within a month
        ("2013-01-01", "2013-06-25", 0.10),
        ("2013-01-01", "2014-05-24", 0.10),  # within a year
        ("2013-01-01", "2014-05-25", 0.05),
        ("2015-09-07", "2014-05-25", 0.05),
        ("2015-09-08", "2013-06-24", 0.20),
        ("2015-09-08", "2014-05-24", 0.10),
        ("2015-09-08", "2014-05-25", 0.00),
    ],
)
def test_the_tax_on_a_dividend_by_its_record_date_and_the_time_held(record, sold, rate):
    assert dividend_tax_rate(day(record), day(BOUGHT), day(sold)) == rate


def test_a_month_from_its_last_days_ends_on_the_next_months_last_day():
    bought = np.array(["2019-01-31", "2019-01-31", "2020-02-29", "2020-02-29"], "datetime64[D]")
    sold = np.array(["2019-02-28", "2019-03-01", "2021-02-28", "2021-03-01"], "datetime64[D]")
    assert dividend_tax_rate(day("2020-06-01"), bought, sold).tolist() == [0.2, 0.1, 0.1, 0.0]
