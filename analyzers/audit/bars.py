"""Another future for every stock's fields: bars of the same shape and rules, on other prices and other days."""

import threading
from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from analyzers.audit.future import FIELDS, VALUATION, Future
from feeds.panel import MarketPanel

TRADED = ("open", "high", "low", "close", "pre_close", "vol", "amount", "up_limit", "down_limit")
HALTED = 0.07  # share of stock-days without a bar
AT_LIMIT = 0.3  # share of bars that close at the limit they move toward
ONE_PRICE = 0.2  # share of those that never left it
WIDEST = 0.1  # a bar's largest move where it ends at no limit
STEP, MARKET_STEP, OPENING, REACH = 0.04, 0.02, 0.06, 0.01  # deviations of log prices, a day


class DrawnBars:
    """The fields of a panel with their future drawn anew, one field at a time.

    Prices walk from the last close; opens, closes, highs and lows keep their order and stay within limits, many of
    them at a limit, so that whoever looks at one sees another picture. Where the session after the cut is already
    open, its open, reference price and limits are kept, and the rest of its bar fits them.

    Parameters
    ----------
    panel : MarketPanel
        The market, with the listing days of the trial.
    future : Future
        What is drawn anew. Arrays of N stocks x S rows begin with the row after the cut.
    """

    def __init__(self, panel: MarketPanel, future: Future):
        self.panel = panel
        self.future = future
        self.start = future.cut + 1
        self.shape = len(panel.codes), len(panel.dates) - self.start

    def field(self, name: str) -> np.ndarray:
        """Return a field, (N, T); the panel's own array if nothing of it changes."""
        kept, first = self.panel.fields[name], self._column(FIELDS.get(name, VALUATION))
        moved = name in TRADED and not np.array_equal(self.traded, self._had_bar)
        if first >= self.shape[1] and not moved:
            return kept
        values = np.array(kept)
        tail, drawn = values[:, self.start :], self._draw(name)
        tail[:, first:] = drawn[:, first:]
        if name in TRADED:
            resumed = self.traded & ~self._had_bar
            tail[resumed] = drawn[resumed]
            halted = ~self.traded
            halted[:, :first] &= self._had_bar[:, :first]  # what is kept of a day without a bar stays as it was
            tail[halted] = np.nan
        return values

    @cached_property
    def traded(self) -> np.ndarray:
        """Which stocks have a bar on which rows, (N, S) bool."""
        traded = self._had_bar.copy()
        halts, listing = self._column("suspensions"), self._column("listing")
        if halts < self.shape[1]:
            traded[:, halts:] = self._share("suspensions")[:, halts:] >= HALTED
        first = min(halts, listing)
        traded[:, first:] &= self.panel.listed[self.start + first :].T
        return traded

    @cached_property
    def _had_bar(self) -> np.ndarray:
        return np.isfinite(self.panel.fields["close"][:, self.start :])

    def _column(self, kind: str) -> int:
        """Return the first of the S rows that is drawn anew; S if none is."""
        return min(self.future.first.get(kind, len(self.panel.dates)) - self.start, self.shape[1])

    def _normal(self, purpose: str, deviation: float) -> np.ndarray:
        return self.future.random(purpose).standard_normal(self.shape, "float32") * np.float32(deviation)

    def _share(self, purpose: str) -> np.ndarray:
        return self.future.random(purpose).random(self.shape, "float32")

    def last(self, name: str, default: float) -> np.ndarray:
        """Return a field's last value up to the cut, (N,)."""
        past = self.panel.fields[name][:, : self.start]
        known = np.isfinite(past)
        last = past[np.arange(len(past)), known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)]
        return np.where(known.any(axis=1), last, default)

    def _known(self, kind: str) -> int:
        """Return how many of the S rows the whole trial keeps: one or none."""
        return min(self.future.whole[kind] - self.start, 1)

    def _kept(self, name: str, drawn: np.ndarray) -> np.ndarray:
        """Return drawn values, with the panel's own in the first row where the whole trial keeps them."""
        known = self._known(FIELDS[name])
        held = self.panel.fields[name][:, self.start : self.start + known]
        drawn[:, :known] = np.where(np.isfinite(held), held, drawn[:, :known])
        return drawn

    def _draw(self, name: str) -> np.ndarray:
        """Return a field's drawn values, (N, S)."""
        if name not in FIELDS:
            random = self.future.random(name)
            others = self.panel.fields[name][random.permutation(self.shape[0]), self.start :]
            return others * np.exp(random.standard_normal(self.shape, "float32"))
        return getattr(self, name)

    @cached_property
    def _steps(self) -> np.ndarray:
        """Log returns from the reference price to the close, (N, S)."""
        steps = self._normal("close", STEP)
        steps += self.future.random("market").standard_normal(self.shape[1], "float32") * np.float32(MARKET_STEP)
        return np.clip(steps, np.log1p(-WIDEST), np.log1p(WIDEST), out=steps)

    @cached_property
    def _walk(self) -> np.ndarray:
        """The first row's reference price and the closes from then on, (N, S + 1)."""
        gap = self.future.random("pre_close").normal(0, WIDEST, self.shape[0])
        reference = self._kept("pre_close", (self.last("close", 10.0) * np.exp(gap))[:, None])
        return np.concatenate([reference, reference * np.exp(_fold(np.cumsum(self._steps, axis=1)))], axis=1)

    @cached_property
    def pre_close(self) -> np.ndarray:
        return self._walk[:, :-1]

    @cached_property
    def close(self) -> np.ndarray:
        close, known = self._walk[:, 1:].copy(), self._known("limits")
        down, up = (self.panel.fields[name][:, self.start : self.start + known] for name in ("down_limit", "up_limit"))
        limit = np.where(self._steps[:, :known] > 0, up, down)
        ends_there = self._at_limit[:, :known] & np.isfinite(limit)
        close[:, :known] = np.where(ends_there, limit, np.fmin(np.fmax(close[:, :known], down), up))
        return close

    @cached_property
    def _at_limit(self) -> np.ndarray:
        return self._share("limits") < AT_LIMIT

    @cached_property
    def up_limit(self) -> np.ndarray:
        before, close = self.pre_close, self.close
        widest = np.maximum(before * (1 + WIDEST), close)
        return self._kept("up_limit", np.where(self._at_limit & (close > before), close, widest))

    @cached_property
    def down_limit(self) -> np.ndarray:
        before, close = self.pre_close, self.close
        widest = np.minimum(before * (1 - WIDEST), close)
        return self._kept("down_limit", np.where(self._at_limit & (close < before), close, widest))

    @cached_property
    def open(self) -> np.ndarray:
        moved = self.pre_close * np.exp(self._normal("open", OPENING))
        one_price = self._at_limit & (self._share("one price") < ONE_PRICE)
        return self._kept("open", np.where(one_price, self.close, np.clip(moved, self.down_limit, self.up_limit)))

    @cached_property
    def high(self) -> np.ndarray:
        least = np.maximum(self.open, self.close)
        reached = np.minimum(least * np.exp(np.abs(self._normal("high", REACH))), self.up_limit)
        return np.where(self.open == self.close, least, np.maximum(reached, least))

    @cached_property
    def low(self) -> np.ndarray:
        most = np.minimum(self.open, self.close)
        reached = np.maximum(most * np.exp(-np.abs(self._normal("low", REACH))), self.down_limit)
        return np.where(self.open == self.close, most, np.minimum(reached, most))

    @cached_property
    def vol(self) -> np.ndarray:
        return np.round(self.last("vol", 1e6)[:, None] * np.exp(self._normal("vol", 1.0))) + 100.0

    @property
    def amount(self) -> np.ndarray:
        return self.vol * (self.low + self._share("amount") * (self.high - self.low))

    @property
    def adj_factor(self) -> np.ndarray:
        jumps = np.where(self._share("ex-dates") < 0.01, self._normal("adj_factor", 0.1), np.float32(0))
        jumps[:, 0] += np.where(self._share("first factor")[:, 0] < 0.5, -0.1, 0.2)  # nobody's stays the same
        return self.last("adj_factor", 1.0)[:, None] * np.exp(np.cumsum(jumps, axis=1, dtype="float64"))


def _fold(logs: np.ndarray) -> np.ndarray:
    """Return log prices reflected into [-1, 1], by a slope of one: no step grows."""
    return 1 - np.abs((logs + 1) % 4 - 2)


class DrawnFields(Mapping[str, np.ndarray]):
    """A panel's fields, each drawn when it is first asked for."""

    def __init__(self, bars: DrawnBars):
        self._bars = bars
        self._held: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()  # features are computed in threads

    def __getitem__(self, name: str) -> np.ndarray:
        with self._lock:
            if name not in self._held:
                self._held[name] = self._bars.field(name)
            return self._held[name]

    def __contains__(self, name: object) -> bool:
        return name in self._bars.panel.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._bars.panel.fields)

    def __len__(self) -> int:
        return len(self._bars.panel.fields)
