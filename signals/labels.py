"""What a score is trained to foresee: returns on prices at which one could have traded, whole or in part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from feeds.errors import ConfigError, DataError, SignalError, unknown
from feeds.panel import MarketPanel
from signals.clocks import Clock, every, month_clock, month_ends, session_clock, week_ends
from signals.features.neutral import exposures, neutralise

__all__ = [
    "HORIZONS",
    "Clock",
    "Labels",
    "Target",
    "clock_for",
    "labels_for",
    "make_labels",
    "month_clock",
    "month_ends",
]

MINIMUM_LABELS = 30  # a date with fewer valid labels neither trains nor validates
_HALF_TICK = 0.005  # yuan: prices and limits are multiples of 0.01


@dataclass(frozen=True)
class Target:
    """What a model foresees, and how often.

    Attributes
    ----------
    title : str
    sections : "month", "week" or int
        Scored on the last session of every month or week, or on every so many-th session from the panel's first.
    horizon : int or None
        Sessions from entry to exit; None for monthly sections, left on the first session of the month after next.
    price : {"vwap", "close"}
        At which price of the day one enters and leaves: the average price or the close, back-adjusted.
    part : {"return", "sign", "excess_sign", "residual"}
        What becomes the score: the return; 1 if it is positive, else 0; the same of the return less the section's
        mean; what a regression of the returns on industry, size, reversal, turnover and volatility leaves.
    """

    title: str
    sections: Literal["month", "week"] | int
    horizon: int | None
    price: Literal["vwap", "close"] = "vwap"
    part: Literal["return", "sign", "excess_sign", "residual"] = "return"

    def __post_init__(self) -> None:
        if (self.sections == "month") != (self.horizon is None):
            raise ConfigError(f"horizon must be a number of sessions, or None for monthly sections, was {self.horizon}")


HORIZONS: dict[str, Target] = {
    "month": Target("next month's return (C1)", "month", None),
    "20d_every_5": Target("20-day return, every 5 sessions (C2)", 5, 20),
    "sign_20d_every_5": Target("whether 20 days gain, every 5 sessions (C3)", 5, 20, part="sign"),
    "excess_sign_20d_every_5": Target("whether 20 days beat the mean, every 5 (C3)", 5, 20, part="excess_sign"),
    "1d": Target("next session's return, daily (C4)", 1, 1),
    "10d": Target("10-day return, daily (C4, C12)", 1, 10),
    "5d_weekly": Target("5-day return, weekly (C5)", "week", 5),
    "5d": Target("5-day return, daily (C6, C9, C12)", 1, 5),
    "4d_close": Target("return from close t+1 to close t+5, daily (C7)", 1, 4, "close"),
    "5d_residual": Target("residual 5-day return, daily (C10, C11)", 1, 5, part="residual"),
}
"""Targets by the name that a signal's ``horizon`` gives."""


@dataclass(frozen=True)
class Labels:
    """Labels of every section, NaN where a stock could not be entered or is not eligible.

    Attributes
    ----------
    clock : Clock
        The sections, S of them.
    returns : ndarray of float64, shape (S, N)
        Entry to exit return on back-adjusted prices.
    scores : ndarray of float64, shape (S, N)
        What a model is trained on. ``returns``, or their residuals, less their mean over the section, over their
        population standard deviation; or 1 and 0 where a sign is foreseen.
    absent : mapping of str to str
        Exposures that a residual should have been freed of and the market data cannot tell, each with the reason.
    """

    clock: Clock
    returns: np.ndarray
    scores: np.ndarray
    absent: Mapping[str, str] = field(default_factory=dict)

    def count(self) -> np.ndarray:
        """Return the number of valid labels per section, shape (S,)."""
        return np.isfinite(self.scores).sum(axis=1)


def clock_for(horizon: str, dates: np.ndarray, calendar: np.ndarray | None = None) -> Clock:
    """Return the sections of a target by name.

    Parameters
    ----------
    horizon : str
        From `HORIZONS`.
    dates, calendar
        See :func:`signals.clocks.month_ends`.
    """
    target = _target(horizon)
    if target.horizon is None:
        return month_clock(dates, calendar)
    if target.sections == "week":
        return session_clock(dates, week_ends(dates, calendar), target.horizon)
    return session_clock(dates, every(int(target.sections), len(dates)), target.horizon)


def labels_for(horizon: str, panel: MarketPanel, eligible: np.ndarray, calendar: np.ndarray | None = None) -> Labels:
    """Return the labels of a target by name; see `make_labels`."""
    target = _target(horizon)
    return make_labels(panel, eligible, clock_for(horizon, panel.dates, calendar), target.price, target.part)


def _target(horizon: str) -> Target:
    if horizon not in HORIZONS:
        raise unknown("label horizon", horizon, HORIZONS)
    return HORIZONS[horizon]


def monthly_labels(panel: MarketPanel, eligible: np.ndarray, calendar: np.ndarray | None = None) -> Labels:
    """Return next-month returns and their cross-sectional z-scores; see `make_labels`."""
    return labels_for("month", panel, eligible, calendar)


