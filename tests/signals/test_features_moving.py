"""The rolling and recursive kernels by hand and against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.features import moving

NAN = np.nan


def row(*values):
    return np.array([values], dtype=float)


def test_shift_looks_back_and_past_the_first_bar_finds_nothing():
    np.testing.assert_array_equal(moving.shift(row(1, 2, 3)), row(NAN, 1, 2))
    np.testing.assert_array_equal(moving.shift(row(1, 2, 3), 5), row(NAN, NAN, NAN))


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=60), st.integers(1, 40))
def test_windows_equal_numpy_on_every_bar(numbers, window):
    values = row(*numbers)
    for function, expected in (
        (moving.total, np.sum),
        (moving.highest, np.max),
        (moving.lowest, np.min),
    ):
        windows = [numbers[max(0, bar + 1 - window) : bar + 1] for bar in range(len(numbers))]
        by_hand = [float(expected(w)) if len(w) == window else NAN for w in windows]
        np.testing.assert_array_equal(function(values, window)[0], by_hand)


def test_a_sum_forgets_what_left_its_window():
    values = row(1e16, 1.0, 0.0, 0.0, 0.0, 3.0)
    assert moving.total(values, 3)[0, -3:].tolist() == [1.0, 0.0, 3.0]


def test_a_window_must_hold_a_bar():
    with pytest.raises(ValueError, match="window must be at least 1, was 0"):
        moving.total(row(1, 2), 0)


def test_deviations_are_taken_from_the_mean_of_the_window():
    values = row(1e9 + 1, 1e9 + 2, 1e9 + 6)
    centre = moving.mean(values, 3)
    assert moving.standard_deviation(values, centre, 3)[0, -1] == pytest.approx(np.sqrt(14 / 3), rel=1e-12)
    assert moving.mean_absolute_deviation(values, centre, 3)[0, -1] == pytest.approx(2.0, rel=1e-12)


@given(
    st.lists(st.one_of(st.none(), st.floats(-100, 100)), min_size=1, max_size=30),
    st.sampled_from([2 / 6, 2 / 13, 1 / 6]),
)
def test_exponential_means_equal_pandas_over_any_gaps(numbers, alpha):
    values = row(*(NAN if number is None else number for number in numbers))
    rows = np.vstack([values, np.arange(values.shape[1])])
    expected = pd.Series(values[0]).ewm(alpha=alpha, adjust=False).mean().to_numpy()
    inside = slice(0, max((n for n, x in enumerate(numbers) if x is not None), default=0) + 1)
    actual = moving.exponential(rows, alpha)[0]
    np.testing.assert_allclose(actual[inside], expected[inside], rtol=1e-12, atol=1e-12)


def test_a_weight_per_bar_pulls_the_mean_from_the_second_bar_on():
    values, weights = row(10, 20, 40, 80), row(0.5, 0.25, NAN, 0.5)
    np.testing.assert_array_equal(moving.exponential_by_weight(values, weights), row(10, 12.5, 40, 60))


def test_a_run_counts_bars_in_a_row():
    condition = np.array([[True, True, False, True, True, True, False]])
    assert moving.run_length(condition).tolist() == [[1, 2, 0, 1, 2, 3, 0]]


def test_bars_exceeded_counts_strictly_lower_bars_and_none_at_a_record():
    values = row(5, 3, 4, 4, 5, 6, 2)
    # 4 tops 3; the second 4 not its equal; 5 tops 4 4 3, not the first 5; 6 is a record; 2 tops nothing
    assert moving.bars_exceeded(values).tolist() == [[0, 0, 1, 0, 3, 0, 0]]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_bars_exceeded_equals_a_plain_count(numbers):
    expected = []
    for bar, number in enumerate(numbers):
        count = 0
        while count < bar and numbers[bar - count - 1] < number:
            count += 1
        expected.append(0 if count == bar else count)
    assert moving.bars_exceeded(row(*numbers)).tolist() == [expected]
