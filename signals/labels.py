"""What a score is trained to foresee: next month's return on prices at which one could have traded."""

from dataclasses import dataclass

import numpy as np

from feeds.errors import ConfigError, DataError, SignalError
from feeds.panel import MarketPanel

HORIZONS = ("month",)
MINIMUM_LABELS = 30  # a date with fewer valid labels neither trains nor validates
_HALF_TICK = 0.005  # yuan: prices and limits are multiples of 0.01


@dataclass(frozen=True)
class Clock:
    """The days of each monthly section: scored after one close, entered and left on later sessions.

    Attributes
    ----------
    signal, entry, exit : ndarray of int, shape (S,)
        Indices into the panel's dates: the last session of month m, the first of m+1, the first of m+2.
        -1 where that session lies after the panel's end.
    dates : ndarray of datetime64[D], shape (S,)
        Signal dates, ascending.
    exit_dates : ndarray of datetime64[D], shape (S,)
        Exit dates, NaT where they lie after the panel's end.
    """

    signal: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    dates: np.ndarray
    exit_dates: np.ndarray


@dataclass(frozen=True)
class Labels:
    """Labels of every section, NaN where a stock could not be entered or is not eligible.

    Attributes
    ----------
    clock : Clock
        The sections, S of them.
    returns : ndarray of float64, shape (S, N)
        Entry to exit return on back-adjusted VWAP.
    scores : ndarray of float64, shape (S, N)
        ``returns`` less their mean over the section, over their population standard deviation.
    """

    clock: Clock
    returns: np.ndarray
    scores: np.ndarray

    def count(self) -> np.ndarray:
        """Return the number of valid labels per section, shape (S,)."""
        return np.isfinite(self.scores).sum(axis=1)


def month_ends(dates: np.ndarray, calendar: np.ndarray | None = None) -> np.ndarray:
    """Return the indices of the last session of every month, ascending.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (T,)
        Trading days, ascending.
    calendar : ndarray of datetime64[D], optional
        Trading days that may reach beyond ``dates``. It decides whether the last of ``dates`` ends its month;
        without it, or where it ends too early, that day counts only if no weekday is left in the month.
    """
    months = dates.astype("datetime64[M]")
    ends = np.flatnonzero(months[1:] != months[:-1])
    if len(dates) and _ends_month(dates[-1], calendar):
        ends = np.append(ends, len(dates) - 1)
    return ends


def _ends_month(day: np.datetime64, calendar: np.ndarray | None) -> bool:
    following = day.astype("datetime64[M]") + np.timedelta64(1, "M")
    later = np.array([], dtype="datetime64[D]") if calendar is None else calendar[calendar > day]
    if len(later):
        return bool(later[0].astype("datetime64[M]") > day.astype("datetime64[M]"))
    return int(np.busday_count(day + np.timedelta64(1, "D"), following.astype("datetime64[D]"))) == 0


def month_clock(dates: np.ndarray, calendar: np.ndarray | None = None) -> Clock:
    """Return the monthly sections of a run of trading days."""
    signal = month_ends(dates, calendar)
    entry = np.where(signal + 1 < len(dates), signal + 1, -1)
    months = dates.astype("datetime64[M]")
    exit_ = np.searchsorted(months, months[signal] + np.timedelta64(2, "M"))
    exit_ = np.where(exit_ < len(dates), exit_, -1)
    exit_dates = np.where(exit_ >= 0, dates[exit_], np.datetime64("NaT", "D"))
    return Clock(signal, entry, exit_, dates[signal], exit_dates)


def monthly_labels(panel: MarketPanel, eligible: np.ndarray, calendar: np.ndarray | None = None) -> Labels:
    """Return next-month returns and their cross-sectional z-scores.

    A section's label is known at the close of its exit day, never before.

    Parameters
    ----------
    panel : MarketPanel
        Raw prices with adjustment factors.
    eligible : ndarray of bool, shape (T, N)
        Stocks that may be scored, per date.
    calendar : ndarray of datetime64[D], optional
        Trading days that may reach beyond the panel, see :func:`month_ends`.

    Notes
    -----
    Price is VWAP (amount / volume) times ``adj_factor``. There is no label where the stock is suspended on the
    entry day, opens at or over its up limit, or has one price all day at either limit: nobody could have had
    that return. Leaving is not so forgiving: a stock that is suspended or delisted on the exit day keeps the
    last adjusted close it had, because dropping it would leave only the survivors.
    """
    clock = month_clock(panel.dates, calendar)
    returns = np.full((len(clock.signal), len(panel.codes)), np.nan)
    known = np.flatnonzero(clock.exit >= 0)
    if len(known):
        entry, exit_, signal = clock.entry[known], clock.exit[known], clock.signal[known]
        bought = np.where(_enterable(panel, entry), _adjusted_vwap(panel, entry), np.nan)
        returns[known] = np.where(eligible[signal], _exit_price(panel, entry, exit_) / bought - 1, np.nan)
    return Labels(clock, returns, standardise(returns))


def labels_for(horizon: str, panel: MarketPanel, eligible: np.ndarray, calendar: np.ndarray | None = None) -> Labels:
    """Return the labels of a horizon by name."""
    if horizon not in HORIZONS:
        raise ConfigError(f"label horizon must be one of {', '.join(HORIZONS)}, was {horizon}")
    return monthly_labels(panel, eligible, calendar)


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
        raise DataError(f"market data must hold {name} to make monthly labels, was missing")
    return panel.field(name)


def _adjusted_vwap(panel: MarketPanel, days: np.ndarray) -> np.ndarray:
    """Return amount / volume times the adjustment factor, shape (S, N), NaN without trade."""
    volume, amount = _field(panel, "vol")[days], _field(panel, "amount")[days]
    traded = volume > 0
    return np.where(traded, amount / np.where(traded, volume, 1.0), np.nan) * _field(panel, "adj_factor")[days]


def _enterable(panel: MarketPanel, days: np.ndarray) -> np.ndarray:
    """Return where a stock could be bought on the day, shape (S, N)."""
    open_, high, low = (_field(panel, name)[days] for name in ("open", "high", "low"))
    up, down = (_limit(panel, name, days) for name in ("up_limit", "down_limit"))
    opens_locked = open_ >= up - _HALF_TICK
    one_price = high - low < _HALF_TICK
    at_down_limit = np.abs(low - down) < _HALF_TICK  # at the up limit all day, it also opened there
    return np.isfinite(open_) & ~opens_locked & ~(one_price & at_down_limit)


def _limit(panel: MarketPanel, name: str, days: np.ndarray) -> np.ndarray:
    """Return limit prices, shape (S, N); NaN means that no limit is known, and compares as none."""
    if not panel.has_field(name):
        return np.full((len(days), len(panel.codes)), np.nan)
    return panel.field(name)[days]


def _exit_price(panel: MarketPanel, entry: np.ndarray, exit_: np.ndarray) -> np.ndarray:
    """Return the adjusted VWAP of the exit day, else the last adjusted close since entry, shape (S, N)."""
    price = _adjusted_vwap(panel, exit_)
    close, factor = _field(panel, "close"), _field(panel, "adj_factor")
    for row, (first, last) in enumerate(zip(entry, exit_, strict=True)):
        missing = np.flatnonzero(~np.isfinite(price[row]))
        held = close[first : last + 1][:, missing] * factor[first : last + 1][:, missing]
        seen = np.isfinite(held)
        latest = np.where(seen.any(axis=0), len(held) - 1 - seen[::-1].argmax(axis=0), 0)
        price[row, missing] = held[latest, np.arange(len(missing))]
    return price
