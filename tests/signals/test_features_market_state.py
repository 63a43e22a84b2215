"""The market's state: its 183 names, indices against pandas, the styles of the best stocks by hand."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.panel import MarketPanel
from signals.features.market_state import INDEX_STATE, MARKET_STATE, STYLE_STATE, market_state
from signals.features.styles import STYLES, Styles, styles

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan


def test_the_names_are_63_of_indices_and_120_of_styles():
    assert (len(INDEX_STATE), len(STYLE_STATE), len(set(MARKET_STATE))) == (63, 120, 183)
    assert INDEX_STATE[:5] == (
        "csi300_return", "csi300_return_mean_5", "csi300_return_std_5", "csi300_amount_mean_5", "csi300_amount_std_5",
    )  # fmt: skip
    assert STYLE_STATE[0] == "size_top1_5" and STYLE_STATE[-1] == "leverage_top10_60"


@pytest.fixture(scope="module")
def rich():
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    return panel, eligible, styles(panel, eligible)


def column(state, name):
    return state.values[:, state.names.index(name)]


def test_the_state_of_an_index_is_that_of_pandas(rich):
    state = market_state(*rich)
    assert state.names == MARKET_STATE and state.absent == {}
    assert state.values.shape == (330, 183) and state.values.dtype == np.float32
    for name, code in {"csi300": "000300.SH", "csi500": "000905.SH", "csi1000": "000852.SH"}.items():
        check_index(state, name, rich[0].indices[code], rich[0].index_amounts[code])


def check_index(state, name, close, amount):
    returns, amounts = pd.Series(close).pct_change(fill_method=None), pd.Series(amount)
    np.testing.assert_allclose(column(state, f"{name}_return"), returns, rtol=1e-5, atol=1e-7)
    for window in (5, 10, 20, 30, 60):
        for part, expected in {
            "return_mean": returns.rolling(window).mean(),
            "return_std": returns.rolling(window).std(),
            "amount_mean": amounts.rolling(window).mean() / amounts,
            "amount_std": amounts.rolling(window).std() / amounts,
        }.items():
            np.testing.assert_allclose(column(state, f"{name}_{part}_{window}"), expected, rtol=1e-5, atol=1e-7)


def test_the_state_of_real_indices_is_that_of_pandas(real_market):
    frame = pd.read_parquet(real_market / "index_daily.parquet")
    frame = frame[(frame["trade_date"] >= "20210104") & (frame["trade_date"] <= "20221230")]
    wide = frame.pivot(index="trade_date", columns="ts_code", values=["close", "amount"])
    dates = pd.to_datetime(wide.index).to_numpy().astype("datetime64[D]")
    codes = ("000300.SH", "000905.SH", "000852.SH")
    series = [{code: wide[name][code].to_numpy() for code in codes} for name in ("close", "amount")]
    panel = MarketPanel.from_arrays(
        dates, ["a"], {"close": np.ones((len(dates), 1))}, indices=series[0], index_amounts=series[1]
    )
    nothing = Styles(np.zeros((len(dates), 1, 0), np.float32), (), dict.fromkeys(STYLES, "not asked for"))
    state = market_state(panel, panel.listed, nothing)
    assert state.names == INDEX_STATE
    for name, code in zip(("csi300", "csi500", "csi1000"), codes, strict=True):
        check_index(state, name, series[0][code], series[1][code])


def hand_made(close, exposures, eligible=None):
    """Return the state of stocks whose closes and one style are given, (T, N) each."""
    close = np.array(close, dtype=float)
    dates = np.datetime64("2024-01-01") + np.arange(len(close))
    panel = MarketPanel.from_arrays(dates, [f"{n:06d}.SZ" for n in range(close.shape[1])], {"close": close})
    eligible = np.ones(close.shape, bool) if eligible is None else eligible
    exposures = np.array(exposures, dtype="float32")[:, :, None]
    return market_state(panel, eligible, Styles(exposures, ("beta",), {}))


def test_the_style_of_those_that_rose_most_by_hand():
    # 30 stocks; over the last 5 sessions stock n rises by n %: the best 10 % are 29, 28 and 27
    close = np.full((7, 30), 10.0)
    close[6] = 10 * (1 + np.arange(30) / 100)
    style = np.tile(np.arange(30.0), (7, 1))
    state = hand_made(close, style)
    assert column(state, "beta_top10_5")[6] == 28.0
    assert column(state, "beta_top5_5")[6] == 28.5  # 1.5 stocks, so two
    assert column(state, "beta_top1_5")[6] == 29.0
    assert np.isnan(column(state, "beta_top10_5")[:5]).all()
    assert np.isnan(column(state, "beta_top1_10")).all()


def test_who_is_not_eligible_does_not_count_and_of_equals_the_lower_codes_do():
    close = np.full((6, 30), 10.0)
    close[5, 20:] = 11.0
    style = np.tile(np.arange(30.0), (6, 1))
    style[:, 21] = NAN
    eligible = np.ones(close.shape, bool)
    eligible[:, 22] = False
    state = hand_made(close, style, eligible)
    assert column(state, "beta_top10_5")[5] == (20 + 23) / 2  # 20, 21 without a value, 23
    assert np.isnan(hand_made(close, style, ~np.ones(close.shape, bool)).values).all()


def test_a_suspended_price_is_carried_for_the_ranking():
    close = np.full((6, 10), 10.0)
    close[0, 3] = 5.0
    close[5, 4] = 12.0
    close[1, 4] = NAN
    close[4:6, 3] = NAN  # its last close, 10, is twice that of five sessions ago
    state = hand_made(close, np.tile(np.arange(10.0), (6, 1)))
    assert column(state, "beta_top1_5")[5] == 3.0


def test_what_the_market_cannot_tell_is_absent_by_name_with_the_reason():
    panel = SUPPORT["random_market"](indices={"000300.SH": np.arange(1.0, 331.0)})
    made = styles(panel, panel.listed)
    state = market_state(panel, panel.listed, made)
    assert "csi300_return_std_60" in state.names
    assert state.absent["csi300_amount_mean_5"] == "needs amounts of index 000300.SH, absent from the market data"
    assert state.absent["csi500_return"] == "needs index 000905.SH, absent from the market data"
    assert state.absent["growth_top5_20"] == "needs netprofit_yoy, absent from the market data"
    assert len(state.names) + len(state.absent) == 183
    assert len(state.names) == 11 + 8 * 12
    empty = Styles(np.zeros((330, 6, 0), np.float32), (), dict.fromkeys(STYLES, "absent"))
    bare = SUPPORT["random_market"]()
    assert market_state(bare, bare.listed, empty).values.shape == (330, 0)


def test_nothing_after_a_day_moves_the_state_up_to_it():
    states = [market_state(panel, eligible, styles(panel, eligible)).values
              for panel, eligible in SUPPORT["altered_after"](289)]  # fmt: skip
    np.testing.assert_array_equal(states[0][:290], states[1][:290])
    assert not any(np.array_equal(states[0][290:, k], states[1][290:, k]) for k in range(183))
