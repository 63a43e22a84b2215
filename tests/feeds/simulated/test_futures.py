import numpy as np
import pandas as pd
import pytest

from feeds.calendar import futures_last_day
from feeds.sources.simulated.futures import SPECS, contracts

INDEX = {"IF": "000300.SH", "IH": "000016.SH", "IC": "000905.SH", "IM": "000852.SH"}


def test_four_contracts_of_each_future_trade_every_session(market):
    basic = market["fut_basic"].set_index("ts_code")
    future = market["fut_daily"].assign(kind=lambda frame: basic.loc[frame["ts_code"], "fut_code"].to_numpy())
    assert set(future.groupby(["kind", "trade_date"]).size()) == {4}
    multipliers = basic["multiplier"].groupby(basic["fut_code"]).first().to_dict()
    assert multipliers == {"IF": 300.0, "IH": 300.0, "IC": 200.0, "IM": 200.0}
    months = future[(future["trade_date"] == "2017-01-03") & (future["kind"] == "IF")]["ts_code"].tolist()
    assert months == ["IF1701.CFX", "IF1702.CFX", "IF1703.CFX", "IF1706.CFX"]
    for code, row in basic.iterrows():
        assert str(row["delist_date"])[:10] == str(futures_last_day(np.datetime64(f"20{code[2:4]}-{code[4:6]}")))


@pytest.mark.parametrize(
    ("kind", "opened", "first"),
    [
        ("IF", "2010-04-16", ["IF1005.CFX", "IF1006.CFX", "IF1009.CFX", "IF1012.CFX"]),
        ("IH", "2015-04-16", ["IH1505.CFX", "IH1506.CFX", "IH1509.CFX", "IH1512.CFX"]),
        ("IC", "2015-04-16", ["IC1505.CFX", "IC1506.CFX", "IC1509.CFX", "IC1512.CFX"]),
        ("IM", "2022-07-22", ["IM2208.CFX", "IM2209.CFX", "IM2212.CFX", "IM2303.CFX"]),
    ],
)
def test_the_first_contracts_are_those_of_the_months_after_the_opening(kind, opened, first):
    spec = next(spec for spec in SPECS if spec.code == kind)
    day = np.datetime64(opened)
    assert [contract.code for contract in contracts(spec, day, day)] == first
    assert contracts(spec, day - 400, day - 1) == []


def test_the_basis_vanishes_by_the_last_day_and_grows_with_the_time_left(market):
    index, basic = market["index_daily"], market["fut_basic"].set_index("ts_code")
    close = index[index["ts_code"].isin(list(INDEX.values()))].set_index(["ts_code", "trade_date"])["close"]
    future = market["fut_daily"]
    underlying = basic.loc[future["ts_code"], "fut_code"].map(INDEX).to_numpy()
    spot = close.loc[list(zip(underlying, future["trade_date"], strict=True))].to_numpy()
    last = basic.loc[future["ts_code"], "delist_date"].to_numpy()
    left = (last - future["trade_date"].to_numpy()) // np.timedelta64(1, "D")
    basis = future["settle"].to_numpy() / spot - 1
    assert (left == 0).sum() == 3 * 96 + 29 and np.abs(basis[left == 0]).max() < 0.01
    assert np.abs(future["close"].to_numpy()[left == 0] / spot[left == 0] - 1).max() < 0.002
    discount = [basis[(underlying == "000905.SH") & (left > low) & (left <= low + 30)].mean() for low in (0, 60, 120)]
    assert 0 > discount[0] > discount[1] > discount[2] > -0.06


def test_settlements_chain_and_stay_within_the_daily_limit(market):
    future = market["fut_daily"]
    same = future["ts_code"].eq(future["ts_code"].shift())
    assert (future["pre_settle"] == future["settle"].shift())[same].all() and future["pre_settle"][~same].isna().all()
    move = (future["close"] / future["pre_settle"] - 1)[same]
    assert move.abs().max() <= 0.1 + 1e-9
    ticks = future["close"] / 0.2
    assert np.abs(ticks - ticks.round()).max() < 1e-6


def test_the_final_settlement_leans_from_the_indexs_close_to_its_open(market):
    index = market["index_daily"].query("ts_code == '000300.SH'").set_index("trade_date")
    final = market["fut_daily"].set_index(["ts_code", "trade_date"])["settle"]
    for day, code in (("2020-03-20", "IF2003.CFX"), ("2024-02-19", "IF2402.CFX")):
        expected = 0.85 * index.loc[day, "close"] + 0.15 * index.loc[day, "open"]
        assert final[code, pd.Timestamp(day)] == round(expected, 2)
