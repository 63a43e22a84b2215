"""When a score may be traded: the one place that decides it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from feeds.errors import ConfigError, DataError, SignalError
from feeds.panel import MarketPanel
from feeds.rules import as_day
from signals.table import Signal

NO_BENCHMARK = "none"
PREFERRED_BENCHMARKS = ("H00300.CSI", "000300.SH")
OPENING = "T09:15:00+08:00"  # the opening call begins; orders for the open are in by then


class SignalReader(Protocol):
    """What a run needs of a signal: a folder of files, or scores held in memory."""

    name: str

    def dates(self) -> np.ndarray: ...

    def read(self, date: Any) -> Signal: ...


@dataclass(frozen=True)
class Span:
    """A run's rows of the panel: capital is in place at the close of ``first``; trading starts the day after."""

    first: int
    last: int


def span(panel: MarketPanel, start: Any, end: Any, signal_dates: np.ndarray | None) -> Span:
    """Return the rows of a run.

    Parameters
    ----------
    start, end : date or None
        First and last trading day; a day off moves ``start`` to the next session and ``end`` to the last one.
        Without ``start`` the run begins on the session after the first score. Capital is in place one session
        before, so the first session of the data is never a trading day.
    signal_dates : numpy.ndarray or None
        Dates of the scores, ascending; None for a strategy without scores, which begins with the data.

    Raises
    ------
    ConfigError
        If the days are outside the data or the wrong way round.
    """
    first_day, last_day = panel.dates[0], panel.dates[-1]
    wanted = [None if day is None else as_day(day) for day in (start, end)]
    for name, day in zip(("start", "end"), wanted, strict=True):
        if day is not None and not first_day <= day <= last_day:
            raise ConfigError(f"{name} must be within the data, {first_day} to {last_day}, was {day}")
    begin, stop = wanted
    last = len(panel.dates) - 1 if stop is None else int(np.searchsorted(panel.dates, stop, side="right")) - 1
    if begin is not None:
        first = max(int(np.searchsorted(panel.dates, begin)) - 1, 0)
    elif signal_dates is None:
        first = 0
    else:
        within = signal_dates[(signal_dates >= first_day) & (signal_dates <= panel.dates[last])]
        if not len(within):
            raise ConfigError(f"signal must have a score before the end {panel.dates[last]}, was without one")
        first = int(np.searchsorted(panel.dates, within[0]))
    if first >= last:
        raise ConfigError(f"start must be before end, was {start or panel.dates[first]} to {panel.dates[last]}")
    return Span(first, last)


def scores_by_row(
    panel: MarketPanel, reader: SignalReader, span: Span
) -> tuple[dict[int, tuple[np.ndarray, np.ndarray]], list[Mapping[str, Any]]]:
    """Return the scores of a run by row of the panel, as (columns, scores), and their metadata.

    Raises
    ------
    SignalError
        For a signal date that is no trading day, a code that the market does not have, or a score that could not
        have been known when it would be traded.
    """
    scores: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    metas = []
    before = panel.dates[max(span.first - 1, 0)]  # a day off just before the run is refused too, not skipped
    for day in reader.dates():
        if not before <= day <= panel.dates[span.last]:
            continue
        row = int(np.searchsorted(panel.dates, day))
        if panel.dates[row] != day:
            raise SignalError(f"signal date of {reader.name} must be a trading day, was {day}")
        if row < span.first:
            continue
        signal = reader.read(day)
        if signal.date != day:
            raise SignalError(f"score of {reader.name} {day} must carry that date, was {signal.date}")
        if row + 1 < len(panel.dates):
            refuse_foresight(reader.name, signal, panel.dates[row + 1])
        columns = np.searchsorted(panel.codes, signal.codes).clip(max=len(panel.codes) - 1)
        stray = panel.codes[columns] != signal.codes
        if stray.any():
            raise SignalError(
                f"codes of signal {reader.name} {day} must be in the market's data, was {signal.codes[stray][0]} "
                f"and {int(stray.sum()) - 1} more"
            )
        scores[row] = (columns, signal.scores)
        metas.append(signal.meta)
    return scores, metas


def refuse_foresight(name: str, signal: Signal, execution: np.datetime64) -> None:
    """Raise unless a score was knowable before the session that would trade it.

    The signal date must be before the execution date, the score available before that session's opening call, and
    everything that trained or selected its model must lie at or before the signal date.
    """
    meta = signal.meta
    if not signal.date < execution:
        raise SignalError(f"signal date of {name} must be before its execution on {execution}, was {signal.date}")
    available = meta.get("available_at")
    if available is not None and _moment(available) >= _moment(f"{execution}{OPENING}"):
        raise SignalError(f"score of {name} {signal.date} must be available before {execution}, was {available}")
    for key in ("train_end", "validation_end", "label_end"):
        known = meta.get(key)
        if known is not None and _day(key, known) > signal.date:
            raise SignalError(f"{key} of {name} {signal.date} must not be after the signal date, was {known}")


def _day(key: str, text: Any) -> np.datetime64:
    try:
        return as_day(text)
    except ValueError:
        raise SignalError(f"{key} must be a date, was {text!r}") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise SignalError(f"available_at must be an ISO time, was {text!r}") from None
    return moment if moment.tzinfo else datetime.fromisoformat(f"{text}+08:00")


def benchmark_closes(panel: MarketPanel, code: str | None, span: Span) -> tuple[str | None, np.ndarray]:
    """Return the benchmark's code and closes over the run; a missing day is an error, never filled.

    Without a code, the CSI 300's total-return index is taken (the account collects dividends too), or else its price
    index, or else the first index. One with a gap is not passed over in silence: a price index would flatter. Where
    the data hold no index at all, or the code is ``none``, there is no benchmark and the closes are NaN.
    """
    rows = slice(span.first, span.last + 1)
    if code is None:
        held = [name for name in (*PREFERRED_BENCHMARKS, *panel.indices) if name in panel.indices]
        code = next((name for name in held if np.isfinite(panel.indices[name][rows]).any()), NO_BENCHMARK)
    if code == NO_BENCHMARK:
        return None, np.full(span.last - span.first + 1, np.nan)
    closes = panel.index_close(code)[rows]
    missing = ~np.isfinite(closes)
    if missing.any():
        day = panel.dates[rows][missing][0]
        count = int(missing.sum())
        raise DataError(f"benchmark {code} must have a close on every day, was missing {count}, first {day}")
    return code, closes
