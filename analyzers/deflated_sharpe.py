"""Is a Sharpe ratio skill or luck: how it was estimated, how many were tried, and what is left out of sample.

Every Sharpe ratio here is per observation, not annualised: mean over standard deviation (n - 1) of returns of one
frequency. Skewness and kurtosis are plain moment ratios; the kurtosis of normal returns is 3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from analyzers.returns import NO_VARIATION
from feeds.errors import ConfigError, DataError

EULER = 0.5772156649015329  # the Euler-Mascheroni constant
BLOCKS = 16


@dataclass(frozen=True)
class Track:
    """What a series of returns says about its Sharpe ratio.

    Attributes
    ----------
    sharpe : float
        Per observation.
    observations : int
    skewness, kurtosis : float
        Of the returns; 0 and 3 for normal ones.
    """

    sharpe: float
    observations: int
    skewness: float = 0.0
    kurtosis: float = 3.0

    @staticmethod
    def of(returns: np.ndarray) -> "Track | None":
        """Return the track of returns, shape ``(T,)``; None for fewer than three or without variation."""
        values = np.asarray(returns, dtype=float)
        if len(values) < 3 or values.std() <= NO_VARIATION:
            return None
        skewness, kurtosis = stats.skew(values), stats.kurtosis(values, fisher=False)
        return Track(float(values.mean() / values.std(ddof=1)), len(values), float(skewness), float(kurtosis))

    @property
    def spread(self) -> float:
        """Standard deviation of the estimated Sharpe ratio, times ``sqrt(observations - 1)``."""
        return math.sqrt(1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2)


def probabilistic_sharpe(track: Track, threshold: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above a threshold.

    Notes
    -----
    ``Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2))``. Source: Bailey and Lopez de Prado,
    The Sharpe Ratio Efficient Frontier, Journal of Risk 15 (2012).
    """
    return float(stats.norm.cdf((track.sharpe - threshold) * math.sqrt(track.observations - 1) / track.spread))


def minimum_track_record(track: Track, threshold: float = 0.0, confidence: float = 0.95) -> float | None:
    """Return how many observations must be seen before the Sharpe ratio is above a threshold with confidence.

    Returns
    -------
    float or None
        None if the Sharpe ratio is not above the threshold: no length would do.

    Notes
    -----
    ``1 + (1 - skew SR + (kurtosis - 1) / 4 SR^2) (Phi^-1(confidence) / (SR - SR*))^2``; source as
    :func:`probabilistic_sharpe`.
    """
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence must be between 0 and 1, was {confidence}")
    if track.sharpe <= threshold:
        return None
    return float(1 + (track.spread * stats.norm.ppf(confidence) / (track.sharpe - threshold)) ** 2)


def expected_maximum_sharpe(variance: float, trials: float) -> float:
    """Return the Sharpe ratio to expect of the best of some independent trials without skill.

    Parameters
    ----------
    variance : float
        Of the trials' Sharpe ratios, per observation.
    trials : float
        How many independent ones there were; for correlated ones, the number they are worth. One trial is no choice
        and gives 0.

    Notes
    -----
    ``sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)))``, g the Euler-Mascheroni constant; for N of a few
    it is an approximation. Source: Bailey and Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio
    Management 40 (2014).
    """
    if not trials >= 1:
        raise ConfigError(f"trials must be 1 or more, was {trials}")
    if not variance >= 0:
        raise ConfigError(f"variance of Sharpe ratios must be 0 or more, was {variance}")
    if trials == 1:
        return 0.0
    quantiles = stats.norm.ppf([1 - 1 / trials, 1 - 1 / (trials * math.e)])
    return float(math.sqrt(variance) * ((1 - EULER) * quantiles[0] + EULER * quantiles[1]))


def deflated_sharpe(track: Track, variance: float, trials: float) -> float:
    """Return the probability that a Sharpe ratio is above what the best of so many trials has by luck alone.

    Parameters
    ----------
    track : Track
        Of the chosen trial.
    variance, trials
        See :func:`expected_maximum_sharpe`. The variance is that across the trials' estimated Sharpe ratios, not
        the variance of one estimate.
    """
    return probabilistic_sharpe(track, expected_maximum_sharpe(variance, trials))


