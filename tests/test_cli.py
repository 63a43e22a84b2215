"""The command line as a newcomer meets it: every refusal is one line and exit code 2, and nothing is half-written."""

import json
import os
import signal as system
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import cli
from feeds.sources import SIMULATED_NOTICE

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "metrics.json"
DEMO = ["--stocks", "60", "--start", "2019-01-02", "--end", "2020-12-31", "--seed", "7"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def market(tmp_path_factory) -> Path:
    """A small simulated market with imported month-end reversal scores."""
    from feeds.building import open_panel

    data = tmp_path_factory.mktemp("cli") / "data"
    made = run("data", "demo", "--data", data, *DEMO)
    assert made.exit_code == 0, made.output
    panel = open_panel(data)
    close = panel.field("close") * panel.field("adj_factor")
    months = panel.dates.astype("datetime64[M]")
    ends = [row for row in np.flatnonzero(np.append(months[1:] != months[:-1], False)) if row >= 130]
    rows = [
        (str(panel.dates[row]), code, close[row - 20, n] / close[row, n] - 1)
        for row in ends
        for n, code in enumerate(panel.codes)
        if np.isfinite(close[row, n]) and np.isfinite(close[row - 20, n])
    ]
    scores = data.parent / "scores.csv"
    pd.DataFrame(rows, columns=["date", "code", "score"]).to_csv(scores, index=False)
    imported = run("signals", "import", scores, "--name", "reversal", "--data", data)
    assert imported.exit_code == 0, imported.output
    return data


REFUSALS = {
    "an unknown strategy": (
        ["backtest", "--strategy", "top01"],
        "strategy must be one of top10, top_k, was top01 (did you mean top10?)",
    ),
    "a strategy file that is missing": (
        ["backtest", "--strategy", "nowhere.py"],
        "strategy file must be readable, was nowhere.py (No such file or directory)",
    ),
    "an unknown signal": (
        ["backtest", "--signal", "reversl"],
        "signal must be one of lstm_thoughts, reversal, was reversl (did you mean reversal?)",
    ),
    "a start before the data": (
        ["backtest", "--signal", "reversal", "--start", "2010-01-04"],
        "start must be within the data, 2019-01-02 to 2020-12-31, was 2010-01-04",
    ),
    "an end after the data": (
        ["backtest", "--signal", "reversal", "--end", "2030-01-04"],
        "end must be within the data, 2019-01-02 to 2020-12-31, was 2030-01-04",
    ),
    "a start after the end": (
        ["backtest", "--signal", "reversal", "--start", "2020-06-01", "--end", "2020-03-02"],
        "start must be before end, was 2020-06-01 to 2020-03-02",
    ),
    "no capital": (["backtest", "--cash", "0"], "cash must be greater than 0, was 0.0"),
    "capital that is no number": (["backtest", "--cash", "much"], "--cash must be a number, was much"),
    "unknown fees": (
        ["backtest", "--fees", "8pb"],
        "detailed:<number>bp, none, was 8pb (did you mean 8bp?)",
    ),
    "an unknown benchmark": (
        ["backtest", "--signal", "reversal", "--benchmark", "000301.SH"],
        "index must be one of 000016.SH, 000300.SH, 000852.SH, 000905.SH, H00016.CSI, H00300.CSI, H00852.CSI, "
        "H00905.CSI, was 000301.SH (did you mean 000300.SH?)",
    ),
    "an unknown universe": (
        ["backtest", "--signal", "reversal", "--universe", "000301.SH"],
        "universe must be one of 000016.SH, 000300.SH, 000852.SH, 000905.SH, all, was 000301.SH "
        "(did you mean 000300.SH?)",
    ),
    "an unknown setting": (
        ["backtest", "--set", "topk=3"],
        "configuration key must be one of invested, sell_suspended, top_k, was topk (did you mean top_k?)",
    ),
    "a setting without a value": (["backtest", "--set", "top_k"], "--set must be KEY=VALUE, was top_k"),
    "no stock at all": (["backtest", "--top-k", "0"], "top_k must be a positive whole number, was 0"),
    "an unknown option": (
        ["backtest", "--strateg", "top10"],
        "option must be one that --help lists, was --strateg (did you mean --strategy?)",
    ),
    "an unknown command": (
        ["bactest"],
        "was bactest (did you mean backtest?)",
    ),
    "a config file that is missing": (
        ["backtest", "--config", "nowhere.yaml"],
        "config file must be readable YAML, was nowhere.yaml",
    ),
    "a signal to train that is unknown": (
        ["train", "--signal", "lstm_thought"],
        "signal must be one of lstm_thoughts, was lstm_thought (did you mean lstm_thoughts?)",
    ),
    "a name to train that is missing": (["train"], "--signal must be given, was missing"),
    "training data that are too short": (
        ["train", "--signal", "lstm_thoughts"],
        "month-ends",
    ),
    "a folder that is a file": (
        ["backtest", "--signal", "reversal", "--output", __file__],
        f"--output must be a folder, was {__file__}",
    ),
    "no worker": (["backtest", "--workers", "0"], "--workers must be 1 or more, was 0"),
    "a value that is no YAML": (["backtest", "--set", "invested=["], "--set must be KEY=VALUE with a plain value"),
    "a month that is none": (["backtest", "--start", "2020-13-01"], "start must be a day like 2020-01-31, was 2020-13"),
    "a universe to train that is unknown": (
        ["train", "--signal", "lstm_thoughts", "--universe", "000301.SH"],
        "universe must be one of 000016.SH, 000300.SH, 000852.SH, 000905.SH, all, was 000301.SH",
    ),
    "a code of no market": (
        ["rules", "show", "--code", "60519.SH", "--date", "2020-08-24"],
        "code must be an A-share's (600519.SH), a fund's (510300.SH), a convertible bond's (113050.SH) or an index",
    ),
    "a day of the rules that is none": (
        ["rules", "show", "--code", "600519.SH", "--date", "2020-02-30"],
        "date must be a day like 2020-01-31, was 2020-02-30",
    ),
    "a day of the rules on which nobody traded": (
        ["rules", "show", "--code", "600519.SH", "--date", "2020-08-23"],
        "date must be a trading day, was 2020-08-23 (the next is 2020-08-24)",
    ),
    "rules without a code": (["rules", "show", "--date", "2020-08-24"], "--code must be given, was missing"),
    "a reference that is no price": (
        ["rules", "show", "--code", "IF2012.CFX", "--date", "2020-08-24", "--pre-close", "much"],
        "--pre-close must be a number, was much",
    ),
    "no trial": (["audit", "--signal", "reversal", "--trials", "0"], "trials must be 1 or more, was 0"),
    "a seed below zero": (["audit", "--signal", "reversal", "--seed", "-1"], "seed must be 0 or more, was -1"),
    "a strategy to audit that is unknown": (
        ["audit", "--strategy", "top01", "--signal", "reversal"],
        "was top01 (did you mean top10?)",
    ),
    "a file to audit that is missing": (
        ["audit", "--strategy", "nowhere.py:mine"],
        "strategy file must be readable, was nowhere.py (No such file or directory)",
    ),
    "an empty import folder": (
        ["data", "import", "."],
        "import folder must hold a .parquet or .csv file named after a table",
    ),
}


@pytest.mark.parametrize("case", REFUSALS, ids=list(REFUSALS))
def test_a_bad_option_is_refused_in_one_line(case, market, tmp_path, monkeypatch):
    arguments, message = REFUSALS[case]
    monkeypatch.chdir(tmp_path)
    on_data = [] if arguments[0] == "bactest" or arguments[:2] == ["data", "import"] else ["--data", str(market)]
    done = run(*arguments, *on_data)
    assert done.exit_code == 2
    assert message in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [done.stderr.splitlines()[-1]]
    assert not list(tmp_path.iterdir())


def test_an_unknown_key_of_a_config_file_is_refused_with_the_nearest(market, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("signal: reversal\nbenchmrk: 000300.SH\n")
    done = run("backtest", "--config", config, "--data", market, "--output", tmp_path / "runs")
    assert done.exit_code == 2
    assert "was benchmrk (did you mean benchmark?)" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_missing_data_folder_is_named(tmp_path):
    done = run("backtest", "--data", tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "data folder must hold imported market data" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_the_same_backtest_writes_the_same_bytes_and_the_golden_figures(market, tmp_path):
    folders = []
    for name in ("first", "second"):
        arguments = ["--strategy", "top10", "--signal", "reversal", "--data", market, "--output", tmp_path / name]
        done = run("backtest", *arguments, "--json")
        assert done.exit_code == 0, done.stderr
        folders.append(Path(json.loads(done.stdout)["run"]))
    first, second = ({file.name: file.read_bytes() for file in sorted(folder.iterdir())} for folder in folders)
    assert sorted(first) == [
        "actions.parquet", "config.yaml", "fills.parquet", "hedge.parquet", "metrics.json", "nav.parquet",
        "orders.parquet", "positions.parquet", "run.log", "tear_sheet.html",
    ]  # fmt: skip
    assert first == second
    figures = json.loads(first["metrics.json"])
    golden = json.loads(GOLDEN.read_text())
    assert sorted(figures) == sorted(golden)
    for name, value in golden.items():
        assert figures[name] == (pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value), name


def test_a_repeated_run_has_the_same_bytes_and_another_configuration_counts_as_a_trial(market, tmp_path):
    def backtest(*options):
        done = run("backtest", "--signal", "reversal", "--data", market, "--output", tmp_path, "--json", *options)
        found = json.loads(done.stdout)
        page = (Path(found["run"]) / "tear_sheet.html").read_bytes()
        return page, next(check for check in found["checks"] if check["name"] == "Trials")

    first, alone = backtest()
    assert backtest() == (first, alone) and alone["level"] == "green"
    other, second = backtest("--top-k", "5")
    assert second["level"] == "amber" and "at least 2 configurations" in second["sentence"]
    assert second["sentence"] in other.decode()
    again = backtest()
    assert again[1] == second and backtest() == again
    assert backtest("--start", "2020-01-02", "--end", "2020-06-30")[1]["level"] == "green"  # other days


def test_the_terminal_says_what_flatters_the_result(market, tmp_path):
    done = run("backtest", "--signal", "reversal", "--data", market, "--output", tmp_path, "--benchmark", "000300.SH")
    words = " ".join(done.stdout.split())
    assert "amber Benchmark 000300.SH is a price index: it leaves out dividends" in words
    good = next(line for line in done.stdout.splitlines() if line.startswith("as they should be: "))
    assert "Members" in good and "Benchmark" not in good


def test_processes_with_other_hash_seeds_zones_and_folders_write_the_same_bytes(market, tmp_path):
    settings = ["blocked_buys=substitute", "dividend_tax=holding", "slippage=5bp", "max_participation=0.02"]
    command = [sys.executable, str(ROOT / "cli.py"), "backtest", "--signal", "reversal", "--data", str(market)]
    command += ["--hedge", "IF", *(word for setting in settings for word in ("--set", setting))]
    processes = []
    for seed, zone in (("1", "Asia/Shanghai"), ("2", "America/New_York")):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        processes.append(subprocess.Popen([*command, "--output", "made"], cwd=folder, env=environment))
    assert [process.wait() for process in processes] == [0, 0]
    first, second = (
        {file.name: file.read_bytes() for file in next((tmp_path / seed / "made").iterdir()).iterdir()}
        for seed in ("1", "2")
    )
    assert len(first) == 10 and first == second


@pytest.mark.parametrize("content", [b"", "日期,代码,分数\n".encode("gbk"), b'date,code,score\n"2020'])
def test_a_file_of_scores_that_cannot_be_read_is_refused(content, market, tmp_path):
    (tmp_path / "scores.csv").write_bytes(content)
    done = run("signals", "import", tmp_path / "scores.csv", "--name", "mine", "--data", market)
    assert done.exit_code == 2
    assert "scores.csv must be a readable csv file in UTF-8, was damaged" in done.stderr


def test_a_table_with_names_that_are_not_utf_8_is_refused(tmp_path):
    (tmp_path / "daily.csv").write_bytes("代码,日期\n000001.SZ,20200102\n".encode("gbk"))
    (tmp_path / "trade_cal.csv").write_text("cal_date,is_open\n20200102,1\n")
    done = run("data", "import", tmp_path, "--data", tmp_path / "data")
    assert done.exit_code == 2
    assert "daily.csv must be a readable csv file, was damaged" in done.stderr


def test_flags_win_over_the_file_and_the_resolved_configuration_is_saved(market, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("signal: reversal\nfees: none\ncash: 5000000\nparameters: {top_k: 5}\n")
    arguments = ["--config", config, "--data", market, "--output", tmp_path / "runs", "--fees", "10bp", "--json"]
    done = run("backtest", *arguments, "--set", "min_listed_days=60")
    assert done.exit_code == 0, done.stderr
    saved = (Path(json.loads(done.stdout)["run"]) / "config.yaml").read_text()
    for line in ("fees: 10bp", "cash: 5000000.0", "  top_k: 5", "min_listed_days: 60", "strategy: top10"):
        assert f"{line}\n" in saved
    again = run("backtest", "--config", Path(json.loads(done.stdout)["run"]) / "config.yaml", "--data", market,
                "--output", tmp_path / "runs", "--json")  # fmt: skip
    assert again.stdout == done.stdout


CHEAP = """
from strategies.base import BasketStrategy
from strategies.registry import register


class Cheapest(BasketStrategy):
    params = (("count", 5),)

    def weights(self, row, columns, scores):
        close = self.broker.market.panel.field("close")[row]
        best = self.best(row, columns, -close[columns], self.p.count)
        return {int(column): 1 / self.p.count for column in best}


register("cheapest", Cheapest, "the lowest prices")
"""


def test_a_strategy_in_a_file_of_ones_own_is_backtested(market, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(CHEAP)
    arguments = ["--strategy", "mine.py", "--signal", "reversal", "--data", market, "--output", tmp_path / "runs"]
    done = run("backtest", *arguments, "--set", "count=3")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("cheapest on reversal, ")
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("cheapest-reversal-2019-")
    assert "strategy: mine.py\n" in (folder / "config.yaml").read_text()
    assert "strategy cheapest of mine.py, SHA-256 " in (folder / "run.log").read_text()
    Path("mine.py").write_text(CHEAP.replace("-close", "close"))
    assert run("backtest", *arguments, "--set", "count=3").exit_code == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2  # an edited strategy is another run
    assert run("backtest", "--config", folder / "config.yaml", "--data", market, "--output", "runs").exit_code == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2  # and the same file the same one


AUDIT = ["audit", "--signal", "reversal", "--start", "2019-10-08", "--end", "2020-04-30", "--trials", "6"]


def test_an_audit_of_an_honest_strategy_finds_nothing(market, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(CHEAP)
    for strategy in ("top10", "mine.py"):
        done = run(*AUDIT, "--strategy", strategy, "--data", market, "--json")
        assert done.exit_code == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["leaks"] == []
        assert [(row["trials"], row["differences"]) for row in found["rows"]] == [(6, 0), (6, 0)]
    done = run(*AUDIT, "--data", market)
    assert "no look-ahead found" in done.stdout and SIMULATED_NOTICE in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_an_audit_catches_a_cheat_in_a_file_of_the_users_own(market, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(CHEAP.replace('field("close")[row]', 'field("close")[row + 1]'))
    first = run(*AUDIT, "--strategy", f"{file}:cheapest", "--data", market, "--json")
    assert first.exit_code == 1, first.stderr
    (leak,) = json.loads(first.stdout)["leaks"]
    assert (leak["row"], leak["what"], leak["cut"]) == ("everything after the cut", "order", leak["date"])
    assert leak["moved_by"].startswith("close of the execution day 20")
    assert first.stdout == run(*AUDIT, "--strategy", file, "--data", market, "--json").stdout
    shown = run(*AUDIT, "--strategy", file, "--data", market)
    assert shown.exit_code == 1
    text = f"order of {leak['date']} for {leak['code']} must not depend on {leak['moved_by']}, was {leak['was']}"
    assert f"look-ahead: {text} and became {leak['became']}\n" in shown.stdout


def test_an_audit_can_be_interrupted(market, monkeypatch):
    from analyzers.audit import whole

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(whole, "audit_trading", stop)
    done = run(*AUDIT, "--data", market)
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr == "interrupted: an audit keeps nothing, the same command begins anew\n"


def test_the_simulated_market_is_named_wherever_a_result_is_shown(market, tmp_path):
    done = run("backtest", "--signal", "reversal", "--data", market, "--output", tmp_path)
    assert SIMULATED_NOTICE in done.stdout
    page = next(tmp_path.glob("*/tear_sheet.html")).read_text(encoding="utf-8")
    assert SIMULATED_NOTICE in page


def test_a_score_file_that_was_altered_is_refused(market, tmp_path):
    data = _copy(market, tmp_path)
    file = sorted((data / "signals" / "reversal").glob("*.parquet"))[0]
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = run("backtest", "--signal", "reversal", "--data", data, "--output", tmp_path / "runs")
    assert done.exit_code == 2
    assert f"{file.name} must have SHA-256" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_damaged_part_of_the_store_is_refused(market, tmp_path):
    data = _copy(market, tmp_path)
    part = sorted((data / "daily").glob("*.parquet"))[0]
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)
    for cache in (data / ".panel").iterdir():
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()
    done = run("backtest", "--signal", "reversal", "--data", data, "--output", tmp_path / "runs")
    assert done.exit_code == 2
    assert f"{part.name} must have SHA-256" in done.stderr
    checked = run("data", "check", "--data", data)
    assert checked.exit_code == 1
    assert "SHA-256" in checked.stdout


def test_a_benchmark_with_a_missing_day_is_an_error(market, tmp_path):
    from feeds.store import Store

    data = _copy(market, tmp_path)
    store = Store(data)
    index = store.read("index_daily")
    gap = (index["ts_code"] == "000300.SH") & (index["trade_date"] == pd.Timestamp("2020-03-03"))
    with store.transaction("simulated", simulated=True) as writer:
        writer.put("index_daily", index[~gap])
    arguments = ["--signal", "reversal", "--data", data, "--benchmark", "000300.SH", "--output", tmp_path / "runs"]
    done = run("backtest", *arguments)
    assert done.exit_code == 2
    assert "benchmark 000300.SH must have a close on every day, was missing 1, first 2020-03-03" in done.stderr


def test_demo_data_do_not_replace_real_data(market, tmp_path):
    from feeds.store import Store

    data = tmp_path / "data"
    with Store(data).transaction("files of mine") as writer:
        for name in ("trade_cal", "daily"):
            writer.put(name, Store(market).read(name))
    before = Store(data).fingerprint
    done = run("data", "demo", "--data", data, *DEMO)
    assert done.exit_code == 2
    assert "must be empty or hold a simulated market" in done.stderr
    assert Store(data).fingerprint == before


def test_scores_of_a_market_that_was_replaced_are_refused(market, tmp_path):
    """Imported scores pass; trained ones name the data they were made from."""
    from signals.table import SignalFolder

    data = _copy(market, tmp_path)
    scores = SignalFolder(data / "signals" / "reversal").read("2020-03-31")
    folder = SignalFolder(data / "signals" / "trained")
    folder.write(scores.date, scores.codes, scores.scores, {"model": "lstm", "data_fingerprint": "another market"})
    done = run("backtest", "--signal", "trained", "--data", data, "--output", tmp_path / "runs")
    assert done.exit_code == 2
    assert "signal trained must be made from the market data in" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_three_csv_files_and_scores_are_enough_for_a_tear_sheet(market, tmp_path):
    from feeds.store import Store

    folder, data = tmp_path / "export", tmp_path / "data"
    folder.mkdir()
    store = Store(market)
    daily = store.read("daily")
    daily["vol"], daily["amount"] = daily["vol"] / 100, daily["amount"] / 1000  # lots and thousands, as Tushare has
    for name, frame in (("daily", daily), ("adj_factor", store.read("adj_factor"))):
        frame["trade_date"] = frame["trade_date"].dt.strftime("%Y%m%d")
        frame.to_csv(folder / f"{name}.csv", index=False)
    calendar = store.read("trade_cal")
    calendar["cal_date"] = calendar["cal_date"].dt.strftime("%Y%m%d")
    calendar.to_csv(folder / "trade_cal.csv", index=False)
    assert run("data", "import", folder, "--data", data).exit_code == 0
    assert run("signals", "import", market.parent / "scores.csv", "--name", "mine", "--data", data).exit_code == 0
    done = run("backtest", "--signal", "mine", "--data", data, "--output", tmp_path / "runs")
    assert done.exit_code == 0, done.stderr
    assert "benchmark none" in done.stdout
    page = next((tmp_path / "runs").glob("*/tear_sheet.html")).read_text(encoding="utf-8")
    assert "files of export" in page and SIMULATED_NOTICE not in page


def test_a_backtest_killed_while_it_writes_leaves_no_half_run(market, tmp_path):
    runs = tmp_path / "runs"
    command = [sys.executable, str(ROOT / "cli.py"), "backtest", "--signal", "reversal", "--data", str(market)]
    process = subprocess.Popen([*command, "--output", str(runs)], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(runs.glob(".tmp-*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(system.SIGKILL)
    process.wait()
    assert not [folder for folder in runs.iterdir() if not folder.name.startswith(".tmp-")]
    done = run("backtest", "--signal", "reversal", "--data", market, "--output", runs)
    assert done.exit_code == 0, done.stderr


def test_lists_and_checks_print_tables(market):
    listed = run("signals", "list", "--data", market)
    assert "reversal" in listed.stdout and "lstm_thoughts" in listed.stdout
    assert run("signals", "validate", "reversal", "--data", market).exit_code == 0
    assert "daily" in run("data", "info", "--data", market).stdout
    assert run("data", "check", "--data", market).exit_code == 0


def test_the_rules_of_a_code_and_day_are_printed_and_given_as_json(market):
    shown = ["rules", "show", "--code", "600519.SH", "--date", "2020-08-24", "--no-st", "--pre-close", "13.69"]
    table = run(*shown)
    assert table.exit_code == 0, table.stderr
    assert table.stdout.split()[:6] == ["rule", "value", "since", "until", "source", "confidence"]
    rows = json.loads(run(*shown, "--json").stdout)
    assert list(rows[0]) == ["rule", "value", "since", "until", "source", "confidence"]
    prices = next(row for row in rows if row["rule"] == "limit prices of the day")
    assert (prices["value"], prices["source"]) == ("12.32 to 15.06", "±10% on 13.69, rounded half up")
    code = pd.read_csv(market.parent / "scores.csv")["code"].iloc[0]
    of_data = run("rules", "show", "--code", code, "--date", "2020-12-31", "--data", market, "--json")
    assert json.loads(of_data.stdout)[-1]["source"] == f"stk_limit of {market}, in the place of the rule"


def test_help_and_version_answer():
    assert "backtest" in run("--help").stdout
    assert run("--version").exit_code == 0


def _copy(market: Path, tmp_path: Path) -> Path:
    import shutil

    data = tmp_path / "data"
    shutil.copytree(market, data)
    return data
