import re

import numpy as np
import pandas as pd
import pytest

from feeds.errors import DataError
from feeds.sources.files import TushareFiles
from feeds.store import Store, import_source

CALENDAR = "exchange,cal_date,is_open,pretrade_date\n" + "".join(
    f"SSE,{day},{int(day not in (20200104, 20200105))},\n" for day in range(20200102, 20200108)
)
DAILY = (
    "ts_code,trade_date,open,high,low,close,pre_close,change,pct_chg,vol,amount\n"
    "600000.SH,20200103,10.5,11.0,10.0,10.6,10.5,0.1,0.95,1234.5,1300.25\n"
    "000001.SZ,20200102,16.0,16.5,15.9,16.2,16.0,0.2,1.25,2000,3240\n"
    "600000.SH,20200102,10,10.6,10,10.5,10,0.5,5,1000,1020.5\n"
)


@pytest.fixture
def export(tmp_path):
    """A function that writes files by name to a folder; a calendar is always there."""

    def write(**files):
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        for name, content in {"trade_cal": CALENDAR, **files}.items():
            if isinstance(content, pd.DataFrame):
                content.to_parquet(folder / f"{name}.parquet")
            elif content is not None:
                (folder / f"{name}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


def imported(folder, tmp_path):
    store = Store(tmp_path / "data")
    import_source(store, TushareFiles(folder))
    return store


def refused(folder, tmp_path):
    """Return the message of a refused import, which leaves no store behind."""
    with pytest.raises(DataError) as caught:
        imported(folder, tmp_path)
    assert Store(tmp_path / "data").tables == {}
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


# -- what is read ------------------------------------------------------------------------------------------------


def test_a_csv_export_is_read_with_codes_days_and_units(export, tmp_path):
    frame = imported(export(daily=DAILY), tmp_path).read("daily")
    assert frame["ts_code"].astype(str).tolist() == ["000001.SZ", "600000.SH", "600000.SH"]
    assert frame["trade_date"].dt.strftime("%Y%m%d").tolist() == ["20200102", "20200102", "20200103"]
    assert frame["vol"].tolist() == [200_000.0, 100_000.0, 123_450.0]  # lots of 100
    assert frame["amount"].tolist() == [3_240_000.0, 1_020_500.0, 1_300_250.0]  # thousands
    assert frame["open"].tolist() == [16.0, 10.0, 10.5]


def test_quotes_and_a_byte_order_mark_change_nothing(export, tmp_path):
    quoted = DAILY.replace("600000.SH", '"600000.SH"').replace("20200102", '"20200102"')
    frame = imported(export(daily=b"\xef\xbb\xbf" + quoted.encode()), tmp_path).read("daily")
    assert frame["vol"].tolist() == [200_000.0, 100_000.0, 123_450.0]


@pytest.mark.parametrize(
    "days",
    [
        ["20200102", "20200103", None],
        ["2020-01-02", "2020-01-03", None],
        ["2020-01-02 00:00:00", "2020-01-03", None],
        [20200102, 20200103, None],
        [20200102.0, 20200103.0, np.nan],
        ["20200102.0", "20200103.0", None],
        pd.to_datetime(pd.Series(["2020-01-02", "2020-01-03", None])),
        [pd.Timestamp("2020-01-02").date(), pd.Timestamp("2020-01-03").date(), None],
    ],
    ids=lambda days: str(list(days)),
)
def test_days_are_read_as_text_numbers_or_dates_in_parquet(export, tmp_path, days):
    basic = pd.DataFrame(
        {"ts_code": [f"60000{n}.SH" for n in range(3)], "name": "x", "list_date": "20100104", "delist_date": days}
    )
    frame = imported(export(stock_basic=basic), tmp_path).read("stock_basic")
    assert frame["delist_date"].dt.strftime("%Y%m%d").fillna("").tolist() == ["20200102", "20200103", ""]


def test_days_that_a_spreadsheet_made_numbers_are_read_from_csv(export, tmp_path):
    text = "ts_code,name,list_date,delist_date\n600000.SH,浦发银行,19991110,20200102.0\n600001.SH,x,2010-01-04,\n"
    frame = imported(export(stock_basic=text), tmp_path).read("stock_basic")
    assert frame["list_date"].dt.strftime("%Y%m%d").tolist() == ["19991110", "20100104"]
    assert frame["delist_date"].isna().tolist() == [False, True]
    assert frame["name"].tolist() == ["浦发银行", "x"]


def test_a_calendar_may_write_its_flag_as_text(export, tmp_path):
    calendar = pd.DataFrame({"cal_date": ["20200102", "20200104"], "is_open": ["1", "0"]})
    store = imported(export(trade_cal=calendar), tmp_path)
    assert store.open_days().astype(str).tolist() == ["2020-01-02"]


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("daily_basic", "turnover_rate,dv_ratio,pe_ttm,total_share,float_share,total_mv,circ_mv\n1.5,2.5,9,7,6,5,4",
         [0.015, 0.025, 9.0, 70_000.0, 60_000.0, 50_000.0, 40_000.0]),
        ("index_daily", "close,vol,amount\n4000.5,10,20", [4000.5, 1000.0, 20_000.0]),
        ("fund_daily", "open,high,low,close,pre_close,vol,amount\n4,4,4,4,4,10,20", [4.0] * 5 + [1000.0, 20_000.0]),
        ("fut_daily", "open,high,low,close,vol,amount,oi\n4,4,4,4,10,20,30", [4.0] * 4 + [10.0, 200_000.0, 30.0]),
        ("moneyflow", "buy_sm_amount,net_mf_amount\n3.5,-2", [35_000.0, -20_000.0]),
        ("stk_limit", "up_limit,down_limit\n11.01,8.99", [11.01, 8.99]),
        ("adj_factor", "adj_factor\n1.25", [1.25]),
    ],
)  # fmt: skip
def test_units_are_converted_once_on_the_way_in(export, tmp_path, name, columns, expected):
    head, values = columns.split("\n")
    frame = imported(export(**{name: f"ts_code,trade_date,{head}\n600000.SH,20200102,{values}\n"}), tmp_path).read(name)
    assert frame[head.split(",")].iloc[0].tolist() == pytest.approx(expected, rel=1e-15)


