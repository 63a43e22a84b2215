"""The panel as Backtrader data: one clock feed, and a stock's feed made when it is first asked for."""

import os
import weakref
from array import array
from functools import cached_property

import backtrader as bt
import numpy as np
from backtrader.linebuffer import LineBuffer

from feeds.panel import MarketPanel

_UNIX_EPOCH = 719163.0  # 1970-01-01 as Backtrader counts days
# A feed's lines in Backtrader's order, by the panel field behind each; the clock lends its datetime line.
_FIELDS = ("close", "low", "high", "open", "vol", "")


class MarketClock(bt.feed.DataBase):
    """The trading calendar as a feed; its prices are the benchmark's closes.

    It is the only feed that Cerebro advances, so the cost of a day does not depend on the number of stocks.
    """

    params = (("dates", None), ("closes", None))

    def preload(self) -> None:
        days = np.asarray(self.p.dates, "datetime64[D]").astype("float64") + _UNIX_EPOCH
        closes = np.ascontiguousarray(self.p.closes, "float64")
        for line in self.lines:
            line.array = array("d", closes.tobytes())
        for name in ("volume", "openinterest"):
            getattr(self.lines, name).array = array("d", np.zeros(len(days)).tobytes())
        self.lines.datetime.array = array("d", days.tobytes())
        self._last()
        self.home()

    def advance(self, size: int = 1, datamaster: bt.feed.DataBase | None = None, ticks: bool = True) -> None:
        """Move on by whole days; the tick fields that Backtrader keeps for live feeds are left alone."""
        self.lines.advance(size)


class PanelLine(LineBuffer):
    """One panel column, read when first looked at, whose position is the clock's."""

    mode = LineBuffer.UnBounded
    useislice = False
    extension = 0
    _tz = None

    def __init__(self, market: "Market", name: str, column: int):
        self.lines = [self]
        self.bindings: list[LineBuffer] = []
        self.clock = market.clock.lines.datetime
        self._source = (market, name, column)

    @cached_property
    def array(self) -> memoryview:
        market, name, column = self._source
        return market.view(name, column)

    def __getitem__(self, ago: int) -> float:
        return self.array[self.clock._idx + ago]

    def __len__(self) -> int:
        return self.clock.lencount

    @property
    def idx(self) -> int:
        return self.clock._idx

    @property
    def lencount(self) -> int:
        return self.clock.lencount


class StockFeed(bt.feed.DataBase):
    """One stock's raw bars on the market clock: NaN on days without a trade.

    Indicators may be built on it in a strategy's ``__init__``. ``column`` is the stock's column in the panel.
    """

    column: int = -1


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
        self._views: dict[tuple[str, int], memoryview] = {}
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

    def view(self, name: str, column: int) -> memoryview:
        """Return one stock's field over the run as a memoryview of floats, indexed by :attr:`step`."""
        key = (name, column)
        if key not in self._views:
            self._views[key] = self._read(self.panel.fields[name], name, column) if name else self._zeros
        return self._views[key]

    def _read(self, values: np.ndarray, name: str, column: int) -> memoryview:
        """Read one column: from its file where there is one, for touching a map may pull in 2 MB around it."""
        if not isinstance(values, np.memmap) or values.dtype != np.float64:
            return memoryview(np.ascontiguousarray(values[column, self.first : self.first + self.days], "float64"))
        if name not in self._files:
            self._files[name] = os.open(str(values.filename), os.O_RDONLY)
            weakref.finalize(self, os.close, self._files[name])
        offset = values.offset + 8 * (column * values.shape[1] + self.first)
        return memoryview(os.pread(self._files[name], 8 * self.days, offset)).cast("d")

    def feed(self, code: str | int) -> StockFeed:
        """Return the feed of a code (or of a column of the panel), made on the first call."""
        column = code if isinstance(code, int) else self.panel.index_of(code)
        found = self._feeds.get(column)
        if found is None:
            found = self._feeds[column] = self._make(column)
        return found

    def _make(self, column: int) -> StockFeed:
        clock = self.clock.lines.datetime
        lines = [PanelLine(self, name, column) for name in _FIELDS]
        lines.append(clock)
        template = self._template
        feed = object.__new__(StockFeed)
        feed.__dict__.update(template.__dict__)
        holder = object.__new__(type(template.lines))
        holder.__dict__.update(template.lines.__dict__)
        holder.lines = lines
        feed.lines = feed.l = holder
        feed.line = lines[0]
        for number, line in enumerate(lines):
            setattr(feed, f"line_{number}", line)
            setattr(feed, f"line{number}", line)
        feed._name = feed._dataname = str(self.panel.codes[column])
        feed._env = self.clock._env
        feed.column = column
        return feed

