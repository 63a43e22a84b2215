import numpy as np
import pytest

from feeds.errors import ConfigError, DataError, SignalError
from feeds.panel import MarketPanel
from signals.labels import labels_for, month_clock, month_ends, monthly_labels, require_matured, standardise

# Six sessions of four months; the last session of January is the 30th.
DAYS = np.array(
    ["2024-01-29", "2024-01-30", "2024-02-01", "2024-02-29", "2024-03-01", "2024-03-29", "2024-04-01"],
    dtype="datetime64[D]",
)
ENTRY, EXIT = 2, 4  # of the January section


def panel(stocks: int = 3, **changes: np.ndarray) -> MarketPanel:
    """Everything trades at 10 yuan all day, 100 shares a day."""
    shape = (len(DAYS), stocks)
    fields = {name: np.full(shape, 10.0) for name in ("open", "high", "low", "close")}
    fields |= {"vol": np.full(shape, 100.0), "amount": np.full(shape, 1000.0), "adj_factor": np.ones(shape)}
    fields |= {"up_limit": np.full(shape, 11.0), "down_limit": np.full(shape, 9.0)}
    status = {name: changes.pop(name) for name in ("delist_index",) if name in changes}
    fields |= changes
    codes = [f"{n:06d}.SZ" for n in range(1, stocks + 1)]
    return MarketPanel.from_arrays(DAYS, codes, fields, **status)


def grid(stocks: int = 3, fill: float = 10.0, **cells: float) -> np.ndarray:
    """A (T, N) array with cells given as ``d<day>s<stock>=value``."""
    array = np.full((len(DAYS), stocks), fill)
    for cell, value in cells.items():
        day, stock = cell[1:].split("s")
        array[int(day), int(stock)] = value
    return array


def january(market: MarketPanel, eligible: np.ndarray | None = None) -> np.ndarray:
    eligible = np.ones(market.shape, bool) if eligible is None else eligible
    return monthly_labels(market, eligible).returns[0]


def test_a_section_is_scored_at_month_end_entered_next_session_and_left_a_month_later():
    clock = month_clock(DAYS)

    assert clock.dates.astype(str).tolist() == ["2024-01-30", "2024-02-29", "2024-03-29"]
    assert clock.signal.tolist() == [1, 3, 5]
    assert clock.entry.tolist() == [2, 4, 6]
    assert clock.exit.tolist() == [4, 6, -1]
    assert clock.exit_dates.astype(str).tolist() == ["2024-03-01", "2024-04-01", "NaT"]


def test_a_section_on_the_last_day_of_the_data_has_no_entry_yet():
    clock = month_clock(np.array(["2024-01-31", "2024-02-29"], dtype="datetime64[D]"))

    assert clock.entry.tolist() == [1, -1]
    assert clock.exit.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("last", "calendar", "ends"),
    [
        ("2024-01-31", None, True),  # a Wednesday, and the month's last weekday
        ("2025-01-27", None, False),  # the holiday begins on the 28th, but nothing says so
        ("2025-01-27", ["2025-01-27", "2025-02-05"], True),  # the calendar does
        ("2024-01-30", ["2024-01-30", "2024-01-31"], False),
        ("2024-01-31", ["2024-01-30", "2024-01-31"], True),  # a calendar that ends with the data says nothing
    ],
)
def test_the_last_day_of_the_data_is_a_month_end_if_no_session_can_follow(last, calendar, ends):
    days = np.array(["2023-12-29", last], dtype="datetime64[D]")
    known = None if calendar is None else np.array(calendar, dtype="datetime64[D]")

    assert month_ends(days, known).tolist() == ([0, 1] if ends else [0])


def test_the_label_is_the_return_from_vwap_to_vwap_of_adjusted_prices():
    amount = grid(fill=1000.0, d2s0=1100.0, d4s0=1320.0, d4s1=900.0)  # 11 -> 13.2 yuan, 10 -> 9
    factor = grid(fill=1.0, d4s2=1.5)  # a 3-for-2 split between: 10 -> 10 * 1.5

    returns = january(panel(amount=amount, adj_factor=factor))

    assert returns == pytest.approx([0.2, -0.1, 0.5])


def test_a_price_decides_only_the_labels_that_use_it():
    before = monthly_labels(panel(), np.ones((len(DAYS), 3), bool)).returns
    for day, entered, left in [(2, 0, None), (4, 1, 0), (6, None, 1), (1, None, None), (3, None, None)]:
        amount = grid(fill=1000.0)
        amount[day, 0] = 1500.0
        after = monthly_labels(panel(amount=amount), np.ones((len(DAYS), 3), bool)).returns
        changed = sorted(set(np.argwhere(~np.isclose(after, before, equal_nan=True))[:, 0].tolist()))
        assert changed == sorted(section for section in (entered, left) if section is not None), day


def test_the_last_month_has_no_label_yet():
    labels = monthly_labels(panel(), np.ones((len(DAYS), 3), bool))

    assert np.isnan(labels.returns[2]).all()
    assert labels.count().tolist() == [0, 0, 0]  # and equal returns have no z-score


