import numpy as np
import pytest

from feeds.errors import DataError
from feeds.futures import NEVER
from feeds.panel import MarketPanel, load_panel, save_panel

NAN = np.nan
A = "000001.SZ"
# The sessions around the last day of IF1502, which the New Year holidays moved from 2015-02-20 to 2015-02-25.
DAYS = ["2015-02-13", "2015-02-16", "2015-02-17", "2015-02-25", "2015-02-26"]
CLOSES = {A: [10.0, 10.1, 10.2, 10.3, 10.4]}
BASIC = (
    "ts_code fut_code multiplier list_date delist_date",
    ("IF1502.CFX", "IF", 300.0, "2014-12-22", "2015-02-25"),
    ("IF1503.CFX", "IF", 300.0, "2014-07-21", "2015-03-20"),
    ("IF1504.CFX", "IF", 300.0, "2015-02-26", "2015-04-17"),
    ("IF1506.CFX", "IF", 300.0, "2014-10-20", "2015-06-19"),  # never traded in these data
    ("TF1503.CFX", "TF", 10_000.0, "2014-06-16", "2015-03-13"),
)
BARS = (
    "ts_code trade_date open high low close vol settle pre_settle",
    ("IF1502.CFX", "2015-02-13", 3450.0, 3480.0, 3440.0, 3470.0, 900.0, 3468.0, 3440.0),
    ("IF1502.CFX", "2015-02-17", 3475.0, 3500.0, 3470.0, 3490.0, 800.0, None, None),
    ("IF1502.CFX", "2015-02-25", 3491.0, 3520.0, 3480.0, 3500.0, 700.0, 3498.0, 3489.0),
    ("IF1503.CFX", "2015-02-13", 3480.0, 3490.0, 3470.0, 3485.0, 100.0, 3484.0, None),
    ("IF1503.CFX", "2015-02-16", 3486.0, 3495.0, 3480.0, 3490.0, 110.0, 3491.0, None),
    ("IF1504.CFX", "2015-02-26", 3500.0, 3510.0, 3490.0, 3505.0, 50.0, 3506.0, None),
    ("IF1509.CFX", "2015-02-26", 3500.0, 3510.0, 3490.0, 3505.0, 50.0, 3506.0, None),  # unknown to fut_basic
    ("IF.CFX", "2015-02-16", 3455.0, 3485.0, 3445.0, 3475.0, 990.0, None, None),
    ("TF1503.CFX", "2015-02-13", 97.0, 97.2, 96.8, 97.1, 50.0, 97.1, None),
)


@pytest.fixture
def panel(make_panel, rows) -> MarketPanel:
    return make_panel(CLOSES, DAYS, fut_basic=rows(*BASIC), fut_daily=rows(*BARS))


def test_contracts_and_main_series_on_stock_indices_are_kept_and_nothing_else(panel):
    futures = panel.futures
    assert futures.codes.tolist() == ["IF.CFX", "IF1502.CFX", "IF1503.CFX", "IF1504.CFX"]
    assert futures.kind.tolist() == ["IF"] * 4
    assert futures.main.tolist() == [True, False, False, False]
    assert futures.multiplier.tolist() == [300.0] * 4
    assert futures.open.shape == (4, 5)


def test_bars_fall_on_their_day_and_other_days_are_nan(panel):
    futures, column = panel.futures, panel.futures.column("IF1502.CFX")
    assert np.array_equal(futures.open[column], [3450.0, NAN, 3475.0, 3491.0, NAN], equal_nan=True)
    assert np.array_equal(futures.high[column], [3480.0, NAN, 3500.0, 3520.0, NAN], equal_nan=True)
    assert np.array_equal(futures.low[column], [3440.0, NAN, 3470.0, 3480.0, NAN], equal_nan=True)
    assert np.array_equal(futures.close[column], [3470.0, NAN, 3490.0, 3500.0, NAN], equal_nan=True)
    assert np.array_equal(futures.vol[column], [900.0, NAN, 800.0, 700.0, NAN], equal_nan=True)


def test_the_close_stands_for_a_missing_settlement_and_the_panel_says_so(panel, make_panel, rows):
    futures = panel.futures
    assert np.array_equal(futures.settle[1], [3468.0, NAN, 3490.0, 3498.0, NAN], equal_nan=True)
    assert futures.settled_at_close
    bars = rows(BARS[0], *(bar for bar in BARS[1:] if bar[7] is not None))
    settled = make_panel(CLOSES, DAYS, folder="settled", fut_basic=rows(*BASIC), fut_daily=bars)
    assert not settled.futures.settled_at_close


def test_data_without_settlements_settle_at_the_close(make_panel, rows):
    bars = rows(*BARS).drop(columns=["settle", "pre_settle"])
    futures = make_panel(CLOSES, DAYS, fut_basic=rows(*BASIC), fut_daily=bars).futures
    assert np.array_equal(futures.settle[1], [3470.0, NAN, 3490.0, 3500.0, NAN], equal_nan=True)
    assert np.array_equal(futures.pre_settle[1], [NAN, NAN, 3470.0, 3490.0, NAN], equal_nan=True)


def test_the_bar_befores_settlement_stands_for_a_missing_previous_one(panel):
    futures = panel.futures
    assert np.array_equal(futures.pre_settle[1], [3440.0, NAN, 3468.0, 3489.0, NAN], equal_nan=True)
    assert np.array_equal(futures.pre_settle[2], [NAN, 3484.0, NAN, NAN, NAN], equal_nan=True)


