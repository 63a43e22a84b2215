"""Targets by name: sections every so many sessions, weekly and daily, and returns, signs and residuals by hand."""

import numpy as np
import pytest

from feeds.errors import ConfigError
from feeds.panel import MarketPanel, Spans
from signals.clocks import every, session_clock, week_ends
from signals.labels import HORIZONS, Target, clock_for, labels_for, make_labels

NAN = np.nan
# Two weeks of sessions, the second cut to three days by a holiday, and a Monday.
DAYS = np.array(
    ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10",
     "2024-01-15"],
    dtype="datetime64[D]",
)  # fmt: skip


def market(vwap, close=None, **fields):
    """Return a market whose VWAP and close are given, (T, N); a missing VWAP is a day without trade."""
    vwap = np.array(vwap, dtype=float)
    close = vwap if close is None else np.array(close, dtype=float)
    volume = np.where(np.isfinite(vwap), 100.0, NAN)
    given = {"open": vwap, "high": vwap, "low": vwap, "close": close, "vol": volume, "amount": vwap * volume}
    codes = [f"{n:06d}.SZ" for n in range(1, vwap.shape[1] + 1)]
    status = {name: fields.pop(name) for name in ("industry_spans", "industry_names") if name in fields}
    return MarketPanel.from_arrays(DAYS[: len(vwap)], codes, given | fields, **status)


def all_of(panel):
    return np.ones(panel.shape, bool)


def labels_of(panel, horizon, price="vwap", part="return", signal=(0,)):
    clock = session_clock(panel.dates, np.array(signal), horizon)
    return make_labels(panel, all_of(panel), clock, price, part)


# -- when ----------------------------------------------------------------------------------------------------------


def test_sections_are_entered_on_the_next_session_and_left_so_many_later():
    clock = session_clock(DAYS, np.array([0, 3, 7]), 4)
    assert (clock.entry.tolist(), clock.exit.tolist()) == ([1, 4, 8], [5, 8, -1])
    assert clock.dates.astype(str).tolist() == ["2024-01-01", "2024-01-04", "2024-01-10"]
    assert clock.exit_dates.astype(str).tolist() == ["2024-01-08", "2024-01-15", "NaT"]
    assert session_clock(DAYS, np.array([8]), 1).entry.tolist() == [-1]


def test_sections_every_so_many_sessions_begin_with_the_first_and_do_not_move_when_days_are_added():
    assert every(4, 9).tolist() == [0, 4, 8]
    assert every(4, 8).tolist() == [0, 4]
    assert every(1, 3).tolist() == [0, 1, 2]


def test_weeks_end_with_their_last_session():
    assert week_ends(DAYS).tolist() == [4, 7]
    assert week_ends(DAYS[:5]).tolist() == [4]  # a Friday
    assert week_ends(DAYS[:8]).tolist() == [4]  # a Wednesday: nothing says that no session follows
    assert week_ends(DAYS[:8], DAYS).tolist() == [4, 7]


@pytest.mark.parametrize("wrong", [0, -1])
def test_horizons_and_distances_are_at_least_one_session(wrong):
    with pytest.raises(ConfigError, match=f"label horizon must be 1 session or more, was {wrong}"):
        session_clock(DAYS, np.array([0]), wrong)
    with pytest.raises(ConfigError, match=f"sections must be 1 session or more apart, was {wrong}"):
        every(wrong, 9)


@pytest.mark.parametrize(
    ("name", "signal", "exits"),
    [
        ("month", [], []),
        ("1d", [0, 1, 2, 3, 4, 5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8, -1, -1]),
        ("4d_close", [0, 1, 2, 3, 4, 5, 6, 7, 8], [5, 6, 7, 8, -1, -1, -1, -1, -1]),
        ("5d_weekly", [4, 7], [-1, -1]),
        ("20d_every_5", [0, 5], [-1, -1]),
    ],
)
def test_each_target_has_its_sections(name, signal, exits):
    clock = clock_for(name, DAYS)
    assert (clock.signal.tolist(), clock.exit.tolist()) == (signal, exits)


