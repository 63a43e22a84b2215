"""A small run with every part a report reads: refusals, dividends, a benchmark, a signal."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from feeds.building import open_panel
from feeds.panel import MarketPanel
from feeds.sources.simulated import SimulatedMarket
from feeds.store import Store, import_source
from strategies.execution.futures import ledger_frame

NAMES = {
    "600000.SH": "浦发银行",
    "600519.SH": "贵州茅台",
    "000001.SZ": "平安银行",
    "300750.SZ": "宁德时代",
    "688981.SH": "中芯国际",
    "000002.SZ": "万科Ａ",
    "601318.SH": "中国平安",
    "000858.SZ": "五粮液",
    "002594.SZ": "比亚迪",
    "600036.SH": "招商银行",
    "601398.SH": "工商银行",
    "000333.SZ": "<script>alert(1)</script>",
    "000300.SH": "沪深300",
}


def market(sessions: int, seed: int = 7) -> MarketPanel:
    """Return random walks of a dozen stocks, one price-limited and one suspended day in each month."""
    random = np.random.default_rng(seed)
    dates = pd.bdate_range("2019-12-31", periods=sessions + 1).to_numpy().astype("datetime64[D]")
    codes = sorted(code for code in NAMES if code != "000300.SH")
    moves = random.normal(0.0005, 0.02, (len(dates), len(codes)))
    moves[:, 0] += 0.001
    close = np.round(20 * np.exp(np.cumsum(moves, axis=0)), 2)
    opening = np.round(close * np.exp(random.normal(0, 0.006, close.shape)), 2)
    close[22::63, 3] = opening[22::63, 3] = np.nan
    index = 4000 * np.exp(np.cumsum(moves.mean(axis=1)))
    return MarketPanel.from_arrays(
        dates,
        codes,
        {"open": opening, "close": close},
        names=tuple(NAMES[code] for code in codes),
        indices={"000300.SH": index},
        simulated=True,
        source="simulated",
    )


def run_on(panel: MarketPanel, every: int = 21) -> SimpleNamespace:
    """Return a run that holds the five best-scored stocks, refused now and then, with 8 bp of fees."""
    random = np.random.default_rng(11)
    codes, dates = panel.codes, panel.dates
    opening, close = panel.field("open"), np.array(panel.field("close"))
    filled_close = pd.DataFrame(close).ffill().to_numpy()
    cash, shares = 1e6, np.zeros(len(codes))
    navs, positions, orders = [], [], []
    for row in range(len(dates)):
        if row and (row - 1) % every == 0:
            chosen = set(random.permutation(len(codes))[:5])
            before = cash + shares @ filled_close[row - 1]
            target = {
                n: (before / 5 * 0.98 // (filled_close[row - 1, n] * 100)) * 100 if n in chosen else 0.0
                for n in range(len(codes))
            }
            for n in sorted(target, key=lambda n: target[n] - shares[n]):
                wanted = target[n] - shares[n]
                if not wanted:
                    continue
                price = opening[row, n]
                refused = "suspended" if np.isnan(price) else ""
                if not refused and wanted > 0 and random.random() < 0.15:
                    refused = "limit up at open"
                fill = 0.0 if refused else abs(wanted)
                fee = 0.0 if refused else fill * price * 0.0008
                sign = np.sign(wanted)
                if not refused:
                    cash -= sign * fill * price + fee
                    shares[n] += sign * fill
                orders.append(
                    {
                        "signal_date": dates[row - 1], "date": dates[row], "ts_code": codes[n],
                        "side": "buy" if wanted > 0 else "sell", "wanted": abs(wanted), "filled": fill,
                        "price": np.nan if refused else price, "fee": fee,
                        "status": "expired" if refused else "filled", "reason": refused,
                        "reference": filled_close[row - 1, n], "attempts": 1,
                        "standing": "", "slippage": 0.0, "replaces": "",
                    }
                )  # fmt: skip
        worth = cash + shares @ filled_close[row]
        navs.append((dates[row], worth, cash, 0.0, worth - cash, 0.0, panel.index_close("000300.SH")[row]))
        for n in np.flatnonzero(shares).tolist():
            value = shares[n] * filled_close[row, n]
            positions.append((dates[row], codes[n], shares[n], filled_close[row, n], value, value / worth))
    months = sorted({str(day)[:7] for day in dates})
    return SimpleNamespace(
        nav=_dated(navs, ["date", "nav", "cash", "receivable", "stock_value", "hedge_value", "benchmark"]),
        positions=_dated(positions, ["date", "ts_code", "shares", "price", "value", "weight"]),
        orders=pd.DataFrame(orders).astype({"signal_date": "datetime64[ms]", "date": "datetime64[ms]"}),
        fills=fills_of(pd.DataFrame(orders).astype({"date": "datetime64[ms]"})),
        actions=_dated([], ["date", "ts_code", "kind", "shares", "cash", "receivable"]).astype(
            {"cash": float, "receivable": float}
        ),
        hedge=ledger_frame([], dates),
        facts={
            "data_source": "simulated market, seed 7",
            "simulated": True,
            "fees": "8bp: 0.08 % of the traded value on each side",
            "fill_rule": "the next session's open",
            "benchmark_code": "000300.SH",
            "benchmark_kind": "price index",
            "not_charged": "slippage and market impact",
            "universe": "all",
            "universe_size": [[month, 12] for month in months],
            "universe_later_delisted": 0.0,
            "signal": {
                "name": "lstm-thoughts",
                "files": len(months),
                "available_at": "19:00 of the signal date",
                "spans": [
                    {
                        "first_signal": months[0], "last_signal": months[-1],
                        "train_start": "2015-01-05", "train_end": "2018-12-28",
                        "validation_start": "2019-02-01", "validation_end": "2019-11-29", "label_end": "2019-12-30",
                        "dropped_features": {"pe_ttm": "no data before 2020"},
                    }
                ],
            },
            "strategy": "top-k",
            "params": {"count": 5, "cushion": 0.02},
            "names": NAMES,
            "cash_start": 1e6,
            "rf": 0.016,
        },
    )  # fmt: skip


def fills_of(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the executions of orders that were each filled in one session."""
    filled = orders[orders["filled"] > 0]
    columns = ["date", "ts_code", "side", "filled", "price", "fee"]
    return filled[columns].rename(columns={"filled": "shares"}).assign(slippage=0.0).reset_index(drop=True)


