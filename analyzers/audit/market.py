"""A market and its scores with another future: the same up to a cut, drawn anew after it."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from analyzers.audit.bars import DrawnBars, DrawnFields
from analyzers.audit.future import EVENTS, NAMES, Future
from feeds.events import CorporateEvents
from feeds.futures import BARS, FuturesPanel
from feeds.panel import MarketPanel, Spans
from signals.table import Signal
from strategies.execution.clock import SignalReader

CHANGED = 0.3  # share of the stock-days whose status is another


def perturbed(panel: MarketPanel, future: Future) -> MarketPanel:
    """Return the market with another future; arrays of which nothing changes are the panel's own."""
    moved = replace(panel, **_listing(panel, future))
    bars = DrawnBars(moved, future)
    first, last = future.first, len(panel.dates)
    changed: dict[str, Any] = {"fields": DrawnFields(bars)}
    if "ST" in first:
        changed["st"] = _flipped(panel.st, first["ST"], future)
    halts = min(first.get("suspensions", last), first.get("listing", last))
    if halts < last:
        suspended = np.array(panel.suspended)
        suspended[halts:] = moved.listed[halts:] & ~bars.traded.T[halts - bars.start :]
        changed["suspended"] = suspended
    if "membership" in first:
        changed["member_spans"] = {
            index: _spans(spans, first["membership"], moved, future, f"member {index}")
            for index, spans in panel.member_spans.items()
        }
    if "industries" in first:
        changed["industry_spans"] = _spans(panel.industry_spans, first["industries"], moved, future, "industry")
    if "index closes" in first:
        row = first["index closes"]
        changed["indices"] = {code: _closes(closes, row, future, code) for code, closes in panel.indices.items()}
        amounts = panel.index_amounts.items()
        changed["index_amounts"] = {code: _closes(held, row, future, f"{code} amount") for code, held in amounts}
    if {"futures open", "futures"} & first.keys():
        changed["futures"] = _futures(panel.futures, future)
    if NAMES in first:
        order = future.random(NAMES).permutation(len(panel.names))
        changed["names"] = tuple(panel.names[place] for place in order)
    if EVENTS in first:
        changed |= _dated_rows(moved, first[EVENTS], future)
    return replace(moved, fingerprint=f"{panel.fingerprint} {future}", **changed)


def _listing(panel: MarketPanel, future: Future) -> dict[str, Any]:
    """Return other listing and delisting rows for the stocks whose own come later."""
    first, last = future.first.get("listing", len(panel.dates)), len(panel.dates)
    if first >= last:
        return {}
    random, count = future.random("listing"), len(panel.codes)
    listed = np.where(panel.list_index >= first, _soon(random, first, last - 1, count), panel.list_index)
    left = np.where(random.random(count) < CHANGED, _soon(random, first, last, count), last)
    left = np.maximum(left, listed + 1)
    return {"list_index": listed, "delist_index": np.where(panel.delist_index >= first, left, panel.delist_index)}


def _soon(random: np.random.Generator, first: int, last: int, count: int) -> np.ndarray:
    """Return rows from the first on, a third of them the first itself and most of the others within weeks."""
    wait = np.where(random.random(count) < 1 / 3, 0, random.exponential(20, count).astype(int))
    return np.minimum(first + wait, last)


def _flipped(status: np.ndarray, first: int, future: Future) -> np.ndarray:
    result = np.array(status)
    result[first:] ^= future.random("ST").random(result[first:].shape, "float32") < CHANGED
    return result


def _spans(spans: Spans, first: int, panel: MarketPanel, future: Future, purpose: str) -> Spans:
    """Return spans that end otherwise where they reach the first row drawn anew, and others that begin after it."""
    last, count = len(panel.dates), len(panel.codes)
    if first >= last or not len(spans.stock):
        return spans
    random = future.random(purpose)
    begun = spans.start < first
    end = spans.end[begun]
    other = np.where(random.random(len(end)) < 0.5, first, random.integers(first, last + 1, len(end)))
    stock = np.flatnonzero(random.random(count) < 0.5)
    start = np.where(random.random(len(stock)) < 0.5, first, random.integers(first, last, len(stock)))
    parts = (
        (spans.stock[begun], stock),
        (spans.start[begun], start),
        (np.where(end >= first, other, end), random.integers(start + 1, last + 1)),
        (spans.value[begun], random.permutation(np.resize(np.unique(spans.value), len(stock)))),
    )
    return Spans(*(np.concatenate(part).astype("int32") for part in parts))


