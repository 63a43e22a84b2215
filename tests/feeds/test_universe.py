import numpy as np
import pytest

from feeds.errors import DataError
from feeds.panel import MarketPanel, Spans
from feeds.universe import Universe, eligible

DATES = np.array(["2020-01-02", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")
OLD, YOUNG, HALTED, TROUBLED, GONE = range(5)


@pytest.fixture
def panel():
    """Five stocks: old; listed 119 days before the first; halted, troubled and delisted on the second day."""
    second = np.array([[0] * 5, [1] * 5, [0] * 5], bool)
    stocks = np.eye(5, dtype=bool)
    return MarketPanel.from_arrays(
        DATES,
        [f"60000{n}.SH" for n in range(5)],
        {"close": np.full((3, 5), 10.0)},
        suspended=second & stocks[HALTED],
        st=second & stocks[TROUBLED],
        list_index=np.array([-1000, -118, -1000, -1000, -1000]),
        delist_index=np.array([3, 3, 3, 3, 1]),
        member_spans={
            "000300.SH": Spans(
                *(np.array(part, "int32") for part in ([OLD, OLD, YOUNG], [0, 2, 1], [1, 3, 3], [0] * 3))
            )
        },
    )


def test_listed_long_enough_trading_and_not_st_is_eligible(panel):
    assert eligible(panel).astype(int).tolist() == [
        [1, 0, 1, 1, 1],  # the young one has been listed 119 days
        [1, 1, 0, 0, 0],  # and now 120; the others are halted, ST and delisted
        [1, 1, 1, 1, 0],
    ]


def test_the_age_can_be_chosen_but_nobody_is_eligible_before_listing_or_after_delisting(panel):
    assert eligible(panel, min_listed_days=121)[:, YOUNG].tolist() == [False, False, True]
    assert eligible(panel, min_listed_days=0)[:, GONE].tolist() == [True, False, False]
    assert eligible(panel, min_listed_days=0)[0, YOUNG]


def test_an_index_restricts_to_its_members_of_the_day(panel):
    assert eligible(panel, "000300.SH").astype(int)[:, :2].tolist() == [[1, 0], [0, 1], [1, 1]]
    assert not eligible(panel, "000300.SH")[:, 2:].any()


def test_one_day_is_the_row_of_all_days(panel):
    for name in ("all", "000300.SH"):
        universe = Universe(panel, name)
        days = np.array([universe.on(row) for row in (2, 0, 1, 0)])
        assert np.array_equal(days, eligible(panel, name)[[2, 0, 1, 0]])


def test_who_was_ever_listed_or_a_member_within_a_span(panel):
    assert Universe(panel).ever(0, 2).all()
    assert Universe(panel).ever(1, 2).tolist() == [True, True, True, True, False]
    early = MarketPanel.from_arrays(DATES, ["600000.SH"], {"close": np.ones((3, 1))}, list_index=np.array([2]))
    assert [Universe(early).ever(0, last)[0] for last in (1, 2)] == [False, True]
    members = Universe(panel, "000300.SH")
    assert members.ever(0, 0).tolist() == [True, False, False, False, False]
    assert members.ever(1, 1).tolist() == [False, True, False, False, False]
    assert members.ever(1, 2).tolist() == [True, True, False, False, False]


def test_an_unknown_universe_is_refused(panel):
    with pytest.raises(DataError, match=r"universe must be one of 000300\.SH, all, was 000300 "):
        Universe(panel, "000300")
