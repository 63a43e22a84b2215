import numpy as np
import pytest

from feeds.errors import SignalError
from signals import splits
from signals.labels import Clock, month_clock
from signals.splits import Fold, Schedule, check_fold, make_folds, select_folds


def weekdays(first: str, last: str) -> np.ndarray:
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    return days[np.is_busday(days)]


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Weekdays of 2017 to 2020; the section of month number n is at position n, January 2017 being 0."""
    return month_clock(weekdays("2017-01-02", "2020-12-31"))


def months(clock: Clock, positions: tuple[int, ...]) -> list[str]:
    return clock.dates[list(positions)].astype("datetime64[M]").astype(str).tolist()


def test_the_first_model_waits_for_28_and_6_matured_sections_and_one_purged(clock):
    fold = make_folds(clock, Schedule(), lookback=22)[0]

    # The label of January 2020 ends on the first session of March: known to a model frozen on 31 March. Six sections
    # back from it begin in August 2019; July's label ends in September, after that, so July is purged.
    assert fold.name == "2020Q2"
    assert str(fold.frozen) == "2020-03-31"
    assert months(clock, fold.validation) == ["2019-08", "2019-09", "2019-10", "2019-11", "2019-12", "2020-01"]
    assert months(clock, fold.purged) == ["2019-07"]
    assert months(clock, fold.train)[0] == "2017-03"
    assert months(clock, fold.train)[-1] == "2019-06"
    assert len(fold.train) == 28


def test_a_model_scores_its_freezing_day_and_the_two_month_ends_after_it(clock):
    folds = make_folds(clock, Schedule(), lookback=22)

    assert [fold.name for fold in folds] == ["2020Q2", "2020Q3", "2020Q4", "2021Q1"]
    assert months(clock, folds[0].scoring) == ["2020-03", "2020-04", "2020-05"]
    assert months(clock, folds[1].scoring) == ["2020-06", "2020-07", "2020-08"]
    assert months(clock, folds[3].scoring) == ["2020-12"]
    assert clock.dates[folds[0].scoring[0]] == folds[0].frozen


def test_no_label_ends_after_the_freezing_and_no_training_label_after_validation_begins(clock):
    for fold in make_folds(clock, Schedule(), lookback=22):
        assert max(clock.exit_dates[list(fold.train + fold.validation)]) <= fold.frozen
        assert max(clock.exit_dates[list(fold.train)]) <= clock.dates[fold.validation[0]]
        assert not set(fold.train) & set(fold.validation)
        assert fold.purged == tuple(range(fold.train[-1] + 1, fold.validation[0]))


def test_the_latest_matured_section_is_used(clock):
    fold = make_folds(clock, Schedule(), lookback=22)[0]

    assert clock.exit_dates[fold.validation[-1]] <= fold.frozen
    assert clock.exit_dates[fold.validation[-1] + 1] > fold.frozen


def test_a_section_whose_window_begins_before_the_data_is_not_used(clock):
    short = Schedule(train_sections=2, validation_sections=1)

    # January 2017 ends on day 21, so its window of 22 days is whole and one of 23 days is not. Frozen in June 2017,
    # validation is April, March is purged, and training is January and February.
    first = {lookback: make_folds(clock, short, lookback)[0] for lookback in (22, 23)}

    assert months(clock, first[22].train) == ["2017-01", "2017-02"]
    assert first[22].name == "2017Q3"
    assert first[23].name == "2017Q4"


def test_other_retraining_months_name_folds_by_month(clock):
    yearly = make_folds(clock, Schedule(2, 1, (1,)), lookback=22)

    assert [fold.name for fold in yearly] == ["2018-01", "2019-01", "2020-01", "2021-01"]
    assert months(clock, yearly[0].scoring)[-1] == "2018-11"


def test_a_label_that_ends_on_the_freezing_day_or_the_first_day_of_validation_is_used():
    """With one session a month, the label of a month ends on the section two months later."""
    sessions = np.arange(np.datetime64("2020-01"), np.datetime64("2020-08")).astype("datetime64[D]")
    clock = month_clock(sessions, sessions)

    fold = make_folds(clock, Schedule(1, 1), lookback=1)[0]

    assert (fold.name, str(fold.frozen)) == ("2020Q3", "2020-06-01")
    assert months(clock, fold.validation) == ["2020-04"]
    assert months(clock, fold.purged) == ["2020-03"]
    assert months(clock, fold.train) == ["2020-02"]


def test_every_fold_is_checked_when_it_is_made(clock, monkeypatch):
    checked = []
    monkeypatch.setattr(splits, "check_fold", lambda _, fold: checked.append(fold.name))

    assert [fold.name for fold in make_folds(clock, Schedule(), lookback=22)] == checked


def test_check_refuses_a_fold_that_sees_a_label_before_its_exit(clock):
    good = make_folds(clock, Schedule(), lookback=22)[0]
    late = (*good.validation[1:], good.validation[-1] + 1)
    unpurged = (*good.train[1:], good.purged[0])

    with pytest.raises(SignalError, match="must not be after the model's freezing at 2020-03-31, was 2020-04-01"):
        check_fold(clock, Fold(good.name, good.frozen, good.train, good.purged, late, good.scoring))
    with pytest.raises(SignalError, match="must not be after the model's freezing at 2019-08-30, was 2019-09-02"):
        check_fold(clock, Fold(good.name, good.frozen, unpurged, (), good.validation, good.scoring))


def test_selection_keeps_the_dates_between_start_and_end_and_nothing_else(clock):
    folds = make_folds(clock, Schedule(), lookback=22)

    chosen = select_folds(clock, folds, np.datetime64("2020-05-01"), np.datetime64("2020-06-30"), "35 sections")

    assert [months(clock, fold.scoring) for fold in chosen] == [["2020-05"], ["2020-06"]]
    assert chosen[0].train == folds[0].train


def test_a_start_on_the_first_scorable_date_is_allowed_and_included(clock):
    folds = make_folds(clock, Schedule(), lookback=22)

    chosen = select_folds(clock, folds, np.datetime64("2020-03-31"), np.datetime64("2020-04-30"), "35 sections")

    assert months(clock, chosen[0].scoring) == ["2020-03", "2020-04"]


def test_a_start_before_the_first_scorable_date_is_refused_with_that_date(clock):
    folds = make_folds(clock, Schedule(), lookback=22)

    with pytest.raises(SignalError, match="must be 2020-03-31 or later, as a model needs 35 sections, was 2019-01-01"):
        select_folds(clock, folds, np.datetime64("2019-01-01"), None, "35 sections")


def test_data_too_short_for_one_model_are_refused_with_what_is_needed():
    clock = month_clock(weekdays("2019-01-01", "2020-12-31"))

    with pytest.raises(
        SignalError, match="must hold 35 sections, to train one model, was 24 month-ends from 2019-01-31"
    ):
        select_folds(clock, make_folds(clock, Schedule(), 22), None, None, "35 sections")
