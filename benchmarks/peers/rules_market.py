"""The same stocks on a market that says no: every rule of the engine has something to do."""

import numpy as np
from workload import Workload

from feeds.calendar import nth_weekday
from feeds.events import CorporateEvents
from feeds.futures import FuturesPanel
from feeds.panel import MarketPanel
from feeds.rules import limit_prices

LOCKED = 0.03  # of the stock-days: the whole day at a limit price
HALTED = 0.01  # of the stock-days, beside the workload's suspensions: one day, fill days too
YIELD, BONUS = 0.02, 0.3  # of the close before, each year; new shares per old one, every fifth of them
SESSIONS_PER_YEAR = 242


def market_that_refuses(work: Workload, seed: int = 7) -> MarketPanel:
    """Return a panel with limit prices, locked days, thin volumes, ST, distributions, new and delisted stocks.

    A stock keeps the workload's overnight and intraday moves, cut at its limit prices. Of the stocks 2 % become ST
    in the second half, 10 % are listed after the first day and 2 % are delisted before the last.
    """
    rng = np.random.default_rng(seed)
    stocks, days = work.close.shape
    ex, ratio = _distributions(stocks, days)
    st = np.zeros((days, stocks), bool)
    st[days // 2 :, ::50] = True
    listed = np.where(np.arange(stocks) % 10 == 1, rng.integers(1, days // 2, stocks), -1000)
    delisted = np.where(np.arange(stocks) % 50 == 2, rng.integers(days // 2, days, stocks), days)
    bars = _bars(work, ratio, st, rng)
    alive = (np.arange(days)[:, None] >= listed) & (np.arange(days)[:, None] < delisted)
    for name in ("open", "high", "low", "close"):
        bars[name][~alive] = np.nan
    bars["vol"] = np.where(np.isfinite(bars["close"]), np.round(rng.lognormal(13, 1, (days, stocks)), -2), np.nan)
    bars["adj_factor"] = np.cumprod(ratio, axis=0)
    return MarketPanel.from_arrays(
        work.dates,
        work.codes,
        bars,
        st=st,
        list_index=listed,
        delist_index=delisted,
        suspended=alive & ~np.isfinite(bars["close"]),
        events=_events(ex, bars["pre_close"], ratio),
        indices={"000300.SH": _index(days)},
        futures=_futures(work.dates),
    )


def _index(days: int) -> np.ndarray:
    return np.linspace(3000, 4000, days)


def _futures(dates: np.ndarray) -> FuturesPanel:
    """Return month contracts on the index, at a discount of 0.5 % a month that vanishes by the last day."""
    months = np.arange(dates[0].astype("datetime64[M]"), dates[-1].astype("datetime64[M]") + 4)
    fridays = np.array([nth_weekday(month, 3) for month in months])
    last = np.busday_count(dates[0], fridays)  # every weekday is a session
    codes = np.array([f"IF{str(month)[2:4]}{str(month)[5:7]}.CFX" for month in months], "U12")
    left = last[:, None] - np.arange(len(dates))
    there = (left >= 0) & (left <= 42)
    price = np.where(there, np.round(_index(len(dates)) * (1 - 0.005 * left / 21) * 5) / 5, np.nan)
    before = np.hstack([np.full((len(codes), 1), np.nan), price[:, :-1]])
    return FuturesPanel(
        codes=codes, kind=np.full(len(codes), "IF"), multiplier=np.full(len(codes), 300.0),
        first_row=np.maximum(last - 42, 0), last_row=last, main=np.zeros(len(codes), bool),
        open=price, high=price, low=price, close=price, settle=price, pre_settle=before,
        vol=np.where(there, 1e5, np.nan),
    )  # fmt: skip


def _distributions(stocks: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ex-dates, (T, N) bool, one a year and stock, and the price before over the price after, (T, N)."""
    day, stock = np.arange(days)[:, None], np.arange(stocks)
    ex = (day + stock * 7) % SESSIONS_PER_YEAR == SESSIONS_PER_YEAR - 1
    return ex, np.where(ex, np.where(stock % 5 == 0, 1 + BONUS, 1 / (1 - YIELD)), 1.0)


def _bars(work: Workload, ratio: np.ndarray, st: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return raw prices, reference closes and limit prices, (T, N), each day within the limits of the close before."""
    names = ("open", "high", "low", "close", "pre_close", "down_limit", "up_limit")
    bars = {name: np.full(ratio.shape, np.nan) for name in names}
    locked = np.where(rng.random(ratio.shape) < LOCKED, rng.choice([-1, 1], ratio.shape), 0)
    halted = rng.random(ratio.shape) < HALTED
    last = before = np.nan_to_num(work.close[:, 0], nan=10.0)  # of this market, and of the workload
    for day in range(len(ratio)):
        reference = np.round(last / ratio[day], 2)
        down, up = limit_prices(reference, np.where(st[day], 5, 10))
        whole = np.where(halted[day], np.nan, work.open[:, day])
        opening = np.clip(np.round(reference * (whole / before + locked[day]), 2), down, up)
        for name in names[:4]:
            moved = np.clip(np.round(opening * getattr(work, name)[:, day] / whole, 2), down, up)
            bars[name][day] = np.where(locked[day], opening, moved)
        bars["pre_close"][day], bars["down_limit"][day], bars["up_limit"][day] = reference, down, up
        trades = np.isfinite(opening)
        last = np.where(trades, bars["close"][day], reference)
        before = np.where(trades, work.close[:, day], before)
    return bars


def _events(ex: np.ndarray, reference: np.ndarray, ratio: np.ndarray) -> CorporateEvents:
    """Return the distributions: cash so that the reference close is the one computed, or new shares."""
    row, stock = np.nonzero(ex)
    bonus = np.where(stock % 5 == 0, BONUS, 0.0)
    cash = np.where(stock % 5 == 0, 0.0, reference[row, stock] * (ratio[row, stock] - 1))
    nothing = np.zeros(len(row))
    return CorporateEvents(stock.astype("float64"), row.astype("float64"), bonus, cash, nothing, nothing)
