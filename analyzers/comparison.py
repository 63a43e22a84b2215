"""Several signals side by side, on the dates and names that all of them score."""

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyzers.deflated_sharpe import deflated_best
from analyzers.evaluation import Evaluation, evaluate, members
from analyzers.signal_quality import Horizon, Scores, overlapping
from feeds.building import open_panel
from feeds.errors import ConfigError, SignalError
from feeds.rules import as_day
from feeds.universe import eligible
from signals.catalogue import find
from signals.freshness import refuse_scores_of_other_data
from signals.table import Signal, SignalFolder
from strategies.execution.clock import refuse_foresight

if TYPE_CHECKING:
    from feeds.panel import MarketPanel

SAME_RHYTHM = 1.5  # a signal with more dates than this times the common ones is of another frequency


@dataclass(frozen=True)
class Comparison:
    """What several signals are worth.

    Attributes
    ----------
    evaluations : tuple of Evaluation
        In the order asked for.
    notes : tuple of str
        What the figures rest on, as sentences.
    horizon : str
        What the forward return spans, in words.
    common : bool
        Whether all are measured on the same dates and names.
    simulated : bool
    """

    evaluations: tuple[Evaluation, ...]
    notes: tuple[str, ...]
    horizon: str
    common: bool
    simulated: bool


def compare_signals(
    data: Path, names: Sequence[str], universe: str = "all", start: str | None = None, end: str | None = None,
    *, horizon: Horizon = "next_signal", own_dates: bool = False, note: Callable[[str], None] = print,
) -> Comparison:  # fmt: skip
    """Compare the signal files of a data folder.

    Parameters
    ----------
    data : Path
        Data folder.
    names : sequence of str
        Signals that have files.
    universe : str
        ``all`` or an index code: who may be chosen on a signal date.
    start, end : str, optional
        First and last signal date; all that there are if omitted.
    horizon, own_dates
        See :func:`compare`.
    note : callable
        Told in words what takes time.

    Raises
    ------
    HuiceError
        If a signal is unknown, was made from other data, could not have been known in time, or has no date in the
        span; or if they cannot be compared.
    """
    if len(set(names)) < len(names):
        raise ConfigError(f"signals must differ from each other, was {', '.join(names)}")
    first, last = (None if day is None else as_day(day) for day in (start, end))
    folders = {name: find(name, data) for name in names}
    panel = open_panel(data, note)
    allowed = eligible(panel, universe)
    scores, notes = {}, []
    for name, (folder, spec) in folders.items():
        refuse_scores_of_other_data(data, spec, folder)
        signals = _read(folder, first, last, panel)
        scores[name] = [(signal.date, signal.codes, signal.scores) for signal in signals]
        if any(signal.meta["proxy"] for signal in signals):
            notes.append(f"{name} is made from proxies of the data that its model asks for")
    return compare(scores, panel, allowed, horizon=horizon, own_dates=own_dates, notes=notes)


def _read(
    folder: SignalFolder, first: np.datetime64 | None, last: np.datetime64 | None, panel: "MarketPanel"
) -> list[Signal]:
    """Return the scores of the dates from ``first`` to ``last``, refusing what could not be known in time."""
    dates = [day for day in folder.dates() if (first is None or day >= first) and (last is None or day <= last)]
    if not dates:
        span = f"from {first or 'the first day'} to {last or 'the last'}"
        raise SignalError(f"signal {folder.name} must have files {span} (train or import it), was without one")
    signals = [folder.read(day) for day in dates]
    for signal in signals:
        row = panel.date_index(signal.date)
        if row + 1 < len(panel.dates):
            refuse_foresight(folder.name, signal, panel.dates[row + 1])
    return signals