def test_weights_and_ratios_become_fractions(export, tmp_path):
    folder = export(
        index_weight="index_code,con_code,trade_date,weight\n000300.SH,600000.SH,20200102,1.25\n",
        fina_indicator="ts_code,ann_date,end_date,eps,roe,netprofit_yoy\n600000.SH,20200331,20191231,2.5,12.5,-40\n",
    )
    store = imported(folder, tmp_path)
    assert store.read("index_weight")["weight"].tolist() == [0.0125]
    report = store.read("fina_indicator").iloc[0]
    assert [report["eps"], report["roe"], report["netprofit_yoy"]] == [2.5, 0.125, -0.4]


def test_users_names_for_files_are_understood(export, tmp_path):
    folder = export(
        st_days="ts_code,trade_date\n600000.SH,20200102\n",
        index_member_all="l1_name,ts_code,in_date,out_date\n银行,600000.SH,20100104,\n",
        index_daily="ts_code,trade_date,close\n000300.SH,20200102,4000\n",
        index_total_return="ts_code,trade_date,close\nH00300.CSI,20200102,5000\n",
        notes="a,b\n1,2\n",
    )
    store = imported(folder, tmp_path)
    assert len(store.read("stock_st")) == 1
    assert store.read("industry")["industry"].tolist() == ["银行"]
    assert store.read("index_daily")["ts_code"].astype(str).tolist() == ["000300.SH", "H00300.CSI"]
    assert [path.name for path in TushareFiles(folder).skipped] == ["notes.csv"]


def test_index_rows_of_closed_days_are_left_out_and_named(export, tmp_path):
    text = "ts_code,trade_date,close\nH00300.CSI,20200102,5000\nH00300.CSI,20200104,5001\n"
    source = TushareFiles(export(index_total_return=text))
    import_source(Store(tmp_path / "data"), source)
    assert Store(tmp_path / "data").tables["index_daily"]["rows"] == 1
    assert source.notes == ["index_total_return.csv: H00300.CSI 2020-01-04 left out, a closed day"]


