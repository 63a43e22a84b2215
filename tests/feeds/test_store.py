import errno
import hashlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from feeds import atomic, store
from feeds.errors import DataError
from feeds.store import MANIFEST, Store, import_source

DAYS = ["2019-12-30", "2019-12-31", "2020-01-02", "2020-01-03"]
CLOSES = {"600000.SH": [10.0, 10.1, 10.2, 10.3], "000001.SZ": [20.0, None, 20.5, 20.0]}


def files_of(folder):
    """Every file of a store but its lock, with its content's hash."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def calendar(*days):
    return pd.DataFrame({"cal_date": pd.to_datetime(days), "is_open": 1})


def factors(*days, factor=1.0):
    return pd.DataFrame({"ts_code": "600000.SH", "trade_date": pd.to_datetime(days), "adj_factor": factor})


# -- reading back ------------------------------------------------------------------------------------------------


def test_a_table_comes_back_year_by_year_in_key_order(make_store):
    frame = make_store(CLOSES, DAYS).read("daily")
    assert frame["ts_code"].astype(str).str.cat(frame["trade_date"].dt.strftime(" %Y-%m-%d")).tolist() == [
        "000001.SZ 2019-12-30", "600000.SH 2019-12-30", "600000.SH 2019-12-31",
        "000001.SZ 2020-01-02", "000001.SZ 2020-01-03", "600000.SH 2020-01-02", "600000.SH 2020-01-03",
    ]  # fmt: skip
    assert frame["close"].tolist() == [20.0, 10.0, 10.1, 20.5, 20.0, 10.2, 10.3]
    assert frame["ts_code"].dtype == "category"
    assert frame["trade_date"].dtype == "datetime64[ms]"


def test_chosen_columns_and_chunks_of_a_year_come_back(make_store):
    market = make_store(CLOSES, DAYS)
    assert market.read("daily", ["ts_code", "close"]).columns.tolist() == ["ts_code", "close"]
    assert [len(chunk) for chunk in market.chunks("daily")] == [3, 4]
    assert [chunk.columns.tolist() for chunk in market.chunks("daily", ["vol"])] == [["vol"], ["vol"]]
    years = [{len(chunk) for chunk in market.chunks("daily", year=year)} for year in (2019, 2020, 2021)]
    assert years == [{3}, {4}, set()]


def test_columns_are_those_the_table_was_stored_with(make_store):
    valuations = factors("2020-01-02").drop(columns="adj_factor").assign(pb=1.5)
    market = make_store(CLOSES, DAYS, daily_basic=valuations)
    assert market.columns("daily_basic") == ["ts_code", "trade_date", "pb"]
    assert market.columns("moneyflow") == []


def test_an_absent_table_is_an_empty_frame_and_an_unknown_one_is_refused(make_store):
    market = make_store(CLOSES, DAYS)
    assert market.read("dividend").empty
    assert market.read("dividend")["ex_date"].dtype == "datetime64[ms]"
    assert market.read("dividend", ["ts_code"]).columns.tolist() == ["ts_code"]
    with pytest.raises(DataError, match=r"table must be one of .*, was dayly \(did you mean daily\?\)"):
        market.read("dayly")
    with pytest.raises(DataError, match="table must be one of"), market.transaction("test") as writer:
        writer.put("dayly", factors("2020-01-02"))


def test_the_manifest_tells_rows_span_source_and_parts(make_store):
    entry = make_store(CLOSES, DAYS).tables["daily"]
    assert [entry[key] for key in ("rows", "start", "end", "source", "simulated", "fetched_at")] == [
        7, "2019-12-30", "2020-01-03", "test", False, None,
    ]  # fmt: skip
    assert [(part["label"], part["rows"]) for part in entry["parts"]] == [("2019", 3), ("2020", 4)]


def test_the_manifest_adds_up_chunks(make_store):
    market = make_store(CLOSES, DAYS)
    with market.transaction("test") as writer:
        writer.put("adj_factor", factors("2019-12-30", "2019-12-31"))
        writer.put("adj_factor", factors("2020-01-02"))
    entry = market.tables["adj_factor"]
    assert [entry[key] for key in ("rows", "start", "end")] == [3, "2019-12-30", "2020-01-02"]


def test_open_days_are_those_of_the_calendar(make_store):
    assert make_store(CLOSES, DAYS).open_days().astype(str).tolist() == DAYS


def test_the_same_data_has_the_same_bytes_and_fingerprint_and_other_data_has_not(make_store):
    one, two = make_store(CLOSES, DAYS, folder="one"), make_store(CLOSES, DAYS, folder="two")
    assert files_of(one.path) == files_of(two.path)
    assert one.fingerprint == two.fingerprint
    other = make_store({**CLOSES, "000001.SZ": [20.0, None, 20.5, 20.1]}, DAYS, folder="other")
    assert other.fingerprint != one.fingerprint


def test_files_are_made_with_the_users_own_permissions(make_store):
    before = os.umask(0o022)
    try:
        market = make_store(CLOSES, DAYS)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in market.path.rglob("*.*") if path.name != ".lock"}
    assert modes == {0o644}


# -- damage ------------------------------------------------------------------------------------------------------


def test_a_damaged_part_is_refused_by_name_and_hash(make_store):
    market = make_store(CLOSES, DAYS)
    part = market.tables["daily"]["parts"][1]
    path = market.path / part["file"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    wrong = hashlib.sha256(content).hexdigest()
    for read in (lambda: market.read("daily"), lambda: list(market.chunks("daily"))):
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value) == (
            f"{path} must have SHA-256 {part['sha256'][:12]}, was {wrong[:12]} (damaged: import the table again)"
        )
    assert [file for file, _ in market.verify()] == [part["file"]]
    assert len(market.read("adj_factor")) == 7


def test_a_missing_part_is_refused_by_name(make_store):
    market = make_store(CLOSES, DAYS)
    path = market.path / market.tables["stock_basic"]["parts"][0]["file"]
    path.unlink()
    with pytest.raises(DataError, match=rf"{path} must exist as the manifest says, was missing"):
        market.read("stock_basic")
    assert len(list(market.verify())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "must be a JSON manifest, was damaged"),
        ("[]", "must have format 1, was None"),
        ('{"format": 99, "tables": {}}', "must have format 1, was 99"),
        ('{"format": 1}', "must list tables, was None"),
        ('{"format": 1, "tables": {"daily": {"rows": 3}}}', "must describe known tables in full, was damaged at daily"),
        ('{"format": 1, "tables": {"dayly": {}}}', "must describe known tables in full, was damaged at dayly"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path, content, message):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(DataError, match=message):
        Store(tmp_path)


def test_a_store_without_bars_or_a_file_in_its_place_is_refused(tmp_path, make_store):
    with pytest.raises(DataError, match=r"data folder must hold imported market data .*, was .*nowhere"):
        Store.existing(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match=r"data folder must be a folder, was .*file"),
        Store(tmp_path / "file").transaction("test"),
    ):
        pass
    market = make_store(CLOSES, DAYS)
    assert Store.existing(market.path).fingerprint == market.fingerprint


# -- writing -----------------------------------------------------------------------------------------------------


def test_a_refused_chunk_leaves_the_store_byte_for_byte_as_it_was(make_store):
    market = make_store(CLOSES, DAYS)
    before = files_of(market.path)
    with pytest.raises(DataError), market.transaction("again") as writer:
        writer.put("adj_factor", factors("2020-01-02", factor=2.0))
        writer.put("daily", factors("2020-01-02"))
    assert files_of(market.path) == before
    assert Store(market.path).fingerprint == market.fingerprint


def test_a_refused_first_write_leaves_no_table_behind(tmp_path):
    with pytest.raises(DataError), Store(tmp_path).transaction("first") as writer:
        writer.put("trade_cal", calendar(*DAYS))
        writer.put("daily", factors("2020-01-02"))
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_write_replaces_whole_tables_and_keeps_the_others(make_store):
    market = make_store(CLOSES, DAYS)
    with market.transaction("again", fetched_at="2024-01-01T00:00:00") as writer:
        writer.put("adj_factor", factors("2020-01-02", factor=2.0))
    again = Store(market.path)
    assert again.read("adj_factor")["adj_factor"].tolist() == [2.0]
    assert len(again.read("daily")) == 7
    assert again.tables["adj_factor"]["fetched_at"] == "2024-01-01T00:00:00"
    assert again.source == "again, test"
    parts = {part["file"] for entry in again.tables.values() for part in entry["parts"]}
    assert set(files_of(market.path)) == {*parts, MANIFEST}


def test_leftovers_of_a_killed_writer_are_removed_by_the_next_write(make_store):
    market = make_store(CLOSES, DAYS)
    before = files_of(market.path)
    for name in (".tmp-manifest", "daily/.tmp-part", "daily/2021-abc.parquet"):
        (market.path / name).write_text("left")
    with market.transaction("again"):
        pass
    assert files_of(market.path) == before


def test_chunks_of_a_table_ascend_by_year_and_have_the_same_columns(make_store):
    market = make_store(CLOSES, DAYS)
    for first, second, message in (
        ("2020-01-02", "2019-12-30", "adj_factor chunks must ascend by year, was 2019 after 2020"),
        ("2020-01-02", "2020-01-03", "adj_factor chunks must ascend by year, was 2020 after 2020"),
    ):
        with pytest.raises(DataError, match=message), market.transaction("test") as writer:
            writer.put("adj_factor", factors(first))
            writer.put("adj_factor", factors(second))
    valuations = factors("2019-12-30").drop(columns="adj_factor")
    rule = "daily_basic chunks must have the same columns, was ts_code, trade_date after ts_code, trade_date, pb"
    with pytest.raises(DataError, match=rule), market.transaction("test") as writer:
        writer.put("daily_basic", valuations.assign(pb=1.0))
        writer.put("daily_basic", valuations.assign(trade_date=pd.Timestamp("2020-01-02")))


def test_rows_are_checked_against_the_calendar_of_the_same_write_or_the_stored_one(make_store):
    market = make_store(CLOSES, DAYS)
    with pytest.raises(DataError, match="open day of the calendar"), market.transaction("test") as writer:
        writer.put("adj_factor", factors("2020-01-01"))
    with market.transaction("test") as writer:
        writer.put("trade_cal", calendar("2020-01-01", "2020-01-02"))
        writer.put("adj_factor", factors("2020-01-01"))
    assert len(market.read("adj_factor")) == 1


@pytest.mark.parametrize("name", ["daily", "trade_cal"])
def test_a_market_without_bars_or_days_does_not_take_the_place_of_one(make_store, market_tables, name):
    market = make_store(CLOSES, DAYS)
    frame = market_tables(CLOSES, DAYS)[name]
    with pytest.raises(DataError, match=f"{name} must have a row, was empty"), market.transaction("test") as writer:
        writer.put(name, frame[:0])
    assert len(Store(market.path).read("daily")) == 7


def test_an_imported_market_takes_the_place_of_a_simulated_one_in_full(tmp_path, market_tables):
    market = Store(tmp_path)
    tables = market_tables(CLOSES, DAYS)
    with market.transaction("simulation", simulated=True) as writer:
        for name, frame in {**tables, "suspend_d": halts()}.items():
            writer.put(name, frame)
    assert market.simulated
    mixed = r"must hold one market, was to mix imported with simulated tables \(simulation\)"
    with pytest.raises(DataError, match=mixed), market.transaction("files") as writer:
        writer.put("adj_factor", tables["adj_factor"])
    assert Store(tmp_path).simulated
    with market.transaction("files") as writer:
        for name, frame in tables.items():
            writer.put(name, frame)
    assert not Store(tmp_path).simulated
    assert sorted(Store(tmp_path).tables) == sorted(tables)
    assert not (tmp_path / "suspend_d").exists()
    mixed = "must hold one market, was to mix simulated with imported"
    with pytest.raises(DataError, match=mixed), market.transaction("simulation", simulated=True) as writer:
        writer.put("suspend_d", halts())
    with pytest.raises(DataError, match=mixed), market.transaction("simulation", simulated=True) as writer:
        for name, frame in tables.items():
            writer.put(name, frame)
    assert not Store(tmp_path).simulated


def halts():
    return factors("2020-01-02").drop(columns="adj_factor").assign(suspend_type="S")


def test_a_source_is_imported_whole_and_its_errors_name_the_place(make_store):
    market = make_store(CLOSES, DAYS)
    source = SimpleNamespace(
        name="made up", simulated=False, tables=lambda: iter([("adj_factor", factors("2020-01-02", "2020-01-03"))])
    )
    assert import_source(market, source, "2024-05-01T00:00:00") == {"adj_factor": 2}
    assert market.tables["adj_factor"]["source"] == "made up"
    source.tables = lambda: iter([("adj_factor", factors("2020-01-02", factor=-1.0))])
    with pytest.raises(DataError, match=r"^adj_factor row 1 must have a finite, positive adj_factor, was -1.0$"):
        import_source(market, source)
    source.place = lambda name, row=None: f"{name}.csv row {row}"
    with pytest.raises(DataError, match=r"^adj_factor.csv row 0: adj_factor must have a finite, positive adj_factor"):
        import_source(market, source)
    source.tables = lambda: iter([("adj_factor", factors("2020-01-02").assign(extra=1))])
    with pytest.raises(DataError, match=r"^adj_factor.csv row None: adj_factor columns must be among"):
        import_source(market, source)


def test_every_file_is_on_the_disk_before_it_takes_its_name(make_store, monkeypatch):
    market = make_store(CLOSES, DAYS)
    synced, named, sync, replace = set(), [], os.fsync, os.replace

    def note_sync(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def note_name(source, target):
        assert os.stat(source).st_ino in synced
        named.append(target.parent)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_name)
    with market.transaction("test") as writer:
        writer.put("adj_factor", factors("2020-01-02"))
    assert named == [market.path / "adj_factor", market.path]  # the manifest last
    assert {folder.stat().st_ino for folder in named} <= synced


# -- two writers -------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_while_the_first_one_writes(make_store):
    market = make_store(CLOSES, DAYS)
    with market.transaction("first") as writer:
        writer.put("adj_factor", factors("2020-01-02"))
        locked = pytest.raises(DataError, match="must not be written by two processes at once, was locked")
        with locked, Store(market.path).transaction("second"):
            pass
    assert Store(market.path).tables["adj_factor"]["rows"] == 1


def test_a_writer_opened_before_another_one_finished_loses_nothing(make_store):
    market = make_store(CLOSES, DAYS)
    late = Store(market.path)
    with market.transaction("first") as writer:
        writer.put("suspend_d", halts())
    with late.transaction("second") as writer:
        writer.put("adj_factor", factors("2020-01-02"))
    assert {"daily", "suspend_d", "adj_factor"} <= set(Store(market.path).tables)
    assert list(Store(market.path).verify()) == []


HOLD = """
import sys
import pandas as pd
from feeds.store import Store
with Store(sys.argv[1]).transaction("holder") as writer:
    day = pd.to_datetime(["2020-01-02"])
    writer.put("adj_factor", pd.DataFrame({"ts_code": "600000.SH", "trade_date": day, "adj_factor": 3.0}))
    print("holding", flush=True)
    sys.stdin.readline()
