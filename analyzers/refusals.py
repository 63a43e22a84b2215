"""What the market refused, and what the refusals cost: the price of limits, suspensions and thin cash."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from feeds.panel import MarketPanel

COLUMNS = [
    *("signal_date", "first_date", "date", "ts_code", "side", "reason", "wanted", "filled"),
    *("entry_price", "until", "value", "cost", "by_market"),
]
OWN_REASONS = ("cash", "lot", "nothing held")  # the account's limits: nobody refused anything


def filled_at_once(orders: pd.DataFrame) -> pd.Series:
    """Return the shares each order filled on its first session: an order of several attempts filled later."""
    return orders["filled"].fillna(0).where(orders["attempts"] <= 1, 0).astype(float)


def refusal_costs(
    orders: pd.DataFrame,
    panel: "MarketPanel",
    end: pd.Timestamp | None = None,
    delisting_recovery: float = 0.0,
) -> pd.DataFrame:
    """Return every order that was not filled whole on its first session, and what the gap cost.

    Parameters
    ----------
    orders : pandas.DataFrame
        Stock orders of a run, one row per order; ``date`` is the session that ended it.
    panel : MarketPanel
        Raw prices and adjustment factors.
    end : pandas.Timestamp, optional
        The run's last session; the panel's if omitted.
    delisting_recovery : float
        Share of its last close that a stock is worth once it is delisted, as the account counted it.

    Returns
    -------
    pandas.DataFrame
        ``signal_date, first_date, date, ts_code, side, reason, wanted, filled`` (shares), ``entry_price``
        (raw yuan), ``until`` (date), ``value`` and ``cost`` (yuan), and ``by_market`` (False where the
        account itself fell short: cash, lots, shares), by first session and code.

    Notes
    -----
    The yardstick is a backtest blind to the refusal: it trades the missing shares at the open of the first
    session, or at the last close before it if the stock did not trade. With ``P`` the back-adjusted price,
    ``0`` the first session, ``f`` a later fill, and ``h`` the open of the next rebalance (the run's last
    close if there is none), the missing value ``v = missing shares * raw price at 0`` costs

    - a buy: ``v_f * (P_f / P_0 - 1) + v_h * (P_h / P_0 - 1)``, the gain that was missed;
    - a sell: the same with the opposite sign, the loss that was suffered;

    where ``v_f`` is the part of ``v`` filled later and ``v_h`` the part that never was. Positive: the
    refusal cost money; negative: it saved some. Fees, and what idle cash might have earned, are left out.
    A stock that was delisted by ``h`` is worth its last close times ``delisting_recovery`` there.
    """
    prices = _Prices(panel, delisting_recovery)
    close_of_run = pd.Timestamp(panel.dates[-1]) if end is None else end
    orders = orders.assign(first_date=_first_sessions(orders, panel), at_once=filled_at_once(orders))
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
    """Return the refusals of `refusal_costs` summed by side and reason, the market's first, dearest first.

    Returns
    -------
    pandas.DataFrame
        Columns ``by_market, side, reason, orders, value, cost``; value and cost in yuan.
    """
    grouped = costs.groupby(["by_market", "side", "reason"], observed=True)
    table = grouped.agg(orders=("cost", "size"), value=("value", "sum"), cost=("cost", "sum")).reset_index()
    keys = ["by_market", "cost", "side", "reason"]
    return table.sort_values(keys, ascending=[False, False, True, True], kind="stable")


def _first_sessions(orders: pd.DataFrame, panel: "MarketPanel") -> pd.DatetimeIndex:
    """Return the session of each order's first attempt: the one after its signal date."""
    sessions = pd.DatetimeIndex(panel.dates)
    signal, ended = pd.DatetimeIndex(orders["signal_date"]), pd.DatetimeIndex(orders["date"])
    after_signal = sessions[sessions.searchsorted(signal, side="right").clip(max=len(sessions) - 1)]
    return pd.DatetimeIndex(np.where(signal < ended, after_signal, ended))


def _cost(order: dict, until: pd.Timestamp | None, end: pd.Timestamp, prices: "_Prices") -> dict:
    """Return ``entry_price, until, value, cost`` of an order that was not filled whole at once."""
    code = order["ts_code"]
    entry = prices.at_open(code, order["first_date"])
    if entry is None:
        return {"entry_price": np.nan, "until": pd.NaT, "value": 0.0, "cost": 0.0}
    raw, factor = entry
    value = left = float(order["wanted"] - order["at_once"]) * raw
    gain, ended = 0.0, order["date"]
    later = float(order["filled"] - order["at_once"])
    if later > 0:
        growth = prices.factor(code, order["date"]) / factor
        part = min(later / growth * raw, left)  # the later shares in shares of the first session
        gain += part * (order["price"] * growth / raw - 1)
        left -= part
    if left > 1e-9 * value:
        ended = end if until is None else until
        gain += left * (prices.worth(code, ended, at_open=until is not None) / (raw * factor) - 1)
    sign = 1.0 if order["side"] == "buy" else -1.0
    return {"entry_price": raw, "until": ended, "value": value, "cost": sign * gain}


class _Prices:
    """Raw prices with their adjustment factors, carried over days without a bar."""

    def __init__(self, panel: "MarketPanel", delisting_recovery: float) -> None:
        self._panel = panel
        self._recovery = delisting_recovery
        self._open = panel.field("open")
        self._close = panel.field("close")
        self._factor = panel.field("adj_factor")

    def factor(self, code: str, date: pd.Timestamp) -> float:
        """Return the adjustment factor of a date."""
        return float(self._factor[self._panel.date_index(date), self._panel.index_of(code)])

    def at_open(self, code: str, date: pd.Timestamp) -> tuple[float, float] | None:
        """Return the raw open and its factor, or those of the last close before; None if there is none."""
        session, column = self._panel.date_index(date), self._panel.index_of(code)
        opening = float(self._open[session, column])
        if np.isfinite(opening):
            return opening, float(self._factor[session, column])
        return self._close_until(session - 1, column)

    def worth(self, code: str, date: pd.Timestamp, at_open: bool) -> float:
        """Return the back-adjusted price a holding counts at, less what a delisting took."""
        session, column = self._panel.date_index(date), self._panel.index_of(code)
        found = self.at_open(code, date) if at_open else self._close_until(session, column)
        price = found[0] * found[1] if found else 0.0
        return price * self._recovery if session >= self._panel.delist_index[column] else price

    def _close_until(self, session: int, column: int) -> tuple[float, float] | None:
        bars = np.flatnonzero(np.isfinite(self._close[: session + 1, column]))
        if not len(bars):
            return None
        return float(self._close[bars[-1], column]), float(self._factor[bars[-1], column])