def test_the_last_settlement_is_carried_and_nothing_is_known_before_the_first(panel):
    futures = panel.futures
    assert [futures.last_settle(1, row) for row in range(5)] == [3468.0, 3468.0, 3490.0, 3498.0, 3498.0]
    assert [futures.settled_row(1, row) for row in range(5)] == [0, 0, 2, 3, 3]
    assert [futures.settled_row(3, row) for row in (3, 4)] == [-1, 4]
    assert np.isnan(futures.last_settle(3, 3)) and futures.last_settle(3, 4) == 3506.0


def test_contracts_come_nearest_first_from_their_first_day_to_their_last(panel):
    futures = panel.futures
    listed = [[str(futures.codes[n]) for n in futures.contracts("IF", row)] for row in range(5)]
    assert listed[0] == listed[3] == ["IF1502.CFX", "IF1503.CFX"]
    assert listed[4] == ["IF1503.CFX", "IF1504.CFX"]
    assert futures.contracts("IC", 0).tolist() == []


def test_a_last_day_beyond_the_panel_is_counted_on_by_the_calendar_and_then_by_weekdays(make_panel, rows):
    calendar = rows("cal_date is_open", *((day, 1) for day in [*DAYS, "2015-02-27", "2015-03-02"]))
    tables = {"fut_basic": rows(*BASIC), "fut_daily": rows(*BARS)}
    futures = make_panel(CLOSES, DAYS, trade_cal=calendar, **tables).futures
    # 2015-03-02 is row 6; 14 weekdays from there to Friday 2015-03-20, 34 to 2015-04-17.
    assert futures.last_row.tolist() == [NEVER, 3, 20, 40]
    assert futures.first_row.tolist() == [1, 0, 0, 4]


def test_a_last_day_on_a_holiday_is_the_next_session(make_panel, rows):
    basic = rows(*BASIC)
    basic.loc[0, "delist_date"] = np.datetime64("2015-02-20")  # the third Friday: the exchange is closed
    futures = make_panel(CLOSES, DAYS, fut_basic=basic, fut_daily=rows(*BARS)).futures
    assert futures.last_row[1] == 3


def test_bars_of_days_outside_the_panel_are_left_out(make_panel, rows):
    calendar = rows("cal_date is_open", *((day, 1) for day in ["2015-02-11", "2015-02-12", *DAYS, "2015-02-27"]))
    early = ("IF1502.CFX", "2015-02-12", 3400.0, 3410.0, 3390.0, 3405.0, 900.0, 3404.0, None)
    late = ("IF1503.CFX", "2015-02-27", 3400.0, 3410.0, 3390.0, 3405.0, 900.0, 3404.0, None)
    tables = {"fut_basic": rows(*BASIC), "fut_daily": rows(*BARS, early, late)}
    futures = make_panel(CLOSES, DAYS, trade_cal=calendar, **tables).futures
    assert np.array_equal(futures.close[1], [3470.0, NAN, 3490.0, 3500.0, NAN], equal_nan=True)
    assert np.array_equal(futures.close[2], [3485.0, 3490.0, NAN, NAN, NAN], equal_nan=True)


def test_the_multiplier_is_the_tables_and_a_main_series_has_its_kinds(make_panel, rows):
    basic = rows(*BASIC).assign(multiplier=[300.0, 100.0, 300.0, 300.0, 10_000.0])
    assert make_panel(CLOSES, DAYS, fut_basic=basic, fut_daily=rows(*BARS)).futures.multiplier.tolist() == [
        300.0, 300.0, 100.0, 300.0,
    ]  # fmt: skip


def test_an_unknown_future_is_refused(panel):
    with pytest.raises(DataError, match=r"future must be one of IF\.CFX, .*, was IF1505\.CFX"):
        panel.futures.column("IF1505.CFX")


def test_a_market_without_futures_has_an_empty_panel_of_them(make_panel):
    futures = make_panel(CLOSES, DAYS).futures
    assert len(futures.codes) == 0 and futures.contracts("IF", 0).tolist() == []
    plain = MarketPanel.from_arrays(np.array(DAYS, "datetime64[D]"), [A], {"close": np.ones((5, 1))}).futures
    assert len(plain.codes) == 0 and not plain.settled_at_close


@pytest.mark.parametrize("with_futures", [True, False])
def test_a_saved_panel_comes_back_with_its_futures(panel, make_panel, with_futures, tmp_path):
    saved = panel if with_futures else make_panel(CLOSES, DAYS, folder="bare")
    save_panel(saved, tmp_path / "panel")
    found = load_panel(tmp_path / "panel").futures
    for name, expected in vars(saved.futures).items():
        given = getattr(found, name)
        equal = np.array_equal(given, expected, equal_nan=np.asarray(expected).dtype == float)
        assert equal and np.asarray(given).dtype == np.asarray(expected).dtype, name


def test_the_real_main_series_are_kept_without_settlements(real_store):
    from feeds.building import build_panel

    futures = build_panel(real_store).futures
    assert futures.codes.tolist() == ["IC.CFX", "IF.CFX"] and futures.main.all()
    assert futures.settled_at_close and futures.multiplier.tolist() == [200.0, 300.0]
    assert np.isfinite(futures.close).sum(axis=1).tolist() == [665, 732]