def test_a_stock_suspended_on_the_entry_day_has_no_label():
    nan = {name: grid(d2s1=np.nan) for name in ("open", "high", "low", "close")}
    market = panel(**nan, vol=grid(fill=100.0, d2s1=np.nan), amount=grid(fill=1000.0, d2s1=np.nan))

    assert np.isnan(january(market)).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("what", "bar", "masked"),
    [
        ("opens at the up limit", {"open": 11.0, "high": 11.0, "low": 10.5, "close": 10.5}, True),
        ("opens over the up limit by rounding", {"open": 11.004, "high": 11.004, "low": 10.5, "close": 10.5}, True),
        ("reaches the up limit later", {"open": 10.99, "high": 11.0, "low": 10.9, "close": 11.0}, False),
        ("one price at the down limit", {"open": 9.0, "high": 9.0, "low": 9.0, "close": 9.0}, True),
        ("opens at the down limit and recovers", {"open": 9.0, "high": 9.5, "low": 9.0, "close": 9.5}, False),
        ("one price between the limits", {"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0}, False),
    ],
)
def test_a_stock_locked_at_a_limit_on_the_entry_day_has_no_label(what, bar, masked):
    market = panel(**{name: grid(d2s1=price) for name, price in bar.items()})

    assert np.isnan(january(market)).tolist() == [False, masked, False], what


def test_without_a_known_limit_nothing_is_locked():
    market = panel(up_limit=grid(fill=np.nan), down_limit=grid(fill=np.nan), open=grid(d2s1=50.0), high=grid(d2s1=50.0))

    assert np.isfinite(january(market)).all()


def test_market_data_without_limit_prices_lock_nothing():
    market = panel()
    fields = {name: values for name, values in market.fields.items() if "limit" not in name}

    assert np.isfinite(january(MarketPanel(**{**vars(market), "fields": fields}))).all()


def test_a_stock_without_volume_on_the_entry_day_has_no_label():
    market = panel(vol=grid(fill=100.0, d2s1=0.0), amount=grid(fill=1000.0, d2s1=0.0))

    assert np.isnan(january(market)).tolist() == [False, True, False]


def test_limits_of_the_exit_day_do_not_matter():
    locked = {name: grid(d4s1=9.0) for name in ("open", "high", "low", "close")}

    assert january(panel(**locked, amount=grid(fill=1000.0, d4s1=900.0))) == pytest.approx([0.0, -0.1, 0.0])


def test_a_stock_suspended_on_the_exit_day_keeps_its_last_adjusted_close():
    nan = {name: grid(d4s1=np.nan) for name in ("open", "high", "low")}
    market = panel(
        **nan,
        close=grid(d3s1=8.0, d4s1=np.nan),
        vol=grid(fill=100.0, d4s1=np.nan),
        amount=grid(fill=1000.0, d4s1=np.nan),
        adj_factor=grid(fill=1.0, d3s1=1.1, d4s1=1.1),
    )

    assert january(market)[1] == pytest.approx(8.0 * 1.1 / 10 - 1)


def test_a_stock_delisted_before_the_exit_keeps_its_loss():
    gone = {name: grid(d3s1=np.nan, d4s1=np.nan) for name in ("open", "high", "low")}
    market = panel(
        **gone,
        close=grid(d2s1=2.0, d3s1=np.nan, d4s1=np.nan),
        vol=grid(fill=100.0, d3s1=np.nan, d4s1=np.nan),
        amount=grid(fill=1000.0, d3s1=np.nan, d4s1=np.nan),
        delist_index=np.array([7, 3, 7]),
    )

    assert january(market) == pytest.approx([0.0, -0.8, 0.0])


def test_a_stock_that_is_not_eligible_on_the_signal_date_has_no_label():
    eligible = np.ones((len(DAYS), 3), bool)
    eligible[1, 2] = False

    assert np.isnan(january(panel(), eligible)).tolist() == [False, False, True]


def test_labels_are_z_scores_across_the_eligible_stocks_of_the_date():
    amount = grid(fill=1000.0, d4s0=1100.0, d4s1=1200.0, d4s2=1300.0)  # +10, +20, +30 %

    scores = monthly_labels(panel(amount=amount), np.ones((len(DAYS), 3), bool)).scores[0]

    assert scores == pytest.approx([-(1.5**0.5), 0.0, 1.5**0.5])


def test_standardise_ignores_nan_and_refuses_to_rank_equals():
    result = standardise(np.array([[1.0, np.nan, 3.0], [0.1, 0.1, 0.1], [np.nan, np.nan, 5.0]]))

    assert result[0] == pytest.approx([-1.0, np.nan, 1.0], nan_ok=True)
    assert np.isnan(result[1:]).all()


@pytest.mark.parametrize("exit_date", ["2024-03-02", "NaT"])
def test_a_label_that_ends_after_the_freezing_may_not_be_seen(exit_date):
    with pytest.raises(SignalError, match="label exit must not be after the model's freezing at 2024-03-01"):
        require_matured(np.datetime64(exit_date, "D"), np.datetime64("2024-03-01"))


def test_a_label_that_ends_on_the_freezing_day_may_be_seen():
    require_matured(np.datetime64("2024-03-01"), np.datetime64("2024-03-01"))


def test_the_labels_of_the_month_are_the_monthly_labels():
    market, eligible = panel(amount=grid(fill=1000.0, d4s0=1100.0)), np.ones((len(DAYS), 3), bool)

    assert labels_for("month", market, eligible).returns[0] == pytest.approx([0.1, 0.0, 0.0])


def test_another_horizon_is_refused():
    with pytest.raises(ConfigError, match=r"label horizon must be one of .*month, .*was week"):
        labels_for("week", panel(), np.ones((len(DAYS), 3), bool))


def test_market_data_without_turnover_cannot_make_labels():
    market = panel()
    fields = {name: values for name, values in market.fields.items() if name != "amount"}
    bare = MarketPanel(**{**vars(market), "fields": fields})

    with pytest.raises(DataError, match="must hold amount"):
        january(bare)
