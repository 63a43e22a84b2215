"""Figures as text: one formatter for the terminal and the page, so that both print the same characters."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analyzers.conventions import GROUPS, METRICS, Format, Metrics, Value

UNDEFINED = "n/a"


@dataclass(frozen=True)
class Figure:
    """A figure of ``metrics.json`` as a page shows it."""

    name: str
    label: str
    text: str
    convention: str


def formatted(value: Value, form: Format) -> str:
    """Return a figure as text, ``n/a`` if it is undefined.

    Parameters
    ----------
    value : float, int, str or None
        Percentages and basis points are fractions; dates are ISO text.
    form : str
        A format of `MetricSpec`.
    """
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return UNDEFINED
    if form == "date" or isinstance(value, str):
        return str(value)
    if form == "percent":
        return _without_minus_zero(f"{value * 100:,.2f}%")
    if form == "basis points":
        return _without_minus_zero(f"{value * 10_000:,.2f} bp")
    if form == "yuan":
        return _without_minus_zero(f"{value:,.0f}")
    if form == "count":
        return f"{value:,.0f}"
    digits = 2 if abs(value) >= 1 else 3
    return _without_minus_zero(f"{value:,.{digits}f}")


def convention(name: str, metrics: Metrics) -> str:
    """Return the convention of a figure with the run's own rate and sessions per year put in."""
    rate = formatted(metrics.get("rf"), "percent")
    periods = formatted(metrics.get("sessions_per_year"), "number")
    return METRICS[name].convention.format(rf=rate, periods=periods)


def figure(name: str, metrics: Metrics) -> str:
    """Return a figure of ``metrics.json`` as text."""
    return formatted(metrics.get(name), METRICS[name].format)


def figure_of(name: str, metrics: Metrics) -> Figure:
    """Return a figure with its label, text and convention."""
    return Figure(name, METRICS[name].label, figure(name, metrics), convention(name, metrics))


def summary_rows(metrics: Metrics) -> list[tuple[str, str, str, str]]:
    """Return ``(group, label, formatted value, convention)`` of every figure, in the order of the groups.

    A group without a single defined figure is left out: a run without a benchmark has no beta to miss.
    """
    return [
        (group, METRICS[name].label, figure(name, metrics), convention(name, metrics))
        for group, names in defined_groups(metrics)
        for name in names
    ]


def defined_groups(metrics: Metrics) -> Iterator[tuple[str, list[str]]]:
    """Yield each group that has a defined figure, with the names of all its figures."""
    for group in GROUPS:
        names = [name for name, spec in METRICS.items() if spec.group == group]
        if any(metrics.get(name) is not None for name in names):
            yield group, names


def _without_minus_zero(text: str) -> str:
    """Return the text without the sign that rounding leaves on a small negative number."""
    return text[1:] if text.startswith("-") and not any(digit in text for digit in "123456789") else text