def test_only_implemented_dividends_are_read_and_repeats_once(export, tmp_path):
    head = (
        "ts_code,end_date,ann_date,div_proc,stk_div,cash_div,cash_div_tax,record_date,ex_date,pay_date,div_listdate\n"
    )
    text = head + (
        "600000.SH,20201231,20210401,实施,0,0.2,0.22,20210520,20210521,20210521,\n"
        "600000.SH,20191231,20200401,预案,0,0.5,0.55,,,,\n"
        "600000.SH,20191231,20200401,实施,0.1,0.5,0.55,20200520,20200521,20200521,20200522\n"
        "600000.SH,20191231,20200401,实施,0.1,0.5,0.55,20200520,20200521,20200521,20200522\n"
    )
    source = TushareFiles(export(dividend=text))
    import_source(Store(tmp_path / "data"), source)
    row = Store(tmp_path / "data").read("dividend")
    assert row[["stk_div", "cash_div_tax"]].to_numpy().tolist() == [[0.1, 0.55], [0.0, 0.22]]
    assert source.notes == [
        "dividend.csv: 1 rows left out, not yet implemented", "dividend.csv: 1 rows left out, repeated",
    ]  # fmt: skip


def test_of_repeated_names_the_one_with_an_end_is_kept(export, tmp_path):
    text = (
        "ts_code,name,start_date,end_date,ann_date,change_reason\n"
        "600000.SH,ST浦发,20180102,,20180101,ST\n"
        "600000.SH,ST浦发,20180102,20190501,20180101,ST\n"
        "600000.SH,浦发银行,20190502,,,撤销ST\n"
    )
    frame = imported(export(namechange=text), tmp_path).read("namechange")
    assert frame["name"].tolist() == ["ST浦发", "浦发银行"]
    assert frame["end_date"].dt.strftime("%Y%m%d").fillna("").tolist() == ["20190501", ""]


def test_of_a_report_restated_on_its_own_day_the_one_first_announced_is_kept(export, tmp_path):
    text = (
        "ts_code,ann_date,end_date,roe,update_flag\n"
        "600000.SH,20200425,20191231,12.5,1\n"
        "600000.SH,20200425,20191231,11.0,0\n"
        "600000.SH,20200425,20200331,3.0,1\n"
    )
    frame = imported(export(fina_indicator=text), tmp_path).read("fina_indicator")
    assert frame["roe"].tolist() == pytest.approx([0.11, 0.03])


def test_a_stock_may_halt_and_resume_on_one_day(export, tmp_path):
    text = (
        "ts_code,trade_date,suspend_timing,suspend_type\n"
        "600000.SH,20200102,,S\n600000.SH,20200102,,R\n000001.SZ,20200102,09:30-10:00,S\n"
    )
    frame = imported(export(suspend_d=text), tmp_path).read("suspend_d")
    assert frame["suspend_type"].tolist() == ["S", "R", "S"]
    twice = text + "600000.SH,20200102,,R\n"
    assert refused(export(suspend_d=twice), tmp_path / "other") == (
        "suspend_d.csv row 5: suspend_d must have a key (ts_code, trade_date, suspend_type) of its own, "
        "was 600000.SH 2020-01-02 R"
    )


def test_two_names_of_the_same_day_are_refused_by_the_files_own_row(export, tmp_path):
    text = (
        "ts_code,name,start_date,end_date\n600000.SH,A,20180102,\n600000.SH,A,20180102,20180105\n"
        "600000.SH,B,20180102,\n"
    )
    assert refused(export(namechange=text), tmp_path) == (
        "namechange.csv row 4: namechange must have a key (ts_code, start_date) of its own, was 600000.SH 2018-01-02"
    )


