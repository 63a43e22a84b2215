"""The day's quotes as model inputs: open, high, low, close, change, pct_chg, vol, amount."""

from collections.abc import Callable

import numpy as np

from signals.features.bars import StockBlock
from signals.features.moving import Floats

Input = Callable[[StockBlock], Floats]


def _to_close(name: str) -> Input:
    return lambda block: block.field(name) / block.field("close")


def _change(block: StockBlock) -> Floats:
    close = block.field("close")
    return (close - block.field("pre_close")) / close


def _percent_change(block: StockBlock) -> Floats:
    return block.field("close") / block.field("pre_close") - 1


def _log_one_plus(name: str) -> Input:
    return lambda block: np.log1p(block.field(name))


QUOTES: dict[str, Input] = {
    "open": _to_close("open"),
    "high": _to_close("high"),
    "low": _to_close("low"),
    # the close divided by itself would say nothing: its raw level stands for the price class
    "close": lambda block: np.log(block.field("close")),
    "change": _change,
    "pct_chg": _percent_change,
    "vol": _log_one_plus("vol"),
    "amount": _log_one_plus("amount"),
}
"""Model inputs, shape (stocks, days), known at the close of the day.

``open``, ``high`` and ``low`` are divided by the close (the adjustment cancels); ``change`` is the distance
from the ex-right reference close divided by the close, ``pct_chg`` the same divided by that reference (a
fraction); ``close`` is the logarithm of the raw close, ``vol`` and ``amount`` those of one plus shares and
one plus yuan.
"""
