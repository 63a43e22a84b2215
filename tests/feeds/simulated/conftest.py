import numpy as np
import pandas as pd
import pytest

from feeds.sources.simulated import SimulatedMarket


class Market:
    """The default market's tables, whole, and its bars as days x codes grids."""

    def __init__(self):
        chunks = {}
        for name, frame in SimulatedMarket().tables():
            chunks.setdefault(name, []).append(frame)
        self.chunks = chunks
        self.tables = {name: pd.concat(frames, ignore_index=True) for name, frames in chunks.items()}
        self.days = self["daily"]["trade_date"].drop_duplicates().sort_values().to_numpy()
        self.codes = np.sort(self["stock_basic"]["ts_code"].astype(str).to_numpy())
        self.basic = self["stock_basic"].assign(ts_code=self.codes).set_index("ts_code")

    def __getitem__(self, name):
        return self.tables[name]

    def grid(self, table, column):
        frame = self[table]
        grid = np.full((len(self.days), len(self.codes)), np.nan)
        day, stock = self.at(frame["ts_code"], frame["trade_date"])
        grid[day, stock] = frame[column]
        return grid

    def at(self, codes, days):
        return np.searchsorted(self.days, days.to_numpy()), np.searchsorted(self.codes, codes.astype(str).to_numpy())

    def st(self):
        """Who carries ST, days x codes."""
        st = np.zeros((len(self.days), len(self.codes)), bool)
        st[self.at(self["stock_st"]["ts_code"], self["stock_st"]["trade_date"])] = True
        return st

    def members(self, index):
        """Who belongs to an index, days x codes."""
        member = np.zeros((len(self.days), len(self.codes)), bool)
        for row in self["index_member"].query("index_code == @index").itertuples():
            first = np.searchsorted(self.days, np.datetime64(row.in_date))
            stop = len(self.days) if pd.isna(row.out_date) else np.searchsorted(self.days, np.datetime64(row.out_date))
            member[first:stop, np.searchsorted(self.codes, row.con_code)] = True
        return member

    def age(self):
        """Sessions since listing, for stocks that list inside the span; NaN for older ones."""
        first = np.searchsorted(self.days, self.basic["list_date"].to_numpy())
        age = np.arange(len(self.days))[:, None] - first.astype(float)
        age[:, self.basic["list_date"].to_numpy() < self.days[0]] = np.nan
        return age


@pytest.fixture(scope="session")
def market():
    return Market()


@pytest.fixture(scope="session")
def bars(market):
    names = ["open", "high", "low", "close", "pre_close", "vol", "amount"]
    grids = {name: market.grid("daily", name) for name in names}
    grids["up"], grids["down"] = market.grid("stk_limit", "up_limit"), market.grid("stk_limit", "down_limit")
    grids["factor"] = market.grid("adj_factor", "adj_factor")
    return grids


@pytest.fixture(scope="session")
def listed(bars):
    return np.isfinite(bars["factor"])
