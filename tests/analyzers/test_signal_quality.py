"""Information coefficients and forward returns against scipy and against figures worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzers.conventions import METRICS
from analyzers.metrics import metrics_of
from analyzers.signal_quality import (
    buckets,
    ic,
    mean_ranks,
    quantile_returns,
    rank_ic,
    rank_mae_score,
    replaced_share,
    signal_quality,
)
from feeds.errors import ConfigError, DataError
from feeds.panel import MarketPanel

NAN = math.nan
DAYS = np.array([f"2024-01-{day:02d}" for day in (2, 3, 4, 5, 8, 9, 10)], "datetime64[D]")
CODES = np.array([f"60000{n}.SH" for n in range(6)])


def panel_of(opening, close=None, **fields):
    """Return a panel of six stocks over seven sessions; rows of ``opening`` are sessions."""
    opening = np.array(opening, dtype=float)
    status = {name: fields.pop(name) for name in ("delist_index", "list_index") if name in fields}
    arrays = {"open": opening, "close": opening if close is None else np.array(close, dtype=float)}
    return MarketPanel.from_arrays(DAYS[: len(opening)], CODES[: opening.shape[1]], arrays | fields, **status)


def flat(value=10.0):
    return np.full((7, 6), value)


# -- one cross-section ------------------------------------------------------------------------------------------


def test_ic_by_hand():
    # deviations (-1, 0, 1) and (-2, 1, 1): sum of products 3, squares 2 and 6
    assert ic(np.array([1, 2, 3]), np.array([0, 3, 3])) == pytest.approx(3 / math.sqrt(12))


def test_ic_and_rank_ic_agree_with_scipy_ties_and_gaps_included():
    random = np.random.default_rng(2)
    scores = np.round(random.normal(size=200), 1)
    returns = 0.1 * scores + random.normal(size=200)
    scores[5] = returns[9] = NAN
    valid = np.isfinite(scores) & np.isfinite(returns)
    assert ic(scores, returns) == pytest.approx(stats.pearsonr(scores[valid], returns[valid]).statistic)
    assert rank_ic(scores, returns) == pytest.approx(stats.spearmanr(scores[valid], returns[valid]).statistic)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_equal_values_share_their_mean_rank(values):
    assert mean_ranks(np.array(values)) == pytest.approx(stats.rankdata(values))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1, 1)), min_size=3, max_size=20), st.randoms())
def test_no_figure_depends_on_the_order_of_the_names(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    for function in (ic, rank_ic, rank_mae_score):
        one, other = (function(*np.array(rows).T) for rows in (pairs, shuffled))
        assert one == other if one is None or other is None else one == pytest.approx(other, abs=1e-6)


@pytest.mark.parametrize("scores", [[1.0, 1, 1], [NAN, NAN, 2], [NAN, NAN, NAN]])
def test_an_ic_without_variation_is_undefined(scores):
    for function in (ic, rank_ic, rank_mae_score):
        assert function(np.array(scores), np.array([0.1, 0.2, 0.3])) is None


def test_ic_of_huge_and_tiny_scores_is_finite():
    returns = np.array([0.1, 0.2, 0.3])
    assert ic(np.array([1e200, 2e200, 3e200]), returns) == pytest.approx(1)
    assert ic(np.array([1e-200, 2e-200, 3e-200]), returns) == pytest.approx(1)


def test_rank_mae_score_spans_from_equal_order_to_no_skill():
    assert rank_mae_score(np.arange(5), np.arange(5)) == 1
    # ranks 1, 2 standardised are -1 and 1; reversed they differ by 2 each
    assert rank_mae_score(np.array([1, 2]), np.array([2, 1])) == pytest.approx(math.exp(-2))
    random = np.random.default_rng(0)
    assert rank_mae_score(random.normal(size=20_000), random.normal(size=20_000)) == pytest.approx(0.315, abs=0.01)


def test_buckets_are_even_and_ties_go_by_code():
    scores = np.array([1.0, 1, 1, 1, 9])
    codes = np.array(["d", "b", "c", "a", "e"])
    assert buckets(scores, codes, 5).tolist() == [3, 1, 2, 0, 4]
    assert np.bincount(buckets(np.arange(23), np.arange(23).astype(str), 5)).tolist() == [5, 5, 4, 5, 4]


def test_quantile_returns_by_hand():
    returns = np.array([0.01, 0.02, 0.03, 0.04, NAN])
    found = quantile_returns(np.array([4.0, 3, 2, 1, 9]), returns, np.array(list("abcde")), 2)
    assert found.tolist() == pytest.approx([0.035, 0.015])
    assert np.isnan(quantile_returns(np.array([1.0]), np.array([0.1]), np.array(["a"]), 2)).all()


def test_replaced_share():
    assert replaced_share(np.array(["a", "b"]), np.array(["b", "c"])) == 0.5
    assert replaced_share(np.array([]), np.array(["b"])) is None


# -- forward returns ---------------------------------------------------------------------------------------------


def weekly(panel, rows, scores=(1, 2, 3, 4, 5, 6)):
    return [(panel.dates[row], panel.codes, np.array(scores, dtype=float)) for row in rows]


def test_the_return_runs_from_the_next_open_to_the_open_after_the_next_signal():
    opening = flat()
    opening[1], opening[4] = 10, 10 * (1 + np.arange(6) / 10)  # entry on row 1, exit on row 4
    panel = panel_of(opening, close=np.full((7, 6), 77.0))
    found = signal_quality(weekly(panel, [0, 3]), panel)
    assert len(found.by_date) == 1  # the last signal date has no next one
    row = found.by_date.iloc[0]
    assert row["entry_date"] == np.datetime64("2024-01-03")
    assert row["exit_date"] == np.datetime64("2024-01-08")
    assert row["ic"] == pytest.approx(1)
    assert found.quantile_returns.iloc[0].tolist() == pytest.approx([0.05, 0.2, 0.3, 0.4, 0.5])
    assert found.horizon == "open to open, to the next rebalance"


def test_nothing_before_the_entry_changes_the_figures():
    random = np.random.default_rng(8)
    opening = 10 + random.random((7, 6))
    altered = opening.copy()
    altered[0] = 99
    one = panel_of(opening, close=opening)
    other = panel_of(altered, close=np.vstack([altered[:1], opening[1:]]))
    found = [signal_quality(weekly(p, [0, 3]), p).by_date["ic"].tolist() for p in (one, other)]
    assert found[0] == found[1]


def test_a_split_is_not_a_loss():
    opening = flat()
    opening[4:, 5] = 5
    factor = np.ones((7, 6))
    factor[4:, 5] = 2
    panel = panel_of(opening, adj_factor=factor)
    found = signal_quality(weekly(panel, [0, 3]), panel)
    assert found.quantile_returns.iloc[0].tolist() == pytest.approx([0] * 5)
    assert np.isnan(found.by_date["ic"].iloc[0])


def test_names_one_could_not_buy_are_left_out_and_those_at_the_lower_limit_are_not():
    opening = flat()
    opening[1] = [NAN, 11, 9, 10, 10, 10]  # suspended, at the upper limit, at the lower limit
    opening[4] = [20, 20, 18, 11, 12, 13]
    panel = panel_of(opening, up_limit=flat(11.0), down_limit=flat(9.0))
    found = signal_quality(weekly(panel, [0, 3]), panel)
    row = found.by_date.iloc[0]
    assert (row["names"], row["untradable"]) == (4, 2)
    assert row["coverage"] == pytest.approx(4 / 6)
    assert found.metrics["signal_coverage_lowest"] == pytest.approx(4 / 6)
    assert np.isnan(row["ic"])  # four names say nothing


@pytest.mark.parametrize(("recovery", "worth"), [(0.0, -1.0), (0.25, -0.8)])
def test_a_name_delisted_by_the_exit_is_worth_what_the_account_says(recovery, worth):
    opening, close = flat(), flat()
    opening[4:, 2] = close[4:, 2] = NAN
    close[3, 2] = 8  # a quarter of 8 is 2, of 10 paid
    panel = panel_of(opening, close, delist_index=np.array([7, 7, 4, 7, 7, 7]))
    found = signal_quality(weekly(panel, [0, 3]), panel, delisting_recovery=recovery)
    assert found.quantile_returns.iloc[0].tolist() == pytest.approx([0, worth, 0, 0, 0])


def test_a_name_without_a_bar_at_the_exit_counts_at_its_last_close():
    opening, close = flat(), flat()
    opening[4:, 2] = close[4:, 2] = NAN
    close[3, 2] = 8
    panel = panel_of(opening, close, adj_factor=flat(2.0))
    found = signal_quality(weekly(panel, [0, 3]), panel)
    assert found.quantile_returns.iloc[0].tolist() == pytest.approx([0, -0.2, 0, 0, 0])


def test_vwap_entry_pays_amount_over_volume():
    opening = flat()
    volume, amount = np.full((7, 6), 100.0), np.full((7, 6), 1000.0)
    volume[4] = 200
    amount[4] = 2000 * (1 + np.arange(6) / 10)
    panel = panel_of(opening, vol=volume, amount=amount)
    found = signal_quality(weekly(panel, [0, 3]), panel, entry="vwap")
    assert found.quantile_returns.iloc[0].tolist() == pytest.approx([0.05, 0.2, 0.3, 0.4, 0.5])


def test_a_fixed_horizon_counts_sessions_and_measures_the_last_date_too():
    opening = flat()
    opening[3] = 10 * (1 + np.arange(6) / 10)
    panel = panel_of(opening)
    found = signal_quality(weekly(panel, [0, 1, 4]), panel, horizon=2)  # the third would end after the data
    assert found.by_date["exit_date"].tolist() == [np.datetime64("2024-01-05"), np.datetime64("2024-01-08")]
    assert found.quantile_returns.iloc[0].tolist() == pytest.approx([0.05, 0.2, 0.3, 0.4, 0.5])
    assert len(signal_quality(weekly(panel, [0, 1, 4]), panel, horizon=1).by_date) == 3


def test_unknown_codes_and_missing_scores_are_left_out():
    panel = panel_of(flat() + np.arange(7)[:, None] * np.arange(6))
    codes = np.append(panel.codes, "999999.SZ")
    scores = np.array([NAN, 1, 2, 3, 4, 5, 6])
    found = signal_quality([(panel.dates[0], codes, scores), (panel.dates[3], codes, scores)], panel)
    assert found.by_date["names"].tolist() == [5]


def test_signal_dates_may_come_in_any_order():
    panel = panel_of(10 + np.random.default_rng(4).random((7, 6)))
    signals = weekly(panel, [0, 2, 4])
    assert signal_quality(signals[::-1], panel).metrics == signal_quality(signals, panel).metrics


def test_coverage_is_of_the_universe_if_there_is_one():
    panel = panel_of(flat())
    universe = np.ones((7, 6), dtype=bool)
    universe[:, :2] = False
    signals = [(panel.dates[row], panel.codes[2:4], np.array([1.0, 2.0])) for row in (0, 3)]
    assert signal_quality(signals, panel, universe=universe).metrics["signal_coverage"] == pytest.approx(0.5)
    assert signal_quality(signals, panel).metrics["signal_coverage"] == pytest.approx(2 / 6)


def test_names_outside_the_universe_count_nowhere():
    opening = flat()
    opening[4] = [99, 10, 11, 12, 13, 14]
    panel = panel_of(opening)
    universe = np.ones((7, 6), dtype=bool)
    universe[0, 0] = False
    found = signal_quality(weekly(panel, [0, 3]), panel, universe=universe)
    row = found.by_date.iloc[0]
    assert (row["names"], row["coverage"]) == (5, 1)
    assert row["rank_ic"] == pytest.approx(1)


@pytest.mark.parametrize(("horizon", "entry"), [(0, "open"), ("monthly", "open"), (1, "close")])
def test_unknown_horizons_and_entries_are_refused(horizon, entry):
    panel = panel_of(flat())
    with pytest.raises(ConfigError, match="must be"):
        signal_quality(weekly(panel, [0]), panel, horizon=horizon, entry=entry)


def test_a_signal_on_a_day_without_trading_is_refused():
    panel = panel_of(flat())
    with pytest.raises(DataError, match="2024-01-06"):
        signal_quality([(np.datetime64("2024-01-06"), panel.codes, np.arange(6.0))], panel)


# -- over time -----------------------------------------------------------------------------------------------------


def test_summary_over_dates_by_hand(panel, example_scores, example_run):
    found = signal_quality(example_scores, panel)
    by_date = found.by_date
    metrics = found.metrics
    assert metrics["signal_dates"] == len(example_scores) - 1
    assert metrics["rank_ic_mean"] == pytest.approx(by_date["rank_ic"].mean())
    assert metrics["rank_icir"] == pytest.approx(by_date["rank_ic"].mean() / by_date["rank_ic"].std(ddof=1))
    assert metrics["ic_sd"] == pytest.approx(by_date["ic"].std(ddof=1))
    assert metrics["rank_mae_score"] == pytest.approx(by_date["rank_mae_score"].mean())
    assert by_date["entry_date"].dtype == "datetime64[ms]"
    assert metrics["rank_ic_positive"] == pytest.approx((by_date["rank_ic"] > 0).mean())
    years = (by_date["date"].iloc[-1] - by_date["date"].iloc[0]).days / 365.25
    per_year = (len(by_date) - 1) / years
    assert metrics["rank_icir_annual"] == pytest.approx(metrics["rank_icir"] * math.sqrt(per_year))
    assert metrics["rank_ic_mean"] > 0.2  # the example knows a little of the future
    assert set(metrics) <= set(METRICS)
    whole = metrics_of(example_run, quality=found)
    assert {name: whole[name] for name in metrics} == metrics


def test_newey_west_lags_count_the_overlapping_returns(panel, example_scores):
    # signals every 21 sessions and returns over 50: two later returns begin before the first has ended
    found = signal_quality(example_scores, panel, horizon=50)
    values = found.by_date["ic"].to_numpy()
    deviations = values - values.mean()
    count = len(values)
    variance = deviations @ deviations / count
    for lag in (1, 2):
        variance += 2 * (1 - lag / 3) * (deviations[lag:] @ deviations[:-lag]) / count
    assert found.metrics["ic_t"] == pytest.approx(values.mean() / math.sqrt(variance / count))
    assert found.metrics["icir"] is not None
    assert found.metrics["icir_annual"] is None  # overlapping returns repeat each other


def test_score_turnover_follows_the_top_tenth():
    codes = np.array([f"{n:06d}.SZ" for n in range(20)])
    days = np.arange("2024-01-01", "2024-01-20", dtype="datetime64[D]")
    panel = MarketPanel.from_arrays(days, codes, {"close": 10 + np.random.default_rng(1).random((len(days), 20))})
    scores = np.arange(20.0)
    swapped = scores.copy()
    swapped[[18, 0]] = swapped[[0, 18]]  # one of the two best gives way
    signals = list(zip(days[[0, 4, 8, 12]], [codes] * 4, [scores, swapped, swapped, scores], strict=True))
    found = signal_quality(signals, panel)
    assert found.by_date["score_turnover"].tolist()[1:] == [0.5, 0.0]
    assert found.metrics["score_turnover"] == pytest.approx(0.25)


def test_long_short_is_the_top_tenth_less_the_bottom_tenth():
    codes = np.array([f"{n:06d}.SZ" for n in range(10)])
    opening = np.full((7, 10), 10.0)
    opening[4] = 11 + np.arange(10)
    panel = MarketPanel.from_arrays(DAYS, codes, {"open": opening, "close": opening})
    found = signal_quality([(DAYS[0], codes, np.arange(10.0)), (DAYS[3], codes, np.arange(10.0))], panel)
    assert found.metrics["long_short_mean"] == pytest.approx(0.9)
    assert found.metrics["long_only_excess_mean"] == pytest.approx(0.9 - 0.45)


def test_a_signal_with_a_single_date_has_no_figures():
    panel = panel_of(flat())
    found = signal_quality(weekly(panel, [0]), panel)
    assert found.metrics["signal_dates"] == 0
    assert all(value is None for name, value in found.metrics.items() if name != "signal_dates")
