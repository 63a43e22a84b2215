"""Four capitalisation-weighted indices, with and without dividends, reviewed every half year."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from feeds import rules
from feeds.calendar import index_review_day, month_ends
from feeds.sources.simulated.frames import as_codes, as_dates
from feeds.sources.simulated.simulation import History

SEASONED = 60  # sessions listed before a review may take a stock in
LEAST = 3  # members of an index, as far as its third of the market reaches


@dataclass(frozen=True)
class IndexSpec:
    """One index: a band of the market by floating value, and where its levels begin."""

    code: str
    total_return_code: str
    above: tuple[int, ...]  # members at most of the indices that take the thirds of the market above it
    most: int  # members at most
    base: float
    total_return_base: float
    part: int = 1  # one in so many of its third of the market

    def band(self, fit: int) -> slice:
        """Return the places that are in the index, of ``fit`` stocks in order of size."""
        third = fit // 3
        first = sum(min(third, most) for most in self.above)
        return slice(first, first + min(max(third // self.part, min(third, LEAST)), self.most))


SPECS = (
    IndexSpec("000016.SH", "H00016.CSI", (), 50, 2300.0, 2900.0, part=6),
    IndexSpec("000300.SH", "H00300.CSI", (), 300, 3300.0, 4100.0),
    IndexSpec("000852.SH", "H00852.CSI", (300, 500), 1000, 8300.0, 8900.0),
    IndexSpec("000905.SH", "H00905.CSI", (300,), 500, 6200.0, 7300.0),
)


@dataclass(frozen=True)
class IndexPath:
    """One index over the span."""

    spec: IndexSpec
    members: np.ndarray  # (T, N) bool
    open: np.ndarray  # (T,) points
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    total_return: np.ndarray  # (T,) points
    volume: np.ndarray  # (T,) shares of the members
    amount: np.ndarray  # (T,) yuan


def reviews(days: np.ndarray) -> list[tuple[int, int]]:
    """Return (session ranked on, first session in force) of the start and of every June and December review.

    Stocks are ranked at the last close of the month before, so a review is known weeks before it counts.
    """
    found = [(0, 0)]
    ends = month_ends(days)
    for end in ends:
        following = days[end].astype("datetime64[M]") + 1
        if following.astype("int64") % 12 + 1 in (6, 12):
            start = int(np.searchsorted(days, index_review_day(following)))
            if start < len(days):
                found.append((int(end), start))
    return found


def members(history: History, spec: IndexSpec) -> np.ndarray:
    """Return the members of every session, (T, N) bool; one that is delisted leaves without a successor."""
    listing, status = history.listing, history.status
    plan = reviews(history.clock.days)
    result = np.zeros(history.listed.shape, bool)
    for number, (ranked, start) in enumerate(plan):
        stop = plan[number + 1][1] if number + 1 < len(plan) else len(result)
        fit = history.listed[ranked] & (ranked - listing.list_index >= (SEASONED if number else 1))
        fit &= (listing.board != rules.BSE) & ~status.st[ranked] & ~status.leaving[ranked]
        fit &= history.traded[max(ranked - 20, 0) : ranked + 1].any(axis=0)
        value = np.where(fit, history.mark[ranked].astype("float64") * history.float_share[ranked], -1.0)
        result[start:stop, np.argsort(-value, kind="stable")[spec.band(int(fit.sum()))]] = True
    return result & history.listed


def index_path(history: History, spec: IndexSpec) -> IndexPath:
    """Chain an index from its members' returns, weighted by floating value at the close before.

    The price index lets cash dividends fall through; bonus shares and rights do not move it. The total-return
    index reinvests the cash on the ex-date.
    """
    member = members(history, spec)
    levels = np.empty((5, len(member)))
    level, total = spec.base, spec.total_return_base
    for session in range(len(member)):
        rows = np.flatnonzero(member[session])
        weight = _weights(history, rows, session - 1)
        prior = history.bars["pre_close"][session, rows] / 100
        scale = np.divide(1.0, prior, out=np.zeros(len(rows)), where=prior > 0)
        moves = {name: _moves(history, name, session, rows, scale) for name in ("open", "high", "low", "close")}
        total *= float((weight * moves["close"]).sum())
        fallen = weight * _fall(history, session, rows)
        day = {name: level * float((fallen * move).sum()) for name, move in moves.items()}
        level = day["close"]
        top, bottom = max(day["open"], level), min(day["open"], level)
        # Members do not peak together: the index reaches a third of the way to the sum of their extremes.
        high, low = top + (day["high"] - top) / 3, bottom - (bottom - day["low"]) / 3
        levels[:, session] = day["open"], high, low, level, total
    traded = member & history.traded
    volume = np.where(traded, history.volume, 0).sum(axis=1).astype("float64")
    amount = np.where(traded, history.amount, 0).sum(axis=1) / 100
    opened, high, low, close, total_return = np.round(levels, 4)
    return IndexPath(spec, member, opened, high, low, close, total_return, volume, amount)


def _weights(history: History, rows: np.ndarray, session: int) -> np.ndarray:
    """Return the weights at the close of ``session``; before the span, at the first prices."""
    if session < 0:
        value = history.listing.first_price[rows] * history.float_share[0, rows].astype("float64")
    else:
        value = history.mark[session, rows].astype("float64") * history.float_share[session, rows]
    return value / value.sum()


def _moves(history: History, name: str, session: int, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    moved = history.bars[name][session, rows] / 100 * scale
    return np.where(history.traded[session, rows], moved, 1.0)


def _fall(history: History, session: int, rows: np.ndarray) -> np.ndarray:
    """Return what cash dividends leave of each stock's price this session, 1 without one."""
    fall = np.ones(len(history.listing))
    if session in history.price_drop:
        stocks, ratio = history.price_drop[session]
        fall[stocks] = ratio
    return fall[rows]


