"""The ideal hedge: short the price index itself, which nobody can trade."""

from math import nan

import numpy as np
import pandas as pd

from strategies.execution.futures import LedgerRow, ledger_frame


class IndexShort:
    """A short of the index without lots, margin, fees or basis: what a hedge would do that cost nothing.

    It settles and reports as `FuturesAccount` does. An order is carried out at the close of the session after the
    close it was given at: only closes of the index are known, and none may trade at the moment that decided on it.

    Parameters
    ----------
    code : str
        The index.
    closes : numpy.ndarray, shape (T,)
        Its closes in points, known on every day of the run.
    dates : numpy.ndarray of datetime64[D], shape (T,)
        The panel's days.
    """

    value = 0.0  # the margin held

    def __init__(self, code: str, closes: np.ndarray, dates: np.ndarray):
        self.code, self.closes, self.dates = code, closes, dates
        self.units, self.base = 0.0, nan
        self._wanted: float | None = None
        self._rows: list[LedgerRow] = []

    def margin_required(self, row: int) -> float:
        """Return nothing: there is no margin."""
        return 0.0

    def order(self, notional: float) -> None:
        """Ask for a short worth ``notional`` yuan, in place of what is held."""
        self._wanted = notional

    def settle(self, row: int) -> float:
        """Return the day's gain in yuan, then carry out what was ordered."""
        close = float(self.closes[row])
        gain = self.units * (self.base - close) if self.units else 0.0
        ended = self.units != 0.0
        if self._wanted is not None:
            self.units, self._wanted = self._wanted / close, None
        self.base = close
        if ended or self.units:
            exposure = -self.units * close
            self._rows.append(LedgerRow(row, self.code, "settle", -self.units, close, nan, exposure, gain))
        return gain

    def ledger(self) -> pd.DataFrame:
        """Return what was settled so far, in the columns of `FuturesAccount.ledger`; lots are units of the index."""
        return ledger_frame(self._rows, self.dates)