"""


def start(script, repository, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_another_process_is_refused_until_the_first_one_ends_or_is_killed(make_store, repository):
    market = make_store(CLOSES, DAYS)
    holder = start(HOLD, repository, market.path)
    assert holder.stdout.readline() == "holding\n"
    with pytest.raises(DataError, match="was locked"), market.transaction("second"):
        pass
    holder.kill()
    holder.communicate()
    with market.transaction("second") as writer:
        writer.put("suspend_d", halts())
    assert market.read("adj_factor")["adj_factor"].unique().tolist() == [1.0]


# -- kills and full disks ----------------------------------------------------------------------------------------

WRITE = """
import os, shutil, signal, sys
import pandas as pd
import pyarrow as pa
from feeds.store import Store

pa.set_cpu_count(1)
days = pd.to_datetime(["2019-12-30", "2019-12-31", "2020-01-02", "2020-01-03"])
rows = pd.DataFrame({"ts_code": "600000.SH", "trade_date": days})

def write(folder, factor):
    with Store(folder).transaction("new") as writer:
        writer.put("adj_factor", rows.assign(adj_factor=factor))
        writer.put("suspend_d", rows.assign(suspend_type="S"))
"""

# Forks a writer for every step of a write that Python sees, and kills it there; the last one ends by itself.
KILL_EVERY_STEP = f"""
{WRITE}
def killing(folder, last):
    steps = iter(range(1, 1000))
    def step(event, arguments):
        if event in ("open", "os.rename", "os.remove", "os.mkdir") and folder in str(arguments[0]):
            if next(steps) == last:
                os.kill(os.getpid(), signal.SIGKILL)
    return step

