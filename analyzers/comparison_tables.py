"""A comparison of signals as tables of text: one column per signal."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from analyzers.comparison import Comparison
from analyzers.conventions import METRICS, Format
from analyzers.evaluation import COST_PER_SIDE, DECAY_ENDS, Evaluation
from analyzers.signal_quality import TENTHS
from analyzers.summary import UNDEFINED, formatted

# Figures that only an evaluation has; the others' labels and formats are those of the metric core.
OWN: dict[str, tuple[str, Format]] = {
    "score_autocorrelation": ("Rank autocorrelation of scores", "number"),
    "long_only_excess_net_mean": (f"the same after {COST_PER_SIDE * 10_000:g} bp a side", "percent"),
    "long_only_excess_positive": ("Top tenth above all", "percent"),
    "long_only_excess_sharpe": ("Sharpe ratio of that excess, not annualised", "number"),
    "long_only_excess_psr": ("Probability that it is above 0", "percent"),
    "tenths_in_order": ("Order of the tenths", "number"),
}
FIGURES = (
    *("signal_dates", "signal_coverage", "signal_coverage_lowest"),
    *("ic_mean", "ic_sd", "ic_positive", "ic_t", "icir", "icir_annual"),
    *("rank_ic_mean", "rank_ic_sd", "rank_ic_positive", "rank_ic_t", "rank_icir", "rank_icir_annual"),
    *("rank_mae_score", "score_turnover", "score_autocorrelation", "tenths_in_order"),
    *("long_short_mean", "long_only_excess_mean", "long_only_excess_net_mean", "long_only_excess_positive"),
    *("long_only_excess_sharpe", "long_only_excess_psr"),
)

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]  # head and rows


def tables(comparison: Comparison) -> Iterator[Table]:
    """Yield the figures, the decay, the tenths and the years."""
    found = comparison.evaluations
    names = tuple(each.name for each in found)
    yield ("Figures", *names), _figure_rows(found)
    yield ("RankIC of sessions", *names), _decay_rows(found)
    yield ("Mean return of tenth", *names), _tenth_rows(found)
    yield ("RankIC (top tenth's excess)", *names), _year_rows(found)


def _figure_rows(found: Sequence[Evaluation]) -> list[tuple[str, ...]]:
    spans = [(f"{each.quality.by_date['date'].min():%Y-%m-%d}", f"{each.quality.by_date['date'].max():%Y-%m-%d}")
             if len(each.quality.by_date) else (UNDEFINED, UNDEFINED) for each in found]  # fmt: skip
    rows: list[tuple[str, ...]] = [
        ("First signal date", *(first for first, _ in spans)),
        ("Last signal date measured", *(last for _, last in spans)),
    ]
    for name in FIGURES:
        label, form = OWN[name] if name in OWN else (METRICS[name].label, METRICS[name].format)
        rows.append((label, *(formatted(each.figures[name], form) for each in found)))
    return rows


def _decay_rows(found: Sequence[Evaluation]) -> list[tuple[str, ...]]:
    """Return the RankIC from the entry to each end, and in brackets that since the end before."""
    rows = []
    for before, end in pairwise((0, *DECAY_ENDS)):
        cells = []
        for each in found:
            whole, part = (formatted(each.figures[f"decay_rank_ic_{first}_{end}"], "number") for first in (0, before))
            cells.append(whole if before == 0 else f"{whole} ({part})")
        rows.append((f"1 to {end}" if before == 0 else f"1 to {end} ({before + 1} to {end})", *cells))
    return rows


def _tenth_rows(found: Sequence[Evaluation]) -> list[tuple[str, ...]]:
    ends = {1: " (lowest score)", TENTHS: " (highest score)"}
    return [
        (f"{n}{ends.get(n, '')}", *(formatted(each.figures[f"tenth_{n}"], "percent") for each in found))
        for n in range(1, TENTHS + 1)
    ]


def _year_rows(found: Sequence[Evaluation]) -> list[tuple[str, ...]]:
    rows = []
    for year in sorted({year for each in found for year in each.by_year.index}):
        cells = []
        for each in found:
            rank_ic = formatted(each.figures.get(f"rank_ic_{year}"), "number")
            excess = formatted(each.figures.get(f"long_only_excess_{year}"), "percent")
            cells.append(f"{rank_ic} ({excess})")
        rows.append((str(year), *cells))
    return rows
