import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from feeds.calendar import trading_days
from feeds.errors import ConfigError
from feeds.rules import board_of, boards
from feeds.sources.simulated import SimulatedMarket
from feeds.sources.simulated.streams import stream
from feeds.tables import TABLES, check

SMALL = {"stocks": 40, "start": "2019-06-03", "end": "2020-12-31", "seed": 3}


def digest(source):
    total = hashlib.sha256()
    for name, frame in source.tables():
        total.update(name.encode() + ",".join(frame.columns).encode())
        for column in frame:
            values = frame[column].astype(object) if frame[column].dtype == "category" else frame[column]
            total.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return total.hexdigest()


def test_the_same_arguments_yield_the_same_bytes_in_another_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        "from test_market import SMALL, SimulatedMarket, digest; print(digest(SimulatedMarket(**SMALL)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", program, os.path.dirname(__file__)]
    other = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert other.stdout.strip() == digest(SimulatedMarket(**SMALL)), other.stderr


def test_another_seed_yields_another_market():
    assert digest(SimulatedMarket(**SMALL)) != digest(SimulatedMarket(**{**SMALL, "seed": 4}))


def test_streams_of_other_names_are_other_numbers_and_the_same_name_the_same():
    first, again, other = (stream(7, name).random(3).tolist() for name in ("bars", "bars", "flows"))
    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stocks": 5}, "stocks must be between 12 and 6000, was 5"),
        ({"seed": -1}, "seed must not be negative, was -1"),
        ({"start": "2024-12-31", "end": "2017-01-03"}, "start must be before end"),
        ({"start": "2024-01-02", "end": "2024-01-09"}, "the span must have at least 20 weekdays"),
    ],
)
def test_arguments_outside_their_rule_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        SimulatedMarket(**arguments)


def test_every_table_keeps_its_contract_and_comes_in_key_order(market):
    expected = set(TABLES) - {"fund_daily", "stk_mins"}
    assert set(market.chunks) == expected
    open_days = market["trade_cal"].query("is_open == 1")["cal_date"].to_numpy().astype("datetime64[D]")
    for name, frames in market.chunks.items():
        for frame in frames:
            checked = check(TABLES[name], frame, open_days)
            for key in TABLES[name].key:
                assert (checked[key].astype(str).to_numpy() == frame[key].astype(str).to_numpy()).all(), name


def test_calendar_and_listings_come_first(market):
    assert list(market.chunks)[:2] == ["trade_cal", "stock_basic"]


def test_chunks_of_a_dated_table_hold_years_of_their_own_in_order(market):
    for name, frames in market.chunks.items():
        if len(frames) > 1:
            years = [frame["trade_date"].dt.year.unique() for frame in frames]
            assert [len(year) for year in years] == [1] * len(frames)
            assert [int(year[0]) for year in years] == list(range(2017, 2025))
            assert TABLES[name].dated


@pytest.mark.parametrize(("start", "end"), [("2006-01-04", "2006-10-16"), ("2026-01-05", "2026-12-31")])
def test_spans_before_the_young_boards_and_at_the_end_of_the_calendar_work(start, end):
    tables = dict(SimulatedMarket(30, start, end).tables())
    for name, frame in tables.items():
        check(TABLES[name], frame)
    assert tables["fina_indicator"]["ann_date"].max() <= pd.Timestamp(end)
    assert ("fut_daily" in tables) == (start > "2010")
    assert set(tables["stock_basic"]["market"]) == (
        {"主板"} if start < "2009" else {"主板", "创业板", "科创板", "北交所"}
    )


def test_the_calendar_is_the_exchanges(market):
    assert market.days.astype("datetime64[D]").tolist() == trading_days("2017-01-03", "2024-12-31").tolist()


def test_every_board_is_there_with_codes_of_its_own(market):
    count = pd.Series(boards(market.codes)).value_counts()
    assert count.to_dict() == {"main": 192, "chinext": 66, "star": 27, "bse": 15}
    names = {"main": "主板", "chinext": "创业板", "star": "科创板", "bse": "北交所"}
    assert market.basic["market"].tolist() == [names[board_of(code)] for code in market.codes]


def test_volatility_and_drawdown_are_those_of_a_shares(market, bars):
    close = market["index_daily"].query("ts_code == '000300.SH'")["close"].to_numpy()
    returns = np.diff(np.log(close))
    assert 0.15 < returns.std() * np.sqrt(243) < 0.26
    assert -0.65 < (close / np.maximum.accumulate(close) - 1).min() < -0.25
    stock = np.log(bars["close"] / bars["pre_close"])
    deviation = np.nanstd(stock, axis=0) * np.sqrt(243)
    assert 0.33 < np.nanmedian(deviation) < 0.48
    clustering = [pd.Series(np.abs(stock[:, n])).autocorr(1) for n in range(0, 300, 10)]
    assert np.median(clustering) > 0.1
    assert np.nanmedian(pd.DataFrame(stock).kurt()) > 1.5
