"""The dress of QuantStats' drawings: what is taken out, put right and recoloured before they go on the page."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd

STYLE = {
    "svg.hashsalt": "huice",
    "svg.fonttype": "path",
    "font.size": 9.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "xtick.color": "#5b6b7b",
    "ytick.color": "#5b6b7b",
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": "#dfe5ea",
    "grid.color": "#dfe5ea",
    "grid.linewidth": 0.6,
}
COLOURS = {"#fedd78": "#9aa5b1", "#348dc1": "#2166ac", "#ff0000": "#c0282d"}  # QuantStats' own: the page's


def few_dates(figure: Any) -> Any:
    """Thin out the ticks of a time axis: QuantStats writes so many dates that they run into each other."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateLocator

    axis = figure.axes[0].xaxis
    if isinstance(axis.get_major_locator(), DateLocator):
        locator = AutoDateLocator(minticks=3, maxticks=6)
        axis.set_major_locator(locator)
        axis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
        for label in axis.get_majorticklabels():
            label.set_horizontalalignment("center")
    return figure


def percent_across(figure: Any) -> Any:
    """Write the ticks of a histogram as they are: QuantStats cuts them to whole percents."""
    from matplotlib.ticker import PercentFormatter

    figure.axes[0].xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def percent_up(figure: Any) -> Any:
    """Write the ticks of a level as whole percents."""
    from matplotlib.ticker import PercentFormatter

    figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def with_years(figure: Any, returns: pd.Series) -> Any:
    """Put each year under its bars, where QuantStats' own labels are not."""
    years = sorted(set(pd.DatetimeIndex(returns.index).year))
    axes = figure.axes[0]
    bars = np.array([[bar.get_x() + bar.get_width() / 2 for bar in group] for group in axes.containers])
    form = "{}" if len(years) <= 10 else "{:02d}"
    labels = [form.format(year if len(years) <= 10 else year % 100) for year in years]
    axes.set_xticks(bars.mean(axis=0), labels, ha="center")
    axes.minorticks_off()
    axes.grid(False, axis="x")
    return figure


def without_warm_up(figure: Any, window: int) -> Any:
    """Take out the zeros QuantStats draws before the first full window, and its mean that counts them."""
    from matplotlib.ticker import AutoLocator

    axes = figure.axes[0]
    line, mean = axes.lines[0], axes.lines[1]
    values = np.array(line.get_ydata(), dtype=float)
    values[: window - 1] = np.nan
    line.set_ydata(values)
    mean.remove()
    axes.set_xlim(line.get_xdata()[window - 1], line.get_xdata()[-1])
    axes.yaxis.set_major_locator(AutoLocator())
    axes.relim()
    axes.autoscale(axis="y")
    axes.get_legend().remove()
    return figure


def svg(figure: Any) -> str:
    """Return a figure in the page's dress as base64 SVG that depends on nothing but what was drawn."""
    for text in list(figure.texts):
        text.remove()  # the page sets the heading
    for axes in figure.axes:
        axes.set_title("")
        axes.tick_params(axis="x", labelrotation=0)
        for line in axes.lines:
            line.set_linewidth(min(line.get_linewidth(), 1.2))
        for artist in (*axes.lines, *axes.patches, *axes.collections):
            _recolour(artist)
        if axes.get_legend() is not None:
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderaxespad=0)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing, bbox_inches="tight", pad_inches=0.03)
    text = buffer.getvalue()
    return base64.b64encode(text[text.index("<svg") :].encode()).decode()


def _recolour(artist: Any) -> None:
    """Draw portfolio, benchmark and means in the colours they have elsewhere on the page."""
    from matplotlib.colors import to_hex, to_rgba

    for part in ("color", "facecolor", "edgecolor"):
        get, put = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
        if get is None or put is None:
            continue
        colours = [get()] if isinstance(get(), str | tuple) else list(np.atleast_2d(get()))
        replacement = COLOURS.get(to_hex(colours[0])) if colours else None
        if replacement:
            put(to_rgba(replacement, to_rgba(colours[0])[3]))
