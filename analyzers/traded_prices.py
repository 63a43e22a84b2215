"""The prices that a run traded at: of its execution, raw or back-adjusted, carried over days without a trade."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

_RANGE = ("low", "high", "amount", "vol")
AT = {"open": "the open", "vwap": "the mean price", "close": "the close"}  # an execution in words


class TradedPrices:
    """Prices of a market with their adjustment factors.

    Parameters
    ----------
    panel : MarketPanel
        Raw prices and adjustment factors.
    execution : str
        ``open``, ``vwap`` or ``close`` of a session.
    total_return : bool
        Whether the run traded back-adjusted prices: then they are the prices, and every factor is 1.
    delisting_recovery : float
        Share of its last close that a stock is worth once it is delisted, as the account counted it.
    """

    def __init__(
        self, panel: "MarketPanel", execution: str = "open", total_return: bool = False, delisting_recovery: float = 0.0
    ) -> None:
        self.panel = panel
        self._execution, self._total_return, self._recovery = execution, total_return, delisting_recovery
        self._close, self._factors = panel.fields["close"], panel.fields["adj_factor"]

    @staticmethod
    def of(result: "BacktestResult", panel: "MarketPanel") -> "TradedPrices":
        """Return the prices that a run traded at."""
        facts = result.facts
        total_return = facts.get("prices") == "total-return"
        recovery = float(facts.get("delisting_recovery", 0.0))
        return TradedPrices(panel, str(facts.get("execution", "open")), total_return, recovery)

    def factor(self, code: str, date: pd.Timestamp) -> float:
        """Return the adjustment factor of a date."""
        return self._traded(0.0, *self._cell(code, date))[1]

    def at_execution(self, code: str, date: pd.Timestamp) -> tuple[float, float] | None:
        """Return a session's price of execution and its factor, or those of the last close before; None without one."""
        column, session = self._cell(code, date)
        price = self._executed(column, session)
        return self._traded(price, column, session) if np.isfinite(price) else self._close_until(column, session - 1)

    def worth(self, code: str, date: pd.Timestamp, at_execution: bool) -> float:
        """Return the back-adjusted price a holding counts at, less what a delisting took."""
        column, session = self._cell(code, date)
        found = self.at_execution(code, date) if at_execution else self._close_until(column, session)
        price = found[0] * found[1] if found else 0.0
        return price * self._recovery if session >= self.panel.delist_index[column] else price

    def volume(self, columns: np.ndarray, sessions: np.ndarray) -> np.ndarray:
        """Return what the market traded on days, in shares of the run."""
        volume = self.panel.fields["vol"][columns, sessions]
        return volume / self._factors[columns, sessions] if self._total_return else volume

    def _cell(self, code: str, date: pd.Timestamp) -> tuple[int, int]:
        return self.panel.index_of(code), self.panel.date_index(date)

    def _executed(self, column: int, session: int) -> float:
        """Return a session's raw price of execution; the mean price is amount over volume, within the day's range."""
        if self._execution != "vwap":
            return float(self.panel.fields[self._execution][column, session])
        low, high, amount, volume = (self.panel.fields[name][column, session] for name in _RANGE)
        return float(np.clip(amount / volume, low, high)) if volume > 0 else np.nan

    def _close_until(self, column: int, session: int) -> tuple[float, float] | None:
        bars = np.flatnonzero(np.isfinite(self._close[column, : session + 1]))
        return self._traded(float(self._close[column, bars[-1]]), column, int(bars[-1])) if len(bars) else None

    def _traded(self, price: float, column: int, session: int) -> tuple[float, float]:
        """Return a raw price as the run traded it, and the factor that is left."""
        factor = float(self._factors[column, session])
        return (price * factor, 1.0) if self._total_return else (price, factor)
