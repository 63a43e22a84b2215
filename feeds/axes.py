"""The axes of a panel, and how the rows of the store's tables fall on them."""

import numpy as np
import pandas as pd

from feeds.store import Store


class Axes:
    """The axes of the panel, and how rows of a table fall on them."""

    def __init__(self, days: np.ndarray, codes: np.ndarray):
        self.days, self.codes = days, codes

    def stocks(self, values: pd.Series) -> np.ndarray:
        """Return each row's stock, -1 if it is not in the panel."""
        values = values.astype("category")
        index = pd.Index(self.codes).get_indexer(pd.Index(values.cat.categories.astype("str")))
        return index[values.cat.codes.to_numpy()]

    def row(self, values: pd.Series, *, after: bool = False) -> np.ndarray:
        """Return the first trading day on or after each date (strictly after with ``after``); T for null."""
        days = values.to_numpy().astype("datetime64[D]")
        found = np.searchsorted(self.days, days, side="right" if after else "left")
        return np.where(np.isnat(days), len(self.days), found)

    def cells(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which rows of a dated table fall on the panel, and the stock and the day of those."""
        stock, row = self.stocks(frame["ts_code"]), self.row(frame["trade_date"])
        days = frame["trade_date"].to_numpy().astype("datetime64[D]")
        inside = (stock >= 0) & (self.days[np.minimum(row, len(self.days) - 1)] == days)
        return inside, stock[inside], row[inside]

    def scatter(self, store: Store, table: str, columns: list[str], dtype: str = "float64") -> dict[str, np.ndarray]:
        """Return (N, T) arrays of a dated table's columns, NaN where it has no row."""
        arrays = {name: np.full((len(self.codes), len(self.days)), np.nan, dtype) for name in columns}
        for frame in store.chunks(table, ["ts_code", "trade_date", *columns]):
            inside, stock, row = self.cells(frame)
            for name in columns:
                arrays[name][stock, row] = frame[name].to_numpy()[inside]
        return arrays
