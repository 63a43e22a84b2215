"""Backtrader's trade records through corporate actions: their size, cost and result stay those of the account."""

from collections.abc import Iterable, Iterator
from copy import copy
from types import SimpleNamespace
from typing import Any

import backtrader as bt

from feeds.lines import StockFeed

_NO_ORDER = SimpleNamespace(p=SimpleNamespace(simulated=False), ref=0)  # what ended the trade was no order


def carry(
    strategies: Iterable[bt.Strategy], feed: StockFeed, held: int, shares: int, cash: float, costs: bt.CommInfoBase
) -> None:
    """Change the open trades of a stock by ``shares`` and ``cash`` (yuan), or end them if no share is left.

    Shares add to a trade's size; cash lowers its average price, so that dividends are part of its result. Where
    several trades share the ``held`` shares, each takes part by its size.
    """
    for strategy in strategies:
        trades = list(_open(strategy, feed))
        if held + shares:
            _resize(trades, held, shares, cash)
            continue
        for trade in trades:
            trade.update(_NO_ORDER, -trade.size, cash / held, 0.0, 0.0, 0.0, costs)
            strategy._tradespending.append(copy(trade))


def begin(
    strategies: Iterable[bt.Strategy], feed: StockFeed, shares: int, price: float, costs: bt.CommInfoBase
) -> None:
    """Add shares that came by an exchange, at a price in yuan, to a stock's open trade, or open one."""
    for strategy in strategies:
        opened = next(_open(strategy, feed), None)
        if opened is None:
            opened = bt.Trade(data=feed, historyon=strategy._tradehistoryon)
            strategy._trades[feed][0].append(opened)
        opened.update(_NO_ORDER, shares, price, shares * price, 0.0, 0.0, costs)


def _resize(trades: list[Any], held: int, shares: int, cash: float) -> None:
    left = shares
    for number, trade in enumerate(trades, 1):
        added = left if number == len(trades) else shares * trade.size // held
        left -= added
        paid = trade.price * trade.size - cash * trade.size / held
        trade.size += added
        trade.price = paid / trade.size if trade.size else 0.0
        trade.value = trade.size * trade.price


def _open(strategy: bt.Strategy, feed: StockFeed) -> Iterator[Any]:
    if feed in strategy._trades:
        for trades in strategy._trades[feed].values():
            if trades[-1].isopen:
                yield trades[-1]
