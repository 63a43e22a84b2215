"""Markets for tests: the real one beside the checkout where there is one, and small ones written by hand."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.building import build_panel
from feeds.sources.files import TushareFiles
from feeds.store import Store, import_source

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items):
    for item in items:
        if {"real_market", "real_store"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real_data)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_market() -> Path:
    """The folder of the real market's files, named by HUICE_REAL_DATA or found beside the checkout."""
    named = os.environ.get("HUICE_REAL_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "market"
    if not (folder / "daily.parquet").exists():
        pytest.skip(f"the real market is not in {folder} (name its folder in HUICE_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def real_store(real_market, tmp_path_factory) -> Store:
    """The real market imported in full, once for all tests: read it, do not write to it."""
    store = Store(tmp_path_factory.mktemp("real") / "data")
    import_source(store, TushareFiles(real_market))
    return store


def market_tables(closes: Mapping[str, Sequence[float | None]], days: Sequence[str], **tables) -> dict:
    """Return a market's tables written from closes by code; None is a day without a bar.

    A bar opens at the close before it, reaches its own open and close, and has a million shares. Days between the
    first and the last that are not in ``days`` are closed. Stocks were listed in 2010 and have factors of 1. A table
    given by name takes the place of the written one, and None leaves it out.
    """
    open_days = np.array(days, dtype="datetime64[D]")
    calendar = np.arange(open_days[0], open_days[-1] + 1)
    bars = []
    for code, series in closes.items():
        before = next(close for close in series if close is not None)
        for day, close in zip(open_days, series, strict=True):
            if close is not None:
                span = before, max(before, close), min(before, close), close
                bars.append((code, day, *span, before, 1e6, 1e6 * close))
                before = close
    names = ["ts_code", "trade_date", "open", "high", "low", "close", "pre_close", "vol", "amount"]
    daily = pd.DataFrame(bars, columns=names).astype({"trade_date": "datetime64[ms]"})
    basic = pd.DataFrame({"ts_code": list(closes), "name": list(closes), "list_date": np.datetime64("2010-01-04")})
    written = {
        "trade_cal": pd.DataFrame({"cal_date": calendar, "is_open": np.isin(calendar, open_days).astype(int)}),
        "stock_basic": basic.astype({"list_date": "datetime64[ms]"}),
        "daily": daily,
        "adj_factor": daily[["ts_code", "trade_date"]].assign(adj_factor=1.0),
    }
    return {name: frame for name, frame in {**written, **tables}.items() if frame is not None}


def rows(columns: str, *lines: tuple) -> pd.DataFrame:
    """Return a frame from lines; columns that end in ``_date`` are days written as text, or None."""
    frame = pd.DataFrame(list(lines), columns=columns.split())
    for name in frame:
        if str(name).endswith("_date"):
            frame[name] = pd.to_datetime(frame[name])
    return frame


@pytest.fixture(scope="session", name="market_tables")
def market_tables_fixture() -> Callable[..., dict]:
    return market_tables


@pytest.fixture(scope="session", name="rows")
def rows_fixture() -> Callable[..., pd.DataFrame]:
    return rows


@pytest.fixture
def make_store(tmp_path) -> Callable[..., Store]:
    """A function that writes the market of :func:`market_tables` to a store in a temporary folder."""

    def make(closes, days, folder: str = "data", **tables) -> Store:
        store = Store(tmp_path / folder)
        with store.transaction("test") as writer:
            for name, frame in market_tables(closes, days, **tables).items():
                writer.put(name, frame)
        return store

    return make


@pytest.fixture
def make_panel(make_store):
    """A function that builds the panel of such a market in memory."""
    return lambda *market, **tables: build_panel(make_store(*market, **tables))
