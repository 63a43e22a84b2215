"""Writes the workload as a bundle that rqalpha reads: `prepare_rqalpha.py FOLDER`.

rqalpha asks for more than bars: dividends, splits, ST days, futures, funds and a yield curve are there and empty. Its
limit prices are wider than any move of the workload, and its lots are single shares.
"""

import json
import pickle
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from workload import Workload, load

BAR = ("open", "close", "high", "low", "volume", "total_turnover", "limit_up", "limit_down")
BENCHMARK = "000001.XSHG"
TENORS = ("0S", "1M", "2M", "3M", "6M", "9M", *(f"{years}Y" for years in (*range(1, 11), 15, 20, 30, 40, 50)))
EMPTY = ("funds", "futures", "st_stock_days", "dividends", "split_factor", "ex_cum_factor")


def code_of(code: str) -> str:
    """Return a Tushare code in rqalpha's style."""
    return code.replace(".SH", ".XSHG")


def numbers(dates: np.ndarray) -> np.ndarray:
    """Return days as whole numbers like 20140102."""
    return pd.DatetimeIndex(dates).strftime("%Y%m%d").to_numpy().astype("int64")


def write_bars(work: Workload, bundle: Path) -> None:
    """Write bars and suspended days; a suspended day has a bar at the last close, without volume."""
    days = numbers(work.dates)
    kind = np.dtype([("datetime", "i8"), *((name, "f8") for name in BAR)])
    with h5py.File(bundle / "stocks.h5", "w") as stocks, h5py.File(bundle / "suspended_days.h5", "w") as halts:
        for n, code in enumerate(map(code_of, work.codes.tolist())):
            suspended = ~np.isfinite(work.close[n])
            close = pd.Series(work.close[n]).ffill().to_numpy()
            before = np.append(close[:1], close[:-1])
            bars = np.empty(len(days), kind)
            bars["datetime"] = days * 1_000_000
            for name in ("open", "high", "low"):
                bars[name] = np.where(suspended, close, getattr(work, name)[n])
            bars["close"], bars["volume"] = close, np.where(suspended, 0.0, 1e6)
            bars["total_turnover"] = bars["volume"] * close
            bars["limit_up"], bars["limit_down"] = before * 1.2, before * 0.8
            stocks.create_dataset(code, data=bars)
            halts.create_dataset(code, data=days[suspended])
    with h5py.File(bundle / "indexes.h5", "w") as indexes:
        index = np.full(len(days), 1000.0, kind)
        index["datetime"] = days * 1_000_000
        indexes.create_dataset(BENCHMARK, data=index)


def write_calendar(work: Workload, bundle: Path) -> None:
    """Write the trading days, with some before and one after the workload, and a yield curve of zeros."""
    first, last = work.dates[0], work.dates[-1]
    around = np.busday_offset(first, np.arange(-5, 0)), work.dates, np.busday_offset([last], 1)
    np.save(bundle / "trading_dates.npy", numbers(np.concatenate(around)))
    curve = np.zeros(len(work.dates), np.dtype([("date", "i8"), *((tenor, "f8") for tenor in TENORS)]))
    curve["date"] = numbers(work.dates)
    with h5py.File(bundle / "yield_curve.h5", "w") as file:
        file.create_dataset("data", data=curve)


def write_instruments(work: Workload, bundle: Path) -> None:
    """Write what is listed; the files that hold nothing are made too."""
    common = {"exchange": "XSHG", "round_lot": 1.0, "de_listed_date": "0000-00-00"}
    stock = common | {
        "type": "CS", "listed_date": "2000-01-04", "board_type": "MainBoard", "market_tplus": 1, "status": "Active",
        "special_type": "Normal", "trading_hours": "09:31-11:30,13:01-15:00", "concept_names": "null",
        **dict.fromkeys(("sector_code", "sector_code_name", "industry_code", "industry_name"), ""),
    }  # fmt: skip
    named = [{"order_book_id": code, "symbol": code, "abbrev_symbol": code} for code in map(code_of, work.codes)]
    index = {"order_book_id": BENCHMARK, "symbol": "index", "type": "INDX", "listed_date": "1990-12-19"}
    rows = [*(stock | names for names in named), common | index | {"market_tplus": 0}]
    (bundle / "instruments.pk").write_bytes(pickle.dumps(rows, protocol=2))
    for name in EMPTY:
        h5py.File(bundle / f"{name}.h5", "w").close()
    (bundle / "share_transformation.json").write_text("{}")
    future = {
        "underlying_symbol": "IF", "commission_type": "by_money", "open_commission_ratio": 2.3e-5,
        "close_commission_ratio": 2.3e-5, "close_commission_today_ratio": 2.3e-4, "margin_rate": 0.12, "tick_size": 0.2,
    }  # fmt: skip
    (bundle / "future_info.json").write_text(json.dumps([future]))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    work, bundle = load(folder), folder / "rqalpha"
    shutil.rmtree(bundle, ignore_errors=True)
    bundle.mkdir()
    for write in (write_bars, write_calendar, write_instruments):
        write(work, bundle)
