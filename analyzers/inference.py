"""Newey-West standard errors: t statistics that survive autocorrelated observations."""

import math

import numpy as np

from analyzers.returns import NO_VARIATION


def automatic_lags(observations: int) -> int:
    """Return ``floor(4 * (T / 100) ** (2 / 9))``, the usual Bartlett bandwidth, never above ``T - 1``."""
    return max(min(math.floor(4 * (observations / 100) ** (2 / 9)), observations - 1), 0)


def newey_west_t(values: np.ndarray, lags: int | None = None) -> float | None:
    """Return the t statistic of a mean with Newey-West (Bartlett) standard errors.

    Parameters
    ----------
    values : numpy.ndarray
        Observations in time order, shape ``(T,)``.
    lags : int, optional
        Autocovariances to include; by default `automatic_lags`. Zero gives White's t (variance over T).

    Returns
    -------
    float or None
        None for fewer than two observations or no variation.

    Notes
    -----
    The long-run variance is ``g_0 + 2 * sum((1 - j / (lags + 1)) * g_j)`` with ``g_j`` over T, so there is
    no small-sample correction.
    """
    ones = np.ones((len(values), 1))
    result = newey_west_ols(ones, np.asarray(values, dtype=float), lags)
    return None if result is None or np.isnan(result[1][0]) else float(result[1][0])


def newey_west_ols(
    regressors: np.ndarray, response: np.ndarray, lags: int | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return ordinary least squares coefficients and their Newey-West t statistics.

    Parameters
    ----------
    regressors : numpy.ndarray
        Shape ``(T, k)``; put a column of ones in it for an intercept.
    response : numpy.ndarray
        Shape ``(T,)``.
    lags : int, optional
        Autocovariances to include; by default `automatic_lags`.

    Returns
    -------
    tuple of numpy.ndarray or None
        Coefficients and t statistics, shape ``(k,)`` each; None if they are not determined. A t statistic
        without residual variation is NaN.
    """
    observations, width = regressors.shape
    if observations <= width or np.linalg.matrix_rank(regressors) < width:
        return None
    bread = np.linalg.inv(regressors.T @ regressors)
    coefficients = bread @ (regressors.T @ response)
    residuals = response - regressors @ coefficients
    if residuals.std() <= NO_VARIATION:
        return coefficients, np.full(width, np.nan)
    scores = regressors * residuals[:, None]  # (T, k)
    meat = scores.T @ scores
    depth = automatic_lags(observations) if lags is None else min(lags, observations - 1)
    for lag in range(1, depth + 1):
        covariance = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (depth + 1)) * (covariance + covariance.T)
    variances = np.diag(bread @ meat @ bread)
    return coefficients, coefficients / np.sqrt(variances)
