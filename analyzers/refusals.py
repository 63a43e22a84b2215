"""What the market refused, and what the refusals cost: the price of limits, suspensions and thin cash."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from analyzers.traded_prices import TradedPrices

COLUMNS = [
    *("signal_date", "first_date", "date", "ts_code", "side", "reason", "standing", "wanted", "filled"),
    *("entry_price", "until", "value", "cost", "by_market"),
]
OWN_REASONS = ("cash", "lot", "nothing held")  # the account's limits: nobody refused anything


def filled_at_once(orders: pd.DataFrame) -> pd.Series:
    """Return the shares each order filled on its first session: an order of several attempts filled later."""
    return orders["filled"].fillna(0).where(orders["attempts"] <= 1, 0).astype(float)


def refusal_costs(orders: pd.DataFrame, prices: "TradedPrices", end: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return every order that was not filled whole on its first session, and what the gap cost.

    Parameters
    ----------
    orders : pandas.DataFrame
        Stock orders of a run, one row per order; ``date`` is the session that ended it.
    prices : TradedPrices
        What the run traded at.
    end : pandas.Timestamp, optional
        The run's last session; the panel's if omitted.

    Returns
    -------
    pandas.DataFrame
        ``signal_date, first_date, date, ts_code, side, reason, standing, wanted, filled`` (shares),
        ``entry_price`` (yuan), ``until`` (date), ``value`` and ``cost`` (yuan), and ``by_market`` (False where
        the account itself fell short: cash, lots, shares), by first session and code.

    Notes
    -----
    The yardstick is a backtest blind to the refusal: it trades the missing shares at the first session's price
    of execution (open, mean price or close), or at the last close before it if the stock did not trade. With
    ``P`` the back-adjusted price, ``0`` the first session, ``f`` a later fill, and ``h`` the next rebalance at
    its price of execution (the run's last close if there is none), the missing value ``v = missing shares *
    price at 0`` costs

    - a buy: ``v_f * (P_f / P_0 - 1) + v_h * (P_h / P_0 - 1)``, the gain that was missed;
    - a sell: the same with the opposite sign, the loss that was suffered;

    where ``v_f`` is the part of ``v`` filled later and ``v_h`` the part that never was. Positive: the
    refusal cost money; negative: it saved some. Fees, and what idle cash might have earned, are left out.
    A stock that was delisted by ``h`` is worth its last close times ``delisting_recovery`` there.
    """
    close_of_run = pd.Timestamp(prices.panel.dates[-1]) if end is None else end
    orders = orders.assign(first_date=_first_sessions(orders, prices.panel.dates), at_once=filled_at_once(orders))
    rebalances = np.sort(orders["first_date"].unique())
    rows = []
    for order in orders[orders["at_once"] < orders["wanted"]].to_dict("records"):
        following = rebalances[rebalances > np.datetime64(order["first_date"])]
        until = pd.Timestamp(following[0]) if len(following) else None
        by_market = order["reason"] not in OWN_REASONS
        rows.append(order | _cost(order, until, close_of_run, prices) | {"by_market": by_market})
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"cost": float, "value": float, "by_market": bool})
    return table.sort_values(["first_date", "ts_code", "side"], kind="stable").reset_index(drop=True)


def cost_by_reason(costs: pd.DataFrame) -> pd.DataFrame:
    """Return the refusals of `refusal_costs` summed by side, reason and standing, the market's first, dearest first.

    Returns
    -------
    pandas.DataFrame
        Columns ``by_market, side, reason, standing, orders, value, cost``; value and cost in yuan.
    """
    grouped = costs.groupby(["by_market", "side", "reason", "standing"], observed=True)
    table = grouped.agg(orders=("cost", "size"), value=("value", "sum"), cost=("cost", "sum")).reset_index()
    keys = ["by_market", "cost", "side", "reason", "standing"]
    return table.sort_values(keys, ascending=[False, False, True, True, True], kind="stable")


def _first_sessions(orders: pd.DataFrame, dates: np.ndarray) -> pd.DatetimeIndex:
    """Return the session of each order's first attempt: the one after its signal date."""
    sessions = pd.DatetimeIndex(dates)
    signal, ended = pd.DatetimeIndex(orders["signal_date"]), pd.DatetimeIndex(orders["date"])
    after_signal = sessions[sessions.searchsorted(signal, side="right").clip(max=len(sessions) - 1)]
    return pd.DatetimeIndex(np.where(signal < ended, after_signal, ended))


def _cost(order: dict, until: pd.Timestamp | None, end: pd.Timestamp, prices: "TradedPrices") -> dict:
    """Return ``entry_price, until, value, cost`` of an order that was not filled whole at once."""
    code = order["ts_code"]
    entry = prices.at_execution(code, order["first_date"])
    if entry is None:
        return {"entry_price": np.nan, "until": pd.NaT, "value": 0.0, "cost": 0.0}
    price, factor = entry
    value = left = float(order["wanted"] - order["at_once"]) * price
    gain, ended = 0.0, order["date"]
    later = float(order["filled"] - order["at_once"])
    if later > 0:
        growth = prices.factor(code, order["date"]) / factor
        part = min(later / growth * price, left)  # the later shares in shares of the first session
        gain += part * (order["price"] * growth / price - 1)
        left -= part
    if left > 1e-9 * value:
        ended = end if until is None else until
        gain += left * (prices.worth(code, ended, at_execution=until is not None) / (price * factor) - 1)
    sign = 1.0 if order["side"] == "buy" else -1.0
    return {"entry_price": price, "until": ended, "value": value, "cost": sign * gain}
