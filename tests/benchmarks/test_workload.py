"""The workload of the benchmark, and the engines that can be run here on a small one."""

import json

import numpy as np
import prepare_huice
import pytest
import run_huice
import run_numpy
from rules_market import market_that_refuses
from workload import Workload, generate, load, save

from feeds.panel import save_panel

TINY = (30, 150)


@pytest.fixture(scope="module")
def work() -> Workload:
    return generate(*TINY)


@pytest.fixture(scope="module")
def folder(work, tmp_path_factory):
    folder = tmp_path_factory.mktemp("workload") / "30x150"
    save(work, folder)
    save_panel(prepare_huice.plain_market(work), folder / "panel")
    save_panel(market_that_refuses(work), folder / "rules_panel")
    return folder


def one_stock(open_, close) -> Workload:
    """Return a workload of one stock that is decided on at the first close."""
    dates = np.arange("2024-01-01", "2024-01-04", dtype="datetime64[D]")
    bars = np.array([open_]), np.array([close])
    return Workload(dates, bars[0], bars[1], bars[1], bars[1], np.array([0]), np.array([[1.0]]))


def test_the_same_size_and_seed_give_the_same_bytes_and_another_seed_does_not(work):
    again, other = generate(*TINY), generate(*TINY, seed=1)
    for name in ("dates", "open", "high", "low", "close", "decisions", "scores"):
        assert getattr(again, name).tobytes() == getattr(work, name).tobytes(), name
    assert other.close.tobytes() != work.close.tobytes()


def test_a_saved_workload_reads_back(work, folder):
    read = load(folder)
    np.testing.assert_array_equal(read.close, work.close)
    np.testing.assert_array_equal(read.scores, work.scores)


def test_a_suspension_never_begins_on_a_fill_day():
    work = generate(1000, 150)
    suspended = np.isnan(work.close)
    begins = suspended[:, 1:] & ~suspended[:, :-1]
    assert begins.any()
    assert not begins[:, work.decisions].any()  # begins[:, d] is the day after d


def test_the_ledger_buys_at_the_next_open_with_the_fee():
    # 9.8 % of 10,000,000 at 10 is 98,000 shares; at 11 they cost 1,078,000 and 862.40 of fee, and end at 12.
    nav = run_numpy.simulate(one_stock([10.0, 11.0, 11.0], [10.0, 10.5, 12.0]))
    assert nav == pytest.approx([10_000_000, 8_921_137.6 + 1_029_000, 8_921_137.6 + 1_176_000])


def test_the_ledger_of_the_same_close_pays_the_close_that_sized_the_order():
    # 98,000 shares at 10 cost 980,000 and 784 of fee.
    nav = run_numpy.simulate(one_stock([10.0, 11.0, 11.0], [10.0, 10.5, 12.0]), same_close=True)
    assert nav == pytest.approx([10_000_000 - 784, 9_019_216 + 1_029_000, 9_019_216 + 1_176_000])


def test_our_engine_equals_the_ledger_to_the_cent(work, folder, tmp_path):
    run_huice.main(folder, tmp_path / "nav.npy", rules=False, top_k=10, days=None)
    nav = np.load(tmp_path / "nav.npy")
    reference = run_numpy.simulate(work)
    assert np.abs(nav - reference).max() < 0.005
    assert len(np.unique(nav)) > 100  # it traded


def test_with_every_rule_on_the_market_refuses_and_events_reach_the_account(folder, tmp_path, capsys):
    run_huice.main(folder, tmp_path / "nav.npy", rules=True, top_k=10, days=None)
    facts = json.loads(capsys.readouterr().out)
    assert facts["options"]["lots"] == "board"
    assert facts["reasons"]["suspended"] > 0
    assert facts["actions"]["cash_dividend"] > 0
    assert facts["futures"]["open"] > 0 and facts["futures"]["roll"] > 0
    assert facts["orders"] == sum(facts["statuses"].values())
    assert facts["engine_s"] > 0 and facts["peak_mb"] > 0


def test_fewer_days_run_only_the_first_days(folder, tmp_path):
    run_huice.main(folder, tmp_path / "nav.npy", rules=False, top_k=10, days=60)
    assert len(np.load(tmp_path / "nav.npy")) == 60


def test_the_refusing_market_keeps_every_price_within_its_limits(work):
    panel = market_that_refuses(work)
    down, up = panel.field("down_limit"), panel.field("up_limit")
    for name in ("open", "high", "low", "close"):
        prices = panel.field(name)
        traded = np.isfinite(prices)
        assert (prices[traded] >= down[traded]).all() and (prices[traded] <= up[traded]).all(), name
    locked = panel.field("open") == up
    assert locked.any() and (panel.field("open") == down).any()
    assert (panel.field("close")[locked] == up[locked]).mean() > 0.9


def test_the_reference_close_of_the_refusing_market_is_ex_dividend(work):
    panel = market_that_refuses(work)
    events = panel.events
    stock, row = events.stock.astype(int), events.row.astype(int)
    close = panel.field("close")
    known = (row > 0) & np.isfinite(close[np.maximum(row - 1, 0), stock])
    stock, row = stock[known], row[known]
    due = (close[row - 1, stock] - events.cash[known]) / (1 + events.shares[known])
    np.testing.assert_allclose(panel.field("pre_close")[row, stock], due, atol=0.011)
    assert known.sum() > 10


def test_a_delisted_stock_of_the_refusing_market_has_no_bars(work):
    panel = market_that_refuses(work)
    gone = int(panel.delist_index[2])
    assert gone < len(panel.dates)
    assert np.isnan(panel.field("close")[gone:, 2]).all()
    assert np.isfinite(panel.field("close")[:gone, 2]).any()
