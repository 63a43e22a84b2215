"""Inputs from the day's money flow by order size."""

from signals.features.bars import StockBlock
from signals.features.moving import Floats
from signals.features.quotes import Input

BUCKETS = {"small": "sm", "medium": "md", "large": "lg", "extra_large": "elg"}


def _net(block: StockBlock, *buckets: str) -> Floats:
    shares = [block.field(f"buy_{name}_amount") - block.field(f"sell_{name}_amount") for name in buckets]
    return sum(shares[1:], shares[0]) / block.field("amount")


def _net_of(*buckets: str) -> Input:
    return lambda block: _net(block, *buckets)


def large_order_share(block: StockBlock) -> Floats:
    """Return the share of large and extra-large orders in all that was bought and sold, shape (stocks, days)."""
    bought_and_sold = [
        block.field(f"buy_{name}_amount") + block.field(f"sell_{name}_amount") for name in ("lg", "elg", "sm", "md")
    ]
    large = bought_and_sold[0] + bought_and_sold[1]
    return large / (large + bought_and_sold[2] + bought_and_sold[3])


FLOWS: dict[str, Input] = {
    **{f"net_{size}": _net_of(bucket) for size, bucket in BUCKETS.items()},
    "net_flow": lambda block: block.field("net_mf_amount") / block.field("amount"),
    "large_net_share": _net_of("lg", "elg"),
    "large_order_share": large_order_share,
}
"""Model inputs, shape (stocks, days), known in the evening of the day; NaN without money flow of that day.

``net_*`` are bought less sold amounts of one order size as a fraction of the day's amount, ``large_net_share``
that of large and extra-large orders together, ``net_flow`` the published net active amount as such a fraction.
"""
FLOW_NEEDS: dict[str, tuple[str, ...]] = {
    **{f"net_{size}": (f"buy_{name}_amount", f"sell_{name}_amount") for size, name in BUCKETS.items()},
    "net_flow": ("net_mf_amount",),
    "large_net_share": ("buy_lg_amount", "sell_lg_amount", "buy_elg_amount", "sell_elg_amount"),
    "large_order_share": tuple(f"{side}_{name}_amount" for name in BUCKETS.values() for side in ("buy", "sell")),
}
"""Panel fields that each of them reads."""
