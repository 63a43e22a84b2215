"""What a Tushare code says of an instrument: its kind, its exchange, its board."""

import re

import numpy as np

from feeds.errors import DataError
from feeds.rules.dated import KNOWN, SOURCED, timeline

STOCK, FUND, CONVERTIBLE, INDEX_FUTURE = "stock", "fund", "convertible", "index future"
MAIN, CHINEXT, STAR, BSE = "main", "chinext", "star", "bse"
# First digits of A-share codes by exchange; T0 is Tushare's mark of a code that another company has now. B shares
# (900, 200), funds and indices are none: their prices are not yuan a share, or their limits and lots are others.
_PREFIXES = {
    "SH": {"60": MAIN, "68": STAR, "T0": MAIN},
    "SZ": {"00": MAIN, "30": CHINEXT},
    "BJ": {"43": BSE, "83": BSE, "87": BSE, "88": BSE, "92": BSE},
}
A_SHARE_CODES = "an A-share's (60, 68 .SH; 00, 30 .SZ; 43, 83, 87, 88, 92 .BJ)"
# Exchange-traded funds, listed open funds and REITs; convertible bonds.
_FUNDS = {"SH": ("50", "51", "52", "53", "55", "56", "58"), "SZ": ("15", "16", "18")}
_CONVERTIBLES = {"SH": ("110", "111", "113", "118"), "SZ": ("123", "127", "128")}
_FUTURE = re.compile(r"(I[FHCM])(\d\d)(0[1-9]|1[0-2])\.CFX")

_SEGMENTS = "code segments of SSE, SZSE and BSE"
BOARD = {
    MAIN: timeline("board", (None, "main board", _SEGMENTS, KNOWN)),
    CHINEXT: timeline("board", ("2009-10-30", "ChiNext", "first ChiNext listings, SZSE", SOURCED)),
    STAR: timeline("board", ("2019-07-22", "STAR Market", "first STAR listings, SSE", SOURCED)),
    BSE: timeline("board", ("2021-11-15", "Beijing Stock Exchange", "opening of the BSE", SOURCED)),
}


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


def exchange_of(code: str) -> str:
    """Return the exchange of a Tushare code, as its suffix: ``SH``, ``SZ``, ``BJ`` or ``CFX``."""
    return code.rpartition(".")[2]


def kind_of(code: str) -> str:
    """Return what a Tushare code is: ``stock``, ``fund``, ``convertible`` or ``index future``.

    Raises
    ------
    DataError
        If it is none of these.
    """
    number, _, exchange = code.partition(".")
    whole = len(number) == 6 and number[1:].isdecimal()
    if whole and is_a_share(code):
        return STOCK
    if whole and number.startswith(_FUNDS.get(exchange, ())):
        return FUND
    if whole and number.startswith(_CONVERTIBLES.get(exchange, ())):
        return CONVERTIBLE
    if _FUTURE.fullmatch(code):
        return INDEX_FUTURE
    raise DataError(
        "code must be an A-share's (600519.SH), a fund's (510300.SH), a convertible bond's (113050.SH) or an "
        f"index future's (IF2402.CFX), was {code}"
    )


def contract_of(code: str) -> tuple[str, np.datetime64]:
    """Return product and month of an index future, as ``("IF", 2024-02)`` of ``IF2402.CFX``.

    Raises
    ------
    DataError
        If the code is not an index future's.
    """
    found = _FUTURE.fullmatch(code)
    if not found:
        raise DataError(f"code must be an index future's like IF2402.CFX, was {code}")
    product, year, month = found.groups()
    return product, np.datetime64(f"20{year}-{month}")
