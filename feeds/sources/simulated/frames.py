"""Grid cells to table rows: stock by stock, day by day, with codes as categories."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from feeds.sources.simulated.simulation import History


def as_dates(days: np.ndarray) -> np.ndarray:
    """Return days as the tables keep them, datetime64[ms]."""
    return np.asarray(days, "datetime64[D]").astype("datetime64[ms]")


def as_codes(positions: np.ndarray, codes: np.ndarray) -> pd.Categorical:
    """Return codes by position as a categorical over all ``codes``."""
    return pd.Categorical.from_codes(np.asarray(positions, "int32"), pd.Index(codes.astype(object)))


def years(days: np.ndarray) -> Iterator[slice]:
    """Yield the sessions of each calendar year in turn."""
    year = days.astype("datetime64[Y]")
    for first, last in pairwise([*np.flatnonzero(np.append(True, year[1:] != year[:-1])).tolist(), len(days)]):
        yield slice(first, last)


class Rows:
    """The cells of one year of the grid that become rows, in key order: code, then date."""

    def __init__(self, history: History, year: slice, cells: np.ndarray):
        """Take the cells that are true in ``cells``, (T, N) over the whole span."""
        self.year, self.codes = year, history.listing.codes
        self.stock, self.day = np.nonzero(cells[year].T)
        self.days = history.clock.days[year]

    def take(self, values: np.ndarray) -> np.ndarray:
        """Return one value per row from a (T, N) array over the whole span."""
        return values[self.year][self.day, self.stock]

    def pick(self, values: np.ndarray) -> np.ndarray:
        """Return one value per row from an array over this year's sessions only."""
        return values[self.day, self.stock]

    def frame(self, **columns: np.ndarray) -> pd.DataFrame:
        """Return the rows with these columns behind their code and date."""
        keys = {"ts_code": as_codes(self.stock, self.codes), "trade_date": as_dates(self.days)[self.day]}
        return pd.DataFrame({**keys, **columns}, copy=False)