def deflated_best(returns: Sequence[np.ndarray]) -> tuple[int, float] | None:
    """Return which of several series has the highest Sharpe ratio, and its deflated Sharpe ratio.

    Every series counts as one independent trial; the variance is the sample variance (n - 1) of their Sharpe ratios.

    Returns
    -------
    tuple of (int, float) or None
        None if a series is too short or does not vary, see :meth:`Track.of`.
    """
    tracks = [track for values in returns if (track := Track.of(values)) is not None]
    if not tracks or len(tracks) < len(returns):
        return None
    sharpes = np.array([track.sharpe for track in tracks])
    best = int(sharpes.argmax())
    variance = float(sharpes.var(ddof=1)) if len(sharpes) > 1 else 0.0
    return best, deflated_sharpe(tracks[best], variance, len(sharpes))


@dataclass(frozen=True)
class Overfitting:
    """How the best choice of one half of the time did in the other half.

    Attributes
    ----------
    probability : float
        Share of the splits in which the choice was no better than the median out of sample.
    logits : numpy.ndarray
        ``log(w / (1 - w))`` of the choice's relative rank w out of sample, one per split.
    """

    probability: float
    logits: np.ndarray


def backtest_overfitting(returns: np.ndarray, blocks: int = BLOCKS) -> Overfitting:
    """Return the probability of backtest overfitting by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns : numpy.ndarray
        Shape ``(T, N)``: one column per trial, rows in time order. Finite.
    blocks : int
        Even number of equal blocks of time, at least two rows each; the oldest rows that do not fill one are left
        out. Every choice of half of them is once in sample.

    Raises
    ------
    ConfigError
        If ``blocks`` is odd or less than 2.
    DataError
        If there are fewer than two trials, too few rows, or a return is not finite.

    Notes
    -----
    Trials are chosen and ranked by Sharpe ratio; w is the rank from 1 over N + 1, equal ones sharing their mean rank.
    Source: Bailey, Borwein, Lopez de Prado and Zhu, The Probability of Backtest Overfitting (2014).
    """
    values = np.asarray(returns, dtype=float)
    if blocks < 2 or blocks % 2:
        raise ConfigError(f"blocks must be an even number of 2 or more, was {blocks}")
    if values.ndim != 2 or values.shape[1] < 2:
        raise DataError(f"returns must have two or more columns of trials, was of shape {values.shape}")
    if len(values) < 2 * blocks:
        raise DataError(f"returns must have {2 * blocks} rows or more for {blocks} blocks, was {len(values)}")
    if not np.isfinite(values).all():
        raise DataError(f"returns must be finite, was {values[~np.isfinite(values)][0]}")
    inside, outside = _sharpes_by_half(values, blocks)
    chosen = inside.argmax(axis=1)
    own = outside[np.arange(len(chosen)), chosen][:, None]
    below, equal = (outside < own).sum(axis=1), (outside == own).sum(axis=1)
    rank = (below + (equal + 1) / 2) / (values.shape[1] + 1)
    logits = np.log(rank / (1 - rank))
    return Overfitting(float((logits <= 0).mean()), logits)


def _sharpes_by_half(values: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the trials' Sharpe ratios in and out of sample, each of shape (splits, trials)."""
    size = len(values) // blocks
    kept = values[len(values) - size * blocks :]
    centre = kept.mean(axis=0)
    parts = (kept - centre).reshape(blocks, size, -1)  # centred, so that sums of squares keep their digits
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)  # (blocks, trials)
    splits = list(combinations(range(blocks), blocks // 2))
    inside = np.zeros((len(splits), blocks))
    inside[np.repeat(np.arange(len(splits)), blocks // 2), np.ravel(splits)] = 1
    count = size * blocks // 2

    def sharpes(weights: np.ndarray) -> np.ndarray:
        mean = weights @ sums / count
        variance = weights @ squares / count - mean**2
        return (mean + centre) / np.sqrt(variance.clip(min=NO_VARIATION**2))

    return sharpes(inside), sharpes(1 - inside)
