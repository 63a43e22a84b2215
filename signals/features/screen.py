"""Chooses factors by what they foretold in the past: rank correlations, false discoveries, likeness (card C4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from feeds.errors import SignalError
from signals.features.moving import Floats
from signals.labels import MINIMUM_LABELS, Labels

FALSE_DISCOVERIES, MOST, MOST_ALIKE = 0.10, 11, 0.8


@dataclass(frozen=True)
class Screen:
    """What a screen found.

    Attributes
    ----------
    chosen : tuple of str
        The factors to use, the largest absolute t first.
    rank_ic, t, p : mapping of str to float
        Mean rank correlation with the label, its Newey-West t and two-sided p value, of every factor that has one.
    refused : mapping of str to str
        The other factors, each with the reason.
    """

    chosen: tuple[str, ...]
    rank_ic: Mapping[str, float]
    t: Mapping[str, float]
    p: Mapping[str, float]
    refused: Mapping[str, str]


def screen(
    values: npt.NDArray[np.floating],
    names: Sequence[str],
    labels: Labels,
    frozen: np.datetime64,
    *,
    lags: int = 0,
    false_discoveries: float = FALSE_DISCOVERIES,
    most: int = MOST,
    most_alike: float = MOST_ALIKE,
) -> Screen:
    """Return the factors to use from a close on, by all sections whose labels had ended by then.

    Parameters
    ----------
    values : ndarray, shape (N, T, F)
        Factors, standardised across stocks; may be a memory map.
    names : sequence of str
        The F factors.
    labels : Labels
    frozen : datetime64[D]
        The close after which nothing more may be known.
    lags : int
        Sections by which labels overlap: horizon / sections' distance - 1.
    false_discoveries : float
        Largest expected share of factors without any relation among those that pass.
    most : int
        Most factors chosen.
    most_alike : float
        A factor whose mean cross-sectional correlation with one chosen before is this or more, up or down, is left.

    Raises
    ------
    SignalError
        If fewer than two sections have ended.
    """
    ended = np.flatnonzero(labels.clock.exit_dates <= frozen)  # NaT is never earlier
    ended = ended[labels.count()[ended] >= MINIMUM_LABELS]
    if len(ended) < 2:
        raise SignalError(f"screen must see two sections that have ended by {frozen}, was {len(ended)}")
    ics = np.empty((len(ended), len(names)))
    alike = np.zeros((len(names), len(names)))
    for row, position in enumerate(ended):
        labelled = np.isfinite(labels.scores[position])
        section = np.asarray(values[labelled, labels.clock.signal[position]], dtype=np.float64)  # (n, F)
        ics[row] = rank_ics(section, labels.scores[position, labelled])
        alike += correlations(section) / len(ended)
    t = newey_west_t(ics, lags)
    p = 2 * stats.t.sf(np.abs(t), np.isfinite(ics).sum(axis=0) - 1)
    passed = benjamini_hochberg(p, false_discoveries)
    chosen, refused = _unlike(names, t, passed, alike, most, most_alike)
    known = [column for column in range(len(names)) if np.isfinite(t[column])]
    with np.errstate(invalid="ignore"):
        means = np.nansum(ics, axis=0) / np.isfinite(ics).sum(axis=0)
    found = ({names[column]: float(figure[column]) for column in known} for figure in (means, t, p))
    rank_ic, t_of, p_of = found
    return Screen(chosen, rank_ic, t_of, p_of, refused)


def rank_ics(factors: Floats, label: Floats) -> Floats:
    """Return each factor's rank correlation with a label across stocks, (F,).

    Parameters
    ----------
    factors : ndarray, shape (n, F)
        NaN where missing.
    label : ndarray, shape (n,)

    Returns
    -------
    ndarray
        Spearman's, equal values sharing their mean rank; NaN with fewer than 30 pairs or without spread.
    """
    result = np.full(factors.shape[1], np.nan)
    for column, factor in enumerate(factors.T):
        known = np.isfinite(factor) & np.isfinite(label)
        if known.sum() >= MINIMUM_LABELS and np.ptp(factor[known]) > 0 and np.ptp(label[known]) > 0:
            ranks = stats.rankdata(factor[known]), stats.rankdata(label[known])
            result[column] = np.corrcoef(*ranks)[0, 1]
    return result


def correlations(factors: Floats) -> Floats:
    """Return the correlations of factors across stocks, (F, F), 0 with one that has no spread.

    Parameters
    ----------
    factors : ndarray, shape (n, F)
        What is missing counts as the mean.
    """
    known = np.isfinite(factors)
    mean = np.where(known, factors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, factors - mean, 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 0, length, 1.0)
    return unit.T @ unit


def newey_west_t(series: Floats, lags: int) -> Floats:
    """Return the t statistic of each column's mean with Newey-West (Bartlett) errors, (F,).

    Parameters
    ----------
    series : ndarray, shape (S, F)
        In time order; NaN is left out of the mean and adds nothing to a covariance.
    lags : int
        Autocovariances to include.

    Returns
    -------
    ndarray
        NaN with fewer than two values or no variation. No small-sample correction.
    """
    known = np.isfinite(series)
    count = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, series, 0.0).sum(axis=0) / count
        deviation = np.where(known, series - mean, 0.0)
        variance = (deviation**2).sum(axis=0)
        for lag in range(1, min(lags, len(series) - 1) + 1):
            variance += 2 * (1 - lag / (lags + 1)) * (deviation[lag:] * deviation[:-lag]).sum(axis=0)
        t = mean / np.sqrt(variance) * count
    return np.where((count >= 2) & np.isfinite(t), t, np.nan)


def benjamini_hochberg(p: Floats, rate: float) -> npt.NDArray[np.bool_]:
    """Return which p values pass at a rate of false discoveries, (F,); one that is NaN is no test and fails."""
    tests = np.flatnonzero(np.isfinite(p))
    order = tests[np.argsort(p[tests], kind="stable")]
    below = p[order] <= rate * np.arange(1, len(order) + 1) / max(len(order), 1)
    passed = np.zeros(len(p), dtype=bool)
    passed[order[: int(np.flatnonzero(below).max(initial=-1)) + 1]] = True
    return passed


def _unlike(
    names: Sequence[str], t: Floats, passed: npt.NDArray[np.bool_], alike: Floats, most: int, most_alike: float
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the strongest factors that are not alike, and why the others are left."""
    chosen: list[int] = []
    refused: dict[str, str] = {}
    for column in np.argsort(-np.abs(t), kind="stable"):  # NaN last
        twin = next((other for other in chosen if abs(alike[column, other]) >= most_alike), None)
        if not np.isfinite(t[column]):
            refused[names[column]] = "has no rank correlation with the label"
        elif not passed[column]:
            refused[names[column]] = f"t {t[column]:.2f} may be chance"
        elif twin is not None:
            refused[names[column]] = f"correlation {alike[column, twin]:.2f} with {names[twin]}"
        elif len(chosen) == most:
            refused[names[column]] = f"{most} are stronger"
        else:
            chosen.append(int(column))
    return tuple(names[column] for column in chosen), refused
