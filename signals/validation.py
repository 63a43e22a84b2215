"""What is wrong with a folder of signal files, and whether any score could not have been known in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from feeds.errors import SignalError
from feeds.panel import MarketPanel
from feeds.universe import Universe
from signals.labels import month_ends
from signals.table import SignalFolder

SHANGHAI = timezone(timedelta(hours=8))
CALL_AUCTION = "09:15:00"  # orders for the open are taken from then on: a score must be there
SMALLEST_COVERAGE = 0.8
LONGEST_GAP = 1.6  # times the median gap between files, where the horizon is not known
SAMPLE = 5
TRAINED_UNTIL = ("train_end", "validation_end", "label_end")


@dataclass(frozen=True)
class Finding:
    """One thing to know about a signal folder.

    Attributes
    ----------
    level : {"error", "warning"}
        An error makes the signal unfit for a backtest.
    rule : str
        Short name of the rule, such as ``look-ahead``.
    date : str
        The signal date, or "" for the whole folder.
    count : int
        How many rows or dates break the rule.
    sample : tuple of str
        The first few of them.
    message : str
        The rule and what was found, as a sentence.
    """

    level: str
    rule: str
    date: str
    count: int
    sample: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        where = f" {self.date}" if self.date else ""
        sample = f" ({', '.join(self.sample)}{', ...' if self.count > len(self.sample) else ''})" if self.sample else ""
        return f"{self.level}{where} {self.rule}: {self.message}{sample}"


def validate(
    folder: SignalFolder, panel: MarketPanel, universe: str | None = None, calendar: np.ndarray | None = None
) -> list[Finding]:
    """Return everything found, folder first, then date by date; an empty list is a clean signal.

    Parameters
    ----------
    folder : SignalFolder
    panel : MarketPanel
        The market that the signal is to be traded on.
    universe : str, optional
        The stocks that ought to have a score: ``all`` or an index code. By default those that each file says it
        was made for, and all if it does not say.
    calendar : ndarray of datetime64[D], optional
        Trading days that may reach beyond the panel.
    """
    allowed: dict[str, Universe] = {}
    findings = list(_folder(folder, panel, calendar))
    for date in folder.dates():
        meta = folder.meta(date)
        findings += _timing(date, meta, panel)
        try:
            table = folder.table(date)
        except SignalError as problem:
            findings.append(_found("error", "damaged file", date, [], str(problem), count=1))
            continue
        codes = table["ts_code"].to_numpy().astype(str)
        name = universe or meta.get("universe") or "all"
        if name not in allowed:
            allowed[name] = Universe(panel, name)
        findings += _rows(date, codes, table["score"].to_numpy(), panel, allowed[name])
    return findings


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that forbid a backtest."""
    return [finding for finding in findings if finding.level == "error"]


def _found(
    level: str, rule: str, date: Any, offenders: Sequence[Any], message: str, count: int | None = None
) -> Finding:
    sample = tuple(str(offender) for offender in offenders[:SAMPLE])
    return Finding(level, rule, str(date), len(offenders) if count is None else count, sample, message)


def _folder(folder: SignalFolder, panel: MarketPanel, calendar: np.ndarray | None) -> Iterator[Finding]:
    dates = folder.dates()
    if not len(dates):
        yield _found("error", "empty", "", [], f"{folder.path} must hold a signal file, was without one", count=1)
        return
    unlisted = folder.unlisted()
    if unlisted:
        yield _found("error", "unlisted file", "", unlisted, "files must be named in manifest.json; use signals import")
    inside = dates[(dates >= panel.dates[0]) & (dates <= panel.dates[-1])]
    outside = sorted(set(dates) - set(inside))
    if outside:
        span = f"{panel.dates[0]} to {panel.dates[-1]}"
        yield _found("warning", "outside the data", "", outside, f"signal dates must lie within the data, {span}")
    closed = inside[~np.isin(inside, panel.dates)]
    if len(closed):
        yield _found("error", "non-trading date", "", list(closed), "signal dates must be trading days")
    kinds = {folder.meta(date).get("config_hash") for date in dates}
    if len(kinds) > 1:
        yield _found("error", "mixed settings", "", sorted(map(str, kinds)), "all files must be made with one setting")
    unknown = [date for date in dates if all(folder.meta(date).get(key) is None for key in TRAINED_UNTIL)]
    if unknown:
        message = "nobody can tell whether these scores saw the future: their training span is not given"
        yield _found("warning", "training span unknown", "", unknown, message)
    yield from _gaps(folder, dates, panel, calendar)