for last in range(1, 200):
    copy = f"{{sys.argv[1]}}-{{last}}"
    shutil.copytree(sys.argv[1], copy)
    child = os.fork()
    if not child:
        sys.addaudithook(killing(copy, last))
        write(copy, 2.0)
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    print(copy, flush=True)
    if not ended:
        break
    assert os.WTERMSIG(ended) == signal.SIGKILL, ended
"""

WRITE_FOR_EVER = f"""
{WRITE}
for n in range(10_000):
    write(sys.argv[1], 2.0 + n)
    print("written", flush=True)
"""


def whole(folder, old, new):
    """Return whether a store is the new one, and make sure that it is the old or the new one with every part intact."""
    found = Store(folder)
    assert list(found.verify()) == []
    assert found.fingerprint in (old, new)
    return found.fingerprint == new


def test_a_kill_at_any_step_of_a_write_leaves_the_old_or_the_new_store(make_store, repository, tmp_path):
    market = make_store(CLOSES, DAYS)
    old = market.fingerprint
    with Store(shutil.copytree(market.path, tmp_path / "new")).transaction("new") as writer:
        writer.put("adj_factor", factors(*DAYS, factor=2.0))
        writer.put("suspend_d", factors(*DAYS).drop(columns="adj_factor").assign(suspend_type="S"))
        target = writer.store
    new = target.fingerprint
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILL_EVERY_STEP, str(market.path)],
        cwd=repository, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    copies = run.stdout.split()
    arrived = [whole(copy, old, new) for copy in copies]
    assert len(copies) > 20
    assert arrived == sorted(arrived)
    assert [arrived[0], arrived[-1]] == [False, True]
    killed = Store(copies[len(copies) // 2])
    with killed.transaction("new") as writer:
        writer.put("adj_factor", factors(*DAYS, factor=2.0))
        writer.put("suspend_d", factors(*DAYS).drop(columns="adj_factor").assign(suspend_type="S"))
    assert set(files_of(killed.path)) == set(files_of(target.path))


def test_kills_at_random_moments_leave_a_whole_store(make_store, repository):
    market = make_store(CLOSES, DAYS)
    chance = random.Random(7)
    for _ in range(4):
        writer = start(WRITE_FOR_EVER, repository, market.path)
        assert writer.stdout.readline() == "written\n"
        time.sleep(chance.uniform(0.0, 0.2))
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
        writer.communicate()
        found = Store(market.path)
        assert list(found.verify()) == []
        assert [len(found.read(name)) for name in ("suspend_d", "adj_factor", "daily")] == [4, 4, 7]
        factor = found.read("adj_factor")["adj_factor"].unique().tolist()
        assert len(factor) == 1
        assert factor[0] >= 2.0


def test_a_full_disk_leaves_the_store_as_it_was(make_store, monkeypatch):
    market = make_store(CLOSES, DAYS)
    before = files_of(market.path)
    for owner, name in ((pq, "write_table"), (os, "fsync"), (os, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full_disk)
            with pytest.raises(OSError) as caught, market.transaction("new") as writer:
                writer.put("adj_factor", factors(*DAYS, factor=2.0))
        assert caught.value.errno == errno.ENOSPC
        assert files_of(market.path) == before, name
    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "fsync", full_disk)
        with pytest.raises(OSError) as caught:
            atomic.replace_file(market.path / MANIFEST, b"{}")
    assert caught.value.filename == str(market.path / MANIFEST)
    assert files_of(market.path) == before


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_error_of_a_full_disk_names_the_tables_folder(make_store, monkeypatch):
    market = make_store(CLOSES, DAYS)
    monkeypatch.setattr(store.pq, "write_table", full_disk)
    with pytest.raises(OSError) as caught, market.transaction("new") as writer:
        writer.put("adj_factor", factors(*DAYS, factor=2.0))
    assert caught.value.filename == str(market.path / "adj_factor")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("a small file system needs mount and root")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system could not be mounted: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full_leaves_the_store_as_it_was(small_disk):
    market = Store(small_disk / "data")
    with market.transaction("small") as writer:
        writer.put("trade_cal", calendar(*DAYS))
        writer.put("adj_factor", factors(*DAYS))
    before = files_of(market.path)
    many = pd.DataFrame({"ts_code": [f"60{n:04d}.SH" for n in range(10_000)]})
    values = np.random.default_rng(7).random((3, 10_000)) + 1
    with pytest.raises(OSError) as caught, market.transaction("large") as writer:
        for day, value in zip(DAYS[::2], values, strict=False):
            writer.put("adj_factor", many.assign(trade_date=pd.Timestamp(day), adj_factor=value))
        writer.put("moneyflow", many.assign(trade_date=pd.Timestamp(DAYS[0]), net_mf_amount=values[2]))
    assert caught.value.errno == errno.ENOSPC
    assert str(market.path) in caught.value.filename
    assert files_of(market.path) == before
    assert json.loads((market.path / MANIFEST).read_text())["tables"]["adj_factor"]["rows"] == 4


def test_replacing_a_file_needs_no_folder_and_leaves_nothing_behind(tmp_path):
    atomic.replace_file(tmp_path / "new" / "file", b"one")
    atomic.replace_file(tmp_path / "new" / "file", b"two")
    assert (tmp_path / "new" / "file").read_bytes() == b"two"
    assert len(list((tmp_path / "new").iterdir())) == 1
