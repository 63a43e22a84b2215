"""When the exchanges trade and how orders meet: hours, calls, the price cage, market-wide halts."""

from feeds.rules.codes import CHINEXT, INDEX_FUTURE, MAIN, STAR
from feeds.rules.dated import KNOWN, SECONDARY, SOURCED, UNSURE, Timeline, timeline

HOURS = timeline(
    "hours",
    (None, "opening call 9:15-9:25, trading 9:30-11:30 and 13:00-15:00", "SSE and SZSE trading rules", SOURCED),
)
FUTURES_HOURS = timeline(
    f"hours of an {INDEX_FUTURE}",
    ("2010-04-16", "9:15-11:30 and 13:00-15:15", "CFFEX trading rules", KNOWN),
    ("2016-01-04", "9:30-11:30 and 13:00-15:00", "CFFEX trading rules", KNOWN),
)
_CALL, _NO_CALL = "call 14:57-15:00", "none: last-minute average price"
_CLOSE = "closing price"
CLOSING_CALL = {
    "SH": timeline(
        _CLOSE,
        (None, _NO_CALL, "SSE trading rules before 2018", KNOWN),
        ("2018-08-20", _CALL, "SSE trading rules of 2018", SOURCED),
    ),
    "SZ": timeline(_CLOSE, ("2006-07-01", _CALL, "SZSE trading rules of 2006", SOURCED)),
}
FUND_CLOSING_CALL = {
    "SH": timeline(
        _CLOSE,
        (None, _NO_CALL, "SSE trading rules before 2026", KNOWN),
        ("2026-07-06", _CALL, "SSE trading rules of 2026", SOURCED),
    ),
    "SZ": CLOSING_CALL["SZ"],
}
_AFTER, _FIXED = "trading after hours", "15:05-15:30 at the close"
_RULES_2026 = "SSE and SZSE trading rules of 2026"
AFTER_HOURS: dict[str, Timeline[str]] = {
    MAIN: timeline(_AFTER, ("2026-07-06", _FIXED, _RULES_2026, SOURCED)),
    CHINEXT: timeline(_AFTER, ("2020-08-24", _FIXED, "SZSE special trading rules of ChiNext, 2020", KNOWN)),
    STAR: timeline(_AFTER, ("2019-07-22", _FIXED, "SSE special trading rules of STAR, 2019", KNOWN)),
}
FUND_AFTER_HOURS = timeline(_AFTER, ("2026-07-06", _FIXED, _RULES_2026, UNSURE))
_CAGE, _CAGE_RULE = "price cage", "bids up to 102%, asks from 98% (or 10 steps); ignored on daily bars"
PRICE_CAGE: dict[str, Timeline[str]] = {
    MAIN: timeline(_CAGE, ("2023-04-10", _CAGE_RULE, "SSE and SZSE trading rules of 2023", KNOWN)),
    CHINEXT: timeline(_CAGE, ("2020-08-24", _CAGE_RULE, "SZSE special trading rules of ChiNext, 2020", KNOWN)),
    STAR: timeline(_CAGE, ("2019-07-22", _CAGE_RULE, "SSE special trading rules of STAR, 2019", KNOWN)),
}
BREAKER = timeline(
    "market-wide circuit breaker",
    (
        "2016-01-04",
        "in force: the market closed at 13:33 on 01-04, at 9:59 on 01-07",
        "SSE and SZSE notices",
        SECONDARY,
    ),
    until="2016-01-07",
)
