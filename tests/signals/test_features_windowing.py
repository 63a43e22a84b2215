"""Raw windows made comparable: in time, across stocks, and by the training span; by hand and against SciPy."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from feeds.errors import SignalError
from signals.features import SETS
from signals.features.windowing import (
    RobustScale,
    Scaling,
    scale_windows,
    scores_across,
    scores_in_time,
    usable,
    window_scores,
)
from signals.windows import Windows

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan
PLAIN = Scaling((), (), 0)


def windows(*samples):
    """Return (samples, lookback, features) from one list of feature rows per sample."""
    return np.array(samples, dtype="float32")


def random_windows(samples=40, lookback=30, features=4, seed=0):
    random = np.random.default_rng(seed)
    values = 30 * np.exp(np.cumsum(random.normal(0, 0.02, (samples, lookback, features)), axis=1))
    values[random.random(values.shape) < 0.03] = NAN
    return values.astype("float32")


# -- relative ------------------------------------------------------------------------------------------------------


def test_prices_are_over_the_last_close_known_and_volumes_over_their_mean():
    raw = windows([[8.0, 10.0, 100.0, 0.5], [NAN, NAN, NAN, NAN], [12.0, 20.0, 300.0, 0.7], [NAN, NAN, NAN, 0.9]])
    scaled = scale_windows(raw, Scaling((0, 1), (2,), 1))
    np.testing.assert_allclose(
        scaled[0], [[0.4, 0.5, 0.5, 0.5], [NAN] * 4, [0.6, 1.0, 1.5, 0.7], [NAN, NAN, NAN, 0.9]], rtol=1e-6
    )
    assert raw[0, 0, 0] == 8.0  # the stored values are not touched


def test_volumes_may_be_over_the_last_one_and_a_zero_leaves_no_value():
    raw = windows([[1.0, 100.0], [1.0, 300.0], [1.0, NAN]], [[1.0, 5.0], [1.0, 0.0], [1.0, 0.0]])
    scaled = scale_windows(raw, Scaling((0,), (1,), 0, "last"))
    np.testing.assert_allclose(scaled[:, :, 1], [[1 / 3, 1.0, NAN], [NAN] * 3], rtol=1e-6)


def test_windows_of_six_bars_over_the_last_are_alpha360(tmp_path):
    panel = SUPPORT["rich_market"]()
    allowed = panel.listed & ~panel.suspended
    chosen = SETS["ohlcv6_styles"]
    raw = chosen.build(panel, allowed, tmp_path).values
    flat = SETS["alpha360"].build(panel, allowed, tmp_path).values
    stocks, day = np.array([0, 4, 5, 6]), 330 - 1  # none of them was suspended
    gathered = Windows(raw, 60).gather(stocks, np.full(4, day))
    scaled = scale_windows(gathered, chosen.scaling(chosen.names))
    for column, name in enumerate(("OPEN", "HIGH", "LOW", "CLOSE", "VWAP", "VOLUME")):
        places = [SETS["alpha360"].names.index(f"{name}{lag}") for lag in range(59, -1, -1)]
        np.testing.assert_allclose(scaled[:, :, column], flat[stocks, day][:, places], rtol=1e-5)


def test_without_a_close_prices_cannot_be_made_relative():
    with pytest.raises(SignalError, match="windows with prices must hold adjusted_close to divide them by"):
        scale_windows(random_windows(), Scaling((0,), (), None))
    with pytest.raises(SignalError, match="windows must hold adjusted_close to tell their valid days"):
        usable(random_windows(), Scaling((), (), None))


def test_a_window_needs_a_close_on_four_fifths_of_its_days():
    raw = np.ones((3, 10, 2), dtype="float32")
    raw[0, :2, 0] = raw[1, :3, 0] = raw[2, :, 1] = NAN
    assert usable(raw, PLAIN).tolist() == [True, False, True]
    assert usable(raw, PLAIN, 0.9).tolist() == [False, False, True]


# -- in time and across --------------------------------------------------------------------------------------------


def test_scores_in_time_are_those_of_the_definition():
    raw = random_windows()
    raw[3, 10, 1] = 1e4  # clipped
    found = scores_in_time(raw)
    for sample in range(len(raw)):
        for feature in range(raw.shape[2]):
            line = raw[sample, :, feature].astype(float)
            known = np.isfinite(line)
            middle = np.median(line[known])
            reach = 3 * stats.median_abs_deviation(line[known], scale=1 / 1.4826)
            expected = stats.zscore(np.clip(line, middle - reach, middle + reach), nan_policy="omit")
            np.testing.assert_allclose(found[sample, :, feature], expected, atol=2e-5)


def test_a_window_of_equal_days_scores_zero_and_one_odd_day_is_still_a_score():
    flat = windows([[21.37]] * 10)
    assert (scores_in_time(flat) == 0).all()
    odd = flat.copy()
    odd[0, 9] = 40.0  # no median deviation: the mean one, 1.863, reaches 3 x 1.2533 x 1.863 = 7.0
    found = scores_in_time(odd)[0, :, 0]
    np.testing.assert_allclose(found, [-1 / 3] * 9 + [3.0], rtol=1e-5)
    assert np.isnan(scores_in_time(np.full((1, 5, 1), NAN, "float32"))).all()


def test_a_window_times_a_constant_has_the_same_scores_in_time():
    raw = random_windows()
    np.testing.assert_array_equal(scores_in_time(raw), scores_in_time(raw * np.float32(1024)))


def test_scores_across_are_per_lag_and_feature_over_the_stocks_of_the_date():
    raw = random_windows()
    np.testing.assert_allclose(
        scores_across(raw), stats.zscore(raw.astype(float), axis=0, nan_policy="omit"), atol=1e-5
    )
    same = np.full((50, 3, 2), 0.1, dtype="float32")
    assert (scores_across(same) == 0).all()


def test_window_scores_are_the_three_steps_over_the_valid_windows_only():
    raw = random_windows()
    scaling = Scaling((0, 1), (2,), 0)
    raw[7, :10, 0] = NAN  # two thirds of its days
    ready, valid = window_scores(raw, scaling)
    assert np.flatnonzero(~valid).tolist() == [7]
    others = np.delete(raw, 7, axis=0)
    expected = np.nan_to_num(scores_across(scores_in_time(scale_windows(others, scaling))))
    np.testing.assert_array_equal(ready[valid], expected)
    assert (ready[7] == 0).all() and np.isfinite(ready).all() and ready.dtype == np.float32


def test_no_window_at_all_is_no_score():
    ready, valid = window_scores(np.full((2, 5, 1), NAN, "float32"), PLAIN)
    assert not valid.any() and (ready == 0).all()


# -- by the training span ------------------------------------------------------------------------------------------


def test_a_robust_scale_is_the_median_and_the_scaled_median_deviation():
    values = random_windows(features=20)
    fitted = RobustScale.fit(values)
    for feature in range(20):
        line = values[:, :, feature][np.isfinite(values[:, :, feature])].astype(float)
        assert fitted.median[feature] == pytest.approx(np.median(line), rel=1e-6)
        expected = stats.median_abs_deviation(line, scale=1 / 1.4826)
        assert fitted.deviation[feature] == pytest.approx(expected, rel=1e-5)


def test_robust_scores_are_clipped_at_three_and_zero_where_missing():
    fitted = RobustScale(np.array([1.0, 0.0], "float32"), np.array([2.0, np.inf], "float32"))
    found = fitted.apply(windows([[2.0, 5.0], [100.0, NAN], [NAN, 1.0], [-100.0, 0.0]]))
    assert found.tolist() == [[[0.5, 0.0], [3.0, 0.0], [0.0, 0.0], [-3.0, 0.0]]]


def test_a_feature_that_never_moves_or_is_never_known_scores_zero():
    values = np.array([[1.0, NAN, 0.0], [1.0, NAN, 0.0], [1.0, NAN, 0.0], [1.0, NAN, 4.0]], "float32")
    fitted = RobustScale.fit(values)
    assert fitted.deviation[:2].tolist() == [np.inf, np.inf]
    assert fitted.deviation[2] == pytest.approx(1.2533)  # more than half equal: the mean deviation, 1
    assert fitted.apply(np.array([9.0, 9.0, 1.2533], "float32")).tolist() == [0.0, 0.0, 1.0]


def test_only_eligible_cells_of_the_training_span_are_fitted():
    random = np.random.default_rng(2)
    values = random.normal(size=(5, 40, 3)).astype("float32")
    eligible = random.random((40, 5)) < 0.7
    span = slice(10, 25)
    fitted = RobustScale.fit_panel(values, span, eligible)
    cells = np.concatenate([values[eligible[day], day] for day in range(10, 25)])
    expected = RobustScale.fit(cells)
    np.testing.assert_array_equal(fitted.median, expected.median)
    np.testing.assert_array_equal(fitted.deviation, expected.deviation)
    changed = values.copy()
    changed[:, 25:] = 1e6
    changed[:, :10] = -1e6
    other = ~eligible.T
    changed[other] = 1e9
    again = RobustScale.fit_panel(changed, np.arange(10, 25), eligible)
    np.testing.assert_array_equal(again.median, fitted.median)
    np.testing.assert_array_equal(again.deviation, fitted.deviation)


def test_later_days_do_not_move_a_window(tmp_path):
    chosen = SETS["price_volume"]
    results = []
    for number, (panel, allowed) in enumerate(SUPPORT["altered_after"](289)):
        raw = chosen.build(panel, allowed, tmp_path / str(number)).values
        stocks = np.flatnonzero(allowed[289])
        gathered = Windows(raw, 40).gather(stocks, np.full(len(stocks), 289))
        results.append(window_scores(gathered, chosen.scaling(chosen.names)))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
