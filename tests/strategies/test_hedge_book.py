"""A hedge inside the account: cash, margin and stocks add up, orders are explained, and nothing looks ahead."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.errors import ConfigError
from strategies.execution import config, engine

SUPPORT = runpy.run_path(str(Path(__file__).with_name("futures_support.py")))
A, B = "600000.SH", "600001.SH"
OLD, NEW = "IF2401.CFX", "IF2402.CFX"
NAN = float("nan")


@pytest.fixture
def hedged(market, backtest, monkeypatch):
    """A function that holds A from day 1 on, hedged by contracts of given settlements, at 10 % margin."""
    monkeypatch.setattr(engine, "CffexTerms", SUPPORT["PlainTerms"])

    def run(closes, settles, opens=None, index=None, scores=None, stock_opens=None, dates=None, **options):
        panel = market({A: closes, B: [10.0] * len(closes)}, {A: stock_opens or closes})
        futures = SUPPORT["futures_of"](settles, opens=opens, **(dates or {})) if settles else panel.futures
        levels = np.array(index or [4000.0] * len(closes))
        panel = replace(panel, futures=futures, indices={"000300.SH": levels})
        settings = {"hedge": {"kind": "IF", "roll_days": 0, "margin_buffer": 0.0}, "top_k": 1, "cash": 2_640_000.0}
        return backtest(panel, scores or {0: {A: 1.0}}, **{**settings, **options})

    return run


def parts(result):
    return result.nav[["cash", "receivable", "stock_value", "hedge_value"]].sum(axis=1)


def test_a_hedged_day_by_hand(hedged):
    # 2,640,000 yuan: at 10 % margin 1 / 1.1 of it, 2,400,000, goes into 240,000 shares of A, and two lots of
    # 4,000 x 300 are sold at the next open of 4,010: fee 2 x 1,203,000 x 1 bp + 1 = 241.60; margin 10 % of the last
    # settlement of 4,000, 240,000. At the close of 3,990 they gained 2 x 300 x 20 = 12,000 and lock 239,400.
    # A opens at 9.90, closes at 10.10. Next day 4,030: -24,000, margin 241,800; A at 10.20.
    settles, opens = {OLD: [4000.0, 3990.0, 4030.0]}, {OLD: [4000.0, 4010.0, 3990.0]}
    result = hedged([10.0, 10.1, 10.2], settles, opens, stock_opens=[10.0, 9.9, 10.1])
    nav = result.nav
    cash = 2_640_000 - 240_000 * 9.9 - 241.6 + 12_000 - 239_400
    assert nav["cash"].tolist() == pytest.approx([2_640_000, cash, cash - 24_000 - (241_800 - 239_400)])
    assert nav["hedge_value"].tolist() == pytest.approx([0, 239_400, 241_800])
    assert nav["stock_value"].tolist() == pytest.approx([0, 240_000 * 10.1, 240_000 * 10.2])
    assert parts(result).to_numpy() == pytest.approx(nav["nav"].to_numpy(), abs=1e-6)
    future = result.orders[result.orders["ts_code"] == OLD].iloc[0]
    assert (future["side"], future["wanted"], future["filled"], future["price"]) == ("sell", 2, 2, 4010.0)
    assert (future["fee"], future["reference"], future["status"]) == (pytest.approx(241.6), 4000.0, "filled")


def test_the_ledger_holds_every_trade_and_settlement(hedged):
    result = hedged([10.0] * 3, {OLD: [4000.0, 3990.0, 4030.0]}, opens={OLD: [4000.0, 4010.0, 3990.0]})
    rows = result.hedge[["kind", "lots", "variation", "fee", "margin"]].to_numpy().tolist()
    assert rows == [
        ["open", -2, 12_000, pytest.approx(241.6), 0],
        ["settle", -2, 0, 0, 239_400],
        ["settle", -2, -24_000, 0, 241_800],
    ]


def test_a_roll_closes_the_old_contract_and_opens_the_next(hedged):
    settles = {OLD: [4000.0, 4000.0, 4000.0, NAN], NEW: [3980.0, 3980.0, 3980.0, 3980.0]}
    result = hedged([10.0] * 4, settles, dates={"last": {OLD: 2, NEW: 40}})
    orders = result.orders[result.orders["ts_code"].isin([OLD, NEW])]
    # With no days of roll the old contract goes at the open of its last day.
    assert orders[["date", "ts_code", "side", "filled"]].to_numpy().tolist() == [
        [result.nav["date"][1], OLD, "sell", 2],
        [result.nav["date"][2], NEW, "sell", 2],
        [result.nav["date"][2], OLD, "buy", 2],
    ]
    assert result.hedge.loc[result.hedge["kind"] == "roll", "contract"].tolist() == [OLD, NEW]  # the old one first
    assert parts(result).to_numpy() == pytest.approx(result.nav["nav"].to_numpy(), abs=1e-6)


def test_a_margin_call_is_met_by_a_forced_cut_at_the_next_open(hedged):
    # With 2,640,000 yuan all is tied up; a rise of 100 points costs 60,000 and leaves the cash below zero. One lot
    # frees 10 % of 4,100 x 300 = 123,000.
    result = hedged([10.0] * 4, {OLD: [4000.0, 4000.0, 4100.0, 4100.0]})
    assert result.nav["cash"].iloc[2] < 0 <= result.nav["cash"].iloc[3]
    cut = result.hedge[result.hedge["kind"] == "forced"]
    assert cut["lots"].tolist() == [1] and cut["date"].tolist() == [result.nav["date"][3]]
    assert parts(result).to_numpy() == pytest.approx(result.nav["nav"].to_numpy(), abs=1e-6)


def test_a_contract_that_does_not_trade_is_tried_again(hedged):
    settles = {OLD: [4000.0] * 4}
    result = hedged([10.0] * 4, settles, opens={OLD: [4000.0, NAN, 4000.0, 4000.0]}, cash=2_650_000.0)
    orders = result.orders[result.orders["ts_code"] == OLD]
    assert orders[["filled", "status", "reason"]].to_numpy().tolist() == [[0, "expired", "no bar"], [2, "filled", ""]]


def test_an_ideal_short_of_the_index_needs_no_margin(hedged):
    # Decided at the close of day 0, in place at the close of day 1; on day 2 the index falls 1 % on 2,640,000.
    result = hedged([10.0] * 4, {OLD: [4000.0] * 4}, index=[4000.0, 4000.0, 3960.0, 3960.0], hedge={"kind": "index"})
    assert result.nav["nav"].tolist() == pytest.approx([2_640_000, 2_640_000, 2_666_400, 2_666_400])
    assert (result.nav["hedge_value"] == 0).all() and not result.orders["ts_code"].str.endswith("CFX").any()


def test_without_a_hedge_the_ledger_is_empty(market, backtest):
    result = backtest(market({A: [10.0] * 3}), {0: {A: 1.0}})
    assert result.hedge.empty and list(result.hedge.columns[:3]) == ["date", "contract", "kind"]


def test_a_book_by_beta_is_sized_with_the_past_alone(hedged):
    # The stock moves twice as the index did before the decision, and wildly after it.
    days, up = 64, [1.0, 1.01]
    index = [4000.0 * up[n % 2] for n in range(days)]
    closes = [10.0 * (1.02 if n % 2 else 1.0) for n in range(days)]
    settles = {OLD: [4000.0] * days}
    options = {"hedge": {"kind": "IF", "sizing": "beta", "margin_buffer": 0.0}, "cash": 12_000_000.0}
    seen = hedged(closes, settles, index=index, scores={61: {A: 1.0}}, **options)
    wild = hedged([*closes[:63], 99.0], settles, index=[*index[:63], 100.0], scores={61: {A: 1.0}}, **options)
    lots = [run.orders[run.orders["ts_code"] == OLD]["wanted"].iloc[0] for run in (seen, wild)]
    # 12,000,000 / (1 + 2 x 10 %) = 10,000,000 of stocks, twice that short: 16.67 lots.
    assert lots == [17, 17]


def test_a_store_without_dated_contracts_is_told_what_to_do(hedged):
    with pytest.raises(ConfigError, match=r"hedge IF must have month contracts .*\(see: --hedge index"):
        hedged([10.0] * 3, {})


@pytest.mark.parametrize(
    ("value", "kind"), [("IC", "IC"), ({"kind": "IH", "sizing": "beta"}, "IH"), ("none", "none"), ({}, "none")]
)
def test_a_kind_alone_may_stand_for_a_hedge(value, kind):
    assert config.make({"hedge": value}).hedge.kind == kind


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("IX", "hedge.kind must be 'none', 'index', 'IF', 'IH', 'IC' or 'IM', was IX"),
        ({"kind": "IF", "size": "beta"}, "configuration key must be one of band, beta_days, "),
        ({"kind": "IF", "ratio": 0}, "hedge.ratio must be greater than 0, was 0"),
    ],
)
def test_a_bad_hedge_is_refused_in_one_line(value, message):
    with pytest.raises(ConfigError) as refused:
        config.make({"hedge": value})
    assert str(refused.value).startswith(message)


def test_a_hedged_configuration_reads_back_the_same(tmp_path):
    made = config.make({"hedge": {"kind": "IF", "sizing": "beta", "band": 0.2}})
    file = tmp_path / "config.yaml"
    file.write_text(config.to_yaml(made))
    assert config.make(config.from_file(file)) == made


def test_frames_of_hedged_orders_keep_their_types(hedged):
    result = hedged([10.0] * 3, {OLD: [4000.0] * 3})
    assert result.orders["wanted"].dtype == "int64" and result.orders["signal_date"].dtype == "datetime64[ms]"
    assert isinstance(result.orders["ts_code"].dtype, pd.StringDtype)
