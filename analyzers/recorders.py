"""Backtrader analyzers that write down what a run's frames are made of."""

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd


class NavRecorder(bt.Analyzer):
    """The account at every close: ``date, nav, cash, stock_value, hedge_value, benchmark`` (yuan, index points)."""

    def start(self) -> None:
        self.market = self.strategy.broker.market
        self.navs: list[float] = []
        self.cash: list[float] = []

    def next(self) -> None:
        broker = self.strategy.broker
        self.navs.append(broker.worth)
        self.cash.append(broker.cash)

    def get_analysis(self) -> pd.DataFrame:
        """Return one row per session; the first is the starting capital at the close before trading begins."""
        market = self.market
        nav, cash = np.array(self.navs), np.array(self.cash)
        dates = market.panel.dates[market.first : market.first + len(nav)]
        benchmark = np.array(market.clock.lines.close.array[: len(nav)])
        return pd.DataFrame(
            {
                "date": dates.astype("datetime64[ms]"),
                "nav": nav,
                "cash": cash,
                "stock_value": nav - cash,
                "hedge_value": 0.0,
                "benchmark": benchmark,
            }
        )


class PositionRecorder(bt.Analyzer):
    """Every holding at every close: ``date, ts_code, shares, price, value, weight`` (raw yuan)."""

    def start(self) -> None:
        self.rows: list[tuple[int, int, int, float, float]] = []

    def next(self) -> None:
        broker = self.strategy.broker
        row, worth, append = broker.market.row, broker.worth, self.rows.append
        for column, holding in broker.holdings.items():
            append((row, column, holding.position.size, holding.price, worth))

    def get_analysis(self) -> pd.DataFrame:
        """Return one row per holding and session, by date and code."""
        panel = self.strategy.broker.market.panel
        row, column, shares, price, worth = np.array(self.rows, "float64").reshape(-1, 5).T
        order = np.lexsort((column, row))
        row, column = row[order].astype(int), column[order].astype(int)
        value = shares[order] * price[order]
        return pd.DataFrame(
            {
                "date": panel.dates[row].astype("datetime64[ms]"),
                "ts_code": pd.Series(panel.codes[column].astype(object), dtype="str"),
                "shares": shares[order].astype("int64"),
                "price": price[order],
                "value": value,
                "weight": value / worth[order],
            }
        )


class OrderRecorder(bt.Analyzer):
    """One row per wanted order: what was asked, what was filled, at what price and fee, and why not more.

    ``status``
        ``filled``; ``partial``: some of it, the rest given up; ``expired``: nothing, given up; ``replaced``: a carried
        sell superseded by the next basket; ``cancelled`` by the strategy; ``open``: still waiting when the run ended.
    ``reason``
        The first obstacle met, also of an order filled later: ``suspended``, ``limit up at open``, ``limit down at
        open``, ``not listed``, ``delisted``, ``T+1`` (bought only today), ``nothing held`` (that much), ``lot`` (less
        than the board's lot), ``cash`` (its share of a basket scaled to the cash). Empty if there was none.
    ``date``
        The session that ended it, or the last one tried; ``attempts`` counts the sessions tried.
    ``reference``
        The price it was sized with: the signal date's last close, ex-right if the stock went ex by the next open.

    A sale of a whole holding that goes ex while it waits grows with the new shares, at the same value.
    """

    COLUMNS = (
        "signal_date", "date", "ts_code", "side", "wanted", "filled", "price", "fee", "status", "reason",
        "reference", "attempts",
    )  # fmt: skip

    def start(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def notify_order(self, order: bt.Order) -> None:
        if not order.alive():
            self._write(order)

    def stop(self) -> None:
        broker = self.strategy.broker
        ended = [order for order in broker.notifs if not order.alive()]  # after the last close: nobody was told
        for order in [*ended, *broker.pending]:
            self._write(order)

    def _write(self, order: bt.Order) -> None:
        info, done = order.info, order.executed
        self.rows.append(
            (
                info.signal_row,
                info.get("row", self.strategy.broker.market.row),
                order.data.column,
                "buy" if order.isbuy() else "sell",
                int(abs(order.created.size)),
                int(abs(done.size)),
                done.price if done.size else np.nan,
                done.comm,
                info.get("outcome", "open"),
                info.reason,
                info.reference,
                info.attempts,
            )
        )

    def get_analysis(self) -> pd.DataFrame:
        """Return the orders by date, sells first, then by code."""
        panel = self.strategy.broker.market.panel
        frame = pd.DataFrame(self.rows, columns=self.COLUMNS)
        order = np.lexsort((frame["ts_code"], frame["side"] == "buy", frame["signal_date"], frame["date"]))
        frame = frame.iloc[order].reset_index(drop=True)
        for name in ("signal_date", "date"):
            frame[name] = panel.dates[frame[name].to_numpy("int64")].astype("datetime64[ms]")
        frame["ts_code"] = pd.Series(panel.codes[frame["ts_code"].to_numpy("int64")].astype(object), dtype="str")
        kinds = dict.fromkeys(("wanted", "filled", "attempts"), "int64")
        kinds |= dict.fromkeys(("price", "fee", "reference"), "float64")
        return frame.astype(kinds | dict.fromkeys(("side", "status", "reason"), "str"))


RECORDERS: dict[str, type[bt.Analyzer]] = {
    "nav": NavRecorder,
    "positions": PositionRecorder,
    "orders": OrderRecorder,
}
