"""Geometry of the page's own charts: scales, ticks and paths for inline SVG that a template draws."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analyzers.conventions import Format
from analyzers.summary import formatted

WIDTH, HEIGHT = 1000, 300  # of the drawing; the page stretches it to the space there is
LOG_FROM = 4.0  # a growth curve whose highest level is this many times its lowest is drawn on a log scale
MOST_DATE_LABELS = 6


@dataclass(frozen=True)
class Tick:
    """A label at a share of the axis, in percent from the left or from the top."""

    at: float
    text: str


@dataclass(frozen=True)
class Trace:
    """One drawn series: its label, its style class, its SVG path and its values as text for the pointer."""

    label: str
    style: str
    path: str
    texts: list[str]


@dataclass(frozen=True)
class Chart:
    """Everything a template needs to draw one chart without further arithmetic."""

    name: str
    title: str
    note: str
    dates: list[str]
    traces: list[Trace]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    positions: list[float]  # of the dates, percent from the left
    bars: bool = False


def line_chart(
    name: str,
    title: str,
    lines: dict[tuple[str, str], pd.Series],
    form: Format,
    *,
    note: str = "",
    log: bool = False,
) -> Chart:
    """Return a chart of lines on one common date axis.

    Parameters
    ----------
    name, title, note : str
        Anchor, heading and small print.
    lines : dict
        ``(label, style class)`` to values by date; all on the same dates.
    form : str
        Format of the values, for the axis and the pointer.
    log : bool
        Use a logarithmic scale if the values span a factor of four or more.
    """
    dates = pd.DatetimeIndex(next(iter(lines.values())).index)
    values = np.concatenate([series.to_numpy(dtype=float) for series in lines.values()])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if form == "count":
        low = min(low, 0.0)
    use_log = log and low > 0 and high / low >= LOG_FROM
    ticks = log_ticks(low, high) if use_log else nice_ticks(low, high, whole=form == "count")
    scale = _Scale(low, high, True) if use_log else _Scale(ticks[0], ticks[-1], False)
    across = date_positions(dates)
    traces = [
        Trace(label, style, _line_path(across, series.to_numpy(dtype=float), scale), _texts(series, form))
        for (label, style), series in lines.items()
    ]
    y_ticks = [Tick(scale.percent(value), _tick_text(value, form)) for value in ticks]
    words = "; ".join(part for part in (note, "log scale" if use_log else "") if part)
    x_ticks = date_ticks(dates)
    return Chart(name, title, words, _iso(dates), traces, x_ticks, y_ticks, _rounded(across))


def bar_chart(name: str, title: str, values: pd.Series, form: Format, *, label: str, note: str = "") -> Chart:
    """Return a chart of one bar per date, red above zero and green below, as Chinese readers expect."""
    dates = pd.DatetimeIndex(values.index)
    numbers = values.to_numpy(dtype=float)
    known = numbers[np.isfinite(numbers)]
    low, high = (float(known.min(initial=0.0)), float(known.max(initial=0.0)))
    ticks = nice_ticks(low, high)
    scale = _Scale(ticks[0], ticks[-1], False)
    step = 100 / max(len(dates), 1)
    across = (np.arange(len(dates)) + 0.5) * step
    texts = _texts(values, form)
    traces = [
        Trace(label, "up", _bar_path(across, np.where(numbers > 0, numbers, np.nan), step, scale), texts),
        Trace("", "down", _bar_path(across, np.where(numbers < 0, numbers, np.nan), step, scale), []),
    ]
    every = max(1, math.ceil(len(dates) / MOST_DATE_LABELS))
    x_ticks = [Tick(round(float(across[n]), 2), f"{dates[n]:%Y-%m}") for n in range(0, len(dates), every)]
    y_ticks = [Tick(scale.percent(value), _tick_text(value, form)) for value in ticks]
    return Chart(name, title, note, _iso(dates), traces, x_ticks, y_ticks, _rounded(across), bars=True)


def nice_ticks(low: float, high: float, most: int = 5, whole: bool = False) -> list[float]:
    """Return about ``most`` round values that enclose ``low..high``, whole numbers if asked."""
    if not high > low:
        high, low = high + 0.5 * (abs(high) or 1), low - 0.5 * (abs(low) or 1)
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    units = (1, 2, 5, 10) if whole else (1, 2, 2.5, 5, 10)
    step = next(power * unit for unit in units if power * unit >= rough * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return round values within ``low..high``, as many of each power of ten as ``most`` allows."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    for units in ((1, 1.5, 2, 3, 4, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        values = [unit * 10.0**power for power in powers for unit in units]
        inside = [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(inside) <= most:
            break
    return inside[:: math.ceil(len(inside) / most) or 1]


def date_positions(dates: pd.DatetimeIndex) -> np.ndarray:
    """Return each date's place on the calendar axis, percent from the left."""
    days = (dates - dates[0]).days.to_numpy(dtype=float)
    return days / days[-1] * 100 if len(days) > 1 and days[-1] > 0 else np.zeros(len(days))


def date_ticks(dates: pd.DatetimeIndex) -> list[Tick]:
    """Return at most seven labels at the starts of years, or of months in a short run."""
    span = (dates[-1] - dates[0]).days
    rule, text = ("YS", "%Y") if span > 2 * 365 else ("MS", "%Y-%m")
    starts = pd.date_range(dates[0], dates[-1], freq=rule)
    if span == 0 or not len(starts):
        return [Tick(0.0, f"{dates[0]:%Y-%m-%d}")]
    every = math.ceil(len(starts) / MOST_DATE_LABELS)
    return [Tick(round((day - dates[0]).days / span * 100, 2), day.strftime(text)) for day in starts[::every]]


class _Scale:
    """Maps a value to a height, linearly or by its logarithm."""

    def __init__(self, low: float, high: float, log: bool) -> None:
        self._log = log
        self._low, self._high = (math.log(low), math.log(high)) if log else (low, high)

    def share(self, values: np.ndarray) -> np.ndarray:
        """Return the share of the height above each value: 0 at the top, 1 at the bottom."""
        placed = np.log(values) if self._log else values
        return (self._high - placed) / (self._high - self._low)

    def percent(self, value: float) -> float:
        return round(float(self.share(np.array(value))) * 100, 2)


def _line_path(across: np.ndarray, values: np.ndarray, scale: _Scale) -> str:
    """Return an SVG path through the known values, broken where one is missing."""
    parts, pen_down = [], False
    for x, y in zip(across * WIDTH / 100, scale.share(values) * HEIGHT, strict=True):
        if not math.isfinite(y):
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{x:.1f},{y:.1f}")
        pen_down = True
    return "".join(parts)


def _bar_path(across: np.ndarray, values: np.ndarray, step: float, scale: _Scale) -> str:
    """Return an SVG path of one rectangle per known value, from zero to the value."""
    zero = float(scale.share(np.array(0.0))) * HEIGHT
    half = step * WIDTH / 100 * 0.36
    parts = []
    for x, y in zip(across * WIDTH / 100, scale.share(values) * HEIGHT, strict=True):
        if math.isfinite(y):
            parts.append(f"M{x - half:.1f},{zero:.1f}V{y:.1f}H{x + half:.1f}V{zero:.1f}Z")
    return "".join(parts)


def _tick_text(value: float, form: Format) -> str:
    """Return an axis label without digits that say nothing."""
    if form == "percent":
        return f"{value * 100:,.4g}%"
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def _texts(values: pd.Series, form: Format) -> list[str]:
    return [formatted(float(value), form) for value in values]


def _iso(dates: Sequence[pd.Timestamp] | pd.DatetimeIndex) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in dates]


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in values]
