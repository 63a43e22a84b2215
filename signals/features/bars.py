"""A block of stocks as the features read it: panel days, and the bars of each stock packed without gaps."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from feeds.errors import SignalError
from feeds.panel import MarketPanel
from signals.features.moving import Floats, Ladder

PRICES = ("open", "high", "low", "close")
STOCKS_AT_ONCE = 128  # one array of a thousand days is then 1 MB and stays in the processor's cache


def parts(length: int, size: int = STOCKS_AT_ONCE) -> Iterator[slice]:
    """Yield neighbouring slices of at most ``size`` that cover 0 to ``length``."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


class Packing:
    """The bars of several stocks, one after the other without the days that have none.

    Parameters
    ----------
    has_bar : ndarray of bool, shape (stocks, days)
    """

    def __init__(self, has_bar: npt.NDArray[np.bool_]) -> None:
        self.has_bar = has_bar
        count = has_bar.sum(axis=1)
        self._filled = np.arange(max(1, int(count.max(initial=0)))) < count[:, None]

    def pack(self, values: npt.NDArray[np.floating]) -> Floats:
        """Return values of shape (stocks, days) on the bars alone, shape (stocks, bars), NaN after the last."""
        packed = np.full(self._filled.shape, np.nan)
        packed[self._filled] = values[self.has_bar]
        return packed

    def scatter(self, values: Floats) -> Floats:
        """Return values of shape (stocks, bars) on the panel's days, NaN on a day without a bar."""
        spread = np.full(self.has_bar.shape, np.nan)
        spread[self.has_bar] = values[self._filled]
        return spread


class Bars(Packing):
    """Back-adjusted bars of several stocks, one after the other without the days that have none.

    A window of n bars is n trading days of that stock: a suspended day is not a bar.

    Parameters
    ----------
    open, high, low, close : ndarray, shape (stocks, days)
        Prices, back-adjusted (raw x adj_factor), yuan. NaN on a day without a bar.
    vol : ndarray, shape (stocks, days)
        Volume as the indicators shall see it, unadjusted. The framework passes shares.

    Attributes
    ----------
    has_bar : ndarray of bool, shape (stocks, days)
        True where all five are finite.
    open, high, low, close, vol : ndarray, shape (stocks, bars)
        The same, packed to the left; NaN to the right of a stock's last bar.
    """

    def __init__(self, open: Floats, high: Floats, low: Floats, close: Floats, vol: Floats) -> None:
        columns = (open, high, low, close, vol)
        super().__init__(np.logical_and.reduce([np.isfinite(c) for c in columns]))
        self.open, self.high, self.low, self.close, self.vol = (self.pack(c) for c in columns)
        self._shared: dict[tuple[object, ...], Floats] = {}
        self._ladders: dict[str, Ladder] = {}

    def shared(self, key: tuple[object, ...], make: Callable[[], Floats]) -> Floats:
        """Return the array remembered under ``key``, made at the first call."""
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def mean(self, series: str, window: int) -> Floats:
        """Return the rolling mean of one of this object's arrays, by name."""
        if series not in self._ladders:
            self._ladders[series] = Ladder(getattr(self, series))
        return self.shared(("mean", series, window), lambda: self._ladders[series].mean(window))

    @property
    def typical(self) -> Floats:
        """Mean of high, low and close, shape (stocks, bars)."""
        return self.shared(("typical",), lambda: (self.high + self.low + self.close) / 3)

    @property
    def spread(self) -> Floats:
        """High less low, shape (stocks, bars)."""
        return self.shared(("spread",), lambda: self.high - self.low)


class StockBlock:
    """Some neighbouring stocks of a panel, days along the last axis.

    Parameters
    ----------
    panel : MarketPanel
    stocks : slice
        Which rows of the panel's codes.
    whole : mapping of str to ndarray of float32, shape (N, T), optional
        Inputs that were made from the whole market beforehand, by name.
    """

    def __init__(
        self, panel: MarketPanel, stocks: slice, whole: Mapping[str, npt.NDArray[np.float32]] | None = None
    ) -> None:
        self._panel = panel
        self._stocks = stocks
        self._whole = whole or {}
        self._bars: Bars | None = None

    def field(self, name: str) -> Floats:
        """Return a panel field, unadjusted, float64, shape (stocks, days); all NaN if the panel has none."""
        if not self._panel.has_field(name):
            return np.full((len(self._panel.codes[self._stocks]), len(self._panel.dates)), np.nan)
        return np.asarray(self._panel.field(name).T[self._stocks], dtype=np.float64)

    def has_field(self, name: str) -> bool:
        """Tell whether the panel has the field."""
        return self._panel.has_field(name)

    def whole(self, name: str) -> Floats:
        """Return an input made from the whole market, shape (stocks, days)."""
        if name not in self._whole:
            raise SignalError(f"{name} must be made from the whole market beforehand, was absent")
        return np.asarray(self._whole[name][self._stocks], dtype=np.float64)

    @property
    def bars(self) -> Bars:
        """The block's back-adjusted bars, with volume in shares."""
        if self._bars is None:
            adjustment = self.field("adj_factor")
            opened, high, low, close = (self.field(name) * adjustment for name in PRICES)
            self._bars = Bars(opened, high, low, close, self.field("vol"))
        return self._bars
