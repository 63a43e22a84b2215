"""Company reports on the panel's days, each from the session after its announcement on."""

import numpy as np

from feeds.axes import Axes
from feeds.store import Store

FIELDS = ("roe", "netprofit_yoy", "debt_to_assets", "ar_turn", "tangibleasset_to_netdebt")


def report_fields(store: Store, grid: Axes) -> dict[str, np.ndarray]:
    """Return figures of the latest report known each day, (N, T) float32; those no report has are left out."""
    frame = store.read("fina_indicator")
    stock, row = grid.stocks(frame["ts_code"]), grid.row(frame["ann_date"], after=True)
    latest = latest_reports(stock, row, frame["end_date"].to_numpy(), (len(grid.codes), len(grid.days)))
    fields: dict[str, np.ndarray] = {}
    for name in FIELDS:
        values = np.append(frame[name].to_numpy("float32"), np.float32(np.nan))[latest]  # -1, no report, is the last
        if np.isfinite(values).any():
            fields[name] = values
    return fields


def latest_reports(stock: np.ndarray, row: np.ndarray, period: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the report each stock was last known by, per day, as an index into the reports; -1 before the first.

    Parameters
    ----------
    stock : ndarray of int, shape (R,)
        Whose report it is; -1 if the stock is not on the panel.
    row : ndarray of int, shape (R,)
        First day on which the report is known; T or more if that lies after the panel.
    period : ndarray of datetime64, shape (R,)
        End of the period reported on. A later period takes the place of an earlier one and never the other way
        round, however late the earlier is announced; of two reports on one period the one known later counts.
    shape : tuple
        (N, T)

    Returns
    -------
    ndarray of int64, shape (N, T)
    """
    latest = np.full(shape, -1, dtype="int64")
    report = np.flatnonzero((stock >= 0) & (row < shape[1]))
    report = report[np.lexsort((period[report], row[report], stock[report]))]
    if not len(report):
        return latest
    owner = stock[report]
    days = period[report].astype("datetime64[D]").astype("int64")
    reach = int(days.max() - days.min()) + 1  # lifts each stock's periods above those of the stocks before
    lifted = days - days.min() + reach * np.cumsum(np.append(0, owner[1:] != owner[:-1]))
    newest = report[lifted == np.maximum.accumulate(lifted)]
    latest[stock[newest], row[newest]] = newest  # in order: of several known from one day the last stands
    days_of = np.where(latest >= 0, np.arange(shape[1]), 0)
    return np.take_along_axis(latest, np.maximum.accumulate(days_of, axis=1), axis=1)
