"""The tear sheet: QuantStats draws, the metric core counts, and one offline HTML page shows both."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzers.conventions import Metrics
from analyzers.drawings import STYLE, few_dates, percent_across, percent_up, svg, with_years, without_warm_up
from analyzers.fonts import chart_families, chart_label
from analyzers.metrics import levels_of
from analyzers.page import page_of
from analyzers.page_file import write_page
from analyzers.returns import daily_rate, simple_returns

if TYPE_CHECKING:
    from analyzers.signal_quality import SignalQuality
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

WINDOW = 121  # sessions of the rolling figures: half of an A-share year
FEWEST_SESSIONS = 5  # below this there is nothing to draw
SIZE = (5.6, 2.7)  # inches; small, so that the letters stay readable on a narrow screen
SMALL = (4.6, 2.5)


@dataclass(frozen=True)
class Picture:
    """One drawing as base64 SVG, with the heading and small print the page sets around it."""

    title: str
    note: str
    data: str


def write_tear_sheet(
    path: Path,
    result: "BacktestResult",
    metrics: Metrics,
    panel: "MarketPanel | None" = None,
    quality: "SignalQuality | None" = None,
    *,
    unhedged: "BacktestResult | None" = None,
) -> None:
    """Write one HTML page that needs no network and is the same, byte for byte, for the same run.

    Parameters
    ----------
    path : Path
        File to write; replaced whole or not at all.
    result : BacktestResult
        The run.
    metrics : dict
        What `analyzers.metrics.metrics_of` returned for it: the page computes no figure a second time.
    panel : MarketPanel, optional
        Prices that value the refused orders; without it that section says so.
    quality : SignalQuality, optional
        The signal's information coefficients by date.
    unhedged : BacktestResult, optional
        The same run without its hedge, which a hedged one is shown beside.
    """
    page = page_of(result, metrics, panel, quality, unhedged=unhedged)
    pictures = quantstats_pictures(result, metrics)
    write_page(path, "tear_sheet.html.j2", page | {"pictures": pictures, "window": WINDOW})


def quantstats_pictures(result: "BacktestResult", metrics: Metrics) -> dict[str, Picture | None]:
    """Return QuantStats' drawings of the run's own daily returns; None where a run is too short for one.

    Notes
    -----
    QuantStats fills a benchmark that misses a date with the next level, drops leading zero returns when it
    matches dates, and takes a series without a loss for prices. So it receives both series on the same
    dates, is not asked to match them, and is not asked to draw a run without a losing day.
    """
    nav, benchmark = levels_of(result)
    families = chart_families()
    returns = _labelled(nav, "Portfolio")
    names = ("drawdown", "drawdown_periods", "yearly_returns", "rolling_volatility", "rolling_sharpe")
    pictures: dict[str, Picture | None] = dict.fromkeys((*names, "rolling_beta", "monthly_histogram"))
    if len(returns) < FEWEST_SESSIONS or not (returns < 0).any() or not (returns > 0).any():
        return pictures
    code = str(result.facts.get("benchmark_code") or "")
    label = chart_label(code, str(result.facts.get("names", {}).get(code, "")), families)
    other = None if benchmark is None else _labelled(benchmark, label)
    rf, periods = float(metrics["rf"] or 0), float(metrics["sessions_per_year"] or 0)
    with _quantstats(families) as draw:
        drawings = _whole_run(draw, returns, other) | _rolling(draw, returns, other, rf, periods)
        for name, (title, note, figure) in drawings.items():
            pictures[name] = Picture(title, note, svg(few_dates(figure())))
    return pictures


Drawings = dict[str, tuple[str, str, Callable[[], Any]]]  # name -> (title, note, how to draw it)


def _whole_run(draw: Any, returns: pd.Series, benchmark: pd.Series | None) -> Drawings:
    """Return the drawings that show the run as a whole."""
    common = {"figsize": SIZE, "fontname": None, "subtitle": False, "show": False, "ylabel": ""}
    ready = common | {"prepare_returns": False}
    drawings: Drawings = {
        "drawdown": ("Under water", "Red: mean depth over all sessions.", lambda: draw.drawdown(returns, **common)),
        "drawdown_periods": (
            "Cumulative return and the five longest drawdowns",
            "",
            lambda: draw.drawdowns_periods(returns, **ready),
        ),
        "yearly_returns": (
            "Return by calendar year",
            "Red: mean of the years.",
            lambda: with_years(draw.yearly_returns(returns, benchmark, **ready), returns),
        ),
    }
    if len(pd.period_range(returns.index[0], returns.index[-1], freq="M")) > 3:
        drawings["monthly_histogram"] = (
            "Monthly returns",
            "Line: kernel density; red: mean.",
            lambda: percent_across(draw.histogram(returns, **ready)),
        )
    return drawings


def _rolling(draw: Any, returns: pd.Series, benchmark: pd.Series | None, rf: float, periods: float) -> Drawings:
    """Return the drawings of a moving window; none if the run is no longer than the window."""
    if len(returns) <= WINDOW:
        return {}
    rate = daily_rate(rf, periods)
    other = None if benchmark is None else benchmark - rate
    common = {"figsize": SMALL, "fontname": None, "subtitle": False, "show": False, "ylabel": ""}
    window = common | {"period": WINDOW, "periods_per_year": periods}
    drawings: Drawings = {
        "rolling_volatility": (
            f"Volatility over {WINDOW} sessions",
            "Red: mean of the windows.",
            lambda: percent_up(draw.rolling_volatility(returns, benchmark, **window)),
        ),
        "rolling_sharpe": (
            f"Sharpe ratio over {WINDOW} sessions",
            "Red: mean of the windows.",
            lambda: draw.rolling_sharpe(returns - rate, other, **window),
        ),
    }
    if benchmark is not None:
        beta = common | {"window1": WINDOW, "window2": None, "prepare_returns": False}
        drawings["rolling_beta"] = (
            f"Beta over {WINDOW} sessions",
            "",
            lambda: without_warm_up(draw.rolling_beta(returns, benchmark, **beta), WINDOW),
        )
    return drawings


def _labelled(levels: pd.Series, name: str) -> pd.Series:
    returns = simple_returns(levels).rename(name)
    returns.index = pd.DatetimeIndex(returns.index).astype("datetime64[ns]")
    return returns


@contextmanager
def _quantstats(families: list[str]) -> Iterator[Any]:
    """Give QuantStats' plots, off screen and in our style, and leave no trace in the caller's matplotlib."""
    import matplotlib

    before = matplotlib.get_backend() if "matplotlib.pyplot" in sys.modules else None
    style = STYLE | {"font.family": families}
    font_log = logging.getLogger("matplotlib.font_manager")
    level = font_log.level
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        font_log.setLevel(logging.ERROR)
        matplotlib.use("Agg")
        import quantstats.plots  # sets a theme of its own, which rc_context takes back

        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        try:
            yield quantstats.plots
        finally:
            font_log.setLevel(level)
            if before:
                matplotlib.use(before)
