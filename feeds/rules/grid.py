"""The limit prices of many stocks on many days, with the days that have limits of their own."""

import numpy as np

from feeds.rules.codes import boards, exchange_of
from feeds.rules.limits import least_gaps, limit_percents, limit_prices
from feeds.rules.listings import LONGEST_FREE, delisting_day_is_free, first_days


def limit_grid(
    codes: np.ndarray,
    days: np.ndarray,
    pre_close: np.ndarray,
    *,
    listed: np.ndarray,
    debut: np.ndarray,
    marked: np.ndarray,
    leaving: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest allowed prices, NaN where there is no limit or none is known.

    Parameters
    ----------
    codes, days : array, shape (N,) and (T,)
        A-shares and trading days.
    pre_close : array of float, shape (N, T)
        Ex-right reference close, yuan; the issue price on the first day of a listing.
    listed, debut : array, shape (N,)
        Day of listing, NaT where unknown, and its row in ``days``: negative before the first of them.
    marked, leaving : array of bool, shape (T, N)
        Who has the band of ST that day, and who is in a delisting period.
    """
    board, exchange = boards(codes), np.array([exchange_of(str(code)) for code in codes])
    percent = limit_percents(board[:, None], days[None, :], marked.T)
    down, up = limit_prices(pre_close, percent, least_gap=least_gaps(exchange[:, None], days[None, :]))
    for n in np.flatnonzero(~np.isnat(listed) & (debut > -LONGEST_FREE) & (debut < len(days))):
        first = int(debut[n])
        rule = first_days(str(board[n]), listed[n], str(exchange[n]))
        free = slice(max(first, 0), max(first + rule.free, 0))
        up[n, free] = down[n, free] = np.nan
        if rule.up is not None and first >= 0:
            down[n, first], up[n, first] = limit_prices(pre_close[n, first], rule.up, rule.down)
    opening = leaving & ~np.vstack([np.ones_like(leaving[:1]), leaving[:-1]])
    for first, n in np.argwhere(opening):
        if delisting_day_is_free(str(board[n]), days[first]):
            up[n, first] = down[n, first] = np.nan
    return down, up