def test_targets_are_those_of_the_cards():
    told = {name: (t.sections, t.horizon, t.price, t.part) for name, t in HORIZONS.items()}
    assert told == {
        "month": ("month", None, "vwap", "return"),
        "20d_every_5": (5, 20, "vwap", "return"),
        "sign_20d_every_5": (5, 20, "vwap", "sign"),
        "excess_sign_20d_every_5": (5, 20, "vwap", "excess_sign"),
        "1d": (1, 1, "vwap", "return"),
        "10d": (1, 10, "vwap", "return"),
        "5d_weekly": ("week", 5, "vwap", "return"),
        "5d": (1, 5, "vwap", "return"),
        "4d_close": (1, 4, "close", "return"),
        "5d_residual": (1, 5, "vwap", "residual"),
    }


@pytest.mark.parametrize(("sections", "horizon"), [("month", 5), ("week", None), (3, None)])
def test_only_monthly_sections_have_no_number_of_sessions(sections, horizon):
    with pytest.raises(ConfigError, match=f"horizon must be a number of sessions, or None .*, was {horizon}"):
        Target("wrong", sections, horizon)


# -- what ----------------------------------------------------------------------------------------------------------


def test_the_return_is_from_the_vwap_of_t_plus_1_to_that_of_t_plus_1_plus_h():
    panel = market([[1, 1], [10, 10], [11, 8], [12, 9], [99, 99]])
    np.testing.assert_allclose(labels_of(panel, 1).returns, [[0.1, -0.2]])
    np.testing.assert_allclose(labels_of(panel, 2).returns, [[0.2, -0.1]])
    np.testing.assert_allclose(labels_of(panel, 2, signal=(0, 1, 2)).returns[2], [NAN, NAN])


def test_the_closing_variant_is_from_close_to_close_of_adjusted_prices():
    panel = market([[1], [10], [11], [12]], close=[[2], [20], [25], [15]], adj_factor=[[1], [1], [1], [2]])
    np.testing.assert_allclose(labels_of(panel, 2, "close").returns, [[0.5]])  # 15 x 2 / 20
    np.testing.assert_allclose(labels_of(panel, 2).returns, [[1.4]])  # 12 x 2 / 10


@pytest.mark.parametrize(("price", "opened", "closed", "masked"), [
    ("vwap", 11.0, 10.5, True),
    ("vwap", 10.5, 11.0, False),
    ("close", 11.0, 10.5, False),
    ("close", 10.5, 11.0, True),
])  # fmt: skip
def test_who_is_at_the_up_limit_when_one_would_buy_has_no_label(price, opened, closed, masked):
    base = np.full((4, 1), 10.0)
    bars = {name: base.copy() for name in ("open", "high", "low", "close")}
    bars["open"][1], bars["close"][1], bars["high"][1], bars["low"][1] = opened, closed, 11.0, 10.0
    panel = market(base, close=bars["close"], up_limit=np.full((4, 1), 11.0), down_limit=np.full((4, 1), 9.0),
                   **{name: bars[name] for name in ("open", "high", "low")})  # fmt: skip
    assert np.isnan(labels_of(panel, 1, price).returns[0, 0]) == masked


@pytest.mark.parametrize("price", ["vwap", "close"])
def test_a_suspended_entry_has_no_label_and_a_suspended_exit_keeps_the_last_close(price):
    panel = market([[10, 10], [10, NAN], [12, 10], [NAN, 10]], close=[[10, 10], [10, NAN], [13, 10], [NAN, 10]])
    labels = labels_of(panel, 2, price)
    np.testing.assert_allclose(labels.returns, [[0.3, NAN]])


def test_a_stock_locked_at_one_price_has_no_label_in_any_variant():
    base = np.full((4, 1), 10.0)
    locked = base.copy()
    locked[1] = 9.0
    panel = market(locked, up_limit=np.full((4, 1), 11.0), down_limit=np.full((4, 1), 9.0))
    for price in ("vwap", "close"):
        for part in ("return", "sign", "excess_sign", "residual"):
            assert np.isnan(labels_of(panel, 1, price, part).scores).all()


