"""Sharpe ratios judged by the printed examples of the papers, by closed forms, and by drawing what has no skill."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from analyzers.deflated_sharpe import (
    Track,
    backtest_overfitting,
    deflated_best,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)
from feeds.errors import ConfigError, DataError

YEAR = math.sqrt(250)
PAPER = Track(2.5 / YEAR, 1250, -3, 10)  # five years of days, annualised Sharpe ratio 2.5
PAPER_VARIANCE = 0.5 / 250  # of the trials' annualised Sharpe ratios 0.5


def test_the_example_of_the_deflated_sharpe_ratio():
    assert expected_maximum_sharpe(PAPER_VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PAPER, PAPER_VARIANCE, 100) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(PAPER, PAPER_VARIANCE, 46) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(Track(2.5 / YEAR, 1250), PAPER_VARIANCE, 88) == pytest.approx(0.9505, abs=6e-5)


def test_the_example_of_the_probabilistic_sharpe_ratio():
    assert probabilistic_sharpe(Track(0.458, 24, -2.448, 10.164)) == pytest.approx(0.913, abs=5e-4)
    assert probabilistic_sharpe(Track(0.458, 24)) == pytest.approx(0.982, abs=5e-4)


@pytest.mark.parametrize(
    ("a_year", "skewness", "kurtosis", "years"),
    [(250, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_examples_of_the_minimum_track_record(a_year, skewness, kurtosis, years):
    # an annualised Sharpe ratio of 2 against one of 1
    track = Track(2 / math.sqrt(a_year), 3, skewness, kurtosis)
    assert minimum_track_record(track, 1 / math.sqrt(a_year)) / a_year == pytest.approx(years, abs=0.005)


def test_a_track_of_the_minimum_length_is_just_sure_enough():
    length = minimum_track_record(Track(0.2, 2, -1, 6), 0.05, 0.9)
    assert probabilistic_sharpe(Track(0.2, length, -1, 6), 0.05) == pytest.approx(0.9)
    assert minimum_track_record(Track(0.05, 100), 0.05) is None


def test_a_single_trial_is_judged_against_zero():
    assert expected_maximum_sharpe(0.3, 1) == 0
    assert deflated_sharpe(PAPER, 0.3, 1) == probabilistic_sharpe(PAPER)


def test_trials_that_do_not_differ_are_no_choice():
    assert deflated_sharpe(PAPER, 0.0, 100) == probabilistic_sharpe(PAPER)


def test_the_track_of_returns_agrees_with_scipy():
    returns = np.random.default_rng(1).standard_t(5, 300) * 0.01 + 0.001
    track = Track.of(returns)
    assert track.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert (track.observations, track.skewness) == (300, pytest.approx(stats.skew(returns)))
    assert track.kurtosis == pytest.approx(stats.kurtosis(returns) + 3)
    assert Track.of(np.full(10, 0.01)) is None
    assert Track.of(returns[:2]) is None


def test_normal_returns_have_the_error_of_the_textbook():
    # the variance of a Sharpe ratio of normal returns is (1 + SR^2 / 2) / (n - 1)
    assert Track(0.4, 101).spread == pytest.approx(math.sqrt(1 + 0.4**2 / 2))


def test_the_best_of_trials_without_skill_is_what_is_expected():
    drawn = np.random.default_rng(2).normal(size=(4000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(1.0, 50) == pytest.approx(drawn, abs=0.05)
    # four times the variance is twice the Sharpe ratio
    assert expected_maximum_sharpe(4.0, 50) == pytest.approx(2 * expected_maximum_sharpe(1.0, 50))


def test_the_deflated_best_of_noise_is_sure_as_rarely_as_chance_would_have_it():
    random = np.random.default_rng(3)
    sure = np.array([deflated_best(random.normal(size=(20, 120)))[1] for _ in range(150)])
    undeflated = np.array([
        max(probabilistic_sharpe(Track.of(row)) for row in random.normal(size=(20, 120))) for _ in range(50)
    ])  # fmt: skip
    assert (undeflated > 0.95).mean() > 0.5  # 1 - 0.95^20 is 0.64
    assert (sure > 0.95).mean() < 0.05
    assert sure.mean() == pytest.approx(0.5, abs=0.1)


def test_the_deflated_best_names_the_best_and_needs_every_series():
    random = np.random.default_rng(4)
    series = [random.normal(shift, 1, 200) for shift in (0.0, 0.5, 0.1)]
    best, sure = deflated_best(series)
    assert (best, sure > 0.95) == (1, True)
    sharpes = [values.mean() / values.std(ddof=1) for values in series]
    middle = sum(sharpes) / 3
    variance = sum((sharpe - middle) ** 2 for sharpe in sharpes) / 2  # n - 1
    assert sure == pytest.approx(deflated_sharpe(Track.of(series[1]), variance, 3), abs=1e-12)
    alone = deflated_best(series[1:2])
    assert alone == (0, probabilistic_sharpe(Track.of(series[1])))
    assert deflated_best([*series, np.zeros(200)]) is None
    assert deflated_best([]) is None


@pytest.mark.parametrize("call", [
    lambda: expected_maximum_sharpe(0.1, 0),
    lambda: expected_maximum_sharpe(-0.1, 10),
    lambda: minimum_track_record(PAPER, 0, 1.0),
])  # fmt: skip
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ConfigError, match="must be"):
        call()


# -- probability of backtest overfitting ------------------------------------------------------------------------------


def test_choosing_among_noise_is_overfitting_half_of_the_time():
    random = np.random.default_rng(5)
    found = [backtest_overfitting(random.normal(size=(240, 10)), 8).probability for _ in range(100)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_a_truly_better_trial_is_chosen_and_stays_better():
    returns = np.random.default_rng(6).normal(0, 1, (320, 10))
    returns[:, 3] += 0.6
    assert backtest_overfitting(returns).probability < 0.01


def test_a_trial_that_is_good_only_in_one_half_is_overfitting():
    # whichever half holds the good block chooses the trial, and the other half punishes it
    returns = np.zeros((8, 2)) + np.tile([[0.01], [-0.01]], (4, 1))
    returns[:2, 0] += 1.0
    returns[2:, 0] -= 0.1
    found = backtest_overfitting(returns, 2)
    assert len(found.logits) == 2
    # rank 1 of 2 is w = 1/3 where the first trial was chosen; where the second was, it is the worse one too
    assert found.logits.tolist() == pytest.approx([math.log(0.5), math.log(0.5)])
    assert found.probability == 1


def test_equal_trials_share_their_rank():
    column = np.random.default_rng(7).normal(size=(40, 1))
    found = backtest_overfitting(np.hstack([column] * 3), 4)
    assert found.logits.tolist() == pytest.approx([0.0] * 6)  # six ways to choose two blocks of four
    assert found.probability == 1


def test_every_half_is_judged_by_the_sharpe_ratios_of_its_rows():
    random = np.random.default_rng(8)
    parts = random.normal(0, 1, (4, 10, 8)) + random.normal(0, 2, (4, 1, 8))  # trials that have good and bad times
    expected = []
    for chosen in combinations(range(4), 2):
        inside = np.concatenate([parts[n] for n in chosen])
        outside = np.concatenate([parts[n] for n in range(4) if n not in chosen])
        best = (inside.mean(axis=0) / inside.std(axis=0, ddof=1)).argmax()
        sharpe = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        rank = (sharpe <= sharpe[best]).sum() / 9
        expected.append(math.log(rank / (1 - rank)))
    assert backtest_overfitting(parts.reshape(40, 8), 4).logits.tolist() == pytest.approx(expected)


def test_rows_that_fill_no_block_are_left_out_from_the_oldest_on():
    returns = np.random.default_rng(9).normal(0, 0.01, (40, 5))
    early = np.vstack([np.diag([9.0, -9, 9])[:, [0, 1, 2, 0, 1]], returns])
    assert backtest_overfitting(early, 4).logits.tolist() == backtest_overfitting(returns, 4).logits.tolist()


def test_a_trial_that_never_trades_is_neither_chosen_nor_undefined():
    returns = np.random.default_rng(10).normal(0.01, 0.01, (64, 3))
    returns[:, 1] = 0
    found = backtest_overfitting(returns, 4)
    assert np.isfinite(found.logits).all()
    assert (found.logits >= 0).all()  # of three, the one that does not trade is always the worst


@pytest.mark.parametrize(("returns", "blocks", "words"), [
    (np.zeros((40, 2)), 3, "even number"),
    (np.zeros((40, 1)), 4, "two or more columns"),
    (np.zeros((7, 2)), 4, "8 rows or more"),
    (np.full((8, 2), np.nan), 4, "finite"),
])  # fmt: skip
def test_a_matrix_that_cannot_be_split_is_refused(returns, blocks, words):
    with pytest.raises((ConfigError, DataError), match=words):
        backtest_overfitting(returns, blocks)
