from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.errors import SignalError
from signals.importing import import_scores, normalise_code
from signals.table import signal_folder


@pytest.mark.parametrize(
    ("code", "tushare"),
    [
        ("000001.SZ", "000001.SZ"),
        ("600000.SH", "600000.SH"),
        ("430047.BJ", "430047.BJ"),
        ("SZ000001", "000001.SZ"),
        ("sh600000", "600000.SH"),
        ("BJ430047", "430047.BJ"),
        ("000001.XSHE", "000001.SZ"),
        ("600000.XSHG", "600000.SH"),
        ("000001.SZSE", "000001.SZ"),
        ("600000.SSE", "600000.SH"),
        ("430047.BSE", "430047.BJ"),
        (" 000001.sz ", "000001.SZ"),
    ],
)
def test_codes_of_four_styles_become_tushare_codes(code, tushare):
    assert normalise_code(code) == tushare


@pytest.mark.parametrize("code", ["000001", "1", "AAPL", "00001.SZ", "000001.HK", "SZ.000001", "000001SZ", "", "nan"])
def test_a_code_of_no_known_style_is_refused(code):
    with pytest.raises(
        SignalError, match=r"code must be written like 000001\.SZ, SZ000001, 000001\.XSHE or 000001\.SZSE"
    ):
        normalise_code(code)


def csv(folder: Path, text: str) -> Path:
    path = folder / "scores.csv"
    path.write_text(text)
    return path


def imported(folder: Path, path: Path, **options) -> dict[str, dict[str, float]]:
    signals = import_scores(path, "mine", folder, **options)
    read = {str(date): signals.read(date) for date in signals.dates()}
    return {date: dict(zip(signal.codes, signal.scores, strict=True)) for date, signal in read.items()}


def test_a_long_csv_becomes_one_file_per_date(tmp_path):
    path = csv(
        tmp_path,
        "trade_date,ts_code,score,comment\n"
        "20240229,600000.SH,0.5,a\n20240131,000001.SZ,1,b\n20240229,000001.SZ,-2e-1,c\n",
    )

    assert imported(tmp_path, path) == {
        "2024-01-31": {"000001.SZ": 1.0},
        "2024-02-29": {"000001.SZ": -0.2, "600000.SH": 0.5},
    }


def test_a_qlib_prediction_with_its_two_index_levels_is_read_from_parquet(tmp_path):
    index = pd.MultiIndex.from_product(
        [pd.to_datetime(["2024-01-30", "2024-01-31"]), ["SH600000", "SZ000001"]], names=["datetime", "instrument"]
    )
    pd.DataFrame({"score": [1.0, 2.0, 3.0, 4.0]}, index=index).to_parquet(tmp_path / "pred.parquet")

    assert imported(tmp_path, tmp_path / "pred.parquet") == {
        "2024-01-30": {"600000.SH": 1.0, "000001.SZ": 2.0},
        "2024-01-31": {"600000.SH": 3.0, "000001.SZ": 4.0},
    }


@pytest.mark.parametrize("day", ["20240131", "2024-01-31", "2024-01-31 00:00:00", "2024-01-31T15:00:00"])
def test_dates_may_be_written_in_the_usual_ways(tmp_path, day):
    assert list(imported(tmp_path, csv(tmp_path, f"date,code,score\n{day},000001.XSHE,1\n"))) == ["2024-01-31"]


def test_dates_may_be_numbers_in_parquet(tmp_path):
    frame = pd.DataFrame({"date": [20240131], "code": ["000001.SZSE"], "score": [1]})
    frame.to_parquet(tmp_path / "scores.parquet")

    assert imported(tmp_path, tmp_path / "scores.parquet") == {"2024-01-31": {"000001.SZ": 1.0}}


def test_times_with_a_zone_are_days_in_shanghai(tmp_path):
    stamp = pd.to_datetime(["2024-01-30 16:00"]).tz_localize("UTC")
    pd.DataFrame({"datetime": stamp, "code": ["000001.SZ"], "score": [1.0]}).to_parquet(tmp_path / "scores.parquet")

    assert list(imported(tmp_path, tmp_path / "scores.parquet")) == ["2024-01-31"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["20240131,000001.SZ,1", "20240131,1,1"], "row 3: code must be written like .*, was 1"),
        (["20240131,000001.SZ,1", "20240131,000002.SZ,"], "row 3: score must be a finite number, was empty"),
        (["20240131,000001.SZ,nan"], "row 2: score must be a finite number, was nan"),
        (["20240131,000001.SZ,inf"], "row 2: score must be a finite number, was inf"),
        (["20240131,000001.SZ,high"], "row 2: score must be a finite number, was high"),
        (["31/01/2024,000001.SZ,1"], "row 2: date must be written like 20240131 or 2024-01-31, was 31/01/2024"),
        (["20240131,000001.SZ,1", "5 May,000001.SZ,1"], "row 3: date must be written like .*, was 5 May"),
        (["20240230,000001.SZ,1"], "row 2: date must be written like .*, was 20240230"),
        ([",000001.SZ,1"], "row 2: date must be written like .*, was empty"),
        (
            ["20240131,000001.SZ,1", "20240201,000001.SZ,1", "20240131,SZ000001,2"],
            "row 4: date and code must be given once, was 2024-01-31 000001.SZ again",
        ),
    ],
)
def test_a_bad_row_is_refused_with_file_row_and_rule(tmp_path, rows, message):
    path = csv(tmp_path, "\n".join(["date,code,score", *rows]))

    with pytest.raises(SignalError, match=f"^scores.csv {message}$"):
        import_scores(path, "mine", tmp_path)

    assert not (tmp_path / "signals").exists()


