"""Changes of indicators and of their ranks, and what all stocks of a day share: by hand and against pandas."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.panel import MarketPanel
from signals.features import StockBlock, model_input
from signals.features.derived import BASES, CHANGES, RANK_CHANGES, rank_changes
from signals.features.inputs import FEATURES, WHOLE, whole_market
from signals.features.market_series import breadth, index_returns, market_series, trailing_scores
from signals.features.preprocessing import percentiles

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan


def test_percentiles_by_hand():
    values = np.array([[1.0, 2.0, 2.0, NAN, 5.0, 3.0], [NAN] * 6])
    eligible = np.array([True, True, True, True, False, False])
    expected = [1 / 6, 4 / 6, 4 / 6, NAN, 1.0, 1.0]  # of 1 2 2: below and half of the equal
    np.testing.assert_allclose(percentiles(values, eligible), [expected, [NAN] * 6])
    assert np.isnan(percentiles(values, np.zeros(6, bool))).all()


def test_seventeen_indicators_three_ways_and_two_series_are_53():
    assert len(BASES) == len(CHANGES) == len(RANK_CHANGES) == 17
    assert set(RANK_CHANGES) <= set(WHOLE) <= set(FEATURES)


def test_changes_are_over_twenty_bars_of_the_stock():
    panel = SUPPORT["random_market"]()
    block = StockBlock(panel, slice(0, 6))
    with np.errstate(all="ignore"):
        for name in BASES:
            found = CHANGES[f"change_{name}"](block)
            for stock, values in enumerate(model_input(name, block)):
                on_bars = pd.Series(values)[block.bars.has_bar[stock]]
                np.testing.assert_allclose(
                    found[stock], on_bars.diff(20).reindex(range(len(values))), rtol=1e-9, atol=1e-9, err_msg=name
                )


def test_rank_changes_are_those_of_pandas():
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    names = ("rank_change_rsi_6", "rank_change_atr")
    found = rank_changes(panel, eligible, names)
    block = StockBlock(panel, slice(0, len(panel.codes)))
    for name in names:
        values = pd.DataFrame(model_input(name.removeprefix("rank_change_"), block).T.astype("float32"))
        ranks = values.where(eligible).rank(axis=1)
        count = values.where(eligible).notna().sum(axis=1)
        percentile = ranks.sub(0.5).div(count, axis=0)  # below and half of itself
        for stock in range(len(panel.codes)):
            on_bars = percentile[stock][block.bars.has_bar[stock]]
            expected = on_bars.diff(20).reindex(range(len(values)))
            np.testing.assert_allclose(found[name][stock], expected, atol=1e-6, err_msg=f"{name} {stock}")


def test_the_ranks_of_a_block_do_not_depend_on_how_the_work_is_cut(monkeypatch):
    panel = SUPPORT["rich_market"]()
    whole = rank_changes(panel, panel.listed, RANK_CHANGES)
    monkeypatch.setattr("signals.features.derived.DATES_AT_ONCE", 7)
    cut = rank_changes(panel, panel.listed, RANK_CHANGES)
    for name in RANK_CHANGES:
        np.testing.assert_array_equal(whole[name], cut[name])


def small_panel(**fields):
    shape = np.shape(fields["close"])
    dates = np.datetime64("2024-01-01") + np.arange(shape[0])
    codes = [f"{600000 + n}.SH" for n in range(shape[1])]
    indices = {"000300.SH": np.array([100.0, 110.0, NAN, 99.0])[: shape[0]]}
    return MarketPanel.from_arrays(dates, codes, {k: np.array(v, float) for k, v in fields.items()}, indices=indices)


def test_index_returns_and_breadth_by_hand():
    panel = small_panel(
        close=[[10, 10, 10], [11, 9, 12], [11, 9, NAN], [12, 8, 13]],
        pre_close=[[10, 10, 10], [10, 10, 10], [11, 9, 12], [11, 9, 12]],
    )
    eligible = np.ones((4, 3), bool)
    eligible[3, 2] = False
    np.testing.assert_allclose(index_returns(panel), [NAN, 0.1, NAN, NAN])
    np.testing.assert_allclose(breadth(panel, eligible), [0, 2 / 3, 0, 1 / 2])
    assert np.isnan(breadth(panel, np.zeros((4, 3), bool))).all()


def test_trailing_scores_are_those_of_pandas():
    series = np.random.default_rng(1).normal(size=600)
    series[[5, 300, 301]] = NAN
    series[400] = 50.0
    rolling = pd.Series(series).rolling(250, min_periods=60)
    expected = ((series - rolling.mean()) / rolling.std(ddof=0)).clip(-3, 3)
    np.testing.assert_allclose(trailing_scores(series), expected, rtol=1e-9, atol=1e-12)
    assert trailing_scores(series)[400] == 3.0


def test_market_series_are_the_same_for_every_stock():
    panel = SUPPORT["rich_market"]()
    found = market_series(panel, panel.listed, ("index_return", "breadth"))
    for values in found.values():
        assert values.shape == (12, 330)
        assert np.isfinite(values[:, -1]).all()
        np.testing.assert_array_equal(values, np.broadcast_to(values[:1], values.shape))


def test_an_index_the_market_lacks_has_no_return():
    panel = SUPPORT["random_market"]()
    assert np.isnan(market_series(panel, panel.listed, ("index_return",))["index_return"]).all()


def test_only_what_is_asked_for_is_made_from_the_whole_market():
    panel = SUPPORT["rich_market"]()
    assert whole_market(panel, panel.listed, ("ma_5", "close")) == {}
    assert list(whole_market(panel, panel.listed, ("breadth", "ma_5"))) == ["breadth"]


def test_a_block_without_what_the_whole_market_makes_says_so():
    block = StockBlock(SUPPORT["rich_market"](), slice(0, 2))
    with pytest.raises(ValueError, match="breadth must be made from the whole market beforehand, was absent"):
        FEATURES["breadth"](block)
