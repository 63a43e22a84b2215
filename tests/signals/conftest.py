"""A market small enough to train on in seconds, written to a store as a user's would be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.store import Store

START = "2020-01-01"


@pytest.fixture(scope="session")
def write_market():
    """Return a function that writes ``stocks`` random walks over 14 months to a data folder.

    Only the first ``months`` are written. ``altered_after`` turns every return after that day around; what was
    before stays as it was.
    """

    def write(folder: Path, months: int = 14, stocks: int = 40, altered_after: str | None = None) -> Path:
        end = np.datetime64(START, "M") + np.timedelta64(14, "M")
        days = np.arange(np.datetime64(START), end.astype("datetime64[D]"))
        open_days = days[np.is_busday(days)]
        codes = [f"60{n:04d}.SH" for n in range(stocks)]
        random = np.random.default_rng(7)
        steps = random.normal(0, 0.02, (len(open_days), stocks))
        if altered_after is not None:
            steps[open_days > np.datetime64(altered_after)] *= -1
        close = np.round(20 * np.exp(np.cumsum(steps, axis=0)), 2)
        opened = np.round(close * np.exp(random.normal(0, 0.005, close.shape)), 2)
        bars = {
            "ts_code": np.tile(codes, len(open_days)),
            "trade_date": np.repeat(open_days, stocks),
            "open": opened.ravel(),
            "high": np.maximum(opened, close).ravel(),
            "low": np.minimum(opened, close).ravel(),
            "close": close.ravel(),
            "pre_close": np.vstack([opened[:1], close[:-1]]).ravel(),
            "vol": np.full(close.size, 1e6),
            "amount": (1e6 * (opened + close) / 2).ravel(),
        }
        end = np.datetime64(START, "M") + np.timedelta64(months, "M")
        daily = pd.DataFrame(bars)
        daily = daily[daily["trade_date"].to_numpy() < end]
        days = days[days < end]
        basic = pd.DataFrame({"ts_code": codes, "name": codes, "list_date": np.datetime64("2010-01-04")})
        with Store(folder).transaction("test") as writer:
            writer.put("trade_cal", pd.DataFrame({"cal_date": days, "is_open": np.is_busday(days).astype(int)}))
            writer.put("stock_basic", basic.assign(delist_date=pd.NaT))
            writer.put("daily", daily)
            writer.put("adj_factor", daily[["ts_code", "trade_date"]].assign(adj_factor=1.0))
        return folder

    return write
