"""The results page and its chart say what the results hold."""

import copy
import json
from pathlib import Path

import pytest
from chart import draw
from engines import ENGINES
from page import page, seconds

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"


def run(engine_s: float, days: int = 1000, **facts) -> dict:
    return {"engine_s": engine_s, "process_s": 2 * engine_s, "peak_mb": 100.4, "days": days, **facts}


@pytest.fixture
def results() -> dict:
    figures = {engine.name: {"runs": [run(3.0), run(1.0), run(2.0)], "yuan": 0.0, "bp": 0.0} for engine in ENGINES}
    figures["huice"] = {"runs": [run(0.5)], "prepare_s": 1.25, "yuan": 1e-9, "bp": 0.0}
    did = {"options": {"lots": "board"}, "statuses": {"filled": 8}, "reasons": {"suspended": 1}, "actions": {}}
    figures["huice_rules"] = {"runs": [run(0.6, **did)]}
    figures["bt"] |= {"yuan": 1234.5, "bp": 1.5, "own_rule": {"yuan": 7.25, "bp": 0.25}}
    figures["backtrader"] = {"runs": [run(4.0, days=250)], "yuan": 0.0, "bp": 0.0}
    figures["zipline"] = {"runs": [], "failed": "ValueError: no such day"}
    del figures["vectorbt"]
    packages: dict = {engine.name: {"versions": {"numpy": "2.4.6"}} for engine in ENGINES}
    packages["vectorbt"] = {"failed": "could not be installed: no network"}
    point = {"stocks": 300, "days": 100, "held": 10, "orders": 50, "engine_s": 0.1, "peak_mb": 150.0}
    larger = {"stocks": 3000, "days": 400, "held": 100, "orders": 500, "engine_s": 0.4, "peak_mb": 151.0}
    about = {"date": "2026-11-20", "machine": "x86_64", "cores": 2, "python": "3.11.7", "loads": [0.1], "busy": False}
    return {
        "about": about,
        "packages": packages,
        "sizes": [{"stocks": 300, "days": 1000, "engines": figures}],
        "growth": {axis: [point, larger] for axis in ("stocks", "days", "held")},
    }


def row(text: str, title: str) -> str:
    return next(line for line in text.splitlines() if line.startswith((f"| {title} |", f"| {title} *", f"| **{title}")))


def test_a_row_holds_medians_and_how_many_times_ours_they_are(results):
    text = page(results)
    assert row(text, "huice") == "| **huice** | 0.5 | 1.0 | 1 | 100 | 1.2 | 0.0000 | 0.0000 |"
    assert row(text, "rqalpha") == "| rqalpha | 2 | 4.0 | 4 | 100 |  | 0.0000 | 0.0000 |"


def test_a_peer_that_failed_is_a_row_that_says_why(results):
    text = page(results)
    assert "ValueError: no such day" in row(text, "zipline-reloaded")
    assert "could not be installed: no network" in row(text, "vectorbt")


def test_fewer_days_are_scaled_and_said(results):
    assert seconds(results["sizes"][0]["engines"]["backtrader"], 1000) == 16
    text = page(results)
    assert (
        row(text, "Backtrader, defaults")
        == "| Backtrader, defaults * | 16.0 | 32.0 | 32.0 | > 100 |  | 0.0000 | 0.0000 |"
    )
    assert "run on the first 250 days and extrapolated" in text


def test_another_fill_rule_is_said_with_the_difference_it_leaves(results):
    text = page(results)
    assert "bt fills at the close that sized the order" in text
    assert "7.25 yuan (0.25 bp)" in text


def test_a_busy_machine_is_said(results):
    assert "busy" not in page(results)
    results["about"]["busy"] = True
    assert "The machine was busy" in page(results)


def test_growth_is_told_as_ratios(results):
    text = page(results)
    assert "10 times the stocks cost 4.0 times the seconds" in text
    assert "1,000 microseconds a day" in text  # 0.3 s over 300 days
    assert "667 microseconds an order" in text  # 0.3 s over 450 orders


def test_the_page_changes_no_results_and_the_committed_one_follows_from_them(results):
    before = copy.deepcopy(results)
    page(results)
    assert results == before
    committed = json.loads((PEERS / "results.json").read_text(encoding="utf-8"))
    assert (PEERS / "results.md").read_text(encoding="utf-8") == page(committed)


def test_the_same_results_draw_the_same_small_chart(results, tmp_path):
    draw(results, tmp_path / "a.svg")
    draw(results, tmp_path / "b.svg")
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes()
    assert b"rqalpha" in first and b"zipline" not in first
    assert (PEERS / "growth.svg").stat().st_size < 100_000
