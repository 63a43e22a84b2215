"""Index futures by contract: four months trade at a time, at a basis that vanishes by the last day."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from feeds.calendar import futures_last_day, known_span, trading_days
from feeds.sources.simulated.frames import as_dates
from feeds.sources.simulated.indices import IndexPath
from feeds.sources.simulated.simulation import History
from feeds.sources.simulated.streams import stream

TICK = 0.2
LIMIT = 0.10  # of the last settlement
CARRY_MEMORY = 0.985


@dataclass(frozen=True)
class FutureSpec:
    """One kind of index future."""

    code: str
    index: str
    multiplier: float  # yuan per point
    opened: np.datetime64
    carry: float  # mean annual basis, negative: a discount
    carry_vol: float
    lots: float  # typical daily volume of the near contract


SPECS = (
    FutureSpec("IF", "000300.SH", 300.0, np.datetime64("2010-04-16"), -0.03, 0.025, 60_000.0),
    FutureSpec("IH", "000016.SH", 300.0, np.datetime64("2015-04-16"), -0.02, 0.025, 35_000.0),
    FutureSpec("IC", "000905.SH", 200.0, np.datetime64("2015-04-16"), -0.08, 0.045, 45_000.0),
    FutureSpec("IM", "000852.SH", 200.0, np.datetime64("2022-07-22"), -0.10, 0.050, 60_000.0),
)


@dataclass(frozen=True)
class Contract:
    """One contract month."""

    code: str
    kind: FutureSpec
    first: np.datetime64
    last: np.datetime64


def contracts(kind: FutureSpec, start: np.datetime64, end: np.datetime64) -> list[Contract]:
    """Return the contracts that trade between two days: each session current, next and two quarter months."""
    nearest = kind.opened.astype("datetime64[M]") + 1  # no contract expired in the month in which trading began
    month = max(start.astype("datetime64[M]") - 14, nearest)
    listed: dict[np.datetime64, np.datetime64] = {}
    opening = kind.opened if month == nearest else _day_after(futures_last_day(month - 1))
    for current in np.arange(month, end.astype("datetime64[M]") + 2):
        if opening <= end:
            for held in _quoted(current):
                listed.setdefault(held, opening)
        opening = _day_after(futures_last_day(current))
    made = [
        Contract(f"{kind.code}{str(m)[2:4]}{str(m)[5:7]}.CFX", kind, first, futures_last_day(m))
        for m, first in sorted(listed.items())
    ]
    return [contract for contract in made if contract.last >= start and contract.first <= end]


def _quoted(current: np.datetime64) -> list[np.datetime64]:
    """Return the months quoted while ``current`` is the nearest."""
    following = current + 1
    later = following + 1
    later = later + (2 - int(later.astype("int64") % 12) % 3) % 3
    return [current, following, later, later + 3]


def _day_after(day: np.datetime64) -> np.datetime64:
    last = min(day + 30, known_span()[1])
    after = trading_days(day, last)[1:] if day < last else np.zeros(0)
    return after[0] if len(after) else day + 3


def fut_basic(listed: list[Contract]) -> pd.DataFrame:
    """Return the contracts; ``delist_date`` is the last trading day."""
    return pd.DataFrame(
        {
            "ts_code": [contract.code for contract in listed],
            "fut_code": [contract.kind.code for contract in listed],
            "multiplier": [contract.kind.multiplier for contract in listed],
            "list_date": as_dates(np.array([contract.first for contract in listed])),
            "delist_date": as_dates(np.array([contract.last for contract in listed])),
        }
    )


def all_contracts(history: History) -> list[Contract]:
    """Return every contract that trades inside the span, by code."""
    days = history.clock.days
    return sorted((c for kind in SPECS for c in contracts(kind, days[0], days[-1])), key=lambda c: c.code)


def fut_daily(history: History, paths: list[IndexPath], listed: list[Contract], seed: int) -> pd.DataFrame:
    """Return daily bars and settlements of every contract, points; volume and open interest in lots, amount in yuan."""
    by_index = {path.spec.code: path for path in paths}
    carries = {kind.code: _carry(kind, len(history.clock), seed) for kind in SPECS}
    frames = [
        _bars(contract, history.clock.days, by_index[contract.kind.index], carries[contract.kind.code], seed)
        for contract in listed
    ]
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True)


def _carry(kind: FutureSpec, sessions: int, seed: int) -> np.ndarray:
    """Return the annual basis of each session, a slow wander around its mean, (T,)."""
    shocks = stream(seed, f"carry {kind.code}").standard_normal(sessions + 1)
    path, level = np.empty(sessions), kind.carry_vol * shocks[-1]
    for session in range(sessions):
        level = CARRY_MEMORY * level + kind.carry_vol * np.sqrt(1 - CARRY_MEMORY**2) * shocks[session]
        path[session] = level
    return kind.carry + path


def _bars(contract: Contract, days: np.ndarray, path: IndexPath, carry: np.ndarray, seed: int) -> pd.DataFrame:
    rows = np.flatnonzero((days >= contract.first) & (days <= contract.last))
    random = stream(seed, f"contract {contract.code}")
    noise = random.standard_normal((5, len(rows)))
    ahead = (contract.last - days[rows]).astype("int64") / 365
    fair = np.exp(carry[rows] * ahead)
    wobble = 0.0012 * np.minimum(ahead * 365 / 10, 1)  # the basis is quiet near the end
    close = path.close[rows] * fair * np.exp(wobble * noise[0])
    settle = _tick(0.8 * close + 0.2 * (path.open[rows] + path.close[rows]) / 2 * fair)
    final = rows[-1:] if len(rows) and days[rows[-1]] == contract.last else rows[:0]
    # The final settlement is the index's mean over the last two hours.
    settle[len(rows) - len(final) :] = np.round(0.85 * path.close[final] + 0.15 * path.open[final], 2)
    before = np.append(np.nan, settle[:-1])
    low_limit = np.where(np.isnan(before), 0.0, before * (1 - LIMIT))
    high_limit = np.where(np.isnan(before), np.inf, before * (1 + LIMIT))
    close = np.clip(_tick(close), low_limit, high_limit)
    opened = np.clip(_tick(path.open[rows] * fair * np.exp(wobble * noise[1])), low_limit, high_limit)
    high = np.maximum(np.maximum(opened, close), np.minimum(_tick(path.high[rows] * fair), high_limit))
    low = np.minimum(np.minimum(opened, close), np.maximum(_tick(path.low[rows] * fair), low_limit))
    volume = np.maximum(np.rint(contract.kind.lots * _interest(days[rows], contract) * np.exp(0.3 * noise[2])), 1.0)
    mean = np.clip((opened + high + low + close) / 4, low, high)
    return pd.DataFrame(
        {
            "ts_code": contract.code,
            "trade_date": as_dates(days[rows]),
            "open": opened, "high": high, "low": low, "close": close,
            "vol": volume,
            "pre_close": np.append(np.nan, close[:-1]),
            "pre_settle": before,
            "settle": settle,
            "amount": np.round(volume * mean * contract.kind.multiplier, 2),
            "oi": np.rint(1.4 * contract.kind.lots * _interest(days[rows], contract) * np.exp(0.1 * noise[3])),
        }
    )  # fmt: skip


def _interest(days: np.ndarray, contract: Contract) -> np.ndarray:
    """Return a contract's share of the trading: most of it in its last month, moving on in its last week."""
    left = (contract.last - days).astype("int64")
    near = np.exp(-np.maximum(left - 30, 0) / 25)
    leaving = np.where(left < 6, 0.35 + 0.65 * left / 6, 1.0)
    return 0.04 + 0.96 * near * leaving


def _tick(points: np.ndarray) -> np.ndarray:
    return np.round(np.rint(points / TICK) * TICK, 1)
