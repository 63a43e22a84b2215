"""The page of a comparison: offline, the same for the same figures, and showing what the tables say."""

import re

import numpy as np
import pytest

from analyzers.comparison import compare
from analyzers.comparison_page import charts, write_comparison
from analyzers.comparison_tables import tables
from feeds.panel import MarketPanel

CODES = np.array([f"{n:06d}.SZ" for n in range(20)])
DAYS = np.arange("2024-01-01", "2024-05-01", dtype="datetime64[D]")


@pytest.fixture(scope="module", name="walk")
def walk_fixture() -> MarketPanel:
    moves = np.random.default_rng(1).normal(0, 0.02, (len(DAYS), len(CODES)))
    close = 10 * np.exp(np.cumsum(moves, axis=0))
    return MarketPanel.from_arrays(DAYS, CODES, {"open": close, "close": close})


def noise(rows, seed):
    random = np.random.default_rng(seed)
    return [(DAYS[row], CODES, random.normal(size=len(CODES))) for row in rows]


def test_the_page_shows_every_cell_of_the_tables_and_needs_no_network(walk, tmp_path):
    found = compare({"a<b": noise(range(0, 110, 10), 1), "other": noise(range(0, 110, 10), 2)}, walk)
    write_comparison(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>a&lt;b and other</h1>" in page
    assert "a<b" not in re.sub(r'<script type="application/json">.*?</script>', "", page)
    for _, rows in tables(found):
        for row in rows:
            for cell in row[1:]:
                assert f"<td>{cell}</td>" in page
    assert all(note.split("(")[0].replace("<", "&lt;").replace("'", "&#39;") in page for note in found.notes)
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)


def test_the_same_comparison_is_the_same_bytes(walk, tmp_path):
    signals = {"a": noise(range(0, 110, 10), 1), "b": noise(range(0, 110, 10), 2)}
    for name in ("one", "two"):
        write_comparison(tmp_path / name, compare(signals, walk))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_sums_run_over_the_dates_of_all_signals(walk):
    found = compare({"a": noise([0, 10, 20], 1), "b": noise([10, 30, 50], 2)}, walk, own_dates=True)
    rank_ic, excess = charts(found)
    assert rank_ic.dates == ["2024-01-01", "2024-01-11", "2024-01-31"]  # a: the first two; b: the last two
    first = found.evaluations[0].quality.by_date["rank_ic"].tolist()
    last = found.evaluations[1].quality.by_date["rank_ic"].tolist()
    sums = [[float(text) for text in trace.texts] for trace in rank_ic.traces]
    assert sums[0] == pytest.approx([first[0], sum(first), sum(first)], abs=6e-4)
    assert sums[1] == pytest.approx([0, last[0], sum(last)], abs=6e-4)
    net = found.evaluations[0].net_excess.sum()
    assert float(excess.traces[0].texts[-1].rstrip("%")) == pytest.approx(net * 100, abs=6e-3)


def test_a_signal_without_a_measured_date_has_a_page_without_charts(walk, tmp_path):
    found = compare({"a": noise([0], 1)}, walk)
    assert charts(found) == []
    write_comparison(tmp_path / "page.html", found)
    assert "<h1>a</h1>" in (tmp_path / "page.html").read_text(encoding="utf-8")
