"""The feature panel: what it stores, what it leaves out, and that it is computed once."""

import runpy
import sys
import types
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from feeds.errors import ConfigError
from feeds.panel import MarketPanel
from signals.features import ALL, FeaturePanel, assembly
from signals.features.inputs import FEATURES

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan


def small_panel(turnover, **status):
    """Return a panel whose turnover_rate is given, (days, stocks), at a constant price."""
    days, stocks = np.shape(turnover)
    fields = {"close": np.ones((days, stocks)), "turnover_rate": np.array(turnover, dtype=float)}
    dates = np.datetime64("2024-01-01") + np.arange(days)
    return MarketPanel.from_arrays(dates, [f"60000{n}.SH" for n in range(stocks)], fields, **status)


def everyone(panel):
    return np.ones((len(panel.dates), len(panel.codes)), dtype=bool)


def test_five_days_of_four_stocks_by_hand(tmp_path):
    panel = small_panel(
        [
            [1, 2, 3, 10],
            [1, 2, 6, 100],
            [NAN, 2, 6, NAN],
            [5, 5, 5, 9],
            [NAN, 1, 2, 6],
        ],
        delist_index=np.array([5, 5, 5, 4]),
    )
    eligible = everyone(panel)
    eligible[1:, 3] = False
    built = FeaturePanel.build(panel, eligible, tmp_path, ["turnover_rate"])
    assert built.values.shape == (4, 5, 1)
    scores = built.values[:, :, 0].T
    assert scores[0] == pytest.approx([-0.991497, -0.548261, -0.105025, 1.644784], abs=1e-5)
    third = [-0.925820, -0.462910, 1.388730, 1.596021]  # by 1 2 6; 100 is clipped to 6.4478
    assert scores[1] == pytest.approx(third, abs=1e-5)
    assert scores[2] == pytest.approx(third, abs=1e-5)  # both gaps carried from the day before
    assert scores[3].tolist() == [0, 0, 0, 0]
    # 5 is carried: 5 1 2, median 2, deviations 3 1 0; mean 8 / 3, variance 26 / 9; the fourth is delisted
    assert scores[4] == pytest.approx([1.372813, -0.980581, -0.392232, 0], abs=1e-5)


def test_coverage_is_the_share_of_eligible_stocks_with_a_value_of_the_day(tmp_path):
    panel = small_panel([[1, 2, 3, NAN], [NAN, 2, NAN, NAN], [NAN, NAN, NAN, NAN], [1, 2, 3, 4]])
    eligible = everyone(panel)
    eligible[0, 3] = eligible[3] = False
    built = FeaturePanel.build(panel, eligible, tmp_path, ["turnover_rate"])
    np.testing.assert_array_equal(built.coverage[:, 0], np.float32([1.0, 0.25, 0.0, NAN]))


def test_an_infinite_value_is_a_missing_one(tmp_path):
    panel = small_panel([[1, 2, 6, np.inf]])
    built = FeaturePanel.build(panel, everyone(panel), tmp_path, ["turnover_rate"])
    assert built.values[:, 0, 0] == pytest.approx([-0.925820, -0.462910, 1.388730, 0], abs=1e-5)
    assert built.coverage[0, 0] == 0.75


def test_a_feature_that_fails_one_date_of_the_span_is_dropped_by_name(tmp_path):
    panel = small_panel([[1, 2, 3, 4], [1, NAN, NAN, 2], [1, NAN, NAN, NAN], [1, 2, 3, 4]])
    eligible = everyone(panel)
    built = FeaturePanel.build(panel, eligible, tmp_path, ["turnover_rate", "close", "pb"])
    reason = "covers 25.0% of the eligible stocks on 2024-01-03, minimum 50%"
    absent = "covers 0.0% of the eligible stocks on 2024-01-01, minimum 50%"
    assert built.dropped(slice(0, 4)) == {"turnover_rate": reason, "pb": absent}
    assert built.dropped(slice(0, 2)) == {"pb": absent}
    assert built.dropped(np.array([0, 2]), minimum=0.25) == {"pb": absent.replace("50%", "25%")}
    columns, names = built.keep(slice(0, 4))
    assert (columns.tolist(), names) == ([1], ("close",))
    assert built.keep(slice(3, 4))[0].tolist() == [0, 1]


def test_dates_on_which_nobody_is_eligible_do_not_drop_a_feature(tmp_path):
    panel = small_panel([[NAN, NAN], [1, 2]])
    eligible = np.array([[False, False], [True, True]])
    built = FeaturePanel.build(panel, eligible, tmp_path, ["turnover_rate"])
    assert built.dropped(slice(0, 2)) == {}
    assert built.dropped(slice(0, 1)) == {"turnover_rate": "nobody is eligible on any date of the span"}


