"""The 15 columns of daily_basic as model inputs."""

import numpy as np

from signals.features.bars import StockBlock
from signals.features.moving import Floats
from signals.features.quotes import Input


def as_is(name: str) -> Input:
    """Return the input that is a panel field, unchanged."""
    return lambda block: block.field(name)


def _yield(name: str) -> Input:
    return lambda block: 1 / block.field(name)


def _earnings_yield(block: StockBlock) -> Floats:
    return 1 / block.field("pe_ttm_signed" if block.has_field("pe_ttm_signed") else "pe_ttm")


def _log(name: str) -> Input:
    return lambda block: np.log(block.field(name))


VALUATION: dict[str, Input] = {
    "turnover_rate": as_is("turnover_rate"),
    "turnover_rate_f": as_is("turnover_rate_f"),
    "volume_ratio": as_is("volume_ratio"),
    "pe": _yield("pe"),
    "pe_ttm": _earnings_yield,
    "pb": _yield("pb"),
    "ps": _yield("ps"),
    "ps_ttm": _yield("ps_ttm"),
    "dv_ratio": as_is("dv_ratio"),
    "dv_ttm": as_is("dv_ttm"),
    "total_share": _log("total_share"),
    "float_share": _log("float_share"),
    "free_share": _log("free_share"),
    "total_mv": _log("total_mv"),
    "circ_mv": _log("circ_mv"),
}
"""Model inputs, shape (stocks, days), known that evening; not finite where the panel has no value.

The five price multiples enter as their reciprocals (earnings, book, sales per price), so that a loss lies
below a small profit instead of beyond the dearest stock; ``pe_ttm`` reads ``pe_ttm_signed``, which keeps
losses, where the panel has it. Share counts and market values enter as logarithms.
"""
