"""Signals side by side: what is common to them, what cannot be compared, and what the notes say."""

import numpy as np
import pytest

from analyzers.comparison import common_scores, compare
from analyzers.comparison_tables import tables
from feeds.errors import ConfigError
from feeds.panel import MarketPanel

CODES = np.array([f"{n:06d}.SZ" for n in range(20)])
DAYS = np.arange("2024-01-01", "2024-05-01", dtype="datetime64[D]")


@pytest.fixture(scope="module", name="walk")
def walk_fixture() -> MarketPanel:
    moves = np.random.default_rng(1).normal(0, 0.02, (len(DAYS), len(CODES)))
    close = 10 * np.exp(np.cumsum(moves, axis=0))
    return MarketPanel.from_arrays(DAYS, CODES, {"open": close, "close": close})


def noise(rows, seed=0, codes=CODES):
    random = np.random.default_rng(seed)
    return [(DAYS[row], codes, random.normal(size=len(codes))) for row in rows]


def foresight(panel, rows):
    """Return scores that are the returns to the next of some rows."""
    close = panel.field("close")
    return [(DAYS[a], CODES, close[min(b + 1, len(DAYS) - 1)] / close[a + 1] - 1)
            for a, b in zip(rows, [*rows[1:], len(DAYS) - 1], strict=True)]  # fmt: skip


def test_common_scores_are_those_of_shared_dates_and_names(walk):
    one, other = noise([0, 10, 20], 1), noise([10, 20, 30], 2, CODES[::-1][:15])
    shared, note = common_scores({"a": one, "b": other}, walk, "next_signal")
    assert [str(day) for day, _, _ in shared["a"]] == ["2024-01-11", "2024-01-21"]
    for (day, codes, scores), (same_day, same_codes, own) in zip(shared["a"], shared["b"], strict=True):
        assert day == same_day
        assert list(codes) == list(same_codes) == list(CODES[5:])
        assert own.tolist() == next(item[2] for item in other if item[0] == day)[::-1].tolist()
        assert scores.tolist() == next(item[2] for item in one if item[0] == day)[5:].tolist()
    assert note == ("on the 2 dates and 15 names a date that all of them score (a alone 3 and 20, b alone 3 and 15)")


def test_a_score_that_is_missing_in_one_signal_is_left_out_of_all(walk):
    one, other = noise([0, 10, 20], 1), noise([0, 10, 20], 2)
    other[0][2][4] = np.nan
    found = compare({"a": one, "b": other}, walk)
    assert [each.quality.by_date["names"].tolist() for each in found.evaluations] == [[19, 20], [19, 20]]
    assert found.common


def test_common_names_are_of_the_universe(walk):
    universe = np.ones(walk.shape, dtype=bool)
    universe[:, :8] = False
    shared, _ = common_scores({"a": noise([0, 10]), "b": noise([0, 10], 2)}, walk, "next_signal", universe)
    assert list(shared["a"][0][1]) == list(CODES[8:])


def test_each_signal_is_measured_on_its_own_dates_if_asked(walk):
    found = compare({"a": noise([0, 10, 20]), "b": noise([10, 20, 30, 40], 2)}, walk, own_dates=True)
    assert [each.figures["signal_dates"] for each in found.evaluations] == [2, 3]
    assert found.notes[0].startswith("each signal on its own dates")
    assert not found.common


def test_signals_of_different_frequency_are_compared_over_sessions_only(walk):
    often, seldom = noise(range(0, 100, 5)), noise(range(0, 100, 20), 2)
    with pytest.raises(ConfigError, match=r"of one frequency .* was a 17 dates, b 5 dates with 5 in common from 2024-"):
        compare({"a": often, "b": seldom}, walk)
    found = compare({"a": often, "b": seldom}, walk, horizon=5)
    assert [each.figures["signal_dates"] for each in found.evaluations] == [5, 5]


def test_a_few_dates_more_are_no_other_frequency(walk):
    longer, shorter = noise(range(0, 60, 10)), noise([0, 10, 30, 40], 2)
    found = compare({"a": longer, "b": shorter}, walk)
    assert [each.figures["signal_dates"] for each in found.evaluations] == [3, 3]


def test_signals_without_a_date_in_common_are_refused(walk):
    with pytest.raises(ConfigError, match="share a date"):
        compare({"a": noise([0, 10]), "b": noise([1, 11])}, walk, horizon=5)


def test_one_signal_alone_is_its_own_measure(walk):
    found = compare({"a": noise([0, 10, 20])}, walk)
    assert (found.notes, found.common) == ((), True)
    assert compare({"a": noise([0, 10, 20])}, walk, own_dates=True).common


def test_the_best_of_several_is_named_with_its_deflated_sharpe_ratio(walk):
    rows = list(range(0, 110, 10))
    signals = {"noise": noise(rows), "seer": foresight(walk, rows), "more": noise(rows, 5)}
    note = compare(signals, walk).notes[-1]
    assert note.startswith("by the top tenth's excess seer is best of 3")
    assert "probability 9" in note or "probability 100" in note
    overlapping = compare(signals, walk, horizon=30)
    assert len(overlapping.notes) == 1  # overlapping returns say too little about a Sharpe ratio


def test_a_signal_twice_has_the_same_figures_twice(walk):
    one, other = compare({"a": noise([0, 10, 20]), "b": noise([0, 10, 20])}, walk).evaluations
    assert one.figures == other.figures


def test_tables_have_a_column_for_each_signal(walk):
    rows = list(range(0, 110, 10))
    shown = list(tables(compare({"noise": noise(rows), "seer": foresight(walk, rows)}, walk)))
    assert [head[0] for head, _ in shown] == [
        "Figures", "RankIC of sessions", "Mean return of tenth", "RankIC (top tenth's excess)",
    ]  # fmt: skip
    assert all(head[1:] == ("noise", "seer") and {len(row) for row in rows} == {3} for head, rows in shown)
    figures = {row[0]: row[1:] for row in shown[0][1]}
    assert figures["First signal date"] == ("2024-01-01", "2024-01-01")
    assert figures["RankIC"][1] == "1.00"
    assert [row[0] for row in shown[1][1]][:3] == ["1 to 1", "1 to 5 (2 to 5)", "1 to 10 (6 to 10)"]
    assert [row[0] for row in shown[3][1]] == ["2024"]


def test_tables_of_a_signal_without_a_measured_date_say_so(walk):
    _, rows = next(tables(compare({"a": noise([0])}, walk)))
    assert dict(rows)["First signal date"] == "n/a"
    assert dict(rows)["RankIC"] == "n/a"
