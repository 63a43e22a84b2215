"""What is left of a cross-section once industry, size, reversal, turnover and volatility are taken out."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from feeds.panel import MarketPanel, carry_forward
from signals.features.moving import Floats, shift, trailing_total
from signals.features.needs import missing_needs
from signals.features.preprocessing import standardise

DAYS, FEWEST_DAYS = 20, 10
EXPOSURES = ("size", "reversal", "turnover", "volatility")
EXPOSURE_NEEDS = {"size": ("circ_mv",), "turnover": ("turnover_rate",)}


def exposures(
    panel: MarketPanel, eligible: npt.NDArray[np.bool_], days: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float32], Mapping[str, str]]:
    """Return the exposures of `EXPOSURES` that the market data can tell, and the absent ones with the reason.

    Parameters
    ----------
    panel : MarketPanel
    eligible : ndarray of bool, shape (T, N)
    days : ndarray of int, shape (S,)
        On which days.

    Returns
    -------
    ndarray of float32, shape (S, N, K)
        Winsorised and z-scored across the day's eligible stocks, known in the evening of the day, 0 where missing:
        log of the floating market value, log return, mean turnover and deviation of returns over the last 20 sessions
        (of the last two at least 10).
    mapping of str to str
    """
    absent = missing_needs(panel, EXPOSURE_NEEDS)
    made = {name: _raw(panel, name, days) for name in EXPOSURES if name not in absent}
    result = np.zeros((len(days), len(panel.codes), len(made)), dtype=np.float32)
    for row, day in enumerate(days):
        section = np.stack([values[row] for values in made.values()])  # (K, N)
        section[~np.isfinite(section)] = np.nan
        result[row] = standardise(section, eligible[day], panel.listed[day]).T
    return result, absent


def _raw(panel: MarketPanel, name: str, days: npt.NDArray[np.integer]) -> Floats:
    """Return one exposure before standardisation, (S, N)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "size":
            return np.log(panel.field("circ_mv")[days].astype(np.float64))
        if name == "reversal":
            level = np.log(carry_forward(panel.field("close").T * panel.field("adj_factor").T))
            return (level - shift(level, DAYS)).T[days]
        if name == "turnover":
            return _trailing_mean(panel.field("turnover_rate").T).T[days]
        returns = panel.field("close").T / panel.field("pre_close").T - 1
        return np.sqrt(_trailing_mean(returns**2) - _trailing_mean(returns) ** 2).T[days]


def _trailing_mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    count = trailing_total(known.astype(np.float64), DAYS)
    return np.where(count >= FEWEST_DAYS, trailing_total(np.where(known, values, 0.0), DAYS) / count, np.nan)


def neutralise(values: Floats, exposures: npt.NDArray[np.floating], groups: npt.NDArray[np.integer]) -> Floats:
    """Return the residuals of each section's least squares on its exposures and one constant per group.

    Parameters
    ----------
    values : ndarray, shape (S, N)
        NaN where missing.
    exposures : ndarray, shape (S, N, K)
        A stock with an exposure that is not finite takes no part.
    groups : ndarray of int, shape (S, N)
        Industries; any number, -1 for unknown, is a group.

    Returns
    -------
    ndarray, shape (S, N)
        NaN where a stock takes no part.
    """
    result = np.full(values.shape, np.nan)
    for row, line in enumerate(values):
        chosen = np.isfinite(line) & np.isfinite(exposures[row]).all(axis=1)
        if chosen.any():
            _, group = np.unique(groups[row, chosen], return_inverse=True)
            response = _less_group_means(line[chosen][:, None], group)
            regressors = _less_group_means(exposures[row, chosen].astype(np.float64), group)
            slopes = np.linalg.lstsq(regressors, response, rcond=None)[0]
            result[row, chosen] = (response - regressors @ slopes)[:, 0]
    return result


def _less_group_means(columns: Floats, group: npt.NDArray[np.integer]) -> Floats:
    """Return columns of shape (n, K) less the mean of each row's group."""
    count = np.bincount(group)
    means = np.stack([np.bincount(group, column) / count for column in columns.T], axis=1) if columns.size else columns
    return columns - means[group] if columns.size else columns
