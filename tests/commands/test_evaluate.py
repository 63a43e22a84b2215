"""The command evaluate, as one meets it on a simulated market with imported scores."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import cli
from analyzers.comparison import compare_signals
from feeds.errors import SignalError
from feeds.sources import SIMULATED_NOTICE
from signals.table import signal_folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module", name="market")
def market_fixture(tmp_path_factory):
    """A small simulated market with two monthly signals and a weekly one."""
    from feeds.building import open_panel

    data = tmp_path_factory.mktemp("evaluate") / "data"
    made = run("data", "demo", "--data", data, "--stocks", "30", "--start", "2019-01-02", "--end", "2020-06-30")
    assert made.exit_code == 0, made.output
    panel = open_panel(data)
    months = panel.dates.astype("datetime64[M]")
    ends = [row for row in np.flatnonzero(np.append(months[1:] != months[:-1], False)) if row >= 130]
    for name, rows in {"early": ends, "late": ends[2:], "weekly": range(130, len(panel.dates) - 10, 5)}.items():
        random = np.random.default_rng(len(name))
        listed = [(row, code) for row in rows for code in panel.codes[panel.listed[row]]]
        scores = data.parent / f"{name}.csv"
        table = pd.DataFrame([(str(panel.dates[row]), code) for row, code in listed], columns=["date", "code"])
        table.assign(score=random.normal(size=len(table))).to_csv(scores, index=False)
        imported = run("signals", "import", scores, "--name", name, "--data", data)
        assert imported.exit_code == 0, imported.output
    return data


def test_signals_are_shown_side_by_side(market):
    shown = run("evaluate", "--signal", "early", "--signal", "late", "--data", market)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == "forward return open to open, to the next rebalance"
    assert next(line for line in lines if line.startswith("Figures")).split() == ["Figures", "early", "late"]
    assert any(line.startswith("note: on the 9 dates and ") for line in lines)
    assert lines[-1] == SIMULATED_NOTICE


def test_json_has_the_same_flat_names_for_every_signal(market):
    shown = run("evaluate", "--signal", "early", "--signal", "late", "--data", market, "--json")
    found = json.loads(shown.stdout)
    assert found["common_dates"] is True
    early, late = found["signals"]["early"], found["signals"]["late"]
    assert list(early) == list(late)
    assert {
        "ic_mean",
        "rank_ic_t",
        "decay_rank_ic_10_20",
        "tenth_10",
        "rank_ic_2020",
        "long_only_excess_net_mean",
    } <= set(early)
    assert early["signal_dates"] == late["signal_dates"] == 8  # September to April; May has no next
    own = run("evaluate", "--signal", "early", "--signal", "late", "--data", market, "--json", "--own-dates")
    assert json.loads(own.stdout)["signals"]["early"]["signal_dates"] == 10


def test_a_page_is_written_beside_what_is_printed(market, tmp_path):
    arguments = ["evaluate", "--signal", "early", "--signal", "late", "--data", market]
    shown = run(*arguments, "--html", tmp_path / "page.html")
    assert shown.stdout == run(*arguments).stdout
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>early and late</h1>" in page
    assert SIMULATED_NOTICE in page


def test_a_span_of_dates_may_be_chosen(market):
    arguments = ["evaluate", "--signal", "weekly", "--data", market, "--json", "--horizon", "5"]
    found = json.loads(run(*arguments, "--start", "2020-02-01", "--end", "2020-03-31").stdout)["signals"]["weekly"]
    whole = json.loads(run(*arguments).stdout)["signals"]["weekly"]
    assert found["signal_dates"] == len(pd.bdate_range("2020-02-03", "2020-03-31")) // 5 + 1 < whole["signal_dates"]


def write(market, name, **meta):
    """Copy the signal ``late`` under another name, with facts of its making."""
    folder = signal_folder(market, name)
    late = signal_folder(market, "late")
    folder.write_all(replace(late.read(day), meta=meta) for day in late.dates())


def test_only_stocks_that_may_be_bought_are_measured(market):
    from feeds.building import open_panel
    from feeds.universe import eligible

    panel = open_panel(market)
    found = compare_signals(market, ["late"], note=str).evaluations[0].quality.by_date
    rows = [panel.date_index(day) for day in found["date"].to_numpy()]
    scored = found["names"] + found["untradable"]
    assert scored.tolist() == eligible(panel)[rows].sum(axis=1).tolist()
    assert (scored < panel.listed[rows].sum(axis=1)).any()  # new and ST stocks are left out


def test_scores_of_proxies_are_told_of(market):
    write(market, "stand_in", proxy=True)
    assert compare_signals(market, ["late"], note=str).notes == ()
    words = "stand_in is made from proxies of the data that its model asks for"
    assert compare_signals(market, ["stand_in"], note=str).notes == (words,)


@pytest.mark.parametrize(("meta", "words"), [
    ({"train_end": "2021-01-29"}, "train_end of foreseen 2019-09-30 must not be after the signal date"),
    ({"data_fingerprint": "elsewhere", "universe": "all", "config_hash": ""}, "was made from elsewhere"),
])  # fmt: skip
def test_scores_that_could_not_have_been_known_or_are_of_other_data_are_refused(meta, words, market):
    write(market, "foreseen", **meta)
    with pytest.raises(SignalError, match=words):
        compare_signals(market, ["foreseen"], note=str)


REFUSALS = {
    "an unknown signal": (["--signal", "erly"], "was erly (did you mean early?)"),
    "a signal without files": (
        ["--signal", "lstm_thoughts"],
        "signal lstm_thoughts must have files from the first day to the last (train or import it), was without one",
    ),
    "no signal": ([], "--signal must be given, was missing"),
    "one signal twice": (["--signal", "late", "--signal", "late"], "must differ from each other, was late, late"),
    "two frequencies": (["--signal", "late", "--signal", "weekly"], "signals must be of one frequency"),
    "a horizon that is none": (
        ["--signal", "late", "--horizon", "0"],
        "--horizon must be next_signal or a number of sessions, was 0",
    ),
    "an unknown universe": (["--signal", "late", "--universe", "000301.SH"], "universe must be one of"),
    "a span without a date": (
        ["--signal", "late", "--start", "2020-06-20"],
        "must have files from 2020-06-20 to the last",
    ),
    "a page that is a folder": (["--signal", "late", "--html", "."], "--html must be a file in a folder that exists"),
    "a page in no folder": (["--signal", "late", "--html", "nowhere/page.html"], "was nowhere/page.html"),
    "a day that is none": (["--signal", "late", "--start", "2020-13-01"], "must be a day like 2020-01-31"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_evaluated_is_refused_in_one_line(case, market):
    arguments, words = REFUSALS[case]
    refused = run("evaluate", "--data", market, *arguments)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1
    assert words in refused.stderr
