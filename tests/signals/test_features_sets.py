"""Feature sets: their names, what they lack and say so, how they are stored, and blindness to what comes after."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from feeds.building import build_panel
from feeds.errors import ConfigError, SignalError
from feeds.universe import eligible
from signals.features import ALL, SETS, FeaturePanel, FeatureSet, resolve
from signals.features.inputs import FEATURES, raw_features, whole_market
from signals.features.market_series import trailing_scores
from signals.features.preprocessing import standardise
from signals.features.sets import register
from signals.features.windowing import Scaling
from signals.registry import SignalSpec
from signals.workspace import open_workspace

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
SIZES = {
    "thoughts": 101, "price_volume": 18, "derived": 53, "screened": 11, "candidates": 101, "ohlcv6": 6,
    "ohlcv6_styles": 16, "alpha158": 158, "alpha360": 360, "daily_proxy": 17,
}  # fmt: skip
FLOW_INPUTS = ["net_small", "net_medium", "net_large", "net_extra_large"]


def inputs_of(panel, allowed, names):
    """Return name -> (stocks, days), raw."""
    whole = whole_market(panel, allowed, names)
    return dict(zip(names, raw_features(panel, slice(0, len(panel.codes)), names, whole), strict=True))


def test_the_sets_have_the_sizes_of_their_cards():
    assert {name: len(chosen.names) for name, chosen in SETS.items()} == SIZES
    assert len(SETS["daily_proxy"].names) + len(SETS["daily_proxy"].lacking) == 20


def test_all_is_the_set_thoughts_the_101_as_they_were():
    assert resolve("all") is resolve("thoughts") is SETS["thoughts"]
    assert SETS["thoughts"].names == ALL
    assert SETS["thoughts"].preprocessing == "cross_section"


def test_price_volume_is_the_list_of_its_card():
    assert SETS["price_volume"].names == (
        "adjusted_open", "adjusted_high", "adjusted_low", "adjusted_close", "adjusted_vwap", "pct_chg", "gap",
        "amplitude", "adjusted_vol", "traded_amount", "turnover_rate", "turnover_rate_f", "volume_ratio",
        "close_to_vwap", "net_small", "net_medium", "net_large", "net_extra_large",
    )  # fmt: skip


def test_only_the_daily_proxies_are_proxies():
    assert [name for name, chosen in SETS.items() if chosen.proxy] == ["daily_proxy"]
    assert set(SETS["daily_proxy"].lacking) == {"tail_share", "morning_volume_share", "afternoon_volume_share"}


def test_names_with_commas_are_a_set_scored_across_stocks():
    mine = resolve("ma_5,KMID,style_size")
    assert (mine.names, mine.preprocessing) == (("ma_5", "KMID", "style_size"), "cross_section")
    assert resolve("ma_5").names == ("ma_5",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("price_volum", r"feature set or feature must be one of .*was price_volum \(did you mean price_volume\?\)"),
        ("ma_5,ma_6", "feature must be one of ma_60, .* was ma_6"),
        ("ma_5,ma_5", "feature names must be distinct, at least one, was ma_5, ma_5"),
    ],
)
def test_an_unknown_set_or_input_is_refused_with_the_nearest(text, complaint):
    with pytest.raises(ConfigError, match=complaint) as refusal:
        resolve(text)
    assert len(str(refusal.value)) < 400  # not the names of all the library


def test_a_set_of_ones_own_is_registered_once(monkeypatch):
    monkeypatch.setattr("signals.features.sets.SETS", {})
    mine = register(FeatureSet("mine", "two inputs", ("ma_5", "pb"), "robust"))
    assert resolve("mine") is mine
    with pytest.raises(ConfigError, match=r"feature set name must be new, was mine \(two inputs\)"):
        register(mine)


# -- what is absent ------------------------------------------------------------------------------------------------


def test_without_flows_price_volume_has_14_inputs_and_says_which_it_lacks(tmp_path):
    panel = SUPPORT["random_market"]()
    chosen = SETS["price_volume"]
    assert chosen.absent(panel) == {
        "net_small": "needs buy_sm_amount, sell_sm_amount, absent from the market data",
        "net_medium": "needs buy_md_amount, sell_md_amount, absent from the market data",
        "net_large": "needs buy_lg_amount, sell_lg_amount, absent from the market data",
        "net_extra_large": "needs buy_elg_amount, sell_elg_amount, absent from the market data",
    }
    built = chosen.build(panel, panel.listed & ~panel.suspended, tmp_path)
    kept, names = built.keep(slice(100, 150))
    assert list(built.dropped(slice(100, 150))) == FLOW_INPUTS
    assert names == chosen.names[:14] and len(kept) == 14
    assert np.isnan(built.values[:, :, 14:]).all()  # absent, never a zero


def test_a_rich_market_lacks_nothing_but_minutes_and_auctions():
    panel = SUPPORT["rich_market"]()
    assert {name: set(chosen.absent(panel)) for name, chosen in SETS.items() if chosen.absent(panel)} == {
        "daily_proxy": {"tail_share", "morning_volume_share", "afternoon_volume_share"}
    }


def test_every_input_that_is_declared_absent_has_no_value_and_no_other_input_has_none():
    panel = SUPPORT["random_market"]()
    fields = {name: panel.field(name) for name in ("open", "high", "low", "close", "pre_close", "vol", "amount")}
    bare = SUPPORT["random_market"]({**fields, "adj_factor": panel.field("adj_factor")})
    for chosen in SETS.values():
        made = inputs_of(bare, bare.listed, chosen.names)
        empty = {name for name in chosen.names if not np.isfinite(made[name]).any()}
        assert empty == set(chosen.absent(bare)) - set(chosen.lacking), chosen.name


def test_on_the_real_market_each_set_lacks_what_its_tables_lack(real_store):
    panel = build_panel(real_store)
    assert {name: list(chosen.absent(panel)) for name, chosen in SETS.items() if chosen.absent(panel)} == {
        "thoughts": ["turnover_rate_f", "volume_ratio", "pe", "ps", "dv_ratio", "dv_ttm", "total_share",
                     "free_share", "total_mv"],
        "price_volume": ["turnover_rate_f", "volume_ratio", *FLOW_INPUTS],
        "screened": ["ar_turn", "tangibleasset_to_netdebt"],
        "candidates": ["turnover_rate_f", "volume_ratio", "pe", "ps", "dv_ratio", "dv_ttm", "total_share",
                       "free_share", "total_mv", "ar_turn", "tangibleasset_to_netdebt", "roe"],
        "ohlcv6_styles": ["style_growth", "style_leverage"],
        "daily_proxy": ["buy_intention", "buy_intention_intensity", "large_net_share", "large_net_intensity",
                        "large_order_push", "large_order_share", "tail_share", "morning_volume_share",
                        "afternoon_volume_share"],
    }  # fmt: skip


# -- how they are stored -------------------------------------------------------------------------------------------


def test_sets_for_windows_are_stored_raw_with_their_gaps(tmp_path):
    panel = SUPPORT["rich_market"]()
    allowed = panel.listed & ~panel.suspended
    built = SETS["ohlcv6"].build(panel, allowed, tmp_path)
    close = (panel.field("close") * panel.field("adj_factor")).T.astype("float32")
    np.testing.assert_array_equal(built.values[:, :, 3], close)
    assert np.isnan(built.values[1, 80:110]).all()  # a suspension is not carried over
    scored = FeaturePanel.build(panel, allowed, tmp_path, SETS["ohlcv6"].names)
    assert not np.array_equal(scored.values, built.values)  # and neither is taken for the other


def test_a_raw_set_tells_its_progress_to_the_end(tmp_path):
    panel, steps = SUPPORT["rich_market"](), []
    SETS["ohlcv6"].build(panel, panel.listed, tmp_path, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]


def test_scored_sets_score_across_stocks_but_not_what_all_stocks_share(tmp_path):
    panel = SUPPORT["rich_market"]()
    allowed = panel.listed & ~panel.suspended
    chosen = SETS["derived"]
    built = chosen.build(panel, allowed, tmp_path)
    raw = inputs_of(panel, allowed, chosen.names)
    day, column = 300, chosen.names.index("rank_change_vr")
    section = np.stack([raw["rank_change_vr"][:, day].astype("float32")])
    expected = standardise(section, allowed[day], panel.listed[day])[0]
    np.testing.assert_allclose(built.values[:, day, column], expected, atol=1e-6)
    index = panel.index_close("000300.SH")
    scores = trailing_scores(np.append(np.nan, index[1:] / index[:-1] - 1))
    shared = built.values[:, :, chosen.names.index("index_return")]
    np.testing.assert_allclose(shared[0], np.nan_to_num(scores), atol=1e-6)
    np.testing.assert_array_equal(shared[0, 40:], shared[2, 40:])
    assert (shared[2, :40] == 0).all() and (shared[0, :60] == 0).all() and shared[0, 60] != 0


def test_a_kept_selection_knows_its_prices_and_volumes():
    chosen = SETS["price_volume"]
    assert chosen.scaling(chosen.names) == Scaling((0, 1, 2, 3, 4), (8, 9), 3, "mean")
    assert chosen.scaling(("gap", "adjusted_close", "adjusted_vol")) == Scaling((1,), (2,), 1, "mean")
    assert SETS["ohlcv6_styles"].scaling(SETS["ohlcv6_styles"].names).volume_base == "last"
    assert SETS["alpha158"].scaling(SETS["alpha158"].names) == Scaling((), (), None, "mean")


# -- blindness to what comes after ---------------------------------------------------------------------------------

LAST = 289


@pytest.fixture(scope="module")
def both():
    (before, allowed), (after, changed) = SUPPORT["altered_after"](LAST)
    return inputs_of(before, allowed, tuple(FEATURES)), inputs_of(after, changed, tuple(FEATURES))


@pytest.mark.parametrize("name", SETS)
def test_nothing_after_a_day_moves_any_input_of_a_set_up_to_it(both, name):
    before, after = both
    past, future = np.s_[:, : LAST + 1], np.s_[:, LAST + 1 :]
    names = SETS[name].names
    moved = [n for n in names if not np.array_equal(before[n][past], after[n][past], equal_nan=True)]
    same = [n for n in names if np.array_equal(before[n][future], after[n][future], equal_nan=True)]
    assert moved == []
    assert [n for n in same if n not in ("CLOSE0", "VOLUME0")] == []  # 1 by definition


def test_a_panel_that_ends_earlier_has_the_same_inputs(both):
    fields = {name: values[: LAST + 1] for name, values in SUPPORT["rich_fields"]().items()}
    series = tuple({code: values[: LAST + 1] for code, values in part.items()} for part in SUPPORT["index_series"]())
    cut = SUPPORT["rich_market"](fields, series)
    made = inputs_of(cut, cut.listed & ~cut.suspended, tuple(FEATURES))
    for name in FEATURES:
        np.testing.assert_array_equal(both[0][name][:, : LAST + 1], made[name], err_msg=name)


def test_only_ratios_of_the_adjustment_factor_matter_but_for_adjusted_prices(both):
    fields = SUPPORT["rich_fields"]()
    fields["adj_factor"] = fields["adj_factor"] * 16.0
    panel = SUPPORT["rich_market"](fields)
    made = inputs_of(panel, panel.listed & ~panel.suspended, tuple(FEATURES))
    for name, values in made.items():
        expected = both[0][name] * (16.0 if name in SETS["ohlcv6"].prices else 1.0)
        # the definitions' 1e-12 is not in the price's unit: it shows in a last digit
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9, err_msg=name)


# -- signals that ask for them -------------------------------------------------------------------------------------


def test_a_signal_can_name_a_set(write_market, tmp_path):
    spec = SignalSpec("mine", "Mine", model="mine", features="derived")
    work = open_workspace(write_market(tmp_path), spec, "all")
    assert work.features.names == SETS["derived"].names


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"features": "price_volume"}, "features of mine must be scored across stocks to be trained, was price_volume"),
        ({"horizon": "5d"}, "horizon of mine must be monthly to be trained, was 5d"),
    ],
)
def test_what_the_walk_forward_cannot_read_is_refused(write_market, tmp_path, settings, complaint):
    folder = write_market(tmp_path)
    with pytest.raises(SignalError, match=complaint):
        open_workspace(folder, SignalSpec("mine", "Mine", model="mine", **settings), "all")


def test_the_eligible_of_a_real_build_are_those_of_the_universe(real_store, tmp_path):
    panel = build_panel(real_store)
    allowed = eligible(panel, "000300.SH")
    built = SETS["screened"].build(panel, allowed, tmp_path)
    row = panel.date_index("2021-06-30")
    kept, names = built.keep(slice(row - 20, row + 1))
    assert names == SETS["screened"].names[:9]
    section = built.values[allowed[row], row][:, kept].astype(float)
    np.testing.assert_allclose(section.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(section.std(axis=0), 1, atol=1e-5)
