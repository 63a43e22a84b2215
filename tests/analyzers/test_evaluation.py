"""One signal's decay, costs, tenths and years, worked out by hand on small markets."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analyzers.deflated_sharpe import Track, probabilistic_sharpe
from analyzers.evaluation import by_year, decay, evaluate, flat, members, rank_autocorrelation, traded
from analyzers.signal_quality import signal_quality
from feeds.building import open_panel
from feeds.panel import MarketPanel

CODES = np.array([f"{n:06d}.SZ" for n in range(10)])
SCORES = np.arange(10.0)


def market(opening) -> MarketPanel:
    """Return a market of ten stocks from opening prices, a row per session."""
    opening = np.array(opening, dtype=float)
    days = np.arange("2024-01-01", np.datetime64("2024-01-01") + len(opening), dtype="datetime64[D]")
    return MarketPanel.from_arrays(days, CODES[: opening.shape[1]], {"open": opening, "close": opening})


def walk(sessions=90, seed=1) -> MarketPanel:
    return market(10 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, (sessions, 10)), axis=0)))


def signals(panel, rows, scores=SCORES):
    return [(panel.dates[row], panel.codes, np.asarray(scores, dtype=float)) for row in rows]


def test_decay_tells_what_comes_soon_from_what_comes_late():
    opening = np.full((4, 10), 10.0)
    opening[2] = 10 + SCORES  # in its first session every stock rises in order of its score
    opening[3] = 10  # and in the second it falls back
    found = decay(signals(market(opening), [0]), market(opening), spans=[(0, 1), (1, 2), (0, 2), (0, 3)])
    assert found["rank_ic"].tolist() == pytest.approx([1, -1, math.nan, math.nan], nan_ok=True)
    assert found["dates"].tolist() == [1, 1, 1, 0]  # the last would end after the data


def test_decay_needs_five_names():
    panel = walk()
    date = panel.dates[0]
    found = [decay([(date, CODES[:n], SCORES[:n])], panel, spans=[(0, 5)])["dates"].tolist() for n in (4, 5)]
    assert found == [[0], [1]]


def test_dates_may_come_in_any_order():
    panel = walk()
    scored = [(panel.dates[row], CODES, np.random.default_rng(row).normal(size=10)) for row in (0, 20, 40)]
    assert evaluate("a", scored[::-1], panel).figures == evaluate("a", scored, panel).figures


def test_names_outside_the_universe_count_nowhere():
    panel = walk()
    scored = [(panel.dates[row], CODES, np.random.default_rng(row).normal(size=10)) for row in (0, 20, 40)]
    inside = [(date, codes[:6], scores[:6]) for date, codes, scores in scored]
    universe = np.zeros(panel.shape, dtype=bool)
    universe[:, :6] = True
    assert (
        evaluate("a", scored, panel, universe=universe).figures
        == evaluate("a", inside, panel, universe=universe).figures
    )
    assert evaluate("a", inside, panel, universe=universe).figures["signal_coverage"] == 1
    assert evaluate("a", inside, panel).figures["signal_coverage"] == pytest.approx(0.6)


def test_decay_from_the_entry_is_the_quality_of_that_horizon():
    panel = walk()
    random = np.random.default_rng(2)
    scored = [(panel.dates[row], CODES, random.normal(size=10)) for row in (0, 20, 40)]
    found = decay(scored, panel, spans=[(0, 20)]).iloc[0]
    metrics = signal_quality(scored, panel, horizon=20).metrics
    assert (found["ic"], found["rank_ic"]) == pytest.approx((metrics["ic_mean"], metrics["rank_ic_mean"]))


def test_a_late_buyer_is_refused_what_is_at_its_limit_that_day():
    opening = np.full((4, 10), 10.0)
    opening[3] = 10 + SCORES
    limits = np.full((4, 10), 99.0)
    limits[2, 9] = 10  # the best stock opens at its limit in the second session
    arrays = {"open": opening, "close": opening, "up_limit": limits}
    panel = MarketPanel.from_arrays(market(opening).dates, CODES, arrays)
    swapped = SCORES.copy()
    swapped[9] = -1  # were it bought, the order would not be perfect
    assert decay(signals(panel, [0], swapped), panel, spans=[(1, 2)])["rank_ic"].tolist() == pytest.approx([1])


def test_nothing_before_the_entry_moves_a_figure():
    panel = walk()
    altered = panel.field("open").copy()
    altered[0] *= np.linspace(0.5, 2, 10)
    found = [evaluate("a", signals(p, [0, 30, 60]), p).figures for p in (panel, market(altered))]
    assert found[0] == found[1]


def test_costs_are_paid_for_what_is_replaced_and_for_the_first_purchase():
    by_date = pd.DataFrame({"score_turnover": [math.nan, 0.5, 0.0]})
    assert traded(by_date, "next_signal").tolist() == [1, 1, 0]
    assert traded(by_date, 5).tolist() == [2, 2, 2]


def test_the_top_tenth_after_costs_by_hand():
    opening = np.full((7, 10), 10.0)
    opening[2:, 9] = 11  # the best of the first date gains 10 %, all together gain 1 %
    opening[4:, 8] = 10.5  # the best of the second gains 5 %, all together 0.5 %
    panel = market(opening)
    swapped = SCORES.copy()
    swapped[[8, 9]] = 9, 8
    scored = [*signals(panel, [0]), *signals(panel, [2, 4], swapped)]
    found = evaluate("a", scored, panel)
    assert found.net_excess.tolist() == pytest.approx([0.09 - 0.0008, 0.045 - 0.0016])
    assert found.figures["long_only_excess_mean"] == pytest.approx(0.0675)
    assert found.figures["long_only_excess_net_mean"] == pytest.approx(0.0675 - 0.0012)
    assert found.figures["long_only_excess_positive"] == 1


def test_scores_that_stay_correlate_fully_and_reversed_ones_negatively():
    panel = walk()
    same, reverse = signals(panel, [0, 1]), signals(panel, [2], -SCORES)
    assert rank_autocorrelation(same) == pytest.approx(1)
    assert rank_autocorrelation([*same, *reverse]) == pytest.approx(0)
    assert rank_autocorrelation(same[:1]) is None


def test_scores_are_compared_with_those_before_by_name():
    day = np.datetime64("2024-01-01")
    before = (day, np.array(["a", "b", "c", "d"]), np.array([1.0, 2, 3, 4]))
    now = (day + 1, np.array(["b", "c", "d", "e"]), np.array([20.0, 30, 40, 0]))
    assert rank_autocorrelation([before, now]) == pytest.approx(1)


def test_members_are_known_listed_and_scored():
    panel = walk(5)
    universe = np.ones(panel.shape, dtype=bool)
    universe[1, 0] = False
    codes = np.array(["999999.SZ", CODES[3], CODES[0], CODES[2], CODES[1]])
    kept = members([(panel.dates[1], codes, np.array([1, 3, 0, math.nan, 2]))], panel, universe)
    assert [(list(names), list(scores)) for _, names, scores in kept] == [([CODES[1], CODES[3]], [2, 3])]


def test_years_are_those_of_the_signal_dates():
    dates = pd.to_datetime(["2023-11-30", "2023-12-29", "2024-01-31"])
    columns = {"ic": [0.1, 0.3, 0.2], "rank_ic": [0.2, -0.1, math.nan], "long_short": 0.01, "long_only_excess": 0.02}
    found = by_year(pd.DataFrame({"date": dates, **columns}))
    assert found.index.tolist() == [2023, 2024]
    first = found.loc[2023]
    assert (first["dates"], first["ic"], first["rank_ic"]) == pytest.approx((2, 0.2, 0.05))
    assert (first["rank_ic_positive"], first["rank_ic_sd"]) == pytest.approx((0.5, 0.3 / math.sqrt(2)))
    assert np.isnan(found.loc[2024, ["rank_ic", "rank_ic_positive"]]).all()


def test_tenths_in_order_have_the_order_one():
    opening = np.full((4, 10), 10.0)
    opening[3] = 10 + SCORES
    panel = market(opening)
    figures = evaluate("a", signals(panel, [0, 2]), panel).figures
    assert [figures[f"tenth_{n}"] for n in range(1, 11)] == pytest.approx([n / 10 for n in range(10)])
    assert figures["tenths_in_order"] == pytest.approx(1)
    assert evaluate("a", signals(panel, [0, 2], -SCORES), panel).figures["tenths_in_order"] == pytest.approx(-1)


def test_the_sharpe_ratio_of_the_excess_is_undefined_where_returns_overlap():
    panel = walk()
    scored = [(panel.dates[row], CODES, np.random.default_rng(row).normal(size=10)) for row in range(0, 80, 10)]
    apart, overlap = evaluate("a", scored, panel, 10), evaluate("a", scored, panel, 11)
    track = Track.of(apart.quality.by_date["long_only_excess"].to_numpy())
    assert apart.figures["long_only_excess_sharpe"] == pytest.approx(track.sharpe)
    assert apart.figures["long_only_excess_psr"] == pytest.approx(probabilistic_sharpe(track))
    assert overlap.figures["long_only_excess_psr"] is None
    assert overlap.figures["icir_annual"] is None


def test_flat_figures_have_one_set_of_names():
    panel = walk(400)
    both = [evaluate("a", signals(panel, [0, 30, 60]), panel), evaluate("b", signals(panel, [370, 380, 390]), panel)]
    found = flat(both)
    assert list(found) == ["a", "b"]
    assert set(found["a"]) == set(found["b"])
    assert found["a"]["rank_ic_2025"] is None
    assert found["b"]["rank_ic_2025"] is not None
    assert found["b"]["decay_ic_40_60"] is None


def test_real_scores_have_the_rank_correlations_that_pandas_and_scipy_find(real_market, real_store):
    dates = [np.datetime64(day) for day in ("2020-06-30", "2020-07-31", "2020-08-31", "2020-09-30")]
    panel = open_panel(real_store.path)
    span = [("trade_date", ">=", "20200525"), ("trade_date", "<=", "20201231")]
    tables = {
        name: pd.read_parquet(real_market / f"{name}.parquet", filters=span)
        for name in ("daily", "adj_factor", "stk_limit")
    }
    wide = {
        name: tables[table].pivot(index="trade_date", columns="ts_code", values=name)
        for table, name in [
            ("daily", "open"),
            ("daily", "close"),
            ("adj_factor", "adj_factor"),
            ("stk_limit", "up_limit"),
        ]
    }
    opening, close = wide["open"] * wide["adj_factor"], wide["close"] * wide["adj_factor"]
    days = pd.to_datetime(opening.index)
    rows = [days.get_loc(pd.Timestamp(date)) for date in dates]
    reversal = -close.pct_change(20, fill_method=None)
    free = opening.notna() & ~(wide["open"] >= wide["up_limit"] - 0.005)
    worth = opening.where(opening.notna(), close.ffill())
    scored = [
        (date, reversal.columns.to_numpy(str), reversal.iloc[row].to_numpy())
        for date, row in zip(dates, rows, strict=True)
    ]

    def expected(score_row, first, last):
        moves = (worth.iloc[last] / opening.iloc[first] - 1).where(free.iloc[first])
        pairs = pd.DataFrame({"score": reversal.iloc[score_row], "moves": moves}).dropna()
        return stats.spearmanr(pairs["score"], pairs["moves"]).statistic

    found = evaluate("reversal", scored, panel)
    to_next = [expected(row, row + 1, after + 1) for row, after in pairwise(rows)]
    assert found.quality.by_date["rank_ic"].tolist() == pytest.approx(to_next, abs=1e-9)
    late = np.mean([expected(row, row + 11, row + 21) for row in rows])
    assert found.figures["decay_rank_ic_10_20"] == pytest.approx(late, abs=1e-9)