def _dated(rows, columns):
    return pd.DataFrame(rows, columns=columns).astype({"date": "datetime64[ms]"})


def scores_on(panel: MarketPanel, every: int = 21):
    """Return scores every 21 sessions that know a little about the coming month."""
    random = np.random.default_rng(3)
    close = pd.DataFrame(panel.field("close")).ffill().to_numpy()
    signals = []
    for row in range(0, len(panel.dates) - 1, every):
        ahead = close[min(row + every, len(close) - 1)] / close[row] - 1
        scores = ahead + random.normal(0, 0.15, len(panel.codes))
        signals.append((panel.dates[row], panel.codes, scores))
    return signals


@pytest.fixture(scope="session")
def panel() -> MarketPanel:
    return market(520)


@pytest.fixture(scope="session")
def example_run(panel) -> SimpleNamespace:
    return run_on(panel)


@pytest.fixture(scope="session")
def example_scores(panel):
    return scores_on(panel)


@pytest.fixture(scope="session")
def simulated_data(tmp_path_factory) -> Path:
    """A data folder with a small simulated market of two years, every corner case in it."""
    folder = tmp_path_factory.mktemp("audit") / "data"
    import_source(Store(folder), SimulatedMarket(stocks=60, start="2019-01-02", end="2020-12-31", seed=7))
    return folder


@pytest.fixture(scope="session")
def simulated_panel(simulated_data) -> MarketPanel:
    return open_panel(simulated_data)
