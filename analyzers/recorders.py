"""Backtrader analyzers that write down what a run's frames are made of."""

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd


class NavRecorder(bt.Analyzer):
    """The account at every close: what ``nav.parquet`` holds, in yuan and index points.

    ``date, nav, cash, receivable, stock_value, hedge_value, benchmark``; net asset value is cash, dividends owed,
    stocks and the margin of the hedge.
    """

    def start(self) -> None:
        self.market = self.strategy.broker.market
        self.navs: list[float] = []
        self.cash: list[float] = []
        self.owed: list[float] = []
        self.margin: list[float] = []

    def next(self) -> None:
        broker = self.strategy.broker
        self.navs.append(broker.worth)
        self.cash.append(broker.cash)
        self.owed.append(broker.receivable if broker.receivables else 0.0)
        self.margin.append(broker.hedge.value if broker.hedge is not None else 0.0)

    def get_analysis(self) -> pd.DataFrame:
        """Return one row per session; the first is the starting capital at the close before trading begins."""
        market = self.market
        nav, cash, owed, margin = (np.array(line) for line in (self.navs, self.cash, self.owed, self.margin))
        dates = market.panel.dates[market.first : market.first + len(nav)]
        benchmark = np.array(market.clock.lines.close.array[: len(nav)])
        return pd.DataFrame(
            {
                "date": dates.astype("datetime64[ms]"),
                "nav": nav,
                "cash": cash,
                "receivable": owed,
                "stock_value": nav - cash - owed - margin,
                "hedge_value": margin,
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
        The first obstacle met, also of an order filled later, or why the stock is gone: ``suspended``; ``limit up`` or
        ``limit down``, ``at open`` (or the other price of execution) or ``touched``; ``volume`` (its share of the
        day's); ``not listed``, ``delisted``, ``code changed``, ``not admitted to trading yet`` (new shares); ``T+1``
        (bought only today), ``nothing held`` (that much), ``lot`` (less than the board's lot), ``cash`` (its share of a
        basket scaled to the cash). Empty if there was none.
    ``standing``
        How the day of that obstacle stood to the limit, as known after it: ``one price`` (every trade at the limit),
        ``at limit`` (traded away from it too), ``touched``; empty if it was no limit.
    ``date``
        The session that ended it, or the last one tried; ``attempts`` counts the sessions tried.
    ``price``
        The mean of its fills, slippage included; ``slippage`` is what that cost, in yuan.
    ``replaces``
        The code whose refused buy this order stands in for; empty for all others.
    ``reference``
        The price it was sized with: the signal date's last close, ex-right if the stock went ex by the next open.

    A sale of a whole holding that goes ex while it waits grows with the new shares, at the same value.
    """

    COLUMNS = (
        "signal_date", "date", "ts_code", "side", "wanted", "filled", "price", "fee", "status", "reason",
        "reference", "attempts", "standing", "slippage", "replaces",
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
                info.standing,
                info.slippage,
                info.replaces,
            )
        )

    def get_analysis(self) -> pd.DataFrame:
        """Return the orders by date, sells first, then by code; those in futures among them, in lots and points."""
        broker = self.strategy.broker
        panel = broker.market.panel
        frame = pd.DataFrame(self.rows, columns=self.COLUMNS)
        frame["replaces"] = ["" if column < 0 else str(panel.codes[column]) for column in frame["replaces"]]
        frame["ts_code"] = panel.codes[frame["ts_code"].to_numpy("int64")].astype(object)
        if broker.hedge is not None and broker.hedge.orders:
            frame = pd.concat([frame, pd.DataFrame(broker.hedge.order_rows())], ignore_index=True)
        order = np.lexsort((frame["ts_code"], frame["side"] == "buy", frame["signal_date"], frame["date"]))
        frame = frame.iloc[order].reset_index(drop=True)
        for name in ("signal_date", "date"):
            frame[name] = panel.dates[frame[name].to_numpy("int64")].astype("datetime64[ms]")
        kinds = dict.fromkeys(("wanted", "filled", "attempts"), "int64")
        kinds |= dict.fromkeys(("price", "fee", "reference", "slippage"), "float64")
        kinds |= dict.fromkeys(("ts_code", "side", "status", "reason", "standing", "replaces"), "str")
        return frame.astype(kinds)


class FillRecorder(bt.Analyzer):
    """Every execution: ``date, ts_code, side, shares, price, fee, slippage`` (yuan); an order may have several."""

    def get_analysis(self) -> pd.DataFrame:
        """Return one row per execution, by date, sales first, then by code."""
        panel = self.strategy.broker.market.panel
        row, column, shares, price, fee, slippage = np.array(self.strategy.broker.fills, "float64").reshape(-1, 6).T
        order = np.lexsort((column, shares > 0, row))
        return pd.DataFrame(
            {
                "date": panel.dates[row[order].astype(int)].astype("datetime64[ms]"),
                "ts_code": pd.Series(panel.codes[column[order].astype(int)].astype(object), dtype="str"),
                "side": pd.Series(np.where(shares[order] > 0, "buy", "sell").astype(object), dtype="str"),
                "shares": np.abs(shares[order]).astype("int64"),
                "price": price[order],
                "fee": fee[order],
                "slippage": slippage[order],
            }
        )


class DecisionRecorder(bt.Analyzer):
    """One row per order as it was given: ``signal_date, ts_code, side, wanted, reference``.

    Nothing that happens later is in it, while the row of :class:`OrderRecorder` says what became of the order.
    """

    def start(self) -> None:
        self.rows: list[tuple[int, int, str, int, float]] = []

    def next(self) -> None:
        broker = self.strategy.broker
        for order in broker.pending:
            if order.info.signal_row == broker.market.row:
                side, wanted = "buy" if order.isbuy() else "sell", int(abs(order.created.size))
                self.rows.append((broker.market.row, order.data.column, side, wanted, order.info.reference))

    def get_analysis(self) -> pd.DataFrame:
        """Return the orders by signal date and code."""
        panel = self.strategy.broker.market.panel
        frame = pd.DataFrame(sorted(self.rows), columns=["signal_date", "ts_code", "side", "wanted", "reference"])
        frame["signal_date"] = panel.dates[frame["signal_date"].to_numpy("int64")].astype("datetime64[ms]")
        frame["ts_code"] = pd.Series(panel.codes[frame["ts_code"].to_numpy("int64")].astype(object), dtype="str")
        return frame.astype({"side": "str", "wanted": "int64", "reference": "float64"})


RECORDERS: dict[str, type[bt.Analyzer]] = {
    "nav": NavRecorder,
    "positions": PositionRecorder,
    "orders": OrderRecorder,
    "fills": FillRecorder,
}
