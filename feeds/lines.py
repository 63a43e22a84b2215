"""The panel as Backtrader data: one clock feed, and a stock's feed made when it is first asked for."""

import os
import weakref
from array import array
from collections.abc import Sequence
from functools import cached_property
from math import nan
from operator import index
from typing import Any

import backtrader as bt
import numpy as np
from backtrader.linebuffer import LineBuffer

from feeds.errors import DataError, unknown
from feeds.panel import MarketPanel

_UNIX_EPOCH = 719163.0  # 1970-01-01 as Backtrader counts days
# A feed's lines in Backtrader's order, by the panel field behind each; open interest has none.
_FIELDS = ("close", "low", "high", "open", "vol", "", "datetime")


class PastLine(LineBuffer):
    """A line that refuses to show later days, and is NaN before the run."""

    def __getitem__(self, ago: int) -> float:
        if ago > 0:
            raise DataError(f"ago must be at most 0 (later days are not known yet), was {ago}")
        at = self.idx + ago
        return self.array[at] if at >= 0 else nan

    def get(self, ago: int = 0, size: int = 1) -> Sequence[float]:
        """Return the last ``size`` values up to ``ago``, oldest first; fewer where the run is younger than that."""
        if ago > 0:
            raise DataError(f"ago must be at most 0 (later days are not known yet), was {ago}")
        end = self.idx + ago + 1
        return self.array[max(end - size, 0) : max(end, 0)]


class MarketClock(bt.feed.DataBase):
    """The trading calendar as a feed; its prices are the benchmark's closes.

    It is the only feed that Cerebro advances, so the cost of a day does not depend on the number of stocks. Nothing
    can be bought of it: ``column`` is -1.
    """

    column: int = -1

    def __init__(self, dates: np.ndarray, closes: np.ndarray):
        super().__init__()
        self.days = np.asarray(dates, "datetime64[D]").astype("float64") + _UNIX_EPOCH
        self.closes = np.asarray(closes, "float64")
        self.strays: list[PanelLine] = []

    def preload(self) -> None:
        for line in self.lines:
            line.__class__ = PastLine
            line.array = array("d", self.closes.tobytes())
        for name in ("volume", "openinterest"):
            getattr(self.lines, name).array = array("d", bytes(8 * len(self.days)))
        self.lines.datetime.__class__ = LineBuffer  # Cerebro looks up the next day's date
        self.lines.datetime.array = array("d", self.days.tobytes())
        self.home()

    def advance(self, size: int = 1, datamaster: bt.feed.DataBase | None = None, ticks: bool = True) -> None:
        """Move on by whole days; the tick fields that Backtrader keeps for live feeds are left alone."""
        self.lines.advance(size)

    def home(self) -> None:
        """Return to the start, and with it every line that an indicator has moved on its own."""
        super().home()
        for line in self.strays:
            line.clock = self.lines.datetime
        self.strays.clear()


class _Cursor:
    """A position of its own, for a line that is moved by hand."""

    __slots__ = ("_idx", "lencount")

    def __init__(self) -> None:
        self._idx = -1
        self.lencount = 0


class PanelLine(PastLine):
    """One panel column, read when first looked at, whose position is the clock's.

    Backtrader computes an indicator before the run starts, moving its data line by line. A line so moved takes a
    position of its own until the clock returns to the start.
    """

    clock: Any  # whose position is this line's: the market clock's datetime line, or a cursor
    lines: list[LineBuffer]
    bindings: list[LineBuffer]
    mode = LineBuffer.UnBounded
    useislice = False
    extension = 0
    _tz = None

    @staticmethod
    def of(market: "Market", feed: "StockFeed", name: str) -> "PanelLine":
        """Return a line without Backtrader's search for an owner on the call stack: the feed is it."""
        line: PanelLine = object.__new__(PanelLine)
        line.lines = [line]
        line.bindings = []
        line._owner = feed
        line.clock = market.clock.lines.datetime
        line._source = (market, name)
        return line

    @cached_property
    def array(self) -> "memoryview[float]":
        market, name = self._source
        return market.view(name, self._owner.column)

    def __len__(self) -> int:
        return self.clock.lencount

    @property
    def idx(self) -> int:
        return self.clock._idx

    @property
    def lencount(self) -> int:
        return self.clock.lencount

    def home(self) -> None:
        self._stray()
        self.clock._idx = -1
        self.clock.lencount = 0

    def advance(self, size: int = 1) -> None:
        self._stray()
        self.clock._idx += size
        self.clock.lencount += size

    def _stray(self) -> None:
        if not isinstance(self.clock, _Cursor):
            market, _ = self._source
            market.clock.strays.append(self)
            self.clock = _Cursor()


class StockFeed(bt.feed.DataBase):
    """One stock's raw bars on the market clock: NaN on days without a trade.

    Indicators may be built on it in a strategy's ``__init__``; they start with the run, and a recursive one (an EMA)
    stays NaN once it met a day without a trade. ``column`` is the stock's column in the panel.
    """

    column: int = -1


