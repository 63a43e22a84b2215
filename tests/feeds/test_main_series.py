import numpy as np
import pytest

from feeds.calendar import trading_days
from feeds.errors import DataError
from feeds.main_series import as_contract, main_path, switching_days

NAN = np.nan


def test_the_path_moves_as_the_series_and_as_the_index_where_the_month_may_change():
    main = np.array([4000.0, 4040.0, 3900.0, 3939.0])  # the third day is another contract's, 3.5 % lower
    index = np.array([4100.0, 4141.0, 4182.41, 4100.0])
    switching = np.array([False, False, True, False])
    # 4000 -> +1 % -> the index's +1 % instead of -3.465 % -> +1 %
    assert main_path(main, index, switching) == pytest.approx([4000.0, 4040.0, 4080.4, 4121.204])


def test_without_switching_days_the_path_is_the_series():
    main = np.array([4000.0, 4040.0, 3900.0])
    assert main_path(main, np.array([1.0, 2.0, 3.0]), np.zeros(3, bool)) == pytest.approx(main)


def test_a_switch_on_a_day_without_a_bar_is_bridged_by_the_index():
    main = np.array([NAN, 4000.0, NAN, 3000.0, 3030.0])
    index = np.array([100.0, 200.0, 150.0, 220.0, 500.0])
    path = main_path(main, index, np.array([False, False, True, False, False]))
    assert np.isnan(path[[0, 2]]).all()
    assert path[[1, 3, 4]] == pytest.approx([4000.0, 4400.0, 4444.0])


def test_a_later_change_of_the_series_changes_nothing_before_it():
    main, index = np.linspace(4000, 4400, 30), np.linspace(3900, 4500, 30)
    switching = np.arange(30) % 7 == 0
    changed = np.where(np.arange(30) > 19, 1.0, main)
    assert (main_path(main, index, switching)[:20] == main_path(changed, index, switching)[:20]).all()


def test_months_change_from_three_sessions_before_a_last_day_to_one_after_it():
    days = trading_days("2015-02-10", "2015-03-25")
    found = days[switching_days(days)].astype(str).tolist()
    assert found == [
        # The New Year holidays moved the third Friday's last day from 2015-02-20 to 2015-02-25.
        "2015-02-13", "2015-02-16", "2015-02-17", "2015-02-25", "2015-02-26",
        "2015-03-17", "2015-03-18", "2015-03-19", "2015-03-20", "2015-03-23",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024-02-20", "2024-02-22", []),  # the first date has no move from the day before, a switch or not
        ("2024-02-19", "2024-02-21", ["2024-02-19", "2024-02-20"]),
        ("2024-03-08", "2024-03-12", ["2024-03-12"]),  # three sessions before IF2403's last, beyond the dates
        ("2024-03-08", "2024-03-11", []),
        ("2026-12-28", "2026-12-31", []),  # the end of the known calendar
    ],
)
def test_a_last_day_just_outside_the_dates_counts(start, end, expected):
    days = trading_days(start, end)
    found = days[switching_days(days)].astype(str).tolist()
    assert found == expected


@pytest.fixture
def panel(make_panel, rows):
    """Six sessions with the main series of IF around IF2403's last day, 2024-03-15; the month changes on that day."""
    days = ["2024-03-08", "2024-03-11", "2024-03-12", "2024-03-15", "2024-03-18", "2024-03-19"]
    closes = [3500.0, 3535.0, 3535.0, 3570.35, 3570.35, 3500.0]
    index = rows("ts_code trade_date close", *zip(["000300.SH"] * 6, days, closes, strict=True))
    main = rows(
        "ts_code trade_date open high low close vol settle",
        ("IF.CFX", "2024-03-08", 3490.0, 3520.0, 3480.0, 3510.0, 9e4, 3508.0),
        ("IF.CFX", "2024-03-11", 3512.0, 3550.0, 3505.0, 3545.1, 9e4, 3543.0),
        ("IF.CFX", "2024-03-12", 3545.0, 3560.0, 3540.0, 3550.0, 9e4, 3551.0),
        ("IF.CFX", "2024-03-15", 3500.0, 3530.0, 3490.0, 3520.0, 9e4, 3518.0),
        ("IF.CFX", "2024-03-18", 3521.0, 3530.0, 3515.0, 3525.0, 9e4, 3524.0),
        ("IF.CFX", "2024-03-19", 3524.0, 3530.0, 3450.0, 3454.5, 9e4, 3460.0),
    )
    return make_panel({"000001.SZ": [10.0] * 6}, days, index_daily=index, fut_daily=main)


def test_a_main_series_becomes_a_contract_that_never_expires(panel):
    found = as_contract(panel.futures, "IF", panel.dates, panel.index_close("000300.SH"))
    assert found.codes.tolist() == ["IF.CFX"] and found.multiplier.tolist() == [300.0]
    assert [found.contracts("IF", row).tolist() for row in (0, 5, 10**6)] == [[0]] * 3
    # As the series on 03-11 (+1 %) and 03-19 (-2 %); as the index on 03-12 (0), 03-15 (+1 %) and 03-18 (0).
    assert found.close[0] == pytest.approx([3510.0, 3545.1, 3545.1, 3580.551, 3580.551, 3580.551 * 0.98])
    scale = found.close[0] / panel.futures.close[0]
    for name in ("open", "high", "low", "settle"):
        assert getattr(found, name)[0] == pytest.approx(getattr(panel.futures, name)[0] * scale), name
    assert found.pre_settle[0, 1:] == pytest.approx(found.settle[0, :-1]) and np.isnan(found.pre_settle[0, 0])
    assert (found.vol == panel.futures.vol).all()


def test_a_main_series_without_its_index_is_refused(panel):
    index = panel.index_close("000300.SH").copy()
    index[3] = NAN
    with pytest.raises(DataError, match=r"index 000300\.SH must have a close .* IF\.CFX, was missing on 2024-03-15"):
        as_contract(panel.futures, "IF", panel.dates, index)
    with pytest.raises(DataError, match=r"future must be one of IF\.CFX, was IC\.CFX"):
        as_contract(panel.futures, "IC", panel.dates, index)


def test_the_real_discount_of_ic_shows_only_without_the_jumps_between_its_months(real_store):
    from feeds.building import build_panel

    panel = build_panel(real_store)
    index = panel.index_close("000905.SH")
    rows = np.flatnonzero(np.isfinite(panel.futures.close[panel.futures.column("IC.CFX")]))[[0, -1]]
    found = as_contract(panel.futures, "IC", panel.dates, index)
    growth = np.log(found.close[0, rows[1]] / found.close[0, rows[0]]) - np.log(index[rows[1]] / index[rows[0]])
    raw = panel.futures.close[panel.futures.column("IC.CFX"), rows]
    assert abs(np.log(raw[1] / raw[0]) - np.log(index[rows[1]] / index[rows[0]])) < 0.05
    assert 0.10 < growth / 2.7 < 0.25  # a year; 5 to 15 % are usual, over 20 % in late 2015 and 2016
