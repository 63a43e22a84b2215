"""The simulated market as a source of tables."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from feeds.errors import ConfigError
from feeds.rules import as_day
from feeds.sources.simulated import bars, events, futures, indices, valuation
from feeds.sources.simulated.clock import FIRST_LISTING
from feeds.sources.simulated.simulation import History, simulate

FEWEST_STOCKS, MOST_STOCKS, FEWEST_SESSIONS = 12, 6000, 20


class SimulatedMarket:
    """An invented A-share market on the real trading calendar, the same to the byte for the same arguments.

    Parameters
    ----------
    stocks : int
        Stocks that are listed at some time in the span, 12 to 6,000.
    start, end : str
        First and last calendar day.
    seed : int
        Not negative; every table draws from streams of its own.

    Raises
    ------
    ConfigError
        If an argument breaks its rule.

    Notes
    -----
    Returns are market, industry, size, growth and board factors plus stock-specific noise with fat tails,
    clustering volatility and news; :mod:`feeds.sources.simulated.premia` adds four small premia and states their
    measured sizes. The market factor's mean over the span is exact, so every seed yields a market of about 19 %
    index volatility and a deep drawdown or two.

    Limit prices cut a day's move and the rest goes on the next day: one-price boards and runs of them follow.
    The rules are dated: 10 % on the main board (5 % under ST until 2026-07-05), 10 % then 20 % on ChiNext from
    2020-08-24, 20 % on STAR, 30 % in Beijing; newcomers have +44 % / -36 % on day one before registration, and five
    sessions without a limit since (one in Beijing).

    There are halts of a day, of months and within a day; cash dividends, bonus shares and rights issues; ST and
    back; delistings after a period of 30 sessions (15 since 2020-12-31, its first day without a limit) and, for
    prices below one yuan, since then without one; every third company that leaves is absorbed by another at a ratio
    of shares. Reports are published 11 to 119 days after their quarter and count
    from the next session on.

    Index 000300.SH holds the largest third of the market by floating value (300 at most), 000905.SH the next (500 at
    most), 000852.SH the last (1,000 at most) and 000016.SH the largest sixth of the first (50 at most), reviewed in
    June and December; H00300.CSI and its like reinvest the dividends. Futures IF, IC, IM and IH trade on them by
    contract, at a discount that vanishes by the last day. The calendar table reaches from the year before the span
    to the end of its last year. There is no ``fund_daily``.
    """

    name = "simulated"
    simulated = True

    def __init__(self, stocks: int = 300, start: str = "2017-01-03", end: str = "2024-12-31", seed: int = 7):
        if not FEWEST_STOCKS <= stocks <= MOST_STOCKS:
            raise ConfigError(f"stocks must be between {FEWEST_STOCKS} and {MOST_STOCKS}, was {stocks}")
        if seed < 0:
            raise ConfigError(f"seed must not be negative, was {seed}")
        first, last = as_day(start), as_day(end)
        if not FIRST_LISTING + 31 <= first < last:
            raise ConfigError(f"start must be before end and after {FIRST_LISTING + 30}, was {first} to {last}")
        if np.busday_count(first, last) < FEWEST_SESSIONS:
            raise ConfigError(f"the span must have at least {FEWEST_SESSIONS} weekdays, was {first} to {last}")
        self.stocks, self.start, self.end, self.seed = stocks, str(first), str(last), seed

    def __repr__(self) -> str:
        return f"SimulatedMarket(stocks={self.stocks}, start='{self.start}', end='{self.end}', seed={self.seed})"

    def history(self) -> History:
        """Run the market and return its raw arrays."""
        return simulate(self.start, self.end, self.stocks, self.seed)

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Run the market and yield its tables; those of every trading day come a year at a time."""
        history = self.history()
        names, industries = bars.namechange(history), events.industry(history, self.seed)
        yield "trade_cal", events.trade_cal(history.clock)
        yield "stock_basic", events.stock_basic(history, names, industries)
        yield "namechange", names
        yield "industry", industries
        yield "dividend", events.dividend(history, self.seed)
        yield "rights", events.rights(history)
        yield "code_change", events.code_change(history)
        yield "fina_indicator", valuation.fina_indicator(history)
        for name, chunks in (
            ("daily", bars.daily(history)),
            ("adj_factor", bars.adj_factor(history)),
            ("stk_limit", bars.stk_limit(history)),
            ("suspend_d", bars.suspend_d(history)),
            ("stock_st", bars.stock_st(history)),
            ("daily_basic", valuation.daily_basic(history)),
            ("moneyflow", bars.moneyflow(history, self.seed)),
        ):
            for chunk in chunks:
                yield name, chunk
        yield from self._index_tables(history)

    def _index_tables(self, history: History) -> Iterator[tuple[str, pd.DataFrame]]:
        paths = [indices.index_path(history, spec) for spec in indices.SPECS]
        listed = futures.all_contracts(history)
        yield "index_daily", indices.index_daily(history, paths)
        yield "index_weight", indices.index_weight(history, paths)
        yield "index_member", indices.index_member(history, paths)
        if listed:  # no index futures before April 2010
            yield "fut_basic", futures.fut_basic(listed)
            yield "fut_daily", futures.fut_daily(history, paths, listed, self.seed)