def build(folder, panel=None, eligible=None, **options):
    """Build all features of the random market."""
    panel = SUPPORT["random_market"]() if panel is None else panel
    eligible = panel.listed & ~panel.suspended if eligible is None else eligible
    return FeaturePanel.build(panel, eligible, folder, **options)


def test_the_second_build_computes_nothing(tmp_path, monkeypatch):
    steps = []
    first = build(tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(n, len(steps)) for n in range(1, len(steps) + 1)]
    monkeypatch.setattr("signals.features.panel.write_features", None)
    second = build(tmp_path)
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.coverage, second.coverage)
    assert second.names == ALL


def test_another_universe_panel_selection_or_formula_is_another_folder(tmp_path, monkeypatch):
    panel = SUPPORT["random_market"]()
    fields = SUPPORT["random_fields"]()
    fields["pb"] = fields["pb"] * 2
    names = ["ma_5", "close"]
    folders = set()

    def folder_of(*arguments, **options):
        folders.add(Path(build(*arguments, **options).values.filename).parent.name)

    folder_of(tmp_path, names=names)
    folder_of(tmp_path, names=names[::-1])
    folder_of(tmp_path, eligible=panel.listed & (np.arange(6) > 0), names=names)
    folder_of(tmp_path, panel=SUPPORT["random_market"](fields), names=names)
    folder_of(tmp_path, panel=SUPPORT["random_market"](fingerprint="a1"), names=names)
    folder_of(tmp_path, panel=SUPPORT["random_market"](fingerprint="a2"), names=names)
    delisted = SUPPORT["random_market"](delist_index=np.full(6, 329))
    folder_of(tmp_path, panel=delisted, eligible=panel.listed, names=names)
    folder_of(tmp_path, eligible=panel.listed, names=names)
    source = tmp_path / "source" / "panel.py"
    source.parent.mkdir()
    source.write_text("another formula")
    monkeypatch.setattr("signals.features.panel.__file__", str(source))
    folder_of(tmp_path, names=names)
    assert len(folders) == 9


def test_a_feature_of_ones_own_is_computed_again_when_its_file_changes(tmp_path, monkeypatch):
    panel = small_panel([[1.0, 2, 3]] * 4)
    rows = []
    for factor in (1, -1, 1):
        file = tmp_path / "own_feature.py"
        file.write_text(f"def mine(block):\n    return {factor} * block.field('turnover_rate')\n")
        module = types.ModuleType("own_feature")
        module.__file__ = str(file)
        exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)
        monkeypatch.setitem(sys.modules, "own_feature", module)
        monkeypatch.setitem(FEATURES, "mine", module.mine)
        rows.append(FeaturePanel.build(panel, everyone(panel), tmp_path / "features", ["mine"]).values[:, 0, 0])
    assert rows[0][0] < 0 < rows[1][0] and rows[0].tolist() == rows[2].tolist()
    assert len(list((tmp_path / "features").glob("features-*/values.npy"))) == 2


def test_the_features_of_data_that_changed_are_removed_and_those_of_other_universes_kept(tmp_path):
    panel = SUPPORT["random_market"](fingerprint="old")
    build(tmp_path, panel=panel, names=["ma_5"])
    build(tmp_path, panel=panel, eligible=panel.listed & (np.arange(6) > 0), names=["ma_5"])
    assert len(list(tmp_path.glob("features-*/features.json"))) == 2
    build(tmp_path, panel=SUPPORT["random_market"](fingerprint="new"), names=["ma_5"])
    assert len(list(tmp_path.glob("features-*/features.json"))) == 1


