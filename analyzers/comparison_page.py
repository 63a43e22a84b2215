"""The page of a comparison of signals: its tables, with RankIC and the top tenth's excess over time."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analyzers.charts import Chart, line_chart
from analyzers.comparison import Comparison
from analyzers.comparison_tables import tables
from analyzers.evaluation import COST_PER_SIDE, Evaluation
from analyzers.page_file import write_page

STYLES = ("portfolio", "down", "up", "unhedged", "relative", "benchmark")  # of the lines, in the order of the signals


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write one HTML page that needs no network and is the same, byte for byte, for the same comparison.

    Parameters
    ----------
    path : Path
        File to write; replaced whole or not at all.
    comparison : Comparison
    """
    names = [each.name for each in comparison.evaluations]
    variables = {
        "title": " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])),
        "horizon": comparison.horizon,
        "notes": comparison.notes,
        "simulated": comparison.simulated,
        "charts": charts(comparison),
        "tables": list(tables(comparison)),
    }
    write_page(path, "comparison.html.j2", variables)


def charts(comparison: Comparison) -> list[Chart]:
    """Return the running sums over signal dates of RankIC and of the top tenth's excess; none without a date."""
    found = comparison.evaluations
    if not any(len(each.quality.by_date) for each in found):
        return []
    span = f"forward return {comparison.horizon}"
    rank_ics = [each.quality.by_date.set_index("date")["rank_ic"] for each in found]
    rank_ic = line_chart("rank-ic-sum", "Running sum of RankIC", _running(found, rank_ics), "number", note=span)
    net = f"{span}, after {COST_PER_SIDE * 10_000:g} bp a side"
    lines = _running(found, [each.net_excess for each in found])
    return [rank_ic, line_chart("excess-sum", "Running sum of the top tenth's excess", lines, "percent", note=net)]


def _running(found: Sequence[Evaluation], series: Sequence[pd.Series]) -> dict[tuple[str, str], pd.Series]:
    """Return running sums on the dates of all, by label and style; a signal keeps its sum on dates it lacks."""
    table = pd.concat(series, axis=1).sort_index().fillna(0.0).cumsum()
    return {(each.name, STYLES[n % len(STYLES)]): table.iloc[:, n] for n, each in enumerate(found)}
