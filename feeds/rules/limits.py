"""Daily price limits: the ordinary bands by board, mark and day, and the prices they come to."""

import numpy as np

from feeds.rules.codes import BSE, CHINEXT, MAIN, STAR
from feeds.rules.dated import KNOWN, SOURCED, UNSURE, Timeline, timeline

_PERCENT = "±{}%"
_EXCHANGES = "SSE and SZSE trading rules"
_CHINEXT_2020 = "SZSE special trading rules of ChiNext, 2020"

# Board -> the band of its stocks, in percent of the reference price.
BANDS: dict[str, Timeline[int]] = {
    MAIN: timeline("price limit", ("1996-12-16", 10, _EXCHANGES, SOURCED), form=_PERCENT),
    CHINEXT: timeline(
        "price limit",
        ("2009-10-30", 10, _EXCHANGES, SOURCED),
        ("2020-08-24", 20, _CHINEXT_2020, SOURCED),
        form=_PERCENT,
    ),
    STAR: timeline(
        "price limit", ("2019-07-22", 20, "SSE special trading rules of STAR, 2019", SOURCED), form=_PERCENT
    ),
    BSE: timeline("price limit", ("2021-11-15", 30, "BSE trading rules, 2021", SOURCED), form=_PERCENT),
}
# Board -> the band of its stocks that carry ST or *ST.
ST_BANDS: dict[str, Timeline[int]] = {
    MAIN: timeline(
        "price limit under ST",
        ("1998-04-01", 5, "special treatment at SSE and SZSE, from April 1998 (no day in the source)", SOURCED),
        ("2026-07-06", 10, "SSE and SZSE trading rules of 2026, published 2026-04-24", SOURCED),
        form=_PERCENT,
    ),
    CHINEXT: timeline(
        "price limit under ST",
        ("2009-10-30", 5, _EXCHANGES, SOURCED),
        ("2020-08-24", 20, _CHINEXT_2020, SOURCED),
        form=_PERCENT,
    ),
    STAR: BANDS[STAR],
    BSE: BANDS[BSE],
}
S_SHARE_BAND = timeline(
    "price limit of an S share (no share reform)", (None, 5, "practice of SSE and SZSE", KNOWN), form=_PERCENT
)

FUND_BAND = timeline("price limit", ("1996-12-16", 10, _EXCHANGES, SOURCED), form=_PERCENT)
WIDE_FUND_BAND = {
    "SH": timeline(
        "price limit of a fund of ±20% stocks only", ("2020-08-21", 20, "SSE notice of 2020", SOURCED), form=_PERCENT
    ),
    "SZ": timeline(
        "price limit of a fund of ±20% stocks only", ("2020-08-24", 20, "SZSE notice of 2020", SOURCED), form=_PERCENT
    ),
}
BOND_FUND_BAND = timeline(
    "price limit of a bond or money fund", (None, None, "another regime: take stk_limit", UNSURE), form=_PERCENT
)
_REITS_2021 = "SSE and SZSE rules of REITs, 2021 (no day in the source)"
REIT_BAND = timeline("price limit of a REIT", ("2021-01-01", 10, _REITS_2021, SOURCED), form=_PERCENT)
REIT_FIRST_DAY = timeline("price limit of a REIT, day 1", ("2021-01-01", 30, _REITS_2021, SOURCED), form=_PERCENT)

_CONVERTIBLES_2022 = "SSE and SZSE rules of convertible bonds, 2022"
CONVERTIBLE_BAND: Timeline[int | None] = timeline(
    "price limit",
    ("2006-07-01", None, "SSE and SZSE trading rules of 2006 (a single source)", SOURCED),
    ("2022-08-01", 20, _CONVERTIBLES_2022, SOURCED),
    form=_PERCENT,
)
CONVERTIBLE_FIRST_DAY = timeline(
    "price limit, day 1",
    ("2022-08-01", (57.3, 43.3), _CONVERTIBLES_2022, SOURCED),
    form="+{0[0]}% / -{0[1]}% of the issue price",
)

