"""Company accounts: quarterly profits that follow prices, equity, and the days reports are published."""

import numpy as np

from feeds.sources.simulated.clock import Clock
from feeds.sources.simulated.listing import Listing
from feeds.sources.simulated.streams import stream

PRIOR_QUARTERS = 10  # reports before the span, so that a trailing year and its predecessor exist on day one
# Days from the end of a quarter to its report: earliest and latest, by quarter of the year (1 to 4).
REPORT_LAG = {1: (12, 30), 2: (18, 61), 3: (11, 31), 4: (55, 119)}
LATE_ANNUAL_LAG = (111, 119)  # companies in trouble report in late April
_SEASON = np.array([0.92, 1.04, 1.04, 1.00])


def quarter_ends(clock: Clock) -> np.ndarray:
    """Return the quarter ends from ten quarters before the span to its last day, datetime64[D] of shape (Q,)."""
    first = clock.days[0].astype("datetime64[M]").astype("int64") // 3 - PRIOR_QUARTERS
    last = (clock.days[-1] + 1).astype("datetime64[M]").astype("int64") // 3
    months = (np.arange(first, last) + 1) * 3
    return months.astype("datetime64[M]").astype("datetime64[D]") - 1


def quarter_of_year(ends: np.ndarray) -> np.ndarray:
    """Return 1 to 4 for each quarter end."""
    return ends.astype("datetime64[M]").astype("int64") % 12 // 3 + 1


def announcement_days(ends: np.ndarray, listing: Listing, seed: int) -> np.ndarray:
    """Return when each report is published, datetime64[D] of shape (Q, N); weekends occur, as in life.

    A first-quarter report never precedes the annual report of the year before.
    """
    random = stream(seed, "announcements")
    habit = random.random(len(listing))  # early and late reporters stay so
    lag = np.empty((len(ends), len(listing)), dtype="int64")
    for q, quarter in enumerate(quarter_of_year(ends)):
        low, high = REPORT_LAG[int(quarter)]
        share = 0.7 * habit + 0.3 * random.random(len(listing))
        lag[q] = low + np.floor(share * (high - low + 1)).astype("int64")
    days = ends[:, None] + lag
    first = np.flatnonzero(quarter_of_year(ends) == 1)
    first = first[first > 0]
    days[first] = np.maximum(days[first], days[first - 1])
    return days


class Accounts:
    """Profits, revenues and equity by quarter, shape (Q, N), in yuan; filled quarter by quarter."""

    def __init__(self, clock: Clock, listing: Listing, ends: np.ndarray, losing: np.ndarray, seed: int):
        self.ends, self.losing = ends, losing
        self.random = stream(seed, "accounts")
        shape = (len(ends), len(listing))
        self.profit, self.revenue = np.zeros(shape), np.zeros(shape)
        self.equity = np.zeros(shape)
        n = len(listing)
        bank = listing.industry == 0
        self.quality = 0.02 * self.random.standard_normal(n)
        self.first_log_pb = np.clip(np.where(bank, -0.2, 0.75) + 0.5 * self.random.standard_normal(n), -0.7, 2.3)
        self.turnover = np.exp(np.where(bank, -2.6, -1.55) + 0.45 * self.random.standard_normal(n))
        self.margin = np.clip(0.28 + 0.14 * self.random.standard_normal(n), 0.05, 0.85)
        self.leverage = np.clip(np.where(bank, 0.92, 0.42) + 0.15 * self.random.standard_normal(n) * ~bank, 0.08, 0.93)
        self.surprise = np.zeros(n)
        self.closed = 0
        self._level = np.ones(n)  # equity on an arbitrary scale until the stock lists
        self._scaled = np.zeros(n, bool)
        for _ in range(min(PRIOR_QUARTERS, len(ends))):
            self.close_quarter(self.first_log_pb, np.zeros(n))

    def close_quarter(self, log_pb: np.ndarray, cash_in: np.ndarray) -> None:
        """Book the next quarter.

        Parameters
        ----------
        log_pb : array, shape (N,)
            Log price to book at the quarter's end: prices lead earnings, a dear company earns more.
        cash_in : array, shape (N,)
            Rights issues less dividends of the quarter, yuan.
        """
        q, random = self.closed, self.random
        noise = random.standard_normal((3, len(log_pb)))
        self.surprise = 0.75 * self.surprise + 0.025 * noise[0]
        roe = 0.075 + 0.05 * np.clip(log_pb, -1.5, 2.5) + self.quality + self.surprise
        roe = np.where(self.losing[q], -0.16 - 0.10 * np.abs(noise[1]), roe)
        season = _SEASON[int(quarter_of_year(self.ends[q : q + 1])[0]) - 1]
        self.profit[q] = self._level * roe / 4 * season
        self.revenue[q] = self._level * self.turnover * season * np.exp(0.08 * noise[2])
        self._level = np.maximum(self._level + self.profit[q] + cash_in, 0.2 * self._level)
        self.equity[q] = self._level
        self.closed = q + 1

    def scale(self, stocks: np.ndarray, value: np.ndarray) -> None:
        """Bring the accounts of listing ``stocks`` to yuan, given their market value at the first price."""
        factor = value / np.exp(self.first_log_pb[stocks]) / self._level[stocks]
        for booked in (self.profit, self.revenue, self.equity):
            booked[:, stocks] *= factor
        self._level[stocks] *= factor

    def trailing(self, flow: np.ndarray) -> np.ndarray:
        """Return the sum of the last four quarters of a flow, NaN for the first three, shape (Q, N)."""
        total = np.full_like(flow, np.nan)
        total[3:] = flow[3:] + flow[2:-1] + flow[1:-2] + flow[:-3]
        return total

    def last_annual(self, flow: np.ndarray) -> np.ndarray:
        """Return the flow of the last whole year known at each quarter, NaN before the first, shape (Q, N)."""
        trailing, at = self.trailing(flow), np.arange(len(self.ends))
        behind = quarter_of_year(self.ends) % 4
        rows = at - behind
        return np.where((rows >= 3)[:, None], trailing[np.maximum(rows, 0)], np.nan)

    def year_to_date(self, flow: np.ndarray) -> np.ndarray:
        """Return a flow accumulated since the start of the year, NaN where the span cuts the year, shape (Q, N)."""
        total = np.full_like(flow, np.nan)
        for q, quarter in enumerate(quarter_of_year(self.ends)):
            if q + 1 >= quarter:
                total[q] = flow[q + 1 - quarter : q + 1].sum(axis=0)
        return total
