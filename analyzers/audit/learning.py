"""Whether what a trained signal sees, is trained on and makes of it depends on days that had not come yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from analyzers.audit.findings import Difference, Leak, Row, name_cause
from analyzers.audit.future import Future, after
from analyzers.audit.market import perturbed
from feeds.errors import SignalError
from feeds.panel import MarketPanel
from signals.folds import FoldData, fold_data, score_fold
from signals.freshness import window_hash
from signals.registry import SignalSpec
from signals.splits import Fold, make_folds
from signals.windows import Windows
from signals.workspace import FOLD, Workspace, read_json, workspace_on

MOST_TRIALS = 3  # each computes every feature of the market again
FEATURES, SAMPLES, SCORES = "features", "training samples", "scores"

Found = tuple[int, Difference | None]


@dataclass(frozen=True)
class Market:
    """A market that a signal is made on.

    Attributes
    ----------
    calendar : ndarray of datetime64[D]
        Trading days that may reach beyond the panel.
    features, models : Path
        Where the features of the market as it is, and the signal's models, are kept.
    """

    panel: MarketPanel
    universe: str
    calendar: np.ndarray
    features: Path
    models: Path

    def seen_by(self, spec: SignalSpec, future: Future | None = None, features: Path | None = None) -> Workspace:
        """Return what a signal sees of it, or of its like with another future."""
        panel = self.panel if future is None else perturbed(self.panel, future)
        folder = self.features if features is None else features
        return workspace_on(panel, spec, self.universe, self.calendar, features=folder, models=self.models)


def audit_learning(
    market: Market, spec: SignalSpec, trials: int, seed: int, step: Callable[[str], None] = lambda _: None
) -> tuple[list[Row], Leak | None]:
    """Return the rows of a signal's trials and the first leak.

    Every trial cuts the market at the close at which a model is frozen, draws all later data anew, and computes again
    who is eligible, the windows of every signal date, the samples of every model frozen by then, and the scores that
    the last of those makes if it is there.

    Parameters
    ----------
    spec : SignalSpec
        Any: it need not be registered.
    trials : int
        Number of cuts, :data:`MOST_TRIALS` at most.
    """
    step("features of the market as it is")
    before = market.seen_by(spec)
    folds = make_folds(before.labels.clock, spec.schedule, spec.lookback)
    counts: dict[str, list[int]] = {}
    first: tuple[str, int, Difference] | None = None
    for cut in _cuts(before, folds, min(trials, MOST_TRIALS), seed):
        step("features of another market")
        for name, compared, difference in _trial(market, before, folds, after(cut, seed)):
            if compared or difference is not None:
                count = counts.setdefault(name, [0, 0, 0])
                count[:] = count[0] + 1, count[1] + compared, count[2] + (difference is not None)
            first = first or (None if difference is None else (name, cut, difference))
    rows = [Row(name, *count) for name, count in counts.items()]
    return rows, None if first is None else _leak(market, before, folds, seed, *first, step)


def _trial(
    market: Market, before: Workspace, folds: Sequence[Fold], future: Future
) -> list[tuple[str, int, Difference | None]]:
    """Return what was compared with another future and the first difference, by row."""
    with TemporaryDirectory(prefix="huice-audit-") as folder:
        other = market.seen_by(before.spec, future, Path(folder))
        return [(name, *_compare(name, before, other, folds, future.cut)) for name in (FEATURES, SAMPLES, SCORES)]


def _cuts(work: Workspace, folds: Sequence[Fold], trials: int, seed: int) -> list[int]:
    """Return rows at which a model is frozen, or else signal dates, ascending."""
    clock, last = work.labels.clock, len(work.panel.dates) - 1
    frozen = np.array([clock.signal[fold.scoring[0]] for fold in folds], "int64")
    rows = frozen[frozen < last] if (frozen < last).any() else _signal_rows(work, last - 1)
    return sorted(map(int, np.random.default_rng(seed).permutation(rows)[:trials]))


def _signal_rows(work: Workspace, cut: int) -> np.ndarray:
    """Return the rows of the signal dates up to a cut that have a whole window."""
    rows = work.labels.clock.signal
    return rows[(rows <= cut) & (rows >= work.spec.lookback - 1)]


def _compare(name: str, before: Workspace, other: Workspace, folds: Sequence[Fold], cut: int) -> Found:
    frozen = [fold for fold in folds if fold.frozen <= before.panel.dates[cut]]
    if name == FEATURES:
        return _compare_windows(before, other, cut)
    return _compare_samples(before, other, frozen) if name == SAMPLES else _compare_scores(before, other, frozen, cut)


def _compare_windows(before: Workspace, other: Workspace, cut: int) -> Found:
    """Compare who is eligible on each signal date, and their windows."""
    compared = 0
    for row in map(int, _signal_rows(before, cut)):
        if window_hash(before, row) != window_hash(other, row):
            return compared, _window_difference(before, other, row)
        compared += int(before.eligible[row].sum())
    return compared, None


def _window_difference(before: Workspace, other: Workspace, row: int) -> Difference:
    panel, lookback = before.panel, before.spec.lookback
    moved = np.flatnonzero(before.eligible[row] != other.eligible[row])
    if len(moved):
        words = ["eligible" if work.eligible[row, moved[0]] else "not eligible" for work in (before, other)]
        return Difference("universe", panel.dates[row], str(panel.codes[moved[0]]), *words)
    stocks = np.flatnonzero(before.eligible[row])
    rows = np.full(len(stocks), row)
    windows = [Windows(work.features.values, lookback).gather(stocks, rows) for work in (before, other)]
    stock, lag, feature = np.argwhere(windows[0].view("int32") != windows[1].view("int32"))[0]
    values = [f"{window[stock, lag, feature]:.7g}" for window in windows]
    date = panel.dates[row - lookback + 1 + lag]
    return Difference(f"feature {before.features.names[feature]}", date, str(panel.codes[stocks[stock]]), *values)


def _samples(work: Workspace, fold: Fold) -> FoldData | None:
    """Return a fold's samples, None if there are too few to train on."""
    try:
        return fold_data(work, fold)
    except SignalError:
        return None


