"""What of company reports, money flow and index amounts reaches the panel, and from which day on."""

import numpy as np
import pandas as pd

from feeds.building import build_panel
from feeds.reports import latest_reports
from feeds.sources.simulated import SimulatedMarket
from feeds.store import Store, import_source

NAN = np.nan
DAYS = ["2020-04-28", "2020-04-29", "2020-04-30", "2020-05-06", "2020-05-07"]
A, B = "000001.SZ", "600000.SH"
CLOSES = {A: [10.0] * 5, B: [20.0] * 5}
ANNUAL, QUARTER = "2019-12-31", "2020-03-31"


def same(found, expected):
    np.testing.assert_array_equal(found, np.array(expected, dtype="float32"))


def test_a_report_is_known_from_the_session_after_its_announcement(make_panel, rows):
    reports = rows(
        "ts_code end_date ann_date roe debt_to_assets",
        (A, "2019-09-30", "2019-10-25", 0.05, 0.5),  # before the panel: known from its first day
        (A, ANNUAL, "2020-04-29", 0.10, 0.6),  # of the 29th, so known on the 30th
        (A, QUARTER, "2020-05-01", 0.02, NAN),  # during a holiday: known on the first session after it
        (B, ANNUAL, "2020-05-07", 0.20, 0.7),  # of the last day: not known on it
    )
    panel = make_panel(CLOSES, DAYS, fina_indicator=reports)
    same(panel.field("roe")[:, 0], [0.05, 0.05, 0.10, 0.02, 0.02])
    same(panel.field("debt_to_assets")[:, 0], [0.5, 0.5, 0.6, NAN, NAN])  # a null is not the figure before it
    same(panel.field("roe")[:, 1], [NAN] * 5)
    assert panel.field("roe").dtype == "float32"
    assert not panel.has_field("ar_turn")


def test_a_late_report_on_an_earlier_period_changes_nothing_and_a_restated_one_counts(make_panel, rows):
    reports = rows(
        "ts_code end_date ann_date roe",
        (A, QUARTER, "2020-04-27", 0.02),
        (A, ANNUAL, "2020-04-28", 0.10),
        (A, QUARTER, "2020-04-29", 0.03),
    )
    panel = make_panel(CLOSES, DAYS, fina_indicator=reports)
    same(panel.field("roe")[:, 0], [0.02, 0.02, 0.03, 0.03, 0.03])


def test_of_reports_known_from_the_same_day_the_one_on_the_later_period_counts():
    period = np.array(["2020-03-31", "2019-12-31", "2019-12-31"], dtype="datetime64[D]")
    stock, row = np.array([1, 1, -1]), np.array([2, 2, 0])
    assert latest_reports(stock, row, period, (2, 4)).tolist() == [[-1] * 4, [-1, -1, 0, 0]]
    assert latest_reports(stock[:0], row[:0], period[:0], (1, 2)).tolist() == [[-1, -1]]
    assert latest_reports(stock, np.array([4, 9, 0]), period, (2, 4)).tolist() == [[-1] * 4] * 2


def test_the_reports_of_one_stock_do_not_outdate_those_of_the_next():
    period = np.array(["2020-03-31", "2019-12-31"], dtype="datetime64[D]")
    assert latest_reports(np.array([0, 1]), np.array([0, 0]), period, (2, 1)).tolist() == [[0], [1]]


def test_money_flow_falls_on_its_day(make_panel, rows):
    flow = rows("ts_code trade_date buy_lg_amount sell_lg_amount", (A, DAYS[1], 5e6, 2e6), (B, DAYS[4], 7e6, NAN))
    panel = make_panel(CLOSES, DAYS, moneyflow=flow)
    same(panel.field("buy_lg_amount").T, [[NAN, 5e6, NAN, NAN, NAN], [NAN] * 4 + [7e6]])
    same(panel.field("sell_lg_amount").T, [[NAN, 2e6, NAN, NAN, NAN], [NAN] * 5])
    assert not panel.has_field("buy_sm_amount")


def test_amounts_are_kept_for_the_indices_that_have_them(make_panel, rows):
    index = rows(
        "ts_code trade_date close amount",
        ("000300.SH", DAYS[0], 4000.0, 2e11),
        ("000300.SH", DAYS[3], 4100.0, 3e11),
        ("H00300.CSI", DAYS[0], 5000.0, None),
    )
    panel = make_panel(CLOSES, DAYS, index_daily=index)
    assert list(panel.index_amounts) == ["000300.SH"]
    np.testing.assert_array_equal(panel.index_amounts["000300.SH"], [2e11, NAN, NAN, 3e11, NAN])
    assert make_panel(CLOSES, DAYS, folder="plain").index_amounts == {}


def test_the_simulated_market_has_reports_and_flows(tmp_path):
    store = Store(tmp_path / "data")
    import_source(store, SimulatedMarket(30, "2019-01-02", "2019-12-31"))
    panel, reports = build_panel(store), store.read("fina_indicator")
    row = reports.iloc[len(reports) // 2]
    stock = panel.index_of(str(row["ts_code"]))
    known = panel.dates > row["ann_date"].to_datetime64()
    assert known.any()
    first = int(known.argmax())
    own = reports[(reports["ts_code"] == row["ts_code"]) & (reports["ann_date"] < pd.Timestamp(panel.dates[first]))]
    newest = own.sort_values(["end_date", "ann_date"]).iloc[-1]
    assert panel.field("debt_to_assets")[first, stock] == np.float32(newest["debt_to_assets"])
    traded = np.isfinite(panel.field("close"))
    assert (np.isfinite(panel.field("net_mf_amount")) == traded).all()