def compare(
    signals: Mapping[str, Sequence[Scores]], panel: "MarketPanel", universe: np.ndarray | None = None,
    *, horizon: Horizon = "next_signal", own_dates: bool = False, notes: Sequence[str] = (),
) -> Comparison:  # fmt: skip
    """Evaluate several signals, by default on what is common to them: a fair comparison.

    Parameters
    ----------
    signals : mapping of name to sequence of (date, codes, scores)
    panel : MarketPanel
    universe : numpy.ndarray, optional
        Bool, shape ``(dates, codes)`` of the panel: who may be chosen; listed names if omitted.
    horizon : "next_signal" or int
        As for :func:`analyzers.signal_quality.signal_quality`.
    own_dates : bool
        Measure each signal on all of its own dates and names instead.
    notes : sequence of str
        Sentences to put first.
    """
    told = list(notes)
    if len(signals) > 1 and own_dates:
        told.append("each signal on its own dates and names: differences may come from those")
    elif len(signals) > 1:
        signals, note = common_scores(signals, panel, horizon, universe)
        told.append(note)
    found = tuple(evaluate(name, scores, panel, horizon, universe=universe) for name, scores in signals.items())
    told.extend(deflated_note(found))
    common = len(signals) == 1 or not own_dates
    return Comparison(found, tuple(told), found[0].quality.horizon, common, panel.simulated)


def common_scores(
    signals: Mapping[str, Sequence[Scores]], panel: "MarketPanel", horizon: Horizon,
    universe: np.ndarray | None = None,
) -> tuple[dict[str, list[Scores]], str]:  # fmt: skip
    """Return the scores of the dates and names that all signals have, and a sentence that says what was left out.

    Raises
    ------
    ConfigError
        If there is no common date; or if the returns are to run to the next signal and a signal has more than one
        and a half times the common dates between the first and the last of them: a weekly signal held for the
        months of a monthly one would not be what it is.
    """
    by_date = {name: {item[0]: item for item in members(scores, panel, universe)} for name, scores in signals.items()}
    dates = sorted(set.intersection(*(set(items) for items in by_date.values())))
    if not dates:
        raise ConfigError(
            f"signals must share a date to be compared (or use --own-dates), was none of {_counts(by_date)}"
        )
    within = {name: [day for day in items if dates[0] <= day <= dates[-1]] for name, items in by_date.items()}
    if horizon == "next_signal" and max(map(len, within.values())) > SAME_RHYTHM * len(dates):
        raise ConfigError(
            "signals must be of one frequency to be compared to the next signal (or use --horizon SESSIONS, or "
            f"--own-dates), was {_counts(within)} with {len(dates)} in common from {dates[0]} to {dates[-1]}"
        )
    shared: dict[str, list[Scores]] = {name: [] for name in by_date}
    for day in dates:
        codes = reduce(np.intersect1d, (items[day][1] for items in by_date.values()))
        for name, items in by_date.items():
            _, own, scores = items[day]
            shared[name].append((day, codes, scores[np.searchsorted(own, codes)]))
    names = np.mean([len(codes) for _, codes, _ in next(iter(shared.values()))])
    own_names = ", ".join(
        f"{name} alone {len(items)} and {np.mean([len(items[day][1]) for day in dates]):,.0f}"
        for name, items in by_date.items()
    )
    return shared, f"on the {len(dates)} dates and {names:,.0f} names a date that all of them score ({own_names})"


def deflated_note(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return a sentence on the best Sharpe ratio among the signals, deflated by their number; none if undefined."""
    if len(evaluations) < 2 or any(overlapping(each.quality.by_date) for each in evaluations):
        return []
    best = deflated_best([each.quality.by_date["long_only_excess"].dropna().to_numpy() for each in evaluations])
    if best is None:
        return []
    name = evaluations[best[0]].name
    return [
        f"by the top tenth's excess {name} is best of {len(evaluations)}; that it is above the luck of so many has "
        f"probability {best[1]:.1%} (deflated Sharpe ratio; what was tried besides is not counted)"
    ]


def _counts(dates: Mapping[str, Sized]) -> str:
    return ", ".join(f"{name} {len(days)} dates" for name, days in dates.items())