def test_the_first_row_of_a_parquet_file_is_row_one(tmp_path):
    pd.DataFrame({"date": ["20240131"], "code": ["x"], "score": [1.0]}).to_parquet(tmp_path / "scores.parquet")

    with pytest.raises(SignalError, match=r"scores\.parquet row 1: code must be"):
        import_scores(tmp_path / "scores.parquet", "mine", tmp_path)


def test_a_missing_day_in_a_date_column_is_refused(tmp_path):
    days = pd.to_datetime(["2024-01-31", None])
    pd.DataFrame({"date": days, "code": ["000001.SZ"] * 2, "score": 1.0}).to_parquet(tmp_path / "scores.parquet")

    with pytest.raises(SignalError, match=r"scores\.parquet row 2: date must be given, was missing"):
        import_scores(tmp_path / "scores.parquet", "mine", tmp_path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("day,code,score", "must have one column of date, datetime, trade_date, was day, code, score"),
        ("date,symbol,score", "must have one column of ts_code, code, instrument, was date, symbol, score"),
        ("date,code,value", "must have one column of score, was date, code, value"),
        ("date,trade_date,code,score", "must have one column of date, datetime, trade_date, was date and trade_date"),
    ],
)
def test_a_file_without_exactly_one_column_of_a_kind_is_refused(tmp_path, header, message):
    with pytest.raises(SignalError, match=f"scores.csv {message}"):
        import_scores(csv(tmp_path, header + "\n" + ",".join("1" * len(header.split(",")))), "mine", tmp_path)


def test_files_of_other_kinds_are_refused(tmp_path):
    (tmp_path / "scores.pkl").write_bytes(b"")

    with pytest.raises(SignalError, match=r"must be \.csv or \.parquet, was scores\.pkl"):
        import_scores(tmp_path / "scores.pkl", "mine", tmp_path)
    with pytest.raises(SignalError, match="file of scores must exist"):
        import_scores(tmp_path / "absent.csv", "mine", tmp_path)
    with pytest.raises(SignalError, match=r"scores\.csv must hold scores, was empty"):
        import_scores(csv(tmp_path, "date,code,score\n"), "mine", tmp_path)


def test_imported_scores_say_that_nobody_knows_how_they_were_trained(tmp_path):
    import_scores(str(csv(tmp_path, "date,code,score\n20240131,000001.SZ,1\n")), "mine", str(tmp_path))

    meta = signal_folder(tmp_path, "mine").meta("2024-01-31")

    assert meta["model"] == "imported"
    assert meta["train_end"] is None and meta["label_end"] is None
    assert meta["available_at"] == "2024-01-31T19:00:00+08:00"
    assert meta["source_file"] == "scores.csv"


def test_known_facts_can_be_given(tmp_path):
    path = csv(tmp_path, "date,code,score\n20240131,000001.SZ,1\n")

    import_scores(path, "mine", tmp_path, meta={"label_horizon": "month", "train_end": "2023-12-29"})

    meta = signal_folder(tmp_path, "mine").meta("2024-01-31")
    assert (meta["label_horizon"], meta["train_end"]) == ("month", "2023-12-29")


def test_an_import_is_replaced_only_on_demand_and_then_whole(tmp_path):
    import_scores(csv(tmp_path, "date,code,score\n20240131,000001.SZ,1\n"), "mine", tmp_path)
    path = csv(tmp_path, "date,code,score\n20240229,000001.SZ,2\n")

    with pytest.raises(SignalError, match="signal name must be new unless replacing, was mine with 1 files"):
        import_scores(path, "mine", tmp_path)

    assert imported(tmp_path, path, replace=True) == {"2024-02-29": {"000001.SZ": 2.0}}


def test_a_trained_signal_is_never_replaced(tmp_path):
    path = csv(tmp_path, "date,code,score\n20240131,000001.SZ,1\n")
    trained = signal_folder(tmp_path, "old")
    trained.write("2024-01-31", np.array(["000001.SZ"]), np.array([1.0]), {"model": "old"})

    for name in ("old", "lstm_thoughts"):
        with pytest.raises(SignalError, match=f"signal name must not be that of a trained signal, was {name}"):
            import_scores(path, name, tmp_path, replace=True)

    assert trained.dates().astype(str).tolist() == ["2024-01-31"]