def _closes(closes: np.ndarray, first: int, future: Future, purpose: str) -> np.ndarray:
    """Return an index, or its amounts, walking on from its last value before the first row; gaps stay gaps."""
    known = closes[:first][np.isfinite(closes[:first])]
    level = known[-1] if len(known) else 1000.0
    result = np.array(closes)
    steps = future.random(f"index {purpose}").normal(0, 0.02, len(closes) - first)
    result[first:] = np.where(np.isfinite(closes[first:]), level * np.exp(np.cumsum(steps)), np.nan)
    return result


def _futures(futures: FuturesPanel, future: Future) -> FuturesPanel:
    """Return futures whose prices go another way; who is listed until when are terms that do not change."""
    start, (count, rows) = future.cut + 1, futures.close.shape
    if not count:
        return futures
    random, shape = future.random("futures"), (count, rows - start)
    level = np.exp(np.cumsum(random.normal(0, 0.02, shape[1])) + random.normal(0, 0.01, shape))
    bars: dict[str, Any] = {name: np.array(getattr(futures, name)) for name in BARS}
    for name in ("open", "high", "low", "close", "settle", "vol"):
        drawn = bars[name][:, start:] * level * np.exp(random.normal(0, 0.01, shape))
        first = future.whole["futures open" if name == "open" else "futures"] - start
        bars[name][:, start + first :] = drawn[:, first:]
    bars["high"] = np.maximum.reduce([bars[name] for name in ("open", "high", "close")])
    bars["low"] = np.minimum.reduce([bars[name] for name in ("open", "low", "close")])
    before = bars["settle"][:, start : rows - 1]
    bars["pre_settle"][:, start + 1 :] = np.where(np.isfinite(before), before, bars["pre_settle"][:, start + 1 :])
    for name in BARS:
        first = future.first.get("futures open" if name == "open" else "futures", rows)
        bars[name][:, :first] = getattr(futures, name)[:, :first]
    return replace(futures, **bars)


def _dated_rows(panel: MarketPanel, first: int, future: Future) -> dict[str, Any]:
    """Return every table of dated rows without those of later rows, and with dividends that nobody has declared."""
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(panel)):
        table = getattr(panel, name)
        if hasattr(table, "PARTS"):
            kept = table.row < first
            new = _dividends(panel, first, future) if isinstance(table, CorporateEvents) else {}
            none = np.zeros(len(next(iter(new.values()), ())))
            parts = (np.append(getattr(table, part)[kept], new.get(part, none)) for part in table.PARTS)
            found[name] = type(table)(*parts)
    return found


def _dividends(panel: MarketPanel, first: int, future: Future) -> dict[str, np.ndarray]:
    """Return dividends of up to 2 % and bonus shares for a third of the stocks."""
    random, last = future.random(EVENTS), len(panel.dates)
    stock = np.flatnonzero(random.random(len(panel.codes)) < CHANGED)
    if first >= last or not len(stock):
        return {}
    row = _soon(random, first, last - 1, len(stock))
    price = DrawnBars(panel, future).last("close", 10.0)[stock]
    return {
        "stock": stock, "row": row, "cash": price * random.uniform(0.001, 0.02, len(stock)),
        "shares": random.choice([0.0, 0.2, 0.5], len(stock)), "pay_row": row, "tradable_row": row,
    }  # fmt: skip


class HeldScores:
    """Scores read once and handed out as often as they are asked for, a copy each."""

    def __init__(self, reader: SignalReader):
        self.name = reader.name
        self._reader = reader
        self._dates = reader.dates()
        self._held: dict[Any, Signal] = {}

    def dates(self) -> np.ndarray:
        return self._dates

    def read(self, date: Any) -> Signal:
        if date not in self._held:
            self._held[date] = self._reader.read(date)
        signal = self._held[date]
        return replace(signal, codes=signal.codes.copy(), scores=signal.scores.copy())


class DrawnScores:
    """Scores of which those dated from a row of the panel on are drawn anew, for most of the same stocks."""

    def __init__(self, reader: SignalReader, panel: MarketPanel, future: Future):
        self.name = reader.name
        self._reader = reader
        self._future = future
        first = future.first.get("scores", len(panel.dates))
        self._first = panel.dates[first] if first < len(panel.dates) else None

    def dates(self) -> np.ndarray:
        return self._reader.dates()

    def read(self, date: Any) -> Signal:
        signal = self._reader.read(date)
        if self._first is None or date < self._first:
            return signal
        random = self._future.random(f"scores {date}")
        kept = random.random(len(signal.codes)) < 0.9
        kept[0] = True
        return replace(signal, codes=signal.codes[kept], scores=random.standard_normal(int(kept.sum())))
