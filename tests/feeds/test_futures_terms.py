import numpy as np
import pytest

from feeds.errors import DataError
from feeds.futures_terms import CffexTerms

TERMS = CffexTerms()
KINDS = ("IF", "IH", "IC", "IM")


@pytest.mark.parametrize(
    ("day", "rates"),
    [
        ("2010-04-16", {"IF": 18}),
        ("2013-01-04", {"IF": 12}),
        ("2015-04-16", {"IF": 10, "IH": 10, "IC": 10}),
        ("2015-08-25", {"IF": 10, "IH": 10, "IC": 10}),
        ("2015-08-28", {"IF": 20, "IH": 20, "IC": 20}),
        ("2015-08-31", {"IF": 30, "IH": 30, "IC": 30}),
        ("2015-09-04", {"IF": 30, "IH": 30, "IC": 30}),
        ("2015-09-07", {"IF": 40, "IH": 40, "IC": 40}),
        ("2017-02-16", {"IF": 40, "IH": 40, "IC": 40}),
        ("2017-02-17", {"IF": 20, "IH": 20, "IC": 30}),
        ("2017-09-18", {"IF": 15, "IH": 15, "IC": 30}),
        ("2018-12-03", {"IF": 10, "IH": 10, "IC": 15}),
        ("2019-04-22", {"IF": 10, "IH": 10, "IC": 12}),
        ("2021-01-04", {"IF": 12, "IH": 12, "IC": 14}),
        ("2022-07-22", {"IF": 12, "IH": 12, "IC": 14, "IM": 15}),
        ("2024-01-02", {"IF": 12, "IH": 12, "IC": 12, "IM": 12}),
    ],
)
def test_margin_rates_are_those_of_the_day(day, rates):
    found = {kind: TERMS.margin(kind, np.datetime64(day)) * 100 for kind in rates}
    assert found == pytest.approx(rates)


def test_a_point_is_worth_300_yuan_of_the_large_indices_and_200_of_the_others():
    assert {kind: TERMS.multiplier(kind) for kind in KINDS} == {"IF": 300.0, "IH": 300.0, "IC": 200.0, "IM": 200.0}
    assert (TERMS.tick, TERMS.limit, TERMS.last_day_limit) == (0.2, 0.1, 0.2)


def test_an_approved_hedging_account_paid_less_in_the_crisis():
    hedging = CffexTerms(hedging=True)
    days = ("2015-08-28", "2015-09-07", "2017-02-17", "2024-01-02")
    found = [hedging.margin("IF", np.datetime64(day)) for day in days]
    assert found == [0.10, 0.20, 0.20, 0.12]


def test_what_was_not_traded_yet_is_refused():
    with pytest.raises(DataError, match=r"margin .* must be known on the day, was without a rule on 2022-07-21"):
        TERMS.margin("IM", np.datetime64("2022-07-21"))
    for ask in (TERMS.margin, lambda kind, day: TERMS.multiplier(kind)):
        with pytest.raises(DataError, match="future must be one of IC, IF, IH, IM, was TF"):
            ask("TF", np.datetime64("2022-07-21"))