def _compare_samples(before: Workspace, other: Workspace, folds: Sequence[Fold]) -> Found:
    """Compare the features that each fold keeps, and the stocks and labels that train and validate it."""
    compared = 0
    for fold in folds:
        held, found = _samples(before, fold), _samples(other, fold)
        if held is None and found is None:
            continue
        if held is None or found is None or (held.names, held.skipped) != (found.names, found.skipped):
            return compared, Difference(f"samples of {fold.name}", fold.frozen, "", _words(held), _words(found))
        for batch, twin in zip(held.train + held.validation, found.train + found.validation, strict=True):
            one, two = (np.array([b.stocks, b.days, b.labels, b.mask], "float64") for b in (batch, twin))
            if not np.array_equal(one, two):
                return compared, _label_difference(before, one, two)
            compared += len(batch.stocks)
    return compared, None


def _words(data: FoldData | None) -> str:
    return "none" if data is None else f"{len(data.names)} features on {len(data.train + data.validation)} dates"


def _label_difference(work: Workspace, *parts: np.ndarray) -> Difference:
    """Return the first sample of a date that only one of two batches has, or has with that label."""
    samples = [{int(stock): (label, bool(there)) for stock, _, label, there in part.T} for part in parts]
    stock = min(stock for stock in samples[0] | samples[1] if samples[0].get(stock) != samples[1].get(stock))
    words = [f"{each[stock][0]:.7g}" if each.get(stock, (0, False))[1] else "none" for each in samples]
    return Difference("label", work.panel.dates[int(parts[0][1, 0])], str(work.panel.codes[stock]), *words)


def _compare_scores(before: Workspace, other: Workspace, folds: Sequence[Fold], cut: int) -> Found:
    """Compare what the last model of today's settings makes of its dates up to the cut; nothing if there is none."""
    pages = [(fold, read_json(before.folder / fold.name / FOLD)) for fold in folds]
    made = [(fold, page) for fold, page in pages if page and page.get("config_hash") == before.config_hash]
    if not made:
        return 0, None
    fold, page = made[-1]
    positions = [position for position in fold.scoring if before.labels.clock.signal[position] <= cut]
    compared = 0
    for held, found in zip(*(score_fold(work, fold, page, positions) for work in (before, other)), strict=True):
        if not np.array_equal(held.codes, found.codes):
            return compared, Difference("scores", held.date, "", f"{len(held.codes)} stocks", f"{len(found.codes)}")
        moved = np.flatnonzero(held.scores.view("int64") != found.scores.view("int64"))
        if len(moved):
            values = [f"{signal.scores[moved[0]]:.7g}" for signal in (held, found)]
            return compared, Difference("score", held.date, str(held.codes[moved[0]]), *values)
        compared += len(held.codes)
    return compared, None


def _leak(
    market: Market, before: Workspace, folds: Sequence[Fold], seed: int,
    name: str, cut: int, difference: Difference, step: Callable[[str], None],
) -> Leak:  # fmt: skip
    """Find what alone makes the difference, with one feature where one is enough to see it."""
    spec = _narrowed(before, folds, name, difference)
    with TemporaryDirectory(prefix="huice-audit-") as folder:
        plain = market.seen_by(spec, features=Path(folder) / "before")

        def differs(future: Future) -> bool:
            step("looking for the cause")
            with TemporaryDirectory(prefix="huice-audit-") as other:
                return _compare(name, plain, market.seen_by(spec, future, Path(other)), folds, cut)[1] is not None

        dates = market.panel.dates
        cause = name_cause(after(cut, seed), differs, dates, "the day")
    return Leak(name, dates[cut], difference, cause)


def _narrowed(work: Workspace, folds: Sequence[Fold], name: str, difference: Difference) -> SignalSpec:
    if name == FEATURES:
        feature = difference.what.removeprefix("feature ")
        return replace(work.spec, features=feature if feature in work.features.names else work.features.names[0])
    data = [data for fold in folds if (data := _samples(work, fold)) is not None]
    if name == SCORES or difference.what != "label" or not data:
        return work.spec
    return replace(work.spec, features=data[0].names[0])
