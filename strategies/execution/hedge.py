"""How a stock book is hedged: with which contract, how many lots, when they roll, and what margin leaves for stocks."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np

from feeds.errors import ConfigError
from feeds.futures import KINDS, FuturesPanel
from feeds.main_series import as_contract
from feeds.panel import MarketPanel
from strategies.execution.futures import FuturesAccount, FuturesTerms
from strategies.execution.hedge_config import HedgeConfig
from strategies.execution.index_short import IndexShort

LONGEST_GAP = 5  # sessions without a settlement, after which a contract's data are taken to have ended
_MANY_LOTS = 1e9


class Order(NamedTuple):
    """Lots of a contract to trade at the next open; ``kind`` is ``roll``, ``forced`` or None."""

    column: int
    lots: int  # negative to sell
    kind: str | None


def lots_to_cut(free_cash: float, margin_per_lot: float, lots: int) -> int:
    """Return how many lots to close so that their margin makes good a lack of cash; no more than there are."""
    return min(ceil(max(-free_cash, 0.0) / margin_per_lot), abs(lots))


def _least_lots(now: int, free_cash: float, margin_per_lot: float) -> int:
    """Return the most negative number of lots whose margin the cash allows, from those held now on."""
    if free_cash < 0:
        return now + lots_to_cut(free_cash, margin_per_lot, now)
    return now - floor(min(free_cash / margin_per_lot, _MANY_LOTS))


class Hedge:
    """The decisions of a hedge. Each is a function of its arguments and of what the panel knew at a row's close.

    Parameters
    ----------
    config : HedgeConfig
        A kind other than ``none``.
    panel : MarketPanel
        The market.
    terms : FuturesTerms
        Dated margin, fees and limits.
    first, last : int
        Rows of the run.

    Attributes
    ----------
    futures : FuturesPanel
        What there is to trade; a single contract that never expires with ``series`` main, empty for ``index``.
    index_code : str
        The price index that is hedged against.
    index : numpy.ndarray, shape (T,)
        Its closes.

    Raises
    ------
    HuiceError
        If the data lack the index or a contract on a day of the run.
    """

    def __init__(self, config: HedgeConfig, panel: MarketPanel, terms: FuturesTerms, first: int, last: int):
        self.config, self.panel, self.terms = config, panel, terms
        self.index_code = KINDS[config.kind].index if config.kind in KINDS else config.index
        self.index = panel.index_close(self.index_code)
        self._chosen: dict[int, int | None] = {}
        self._refuse_short_past(first, last)
        self.futures = self._tradable()
        if config.kind in KINDS:
            self._refuse_gaps(first, last)

    def _refuse_short_past(self, first: int, last: int) -> None:
        past = self.config.beta_days if self.config.sizing == "beta" else 0
        if first < past:
            raise ConfigError(f"hedge by beta must have {past} sessions before the run, was {first}")
        missing = ~np.isfinite(self.index[first - past : last + 1])
        if missing.any():
            day = self.panel.dates[first - past + missing.argmax()]
            raise ConfigError(f"hedge index {self.index_code} must have a close on every day, was missing on {day}")

    def _tradable(self) -> FuturesPanel:
        kind, futures = self.config.kind, self.panel.futures
        if kind not in KINDS:
            return FuturesPanel.none()
        if self.config.series == "main":
            return as_contract(futures, kind, self.panel.dates, self.index)
        if not ((futures.kind == kind) & ~futures.main).any():
            main = f", or hedge_series: main to estimate with {kind}.CFX" if kind in futures.kind else ""
            raise ConfigError(
                f"hedge {kind} must have month contracts in fut_basic and fut_daily, was without them "
                f"(see: --hedge index{main})"
            )
        return futures

    def _refuse_gaps(self, first: int, last: int) -> None:
        for row in range(first, last):
            column = self.contract(row)
            settled = -1 if column is None else self.futures.settled_row(column, row)
            if settled < 0 or row - settled > LONGEST_GAP:
                kind, day = self.config.kind, self.panel.dates[row]
                raise ConfigError(f"hedge {kind} must have a {self.config.contract} contract to hold on every day, "
                                  f"was without its prices on {day}")  # fmt: skip

    def account(self) -> FuturesAccount | IndexShort:
        """Return an empty account of the hedge's kind."""
        if self.config.kind not in KINDS:
            return IndexShort(self.index_code, self.index, self.panel.dates)
        add, ticks = self.config.margin_add, self.config.slippage_ticks
        return FuturesAccount(self.futures, self.panel.dates, self.terms, margin_add=add, slippage_ticks=ticks)

    # -- how much ----------------------------------------------------------------------------------------------

    def notional(self, stock_value: float, beta: float = 1.0) -> float:
        """Return how much to be short against stocks of a value, in yuan; nothing against a negative beta."""
        return self.config.ratio * max(beta, 0.0) * stock_value

    def target_lots(self, stock_value: float, futures_price: float, multiplier: float, beta: float = 1.0) -> int:
        """Return the lots to hold, negative for a short: rounded to the nearest number, half toward zero."""
        return -ceil(self.notional(stock_value, beta) / (futures_price * multiplier) - 0.5)

    def beta(self, row: int, columns: np.ndarray, weights: np.ndarray) -> float:
        """Return the beta of a book to the index over the trailing sessions that end at a row; 1 if sized by notional.

        Parameters
        ----------
        row : int
            The last session that is looked at.
        columns, weights : numpy.ndarray, shape (K,)
            The stocks by panel column and their weights, scaled to a sum of 1.

        Notes
        -----
        Back-adjusted close to close returns of the present weights, against those of the price index. A suspended
        day has a return of 0; a day before a stock's first close has the index's.
        """
        days = self.config.beta_days
        total = float(np.sum(weights))
        if self.config.sizing == "notional" or not total > 0:
            return 1.0
        prices = self._adjusted(columns, row - days, row)
        returns = prices[:, 1:] / prices[:, :-1] - 1
        market = self.index[row - days + 1 : row + 1] / self.index[row - days : row] - 1
        book = np.where(np.isfinite(returns), returns, market).T @ (np.asarray(weights) / total)
        spread = market - market.mean()
        variance = float(spread @ spread)
        return float(spread @ (book - book.mean())) / variance if variance > 0 else 1.0

    def _adjusted(self, columns: np.ndarray, start: int, row: int) -> np.ndarray:
        """Return back-adjusted closes of the rows from ``start`` to ``row``, (K, days), the last one carried on."""
        closes, factors = self.panel.fields["close"], self.panel.fields["adj_factor"]
        rows = []
        for column in columns:
            close = closes[column, : row + 1]
            known = np.where(np.isfinite(close), np.arange(row + 1), -1)
            last = np.maximum.accumulate(known)[start:]
            adjusted = close * factors[column, : row + 1]
            rows.append(np.where(last >= 0, adjusted[last], np.nan))
        return np.array(rows)

    def invested_share(self, row: int, beta: float = 1.0) -> float:
        """Return the share of the account that may go into stocks, so that margin at a day's rate and buffer fit."""
        if self.config.kind not in KINDS:
            return 1.0
        return 1 / (1 + self.notional(1.0, beta) * self.margin_rate(row) * (1 + self.config.margin_buffer))

    def margin_rate(self, row: int) -> float:
        """Return the margin rate of a day, the broker's part included."""
        return self.terms.margin(self.config.kind, self.panel.dates[row]) + self.config.margin_add

    # -- which contract, and when ------------------------------------------------------------------------------

    def contract(self, row: int) -> int | None:
        """Return the column of the contract to hold from the session after a row on, or None if there is none."""
        if row not in self._chosen:
            self._chosen[row] = self._choose(row)
        return self._chosen[row]

    def _choose(self, row: int) -> int | None:
        futures, wanted = self.futures, self.config.contract
        stays = row + 1 + self.config.roll_days
        columns = [int(c) for c in futures.contracts(self.config.kind, row) if futures.last_row[c] > stays]
        if wanted == "quarter":
            columns = [c for c in columns if _is_quarter(futures, c)]
        return next(iter(columns[1:] if wanted == "next" else columns), None)

    def decide(
        self,
        row: int,
        held: Mapping[int, int],
        stock_value: float,
        *,
        beta: float = 1.0,
        rebalanced: bool = False,
        free_cash: float = float("inf"),
    ) -> list[Order]:
        """Return the orders for the open after a row's close, what is to be closed first.

        Parameters
        ----------
        held : mapping of int to int
            Lots by column after the day's settlement.
        stock_value : float
            Worth of the stocks to be hedged; with ``rebalanced`` what they will be worth after the next open.
        beta : float
            Of those stocks, as last measured.
        rebalanced : bool
            Whether the book is, so that lots follow whether or not they are off by more than the band.
        free_cash : float
            Cash that is left for more margin. Below zero it is a margin call: lots are cut until it is made good.
        """
        column = self.contract(row)
        if column is None:
            return []
        price, multiplier = self.futures.last_settle(column, row), float(self.futures.multiplier[column])
        now = sum(held.values())
        exact = self.notional(stock_value, beta) / (price * multiplier)
        off = abs(exact + now) > self.config.band * exact
        size = self.target_lots(stock_value, price, multiplier, beta) if rebalanced or off else now
        least = _least_lots(now, free_cash, price * multiplier * self.margin_rate(row))
        forced = free_cash < 0 and size < least
        size = max(size, least)
        rolled = [Order(other, -lots, "roll") for other, lots in sorted(held.items()) if other != column]
        change = size - held.get(column, 0)
        kind = "roll" if rolled else "forced" if forced else None
        return rolled + ([Order(column, change, kind)] if change else [])

    # -- whether it can trade ----------------------------------------------------------------------------------

    def refusals(self, orders: Sequence[Order], row: int) -> dict[int, str]:
        """Return why orders cannot trade at a session's open, by column; a roll trades both its contracts or none.

        What is refused is decided on anew after the close.
        """
        found = {order.column: self.refusal(order.column, order.lots, row) for order in orders}
        rolls = [order.column for order in orders if order.kind == "roll"]
        blocked = next((found[column] for column in rolls if found[column]), "")
        waiting = {column: found[column] or f"{blocked} of the roll's other contract" for column in rolls if blocked}
        return {column: reason for column, reason in (found | waiting).items() if reason}

    def refusal(self, column: int, lots: int, row: int) -> str:
        """Return why lots of a contract cannot trade at a session's open, or an empty string."""
        futures, terms = self.futures, self.terms
        price, before = futures.open[column, row], futures.pre_settle[column, row]
        if not price > 0:
            return "no bar"
        if not futures.vol[column, row] > 0:
            return "no volume"
        debut = row == futures.first_row[column] and _is_quarter(futures, column)
        limit = terms.last_day_limit if debut or row == futures.last_row[column] else terms.limit
        if lots > 0:  # an unknown settlement before refuses nothing
            return "limit up at open" if price > before * (1 + limit) - terms.tick else ""
        return "limit down at open" if price < before * (1 - limit) + terms.tick else ""

    def facts(self) -> dict[str, Any]:
        """Return the hedge's rules in words, for reports."""
        config = self.config
        size = "the stocks' value" if config.sizing == "notional" else f"their beta of {config.beta_days} sessions"
        facts = {"hedge": config.kind, "hedge_index": self.index_code, "hedge_size": f"{config.ratio:g} x {size}"}
        if config.kind not in KINDS:
            return facts | {"hedge_series": "the price index itself: ideal, without margin, fees or basis"}
        series = f"{config.contract} contract, rolled {config.roll_days} sessions before its last day"
        if config.series == "main":
            series = f"{config.kind}.CFX, the main contracts; roll days estimated, no fee of rolling"
        closes = self.futures.settled_at_close
        return facts | {
            "hedge_series": series,
            "hedge_estimated": config.series == "main",
            "hedge_settled_at": "the close where a settlement is missing" if closes else "settlements",
            "hedge_margin": f"rate of {config.margin} by date + {config.margin_add:.1%}",
            "hedge_not_charged": "limits of 2015 to 2019 on the lots an account may open; hedging accounts were exempt",
        }


def _is_quarter(futures: FuturesPanel, column: int) -> bool:
    """Return whether a contract's month is March, June, September or December."""
    month = str(futures.codes[column])[4:6]
    return month.isdecimal() and int(month) % 3 == 0
