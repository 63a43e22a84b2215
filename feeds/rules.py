"""The exchange's dated rules as pure functions: boards, price limits, lots, first days.

Sources are the exchanges' trading rules; each constant names the one it comes from.
"""

from datetime import date

import numpy as np

MAIN, CHINEXT, STAR, BSE = "main", "chinext", "star", "bse"

# First day each regime was in force.
CHINEXT_REFORM = np.datetime64("2020-08-24")  # ChiNext registration rules: 20 %, five free days
STAR_OPENING = np.datetime64("2019-07-22")  # STAR special rules: 20 %, five free days
MAIN_REGISTRATION = np.datetime64("2023-04-10")  # first main-board IPOs under registration
ST_WIDENED = np.datetime64("2026-07-06")  # main-board ST: 5 % becomes 10 %
IPO_BAND_FROM = np.datetime64("2014-06-13")  # day-one band +44 % / -36 % of the issue price
FREE_DAYS_UNDER_REGISTRATION = 5


def board_of(code: str) -> str:
    """Return the board of a Tushare code: ``main``, ``chinext``, ``star`` or ``bse``."""
    if code.endswith(".BJ"):
        return BSE
    if code.startswith(("688", "689")):
        return STAR
    if code.startswith(("300", "301", "302")):
        return CHINEXT
    return MAIN


def boards(codes: np.ndarray) -> np.ndarray:
    """Return the boards of many codes, shape (N,)."""
    return np.array([board_of(str(code)) for code in codes], dtype="U7")


def limit_percent(board: str, day: np.datetime64, st: bool) -> int:
    """Return the ordinary daily price limit of a board on a day, in percent.

    Parameters
    ----------
    board : str
        ``main``, ``chinext``, ``star`` or ``bse``.
    day : numpy.datetime64
        Trading day.
    st : bool
        Whether the stock carries ST or *ST that day.

    Notes
    -----
    Source: SSE and SZSE trading rules: main 10 % (ST 5 % until 2026-07-05), ChiNext 10 % (ST 5 %) until
    2020-08-23 and 20 % after, STAR 20 %, BSE 30 %.
    """
    if board == BSE:
        return 30
    if board == STAR or (board == CHINEXT and day >= CHINEXT_REFORM):
        return 20
    if st and (board == CHINEXT or day < ST_WIDENED):
        return 5
    return 10


def limit_percents(board: np.ndarray, days: np.ndarray, st: np.ndarray) -> np.ndarray:
    """Return :func:`limit_percent` for arrays that broadcast together, as int64 percent."""
    board, days, st = np.broadcast_arrays(board, days, st)
    chinext = board == CHINEXT
    percent = np.full(board.shape, 10, dtype="int64")
    percent[st & (chinext | (days < ST_WIDENED))] = 5
    percent[chinext & (days >= CHINEXT_REFORM)] = 20
    percent[board == STAR] = 20
    percent[board == BSE] = 30
    return percent


def free_days(board: str, list_date: np.datetime64) -> int:
    """Return how many trading days from listing have no price limit at all.

    Notes
    -----
    Registration-based listings trade five days without a limit: STAR from its opening, ChiNext from
    2020-08-24, the main boards from 2023-04-10; BSE one day; main-board and ChiNext listings before
    2014-06-13 one day.
    """
    if board == STAR:
        return FREE_DAYS_UNDER_REGISTRATION
    if board == BSE:
        return 1
    if list_date >= (CHINEXT_REFORM if board == CHINEXT else MAIN_REGISTRATION):
        return FREE_DAYS_UNDER_REGISTRATION
    return 1 if list_date < IPO_BAND_FROM else 0


def has_ipo_band(board: str, list_date: np.datetime64) -> bool:
    """Return whether day one is bounded at +44 % / -36 % of the issue price (2014-06-13 until registration)."""
    return board in (MAIN, CHINEXT) and free_days(board, list_date) == 0


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
    whole = int(shares)
    if board == STAR:
        return whole if whole >= 200 else 0
    if board == BSE:
        return whole if whole >= 100 else 0
    return whole // 100 * 100


def round_sale(board: str, shares: float, held: int) -> int:
    """Return the largest sellable number of shares not above ``shares``, given ``held`` shares.

    An odd remainder may only be sold whole: selling down to less than one lot sells everything.
    """
    whole = min(int(shares), held)
    if whole >= held:
        return held
    if board in (STAR, BSE):
        least = 200 if board == STAR else 100
        return whole if whole >= least and held - whole >= 0 else 0
    remainder = held % 100
    return max(whole // 100 * 100, (whole - remainder) // 100 * 100 + remainder if whole >= remainder else 0)


def as_day(value: str | date | np.datetime64) -> np.datetime64:
    """Return a day as ``datetime64[D]`` from ``2020-01-31``, ``20200131`` or a date."""
    text = str(value)
    if len(text) == 8 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return np.datetime64(text, "D")