# -- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("16.5,15.9", "16.1,15.9", "daily.csv row 3: daily must have high at least open, low and close, was open 16.0 "
         "high 16.1 low 15.9 close 16.2 (000001.SZ 2020-01-02)"),
        ("1234.5", "-1", "daily.csv row 2: daily must have a finite, not negative vol, was -100.0"),
        ("1234.5", "many", "daily.csv row 2: vol must be a number, was many"),
        ("1000,1020.5", "--,1020.5", "daily.csv row 4: vol must be a number, was --"),
        (",1234.5,", ",,", "daily.csv row 2: daily must have a vol, was null"),
        ("16.2,16.0", "16.2,", "daily.csv row 3: daily must have a pre_close, was null"),
        ("000001.SZ", "1", "daily.csv row 3: daily must have ts_code like 000001.SZ, was 1"),
        ("000001.SZ", "900901.SH", "daily.csv row 3: daily must have a ts_code that is an A-share's "
         "(60, 68 .SH; 00, 30 .SZ; 43, 83, 87, 88, 92 .BJ), was 900901.SH"),
        ("600000.SH,20200103", "600000.SH,20200102", "daily.csv row 4: daily must have a key (ts_code, trade_date) of "
         "its own, was 600000.SH 2020-01-02"),
        ("600000.SH,20200103", "600000.SH,20200104", "daily.csv row 2: daily must have trade_date on an open day of "
         "the calendar, was 600000.SH 2020-01-04"),
        ("600000.SH,20200103", "600000.SH,2020", "daily.csv row 2: trade_date must be a date like 20200131, was 2020"),
        ("600000.SH,20200103", "600000.SH,20200230",
         "daily.csv row 2: trade_date must be a date like 20200131, was 20200230"),
        ("600000.SH,20200103", "600000.SH,2020-01-03 09:30:00",
         "daily.csv row 2: trade_date must be a date like 20200131, was 2020-01-03 09:30:00"),
        ("600000.SH,20200103", "600000.SH,", "daily.csv row 2: daily must have a trade_date, was null"),
        ("pre_close,", "previous,", "daily.csv: daily must have a column pre_close, was ts_code, trade_date, open, "
         "high, low, close, vol, amount"),
        ("change,pct_chg", "close,pct_chg", "daily.csv must have one column close, was 2"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_file_row_rule_and_value(export, tmp_path, before, after, message):
    assert before in DAILY
    assert refused(export(daily=DAILY.replace(before, after, 1)), tmp_path) == message


def test_a_null_before_a_bad_number_is_not_taken_for_it(export, tmp_path):
    text = "ts_code,trade_date,up_limit,down_limit\n600000.SH,20200102,,9\n600000.SH,20200103,none at all,9\n"
    assert (
        refused(export(stk_limit=text), tmp_path) == "stk_limit.csv row 3: up_limit must be a number, was none at all"
    )


def test_rows_of_a_parquet_file_count_from_one(export, tmp_path):
    frame = pd.DataFrame({"ts_code": "600000.SH", "trade_date": ["20200102", "2020"], "adj_factor": [1.0, 1.0]})
    assert refused(export(adj_factor=frame), tmp_path) == (
        "adj_factor.parquet row 2: trade_date must be a date like 20200131, was 2020"
    )


def test_a_bad_row_of_the_second_of_two_files_is_named_there_despite_rows_left_out(export, tmp_path):
    folder = export(
        index_daily="ts_code,trade_date,close\n000300.SH,20200102,4000\n000300.SH,20200104,4000\n",
        index_total_return="ts_code,trade_date,close\nH00300.CSI,20200105,5000\nH00300.CSI,20200102,-5\n",
    )
    assert refused(folder, tmp_path) == (
        "index_total_return.csv row 3: index_daily must have a finite, positive close, was -5.0"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "adj_factor.csv must be a readable csv file, was damaged: Empty CSV file"),
        (b"ts_code,trade_date\n600000.SH\n", "must be a readable csv file, was damaged: CSV parse error"),
        ("ts_code,trade_date,adj_factor\n浦发,20200102,1\n".encode("gbk"), "was damaged: In CSV column #0: .*UTF8"),
    ],
)
def test_an_unreadable_csv_file_is_refused_by_name(export, tmp_path, content, message):
    assert re.search(message, refused(export(adj_factor=content), tmp_path))


