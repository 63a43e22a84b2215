"""Every level of every check, from facts written by hand."""

from types import SimpleNamespace

import pandas as pd
import pytest

from analyzers import data_biases, run_biases
from analyzers.biases import checks
from analyzers.check import LEVELS, graded, worst

GOOD = {
    "universe": "000300.SH", "universe_stocks": 1_812, "universe_later_delisted": 0.0425, "universe_without_bar": 0.008,
    "universe_absent": 0.0, "universe_unscored": 0.01, "ignore": [], "st_known": True, "st_stocks": 57,
    "st_unknown_stocks": 0, "membership": {"sessions": 500, "changes": 4, "last_change": "2021-12-13", "empty_days": 0},
    "industries": "dated", "benchmark_code": "H00300.CSI", "benchmark_kind": "total-return index",
    "limits_stated": 1.0, "fill": "default", "prices": "raw", "events_known": True, "not_charged": "market impact",
    "trials": 1,
    "signal": {"name": "mine", "files": 12, "spans": [{"train_end": "2019-12-31", "dropped_features": {}}]},
}  # fmt: skip


def facts(**changed):
    return {**GOOD, **changed}


def run(kinds=("cash_dividend", "delisting"), standings=("", "one price"), fee=8.0, **changed):
    """Return a run of orders in stocks, and one in futures that no check of stocks may count."""
    orders = pd.DataFrame({"standing": [*standings, "at limit"]})
    orders["ts_code"] = ["600000.SH"] * len(standings) + ["IF2401.CFX"]
    return SimpleNamespace(
        facts=facts(**changed),
        orders=orders.assign(date=pd.Timestamp("2020-01-02"), signal_date=pd.Timestamp("2019-12-31"), side="buy"),
        actions=pd.DataFrame({"kind": kinds}, dtype="str"),
        fills=pd.DataFrame({"fee": [fee, 0.0]}),
    )


def test_a_run_with_nothing_to_say_against_it_is_green_but_for_its_costs():
    found = checks(run())
    assert [(check.name, check.level) for check in found] == [
        ("Costs", "amber"), ("Survivorship", "green"), ("ST", "green"), ("Members", "green"), ("Bars", "green"),
        ("Scores", "green"), ("Training", "green"), ("Benchmark", "green"), ("Limit prices", "green"),
        ("Fills", "green"), ("Corporate actions", "green"), ("Industries", "green"), ("Trials", "green"),
    ]  # fmt: skip


def test_the_most_serious_comes_first_and_equals_keep_their_order():
    found = checks(run(universe_later_delisted=0.0, trials=3, fill="optimistic", hedge="IF"))
    assert [check.name for check in found][:4] == ["Survivorship", "Fills", "Costs", "Trials"]
    assert [LEVELS.index(check.level) for check in found] == sorted(LEVELS.index(check.level) for check in found)
    assert "Hedge" in [check.name for check in found]


def test_a_run_that_states_nothing_is_never_green_but_where_nothing_is_needed():
    silent = run()
    silent.facts = {}
    green = {check.name for check in checks(silent) if check.level == "green"}
    assert green == {"Members", "Fills"}  # all listed stocks; and the default of what fills


