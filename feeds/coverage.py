"""What the tables behind a panel cover, and where a rule or today's value stands in for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from feeds.axes import Axes
from feeds.store import Store


@dataclass(frozen=True)
class Coverage:
    """How much of a panel of T days and N stocks is known from dated tables.

    Attributes
    ----------
    stated_limits : numpy.ndarray, shape (T,)
        Share of each day's bars that have a row in ``stk_limit``; the dated rule computes the limits of the others.
        NaN on a day without bars.
    name_histories : numpy.ndarray of bool, shape (N,)
        Stocks with dated names (``namechange``), which tell every ST day of theirs.
    dated_industries : bool
        Whether industries come from the table ``industry``, not from ``stock_basic``, which knows only today's.
    absent_members : mapping of str to numpy.ndarray, shape (T,)
        By index, how many members of each day have no bar at all in the data.
    """

    stated_limits: np.ndarray
    name_histories: np.ndarray
    dated_industries: bool
    absent_members: Mapping[str, np.ndarray]

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        return {
            "stated_limits": [None if np.isnan(share) else share for share in self.stated_limits.tolist()],
            "name_histories": self.name_histories.tolist(),
            "dated_industries": self.dated_industries,
            "absent_members": {index: days.tolist() for index, days in self.absent_members.items()},
        }

    @staticmethod
    def from_json(about: Mapping[str, Any]) -> "Coverage":
        return Coverage(
            np.array(about["stated_limits"], "float64"),
            np.array(about["name_histories"], "bool"),
            about["dated_industries"],
            {index: np.array(days, "int64") for index, days in about["absent_members"].items()},
        )


def stated_limits(store: Store, axes: Axes, traded: np.ndarray) -> np.ndarray:
    """Return the share of each day's bars that have a row in ``stk_limit``; ``traded`` is (N, T)."""
    stated = np.zeros(len(axes.days), "int64")
    for frame in store.chunks("stk_limit", ["ts_code", "trade_date"]):
        _, stock, row = axes.cells(frame)
        stated += np.bincount(row[traded[stock, row]], minlength=len(stated))
    bars = traded.sum(axis=0)
    return np.divide(stated, bars, out=np.full(len(bars), np.nan), where=bars > 0)


def absent_members(axes: Axes, codes: pd.Series, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return how many members of each day have no column in the panel, (T,).

    Parameters
    ----------
    codes : pandas.Series
        Members, one row per span.
    start, end : numpy.ndarray
        The span's first row and the first row after it.
    """
    absent = (axes.stocks(codes) < 0) & (start < end)
    change = np.zeros(len(axes.days) + 1, "int64")
    np.add.at(change, start[absent], 1)
    np.add.at(change, end[absent], -1)
    return change[:-1].cumsum()
