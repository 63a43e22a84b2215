"""One signal in full: its quality, how fast it decays, what its top tenth earns after costs, year by year."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzers.conventions import Metrics
from analyzers.deflated_sharpe import Track, probabilistic_sharpe
from analyzers.forward_returns import AdjustedPrices, Entry
from analyzers.signal_quality import (
    FEWEST_NAMES,
    Horizon,
    Scores,
    SignalQuality,
    ic,
    overlapping,
    rank_ic,
    signal_quality,
)

if TYPE_CHECKING:
    from feeds.panel import MarketPanel

COST_PER_SIDE = 0.0008  # of the value traded: the account's own default
DECAY_ENDS = (1, 5, 10, 20, 40, 60)  # sessions after the entry
# First and last session of what decay measures: all from the entry on, and what came since the end before.
DECAY_SPANS = tuple(sorted({*((0, end) for end in DECAY_ENDS), *pairwise((0, *DECAY_ENDS))}))


@dataclass(frozen=True)
class Evaluation:
    """What a signal is worth.

    Attributes
    ----------
    name : str
    quality : SignalQuality
        Its per-date table, returns by fifth and tenth, and figures.
    net_excess : pandas.Series
        Return of the top tenth less that of all names per signal date, after costs.
    decay : pandas.DataFrame
        ``first, last, dates, ic, rank_ic``: means over dates against the return from ``first`` to ``last`` sessions
        after the entry.
    by_year : pandas.DataFrame
        Indexed by year: ``dates, ic, rank_ic, rank_ic_sd, rank_ic_positive, long_short, long_only_excess``.
    figures : dict
        Everything as flat names to numbers; an undefined figure is None.
    """

    name: str
    quality: SignalQuality
    net_excess: pd.Series
    decay: pd.DataFrame
    by_year: pd.DataFrame
    figures: Metrics


def evaluate(
    name: str,
    signals: Sequence[Scores],
    panel: "MarketPanel",
    horizon: Horizon = "next_signal",
    entry: Entry = "open",
    universe: np.ndarray | None = None,
) -> Evaluation:
    """Evaluate one signal; see :func:`analyzers.signal_quality.signal_quality` for the parameters."""
    ordered = members(signals, panel, universe)
    quality = signal_quality(ordered, panel, horizon, entry, universe)
    net = quality.by_date["long_only_excess"] - COST_PER_SIDE * traded(quality.by_date, horizon)
    fading = decay(ordered, panel, entry)
    years = by_year(quality.by_date)
    figures = {
        **quality.metrics,
        "score_autocorrelation": rank_autocorrelation(ordered),
        **_top_figures(quality, net),
        **_tenth_figures(quality.tenth_returns),
        **{f"decay_{kind}_{row['first']:.0f}_{row['last']:.0f}": _number(row[kind])
           for _, row in fading.iterrows() for kind in ("ic", "rank_ic")},
        **{f"{kind}_{year}": _number(row[kind])
           for year, row in years.iterrows() for kind in ("rank_ic", "long_only_excess")},
    }  # fmt: skip
    return Evaluation(name, quality, net.set_axis(quality.by_date["date"]), fading, years, figures)


def members(signals: Sequence[Scores], panel: "MarketPanel", universe: np.ndarray | None = None) -> list[Scores]:
    """Return the finite scores of names one may choose from on their date, in order of dates and codes.

    Parameters
    ----------
    universe : numpy.ndarray, optional
        Bool, shape ``(dates, codes)`` of the panel; listed names if omitted.
    """
    prices, listed = AdjustedPrices(panel), panel.listed if universe is None else universe
    kept = []
    for date, codes, scores in sorted(signals, key=lambda item: item[0]):
        columns, known = prices.columns_of(codes)
        values = np.asarray(scores, dtype=float)[known]
        inside = listed[panel.date_index(date), columns] & np.isfinite(values)
        columns, values = columns[inside], values[inside]
        order = np.argsort(columns)
        kept.append((date, np.asarray(panel.codes)[columns[order]], values[order]))
    return kept


def traded(by_date: pd.DataFrame, horizon: Horizon) -> pd.Series:
    """Return what the top tenth trades for each signal date, bought and sold, as a share of its value.

    To the next signal, the names replaced are sold and their followers bought, and the first tenth is only bought;
    weights are set equal again for nothing. A position of so many sessions is bought and sold whole.
    """
    if horizon != "next_signal":
        return pd.Series(2.0, index=by_date.index)
    return (2 * by_date["score_turnover"]).fillna(1.0)


def rank_autocorrelation(signals: Sequence[Scores]) -> float | None:
    """Return the mean Spearman correlation of each date's scores with those of the date before, names of both."""
    values = []
    for (_, codes_before, before), (_, codes, now) in pairwise(signals):
        _, left, right = np.intersect1d(codes_before, codes, return_indices=True)
        values.append(rank_ic(np.asarray(before, dtype=float)[left], np.asarray(now, dtype=float)[right]))
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def decay(
    signals: Sequence[Scores],
    panel: "MarketPanel",
    entry: Entry = "open",
    spans: Sequence[tuple[int, int]] = DECAY_SPANS,
) -> pd.DataFrame:
    """Return how well the scores order the returns of later and later sessions.

    Parameters
    ----------
    spans : sequence of (int, int)
        First and last session of a return, counted from the entry on the session after the signal date: (0, 20) is
        what a position of 20 sessions earns, (10, 20) what one earns that comes ten sessions late.

    Returns
    -------
    pandas.DataFrame
        ``first, last, dates, ic, rank_ic``, a row per span; means over the dates whose return is known.
    """
    prices = AdjustedPrices(panel, entry)
    found: dict[tuple[int, int], list[tuple[float | None, float | None]]] = {span: [] for span in spans}
    for date, codes, scores in signals:
        row = panel.date_index(date)
        columns, known = prices.columns_of(codes)
        values = np.asarray(scores, dtype=float)[known]
        for first, last in spans:
            if row + 1 + last >= len(panel.dates):
                continue
            forward = prices.forward_returns(row + 1 + first, row + 1 + last, columns)
            if (np.isfinite(values) & np.isfinite(forward)).sum() >= FEWEST_NAMES:
                found[first, last].append((ic(values, forward), rank_ic(values, forward)))
    rows = []
    for (first, last), pairs in found.items():
        mean = pd.DataFrame(pairs, columns=["ic", "rank_ic"], dtype=float).mean()
        rows.append((first, last, len(pairs), mean["ic"], mean["rank_ic"]))
    return pd.DataFrame(rows, columns=["first", "last", "dates", "ic", "rank_ic"])


