import json

import numpy as np
import pytest

from feeds.coverage import Coverage
from feeds.errors import DataError
from feeds.panel import CorporateEvents, MarketPanel, Spans, carry_forward, load_panel, save_panel

NAN = np.nan
DATES = np.array(["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], dtype="datetime64[D]")
CODES = ["000001.SZ", "600000.SH", "688001.SH"]


def spans(*rows):
    return Spans(*(np.array(part, "int32") for part in zip(*rows, strict=True)))


@pytest.fixture
def panel():
    """Three stocks on four days: one old, one halted once and delisted on the last day, one listed on the second."""
    return MarketPanel.from_arrays(
        DATES,
        CODES,
        {
            "open": [[10.0, 20.0, NAN], [10.1, NAN, 50.0], [10.2, 20.5, 55.0], [10.3, NAN, 60.0]],
            "close": [[10.1, 20.5, NAN], [10.2, NAN, 55.0], [10.1, 20.0, 60.0], [10.4, NAN, 58.0]],
            "pb": [[1.0, NAN, NAN], [NAN, NAN, 9.0], [1.2, 0.5, 9.5], [1.3, NAN, NAN]],
        },
        suspended=np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
        st=np.array([[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], bool),
        list_index=np.array([-100, 0, 1]),
        delist_index=np.array([4, 3, 4]),
        names=("平安银行", "浦发银行", "华兴源创"),
        indices={"000300.SH": np.array([4000.0, NAN, 4100.0, 4050.0])},
        index_amounts={"000300.SH": np.array([2e11, NAN, 3e11, 1e11])},
        member_spans={"000300.SH": spans((0, 0, 2, 0), (1, 1, 3, 0), (0, 3, 4, 0))},
        industry_spans=spans((0, 0, 4, 1), (2, 0, 2, 0), (2, 2, 4, 1)),
        industry_names=("电子", "银行"),
        events=CorporateEvents(*(np.array([value]) for value in (1.0, 2.0, 0.1, 0.5, 0.0, 0.0))),
        st_known=False,
        coverage=Coverage(np.array([1.0, 0.5, NAN, 0.0]), np.array([True, False, True]), False, {}),
        simulated=True,
        source="hand",
        fingerprint="0123",
    )


def test_fields_are_days_by_stocks_with_contiguous_columns(panel):
    close = panel.field("close")
    assert close.shape == panel.shape == (4, 3)
    assert close[:, 0].tolist() == [10.1, 10.2, 10.1, 10.4]
    assert close.flags.f_contiguous
    assert panel.fields["close"].flags.c_contiguous
    assert panel.has_field("pb")
    assert not panel.has_field("pe")


def test_an_unknown_field_index_or_universe_is_refused_with_the_known_ones(panel):
    with pytest.raises(DataError, match=r"panel field must be one of .*, was closs \(did you mean close\?\)"):
        panel.field("closs")
    with pytest.raises(DataError, match=r"index must be one of 000300\.SH, was 000905\.SH"):
        panel.index_close("000905.SH")
    with pytest.raises(DataError, match=r"universe must be one of 000300\.SH, all, was al \(did you mean all\?\)"):
        panel.members("al")


def test_codes_and_days_are_found_or_refused(panel):
    assert panel.index_of("688001.SH") == 2
    assert panel.name_of("600000.SH") == "浦发银行"
    assert panel.date_index("2020-01-06") == panel.date_index("20200106") == panel.date_index(DATES[2]) == 2
    with pytest.raises(DataError, match=r"code must be among the 3 codes with bars, was 600001\.SH"):
        panel.index_of("600001.SH")
    for day in ("2020-01-04", "2020-01-08", "2019-12-31"):
        with pytest.raises(DataError, match=f"date must be a trading day from 2020-01-02 to 2020-01-07, was {day}"):
            panel.date_index(day)


def test_listed_days_count_the_day_itself_and_stop_at_the_delisting(panel):
    days = [panel.listed_days(row).tolist() for row in range(4)]
    assert days == [[101, 1, 0], [102, 2, 1], [103, 3, 2], [104, 0, 3]]
    assert panel.listed.tolist() == [
        [True, True, False], [True, True, True], [True, True, True], [True, False, True],
    ]  # fmt: skip


def test_members_are_those_of_the_day(panel):
    assert panel.members("000300.SH").astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert panel.members("all") is panel.listed


def test_the_industry_is_that_of_the_day_or_unknown(panel):
    assert panel.industry.tolist() == [[1, -1, 0], [1, -1, 0], [1, -1, 1], [1, -1, 1]]
    assert panel.industry.dtype == "int16"


def test_index_closes_are_nan_where_missing(panel):
    assert np.array_equal(panel.index_close("000300.SH"), [4000.0, NAN, 4100.0, 4050.0], equal_nan=True)


def test_arrays_not_given_take_their_plainest_values():
    panel = MarketPanel.from_arrays(
        DATES[:3], ["000001.SZ"], {"open": [[10], [NAN], [11]], "close": [[9], [NAN], [12]]}
    )
    expected = {
        "high": [10, NAN, 12], "low": [9, NAN, 11], "vol": [1e6, NAN, 1e6], "amount": [9.5e6, NAN, 11.5e6],
        "adj_factor": [1, 1, 1], "pre_close": [10, 9, 9], "up_limit": [NAN] * 3, "down_limit": [NAN] * 3,
    }  # fmt: skip
    for name, values in expected.items():
        assert np.array_equal(panel.field(name)[:, 0], values, equal_nan=True), name
    assert panel.suspended[:, 0].tolist() == [False, True, False]
    assert panel.listed.all()
    assert panel.listed_days(0).tolist() == [1001]
    assert panel.name_of("000001.SZ") == "000001.SZ"
    assert panel.dates.dtype == "datetime64[D]"


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"close must have the shape \(4, 3\), was \(3, 4\)"):
        MarketPanel.from_arrays(DATES, CODES, {"close": np.ones((3, 4))})


def test_carried_values_begin_with_the_first_known_one():
    values = np.array([[NAN, 1.0, NAN, 2.0, NAN], [NAN] * 5])
    assert np.array_equal(carry_forward(values), [[NAN, 1.0, 1.0, 2.0, 2.0], [NAN] * 5], equal_nan=True)


def test_a_saved_panel_opens_with_everything_it_had_and_stays_on_disk(panel, tmp_path):
    save_panel(panel, tmp_path / "cache" / "one")
    opened = load_panel(tmp_path / "cache" / "one")
    assert list(opened.fields) == list(panel.fields)
    for name in panel.fields:
        assert isinstance(opened.fields[name], np.memmap)
        assert np.array_equal(opened.field(name), panel.field(name), equal_nan=True), name
    for name in ("dates", "codes", "suspended", "st", "list_index", "delist_index", "industry"):
        assert np.array_equal(getattr(opened, name), getattr(panel, name)), name
        assert getattr(opened, name).dtype == getattr(panel, name).dtype, name
    for name in ("names", "industry_names", "st_known", "simulated", "source", "fingerprint"):
        assert getattr(opened, name) == getattr(panel, name), name
    assert opened.coverage.as_json() == panel.coverage.as_json()
    assert np.array_equal(opened.members("000300.SH"), panel.members("000300.SH"))
    assert np.array_equal(opened.index_close("000300.SH"), panel.index_close("000300.SH"), equal_nan=True)
    assert list(opened.index_amounts) == ["000300.SH"]
    assert np.array_equal(opened.index_amounts["000300.SH"], panel.index_amounts["000300.SH"], equal_nan=True)
    for part in CorporateEvents.PARTS:
        assert getattr(opened.events, part).tolist() == getattr(panel.events, part).tolist()
    with pytest.raises(ValueError, match="read-only"):
        opened.field("close")[0, 0] = 1.0
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["one"]


def test_a_panel_without_events_indices_or_members_is_saved_too(tmp_path):
    save_panel(MarketPanel.from_arrays(DATES, CODES, {"close": np.ones((4, 3))}), tmp_path / "bare")
    opened = load_panel(tmp_path / "bare")
    assert len(opened.events.stock) == 0
    assert opened.indices == opened.index_amounts == {} and opened.coverage is None
    assert opened.industry.tolist() == [[-1] * 3] * 4


def test_saving_again_replaces_and_a_failed_save_leaves_the_old(panel, tmp_path, monkeypatch):
    save_panel(panel, tmp_path / "one")
    other = MarketPanel.from_arrays(DATES, CODES, {"close": np.full((4, 3), 7.0)}, fingerprint="new")
    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", failing)
        with pytest.raises(OSError, match="No space left"):
            save_panel(other, tmp_path / "one")
    assert load_panel(tmp_path / "one").fingerprint == "0123"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    save_panel(other, tmp_path / "one")
    assert load_panel(tmp_path / "one").fingerprint == "new"


def failing(*_, **__):
    raise OSError(28, "No space left on device")
