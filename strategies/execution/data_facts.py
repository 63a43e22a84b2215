"""What a run's data know and what they lack: the facts that tell how far its figures can be believed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from feeds.panel import MarketPanel
from feeds.universe import Universe
from strategies.execution.clock import Span

Scores = Mapping[int, tuple[np.ndarray, np.ndarray]]


def data_facts(panel: MarketPanel, rows: Span, universe: Universe, scores: Scores) -> dict[str, Any]:
    """Return what the tables behind a run cover.

    Parameters
    ----------
    panel : MarketPanel
        The market.
    rows : Span
        The run.
    universe : Universe
        Who could be bought.
    scores : mapping of int to (columns, scores)
        What the strategy read, by row of the panel.

    Returns
    -------
    dict
        Shares are fractions; None stands for what the panel does not say.
    """
    ever = universe.ever(rows.first, rows.last)
    days = slice(rows.first, rows.last + 1)
    coverage = panel.coverage
    return {
        "universe": universe.name,
        "universe_stocks": int(ever.sum()),
        "universe_size": [[str(panel.dates[row])[:7], int(universe.on(row).sum())] for row in scores],
        "universe_later_delisted": _share(panel.delist_index[ever] < len(panel.dates)),
        "universe_without_bar": _without_bar(panel, universe, days),
        "universe_absent": _absent(panel, universe, days),
        "universe_unscored": _unscored(universe, scores),
        "membership": _membership(panel, universe, days),
        "st_known": panel.st_known,
        "st_stocks": int(np.count_nonzero(panel.st[days].any(axis=0) & ever)),
        "st_unknown_stocks": None if coverage is None else int((ever & ~coverage.name_histories).sum()),
        "limits_stated": None if coverage is None else _mean(coverage.stated_limits[days]),
        "industries": _industries(panel),
        "events_known": bool(len(panel.events.stock)),
    }


def _share(marked: np.ndarray) -> float | None:
    return float(marked.mean()) if len(marked) else None


def _mean(shares: np.ndarray) -> float | None:
    known = shares[np.isfinite(shares)]
    return float(known.mean()) if len(known) else None


def _listed(panel: MarketPanel, universe: Universe, days: slice) -> int:
    """Return the stock-days on which a stock of the universe was listed."""
    if universe.members is None:
        spans = np.minimum(panel.delist_index, days.stop) - np.maximum(panel.list_index, days.start)
        return int(spans.clip(min=0).sum())
    rows = np.arange(days.start, days.stop)[:, None]
    listed = (rows >= panel.list_index) & (rows < panel.delist_index)
    return int(np.count_nonzero(universe.members[days] & listed))


def _without_bar(panel: MarketPanel, universe: Universe, days: slice) -> float | None:
    """Return the share of the universe's listed stock-days without a trade, suspended or missing."""
    without, listed = panel.suspended[days], _listed(panel, universe, days)
    if universe.members is not None:
        without = without & universe.members[days]
    return int(np.count_nonzero(without)) / listed if listed else None


def _absent(panel: MarketPanel, universe: Universe, days: slice) -> float | None:
    """Return the share of an index's member-days that are of stocks without a bar in the data, 0 for ``all``."""
    if universe.members is None:
        return 0.0
    if panel.coverage is None:
        return None
    absent = int(panel.coverage.absent_members[universe.name][days].sum())
    present = int(universe.members[days].sum())
    return absent / (absent + present) if absent + present else None


def _unscored(universe: Universe, scores: Scores) -> float | None:
    """Return the share of the stocks that could be bought on signal dates that had no score then."""
    wanted = missing = 0
    for row, (columns, values) in scores.items():
        unscored = universe.on(row).copy()
        wanted += int(unscored.sum())
        unscored[columns[np.isfinite(values)]] = False
        missing += int(unscored.sum())
    return missing / wanted if wanted else None


def _membership(panel: MarketPanel, universe: Universe, days: slice) -> dict[str, Any] | None:
    """Return on how many days an index's members changed, the last of them, and the days without any; None for all."""
    if universe.members is None:
        return None
    inside = universe.members[days]
    changed = np.flatnonzero((inside[1:] != inside[:-1]).any(axis=1)) + days.start + 1
    return {
        "sessions": len(inside),
        "changes": len(changed),
        "last_change": str(panel.dates[changed[-1]]) if len(changed) else None,
        "empty_days": int((~inside.any(axis=1)).sum()),
    }


def _industries(panel: MarketPanel) -> str:
    """Return ``none``, ``dated``, or ``of one day`` where each stock has one industry for all time."""
    if not panel.industry_names:
        return "none"
    return "dated" if panel.coverage is not None and panel.coverage.dated_industries else "of one day"
