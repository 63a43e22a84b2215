import hashlib
import json

import pandas as pd
import pytest

from feeds.checking import Finding, check_store
from feeds.store import MANIFEST, Store

DAYS = ["2019-12-31", "2020-01-02", "2020-01-03", "2020-01-06"]
A, C = "000001.SZ", "600000.SH"
CLOSES = {A: [10.0, 10.5, 10.2, 10.3], C: [5.0, 5.1, None, 5.2]}


def test_a_sound_store_has_no_findings(make_store):
    assert check_store(make_store(CLOSES, DAYS)) == []


def test_a_damaged_part_is_the_only_finding(make_store):
    store = make_store(CLOSES, DAYS)
    part = store.tables["daily"]["parts"][0]
    (store.path / part["file"]).write_bytes(b"damaged")
    (store.path / store.tables["stock_basic"]["parts"][0]["file"]).unlink()
    findings = check_store(Store(store.path))
    assert [(finding.table, finding.rule, finding.count) for finding in findings] == [
        ("daily", "SHA-256 as written", 1), ("stock_basic", "SHA-256 as written", 1),
    ]  # fmt: skip
    assert f"must have SHA-256 {part['sha256'][:12]}, was " in findings[0].sample
    assert "was missing" in findings[1].sample


def test_a_part_that_breaks_its_contract_is_found_though_its_hash_is_right(make_store):
    store = make_store(CLOSES, DAYS)
    part = store.tables["daily"]["parts"][1]
    path = store.path / part["file"]
    frame = pd.read_parquet(path)
    frame.loc[2, "high"] = 1.0
    frame.to_parquet(path)
    manifest = json.loads((store.path / MANIFEST).read_text())
    manifest["tables"]["daily"]["parts"][1]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (store.path / MANIFEST).write_text(json.dumps(manifest))
    findings = check_store(Store(store.path))
    assert [(finding.table, finding.rule) for finding in findings] == [("daily", "the table's contract")]
    assert findings[0].sample.startswith("daily row 3 must have high at least open, low and close, was ")


@pytest.mark.parametrize(
    ("tables", "finding"),
    [
        (
            {"stk_limit": [("ts_code trade_date up_limit down_limit", (A, "2020-01-03", 10.1, 9.45))]},
            Finding("stk_limit", "no close above the upper limit", 1, f"{A} 2020-01-03"),
        ),
        (
            {"stk_limit": [("ts_code trade_date up_limit down_limit", (A, "2020-01-03", 11.5, 10.3))]},
            Finding("stk_limit", "no close below the lower limit", 1, f"{A} 2020-01-03"),
        ),
        (
            {"stock_basic": [("ts_code name list_date delist_date", (A, "a", "2020-01-02", None),
                              (C, "c", "2010-01-04", "2020-01-06"))]},
            Finding("daily", "no bar before listing or after delisting", 2, f"{A} 2019-12-31"),
        ),
        (
            {"stock_basic": [("ts_code name list_date", (A, "a", "2010-01-04"))]},
            Finding("stock_basic", "a listing date for every stock with bars", 3, f"{C} 2019-12-31"),
        ),
        (
            {"suspend_d": [("ts_code trade_date suspend_timing suspend_type", (A, "2020-01-02", None, "S"),
                            (A, "2020-01-03", "09:30-10:00", "S"), (A, "2020-01-06", None, "R"),
                            (C, "2020-01-03", None, "S"), ("600001.SH", "2020-01-02", None, "S"))]},
            Finding("suspend_d", "no volume on a suspended day", 1, f"{A} 2020-01-02"),
        ),
    ],
    ids=["above", "below", "unlisted", "unknown", "suspended"],
)  # fmt: skip
def test_tables_that_contradict_each_other_are_found(make_store, rows, tables, finding):
    frames = {name: rows(*lines) for name, [lines] in tables.items()}
    assert check_store(make_store(CLOSES, DAYS, **frames)) == [finding]


def factors(market_tables, **changes):
    frame = market_tables(CLOSES, DAYS)["adj_factor"]
    for day, factor in changes.items():
        frame.loc[(frame["ts_code"] == A) & (frame["trade_date"] == day.replace("_", "-")[1:]), "adj_factor"] = factor
    return frame


def test_a_factor_must_explain_the_reference_price(make_store, market_tables):
    wrong = factors(market_tables, _2020_01_03=1.01, _2020_01_06=1.01)
    assert check_store(make_store(CLOSES, DAYS, adj_factor=wrong)) == [
        Finding("adj_factor", "factor jumps explain pre_close", 1, f"{A} 2020-01-03")
    ]
    # 10.5 / 1.001 is 10.4895, within a tick and a half of 10.5; 10.5 / 1.002 is 10.479, within the factor's digits.
    for small in (1.001, 1.002):
        rounded = factors(market_tables, _2020_01_03=small, _2020_01_06=small)
        assert check_store(make_store(CLOSES, DAYS, folder=f"{small}", adj_factor=rounded)) == []


def test_a_reference_price_must_be_the_last_close_where_the_factor_stays(make_store, market_tables):
    daily = market_tables(CLOSES, DAYS)["daily"]
    row = daily.index[(daily["ts_code"] == C) & (daily["trade_date"] == "2020-01-06")]
    for reference, findings in ((5.11, []), (5.12, [f"{C} 2020-01-06"])):  # the last close before the halt was 5.1
        daily.loc[row, "pre_close"] = reference
        found = check_store(make_store(CLOSES, DAYS, folder=f"{reference}", daily=daily))
        assert [finding.sample for finding in found] == findings


def test_a_market_that_cannot_be_built_is_a_finding(make_store, market_tables):
    some = market_tables(CLOSES, DAYS)["adj_factor"][:-1]
    assert check_store(make_store(CLOSES, DAYS, adj_factor=some)) == [
        Finding(
            "daily", "a market can be built", 1,
            f"adj_factor must be known for every bar, was missing for {C} 2020-01-06 and 0 more",
        )
    ]  # fmt: skip


def test_the_real_market_passes_every_check(real_store):
    assert check_store(real_store) == []