def by_year(by_date: pd.DataFrame) -> pd.DataFrame:
    """Return means per calendar year of the signal dates; the columns are those of :class:`Evaluation`."""
    above = (by_date["rank_ic"] > 0).astype(float).where(by_date["rank_ic"].notna())
    groups = by_date.assign(rank_ic_positive=above).groupby(by_date["date"].dt.year.rename("year"))
    means = groups[["ic", "rank_ic", "rank_ic_positive", "long_short", "long_only_excess"]].agg("mean")
    means.insert(0, "dates", groups.size())
    means.insert(3, "rank_ic_sd", groups["rank_ic"].std(ddof=1))
    return means


def _top_figures(quality: SignalQuality, net: pd.Series) -> Metrics:
    """Return what the top tenth earned over all names after costs, and how sure that is to be more than nothing."""
    gross = quality.by_date["long_only_excess"]
    track = None if overlapping(quality.by_date) else Track.of(gross.dropna().to_numpy())
    return {
        "long_only_excess_net_mean": _number(net.mean()),
        "long_only_excess_positive": _number((gross.dropna() > 0).mean()),
        "long_only_excess_sharpe": None if track is None else track.sharpe,
        "long_only_excess_psr": None if track is None else probabilistic_sharpe(track),
    }


def _tenth_figures(tenths: pd.DataFrame) -> Metrics:
    """Return the mean return of each tenth, and whether they stand in order: their Spearman correlation with 1..10."""
    means = tenths.mean()
    figures: Metrics = {f"tenth_{number}": _number(means[number]) for number in tenths.columns}
    figures["tenths_in_order"] = rank_ic(np.asarray(tenths.columns, dtype=float), means.to_numpy())
    return figures


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def flat(evaluations: Sequence[Evaluation]) -> Mapping[str, Metrics]:
    """Return the figures of several signals by name; all have the same names of figures."""
    names = dict.fromkeys(name for evaluation in evaluations for name in evaluation.figures)
    return {each.name: {name: each.figures.get(name) for name in names} for each in evaluations}
