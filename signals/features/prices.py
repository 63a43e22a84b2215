"""Inputs from the day's bar that keep their unit or compare it with itself: for windows, Alpha158 and proxies."""

import numpy as np

from signals.features.bars import StockBlock
from signals.features.moving import Floats
from signals.features.quotes import Input


def _adjusted(name: str) -> Input:
    return lambda block: block.field(name) * block.field("adj_factor")


def vwap(block: StockBlock) -> Floats:
    """Return the day's average price, amount over volume, raw yuan, shape (stocks, days)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return block.field("amount") / block.field("vol")


def adjusted_volume(block: StockBlock) -> Floats:
    """Return the day's volume in shares as of the stock's first factor in the panel, shape (stocks, days).

    A split multiplies shares and divides prices; the volume divided by the growth of the adjustment factor is
    free of it, as back-adjusted prices are.
    """
    factor = block.field("adj_factor")
    first = np.isfinite(factor).argmax(axis=1)
    return block.field("vol") * factor[np.arange(len(factor)), first][:, None] / factor


def packed_vwap(block: StockBlock) -> Floats:
    """Return the back-adjusted average price of every bar, shape (stocks, bars)."""
    bars = block.bars
    return bars.shared(("vwap",), lambda: bars.pack(vwap(block) * block.field("adj_factor")))


def packed_volume(block: StockBlock) -> Floats:
    """Return `adjusted_volume` of every bar, shape (stocks, bars)."""
    bars = block.bars
    return bars.shared(("adjusted volume",), lambda: bars.pack(adjusted_volume(block)))


PRICES: dict[str, Input] = {
    "adjusted_open": _adjusted("open"),
    "adjusted_high": _adjusted("high"),
    "adjusted_low": _adjusted("low"),
    "adjusted_close": _adjusted("close"),
    "adjusted_vwap": lambda block: vwap(block) * block.field("adj_factor"),
    "adjusted_vol": adjusted_volume,
    "traded_amount": lambda block: block.field("amount"),
    "gap": lambda block: block.field("open") / block.field("pre_close") - 1,
    "amplitude": lambda block: (block.field("high") - block.field("low")) / block.field("pre_close"),
    "intraday_return": lambda block: block.field("close") / block.field("open") - 1,
    "close_to_vwap": lambda block: block.field("close") / vwap(block) - 1,
}
"""Model inputs, shape (stocks, days), known at the close of the day, NaN on a day without a bar.

``adjusted_*`` prices are back-adjusted yuan, whose level means nothing: they belong into windows that are
normalised within themselves; ``adjusted_vol`` is in shares, ``traded_amount`` in yuan. ``gap`` is the open over
the ex-right reference close less one, ``amplitude`` the day's range over that reference, ``intraday_return`` the
close over the open less one, ``close_to_vwap`` the close over the day's average price less one: fractions of raw
prices of one day.
"""
