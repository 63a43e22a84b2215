"""The exchange's dated rules as pure functions: boards, price limits, lots, first days.

Sources are the exchanges' trading rules; each constant names the one it comes from.
"""

import re
from contextlib import suppress
from datetime import date

import numpy as np

from feeds.errors import DataError

MAIN, CHINEXT, STAR, BSE = "main", "chinext", "star", "bse"
# First digits of A-share codes by exchange; T0 is Tushare's mark of a code that another company has now. B shares
# (900, 200), funds and indices are none: their prices are not yuan a share, or their limits and lots are others.
_PREFIXES = {
    "SH": {"60": MAIN, "68": STAR, "T0": MAIN},
    "SZ": {"00": MAIN, "30": CHINEXT},
    "BJ": {"43": BSE, "83": BSE, "87": BSE, "88": BSE, "92": BSE},
}
A_SHARE_CODES = "an A-share's (60, 68 .SH; 00, 30 .SZ; 43, 83, 87, 88, 92 .BJ)"

# First day each regime was in force.
CHINEXT_REFORM = np.datetime64("2020-08-24")  # ChiNext registration rules: 20 %, five free days
STAR_OPENING = np.datetime64("2019-07-22")  # STAR special rules: 20 %, five free days
MAIN_REGISTRATION = np.datetime64("2023-04-10")  # first main-board IPOs under registration
ST_WIDENED = np.datetime64("2026-07-06")  # main-board ST: 5 % becomes 10 %
IPO_BAND_FROM = np.datetime64("2014-06-13")  # Shenzhen's day-one band, +44 % / -36 % of the issue price
IPO_BAND_FROM_SHANGHAI = np.datetime64("2013-12-13")
DELISTING_DAY_FREE = np.datetime64("2020-12-31")  # no limit on the first day of a delisting period
FREE_DAYS_UNDER_REGISTRATION = 5

_SMALLEST_ORDER = {STAR: 200, BSE: 100}  # from there on single shares
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")


def is_a_share(code: str) -> bool:
    """Return whether a Tushare code is an A-share's, not that of a B share, a fund, an index or another market."""
    number, _, exchange = code.partition(".")
    return number[:2] in _PREFIXES.get(exchange, {})


def board_of(code: str) -> str:
    """Return the board of a Tushare code: ``main``, ``chinext``, ``star`` or ``bse``.

    Raises
    ------
    DataError
        If the code is not an A-share's.
    """
    if not is_a_share(code):
        raise DataError(f"code must be {A_SHARE_CODES}, was {code}")
    number, _, exchange = code.partition(".")
    return _PREFIXES[exchange][number[:2]]


def boards(codes: np.ndarray) -> np.ndarray:
    """Return the boards of many codes, shape (N,)."""
    return np.array([board_of(str(code)) for code in codes], dtype="U7")


def limit_percents(board: np.ndarray | str, days: np.ndarray | np.datetime64, st: np.ndarray | bool) -> np.ndarray:
    """Return the ordinary daily price limits of boards on days, as int64 percent.

    Parameters
    ----------
    board, days, st : arrays that broadcast together
        Board names, trading days, and whether the stock carries ST or *ST that day.

    Notes
    -----
    Source: SSE and SZSE trading rules: main 10 % (ST 5 % until 2026-07-05), ChiNext 10 % (ST 5 %) until
    2020-08-23 and 20 % after, STAR 20 %, BSE 30 %. A delisting period has the board's band, as without ST.
    """
    board, days, st = np.broadcast_arrays(board, days, st)
    percent = np.full(board.shape, 10, dtype="int64")
    percent[st & (days < ST_WIDENED)] = 5
    percent[(board == CHINEXT) & (days >= CHINEXT_REFORM)] = 20
    percent[board == STAR] = 20
    percent[board == BSE] = 30
    return percent


