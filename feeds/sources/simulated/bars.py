"""The tables of every trading day: bars, factors, limits, halts, valuations, money flow and ST lists."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from feeds.sources.simulated.frames import Rows, as_codes, as_dates, years
from feeds.sources.simulated.simulation import History
from feeds.sources.simulated.streams import stream

LONG_HALT = 5  # sessions; a halt this long ends with a resumption notice
_CLASSES = ("sm", "md", "lg", "elg")  # orders below 50,000 yuan, 200,000, one million, and above


def daily(history: History) -> Iterator[pd.DataFrame]:
    """Yield raw bars in yuan, shares and yuan, a year at a time."""
    for year in years(history.clock.days):
        rows = Rows(history, year, history.traded)
        prices = {name: rows.take(history.bars[name]) / 100 for name in ("open", "high", "low", "close", "pre_close")}
        yield rows.frame(
            **prices, vol=rows.take(history.volume).astype("float64"), amount=rows.take(history.amount) / 100
        )


def adj_factor(history: History) -> Iterator[pd.DataFrame]:
    """Yield cumulative factors of every listed day, halted or not."""
    for year in years(history.clock.days):
        rows = Rows(history, year, history.listed)
        yield rows.frame(adj_factor=rows.take(history.factor))


def stk_limit(history: History) -> Iterator[pd.DataFrame]:
    """Yield limit prices of every traded day, null on days without a limit."""
    for year in years(history.clock.days):
        rows = Rows(history, year, history.traded)
        up, down = (rows.take(history.bars[name]) / 100 for name in ("up", "down"))
        yield rows.frame(up_limit=np.where(up > 0, up, np.nan), down_limit=np.where(down > 0, down, np.nan))


def suspend_d(history: History) -> Iterator[pd.DataFrame]:
    """Yield whole-day halts (S, no timing), brief halts of a traded day (S, timing) and long halts' ends (R)."""
    halted = history.listed & ~history.traded
    length = np.zeros(history.traded.shape[1], dtype="int64")
    resumed = np.zeros_like(halted)
    for session in range(len(halted)):
        resumed[session] = history.traded[session] & (length >= LONG_HALT)
        length = np.where(halted[session], length + 1, 0)
    brief = np.zeros_like(halted)
    for session, stock, _ in history.status.intraday:
        brief[session, stock] = True
    first_day = np.arange(len(halted))[:, None] == history.listing.list_index
    unlimited = first_day & (history.bars["up"] == 0)
    wide = np.abs(history.bars["close"] - history.bars["open"]) > 0.3 * history.bars["open"]
    brief = (brief | (unlimited & wide)) & history.traded & ~resumed
    for year in years(history.clock.days):
        rows = Rows(history, year, halted | resumed | brief)
        timing = np.where(rows.take(first_day), "09:31-09:41", "09:30-10:30").astype(object)
        timing[~rows.take(brief)] = None
        kind = np.where(rows.take(resumed), "R", "S")
        yield rows.frame(suspend_timing=timing, suspend_type=kind.astype(object))


def stock_st(history: History) -> Iterator[pd.DataFrame]:
    """Yield who carried ST or *ST on each day."""
    for year in years(history.clock.days):
        yield Rows(history, year, history.status.st & history.listed).frame()


def moneyflow(history: History, seed: int) -> Iterator[pd.DataFrame]:
    """Yield bought and sold amounts by order size, yuan; each side sums to the day's amount.

    Large orders lean to the day's direction; ``net_mf_amount`` is large and extra-large bought less sold.
    """
    for year in years(history.clock.days):
        rows = Rows(history, year, history.traded)
        random = stream(seed, f"moneyflow {str(rows.days[0])[:4]}")
        amount = rows.take(history.amount)
        move = rows.take(history.bars["close"]) / rows.take(history.bars["pre_close"]) - 1
        noise = random.standard_normal((3, len(amount)))
        lean = np.clip(0.05 * np.tanh(move / 0.03) + 0.03 * noise[0], -0.12, 0.12)
        size = 0.06 * np.tanh(noise[1])
        typical = np.stack([0.30 - size, 0.29 - size / 2, 0.24 + size / 2, 0.17 + size])
        tilt = np.array([-0.65, -0.35, 0.4, 0.6])[:, None] * lean
        sides = {"buy": _split(amount, typical + tilt), "sell": _split(amount, typical - tilt)}
        columns = {f"{side}_{name}_amount": sides[side][i] / 100 for i, name in enumerate(_CLASSES) for side in sides}
        net = (sides["buy"][2:] - sides["sell"][2:]).sum(axis=0) / 100
        yield rows.frame(**columns, net_mf_amount=net)


def _split(cents: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Split amounts into four whole parts that sum exactly."""
    parts = np.rint(cents * shares).astype("int64")
    parts[0] = cents - parts[1:].sum(axis=0)
    return parts


def namechange(history: History) -> pd.DataFrame:
    """Return every name with its span; ST and delisting names begin and end on their sessions."""
    listing, clock = history.listing, history.clock
    rows: list[tuple[int, np.datetime64, str, str]] = [
        (n, day, str(name), "上市") for n, (day, name) in enumerate(zip(listing.list_date, listing.name, strict=True))
    ]
    for stock, session, name, reason in history.status.names:
        if session < history.status.delist_index[stock]:
            rows.append((stock, np.datetime64(clock.date(np.array(session)).item()), name, reason))
    rows.sort(key=lambda row: (row[0], row[1]))
    stocks = np.array([row[0] for row in rows])
    start = np.array([row[1] for row in rows], dtype="datetime64[D]")
    end = np.full(len(rows), np.datetime64("NaT", "D"))
    same = stocks[1:] == stocks[:-1]
    end[:-1][same] = start[1:][same] - 1
    first = np.append(True, ~same)
    return pd.DataFrame(
        {
            "ts_code": as_codes(stocks, listing.codes),
            "name": [row[2] for row in rows],
            "start_date": as_dates(start),
            "end_date": as_dates(end),
            "ann_date": as_dates(np.where(first, start, clock.date(clock.index(start) - 2))),
            "change_reason": [row[3] for row in rows],
        }
    )
