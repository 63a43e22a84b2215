"""Where a hedge's profit came from: the index, the basis, trading and rolling; and what it left in the market."""

import numpy as np
import pandas as pd

from analyzers.conventions import Metrics
from analyzers.returns import matched_benchmark, simple_returns

FUTURES_SUFFIX = ".CFX"
UNHEDGED = ("annual_return", "volatility", "sharpe", "alpha_regression", "beta", "max_drawdown")


def profit_by_date(ledger: pd.DataFrame, dates: pd.DatetimeIndex) -> pd.Series:
    """Return the hedge's profit of each session in yuan: variation less fees, 0 without any."""
    return _sum_by_date(ledger["variation"] - ledger["fee"], ledger, dates)


def stock_book(nav: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Return what :func:`attribution` needs of the stocks: ``date, value, profit``.

    Parameters
    ----------
    nav : pandas.DataFrame
        ``nav.parquet``: the profit of the stocks is its change less the hedge's profit.
    """
    dates = pd.DatetimeIndex(nav["date"])
    change = np.diff(nav["nav"].to_numpy("float64"), prepend=float(nav["nav"].iloc[0]))
    profit = change - profit_by_date(ledger, dates).to_numpy()
    return pd.DataFrame({"date": dates, "value": nav["stock_value"].to_numpy("float64"), "profit": profit})


def attribution(ledger: pd.DataFrame, index: pd.Series, book: pd.DataFrame) -> pd.DataFrame:
    """Return each session's hedge profit by where it came from.

    Parameters
    ----------
    ledger : pandas.DataFrame
        ``hedge.parquet``.
    index : pandas.Series
        Closes of the price index that is hedged against, by date; every date of the book must be there.
    book : pandas.DataFrame
        ``date``, ``value`` of the stocks at the close and their ``profit`` that day (fees of stocks in it), in yuan.

    Returns
    -------
    pandas.DataFrame
        By date, in yuan but the last. ``profit`` is the sum of

        - ``index_move``: exposure the evening before x the index's return, what a short of the index itself made;
        - ``basis``: the rest of what lots held overnight gained, futures against index;
        - ``costs``: what traded lots gained from their price to the day's settlement, less all fees. So the day's
          move on new lots is here, and a roll shows the slippage and the timing of both its trades.

        Beside them ``residual_beta``: (beta of the stocks over all sessions - hedge ratio in force) x the index's
        return x the stocks' value the evening before, what was left in the market; and ``ratio``, the hedge ratio in
        force: short exposure / value of the stocks the evening before, NaN without stocks.

    Raises
    ------
    DataError
        If the index misses a date.
    """
    dates = pd.DatetimeIndex(book["date"])
    moves = simple_returns(matched_benchmark(index, dates)).reindex(dates, fill_value=0.0)
    value = pd.Series(book["value"].to_numpy("float64"), dates).shift(1, fill_value=0.0)
    profit = pd.Series(book["profit"].to_numpy("float64"), dates)
    overnight = ledger["kind"] == "settle"
    exposure = _sum_by_date(ledger["exposure"], ledger, dates).shift(1, fill_value=0.0)
    nights = _sum_by_date(ledger["variation"].where(overnight, 0.0), ledger, dates)
    trades = _sum_by_date(ledger["variation"].where(~overnight, 0.0) - ledger["fee"], ledger, dates)
    held = value > 0
    ratio = (-exposure / value).where(held)
    beta = _beta((profit / value)[held], moves[held])
    found = {
        "profit": nights + trades,
        "index_move": exposure * moves,
        "basis": nights - exposure * moves,
        "costs": trades,
        "residual_beta": ((beta - ratio) * moves * value).where(held, 0.0),
        "ratio": ratio,
    }
    return pd.DataFrame(found).rename_axis("date")


def refused_hedge_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the orders in futures that the market refused."""
    return orders[orders["ts_code"].astype(str).str.endswith(FUTURES_SUFFIX) & (orders["filled"] < orders["wanted"])]


def hedge_metrics(
    nav: pd.DataFrame, ledger: pd.DataFrame, orders: pd.DataFrame, index: pd.Series, unhedged: Metrics
) -> Metrics:
    """Return the figures of the group "Hedge".

    Parameters
    ----------
    nav, ledger, orders : pandas.DataFrame
        ``nav.parquet``, ``hedge.parquet`` and ``orders.parquet``.
    index : pandas.Series
        Closes of the price index that is hedged against, by date.
    unhedged : dict
        Figures of the same run without its hedge, everything invested in stocks.
    """
    parts = attribution(ledger, index, stock_book(nav, ledger))
    found: Metrics = {
        "hedge_pnl": float(parts["profit"].sum()),
        "hedge_index_move": float(parts["index_move"].sum()),
        "hedge_basis": float(parts["basis"].sum()),
        "hedge_costs": float(parts["costs"].sum()),
        "hedge_residual_beta": float(parts["residual_beta"].sum()),
        "hedge_ratio_mean": _hedge_ratio(nav, ledger),
    }
    futures = ledger[ledger["contract"].str.endswith(FUTURES_SUFFIX)]
    closes = futures[futures["kind"] == "settle"]
    if len(futures):
        found["hedge_lots_max"] = int(closes["lots"].abs().groupby(closes["date"]).sum().max())
        found["margin_max"] = float(closes["margin"].groupby(closes["date"]).sum().max())
        found["margin_calls"] = int(futures.loc[futures["kind"] == "forced", "date"].nunique())
        found["hedge_rolls"] = int(futures.loc[futures["kind"] == "roll", "date"].nunique())
        found["hedge_orders_refused"] = len(refused_hedge_orders(orders))
    return found | {f"unhedged_{name}": unhedged.get(name) for name in UNHEDGED}


def _hedge_ratio(nav: pd.DataFrame, ledger: pd.DataFrame) -> float | None:
    """Return the mean of short exposure over stock value at the closes with stocks, the first (no session) left out."""
    stocks = pd.Series(nav["stock_value"].to_numpy("float64"), pd.DatetimeIndex(nav["date"]))
    exposure = _sum_by_date(ledger["exposure"], ledger, pd.DatetimeIndex(stocks.index))
    ratios = (-exposure / stocks)[stocks > 0]
    return float(ratios.mean()) if len(ratios) else None


def _sum_by_date(values: pd.Series, ledger: pd.DataFrame, dates: pd.DatetimeIndex) -> pd.Series:
    return values.groupby(pd.DatetimeIndex(ledger["date"])).sum().reindex(dates, fill_value=0.0)


def _beta(own: pd.Series, index: pd.Series) -> float:
    """Return the slope of the stocks' returns on the index's; 0 where the index never moved."""
    spread = index - index.mean()
    variance = float((spread**2).sum())
    return float((spread * own).sum()) / variance if variance > 0 else 0.0