def free_days(board: str, list_date: np.datetime64, exchange: str = "SZ") -> int:
    """Return how many trading days from listing have no price limit at all.

    Notes
    -----
    Registration-based listings trade five days without a limit: STAR from its opening, ChiNext from
    2020-08-24, the main boards from 2023-04-10; BSE one day; main-board and ChiNext listings one day before the
    day-one band: Shanghai (``exchange`` ``SH``) until 2013-12-12, Shenzhen until 2014-06-12.
    """
    if board == STAR:
        return FREE_DAYS_UNDER_REGISTRATION
    if board == BSE:
        return 1
    if list_date >= (CHINEXT_REFORM if board == CHINEXT else MAIN_REGISTRATION):
        return FREE_DAYS_UNDER_REGISTRATION
    return 1 if list_date < (IPO_BAND_FROM_SHANGHAI if exchange == "SH" else IPO_BAND_FROM) else 0


def has_ipo_band(board: str, list_date: np.datetime64, exchange: str = "SZ") -> bool:
    """Return whether day one is bounded at +44 % / -36 % of the issue price (until registration)."""
    return free_days(board, list_date, exchange) == 0


def delisting_day_is_free(board: str, day: np.datetime64) -> bool:
    """Return whether a delisting period that begins on ``day`` begins without a price limit."""
    return board == BSE or bool(day >= DELISTING_DAY_FREE)


def limit_prices(
    pre_close: np.ndarray, percent_up: np.ndarray | int, percent_down: np.ndarray | int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest allowed price of a day, in yuan.

    Parameters
    ----------
    pre_close : array of float
        Ex-right reference close (issue price on an IPO day), unadjusted, yuan, a multiple of 0.01.
    percent_up, percent_down : array of int or int
        Largest move as whole percent; ``percent_down`` defaults to ``percent_up``.

    Returns
    -------
    down, up : array of float64
        NaN where ``pre_close`` is NaN.

    Notes
    -----
    ``pre_close x (1 ± r)`` rounded half up to 0.01 in whole-number arithmetic, never less than one tick away
    from ``pre_close`` nor below 0.01. Source: SSE and SZSE trading rules, price-limit formula.
    """
    down_percent = percent_up if percent_down is None else percent_down
    known = np.isfinite(pre_close)
    cents = np.rint(np.where(known, pre_close, 0.0) * 100).astype("int64")
    up = np.maximum((cents * (100 + np.asarray(percent_up)) + 50) // 100, cents + 1)
    down = np.maximum(np.minimum((cents * (100 - np.asarray(down_percent)) + 50) // 100, cents - 1), 1)
    return np.where(known, down / 100, np.nan), np.where(known, up / 100, np.nan)


def round_lot(board: str, shares: float) -> int:
    """Return the largest buyable number of shares not above ``shares``.

    Main and ChiNext: hundreds. STAR: 200, then single shares. BSE: 100, then single shares.
    """
    whole = max(int(shares), 0)
    if board in _SMALLEST_ORDER:
        return whole if whole >= _SMALLEST_ORDER[board] else 0
    return whole // 100 * 100


def round_sale(board: str, shares: float, held: int) -> int:
    """Return the largest sellable number of shares not above ``shares``, given ``held`` shares.

    Main and ChiNext: hundreds, and the odd shares beyond the last hundred only all at once (of 350 held: 150 or 50,
    not 120). STAR and BSE: any number from 200 and 100 shares on. Less than that is sold only all at once.
    """
    whole = min(int(shares), held)
    if whole >= held:
        return held
    if board in _SMALLEST_ORDER:
        return whole if whole >= _SMALLEST_ORDER[board] else 0
    odd = held % 100
    with_odd = (whole - odd) // 100 * 100 + odd if whole >= odd else 0
    return max(whole // 100 * 100, with_odd)


def as_day(value: str | date | np.datetime64) -> np.datetime64:
    """Return a day as ``datetime64[D]`` from ``2020-01-31``, ``20200131`` or a date; a time of day is dropped."""
    found = _DAY.fullmatch(str(value))
    if found:
        with suppress(ValueError):
            return np.datetime64("-".join(found.groups()), "D")
    raise DataError(f"date must be a day like 2020-01-31, was {value}")
