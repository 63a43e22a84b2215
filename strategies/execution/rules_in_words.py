"""A run's rules of execution in words, for reports."""

from strategies.execution.config import BacktestConfig

_AT = {"open": "at the next session's open", "vwap": "at the next session's mean price", "close": "at the next close"}
_FILL = {
    "optimistic": "a queue at the limit counts as served on days that also traded away from it (an upper bound)",
    "default": "no buy at or above the upper limit, no sale at or below the lower limit",
    "pessimistic": "no buy on a day that reached the upper limit at any time, no sale on one that reached the lower "
    "(a lower bound)",
}


def fill_rule(config: BacktestConfig) -> str:
    """Return when and at what price orders are filled, and what the market refuses."""
    parts = [f"scores of a close trade {_AT[config.execution]}"]
    parts.append("price limits are ignored" if "limits" in config.ignore else _FILL[config.fill])
    suspended = "a suspended stock trades at its last close" if "suspensions" in config.ignore else ""
    parts.append(suspended or "nothing while suspended")
    parts.append("shares bought today cannot be sold today")
    if config.max_participation is not None:
        parts.append(f"at most {config.max_participation:.1%} of a day's volume, the rest on later days")
    return "; ".join(parts)


def not_charged(config: BacktestConfig) -> str:
    """Return what the result leaves out, in words."""
    missing = []
    if config.slippage == "none":
        missing.append("slippage")
    missing.append("market impact")
    if config.max_participation is None:
        missing.append("fills are not limited by volume (see the largest share of a day)")
    if config.dividend_tax == "none" and config.prices == "raw":
        missing.append("dividend tax")
    return "; ".join(missing)