def test_an_unreadable_parquet_file_is_refused_by_name(export, tmp_path):
    folder = export()
    (folder / "adj_factor.parquet").write_bytes(b"PAR1 cut off")
    assert "adj_factor.parquet must be a readable parquet file, was damaged: " in refused(folder, tmp_path)


def test_a_column_of_the_wrong_kind_is_refused_by_name(export, tmp_path):
    frame = pd.DataFrame({"ts_code": ["600000.SH"], "trade_date": [["20200102"]], "adj_factor": [1.0]})
    assert refused(export(adj_factor=frame), tmp_path).startswith(
        "adj_factor.parquet column trade_date must hold date values, was list<"
    )
    stamps = pd.DataFrame({"ts_code": ["600000.SH"], "trade_date": [pd.Timestamp(1)], "adj_factor": [1.0]})
    assert "column trade_date must hold date values, was timestamp[ns]" in refused(
        export(adj_factor=stamps.astype({"trade_date": "datetime64[ns]"})), tmp_path
    )


def test_a_table_in_two_formats_is_refused(export):
    folder = export(daily=DAILY)
    pd.DataFrame({"ts_code": []}).to_parquet(folder / "daily.parquet")
    with pytest.raises(DataError, match=r"daily must come as one file, was daily\.csv, daily\.parquet"):
        TushareFiles(folder)


def test_folders_without_tables_or_a_calendar_are_refused(tmp_path, export):
    with pytest.raises(DataError, match=r"import folder must be a folder, was .*nowhere"):
        TushareFiles(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"must hold a \.parquet or \.csv file named after a table \(adj_factor, "):
        TushareFiles(tmp_path)
    folder = export(daily=DAILY)
    (folder / "trade_cal.csv").unlink()
    with pytest.raises(DataError, match="import folder must hold trade_cal beside daily, was "):
        TushareFiles(folder)


def test_a_refused_folder_leaves_the_store_as_it_was(export, tmp_path):
    store = imported(export(daily=DAILY), tmp_path)
    before = {path: path.read_bytes() for path in store.path.rglob("*.*")}
    export(daily=DAILY.replace("16.5,15.9", "16.1,15.9"), adj_factor="ts_code,trade_date,adj_factor\n")
    with pytest.raises(DataError, match=r"daily\.csv row 3"):
        import_source(store, TushareFiles(tmp_path / "export"))
    assert {path: path.read_bytes() for path in store.path.rglob("*.*")} == before


# -- the real market ---------------------------------------------------------------------------------------------


def test_the_real_market_is_imported_in_full(real_store):
    rows = {name: entry["rows"] for name, entry in real_store.tables.items()}
    assert rows == {
        "adj_factor": 1_070_885, "daily": 1_070_885, "daily_basic": 205_522, "fund_daily": 37_309, "fut_daily": 2_541,
        "index_daily": 15_552 + 9_480 - 3, "index_member": 728, "index_weight": 51_300, "stk_limit": 1_070_885,
        "stock_basic": 634, "stock_st": 1_036, "suspend_d": 31_754, "trade_cal": 2_922,
    }  # fmt: skip
    assert not real_store.simulated


def test_real_rows_keep_their_values_in_canonical_units(real_store):
    first = next(real_store.chunks("daily")).iloc[0]
    assert [str(first["ts_code"]), str(first["trade_date"])[:10]] == ["000001.SZ", "2015-01-05"]
    assert [first[name] for name in ("open", "high", "low", "close", "pre_close")] == [15.99, 16.28, 15.6, 16.02, 15.84]
    assert first["vol"] == pytest.approx(286_043_643.0)
    assert first["amount"] == pytest.approx(4_565_387_846.4)
    valuation = next(real_store.chunks("daily_basic")).iloc[0]
    assert valuation["turnover_rate"] == pytest.approx(0.007885)
    assert valuation["circ_mv"] == pytest.approx(327_393_934_000.0)
    assert (
        real_store.read("index_weight")["weight"]
        .groupby(real_store.read("index_weight")["trade_date"])
        .sum()
        .between(0.99, 1.01)
        .all()
    )