_GAP = "least distance of a limit from the reference"
# Exchange -> how far a limit that rounds to the reference price is moved from it, in ticks.
LEAST_GAP: dict[str, Timeline[int]] = {
    "SZ": timeline(
        _GAP,
        (None, 0, "SZSE trading rules before 2011", SOURCED),
        ("2011-02-28", 1, "SZSE trading rules of 2011", SOURCED),
        form="{} price step(s)",
    ),
    "SH": timeline(
        _GAP,
        (None, 0, "SSE trading rules before 2023", SOURCED),
        ("2023-04-10", 1, "SSE trading rules of 2023", SOURCED),
        form="{} price step(s)",
    ),
    "BJ": timeline(_GAP, ("2021-11-15", 1, "taken to be as in Shenzhen", UNSURE), form="{} price step(s)"),
}


def limit_percents(board: np.ndarray | str, days: np.ndarray | np.datetime64, st: np.ndarray | bool) -> np.ndarray:
    """Return the ordinary daily price limits of boards on days, in percent; NaN where no rule is known.

    Parameters
    ----------
    board, days, st : arrays that broadcast together
        Board names, trading days, and whether the stock carries ST or *ST that day.

    Notes
    -----
    Source: :data:`BANDS` and :data:`ST_BANDS`. A delisting period has the board's band, as without ST.
    """
    board, days, st = np.asarray(board), np.asarray(days), np.asarray(st)
    percent = np.full(np.broadcast_shapes(board.shape, days.shape, st.shape), np.nan)
    for name, band in BANDS.items():
        here = board == name
        if here.any():
            np.copyto(percent, np.where(st, ST_BANDS[name].values(days), band.values(days)), where=here)
    return percent


def least_gaps(exchange: np.ndarray | str, days: np.ndarray | np.datetime64) -> np.ndarray:
    """Return how many ticks a limit is at least from its reference; arrays that broadcast together."""
    exchange, days = np.asarray(exchange), np.asarray(days)
    gap = np.zeros(np.broadcast_shapes(exchange.shape, days.shape), "int64")
    for name, rule in LEAST_GAP.items():
        np.copyto(gap, np.nan_to_num(rule.values(days)).astype("int64"), where=exchange == name)
    return gap


def limit_prices(
    pre_close: np.ndarray | float,
    percent_up: np.ndarray | float,
    percent_down: np.ndarray | float | None = None,
    *,
    least_gap: np.ndarray | int = 1,
    tick: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest allowed price of a day, in yuan.

    Parameters
    ----------
    pre_close : array of float
        Ex-right reference close (issue price on an IPO day), unadjusted, yuan, a multiple of ``tick``.
    percent_up, percent_down : array of float
        Largest move in percent, to one decimal, NaN where there is none; ``percent_down`` defaults to ``percent_up``.
    least_gap : array of int
        Ticks that a limit is at least away from ``pre_close``.
    tick : float
        Smallest step of the price, yuan: 0.01 for shares, 0.001 for funds.

    Returns
    -------
    down, up : array of float64
        NaN where ``pre_close`` or ``percent_up`` is NaN.

    Notes
    -----
    ``pre_close x (1 ± r)`` rounded half up to a tick in whole-number arithmetic, never below one tick.
    Source: SSE and SZSE trading rules, price-limit formula.
    """
    known = np.isfinite(pre_close) & np.isfinite(percent_up)
    per_yuan = round(1 / tick)
    ticks = np.rint(np.where(known, pre_close, 0.0) * per_yuan).astype("int64")
    rise = np.rint(np.where(known, percent_up, 0.0) * 10).astype("int64")
    fall = rise if percent_down is None else np.rint(np.where(known, percent_down, 0.0) * 10).astype("int64")
    up = np.maximum((ticks * (1000 + rise) + 500) // 1000, ticks + least_gap)
    down = np.maximum(np.minimum((ticks * (1000 - fall) + 500) // 1000, ticks - least_gap), 1)
    return np.where(known, down / per_yuan, np.nan), np.where(known, up / per_yuan, np.nan)
