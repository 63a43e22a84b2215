"""Published accounts and the daily valuations that follow from them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from feeds.sources.simulated.actions import ANNUAL, RIGHTS
from feeds.sources.simulated.frames import Rows, as_codes, as_dates, years
from feeds.sources.simulated.simulation import History

YEAR_SESSIONS = 243


def fina_indicator(history: History) -> pd.DataFrame:
    """Return the published accounts: year-to-date figures in yuan per share and fractions, as first announced.

    Reports of the two years before a listing come with its prospectus; a report due after the span's end or the
    stock's delisting never comes.
    """
    accounts, listing, ends = history.accounts, history.listing, history.accounts.ends
    booked = np.arange(len(ends)) < accounts.closed
    shares = _shares_at(history, ends)
    profit = accounts.year_to_date(accounts.profit)
    opening = np.vstack([accounts.equity[:1], accounts.equity[:-1]])
    before = np.vstack([np.full((4, len(listing)), np.nan), profit[:-4]])
    ripple = 0.012 * np.sin(1.7 * np.arange(len(ends))[:, None] + np.arange(len(listing)))
    roe = profit / ((accounts.equity + opening) / 2)
    leverage = np.clip(accounts.leverage + ripple, 0.03, 0.96)
    figures = {
        "eps": profit / shares,
        "bps": accounts.equity / shares,
        "roe": roe,
        "roa": roe * (1 - leverage),
        "grossprofit_margin": np.clip(accounts.margin + 2 * ripple, 0.01, 0.95),
        "debt_to_assets": leverage,
        "netprofit_yoy": (profit - before) / np.abs(before),
    }
    shown = booked[:, None] & (history.known < history.status.delist_index)
    shown &= ends[:, None] > listing.list_date - 2 * 366
    stock, quarter = np.nonzero(shown.T)
    return pd.DataFrame(
        {
            "ts_code": as_codes(stock, listing.codes),
            "end_date": as_dates(ends[quarter]),
            "ann_date": as_dates(history.announced[quarter, stock]),
            **{name: np.round(values[quarter, stock], 6) for name, values in figures.items()},
        }
    )


def _shares_at(history: History, ends: np.ndarray) -> np.ndarray:
    """Return total shares at each quarter's end, (Q, N); before the span or a listing, those of its first day."""
    session = (np.searchsorted(history.clock.days, ends, side="right") - 1).clip(0)
    first = np.clip(history.listing.list_index, 0, len(history.clock) - 1)
    rows = np.maximum(session[:, None], first)
    return history.total_share[rows, np.arange(len(history.listing))]


class _Distributions:
    """Total cash paid per stock up to any session, from the actions that took place."""

    def __init__(self, history: History):
        actions = history.actions
        rows = np.flatnonzero(actions.done & (actions.kind != RIGHTS) & (actions.cash_mills > 0))
        rows = rows[np.lexsort((actions.ex[rows], actions.stock[rows]))]
        stock, ex = actions.stock[rows], actions.ex[rows]
        self.span = len(history.clock) + 1
        self.keys = stock * self.span + ex
        shares = history.total_share[np.maximum(ex - 1, 0), stock]
        self.cash = actions.cash_mills[rows] / 1000 * shares
        self.sums = np.append(0.0, np.cumsum(self.cash))
        annual = np.flatnonzero(actions.kind[rows] == ANNUAL)
        self.annual_keys, self.annual_cash = self.keys[annual], self.cash[annual]

    def trailing(self, stock: np.ndarray, session: np.ndarray) -> np.ndarray:
        """Return the cash of the last 243 sessions, yuan."""
        last = np.searchsorted(self.keys, stock * self.span + session, side="right")
        first = np.searchsorted(self.keys, stock * self.span + np.maximum(session - YEAR_SESSIONS, -1), side="right")
        return self.sums[last] - self.sums[np.minimum(first, last)]

    def latest(self, stock: np.ndarray, session: np.ndarray) -> np.ndarray:
        """Return the cash of the last annual distribution, zero if none in the last 18 months, yuan."""
        at = np.searchsorted(self.annual_keys, stock * self.span + session, side="right") - 1
        key = stock * self.span + np.maximum(session - YEAR_SESSIONS * 3 // 2, 0)
        recent = (at >= 0) & (self.annual_keys[at] >= key) if len(self.annual_keys) else np.zeros(len(at), bool)
        return np.where(recent, self.annual_cash[at], 0.0) if len(self.annual_keys) else np.zeros(len(at))


def daily_basic(history: History) -> Iterator[pd.DataFrame]:
    """Yield valuations of every traded day: shares, yuan, fractions; ratios use what was published before the day."""
    accounts, distributions = history.accounts, _Distributions(history)
    books = {
        "pe": accounts.last_annual(accounts.profit),
        "pe_ttm": accounts.trailing(accounts.profit),
        "pb": accounts.equity,
        "ps": accounts.last_annual(accounts.revenue),
        "ps_ttm": accounts.trailing(accounts.revenue),
    }
    for year in years(history.clock.days):
        rows = Rows(history, year, history.traded)
        report = _latest_report(history, year)[rows.day, rows.stock]
        close, total = rows.take(history.bars["close"]) / 100, rows.take(history.total_share)
        floating, volume = rows.take(history.float_share), rows.take(history.volume)
        free = np.floor(floating * history.listing.free_fraction[rows.stock])
        value, session = close * total, rows.day + year.start
        amounts = {name: np.where(report >= 0, book[report, rows.stock], np.nan) for name, book in books.items()}
        signed = np.where(amounts["pe_ttm"] != 0, value / amounts["pe_ttm"], np.nan)
        ratios = {name: np.where(sums > 0, value / sums, np.nan) for name, sums in amounts.items()}
        yield rows.frame(
            turnover_rate=np.round(volume / floating, 8),
            turnover_rate_f=np.round(volume / free, 8),
            volume_ratio=np.round(volume / _usual_volume(history, year)[rows.day, rows.stock], 4),
            **{name: np.round(values, 4) for name, values in ratios.items()},
            dv_ratio=np.round(distributions.latest(rows.stock, session) / value, 6),
            dv_ttm=np.round(distributions.trailing(rows.stock, session) / value, 6),
            total_share=total.astype("float64"),
            float_share=floating.astype("float64"),
            free_share=free,
            total_mv=value,
            circ_mv=close * floating,
            pe_ttm_signed=np.round(signed, 4),
        )


def _latest_report(history: History, year: slice) -> np.ndarray:
    """Return the index of the last report known on each day of a year, -1 for none, (days, N)."""
    sessions = np.arange(year.start, year.stop)[:, None]
    latest = np.full((len(sessions), len(history.listing)), -1, dtype="int16")
    for q in range(history.accounts.closed):
        np.copyto(latest, q, where=history.known[q] <= sessions)
    return latest


def _usual_volume(history: History, year: slice) -> np.ndarray:
    """Return the mean volume of the trades in the five sessions before, NaN where there were none, (days, N)."""
    first = max(year.start - 5, 0)
    volume = np.vstack([np.zeros((5 - (year.start - first), len(history.listing))), history.volume[first : year.stop]])
    days = len(volume) - 5
    total = sum(volume[lag : lag + days] for lag in range(5))
    count = sum((volume[lag : lag + days] > 0).astype("int64") for lag in range(5))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, total / count, np.nan)
