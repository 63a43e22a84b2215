"""The factor screen: its parts against a second implementation and by hand, the whole on planted factors."""

import numpy as np
import pytest
from scipy import stats

from analyzers.inference import newey_west_t as second_newey_west_t
from feeds.errors import SignalError
from signals.clocks import every, session_clock
from signals.features.screen import benjamini_hochberg, correlations, newey_west_t, rank_ics, screen
from signals.labels import Labels, standardise

NAN = np.nan


def test_rank_correlations_are_those_of_scipy_over_the_pairs_both_have():
    random = np.random.default_rng(0)
    factors = np.round(random.normal(size=(60, 3)), 1)
    label = np.round(random.normal(size=60), 1)
    factors[:5, 0], label[50:] = NAN, NAN
    found = rank_ics(factors, label)
    for column in range(3):
        expected = stats.spearmanr(factors[:, column], label, nan_policy="omit").statistic
        assert found[column] == pytest.approx(expected, abs=1e-12)


def test_a_constant_factor_and_too_few_pairs_have_no_rank_correlation():
    factors = np.column_stack([np.ones(40), np.where(np.arange(40) < 29, np.arange(40.0), NAN), np.arange(40.0)])
    found = rank_ics(factors, np.arange(40.0))
    assert np.isnan(found).tolist() == [True, True, False] and found[2] == pytest.approx(1.0)
    assert np.isnan(rank_ics(factors, np.ones(40))).all()


@pytest.mark.parametrize("lags", [0, 1, 4, 19])
def test_newey_west_t_is_that_of_the_second_implementation(lags):
    random = np.random.default_rng(1)
    series = 0.02 + np.cumsum(random.normal(size=(80, 3)), axis=0) * 0.01 + random.normal(size=(80, 3)) * 0.05
    expected = [second_newey_west_t(column, lags) for column in series.T]
    np.testing.assert_allclose(newey_west_t(series, lags), expected, rtol=1e-10)


def test_newey_west_t_by_hand():
    series = np.array([[1.0], [3.0], [2.0], [6.0]])  # mean 3; deviations -2 0 -1 3: variance 14, first product -3
    assert newey_west_t(series, 0)[0] == pytest.approx(3 / np.sqrt(14) * 4)
    assert newey_west_t(series, 1)[0] == pytest.approx(3 / np.sqrt(14 - 3) * 4)
    gaps = np.array([[1.0], [NAN], [3.0], [2.0], [6.0]])
    assert newey_west_t(gaps, 0)[0] == pytest.approx(3 / np.sqrt(14) * 4)
    assert np.isnan(newey_west_t(np.array([[1.0, 2.0], [NAN, 2.0]]), 0)).all()


def test_benjamini_hochberg_is_the_published_example_and_scipys():
    # Benjamini and Hochberg (1995), 15 comparisons at 5 %: the first four are rejected
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
                  0.6528, 0.7590, 1.0])  # fmt: skip
    shuffled = np.random.default_rng(2).permutation(15)
    assert np.flatnonzero(benjamini_hochberg(p, 0.05)).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(benjamini_hochberg(p[shuffled], 0.05), benjamini_hochberg(p, 0.05)[shuffled])
    for rate in (0.01, 0.05, 0.1, 0.5):
        np.testing.assert_array_equal(benjamini_hochberg(p, rate), stats.false_discovery_control(p) <= rate)


def test_a_p_value_over_its_line_passes_if_a_later_one_is_under_its_own():
    assert benjamini_hochberg(np.array([0.04, 0.05, NAN]), 0.05).tolist() == [True, True, False]
    assert benjamini_hochberg(np.array([0.04, 0.06]), 0.05).tolist() == [False, False]
    assert benjamini_hochberg(np.array([NAN]), 0.05).tolist() == [False]


def test_correlations_are_those_of_numpy_and_gaps_count_as_the_mean():
    random = np.random.default_rng(3)
    factors = random.normal(size=(50, 4))
    factors[:, 3] = 7.0
    found = correlations(factors)
    np.testing.assert_allclose(found[:3, :3], np.corrcoef(factors[:, :3].T), atol=1e-12)
    assert (found[3] == 0).all()
    factors[0, 0] = NAN
    filled = factors[:, :3].copy()
    filled[0, 0] = np.nanmean(factors[:, 0])
    np.testing.assert_allclose(correlations(factors)[:3, :3], np.corrcoef(filled.T), atol=1e-12)


