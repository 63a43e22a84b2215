"""Inputs from the latest company report known on the day."""

from signals.features.quotes import Input
from signals.features.valuation import as_is

REPORTED: dict[str, Input] = {name: as_is(name) for name in ("ar_turn", "tangibleasset_to_netdebt", "roe")}
"""Model inputs, shape (stocks, days), known from the session after the announcement on and until the next report.

``ar_turn`` is the turnover of receivables, ``tangibleasset_to_netdebt`` tangible assets over net debt (both of card
C4), ``roe`` the year-to-date return on equity: ratios.
"""