@pytest.mark.parametrize(
    ("judge", "changed", "level", "words"),
    [
        (data_biases.survivorship, {}, "green", "4.25% of the 1,812 stocks of the universe were delisted later"),
        (data_biases.survivorship, {"universe_later_delisted": 0.0}, "red", "None of the 1,812 stocks"),
        (data_biases.survivorship, {"universe_later_delisted": None}, "amber", "not known"),
        (data_biases.special_treatment, {}, "green", "57 of 1,812 stocks were under special treatment"),
        (data_biases.special_treatment, {"st_known": False}, "red", "(ST) is unknown"),
        (data_biases.special_treatment, {"ignore": ["st"]}, "red", "bought too, as asked for"),
        (data_biases.special_treatment, {"st_unknown_stocks": 1_812}, "amber", "1,812 without dated names"),
        (data_biases.special_treatment, {"st_unknown_stocks": None}, "amber", "whether others were is not known"),
        (data_biases.membership, {}, "green", "changed on 4 sessions of the run, last on 2021-12-13"),
        (data_biases.membership, {"universe": "all", "membership": None}, "green", "All listed stocks"),
        (data_biases.membership, {"membership": None}, "amber", "not known"),
        (data_biases.missing_bars, {}, "green", "0.80% of the universe's stock-days"),
        (data_biases.missing_bars, {"universe_without_bar": 0.05}, "green", "5.00%"),
        (data_biases.missing_bars, {"universe_without_bar": 0.06}, "amber", "6.00%"),
        (data_biases.missing_bars, {"universe_without_bar": 0.26}, "red", "26.00%"),
        (data_biases.missing_bars, {"universe_absent": 0.01}, "amber", "1.00% of the members' days"),
        (data_biases.missing_bars, {"universe_absent": 0.06}, "red", "6.00% of the members' days"),
        (data_biases.missing_bars, {"universe_absent": 0.01, "universe_without_bar": 0.3}, "red", "30.00%"),
        (data_biases.missing_bars, {"universe_absent": None}, "amber", "not known"),
        (data_biases.missing_bars, {"universe_without_bar": None}, "amber", "not known"),
        (data_biases.missing_scores, {}, "green", "1.00% of the stocks that could be bought"),
        (data_biases.missing_scores, {"universe_unscored": 0.0}, "green", "Every stock that could be bought"),
        (data_biases.missing_scores, {"universe_unscored": 0.2}, "amber", "20.00%"),
        (data_biases.missing_scores, {"universe_unscored": 0.3}, "red", "30.00%"),
        (data_biases.missing_scores, {"universe_unscored": None}, "amber", "An unknown share"),
        (data_biases.benchmark, {}, "green", "H00300.CSI is a total-return index"),
        (data_biases.benchmark, {"benchmark_kind": "price index"}, "amber", "flattered by about"),
        (data_biases.benchmark, {"benchmark_code": None}, "amber", "nothing here says"),
        (data_biases.price_limits, {}, "green", "for every bar"),
        (data_biases.price_limits, {"limits_stated": 0.985}, "amber", "98.50% are stated"),
        (data_biases.price_limits, {"limits_stated": 0.0}, "amber", "None is stated"),
        (data_biases.price_limits, {"limits_stated": None}, "amber", "not known"),
        (data_biases.industries, {}, "green", "of each day"),
        (data_biases.industries, {"industries": "none"}, "green", "no industries"),
        (data_biases.industries, {"industries": "of one day"}, "amber", "stock_basic"),
        (data_biases.industries, {"industries": None}, "amber", "not known"),
        (run_biases.training, {}, "green", "Every model"),
        (run_biases.training, {"signal": {"files": 2, "spans": [{"train_end": None}]}}, "amber", "nothing shows"),
        (run_biases.training, {"signal": {"files": 2}}, "amber", "nothing shows"),
        (run_biases.hedge, {"hedge": "IF"}, "green", "Dated contracts"),
        (run_biases.hedge, {"hedge": "IF", "hedge_estimated": True}, "amber", "main contracts"),
        (run_biases.hedge, {"hedge": "index"}, "red", "nobody can trade"),
        (run_biases.trials, {}, "green", "The first configuration"),
        (run_biases.trials, {"trials": 2}, "amber", "at least 2 configurations"),
        (run_biases.trials, {"trials": 10}, "amber", "at least 10 configurations"),
        (run_biases.trials, {"trials": 1_234}, "red", "at least 1,234 configurations"),
        (run_biases.trials, {"trials": None}, "amber", "not counted"),
    ],
)
def test_facts_are_judged(judge, changed, level, words):
    found = judge(facts(**changed))
    assert (found.level, words in found.sentence) == (level, True), found
    assert found.sentence.endswith(".")


