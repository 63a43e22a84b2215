"""Inputs of the day's bar, its money flow and reports, and the screened indicators: by hand and against pandas."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.panel import MarketPanel
from signals.features import Bars, StockBlock, indicator
from signals.features.accounts import REPORTED
from signals.features.candidates import CANDIDATES
from signals.features.flows import FLOWS
from signals.features.inputs import FEATURES
from signals.features.prices import PRICES

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
DAY = {
    "open": 9.0, "high": 11.0, "low": 8.0, "close": 10.0, "pre_close": 8.0, "vol": 1000.0, "amount": 9500.0,
    "adj_factor": 3.0, "buy_sm_amount": 3000.0, "sell_sm_amount": 2050.0, "buy_md_amount": 1000.0,
    "sell_md_amount": 1950.0, "buy_lg_amount": 2500.0, "sell_lg_amount": 2025.0, "buy_elg_amount": 3000.0,
    "sell_elg_amount": 3475.0, "net_mf_amount": 190.0, "ar_turn": 4.0, "roe": 0.1, "tangibleasset_to_netdebt": 2.5,
}  # fmt: skip


def block_of(fields, days=1):
    arrays = {name: np.broadcast_to(np.atleast_2d(values).T, (days, 1)) for name, values in fields.items()}
    dates = np.datetime64("2024-01-01") + np.arange(days)
    return StockBlock(MarketPanel.from_arrays(dates, ["600000.SH"], arrays), slice(0, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adjusted_open", 27.0),
        ("adjusted_high", 33.0),
        ("adjusted_low", 24.0),
        ("adjusted_close", 30.0),
        ("adjusted_vwap", 28.5),
        ("adjusted_vol", 1000.0),
        ("traded_amount", 9500.0),
        ("gap", 0.125),
        ("amplitude", 0.375),
        ("intraday_return", 1 / 9),
        ("close_to_vwap", 10 / 9.5 - 1),
        ("net_small", 0.1),
        ("net_medium", -0.1),
        ("net_large", 0.05),
        ("net_extra_large", -0.05),
        ("net_flow", 0.02),
        ("large_net_share", 0.0),
        ("large_order_share", 11000 / 19000),
        ("ar_turn", 4.0),
        ("roe", 0.1),
        ("tangibleasset_to_netdebt", 2.5),
    ],
)
def test_inputs_of_one_day_by_hand(name, expected):
    assert FEATURES[name](block_of(DAY))[0, 0] == pytest.approx(expected, rel=1e-14)
    assert name in {**PRICES, **FLOWS, **REPORTED}


def test_a_split_does_not_show_in_adjusted_volume_and_a_late_listing_begins_at_its_own_factor():
    fields = {"close": [10.0, 10.0, 5.0], "vol": [100.0, 100.0, 200.0], "adj_factor": [7.0, 7.0, 14.0]}
    assert PRICES["adjusted_vol"](block_of(fields, 3)).tolist() == [[100.0, 100.0, 100.0]]
    late = {"close": [np.nan, 10.0, 5.0], "vol": [np.nan, 100.0, 200.0], "adj_factor": [np.nan, 7.0, 14.0]}
    np.testing.assert_array_equal(PRICES["adjusted_vol"](block_of(late, 3)), [[np.nan, 100.0, 100.0]])


def test_without_flows_or_reports_there_is_no_value():
    bare = block_of({name: DAY[name] for name in ("open", "close", "vol", "amount")})
    with np.errstate(all="ignore"):
        assert all(np.isnan(FEATURES[name](bare)).all() for name in (*FLOWS, *REPORTED))


# -- the indicators of the screened set ----------------------------------------------------------------------------


def candidates(o, h, lo, c, v):
    """Return the five as pandas makes them from their definitions."""
    pressed = ((c - o) / (h - lo) * v).where(h > lo, 0.0)
    bbi = sum(c.rolling(n).mean() for n in (3, 6, 12, 20)) / 4
    return {
        "wvad": pressed.rolling(24).sum() / 10_000,
        "bbiboll": bbi + 6 * bbi.rolling(11).std(ddof=0),
        "cdp": (h + lo + 2 * c) / 4,
        "env": c.rolling(14).mean() * 1.06,
        "std": c.rolling(20).std(ddof=0),
    }


def compare(fields):
    prices = [(fields[name] * fields["adj_factor"]).T for name in ("open", "high", "low", "close")]
    bars = Bars(*prices, fields["vol"].T)
    for stock, count in enumerate(bars.has_bar.sum(axis=1)):
        series = [pd.Series(getattr(bars, name)[stock, :count]) for name in ("open", "high", "low", "close", "vol")]
        for name, expected in candidates(*series).items():
            actual = indicator(name, bars)[stock, :count]
            scale = 1e-7 * series[3].to_numpy() if name != "wvad" else 1e-3
            assert np.array_equal(np.isfinite(actual), np.isfinite(expected)), (name, stock)
            assert (np.nan_to_num(np.abs(actual - expected)) <= scale).all(), (name, stock)


def test_the_screened_indicators_are_those_of_pandas_on_rough_random_walks():
    assert list(CANDIDATES) == ["wvad", "bbiboll", "cdp", "env", "std"]
    compare(SUPPORT["random_fields"]())


def test_the_screened_indicators_are_those_of_pandas_on_real_bars(real_market):
    panel = SUPPORT["real_panel"](real_market, ["000002.SZ", "600519.SH", "688981.SH"], "20150105", "20221230")
    compare({name: panel.field(name) for name in ("open", "high", "low", "close", "vol", "adj_factor")})


def test_a_day_at_one_price_presses_neither_way():
    flat = np.full((1, 30), 10.0)
    high = flat.copy()
    high[0, -1], close = 12.0, flat.copy()
    close[0, -1] = 11.0
    bars = Bars(flat, high, flat, close, np.full((1, 30), 20_000.0))
    assert indicator("wvad", bars)[0, -2:].tolist() == [0.0, 1.0]  # (11 - 10) / (12 - 10) x 20,000 shares
