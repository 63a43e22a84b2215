"""Days with limits of their own: the first of a listing, of a return to the exchange, of a delisting period."""

from dataclasses import dataclass

import numpy as np

from feeds.rules.codes import BSE, CHINEXT, MAIN, STAR
from feeds.rules.dated import KNOWN, SECONDARY, SOURCED, Timeline, timeline


@dataclass(frozen=True)
class FirstDays:
    """How a listing begins: days without any limit, or a band around the issue price on day one, in percent."""

    free: int
    up: int | None = None
    down: int | None = None

    def __str__(self) -> str:
        if self.up is not None:
            return f"day 1 +{self.up}% / -{self.down}% of the issue price"
        return f"no limit on {'day 1' if self.free == 1 else f'days 1 to {self.free}'}"


_NAME = "first days of a listing"
_APPROVAL, _REGISTRATION = FirstDays(0, 44, 36), FirstDays(5)
_FREE = (None, FirstDays(1), "no limit on day 1, SSE and SZSE trading rules", SOURCED)
_SHENZHEN_BAND = ("2014-06-13", _APPROVAL, "SZSE notice on the first day of new shares, 2014", SOURCED)
_MAIN_REGISTRATION = ("2023-04-10", _REGISTRATION, "SSE and SZSE trading rules of 2023, registration listings", SOURCED)
# (board, exchange) -> how a listing of a day begins.
FIRST_DAYS: dict[tuple[str, str], Timeline[FirstDays]] = {
    (MAIN, "SH"): timeline(
        _NAME,
        _FREE,
        ("2013-12-13", _APPROVAL, "SSE notice on the first day of new shares, 2013", SOURCED),
        _MAIN_REGISTRATION,
    ),
    (MAIN, "SZ"): timeline(_NAME, _FREE, _SHENZHEN_BAND, _MAIN_REGISTRATION),
    (CHINEXT, "SZ"): timeline(
        _NAME,
        _FREE,
        _SHENZHEN_BAND,
        ("2020-08-24", _REGISTRATION, "SZSE special trading rules of ChiNext, 2020", SOURCED),
    ),
    (STAR, "SH"): timeline(_NAME, ("2019-07-22", _REGISTRATION, "SSE special trading rules of STAR, 2019", SOURCED)),
    (BSE, "BJ"): timeline(_NAME, ("2021-11-15", FirstDays(1), "BSE trading rules, 2021", SOURCED)),
}
HOME = {CHINEXT: "SZ", STAR: "SH", BSE: "BJ"}
LONGEST_FREE = max(row.value.free for rule in FIRST_DAYS.values() for row in rule.rows)

# (board, exchange) -> the opening call of a listing with a band: as long as there was one.
OPENING_CALL = {
    key: timeline(
        "opening call of a listing",
        (str(row.start), 20, "SSE and SZSE notices of 2013 and 2014", SOURCED),
        form="±{}% of the issue price",
        until=str(row.end),
    )
    for key, rule in FIRST_DAYS.items()
    for row in rule.rows
    if row.value.up is not None
}
RETURN = timeline(
    "first day after a suspended listing, a relisting or an SSE follow-on issue",
    ("2006-07-01", FirstDays(1), "SSE and SZSE trading rules of 2006", SOURCED),
)
RESUMPTION = timeline(
    "first day after an ordinary suspension",
    (None, "ordinary limit on the last close, ex-adjusted", "SSE and SZSE trading rules", KNOWN),
)
HALTS = timeline(
    "halt on a day without limits",
    (None, "10 minutes at ±30% and ±60% from the open", "a compilation of the exchanges' rules", SECONDARY),
)

_DELISTING, _ORDINARY = "first day of a delisting period", "the ordinary limit"
_DELISTING_2020 = "SSE and SZSE delisting rules of 2020"
_EXCHANGES_DELISTING = timeline(
    _DELISTING,
    (None, _ORDINARY, "SSE and SZSE delisting rules before 2020-12-31", SOURCED),
    ("2020-12-31", "no limit", _DELISTING_2020, SOURCED),
)
# Board -> the limit on the first day of a delisting period; on later days it is the board's band, as without ST.
DELISTING_FIRST_DAY: dict[str, Timeline[str]] = {
    MAIN: _EXCHANGES_DELISTING,
    CHINEXT: _EXCHANGES_DELISTING,
    STAR: _EXCHANGES_DELISTING,
    BSE: timeline(_DELISTING, (None, "no limit", "BSE trading rules, 2021", SOURCED)),
}
DELISTING_SESSIONS = timeline(
    "length of a delisting period",
    (None, 30, "SSE and SZSE delisting rules before 2020-12-31", SOURCED),
    ("2020-12-31", 15, _DELISTING_2020, SOURCED),
    form="{} sessions",
)
PRICE_DELISTING = timeline(
    "delisting after 20 closes below one yuan", ("2020-12-31", "no delisting period", _DELISTING_2020, KNOWN)
)


def first_days(board: str, list_date: np.datetime64, exchange: str = "SZ") -> FirstDays:
    """Return how a listing of a day on a board begins; ``exchange`` (``SH``, ``SZ``) tells the main boards apart."""
    rule = FIRST_DAYS[board, exchange if board == MAIN else HOME[board]]
    return (rule.on(list_date) or rule.rows[0]).value


def free_days(board: str, list_date: np.datetime64, exchange: str = "SZ") -> int:
    """Return how many trading days from listing have no price limit at all; source: :data:`FIRST_DAYS`."""
    return first_days(board, list_date, exchange).free


def has_ipo_band(board: str, list_date: np.datetime64, exchange: str = "SZ") -> bool:
    """Return whether day one is bounded by a band around the issue price."""
    return first_days(board, list_date, exchange).up is not None


def delisting_day_is_free(board: str, day: np.datetime64) -> bool:
    """Return whether a delisting period that begins on ``day`` begins without a price limit."""
    return DELISTING_FIRST_DAY[board].need(day) != _ORDINARY


def has_period_after_low_prices(day: np.datetime64) -> bool:
    """Return whether a delisting for closes below one yuan that is decided on ``day`` has a delisting period."""
    return PRICE_DELISTING.on(day) is None


def delisting_sessions(day: np.datetime64) -> int:
    """Return the length in sessions of a delisting period that begins on ``day``."""
    return DELISTING_SESSIONS.need(day)
