"""One trading day of the whole market: from the move the news asks for to the bar the limits allow."""

from dataclasses import dataclass

import numpy as np

from feeds import rules
from feeds.sources.simulated.listing import Listing
from feeds.sources.simulated.status import Status
from feeds.sources.simulated.streams import stream

NO_LIMIT_UP = 1 << 30  # cents
OVERNIGHT = 0.35  # share of a day's fresh move that is in the opening price
LOCKED_BEYOND = 0.012  # a limit is locked all day if the news asks for this much more than it


@dataclass(frozen=True)
class Bars:
    """One day's bars, integer cents and shares, shape (N,); meaningful only where the stock trades."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray  # shares
    amount: np.ndarray  # cents
    left: np.ndarray  # log move the limits kept for the next day


class Limits:
    """The dated limit prices of every stock."""

    def __init__(self, days: np.ndarray, listing: Listing):
        self.days, self.board, self.list_index = days, listing.board, listing.list_index
        self.exchange = np.array([rules.exchange_of(str(code)) for code in listing.codes])
        keys = zip(listing.board, listing.list_date, self.exchange, strict=True)
        began = [rules.first_days(str(board), day, str(exchange)) for board, day, exchange in keys]
        self.free_days = np.array([rule.free for rule in began])
        self.banded = np.array([rule.up is not None for rule in began])
        self.band = np.array([(rule.up or 0, rule.down or 0) for rule in began]).T

    def of(self, session: int, reference: np.ndarray, status: Status) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return lowest and highest price in cents and who has no limit, given the reference in cents."""
        day, age = self.days[session], session - self.list_index
        percent = rules.limit_percents(self.board, np.broadcast_to(day, self.board.shape), status.st[session])
        first = self.banded & (age == 0)
        up, down = (np.where(first, side, percent) for side in self.band)
        gap = rules.least_gaps(self.exchange, day)
        prices = rules.limit_prices(reference / 100, up, down, least_gap=gap)
        free = np.isnan(prices[0]) | ((age >= 0) & (age < self.free_days))
        opening = status.leaving[session] & ~status.leaving[session - 1] if session else np.zeros(len(age), bool)
        for stock in np.flatnonzero(opening):
            free[stock] |= rules.delisting_day_is_free(str(self.board[stock]), day)
        low, high = (np.rint(np.where(free, 0.0, side) * 100).astype("int64") for side in prices)
        return np.where(free, 1, low), np.where(free, NO_LIMIT_UP, high), free


class Floor:
    """The trading floor: draws the shape of the day and the volume."""

    def __init__(self, listing: Listing, seed: int):
        random = stream(seed, "turnover")
        n = len(listing)
        value = np.log(listing.first_price / 100 * listing.total_share)
        self.typical = np.log(0.013) - 0.22 * (value - 22.8) + 0.35 * random.standard_normal(n)
        self.drifting = 0.4 * random.standard_normal(n)
        self.crowd = 0.0
        self._random = random
        self._shape = stream(seed, "intraday")

    def trade(
        self,
        reference: np.ndarray,
        fresh: np.ndarray,
        pending: np.ndarray,
        limits: tuple[np.ndarray, np.ndarray],
        volatility: np.ndarray,
        floating: np.ndarray,
        opening_cap: np.ndarray,
    ) -> Bars:
        """Return the day's bars.

        Parameters
        ----------
        reference, floating : array of int64, shape (N,)
            Ex-right reference in cents, floating shares.
        fresh, pending : array, shape (N,)
            Log move of the day's news, and what earlier limits or halts kept back.
        limits : pair of arrays of int64
            Lowest and highest price, cents.
        volatility : array, shape (N,)
            Deviation of the stock-specific return that day.
        opening_cap : array, shape (N,)
            Largest log move of the opening price (day one of an IPO), infinite elsewhere.
        """
        low_limit, high_limit = limits
        shape = self._shape.standard_normal((4, len(reference)))
        asked = pending + fresh
        gap = pending + OVERNIGHT * fresh + 0.45 * volatility * shape[0]
        gap = np.clip(gap, -opening_cap, opening_cap)
        opened = np.clip(np.rint(reference * np.exp(gap)), low_limit, high_limit).astype("int64")
        closed = np.clip(np.rint(reference * np.exp(asked)), low_limit, high_limit).astype("int64")
        left = asked - np.log(closed / reference)
        reach = 0.75 * volatility * np.abs(shape[1:3])
        top = np.rint(np.maximum(opened, closed) * np.exp(reach[0])).astype("int64")
        bottom = np.rint(np.minimum(opened, closed) * np.exp(-reach[1])).astype("int64")
        locked_up = (opened == high_limit) & (closed == high_limit) & (left > LOCKED_BEYOND)
        locked_down = (opened == low_limit) & (closed == low_limit) & (left < -LOCKED_BEYOND)
        high = np.where(locked_down, low_limit, np.minimum(top, high_limit))
        low = np.where(locked_up, high_limit, np.maximum(np.maximum(bottom, low_limit), 1))
        volume = self._volume(np.log(closed / reference), volatility, floating, locked_up | locked_down)
        average = (opened + high + low + closed) / 4 + 0.08 * (high - low) * shape[3]
        amount = np.clip(np.rint(average * volume).astype("int64"), low * volume, high * volume)
        return Bars(opened, high, low, closed, volume, amount, left)

    def _volume(self, move: np.ndarray, volatility: np.ndarray, floating: np.ndarray, locked: np.ndarray) -> np.ndarray:
        noise = self._random.standard_normal((2, len(move)))
        self.crowd = 0.96 * self.crowd + 0.09 * float(self._random.standard_normal())
        self.drifting = 0.93 * self.drifting + 0.16 * noise[0]
        excitement = 0.28 * np.minimum(np.abs(move) / volatility, 5)
        rate = np.exp(self.typical + self.drifting + self.crowd + excitement + 0.22 * noise[1])
        rate = np.minimum(np.where(locked, 0.15 * rate, rate), 0.75)
        return np.maximum(np.rint(rate * floating / 100).astype("int64"), 1) * 100