def _floats(values: np.ndarray) -> "memoryview[float]":
    return memoryview(np.asarray(values, "float64").tobytes()).cast("d")


class Market:
    """A panel behind a clock: what strategies and the broker look up while a run is under way.

    Parameters
    ----------
    panel : MarketPanel
        The market.
    first, last : int
        The run's first and last row of the panel, inclusive.
    closes : numpy.ndarray, optional
        Benchmark closes of those rows, for the clock feed.
    """

    def __init__(self, panel: MarketPanel, first: int, last: int, closes: np.ndarray | None = None):
        self.panel = panel
        self.first = first
        self.days = last - first + 1
        dates = panel.dates[first : last + 1]
        self.clock = MarketClock(dates=dates, closes=np.full(len(dates), np.nan) if closes is None else closes)
        self._template = StockFeed(dataname="template")
        self._template._tz = None  # Backtrader sets it on the feeds it starts itself
        self._feeds: dict[int, StockFeed] = {}
        self._views: dict[tuple[str, int], memoryview[float]] = {}
        self._files: dict[str, int] = {}
        self._zeros = memoryview(bytes(8 * self.days)).cast("d")

    @property
    def step(self) -> int:
        """How many days of the run have passed: 0 on its first day."""
        return self.clock.lines.datetime._idx

    @property
    def row(self) -> int:
        """The current day's row in the panel."""
        return self.first + self.step

    def view(self, name: str, column: int) -> "memoryview[float]":
        """Return one stock's field over the run as a memoryview of floats, indexed by :attr:`step`.

        ``vwap`` is the day's volume-weighted mean price, in raw yuan.
        """
        key = (name, column)
        if key not in self._views:
            self._views[key] = self._view(name, column)
        return self._views[key]

    def _view(self, name: str, column: int) -> "memoryview[float]":
        if name in self.panel.fields:
            return self._read(self.panel.fields[name], name, column)
        if name == "datetime":
            return _floats(self.clock.days)
        if name == "vwap":
            return self._vwap(column)
        if name:
            raise unknown("panel field", name, self.panel.fields, DataError)
        return self._zeros

    def _vwap(self, column: int) -> "memoryview[float]":
        """Return amount over volume, raw yuan, never outside the day's low and high by a rounding."""
        amount, vol, low, high = (np.array(self.view(name, column)) for name in ("amount", "vol", "low", "high"))
        return _floats(np.clip(amount / vol, low, high))

    def _read(self, values: np.ndarray, name: str, column: int) -> "memoryview[float]":
        """Read one column: from its file where there is one, for touching a map may pull in 2 MB around it."""
        if not isinstance(values, np.memmap) or values.dtype != np.float64:
            return _floats(values[column, self.first : self.first + self.days])
        if name not in self._files:
            try:
                self._files[name] = os.open(str(values.filename), os.O_RDONLY)
            except FileNotFoundError:  # another process rebuilt the panel: the map still holds what this run opened
                return _floats(values[column, self.first : self.first + self.days])
            weakref.finalize(self, os.close, self._files[name])
        offset = values.offset + 8 * (column * values.shape[1] + self.first)
        return memoryview(os.pread(self._files[name], 8 * self.days, offset)).cast("d")

    def last_close(self, column: int, step: int | None = None) -> float:
        """Return a stock's last close up to now or to ``step``, in raw yuan, before the run too; NaN without one."""
        step = self.step if step is None else step
        close = self.view("close", column)[step]
        if close == close:
            return close
        closes = self.panel.fields["close"][column, : self.first + step + 1]
        known = np.flatnonzero(np.isfinite(closes))
        return float(closes[known[-1]]) if len(known) else nan

    def feed(self, code: str | int) -> StockFeed:
        """Return the feed of a code (or of a column of the panel), made on the first call."""
        column = self.panel.index_of(code) if isinstance(code, str) else index(code)
        found = self._feeds.get(column)
        if found is None:
            found = self._feeds[column] = self._make(column)
        return found

    def _make(self, column: int) -> StockFeed:
        if not 0 <= column < len(self.panel.codes):
            raise DataError(f"column must be from 0 to {len(self.panel.codes) - 1}, was {column}")
        template = self._template
        feed = object.__new__(StockFeed)
        feed.__dict__.update(template.__dict__)
        lines = [PanelLine.of(self, feed, name) for name in _FIELDS]
        holder = object.__new__(type(template.lines))
        holder.lines = lines
        feed.lines = feed.l = holder
        feed.line = lines[0]
        for number, line in enumerate(lines):
            setattr(feed, f"line_{number}", line)
            setattr(feed, f"line{number}", line)
        feed._name = feed._dataname = str(self.panel.codes[column])
        feed._clock = self.clock  # so that a strategy waits for its indicators' first values
        feed.column = column
        return feed