def index_daily(history: History, paths: list[IndexPath]) -> pd.DataFrame:
    """Return the price indices with bars, and the total-return indices, which publish closes only."""
    days = as_dates(history.clock.days)
    frames = []
    for path in paths:
        before = np.append(np.nan, path.close[:-1])
        frames.append(
            pd.DataFrame(
                {
                    "ts_code": path.spec.code, "trade_date": days, "close": path.close, "open": path.open,
                    "high": path.high, "low": path.low, "pre_close": before, "vol": path.volume,
                    "amount": path.amount,
                }
            )
        )  # fmt: skip
    for path in paths:
        before = np.append(np.nan, path.total_return[:-1])
        columns = {"ts_code": path.spec.total_return_code, "trade_date": days, "close": path.total_return}
        frames.append(pd.DataFrame({**columns, "pre_close": before}))
    return pd.concat(frames, ignore_index=True)


def index_weight(history: History, paths: list[IndexPath]) -> pd.DataFrame:
    """Return the weights at the first close and at every month's last close."""
    days = history.clock.days
    frames = []
    for path in paths:
        for session in np.unique(np.append(0, month_ends(days))):
            rows = np.flatnonzero(path.members[session])
            weight = np.round(_weights(history, rows, int(session)), 10)
            frames.append(
                pd.DataFrame(
                    {
                        "index_code": path.spec.code,
                        "con_code": as_codes(rows, history.listing.codes),
                        "trade_date": as_dates(days[session : session + 1])[0],
                        "weight": weight,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True).sort_values(["index_code", "con_code", "trade_date"], ignore_index=True)


def index_member(history: History, paths: list[IndexPath]) -> pd.DataFrame:
    """Return membership spans; the last day is open for members of the span's last session."""
    days = history.clock.days
    frames = []
    for path in paths:
        inside = np.vstack([np.zeros((1, path.members.shape[1]), bool), path.members, path.members[-1:]])
        change = np.diff(inside.astype("int8"), axis=0).T  # (N, T + 1)
        stock, entry = np.nonzero(change == 1)
        leaver, leave = np.nonzero(change == -1)
        key = len(days) + 2
        at = np.searchsorted(leaver * key + leave, stock * key + entry)
        ended = (at < len(leaver)) & (leaver[np.minimum(at, len(leaver) - 1)] == stock) if len(leaver) else at < 0
        last = np.where(ended, leave[np.minimum(at, len(leave) - 1)] if len(leave) else 0, 0)
        frames.append(
            pd.DataFrame(
                {
                    "index_code": path.spec.code,
                    "con_code": as_codes(stock, history.listing.codes),
                    "in_date": as_dates(days[entry]),
                    "out_date": as_dates(np.where(ended, days[last], np.datetime64("NaT", "D"))),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
