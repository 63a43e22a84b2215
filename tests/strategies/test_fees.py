"""What a trade costs."""

import numpy as np
import pytest

from feeds.errors import ConfigError
from strategies.execution import fees

SH, SZ, BJ, FUND = "600000.SH", "000001.SZ", "830001.BJ", "510300.SH"


def of(name, side, value, shares=1000, code=SH, day="2024-01-02"):
    return fees.get(str(name)).of(side, value, shares, code, np.datetime64(day))


@pytest.mark.parametrize(
    ("name", "side", "fee"),
    [
        ("8bp", "buy", 80.0), ("8bp", "sell", 80.0), ("none", "buy", 0.0), ("none", "sell", 0.0),
        ("12.5bp", "buy", 125.0), ("0bp", "sell", 0.0), ("999.9bp", "sell", 9_999.0),
    ],
)  # fmt: skip
def test_a_fee_is_a_share_of_the_value_of_each_side(name, side, fee):
    assert of(name, side, 100_000.0) == pytest.approx(fee)
    assert fees.get(name).name == name


def test_the_default_says_what_it_is():
    assert fees.get("8bp").title == "8 bp of the traded value on each side, all-in"
    assert fees.get("12.5bp").title == "12.5 bp of the traded value on each side, all-in"


@pytest.mark.parametrize("name", ["8", "bp", "-1bp", "1e3bp", "1.2.3bp", "²bp", "1000bp", "8 bp", "detailed:", ""])
def test_anything_else_is_refused_with_what_is_known(name):
    with pytest.raises(ConfigError, match=r"fees must be one of 8bp, <number>bp, a \.yaml file, detailed, "):
        fees.get(name)


@pytest.mark.parametrize(
    ("side", "code", "day", "shares", "fee"),
    [
        # 100,000 yuan. Commission 3 bp = 30; stamp duty 100, then 50 from 2023-08-28; transfer fee 2, then 1.
        ("buy", SH, "2023-08-25", 10_000, 30 + 1),
        ("sell", SH, "2023-08-25", 10_000, 30 + 100 + 1),
        ("sell", SH, "2023-08-28", 10_000, 30 + 50 + 1),
        ("sell", SZ, "2022-04-28", 10_000, 30 + 100 + 2),
        ("sell", SZ, "2022-04-29", 10_000, 30 + 100 + 1),
        # Until 2015-07-31 Shanghai took 0.3 per mille of the face value of 1 yuan, Shenzhen nothing on top.
        ("buy", SH, "2015-07-31", 10_000, 30 + 3),
        ("buy", SZ, "2015-07-31", 10_000, 30),
        ("buy", SH, "2015-08-03", 10_000, 30 + 2),
        ("buy", SZ, "2015-08-03", 10_000, 30 + 2),
        # 8 bp of commission in 2014; a face-value fee of 0.5, 0.375, 0.3 per mille in 2012.
        ("buy", SH, "2012-05-31", 10_000, 80 + 5),
        ("buy", SH, "2012-06-01", 10_000, 80 + 3.75),
        ("buy", SH, "2012-09-03", 10_000, 80 + 3),
        ("sell", BJ, "2022-04-28", 10_000, 30 + 100 + 2.5),
        ("sell", FUND, "2023-08-28", 10_000, 30),  # neither stamp duty nor transfer fee
        ("sell", SH, "2026-01-05", 10_000, 25 + 50 + 1),
    ],
)
def test_the_detailed_schedule_is_that_of_the_day(side, code, day, shares, fee):
    assert of("detailed", side, 100_000.0, shares, code, day) == pytest.approx(fee)


def test_an_order_pays_five_yuan_of_commission_at_least():
    # 3 bp of 10,000 are 3 yuan: 5 are charged, and 0.10 of transfer fee.
    assert of("detailed", "buy", 10_000.0) == pytest.approx(5.1)
    assert of("detailed:10bp", "buy", 10_000.0) == pytest.approx(10.1)


def test_a_run_that_begins_before_the_rules_are_known_is_refused():
    with pytest.raises(ConfigError, match="fees detailed: commission, typical must be known on the day, was without"):
        fees.get("detailed").check(np.datetime64("2008-09-18"))
    fees.get("detailed").check(np.datetime64("2010-01-04"))
    fees.get("8bp").check(np.datetime64("1999-01-04"))


@pytest.fixture
def schedule(tmp_path):
    def write(text):
        file = tmp_path / "mine.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_schedule_of_ones_own_is_read_from_a_file(schedule):
    file = schedule(
        "commission: 0.00025\nminimum: 5\nstamp_duty:\n  - {since: 2008-09-19, value: 0.001}\n"
        "  - {since: 2023-08-28, value: 0.0005}\ntransfer: 0.00001\n"
    )
    assert of(file, "buy", 100_000.0) == pytest.approx(25 + 1)
    assert of(file, "buy", 10_000.0) == pytest.approx(5 + 0.1)
    assert of(file, "sell", 100_000.0, day="2023-08-27") == pytest.approx(25 + 100 + 1)
    assert of(file, "sell", 100_000.0, day="2023-08-28") == pytest.approx(25 + 50 + 1)
    assert fees.get(str(file)).title == (
        "mine.yaml: commission 0.00025; minimum 5.0; stamp_duty 0.001 since 2008-09-19, 0.0005 since 2023-08-28; "
        "transfer 1e-05"
    )


def test_the_rulebook_fills_in_what_a_file_leaves_out(schedule):
    # 100,000 yuan: 1 per mille, 50 of stamp duty and 1 of transfer fee; at least 5 yuan.
    assert of(schedule("commission: 1e-3\n"), "sell", 100_000.0) == pytest.approx(100 + 50 + 1)
    assert of(schedule("{commission: 1e-3, stamp_duty: 0, transfer: 0}\n"), "sell", 1_000.0) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("commision: 0.1", r"fees key must be one of commission, .*, was commision \(did you mean commission\?\)"),
        ("commission: 3bp", r"commission must be a number from 0 to 0\.003 \(a fraction of .* value\), was 3bp"),
        ("commission: -1", "commission must be a number from 0 to .*, was -1"),
        ("commission: 3", "commission must be a number from 0 to .*, was 3"),
        ("minimum: yes", r"minimum must be a number from 0 to 1000 \(yuan an order\), was True"),
        ("stamp_duty: [{since: 2023-08-28}]", "stamp_duty must be a number or a list of {since: DAY, value: NUMBER}"),
        ("stamp_duty: []", "stamp_duty must be a number or a list of .*, was an empty list"),
        ("stamp_duty: [{since: 2023, value: 0.01}]", "stamp_duty since must be a day like 2020-01-31, was 2023"),
        (
            "stamp_duty: [{since: 2023-08-28, value: 0.0005}, {since: 2008-09-19, value: 0.001}]",
            "stamp_duty must have ascending days, was 2008-09-19 after 2023-08-28",
        ),
        ("- 1", "fees file must hold key: value lines"),
        ("", "fees file must hold key: value lines"),
        ("a: [", "fees file must be readable YAML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(schedule, text, message):
    with pytest.raises(ConfigError, match=message) as refused:
        fees.get(str(schedule(text)))
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"fees file must be readable YAML, was .*none\.yaml"):
        fees.get(str(tmp_path / "none.yaml"))
