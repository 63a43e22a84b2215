import numpy as np
import pytest

from feeds.errors import SignalError
from signals.labels import Clock, Labels
from signals.windows import Batch, Windows, pooled, sections

# values[stock, day, feature] = 100 stock + 10 day + feature
VALUES = (100 * np.arange(4)[:, None, None] + 10 * np.arange(8)[None, :, None] + np.arange(3)[None, None, :]).astype(
    "float32"
)


def test_a_window_holds_the_days_up_to_and_including_its_date():
    windows = Windows(VALUES, lookback=3).gather(np.array([2]), np.array([5]))

    assert windows.shape == (1, 3, 3)
    assert windows[0].tolist() == [[230, 231, 232], [240, 241, 242], [250, 251, 252]]
    assert windows.dtype == np.float32


def test_windows_of_one_date_and_of_many_agree():
    windows = Windows(VALUES, lookback=3)
    stocks, days = np.array([3, 0, 1]), np.array([5, 5, 5])

    together = windows.gather(stocks, days)
    mixed = windows.gather(np.append(stocks, 2), np.append(days, 7))

    assert np.array_equal(mixed[:3], together)
    assert mixed[3, -1].tolist() == [270, 271, 272]


def test_only_the_kept_features_are_gathered():
    windows = Windows(VALUES, lookback=2, columns=np.array([2, 0]))

    assert windows.features == 2
    assert windows.gather(np.array([1]), np.array([1])).tolist() == [[[102, 100], [112, 110]]]


def test_keeping_all_features_needs_no_copy_of_columns():
    assert Windows(VALUES, 2, np.arange(3)).columns is None


def test_a_window_that_begins_before_the_panel_is_refused():
    with pytest.raises(SignalError, match="window must begin inside the data, was 3 days up to 1"):
        Windows(VALUES, lookback=3).gather(np.array([0, 0]), np.array([1, 5]))


def labels_of(scores: np.ndarray) -> Labels:
    days = np.arange(len(scores)) + 2
    dates = np.datetime64("2024-01-01") + days
    return Labels(Clock(days, days, days, dates, dates), scores, scores)


def test_a_section_holds_the_eligible_stocks_with_a_mask_where_there_is_no_label():
    scores = np.tile(np.linspace(-1, 1, 40), (1, 1))
    scores[0, [3, 7]] = np.nan
    eligible = np.ones((5, 40), bool)
    eligible[2, 5] = False

    chosen, skipped = sections(labels_of(scores), eligible, [0])

    batch = chosen[0]
    assert skipped == []
    assert 5 not in batch.stocks and len(batch.stocks) == 39
    assert batch.days.tolist() == [2] * 39
    assert batch.stocks[batch.mask == 0].tolist() == [3, 7]
    assert batch.labels[batch.mask == 0].tolist() == [0, 0]
    assert batch.labels[0] == np.float32(-1)


def test_a_date_with_fewer_than_30_labels_is_skipped():
    scores = np.full((2, 40), np.nan)
    scores[0, :30] = 1.0
    scores[1, :29] = 1.0

    chosen, skipped = sections(labels_of(scores), np.ones((5, 40), bool), [0, 1])

    assert [int(batch.days[0]) for batch in chosen] == [2]
    assert skipped == [1]


def batch(stocks: list[int], day: int, mask: list[float]) -> Batch:
    count = len(stocks)
    return Batch(np.array(stocks), np.full(count, day), np.arange(count, dtype="float32"), np.array(mask, "float32"))


def test_pooled_batches_hold_every_labelled_sample_once_in_the_given_size():
    parts = [batch([0, 1, 2], 5, [1, 0, 1]), batch([0, 1, 2, 3], 6, [1, 1, 1, 1])]

    batches = pooled(parts, 4, np.random.default_rng(0))

    assert [len(part.stocks) for part in batches] == [4, 2]
    samples = [(b.days[n], b.stocks[n], b.labels[n]) for b in batches for n in range(len(b.stocks))]
    assert sorted(samples) == [(5, 0, 0.0), (5, 2, 2.0), (6, 0, 0.0), (6, 1, 1.0), (6, 2, 2.0), (6, 3, 3.0)]


def test_a_last_pooled_batch_of_one_is_left_out():
    assert [len(part.stocks) for part in pooled([batch([0, 1, 2], 5, [1, 1, 1])], 2, np.random.default_rng(0))] == [2]
