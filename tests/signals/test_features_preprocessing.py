"""Carrying forward, winsorising and standardising, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.features.preprocessing import carry_forward, standardise

NAN = np.nan
EVERYONE = np.ones(4, dtype=bool)


def scores(values, eligible=EVERYONE, listed=EVERYONE):
    """Return one feature's scores as a list."""
    return standardise(np.array([values], dtype=float), np.array(eligible), np.array(listed))[0].tolist()


def test_a_value_is_carried_five_days_and_never_back():
    values = np.array([[NAN, 1, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 2, NAN]])
    carry_forward(values)
    np.testing.assert_array_equal(values, [[NAN, 1, 1, 1, 1, 1, 1, NAN, NAN, 2, 2]])


def test_an_outlier_is_clipped_at_three_scaled_deviations():
    # median 2.5, absolute deviations 1.5 .5 .5 7.5, their median 1: 10 becomes 2.5 + 3 x 1.4826 = 6.9478
    # mean 12.9478 / 4 = 3.23695; squares 5.003945 1.530045 .056145 13.770408, mean 5.090136, root 2.256133
    assert scores([1, 2, 3, 10]) == pytest.approx([-0.991497, -0.548261, -0.105025, 1.644784], abs=1e-6)


def test_a_low_outlier_is_clipped_as_a_high_one():
    assert scores([-1, -2, -3, -10]) == pytest.approx([0.991497, 0.548261, 0.105025, -1.644784], abs=1e-6)


def test_only_the_eligible_set_the_scale_and_everyone_listed_is_scored():
    # of 1 2 6: median 2, deviations 1 0 4, bound 2 + 4.4478; mean 3, variance 14 / 3
    eligible = [True, True, True, False]
    expected = [-0.925820, -0.462910, 1.388730, 3.4478 / 2.160247]
    assert scores([1, 2, 6, 100], eligible) == pytest.approx(expected, abs=1e-5)


def test_a_missing_value_is_the_mean():
    # of 1 2 6, as above
    assert scores([1, NAN, 2, 6]) == pytest.approx([-0.925820, 0, -0.462910, 1.388730], abs=1e-6)


def test_who_is_not_listed_is_zero():
    assert scores([1, 2, 6, 100], [True, True, True, False], [True, True, True, False])[3] == 0


def test_equal_values_are_zero_even_for_a_stock_outside_the_universe():
    assert scores([0.1, 0.1, 0.1, 7.0], [True, True, True, False]) == [0, 0, 0, 0]


def test_a_date_without_eligible_stocks_or_values_is_zero():
    assert scores([1, 2, 3, 4], [False] * 4) == [0, 0, 0, 0]
    assert scores([NAN] * 4) == [0, 0, 0, 0]


def test_counts_that_are_mostly_equal_keep_their_order():
    # median 0, median absolute deviation 0: the mean one, 9 / 5 = 1.8, times 1.2533 bounds at 6.76782
    everyone = np.ones(5, dtype=bool)
    values = scores([0, 0, 0, 2, 7], everyone, everyone)
    # clipped sum 8.76782, mean 1.753564; squares 3 x 3.074987 .060731 25.142783; mean 6.885695, root 2.624061
    assert values == pytest.approx([-0.668263] * 3 + [0.093913, 1.910875], abs=1e-5)


def test_the_median_of_an_even_and_an_odd_number_of_values_differ():
    both = np.array([[1.0, 2.0, 3.0, 10.0], [1.0, 2.0, 6.0, NAN]])
    together = standardise(both, EVERYONE, EVERYONE)
    assert together[0].tolist() == scores([1, 2, 3, 10])
    assert together[1].tolist() == scores([1, 2, 6, NAN])


@given(
    st.lists(st.integers(-1000, 1000), min_size=4, max_size=40),
    st.sampled_from([0.25, 2.0, 8.0]),
    st.integers(-50, 50),
)
def test_scores_do_not_depend_on_unit_or_origin(numbers, unit, origin):
    values = np.array([numbers], dtype=float)
    everyone = np.ones(values.shape[1], dtype=bool)
    plain = standardise(values, everyone, everyone)
    moved = standardise(values * unit + origin, everyone, everyone)
    np.testing.assert_allclose(moved, plain, atol=1e-9)
    assert abs(plain.mean()) < 1e-12
