"""Adjusted prices at which one could have traded, and the returns between two sessions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from feeds.errors import ConfigError

if TYPE_CHECKING:
    from feeds.panel import MarketPanel

Entry = Literal["open", "vwap"]
CENT = 0.005  # prices within half a cent are the same price


class AdjustedPrices:
    """Back-adjusted prices (raw times adjustment factor) read off a market panel.

    Parameters
    ----------
    panel : MarketPanel
        Raw prices in yuan; fields of shape ``(dates, codes)``.
    entry : {"open", "vwap"}
        What a trade of a session pays: the opening price, or amount over volume.
    delisting_recovery : float
        Share of its last close that a delisted stock is worth, as the account has it.
    """

    def __init__(self, panel: "MarketPanel", entry: Entry = "open", delisting_recovery: float = 0.0) -> None:
        if entry not in ("open", "vwap"):
            raise ConfigError(f"entry must be open or vwap, was {entry}")
        self._panel = panel
        self._entry = entry
        self._recovery = delisting_recovery
        self._codes = np.asarray(panel.codes)

    def columns_of(self, codes: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the panel columns of the known codes, and which codes are known (bool)."""
        wanted = np.asarray(codes)
        places = np.searchsorted(self._codes, wanted).clip(max=len(self._codes) - 1)
        known = self._codes[places] == wanted
        return places[known], known

    def trade_price(self, session: int, columns: np.ndarray) -> np.ndarray:
        """Return the adjusted price a trade of this session pays, NaN for a name without a bar."""
        panel = self._panel
        if self._entry == "open":
            raw = panel.field("open")[session, columns]
        else:
            volume = panel.field("vol")[session, columns]
            with np.errstate(divide="ignore", invalid="ignore"):
                raw = np.where(volume > 0, panel.field("amount")[session, columns] / volume, np.nan)
        return raw * panel.field("adj_factor")[session, columns]

    def last_close(self, first: int, session: int, columns: np.ndarray) -> np.ndarray:
        """Return the last adjusted close of the sessions ``first..session``, NaN if there is none."""
        span = slice(first, session + 1)
        close = self._panel.field("close")[span, columns] * self._panel.field("adj_factor")[span, columns]
        bars = np.isfinite(close)  # (sessions, names)
        last = len(close) - 1 - np.argmax(bars[::-1], axis=0)
        return np.where(bars.any(axis=0), close[last, np.arange(close.shape[1])], np.nan)

    def locked(self, session: int, columns: np.ndarray) -> np.ndarray:
        """Return which names could not be bought at the open: at their upper limit, or without one."""
        opening = self._panel.field("open")[session, columns]
        upper = self._panel.field("up_limit")[session, columns]
        return ~np.isfinite(opening) | (opening > upper - CENT)

    def forward_returns(self, start: int, stop: int, columns: np.ndarray) -> np.ndarray:
        """Return each name's return from a trade of session ``start`` to one of session ``stop``.

        Parameters
        ----------
        start, stop : int
            Session positions in the panel, ``start < stop``.
        columns : numpy.ndarray
            Panel columns.

        Returns
        -------
        numpy.ndarray
            NaN for a name that opens at its upper limit or is suspended on ``start``. A name without a bar
            on ``stop`` is valued at its last close, a delisted one at ``delisting_recovery`` of it.
        """
        bought = np.where(self.locked(start, columns), np.nan, self.trade_price(start, columns))
        sold = self.trade_price(stop, columns)
        missing = ~np.isfinite(sold)
        sold[missing] = self.last_close(start, stop, columns[missing])
        sold[stop >= self._panel.delist_index[columns]] *= self._recovery
        return sold / bought - 1
