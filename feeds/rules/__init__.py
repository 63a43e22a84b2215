"""The market's dated rulebook: rows of frozen data with their sources, and pure functions derived from them."""

from feeds.rules.codes import (
    A_SHARE_CODES,
    BOARD,
    BSE,
    CHINEXT,
    CONVERTIBLE,
    FUND,
    INDEX_FUTURE,
    MAIN,
    STAR,
    STOCK,
    board_of,
    boards,
    contract_of,
    exchange_of,
    is_a_share,
    kind_of,
)
from feeds.rules.costs import stamp_duty, transfer_fee
from feeds.rules.dated import Row, Timeline, timeline
from feeds.rules.days import as_day
from feeds.rules.dividend_tax import dividend_tax_rate
from feeds.rules.futures import future_fee_rate, margin_rate
from feeds.rules.grid import limit_grid
from feeds.rules.limits import least_gaps, limit_percents, limit_prices
from feeds.rules.listings import (
    FirstDays,
    delisting_day_is_free,
    delisting_sessions,
    first_days,
    free_days,
    has_ipo_band,
    has_period_after_low_prices,
)
from feeds.rules.lots import round_lot, round_sale
from feeds.rules.rulebook import Facts, Ruling, rulings

__all__ = [
    "A_SHARE_CODES",
    "BOARD",
    "BSE",
    "CHINEXT",
    "CONVERTIBLE",
    "FUND",
    "INDEX_FUTURE",
    "MAIN",
    "STAR",
    "STOCK",
    "Facts",
    "FirstDays",
    "Row",
    "Ruling",
    "Timeline",
    "as_day",
    "board_of",
    "boards",
    "contract_of",
    "delisting_day_is_free",
    "delisting_sessions",
    "dividend_tax_rate",
    "exchange_of",
    "first_days",
    "free_days",
    "future_fee_rate",
    "has_ipo_band",
    "has_period_after_low_prices",
    "is_a_share",
    "kind_of",
    "least_gaps",
    "limit_grid",
    "limit_percents",
    "limit_prices",
    "margin_rate",
    "round_lot",
    "round_sale",
    "rulings",
    "stamp_duty",
    "timeline",
    "transfer_fee",
]
