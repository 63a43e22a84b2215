"""What a run's data know and lack, counted by hand on small markets."""

from dataclasses import replace

import numpy as np
import pytest

from feeds.coverage import Coverage
from feeds.panel import MarketPanel, Spans
from feeds.universe import Universe
from strategies.execution.clock import Span
from strategies.execution.data_facts import data_facts

A, B, C = "600000.SH", "600001.SH", "600002.SH"
NAN = float("nan")
INDEX = "000300.SH"
SCORES = {1: (np.array([0, 1, 2]), np.array([1.0, 2.0, NAN])), 3: (np.array([2]), np.array([1.0]))}


@pytest.fixture
def panel(market) -> MarketPanel:
    """Six days: A trades on all, B is halted on two and ST on one, C is delisted on the last."""
    made = market(
        {A: [10.0] * 6, B: [5.0, NAN, NAN, 5.0, 5.0, 5.0], C: [8.0, 8.0, 8.0, 8.0, 8.0, NAN]}, delisted={C: 5}
    )
    st = np.zeros((6, 3), bool)
    st[4, 1] = True
    coverage = Coverage(
        np.array([1.0, 1.0, NAN, 0.5, 1.0, 1.0]), np.array([True, False, True]), True,
        {INDEX: np.array([9, 0, 1, 1, 0, 0])},
    )  # fmt: skip
    parts = zip((0, 0, 6, 0), (1, 2, 4, 0), (2, 0, 1, 0), strict=True)
    spans = Spans(*(np.array(part, "int32") for part in parts))
    return replace(made, st=st, coverage=coverage, member_spans={INDEX: spans})


def facts_of(panel, universe="all", first=1, last=4, scores=SCORES):
    return data_facts(panel, Span(first, last), Universe(panel, universe, 1), scores)


def test_a_universe_of_all_stocks_is_counted_from_the_first_day_of_the_run_to_the_last(panel):
    found = facts_of(panel)
    assert (found["universe"], found["universe_stocks"]) == ("all", 3)
    assert found["universe_later_delisted"] == pytest.approx(1 / 3)
    assert found["universe_without_bar"] == 2 / 12  # B is halted on two of its four days
    assert found["universe_absent"] == 0
    assert found["membership"] is None
    assert facts_of(panel, last=5)["universe_without_bar"] == 2 / 14  # C is no longer listed


def test_a_share_of_scores_is_missing_where_one_could_have_bought(panel):
    # On day 1 B is halted, and of A and C only A has a score that is a number. On day 3 only C of the three has one.
    assert facts_of(panel)["universe_unscored"] == 3 / 5
    assert facts_of(panel)["universe_size"] == [["2024-01", 2], ["2024-01", 3]]
    assert facts_of(panel, scores={})["universe_unscored"] is None


def test_an_index_has_members_by_the_day_and_some_that_are_absent(panel):
    found = facts_of(panel, INDEX)  # A always, B on days 2 and 3
    assert found["universe_stocks"] == 2 and found["universe_later_delisted"] == 0.0
    assert found["universe_without_bar"] == 1 / 6
    assert found["universe_absent"] == 2 / (2 + 6)
    day = str(panel.dates[4])
    assert found["membership"] == {"sessions": 4, "changes": 2, "last_change": day, "empty_days": 0}
    never = facts_of(panel, INDEX, first=4, last=5)["membership"]
    assert never == {"sessions": 2, "changes": 0, "last_change": None, "empty_days": 0}


def test_a_member_that_is_delisted_has_no_days_left(panel):
    spans = Spans(*(np.array(part, "int32") for part in zip((1, 2, 4, 0), (2, 3, 6, 0), strict=True)))
    found = facts_of(replace(panel, member_spans={INDEX: spans}), INDEX, first=2, last=5)
    assert found["universe_without_bar"] == 1 / 4  # B on days 2 and 3, C on 3 and 4 but not on 5


def test_days_without_a_known_member_are_counted(panel):
    late = Spans(*(np.array([part], "int32") for part in (0, 3, 6, 0)))
    found = facts_of(replace(panel, member_spans={INDEX: late}), INDEX)
    assert found["membership"]["empty_days"] == 2


def test_special_treatment_is_counted_among_the_universe_and_within_the_run(panel):
    assert (facts_of(panel)["st_known"], facts_of(panel)["st_stocks"], facts_of(panel)["st_unknown_stocks"]) == (
        True, 1, 1,
    )  # fmt: skip
    assert facts_of(panel, last=3)["st_stocks"] == 0
    assert facts_of(panel, INDEX, first=4, last=5)["st_stocks"] == 0  # B is no member then


def test_limits_industries_and_events_are_told_by_their_tables(panel):
    found = facts_of(panel)
    assert found["limits_stated"] == pytest.approx((1.0 + 0.5 + 1.0) / 3)
    assert (found["industries"], found["events_known"]) == ("none", False)
    named = replace(panel, industry_names=("银行",))
    assert facts_of(named)["industries"] == "dated"
    today = replace(named, coverage=replace(panel.coverage, dated_industries=False))
    assert facts_of(today)["industries"] == "of one day"


def test_what_a_panel_of_arrays_does_not_say_is_not_known(market):
    bare = market({A: [10.0] * 3}, events=[(A, 1, {"cash": 0.1})])
    found = facts_of(bare, last=2, scores={})
    assert found["limits_stated"] is None and found["st_unknown_stocks"] is None
    assert found["events_known"]
    spans = Spans(*(np.array([part], "int32") for part in (0, 0, 3, 0)))
    members = replace(bare, member_spans={INDEX: spans})
    assert facts_of(members, INDEX, last=2, scores={})["universe_absent"] is None


def test_a_run_carries_these_facts_and_its_own_rules(market, backtest):
    facts = backtest(market({A: [10.0] * 3, B: [5.0] * 3}), {0: {A: 1.0}}, fill="optimistic", ignore=("st",)).facts
    assert (facts["universe_stocks"], facts["universe_unscored"]) == (2, 0.5)
    assert (facts["execution"], facts["fill"], facts["ignore"]) == ("open", "optimistic", ["st"])