def test_a_failed_build_leaves_nothing_and_the_next_one_is_whole(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(assembly, "_standardise_all", fail)
        build(tmp_path, names=["ma_5"])
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    assert np.ptp(build(tmp_path, names=["ma_5"]).values) > 0


def test_what_a_killed_build_left_is_removed(tmp_path):
    done = build(tmp_path, names=["ma_5"])
    folder = next(path for path in tmp_path.iterdir() if path.is_dir())
    folder.rename(tmp_path / f".{folder.name}-killed")
    again = build(tmp_path, names=["ma_5"])
    np.testing.assert_array_equal(done.values, again.values)
    assert not list(tmp_path.glob(".features-*"))


def test_the_result_does_not_depend_on_how_the_work_is_cut(tmp_path, monkeypatch):
    whole = build(tmp_path / "whole")
    monkeypatch.setattr(assembly, "STOCKS_AT_ONCE", 4)
    monkeypatch.setattr(assembly, "DATES_AT_ONCE", 100)
    monkeypatch.setattr(assembly, "FEATURES_AT_ONCE", 7)
    pieces = build(tmp_path / "pieces")
    np.testing.assert_array_equal(whole.values, pieces.values)
    np.testing.assert_array_equal(whole.coverage, pieces.coverage)


def test_values_are_finite_standardised_and_one_block_per_stock(tmp_path):
    panel = SUPPORT["random_market"]()
    built = build(tmp_path, panel)
    assert built.values.dtype == np.float32 and built.values.shape == (6, 330, 101)
    assert built.values.flags.c_contiguous and not built.values.flags.writeable
    assert np.isfinite(built.values).all()
    assert (built.values[2, :40] == 0).all()  # not listed yet
    column = built.names.index("close")
    day = panel.listed[300] & ~panel.suspended[300]
    assert built.values[day, 300, column].mean() == pytest.approx(0, abs=1e-6)
    assert built.values[day, 300, column].std() == pytest.approx(1, abs=1e-6)


def test_a_stock_suspended_for_long_keeps_its_inputs_five_days_only(tmp_path):
    built = build(tmp_path)
    column = built.names.index("bias3")
    suspended = built.values[1, 80:110, column]  # rows 80 to 109
    assert (suspended[:5] != 0).all() and (suspended[5:] == 0).all()


def test_nothing_after_a_day_moves_the_panel_up_to_it(tmp_path):
    last = 289
    fields, other = SUPPORT["random_fields"](), SUPPORT["random_fields"](seed=1)
    other["adj_factor"] = other["adj_factor"] * 7
    altered = {name: np.vstack([fields[name][: last + 1], other[name][last + 1 :]]) for name in fields}
    panel, changed = SUPPORT["random_market"](fields), SUPPORT["random_market"](altered)
    eligible = panel.listed & ~panel.suspended
    others = eligible.copy()
    others[last + 1 :, 3:] = False
    before, after = build(tmp_path, panel, eligible), build(tmp_path, changed, others)
    np.testing.assert_array_equal(before.values[:, : last + 1], after.values[:, : last + 1])
    np.testing.assert_array_equal(before.coverage[: last + 1], after.coverage[: last + 1])
    moved = (before.values[:, last + 1 :] != after.values[:, last + 1 :]).any(axis=(0, 1))
    assert [name for name, any_moved in zip(ALL, moved, strict=True) if not any_moved] == []


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["ma_6"], "feature must be one of .* was ma_6"),
        (["ma_5", "ma_5"], "feature names must be distinct, at least one, was ma_5, ma_5"),
        ([], "feature names must be distinct, at least one, was none"),
    ],
)
def test_a_wrong_selection_is_refused(tmp_path, names, complaint):
    with pytest.raises(ConfigError, match=complaint):
        build(tmp_path, names=names)


def test_a_universe_that_does_not_fit_is_refused(tmp_path):
    panel = SUPPORT["random_market"]()
    with pytest.raises(ConfigError, match=r"eligible must be bool \(330, 6\), was bool \(6, 330\)"):
        build(tmp_path, panel, panel.listed.T)
    with pytest.raises(ConfigError, match="was float64"):
        build(tmp_path, panel, panel.listed.astype(float))


def test_real_valuations_are_dropped_before_they_begin_and_kept_after(tmp_path, real_market):
    folder = Path(real_market)
    codes = ["000001.SZ", "600000.SH", "600036.SH", "600519.SH", "000651.SZ"]
    chosen = [("ts_code", "in", codes), ("trade_date", ">=", "20190601"), ("trade_date", "<=", "20201231")]
    daily = pq.read_table(folder / "daily.parquet", filters=chosen).to_pandas()
    basic = pq.read_table(folder / "daily_basic.parquet", filters=chosen).to_pandas()
    columns = ["turnover_rate", "pe_ttm", "pe_ttm_signed", "pb", "ps_ttm", "float_share", "circ_mv"]
    rows = daily.merge(basic[["ts_code", "trade_date", *columns]], how="left", on=["ts_code", "trade_date"])
    wide = rows.pivot(index="trade_date", columns="ts_code")
    names = ["open", "high", "low", "close", "pre_close", "vol", "amount", *columns]
    dates = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in wide.index], dtype="datetime64[D]")
    panel = MarketPanel.from_arrays(
        dates, list(wide["close"].columns), {name: wide[name].to_numpy() for name in names}
    )
    built = FeaturePanel.build(panel, panel.listed, tmp_path)
    start = int(np.searchsorted(dates, np.datetime64("2020-01-02")))
    covered = {"turnover_rate", "pe_ttm", "pb", "ps_ttm", "float_share", "circ_mv"}
    absent = {"turnover_rate_f", "volume_ratio", "pe", "ps", "dv_ratio", "dv_ttm"}
    absent |= {"total_share", "free_share", "total_mv"}
    assert covered | absent <= set(built.dropped(slice(start - 10, start + 10)))
    assert set(built.dropped(slice(start + 120, start + 200))) == absent