STOCKS, DAYS = 120, 260
NAMES = ("strong", "twin", "weak", "noise", "reversed", "constant")


def market(days=DAYS, seed=4):
    """Return factors (N, T, F) and 5-day labels of which two factors, and the twin of one, tell something."""
    random = np.random.default_rng(seed)
    dates = np.datetime64("2020-01-01") + np.arange(days)
    clock = session_clock(dates, every(5, days), 5)
    values = random.normal(size=(STOCKS, days, len(NAMES)))
    values[:, :, 1] = values[:, :, 0] + 0.1 * random.normal(size=(STOCKS, days))
    values[:, :, 5] = 0.0
    section = values[:, clock.signal]
    told = 0.5 * section[:, :, 0] + 0.1 * section[:, :, 2] - 0.3 * section[:, :, 4]
    returns = (told + random.normal(size=told.shape)).T
    returns[clock.exit < 0] = NAN
    return values, Labels(clock, returns, standardise(returns))


def test_planted_factors_are_found_and_the_reasons_of_the_others_told():
    values, labels = market()
    found = screen(values, NAMES, labels, labels.clock.exit_dates[-10], lags=0)
    assert found.chosen[:2] == ("strong", "reversed")
    assert set(found.chosen) <= {"strong", "reversed", "weak"}
    assert found.refused["twin"].startswith("correlation 1.00 with strong") or found.refused["twin"].startswith(
        "correlation 0.99 with strong"
    )
    assert found.refused["noise"].endswith("may be chance")
    assert found.refused["constant"] == "has no rank correlation with the label"
    assert found.rank_ic["strong"] > 0.3 and found.rank_ic["reversed"] < -0.15 and found.t["reversed"] < -10
    assert "constant" not in found.t and 0 <= found.p["noise"] <= 1


def test_t_and_p_are_those_of_the_sections_that_had_ended():
    values, labels = market()
    frozen = labels.clock.exit_dates[30]
    found = screen(values, NAMES, labels, frozen, lags=3)
    ics = [stats.spearmanr(values[:, labels.clock.signal[row], 2], labels.returns[row]).statistic for row in range(31)]
    assert found.rank_ic["weak"] == pytest.approx(np.mean(ics))
    assert found.t["weak"] == pytest.approx(second_newey_west_t(np.array(ics), 3))
    assert found.p["weak"] == pytest.approx(2 * stats.t.sf(abs(found.t["weak"]), 30))


def test_only_so_many_are_chosen_and_only_so_alike():
    values, labels = market()
    last = labels.clock.exit_dates[-10]
    assert screen(values, NAMES, labels, last, most=1).refused["reversed"] == "1 are stronger"
    assert "twin" in screen(values, NAMES, labels, last, most_alike=1.1).chosen
    random = [np.random.default_rng(seed).normal(size=(STOCKS, DAYS)) for seed in range(40)]
    many = screen(np.stack(random, axis=2), [str(n) for n in range(40)], labels, last)
    assert len(many.chosen) <= 2  # pure noise: false discoveries are held down


def test_nothing_after_the_freezing_moves_the_screen():
    values, labels = market()
    frozen = labels.clock.exit_dates[25]
    before = screen(values, NAMES, labels, frozen)
    other, others = market(seed=9)
    day = int(np.searchsorted(np.datetime64("2020-01-01") + np.arange(DAYS), frozen))
    values[:, day + 1 :] = other[:, day + 1 :] * 100
    later = labels.clock.exit_dates > frozen
    returns = np.where(later[:, None], others.returns, labels.returns)
    assert screen(values, NAMES, Labels(labels.clock, returns, standardise(returns)), frozen) == before


def test_a_screen_without_two_ended_sections_is_refused():
    values, labels = market()
    with pytest.raises(SignalError, match="screen must see two sections that have ended by 2020-01-07, was 1"):
        screen(values, NAMES, labels, np.datetime64("2020-01-07"))
