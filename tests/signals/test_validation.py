from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.panel import MarketPanel, Spans
from feeds.store import sha256
from signals import validation
from signals.table import SignalFolder
from signals.validation import Finding, validate

CODES = [f"{n:06d}.SZ" for n in range(1, 11)]
ENDS = ["2023-12-29", "2024-01-31", "2024-02-29", "2024-03-29"]


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    """Ten stocks, weekdays from December 2023 to 10 April 2024; the last stock is listed on 15 March."""
    days = np.arange(np.datetime64("2023-12-01"), np.datetime64("2024-04-11"))
    days = days[np.is_busday(days)]
    list_index = np.full(10, -500)
    list_index[9] = int(np.searchsorted(days, np.datetime64("2024-03-15")))
    index = Spans(*(np.array(part) for part in ([0, 1], [0, 0], [len(days)] * 2, [0, 0])))
    return MarketPanel.from_arrays(
        days,
        CODES,
        {"close": np.full((len(days), 10), 10.0)},
        list_index=list_index,
        member_spans={"000300.SH": index},
    )


@pytest.fixture
def folder(tmp_path: Path) -> SignalFolder:
    return SignalFolder(tmp_path / "mine")


def write(folder: SignalFolder, date: str, codes=CODES[:9], **meta) -> None:
    known = {"label_horizon": "month", "train_end": "2023-06-30", "label_end": "2023-10-09", "config_hash": "a"}
    folder.write(date, np.array(codes), np.arange(len(codes), dtype=float), known | meta)


def rules(folder: SignalFolder, panel: MarketPanel) -> list[tuple[str, str, str, int]]:
    return [(f.level, f.rule, f.date, f.count) for f in validate(folder, panel)]


def forge(folder: SignalFolder, date: str, codes: list[str], scores: list[float]) -> None:
    """Replace a file's rows as a foreign program would, manifest and all."""
    import json

    path = folder.path / f"{date}.parquet"
    pq.write_table(pa.table({"ts_code": codes, "score": scores, "rank_pct": scores}), path)
    manifest = json.loads((folder.path / "manifest.json").read_text())
    manifest["files"][date]["sha256"] = sha256(path)
    (folder.path / "manifest.json").write_text(json.dumps(manifest))


def test_a_clean_signal_has_no_findings(folder, panel):
    for date in ENDS:
        write(folder, date)

    assert validate(folder, panel) == []


def test_an_empty_folder_is_an_error(folder, panel):
    assert rules(folder, panel) == [("error", "empty", "", 1)]


@pytest.mark.parametrize("fact", ["train_end", "validation_end", "label_end"])
def test_scores_that_were_fitted_on_later_days_look_ahead(folder, panel, fact):
    for date in ENDS:
        write(folder, date, **{fact: "2024-01-31"})

    found = validate(folder, panel)

    assert [(f.level, f.rule, f.date) for f in found] == [("error", "look-ahead", "2023-12-29")]
    assert found[0].message == f"{fact} must not be after the signal date, was 2024-01-31"


@pytest.mark.parametrize(
    ("available", "finding"),
    [
        ("2024-02-29T15:00:00+08:00", None),
        ("2024-03-01T09:14:59+08:00", None),
        ("2024-03-01T09:15:00+08:00", ("error", "look-ahead")),
        ("2024-03-01T01:14:59+00:00", None),  # the same moment elsewhere
        ("2024-03-01T01:15:00+00:00", ("error", "look-ahead")),
        ("2024-02-29T14:59:00+08:00", ("warning", "availability")),
        ("2024-02-29T19:00:00", ("error", "availability")),
        ("this evening", ("error", "availability")),
    ],
)
def test_scores_must_be_there_before_the_next_call_auction(folder, panel, available, finding):
    for date in ENDS:
        write(folder, date, **({"available_at": available} if date == "2024-02-29" else {}))

    assert [(f.level, f.rule) for f in validate(folder, panel)] == ([finding] if finding else [])


def test_scores_of_a_friday_have_time_until_monday(folder, panel):
    for date in ENDS:
        write(folder, date, **({"available_at": "2024-04-01T09:00:00+08:00"} if date == "2024-03-29" else {}))

    assert validate(folder, panel) == []


def test_scores_before_a_holiday_have_time_until_the_session_after_it(folder):
    days = np.array(["2024-02-07", "2024-02-08", "2024-02-19", "2024-02-29"], dtype="datetime64[D]")
    holiday = MarketPanel.from_arrays(days, CODES, {"close": np.full((4, 10), 10.0)})
    for time in ("2024-02-18T23:00:00+08:00", "2024-02-19T09:15:00+08:00"):
        write(folder, "2024-02-08", CODES, label_horizon=None, available_at=time)
        assert bool(validation.errors(validate(folder, holiday))) == (time > "2024-02-19"), time


def test_scores_of_the_last_day_of_the_data_must_be_there_on_the_next_weekday(folder, panel):
    for time in ("2024-04-11T09:14:00+08:00", "2024-04-11T09:15:00+08:00"):
        write(folder, "2024-04-10", CODES, label_horizon=None, available_at=time)
        assert [f.rule for f in validate(folder, panel)] == (["look-ahead"] if "09:15" in time else []), time


def test_an_unknown_training_span_is_a_warning(folder, panel):
    for date in ENDS:
        write(folder, date, train_end=None, label_end=None)

    assert rules(folder, panel) == [("warning", "training span unknown", "", 4)]


