"""The 101 inputs: their names, the quotes and valuations by hand, and blindness to what comes after."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from feeds.panel import MarketPanel
from signals.features import ALL, StockBlock, raw_features
from signals.features.quotes import QUOTES
from signals.features.valuation import VALUATION

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))


def one_day(**fields):
    """Return the block of a panel of one stock and one day."""
    arrays = {name: np.array([[value]]) for name, value in fields.items()}
    panel = MarketPanel.from_arrays(np.array(["2024-01-02"], "datetime64[D]"), ["600000.SH"], arrays)
    return StockBlock(panel, slice(0, 1))


QUOTE_DAY = {
    "open": 9.0, "high": 11.0, "low": 8.0, "close": 10.0, "pre_close": 8.0,
    "vol": 999.0, "amount": 9999.0, "adj_factor": 3.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("open", 0.9),
        ("high", 1.1),
        ("low", 0.8),
        ("close", 2.302585092994046),  # ln 10, raw
        ("change", 0.2),
        ("pct_chg", 0.25),
        ("vol", 6.907755278982137),  # ln 1000
        ("amount", 9.210340371976184),  # ln 10000
    ],
)
def test_quotes_by_hand(name, expected):
    assert QUOTES[name](one_day(**QUOTE_DAY))[0, 0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("turnover_rate", 0.02, 0.02),
        ("turnover_rate_f", 0.03, 0.03),
        ("volume_ratio", 1.5, 1.5),
        ("pe", 20.0, 0.05),
        ("pe_ttm", 25.0, 0.04),
        ("pb", 0.5, 2.0),
        ("ps", 4.0, 0.25),
        ("ps_ttm", 8.0, 0.125),
        ("dv_ratio", 0.01, 0.01),
        ("dv_ttm", 0.015, 0.015),
        ("total_share", 1000.0, 6.907755278982137),
        ("float_share", 100.0, 4.605170185988092),
        ("free_share", 10.0, 2.302585092994046),
        ("total_mv", 10000.0, 9.210340371976184),
        ("circ_mv", 10.0, 2.302585092994046),
    ],
)
def test_valuations_by_hand(name, value, expected):
    assert VALUATION[name](one_day(close=10.0, **{name: value}))[0, 0] == pytest.approx(expected, rel=1e-14)


def test_a_loss_lies_below_a_small_profit():
    earnings = VALUATION["pe_ttm"]
    dear = earnings(one_day(close=10.0, pe_ttm=500.0, pe_ttm_signed=500.0))
    loss = earnings(one_day(close=10.0, pe_ttm=np.nan, pe_ttm_signed=-20.0))
    assert loss[0, 0] == -0.05 < dear[0, 0] == 0.002


def test_a_column_the_panel_lacks_has_no_values():
    assert np.isnan(VALUATION["pb"](one_day(close=10.0))).all()


def test_the_inputs_are_101_in_a_fixed_order():
    assert len(ALL) == 101 == len(set(ALL))
    assert ALL[78:] == (
        "open", "high", "low", "close", "change", "pct_chg", "vol", "amount",
        "turnover_rate", "turnover_rate_f", "volume_ratio", "pe", "pe_ttm", "pb", "ps", "ps_ttm",
        "dv_ratio", "dv_ttm", "total_share", "float_share", "free_share", "total_mv", "circ_mv",
    )  # fmt: skip


def inputs_of(panel):
    """Return name -> (stocks, days)."""
    return dict(zip(ALL, raw_features(panel, slice(0, 6)), strict=True))


LAST = 289


def test_nothing_after_a_day_moves_any_input_up_to_it():
    fields = SUPPORT["random_fields"]()
    other = SUPPORT["random_fields"](seed=1)
    other["adj_factor"] = other["adj_factor"] * 7
    other["close"][LAST + 1 : LAST + 5, 0] = np.nan  # and other days without a bar
    altered = {name: np.vstack([fields[name][: LAST + 1], other[name][LAST + 1 :]]) for name in fields}
    before = inputs_of(SUPPORT["random_market"](fields))
    after = inputs_of(SUPPORT["random_market"](altered))
    past, future = np.s_[:, : LAST + 1], np.s_[:, LAST + 1 :]
    equal = {name: np.array_equal(before[name][past], after[name][past], equal_nan=True) for name in ALL}
    same = {name: np.array_equal(before[name][future], after[name][future], equal_nan=True) for name in ALL}
    assert [name for name in ALL if not equal[name]] == []
    assert [name for name in ALL if same[name]] == []


def test_a_panel_that_ends_earlier_has_the_same_inputs():
    fields = SUPPORT["random_fields"]()
    whole = inputs_of(SUPPORT["random_market"](fields))
    cut = inputs_of(SUPPORT["random_market"]({name: a[: LAST + 1] for name, a in fields.items()}))
    for name in ALL:
        np.testing.assert_array_equal(whole[name][:, : LAST + 1], cut[name], err_msg=name)


def test_only_ratios_of_the_adjustment_factor_matter():
    fields = SUPPORT["random_fields"]()
    scaled = {**fields, "adj_factor": fields["adj_factor"] * 16.0}
    before, after = inputs_of(SUPPORT["random_market"](fields)), inputs_of(SUPPORT["random_market"](scaled))
    for name in ALL:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