@pytest.mark.parametrize(
    ("members", "level", "words"),
    [
        ({"sessions": 500, "changes": 0, "empty_days": 0}, "red", "never changed in 500 sessions: they are probably"),
        ({"sessions": 130, "changes": 0, "empty_days": 0}, "amber", "never changed in 130 sessions, too few"),
        ({"sessions": 500, "changes": 9, "empty_days": 17}, "red", "no member of 000300.SH on 17 sessions"),
    ],
)
def test_members_that_never_change_or_are_not_there_are_not_those_of_the_day(members, level, words):
    found = data_biases.membership(facts(membership={"last_change": None, **members}))
    assert (found.level, words in found.sentence) == (level, True), found


@pytest.mark.parametrize(
    ("judge", "changed", "level", "words"),
    [
        (run_biases.fills, {}, "green", "for 0 of 2 orders a daily bar cannot tell"),
        (run_biases.fills, {"standings": ("at limit", "", "at limit")}, "green", "for 2 of 3 orders"),
        (run_biases.fills, {"fill": "optimistic"}, "red", "An upper bound"),
        (run_biases.fills, {"fill": "pessimistic"}, "amber", "A lower bound"),
        (run_biases.fills, {"ignore": ["limits", "st"]}, "red", "The limits of the market were left out"),
        (run_biases.fills, {"ignore": ["limits", "suspensions"]}, "red", "The limits and suspensions of the market"),
        (run_biases.fills, {"ignore": ["st"]}, "green", "Orders at the limit do not fill"),
        (run_biases.corporate_actions, {}, "green", "All 2 entries"),
        (run_biases.corporate_actions, {"kinds": ("derived", "bonus_shares", "derived")}, "amber", "2 of 3 entries"),
        (run_biases.corporate_actions, {"events_known": False}, "amber", "no table"),
        (run_biases.corporate_actions, {"prices": "total-return"}, "amber", "back-adjusted"),
        (run_biases.costs, {}, "amber", "Not charged: market impact."),
        (run_biases.costs, {"hedge_not_charged": "limits on lots"}, "amber", "Not charged: market impact; limits on"),
        (run_biases.costs, {"not_charged": None}, "amber", "not known"),
        (run_biases.costs, {"fee": 0.0}, "red", "No fill was charged a fee. Not charged: market impact."),
    ],
)
def test_orders_actions_and_fills_are_judged(judge, changed, level, words):
    found = judge(run(**changed))
    assert (found.level, words in found.sentence) == (level, True), found


def test_a_run_that_never_filled_anything_did_not_trade_for_free():
    idle = run()
    idle.fills = idle.fills.iloc[:0]
    assert run_biases.costs(idle).level == "amber"


def test_what_a_run_does_not_have_is_not_judged():
    without = facts(signal={"name": "none", "files": 0})
    assert data_biases.missing_scores(without) is None and run_biases.training(without) is None
    assert run_biases.hedge(without) is None
    names = [check.name for check in checks(run(signal={"name": "none", "files": 0}))]
    assert not {"Scores", "Training", "Hedge"} & set(names)


def test_features_that_models_lacked_are_named_and_never_green():
    spans = [{"dropped_features": {"pb": "no data", "pe_ttm": "no data"}}, {"dropped_features": None}, {}]
    found = data_biases.missing_scores(facts(signal={"files": 3, "spans": spans}))
    assert found.level == "amber" and found.sentence.endswith("Features left out for too little data: pb, pe_ttm.")
    many = [{"dropped_features": dict.fromkeys("hgfedcba", "no data")}]
    assert data_biases.missing_scores(facts(signal={"files": 3, "spans": many})).sentence.endswith(
        "a, b, c, d, e, f and 2 more."
    )


def test_levels_are_ordered():
    assert worst("green", "amber") == "amber" and worst("amber", "red", "green") == "red"
    assert [graded(share, 0.0, 0.05) for share in (0.0, 0.01, 0.05, 0.06)] == ["green", "amber", "amber", "red"]