def test_days_without_a_session_are_errors_and_nothing_else_is_said_of_them(folder, panel):
    for date in [*ENDS[:3], "2024-03-30", "2024-03-31"]:
        write(folder, date, CODES[:9] if date in ENDS else CODES[:1], label_horizon=None)

    assert rules(folder, panel) == [("error", "non-trading date", "", 2)]


def test_days_outside_the_data_are_told(folder, panel):
    for date in ["2023-11-30", *ENDS, "2024-04-30"]:
        write(folder, date, CODES[:9] if date in ENDS else CODES[:1], label_horizon=None)

    found = validate(folder, panel)

    assert [(f.level, f.rule, f.sample) for f in found] == [
        ("warning", "outside the data", ("2023-11-30", "2024-04-30"))
    ]


def test_a_month_without_a_file_is_told(folder, panel):
    for date in (ENDS[0], ENDS[1], ENDS[3]):
        write(folder, date)

    found = validate(folder, panel)

    assert [(f.level, f.rule, f.sample) for f in found] == [("warning", "missing month", ("2024-02-29",))]


def test_a_monthly_score_of_another_day_is_told(folder, panel):
    for date in [*ENDS[:3], "2024-03-28"]:
        write(folder, date)

    found = validate(folder, panel)

    assert [(f.rule, f.sample) for f in found] == [("not a month-end", ("2024-03-28",))]


def test_scores_older_than_a_month_and_a_half_are_stale(folder, panel):
    for date in ENDS[:3]:  # the data end 29 sessions after the last
        write(folder, date)
    assert rules(folder, panel) == []

    folder.remove([ENDS[2]])  # and 50 after this

    assert rules(folder, panel) == [("warning", "stale", "", 1)]


def test_a_gap_between_daily_scores_is_told(folder, panel):
    for date in [*panel.dates[:20], *panel.dates[24:]]:
        write(folder, str(date), label_horizon=None)

    found = [f for f in validate(folder, panel) if f.rule in ("gap", "stale", "missing month")]

    assert [(f.rule, f.sample) for f in found] == [("gap", (f"{panel.dates[19]} to {panel.dates[24]}",))]
    assert found[0].message == "files must not be more than 2 sessions apart"  # 1.6 times the usual 1


def test_files_of_two_settings_in_one_folder_are_an_error(folder, panel):
    for date in ENDS:
        write(folder, date, config_hash="b" if date == ENDS[2] else "a")

    assert rules(folder, panel) == [("error", "mixed settings", "", 2)]


def test_an_altered_file_is_an_error(folder, panel):
    for date in ENDS:
        write(folder, date)
    with (folder.path / f"{ENDS[0]}.parquet").open("ab") as file:
        file.write(b"x")

    assert rules(folder, panel) == [("error", "damaged file", ENDS[0], 1)]


def test_a_file_that_the_manifest_does_not_name_is_an_error(folder, panel):
    for date in ENDS:
        write(folder, date)
    (folder.path / "2024-04-01.parquet").write_bytes((folder.path / f"{ENDS[0]}.parquet").read_bytes())

    found = validate(folder, panel)

    assert [(f.level, f.rule, f.sample) for f in found] == [("error", "unlisted file", ("2024-04-01.parquet",))]


def test_duplicates_and_missing_scores_of_a_foreign_file_are_errors(folder, panel):
    for date in ENDS:
        write(folder, date)
    forge(folder, ENDS[1], [*CODES[:9], CODES[0]], [*range(9), 5.0])
    forge(folder, ENDS[2], CODES[:9], [np.nan, np.inf, *range(7)])

    found = validate(folder, panel)

    assert [(f.level, f.rule, f.date, f.count) for f in found] == [
        ("error", "duplicate code", ENDS[1], 1),
        ("error", "missing score", ENDS[2], 2),
    ]
    assert found[0].sample == (CODES[0],)
    assert found[1].sample == tuple(CODES[:2])


def test_codes_that_the_market_does_not_know_or_list_yet_are_told(folder, panel):
    for date in ENDS:
        write(folder, date, CODES if date in ENDS[2:] else CODES[:9])
    write(folder, ENDS[0], [*CODES[:9], "999999.SZ"])

    assert rules(folder, panel) == [
        ("warning", "unknown code", ENDS[0], 1),
        ("warning", "not listed", ENDS[2], 1),
    ]


def test_scores_that_cover_little_of_the_universe_are_told(folder, panel):
    for date in ENDS:
        write(folder, date, CODES[:7] if date == ENDS[1] else CODES[:8])

    found = validate(folder, panel)

    assert [(f.rule, f.date, f.count, f.sample) for f in found] == [("coverage", ENDS[1], 2, tuple(CODES[7:9]))]
    assert found[0].message == "scores must cover 80% of all, was 78% of 9"


def test_scores_need_cover_only_the_universe_they_were_made_for(folder, panel):
    for date in ENDS:
        write(folder, date, CODES[:3], universe="000300.SH")

    assert validate(folder, panel) == []
    assert next((f.rule, f.count) for f in validate(folder, panel, "all")) == ("coverage", 6)


def test_scores_that_are_all_equal_rank_nobody(folder, panel):
    for date in ENDS:
        write(folder, date)
    folder.write(ENDS[0], np.array(CODES[:9]), np.ones(9), folder.meta(ENDS[0]))

    assert rules(folder, panel) == [("warning", "constant", ENDS[0], 9)]


def test_a_finding_reads_as_one_line():
    finding = Finding("warning", "unknown code", "2024-01-31", 7, ("a", "b"), "codes must be in the market data")

    assert str(finding) == "warning 2024-01-31 unknown code: codes must be in the market data (a, b, ...)"
    assert validation.errors([finding]) == []
