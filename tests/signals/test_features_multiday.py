"""Bars of several sessions: by hand, against pandas, and known when they end."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd

from signals.features import SETS
from signals.features.multiday import multi_day_bars, rolling_spans, week_spans

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan
# open, high, low, close, vwap, vol of one stock; the third day has no bar
DAYS = np.array(
    [
        [10, 12, 9, 11, 10.5, 100],
        [11, 13, 10, 12, 11.5, 300],
        [NAN] * 6,
        [12, 12, 8, 9, 10, 200],
        [9, 10, 9, 10, 9.5, 400],
    ],
    dtype="float32",
)[None]


def test_bars_of_given_spans_by_hand():
    made = multi_day_bars(DAYS, np.array([0, 2, 1, 2]), np.array([1, 3, 4, 2]))
    np.testing.assert_allclose(
        made[0],
        [
            [10, 13, 9, 12, 11.25, 400],
            [12, 12, 8, 9, 10, 200],
            [11, 13, 8, 10, (11.5 * 300 + 10 * 200 + 9.5 * 400) / 900, 900],
            [NAN] * 6,
        ],
        rtol=1e-6,
    )
    assert made.dtype == np.float32


def test_rolling_two_day_bars_end_on_every_session():
    first, last = rolling_spans(5, 2)
    assert (first.tolist(), last.tolist()) == ([0, 0, 1, 2, 3], [0, 1, 2, 3, 4])
    made = multi_day_bars(DAYS, first, last)
    np.testing.assert_allclose(made[0, 1], [10, 13, 9, 12, 11.25, 400])
    np.testing.assert_allclose(made[0, 4], [12, 12, 8, 10, (10 * 200 + 9.5 * 400) / 600, 600], rtol=1e-6)


def test_weeks_end_with_their_last_session_and_an_unfinished_one_has_no_bar():
    # Thursday, Friday; Monday to Wednesday of a week cut by a holiday; the Monday after
    days = np.array(
        ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-15"], "datetime64[D]"
    )
    first, last = week_spans(days)
    assert (first.tolist(), last.tolist()) == ([0, 2], [1, 4])
    assert week_spans(days[:4])[1].tolist() == [1]  # a Tuesday: more may come
    assert week_spans(days[:5], days)[1].tolist() == [1, 4]  # the calendar knows of the holiday
    assert [len(part) for part in week_spans(days[:0])] == [0, 0]


def test_weekly_bars_are_those_of_pandas(tmp_path):
    panel = SUPPORT["rich_market"]()
    raw = SETS["ohlcv6"].build(panel, panel.listed & ~panel.suspended, tmp_path).values
    first, last = week_spans(panel.dates)
    made = multi_day_bars(raw, first, last)
    for stock in (0, 1, 2):
        frame = pd.DataFrame(raw[stock].astype(float), columns=list("ohlcwv"), index=pd.to_datetime(panel.dates))
        frame["paid"] = frame["w"] * frame["v"]
        week = frame.resample("W-SUN")
        paid, volume = week["paid"].sum(), week["v"].sum()
        expected = pd.DataFrame({
            "o": week["o"].first(), "h": week["h"].max(), "l": week["l"].min(), "c": week["c"].last(),
            "w": paid / volume, "v": volume.where(volume > 0),
        })  # fmt: skip
        np.testing.assert_allclose(made[stock], expected.to_numpy()[: len(last)], rtol=1e-5)


def test_later_days_do_not_move_a_bar(tmp_path):
    made = []
    for number, (panel, allowed) in enumerate(SUPPORT["altered_after"](289)):
        raw = SETS["ohlcv6"].build(panel, allowed, tmp_path / str(number)).values
        made.append(multi_day_bars(raw, *rolling_spans(330, 5)))
    np.testing.assert_array_equal(made[0][:, :290], made[1][:, :290])
    assert not np.array_equal(made[0][:, 290:], made[1][:, 290:], equal_nan=True)
