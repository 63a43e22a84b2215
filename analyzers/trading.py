"""What trading did and cost: turnover, fees, fills and refusals, and each stock's part in the result."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzers.conventions import Metrics
from analyzers.refusals import filled_at_once, refusal_costs
from analyzers.traded_prices import TradedPrices

if TYPE_CHECKING:
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

STOCK_SUFFIXES = (".SH", ".SZ", ".BJ")


def stock_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the orders in stocks and funds, leaving futures out, in the order of their dates."""
    stocks = orders["ts_code"].astype(str).str.endswith(STOCK_SUFFIXES)
    return orders[stocks].sort_values(["date", "signal_date", "ts_code", "side"], kind="stable")


def stock_fills(result: "BacktestResult") -> pd.DataFrame:
    """Return the executions in stocks and funds, with their ``value`` in yuan."""
    fills = result.fills
    fills = fills[fills["ts_code"].astype(str).str.endswith(STOCK_SUFFIXES)]
    return fills.assign(value=(fills["shares"] * fills["price"]).astype(float))


def turnover_by_date(result: "BacktestResult") -> pd.Series:
    """Return one-sided turnover per session with fills: half of all value traded over the last evening's NAV.

    Equals ``1/2 * sum(|w_t - w_(t-)|)`` with the drifted weight before the trade, at fill prices.
    """
    fills = stock_fills(result)
    values = fills["value"].groupby(pd.DatetimeIndex(fills["date"])).sum()
    nav = pd.Series(result.nav["nav"].to_numpy(dtype=float), index=pd.DatetimeIndex(result.nav["date"]))
    evening_before = nav.shift(1).reindex(values.index)
    return values / 2 / evening_before


def trading_metrics(result: "BacktestResult", figures: Metrics, panel: "MarketPanel | None") -> Metrics:
    """Return the figures of the group "Trading and cost".

    Parameters
    ----------
    result : BacktestResult
        The run.
    figures : dict
        Must hold ``years`` and ``cash_start``.
    panel : MarketPanel, optional
        Prices for the cost of refusals; without it that cost is None.
    """
    years, start = float(figures["years"] or 0), float(figures["cash_start"] or 0)
    stocks, fills = stock_orders(result.orders), stock_fills(result)
    stock_fees, traded = float(fills["fee"].sum()), float(fills["value"].sum())
    fees = stock_fees + float(result.hedge["fee"].sum())
    turnover = turnover_by_date(result)
    rebalances = int(stocks["signal_date"].nunique())
    found: Metrics = {
        "turnover_annual": float(turnover.sum()) / years if years > 0 else None,
        "turnover_per_rebalance": float(turnover.sum()) / rebalances if rebalances else None,
        "fees_total": fees,
        "fees_annual": fees / start / years if years > 0 else None,
        "fees_per_traded": stock_fees / traded if traded > 0 else None,
        "slippage_total": float(fills["slippage"].sum()),
        "rebalances": rebalances,
    }
    found |= _exposure(result)
    found |= _fills(stocks)
    if panel is not None:
        costs = refusals_of(result, panel)
        cost = float(costs.loc[costs["by_market"], "cost"].sum())
        found["largest_day_share"] = _largest_day_share(fills, TradedPrices.of(result, panel))
        found["refusals"] = int(costs["by_market"].sum())
        found["refusal_cost"] = cost
        found["refusal_cost_annual"] = cost / start / years if years > 0 else None
    return found


def refusals_of(result: "BacktestResult", panel: "MarketPanel") -> pd.DataFrame:
    """Return `refusal_costs` of a run's stock orders, at the prices it traded at and up to its last session."""
    return refusal_costs(stock_orders(result.orders), TradedPrices.of(result, panel), result.nav["date"].iloc[-1])


def _exposure(result: "BacktestResult") -> Metrics:
    nav = result.nav.iloc[1:]
    if nav.empty:
        return {}
    held = result.positions.loc[result.positions["shares"] != 0, "date"].isin(nav["date"]).sum()
    return {
        "average_holdings": float(held / len(nav)),
        "average_invested": float((nav["stock_value"] / nav["nav"]).mean()),
    }


def _largest_day_share(fills: pd.DataFrame, prices: TradedPrices) -> float | None:
    """Return the largest part one took of what all the market traded of a stock on a day."""
    if fills.empty:
        return None
    daily = fills.groupby(["date", "ts_code"], as_index=False)["shares"].sum()
    rows = np.searchsorted(prices.panel.dates, daily["date"].to_numpy().astype("datetime64[D]"))
    columns = np.array([prices.panel.index_of(code) for code in daily["ts_code"].astype(str)])
    volume = prices.volume(columns, rows)
    traded = np.isfinite(volume) & (volume > 0)
    return float((daily["shares"].to_numpy(dtype=float)[traded] / volume[traded]).max()) if traded.any() else None


def _fills(orders: pd.DataFrame) -> Metrics:
    at_once, ever = filled_at_once(orders), orders["filled"].fillna(0)
    complete = at_once >= orders["wanted"]
    delayed = ~complete & (ever > at_once)
    value = float((orders["wanted"] * orders["reference"]).sum())
    missed = float(((orders["wanted"] - at_once).clip(lower=0) * orders["reference"]).sum())
    return {
        "orders": len(orders),
        "orders_filled": int(complete.sum()),
        "orders_delayed": int(delayed.sum()),
        "orders_partial": int((~complete & ~delayed & (ever > 0)).sum()),
        "orders_refused": int((~complete & (ever <= 0)).sum()),
        "refused_value_share": missed / value if value > 0 else None,
    }


def contributions(result: "BacktestResult") -> pd.DataFrame:
    """Return each stock's profit in yuan, most profitable first.

    Returns
    -------
    pandas.DataFrame
        Columns ``ts_code, profit, share, sessions``: profit is final value + sold + cash from
        dividends and the like - bought - fees; share is profit over start capital; sessions counts closes
        at which the stock was held. The profits add up to the change of net asset value less what the
        hedge and the cash earned.
    """
    fills = stock_fills(result)
    signs = np.where(fills["side"] == "sell", 1.0, -1.0)
    flow = (fills["value"] * signs - fills["fee"]).groupby(fills["ts_code"].astype(str)).sum()
    actions = result.actions
    gained = (actions["cash"].fillna(0) + actions["receivable"].fillna(0)).astype(float)
    cash = gained.groupby(actions["ts_code"].astype(str)).sum()
    positions = result.positions
    held = positions[positions["shares"] != 0]
    last = held[held["date"] == result.nav["date"].iloc[-1]]
    final = last["value"].astype(float).groupby(last["ts_code"].astype(str)).sum()
    sessions = held["ts_code"].astype(str).value_counts()
    table = pd.DataFrame({"profit": flow.add(cash, fill_value=0).add(final, fill_value=0)})
    table["sessions"] = sessions.reindex(table.index).fillna(0).astype(int)
    table["share"] = table["profit"] / float(result.nav["nav"].iloc[0])
    table = table.rename_axis("ts_code").reset_index()
    ordered = table.sort_values(["profit", "ts_code"], ascending=[False, True], kind="stable")
    return ordered[["ts_code", "profit", "share", "sessions"]].reset_index(drop=True)