def make_labels(
    panel: MarketPanel, eligible: np.ndarray, clock: Clock, price: str = "vwap", part: str = "return"
) -> Labels:
    """Return the returns of sections and what a model is trained on.

    A section's label is known at the close of its exit day, never before.

    Parameters
    ----------
    panel : MarketPanel
        Raw prices with adjustment factors.
    eligible : ndarray of bool, shape (T, N)
        Stocks that may be scored, per date.
    clock : Clock
    price, part
        See `Target`.

    Notes
    -----
    Prices are VWAP (amount / volume) or close, times ``adj_factor``. There is no label where the stock is suspended on
    the entry day, opens (for closing prices: closes) at or over its up limit, or has one price all day at either limit:
    nobody could have had that return. Leaving is not so forgiving: a stock that is suspended or delisted on the exit
    day keeps the last adjusted close it had, because dropping it would leave only the survivors.
    """
    returns = np.full((len(clock.signal), len(panel.codes)), np.nan)
    known = np.flatnonzero(clock.exit >= 0)
    if len(known):
        entry, exit_, signal = clock.entry[known], clock.exit[known], clock.signal[known]
        bought = np.where(_enterable(panel, entry, price), _adjusted(panel, entry, price), np.nan)
        returns[known] = np.where(eligible[signal], _exit_price(panel, entry, exit_, price) / bought - 1, np.nan)
    if part == "return":
        return Labels(clock, returns, standardise(returns))
    if part == "residual":
        styles, absent = exposures(panel, eligible, clock.signal)
        if not panel.industry_names:
            absent = {**absent, "industry": "needs industries, absent from the market data"}
        residual = neutralise(returns, styles, panel.industry[clock.signal])
        return Labels(clock, returns, standardise(residual), absent)
    excess = returns - _section_means(returns) if part == "excess_sign" else returns
    return Labels(clock, returns, np.where(np.isfinite(returns), (excess > 0).astype(np.float64), np.nan))


def _section_means(returns: np.ndarray) -> np.ndarray:
    """Return the mean of each section's known returns, (S, 1)."""
    known = np.isfinite(returns)
    total = np.where(known, returns, 0.0).sum(axis=1, keepdims=True)
    return total / np.maximum(known.sum(axis=1, keepdims=True), 1)


def standardise(values: np.ndarray) -> np.ndarray:
    """Return z-scores along the last axis, ignoring NaN; a row without spread becomes NaN.

    Parameters
    ----------
    values : ndarray of float, shape (..., N)
    """
    valid = np.isfinite(values)
    count = np.maximum(valid.sum(axis=-1, keepdims=True), 1)
    centred = np.where(valid, values, 0.0)
    centred = np.where(valid, values - centred.sum(axis=-1, keepdims=True) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=-1, keepdims=True) / count)
    flat = spread <= 1e-12 * np.maximum(1.0, np.abs(np.where(valid, values, 0.0)).max(axis=-1, keepdims=True))
    return np.where(valid & ~flat, centred / np.where(flat, 1.0, spread), np.nan)


def require_matured(exit_date: np.datetime64, frozen: np.datetime64) -> None:
    """Assert that a label may be seen by a model frozen at a close: its exit day must not be later.

    Raises
    ------
    SignalError
        If the label ends after the model was frozen, or is not known at all.
    """
    if not exit_date <= frozen:  # NaT fails too
        raise SignalError(f"label exit must not be after the model's freezing at {frozen}, was {exit_date}")


def _field(panel: MarketPanel, name: str) -> np.ndarray:
    if not panel.has_field(name):
        raise DataError(f"market data must hold {name} to make labels, was missing")
    return panel.field(name)


def _adjusted(panel: MarketPanel, days: np.ndarray, price: str) -> np.ndarray:
    """Return a price times the adjustment factor, shape (S, N), NaN without trade."""
    factor = _field(panel, "adj_factor")[days]
    if price == "close":
        return _field(panel, "close")[days] * factor
    volume, amount = _field(panel, "vol")[days], _field(panel, "amount")[days]
    traded = volume > 0
    return np.where(traded, amount / np.where(traded, volume, 1.0), np.nan) * factor


def _enterable(panel: MarketPanel, days: np.ndarray, price: str) -> np.ndarray:
    """Return where a stock could be bought on the day at the price, shape (S, N)."""
    high, low = (_field(panel, name)[days] for name in ("high", "low"))
    first = _field(panel, "close" if price == "close" else "open")[days]
    up, down = (_limit(panel, name, days) for name in ("up_limit", "down_limit"))
    locked = first >= up - _HALF_TICK
    one_price = high - low < _HALF_TICK
    at_down_limit = np.abs(low - down) < _HALF_TICK  # at the up limit all day, it also opened and closed there
    return np.isfinite(first) & ~locked & ~(one_price & at_down_limit)


def _limit(panel: MarketPanel, name: str, days: np.ndarray) -> np.ndarray:
    """Return limit prices, shape (S, N); NaN means that no limit is known, and compares as none."""
    if not panel.has_field(name):
        return np.full((len(days), len(panel.codes)), np.nan)
    return panel.field(name)[days]


def _exit_price(panel: MarketPanel, entry: np.ndarray, exit_: np.ndarray, price: str) -> np.ndarray:
    """Return the adjusted price of the exit day, else the last adjusted close since entry, shape (S, N)."""
    prices = _adjusted(panel, exit_, price)
    close, factor = _field(panel, "close"), _field(panel, "adj_factor")
    for row, (first, last) in enumerate(zip(entry, exit_, strict=True)):
        missing = np.flatnonzero(~np.isfinite(prices[row]))
        held = close[first : last + 1][:, missing] * factor[first : last + 1][:, missing]
        seen = np.isfinite(held)
        latest = np.where(seen.any(axis=0), len(held) - 1 - seen[::-1].argmax(axis=0), 0)
        prices[row, missing] = held[latest, np.arange(len(missing))]
    return prices