def _gaps(
    folder: SignalFolder, dates: np.ndarray, panel: MarketPanel, calendar: np.ndarray | None
) -> Iterator[Finding]:
    ends = panel.dates[month_ends(panel.dates, calendar)]
    if {folder.meta(date).get("label_horizon") for date in dates} == {"month"}:
        missing = ends[(ends > dates[0]) & (ends < dates[-1]) & ~np.isin(ends, dates)]
        if len(missing):
            yield _found("warning", "missing month", "", list(missing), "every month-end must have a file")
        elsewhere = dates[~np.isin(dates, ends) & (dates <= panel.dates[-1])]
        if len(elsewhere):
            yield _found(
                "warning", "not a month-end", "", list(elsewhere), "monthly scores must be of a month's last session"
            )
        expected = 1.6 * 21
    else:
        sessions = np.searchsorted(panel.dates, dates)
        steps = np.diff(sessions)
        expected = LONGEST_GAP * float(np.median(steps)) if len(steps) else np.inf
        long = np.flatnonzero(steps > expected)
        if len(long):
            spans = [f"{dates[place]} to {dates[place + 1]}" for place in long]
            yield _found("warning", "gap", "", spans, f"files must not be more than {expected:.0f} sessions apart")
    age = len(panel.dates) - 1 - int(np.searchsorted(panel.dates, dates[-1]))
    if age > expected:
        message = f"last file must be at most {expected:.0f} sessions older than the data, was {age}"
        yield _found("warning", "stale", "", [dates[-1]], message)


def _timing(date: np.datetime64, meta: dict[str, Any], panel: MarketPanel) -> Iterator[Finding]:
    """Look for knowledge of days after the signal date, and for scores that come after the next open."""
    ends = {key: meta.get(key) for key in TRAINED_UNTIL}
    for key, end in ends.items():
        if end is not None and not np.datetime64(end, "D") <= date:
            yield _found("error", "look-ahead", date, [], f"{key} must not be after the signal date, was {end}", 1)
    opening = datetime.fromisoformat(f"{_next_session(date, panel)}T{CALL_AUCTION}").replace(tzinfo=SHANGHAI)
    try:
        available = datetime.fromisoformat(str(meta.get("available_at")))
    except ValueError:
        available = None
    if available is None or available.tzinfo is None:
        message = f"available_at must be an ISO time with +08:00, was {meta.get('available_at')}"
        yield _found("error", "availability", date, [], message, 1)
    elif available >= opening:
        message = (
            f"available_at must be before the next session's call auction at {opening.isoformat()}, was {available}"
        )
        yield _found("error", "look-ahead", date, [], message, 1)
    elif available < datetime.fromisoformat(f"{date}T15:00:00").replace(tzinfo=SHANGHAI):
        message = f"available_at must be after the close of the signal date, was {available}"
        yield _found("warning", "availability", date, [], message, 1)


def _next_session(date: np.datetime64, panel: MarketPanel) -> np.datetime64:
    """Return the session after a date; past the panel's end, the next weekday."""
    following = int(np.searchsorted(panel.dates, date, side="right"))
    if following < len(panel.dates):
        return panel.dates[following]
    return np.busday_offset(date + np.timedelta64(1, "D"), 0, roll="forward")


def _rows(
    date: np.datetime64, codes: np.ndarray, scores: np.ndarray, panel: MarketPanel, universe: Universe
) -> Iterator[Finding]:
    unique, counts = np.unique(codes, return_counts=True)
    if (counts > 1).any():
        yield _found("error", "duplicate code", date, list(unique[counts > 1]), "each code must have one score")
    unscored = codes[~np.isfinite(scores)]
    if len(unscored):
        yield _found("error", "missing score", date, list(unscored), "scores must be finite numbers")
    if len(np.unique(scores[np.isfinite(scores)])) == 1 < len(scores):
        yield _found("warning", "constant", date, [], "scores must differ to rank stocks, all were equal", len(scores))
    place = np.searchsorted(panel.codes, unique).clip(max=len(panel.codes) - 1)
    known = panel.codes[place] == unique
    if not known.all():
        yield _found("warning", "unknown code", date, list(unique[~known]), "codes must be in the market data")
    row = int(np.searchsorted(panel.dates, date))
    if row == len(panel.dates) or panel.dates[row] != date:
        return
    listed = panel.listed_days(row)[place[known]] > 0
    if not listed.all():
        gone = list(unique[known][~listed])
        yield _found("warning", "not listed", date, gone, "codes must be listed on the signal date")
    wanted = panel.codes[universe.on(row)]
    lacking = wanted[~np.isin(wanted, unique)]
    if len(wanted) and 1 - len(lacking) / len(wanted) < SMALLEST_COVERAGE:
        share = 1 - len(lacking) / len(wanted)
        message = f"scores must cover {SMALLEST_COVERAGE:.0%} of {universe.name}, was {share:.0%} of {len(wanted)}"
        yield _found("warning", "coverage", date, list(lacking), message)
