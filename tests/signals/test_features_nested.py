"""Kernels over nested windows, against pandas and SciPy and by hand."""

import numpy as np
import pandas as pd
import pytest

from signals.features.moving import Ladder, central_moment, mean, trailing_total
from signals.features.nested import (
    Moments,
    bar_numbers,
    position_of_highest,
    window_quantiles,
    window_ranks,
)

NAN = np.nan
WINDOWS = (5, 10, 20, 30, 60)


@pytest.fixture(scope="module")
def walk():
    """Two walks on a coarse grid, so that values repeat; the second trades at one price for 70 bars."""
    random = np.random.default_rng(3)
    values = 100 + np.round(np.cumsum(random.normal(size=(2, 200)), axis=1))
    values[1, 50:120] = 97.0
    return values


def rolling(values, window, function):
    return np.array([pd.Series(row).rolling(window).apply(function, raw=True) for row in values])


def test_the_rank_of_the_newest_is_that_of_pandas(walk):
    expected = [pd.DataFrame(walk.T).rolling(window).rank(pct=True).T for window in WINDOWS]
    np.testing.assert_allclose(window_ranks(walk, WINDOWS), expected, rtol=1e-12)


def test_ranks_by_hand_share_ties():
    ranks = window_ranks(np.array([[3.0, 1.0, 3.0, 2.0]]), (2, 3))
    np.testing.assert_array_equal(ranks[0], [[NAN, 0.5, 1.0, 0.5]])
    np.testing.assert_allclose(ranks[1], [[NAN, NAN, 2.5 / 3, 2 / 3]])


def test_the_highest_is_where_pandas_finds_it_and_of_equals_the_oldest_counts(walk):
    expected = [rolling(walk, window, lambda v: v.argmax() + 1) for window in WINDOWS]
    np.testing.assert_array_equal(position_of_highest(walk, WINDOWS), expected)
    np.testing.assert_array_equal(position_of_highest(np.array([[2.0, 5.0, 5.0, 1.0]]), (3,))[0], [[NAN, NAN, 2, 1]])


@pytest.mark.parametrize("window", WINDOWS)
def test_quantiles_are_those_of_pandas(walk, window):
    found = window_quantiles(walk, window, (0.2, 0.8))
    for row, share in enumerate((0.2, 0.8)):
        expected = pd.DataFrame(walk.T).rolling(window).quantile(share).T
        np.testing.assert_allclose(found[row], expected, rtol=1e-6)


def test_a_quantile_of_a_window_with_a_gap_or_of_a_short_history_is_unknown():
    holed = np.array([[1.0, 2.0, NAN, 4.0, 5.0, 6.0]])
    np.testing.assert_array_equal(window_quantiles(holed, 3, (0.5,))[0], [[NAN] * 5 + [5.0]])
    assert np.isnan(window_quantiles(holed, 7, (0.5,))).all()


@pytest.mark.parametrize("window", [1, 2, 3, 7, 30, 60])
def test_moments_are_those_of_pandas(walk, window):
    first, second = walk[:1], walk[1:]
    means, (squares, products, along) = Moments((first, second, bar_numbers(first)), ((0, 0), (0, 1), (1, 2))).of(
        window
    )
    a, b, bar = pd.Series(first[0]), pd.Series(second[0]), pd.Series(np.arange(200.0))
    np.testing.assert_allclose(means[0][0], a.rolling(window).mean(), rtol=1e-12)
    for found, expected in (
        (squares, a.rolling(window).var(ddof=0)),
        (products, a.rolling(window).cov(b, ddof=0)),
        (along, b.rolling(window).cov(bar, ddof=0)),
    ):
        np.testing.assert_allclose(found[0], expected * window, rtol=1e-7, atol=1e-7)


def test_a_window_at_one_price_has_exactly_no_spread():
    price = np.full((1, 80), 21.37)
    for window in WINDOWS:
        assert (Moments((price,), ((0, 0),)).of(window)[1][0][:, window - 1 :] == 0.0).all()


def test_a_gap_in_either_series_leaves_no_product():
    first, second = np.arange(6.0)[None], np.array([[0.0, NAN, 2.0, 3.0, 4.0, 5.0]])
    products = Moments((first, second), ((0, 1),)).of(2)[1][0]
    np.testing.assert_array_equal(np.isnan(products), [[True, True, True, False, False, False]])


def test_moments_do_not_depend_on_what_came_before_the_window(walk):
    other = walk.copy()
    other[:, :100] *= 1e6
    for window in (5, 60):
        whole, cut = (Moments((values,), ((0, 0),)).of(window)[1][0] for values in (walk, other))
        np.testing.assert_array_equal(whole[:, 159:], cut[:, 159:])


def test_a_fading_sum_weighs_each_bar_less_than_the_next():
    values = np.array([[1.0, 10.0, 100.0, 1000.0]])
    np.testing.assert_array_equal(Ladder(values, 0.5).total(3), [[NAN, NAN, 105.25, 1052.5]])
    np.testing.assert_array_equal(trailing_total(values, 3, 0.5), [[1.0, 10.5, 105.25, 1052.5]])
    np.testing.assert_array_equal(trailing_total(values, 3), [[1.0, 11.0, 111.0, 1110.0]])


def test_central_moments_by_hand():
    values = np.array([[1.0, 2.0, 6.0]])
    centre = mean(values, 3)
    assert central_moment(values, centre, 3, 2)[0, 2] == pytest.approx(14 / 3)
    assert central_moment(values, centre, 3, 3)[0, 2] == pytest.approx((-8 - 1 + 27) / 3)
