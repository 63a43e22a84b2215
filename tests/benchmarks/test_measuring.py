"""How engines are measured: a peer that fails is a row with its reason, never a crash."""

import subprocess
import sys

import measuring
import numpy as np
import pytest
from engines import Engine


def test_the_difference_is_the_largest_at_any_close_in_yuan_and_basis_points():
    found = measuring.difference(np.array([100.0, 202.0, 300.0]), np.array([100.0, 200.0, 300.5, 400.0]))
    assert found["yuan"] == 2
    assert found["bp"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("stderr", "said"),
    [("Traceback\nValueError: no such day\n\n", "ValueError: no such day"), ("", "exit code 3")],
)
def test_a_failure_is_the_last_line_that_was_printed(stderr, said):
    assert measuring.failure(subprocess.CalledProcessError(3, ["x"], stderr=stderr)) == said


def test_engines_that_fail_are_rows_with_their_reason(tmp_path, monkeypatch):
    ledger = Engine("numpy", "NumPy ledger", "run_numpy", "")
    close = Engine("close", "a peer", "run_numpy", "", arguments=("same_close",), ledger=("same_close",))
    broken = Engine("broken", "no such peer", "run_nothing", "")
    unprepared = Engine("unprepared", "a peer without its format", "run_numpy", "", prepare=("prepare_nothing",))
    engines = (ledger, close, broken, unprepared)
    monkeypatch.setattr(measuring, "ENGINES", engines)
    monkeypatch.setattr(measuring, "REPEATS", 2)
    size = measuring.compare(tmp_path, (20, 60), {engine.name: sys.executable for engine in engines})
    found = size["engines"]
    assert (size["stocks"], size["days"]) == (20, 60)
    assert [run["days"] for run in found["numpy"]["runs"]] == [60, 60]
    assert found["close"]["own_rule"] == {"yuan": 0, "bp": 0}
    assert found["close"]["yuan"] > 1
    assert "run_nothing.py" in found["broken"]["failed"]
    assert "prepare_nothing.py" in found["unprepared"]["failed"]


def test_a_peer_that_pip_cannot_install_is_a_row_with_its_reason(tmp_path, monkeypatch):
    def refuse(folder, requirements):
        raise subprocess.CalledProcessError(1, ["pip"], stderr="ERROR: No matching distribution found for peer==9\n")

    peer = Engine("peer", "a peer", "run_peer", "", requirements=("peer==9",))
    monkeypatch.setattr(measuring, "ENGINES", (peer,))
    monkeypatch.setattr(measuring, "environment", refuse)
    assert measuring.pythons(tmp_path) == (
        {},
        {"peer": {"failed": "could not be installed: ERROR: No matching distribution found for peer==9"}},
    )
