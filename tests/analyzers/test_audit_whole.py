"""From a data folder to findings: the trading of a signal, and the signal itself where it can be trained."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from analyzers.audit.whole import audit as audit_prepared
from analyzers.backtest import prepare
from feeds.errors import ConfigError, SignalError
from feeds.panel import MarketPanel
from signals import registry as signal_registry
from signals.features.inputs import FEATURES
from signals.table import SignalFolder
from strategies import registry
from strategies.execution.config import make

SPAN = {"start": "2019-12-02", "end": "2020-04-30"}
OWN = """
import numpy as np

from signals.features.inputs import FEATURES
from signals.registry import SignalSpec, register as register_signal
from signals.splits import Schedule
from strategies.registry import register
from strategies.top_k import TopK


def scaled(block):
    close = block.field("close")
    return close / np.nanmax(close, axis=1, keepdims=True)


FEATURES["scaled"] = scaled
register_signal(SignalSpec("own", "mine", "nowhere", features="scaled", lookback=2, schedule=Schedule(3, 2)))
register("own", TopK, "mine", top_k=5)
"""


@pytest.fixture
def data(simulated_data, simulated_panel, tmp_path, monkeypatch) -> Path:
    """A data folder of the user's own with month-end scores under the name ``own``."""
    monkeypatch.setattr(signal_registry, "_SPECS", dict(signal_registry._SPECS))
    monkeypatch.setattr(registry, "_FILES", {})
    for name in ("scaled", "mine"):
        monkeypatch.setitem(FEATURES, name, FEATURES["ma_5"])  # so that what a file adds is taken back
        monkeypatch.delitem(FEATURES, name)
    folder = tmp_path / "data"
    shutil.copytree(simulated_data, folder)
    write_scores(folder, simulated_panel, simulated_panel.fingerprint)
    return folder


def audit(config, data, **options):
    panel, folder = prepare(config, data, lambda *_: None, lambda _: None)
    return audit_prepared(config, data, panel, folder, **options)


def write_scores(data: Path, panel: MarketPanel, fingerprint: str) -> None:
    random = np.random.default_rng(0)
    months = panel.dates.astype("datetime64[M]")
    for row in np.flatnonzero(months[1:] != months[:-1])[8:]:
        codes = panel.codes[panel.listed[row]]
        meta = {"model": "own", "universe": "all", "data_fingerprint": fingerprint, "config_hash": "old"}
        SignalFolder(data / "signals" / "own").write(panel.dates[row], codes, random.normal(size=len(codes)), meta)


def test_imported_scores_are_traded_and_nothing_else_can_be_computed_again(data):
    found = audit(make({"signal": "own", **SPAN}), data, trials=2)
    assert [row.name for row in found.rows] == [
        "everything after the cut", "the execution day's high, low, close, volume, amount",
    ]  # fmt: skip
    assert (found.leaks, found.simulated) == ([], True)


def test_a_users_file_with_a_strategy_a_signal_and_a_feature_is_audited_whole(data, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    config = make({"strategy": str(file), "signal": "own", **SPAN})
    registry.get(config.strategy)  # as the command line does first: the file brings its signal along
    told: list[str] = []
    found = audit(config, data, trials=2, step=told.append)
    assert [(row.name, row.differences) for row in found.rows[2:]] == [("features", 2), ("training samples", 0)]
    (leak,) = found.leaks
    assert str(leak).startswith(f"feature scaled of {leak.difference.date} for {leak.difference.code} must not depend")
    assert leak.moved_by == f"close of days after {leak.cut}"
    assert found.as_dict()["leaks"][0]["moved_by"] == leak.moved_by
    assert "features of another market" in told and "looking for the cause" in told


def test_scores_of_another_market_are_refused(data, simulated_panel):
    write_scores(data, simulated_panel, "another market")
    with pytest.raises(SignalError, match="signal own must be made from the market data in"):
        audit(make({"signal": "own", **SPAN}), data)


@pytest.mark.parametrize(("options", "said"), [({"trials": 0}, "trials must be 1"), ({"seed": -1}, "seed must be 0")])
def test_impossible_numbers_are_refused(options, said, data):
    with pytest.raises(ConfigError, match=said):
        audit(make({"signal": "own"}), data, **options)
