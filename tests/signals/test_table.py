import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.errors import SignalError
from feeds.store import sha256
from signals.table import (
    META_KEYS,
    Signal,
    SignalFolder,
    complete_meta,
    file_meta,
    rank_pct,
    signal_folder,
    signal_names,
)

CODES = np.array(["600000.SH", "000001.SZ", "000002.SZ", "300001.SZ"])
SCORES = np.array([0.5, -1.0, 0.5, 2.0])


@pytest.fixture
def folder(tmp_path: Path) -> SignalFolder:
    return SignalFolder(tmp_path / "signals" / "mine")


def test_a_file_holds_codes_ascending_with_score_and_rank(folder):
    path = folder.write("2024-01-31", CODES, SCORES)

    frame = pd.read_parquet(path)

    assert path.name == "2024-01-31.parquet"
    assert frame.columns.tolist() == ["ts_code", "score", "rank_pct"]
    assert frame["ts_code"].tolist() == ["000001.SZ", "000002.SZ", "300001.SZ", "600000.SH"]
    assert frame["score"].tolist() == [-1.0, 0.5, 2.0, 0.5]
    assert frame["rank_pct"].tolist() == [0.25, 0.75, 1.0, 0.5]  # of the two 0.5, the lower code is better


def test_rank_one_is_the_best_and_the_lower_code_wins_a_tie():
    assert rank_pct(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [1.0, 0.25, 0.75, 0.5]


def test_reading_gives_back_what_was_written(folder):
    folder.write("2024-01-31", CODES, SCORES, {"model": "mine", "label_end": "2023-12-01", "seeds": [0, 1]})

    signal = folder.read("2024-01-31")

    assert signal.date == np.datetime64("2024-01-31")
    assert signal.codes.tolist() == sorted(CODES)
    assert signal.scores.tolist() == [-1.0, 0.5, 2.0, 0.5]
    assert signal.rank_pct.tolist() == [0.25, 0.75, 1.0, 0.5]
    assert signal.meta["seeds"] == [0, 1]
    assert signal.meta["train_end"] is None


def test_the_same_input_in_any_order_gives_the_same_bytes(tmp_path):
    first, second = SignalFolder(tmp_path / "a" / "mine"), SignalFolder(tmp_path / "b" / "mine")
    meta = {"model": "m", "label_end": "2023-12-01", "zeta": 1, "alpha": 2}

    one = first.write("2024-01-31", CODES, SCORES, meta)
    two = second.write("2024-01-31", CODES[::-1], SCORES[::-1], dict(reversed(meta.items())))

    assert one.read_bytes() == two.read_bytes()
    assert (first.path / "manifest.json").read_bytes() == (second.path / "manifest.json").read_bytes()


def test_scores_are_available_at_seven_in_the_evening_unless_said_otherwise():
    assert complete_meta(np.datetime64("2024-01-31"))["available_at"] == "2024-01-31T19:00:00+08:00"
    given = complete_meta(np.datetime64("2024-01-31"), {"available_at": "2024-01-31T21:30:00+08:00"})
    assert given["available_at"] == "2024-01-31T21:30:00+08:00"


def test_a_file_carries_its_meta_and_the_manifest_repeats_it(folder):
    path = folder.write("2024-01-31", CODES, SCORES, {"model": "mine", "proxy": True})

    held = json.loads((folder.path / "manifest.json").read_text())["files"]["2024-01-31"]

    assert file_meta(path) == held["meta"]
    assert held["meta"]["proxy"] is True
    assert held["rows"] == 4
    assert held["file"] == "2024-01-31.parquet"


def test_the_meta_always_has_every_key_of_the_contract():
    meta = complete_meta(np.datetime64("2024-01-31"), {"zeta": 1})

    assert list(meta) == [*META_KEYS, "zeta"]
    assert meta["signal_date"] == "2024-01-31"
    assert meta["proxy"] is False
    assert meta["model"] is None


def test_a_parquet_file_without_meta_is_no_signal_file(tmp_path):
    pq.write_table(pa.table({"ts_code": ["000001.SZ"]}), tmp_path / "other.parquet")

    with pytest.raises(SignalError, match=r"other\.parquet must carry signal meta"):
        file_meta(tmp_path / "other.parquet")


def test_codes_may_be_objects_and_scores_whole_numbers(folder):
    path = folder.write("2024-01-31", np.array(["000002.SZ", "000001.SZ"], dtype=object), np.array([1, 2]))

    assert pq.read_schema(path).field("score").type == pa.float64()
    assert folder.read("2024-01-31").codes.tolist() == ["000001.SZ", "000002.SZ"]


def test_dates_are_ascending_whatever_the_order_of_writing(folder):
    for date in ("2024-03-29", "2024-01-31", "2024-02-29"):
        folder.write(date, CODES, SCORES)

    assert folder.dates().astype(str).tolist() == ["2024-01-31", "2024-02-29", "2024-03-29"]
    assert folder.dates().dtype == "datetime64[D]"


def test_an_altered_file_is_refused_by_name(folder):
    path = folder.write("2024-01-31", CODES, SCORES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(SignalError, match=r"2024-01-31\.parquet must have SHA-256 \w+ as written, was \w+"):
        folder.read("2024-01-31")


def test_a_file_that_the_manifest_does_not_name_is_not_a_signal(folder):
    folder.write("2024-01-31", CODES, SCORES)
    pq.write_table(pa.table({"ts_code": ["000001.SZ"]}), folder.path / "2024-02-29.parquet")

    assert folder.dates().astype(str).tolist() == ["2024-01-31"]
    assert folder.unlisted() == ["2024-02-29.parquet"]
    with pytest.raises(SignalError, match="signal mine must have a file for 2024-02-29, was missing"):
        folder.read("2024-02-29")


def forge(folder: SignalFolder, date: str, table: pa.Table) -> None:
    """Replace a file as a foreign program would, manifest and all."""
    path = folder.path / f"{date}.parquet"
    pq.write_table(table, path)
    manifest = json.loads((folder.path / "manifest.json").read_text())
    manifest["files"][date]["sha256"] = sha256(path)
    (folder.path / "manifest.json").write_text(json.dumps(manifest))


def test_a_file_with_other_columns_is_refused(folder):
    folder.write("2024-01-31", CODES, SCORES)
    forge(folder, "2024-01-31", pa.table({"ts_code": ["000001.SZ"], "score": [1.0]}))

    with pytest.raises(SignalError, match="must have columns ts_code, score, rank_pct, was ts_code, score"):
        folder.read("2024-01-31")


def test_reading_refuses_rows_that_writing_would_have_refused(folder):
    folder.write("2024-01-31", CODES, SCORES)
    forge(folder, "2024-01-31", pa.table({"ts_code": ["000001.SZ"] * 2, "score": [1.0, 2.0], "rank_pct": [0.5, 1.0]}))

    with pytest.raises(SignalError, match=r"must hold each code once, was 000001\.SZ twice"):
        folder.read("2024-01-31")


def test_several_dates_are_written_with_one_manifest(folder):
    signals = [Signal(np.datetime64(date), CODES, SCORES) for date in ("2024-02-29", "2024-01-31")]

    assert folder.write_all(iter(signals)) == 2
    assert folder.dates().astype(str).tolist() == ["2024-01-31", "2024-02-29"]


def test_a_file_that_vanished_is_missed(folder):
    folder.write("2024-01-31", CODES, SCORES).unlink()

    with pytest.raises(SignalError, match="must exist as the manifest says"):
        folder.read("2024-01-31")


@pytest.mark.parametrize(
    ("codes", "scores", "rule"),
    [
        (["000001.SZ", "000001.SZ"], [1.0, 2.0], "must hold each code once, was 000001.SZ twice"),
        (["000001.SZ", "000002.SZ"], [1.0, np.nan], "must hold finite scores, was nan for 000002.SZ"),
        (["000001.SZ", "000002.SZ"], [np.inf, 1.0], "must hold finite scores, was inf for 000001.SZ"),
        ([], [], "must have a score for each of 1 or more codes, was 0 and 0"),
        (["000001.SZ"], [1.0, 2.0], "must have a score for each of 1 or more codes, was 1 and 2"),
    ],
)
def test_bad_rows_are_refused_before_anything_is_written(folder, codes, scores, rule):
    with pytest.raises(SignalError, match=rule):
        folder.write("2024-01-31", np.array(codes), np.array(scores))

    assert not folder.path.exists()


@pytest.mark.parametrize("name", ["../escape", "", ".hidden", "a b"])
def test_a_name_that_could_leave_its_folder_is_refused(tmp_path, name):
    with pytest.raises(SignalError, match="signal name must be"):
        signal_folder(tmp_path, name)


def test_a_signal_lives_under_the_data_folder(tmp_path):
    assert signal_folder(tmp_path, "lstm_thoughts").path == tmp_path / "signals" / "lstm_thoughts"


def test_a_damaged_manifest_is_an_error_and_not_an_empty_folder(folder):
    folder.write("2024-01-31", CODES, SCORES)
    (folder.path / "manifest.json").write_text('{"files": ')

    with pytest.raises(SignalError, match=r"manifest\.json must be a JSON manifest, was damaged"):
        folder.dates()


def test_another_manifest_is_not_taken_for_a_signal_manifest(folder):
    folder.path.mkdir(parents=True)
    for content in ('{"format": 99, "files": {}}', "[]"):
        (folder.path / "manifest.json").write_text(content)
        with pytest.raises(SignalError, match="must be a signal manifest of format 1"):
            folder.dates()


def test_removing_a_date_leaves_the_others(folder):
    for date in ("2024-01-31", "2024-02-29"):
        folder.write(date, CODES, SCORES)

    folder.remove(["2024-01-31"])

    assert folder.dates().astype(str).tolist() == ["2024-02-29"]
    assert sorted(path.name for path in folder.path.iterdir()) == ["2024-02-29.parquet", "manifest.json"]


def test_new_content_for_a_date_is_never_under_the_old_hash(folder, monkeypatch):
    folder.write("2024-01-31", CODES, SCORES)
    monkeypatch.setattr(folder, "_commit", _killed_at_the_end(folder._commit))

    with pytest.raises(KeyboardInterrupt):
        folder.write("2024-01-31", CODES, SCORES + 1)

    assert folder.dates().tolist() == []  # forgotten, rather than present and damaged


def _killed_at_the_end(commit):
    def wrapped(files):
        if files:
            raise KeyboardInterrupt
        commit(files)

    return wrapped


def test_names_are_those_of_folders_with_a_manifest(tmp_path):
    SignalFolder(tmp_path / "signals" / "b").write("2024-01-31", CODES, SCORES)
    SignalFolder(tmp_path / "signals" / "a").write("2024-01-31", CODES, SCORES)
    (tmp_path / "signals" / "empty").mkdir()

    assert signal_names(tmp_path) == ["a", "b"]