def test_signs_are_one_for_gains_and_zero_for_others():
    panel = market([[1] * 5, [10] * 5, [11, 9, 10, 14, NAN]], close=[[1] * 5, [10] * 5, [11, 9, 10, 14, NAN]])
    panel.fields["vol"][4, 1] = panel.fields["amount"][4, 1] = NAN  # the last could not be bought
    np.testing.assert_array_equal(labels_of(panel, 1, part="sign").scores, [[1, 0, 0, 1, NAN]])
    # returns 10 -10 0 40 %, mean 10 %: nobody beats it by equalling it
    np.testing.assert_array_equal(labels_of(panel, 1, part="excess_sign").scores[0, [1, 2, 3, 4]], [0, 0, 1, NAN])
    np.testing.assert_allclose(labels_of(panel, 1, part="sign").returns, [[0.1, -0.1, 0, 0.4, NAN]])


def test_residuals_are_free_of_the_industry_and_scored_across_stocks():
    spans = Spans(*(np.array(part, "int32") for part in ([0, 1, 2, 3], [0] * 4, [3] * 4, [0, 0, 1, 1])))
    panel = market([[1] * 4, [10] * 4, [11, 13, 10, 12]], industry_spans=spans, industry_names=("电子", "银行"))
    labels = labels_of(panel, 1, part="residual")
    # 10 and 30 % in one industry, 0 and 20 % in the other: -10, +10, -10, +10 % (no other exposure varies)
    np.testing.assert_allclose(labels.scores, [[-1, 1, -1, 1]])
    np.testing.assert_allclose(labels.returns, [[0.1, 0.3, 0, 0.2]])
    assert list(labels.absent) == ["size", "turnover"]


def test_residuals_without_industries_say_so():
    labels = labels_of(market([[1, 1], [10, 10], [11, 12]]), 1, part="residual")
    assert labels.absent["industry"] == "needs industries, absent from the market data"


def test_residuals_are_unrelated_to_the_exposures_of_the_signal_day():
    random = np.random.default_rng(1)
    prices = 10 * np.exp(np.cumsum(random.normal(0, 0.03, (60, 50)), axis=0))
    dates = np.datetime64("2024-01-01") + np.arange(60)
    size = np.exp(random.normal(20, 1, (60, 50)))
    bars = {"open": prices, "close": prices, "circ_mv": size, "turnover_rate": random.random((60, 50))}
    panel = MarketPanel.from_arrays(dates, [f"{n:06d}.SZ" for n in range(50)], bars)
    labels = labels_for("5d_residual", panel, np.ones(panel.shape, bool))
    clean = labels.scores[45]
    assert np.isfinite(clean).all() and clean.mean() == pytest.approx(0, abs=1e-12)
    exposure = np.log(size[45])
    middle = np.median(exposure)
    reach = 3 * 1.4826 * np.median(np.abs(exposure - middle))
    assert np.corrcoef(clean, np.clip(exposure, middle - reach, middle + reach))[0, 1] == pytest.approx(0, abs=1e-6)
    assert abs(np.corrcoef(clean, labels.returns[45])[0, 1]) > 0.8


def test_a_price_after_the_exit_or_before_the_entry_moves_no_return():
    base = np.full((9, 2), 10.0) + np.arange(9)[:, None]
    before = labels_for("1d", market(base), np.ones((9, 2), bool)).returns
    for day in range(9):
        changed = base.copy()
        changed[day, 0] *= 2
        after = labels_for("1d", market(changed), np.ones((9, 2), bool)).returns
        moved = np.flatnonzero(~np.isclose(before[:, 0], after[:, 0], equal_nan=True))
        assert moved.tolist() == [signal for signal in (day - 2, day - 1) if 0 <= signal <= 6]
