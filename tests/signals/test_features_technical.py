"""Every indicator against MyTT's own functions, unrounded, stock by stock."""

import runpy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from feeds.errors import ConfigError, SignalError
from signals.features import TECHNICAL, Bars, StockBlock, indicator, model_input
from signals.features.indicator import IndicatorTable

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
COLUMNS = ("open", "high", "low", "close", "vol")

FIELD_LIST = """
asi asit atr bbi bias1 bias2 bias3 boll_lower boll_mid boll_upper brar_ar brar_br cci cr dfma_dif
dfma_difma dmi_adx dmi_adxr dmi_mdi dmi_pdi downdays updays dpo madpo ema_5 ema_10 ema_20 ema_30 ema_60
ema_90 ema_250 emv maemv expma_12 expma_50 kdj kdj_d kdj_k ktn_down ktn_mid ktn_upper lowdays topdays
ma_5 ma_10 ma_20 ma_30 ma_60 ma_90 ma_250 macd macd_dea macd_dif mass ma_mass mfi mtm mtmma obv psy psyma
roc maroc rsi_6 rsi_12 rsi_24 taq_down taq_mid taq_up trix trma vr wr wr1 xsii_td1 xsii_td2 xsii_td3
xsii_td4
"""
PRICE_SCALE_LIST = """
asi asit atr bbi boll_lower boll_mid boll_upper dfma_dif dfma_difma dpo madpo ema_5 ema_10 ema_20 ema_30
ema_60 ema_90 ema_250 expma_12 expma_50 ktn_down ktn_mid ktn_upper ma_5 ma_10 ma_20 ma_30 ma_60 ma_90
ma_250 macd macd_dea macd_dif mtm mtmma taq_down taq_mid taq_up xsii_td1 xsii_td2 xsii_td3 xsii_td4
"""
FIELDS, PRICE_SCALE = FIELD_LIST.split(), PRICE_SCALE_LIST.split()
COUNTS = ["downdays", "lowdays", "topdays", "updays"]


def bars_of(fields):
    """Pack (days, stocks) fields into back-adjusted bars."""
    prices = [(fields[name] * fields["adj_factor"]).T for name in COLUMNS[:4]]
    return Bars(*prices, fields["vol"].T)


def disagreements(bars):
    """Return (indicator, stock, worst error) wherever the values differ from MyTT's.

    Errors are relative to the value, or to a thousandth of the series' largest where the value is smaller:
    there it is the difference of two nearly equal numbers.
    """
    found = []
    for stock, count in enumerate(bars.has_bar.sum(axis=1)):
        columns = [getattr(bars, name)[stock, :count] for name in COLUMNS]
        with np.errstate(all="ignore"):
            expected_of = SUPPORT["mytt_indicators"](*columns)
        for name in FIELDS:
            actual = indicator(name, bars)[stock, :count]
            expected = np.asarray(expected_of[name], dtype=float)
            finite = np.isfinite(expected)
            if not np.array_equal(np.isfinite(actual), finite):
                found.append((name, stock, "undefined elsewhere"))
            elif finite.any():
                size = np.maximum(np.abs(expected[finite]), 1e-3 * np.abs(expected[finite]).max())
                error = np.abs(actual[finite] - expected[finite]) / np.where(size > 0, size, 1.0)
                if error.max() > 1e-9:
                    found.append((name, stock, float(error.max())))
    return found


def test_the_indicators_are_the_78_of_the_field_list():
    assert len(FIELDS) == 78
    assert sorted(TECHNICAL) == sorted(FIELDS)


def test_every_indicator_equals_mytt_on_rough_random_walks():
    assert disagreements(bars_of(SUPPORT["random_fields"]())) == []


def test_every_indicator_equals_mytt_on_real_bars(real_market):
    codes = ["000002.SZ", "600519.SH", "688981.SH"]  # long suspension, high price, listed July 2020
    chosen = [("ts_code", "in", codes)]
    daily = pq.read_table(Path(real_market) / "daily.parquet", filters=chosen).to_pandas()
    factor = pq.read_table(Path(real_market) / "adj_factor.parquet", filters=chosen).to_pandas()
    rows = daily.merge(factor, on=["ts_code", "trade_date"])
    fields = {
        name: rows.pivot(index="trade_date", columns="ts_code", values=name).to_numpy()
        for name in (*COLUMNS, "adj_factor")
    }
    bars = bars_of(fields)
    assert bars.has_bar.sum(axis=1).tolist() == [1812, 1947, 600]
    assert disagreements(bars) == []


def test_a_history_of_one_bar_has_only_what_one_bar_can_tell():
    bars = Bars(*(np.array([[10.0]]) for _ in range(5)))
    defined = {name for name in FIELDS if np.isfinite(indicator(name, bars)).all()}
    spans = ("ema_5", "ema_10", "ema_20", "ema_30", "ema_60", "ema_90", "ema_250", "expma_12", "expma_50")
    seeded = {"ktn_mid", "macd", "macd_dea", "macd_dif", "obv", "xsii_td3", "xsii_td4"}
    assert defined == {*spans, *seeded, *COUNTS}


def test_a_stock_without_any_bar_has_no_values():
    bars = Bars(*(np.full((2, 30), np.nan) for _ in range(5)))
    for name in FIELDS:
        assert np.isnan(bars.scatter(indicator(name, bars))).all(), name


def test_a_suspended_day_is_not_a_bar():
    close = np.array([[1.0, 2.0, np.nan, np.nan, 3.0, 4.0, 5.0]])
    bars = Bars(close, close, close, close, close * 100)
    on_days = bars.scatter(indicator("ma_5", bars))
    assert on_days.tolist()[0][-1] == 3.0
    assert np.isnan(on_days[0, :-1]).all()
    assert bars.scatter(indicator("updays", bars))[0, [0, 1, 4, 5, 6]].tolist() == [0, 1, 2, 3, 4]


def test_a_bar_needs_all_five_values():
    whole = np.array([[1.0, 2.0, 3.0]])
    holed = np.array([[1.0, np.nan, 3.0]])
    for position in range(5):
        columns = [holed if n == position else whole for n in range(5)]
        assert Bars(*columns).has_bar.tolist() == [[True, False, True]]


def test_a_window_at_one_price_has_no_channel_index():
    # the rounded mean of fourteen times 1.2 is not 1.2: without a guard the index would be a ratio of noise
    price = np.array([[1.2] * 14 + [1.21]])
    values = indicator("cci", Bars(*(price for _ in range(5))))
    assert np.isnan(values[0, :14]).all()
    assert values[0, 14] == pytest.approx((0.01 * 13 / 14) / (0.015 * 2 * 0.01 * 13 / 14**2))


def test_stocks_do_not_touch_each_other():
    fields = SUPPORT["random_fields"]()
    together = bars_of(fields)
    alone = bars_of({name: values[:, 1:2] for name, values in fields.items()})
    for name in FIELDS:
        left = together.scatter(indicator(name, together))[1]
        right = alone.scatter(indicator(name, alone))[0]
        np.testing.assert_array_equal(left, right, err_msg=name)


@pytest.mark.parametrize("name", FIELDS)
def test_the_declared_scale_is_how_the_indicator_answers_doubled_prices(name):
    fields = SUPPORT["random_fields"]()
    plain = indicator(name, bars_of(fields))
    doubled = indicator(name, bars_of({**fields, "adj_factor": fields["adj_factor"] * 2}))
    expected = "price" if name in PRICE_SCALE else "count" if name in COUNTS else "invariant"
    assert TECHNICAL[name].scale == expected
    np.testing.assert_array_equal(doubled, plain * (2 if expected == "price" else 1))


def test_a_price_scale_model_input_is_divided_by_the_adjusted_close_of_its_bar():
    block = StockBlock(SUPPORT["random_market"](), slice(3, 4))  # the stock with the split
    close = block.field("close") * block.field("adj_factor")
    average = block.bars.scatter(indicator("ma_5", block.bars))
    np.testing.assert_array_equal(model_input("ma_5", block), average / close)
    assert 0.8 < model_input("ma_5", block)[0, 151] < 1.25  # no jump at the split
    np.testing.assert_array_equal(
        model_input("rsi_6", block), block.bars.scatter(indicator("rsi_6", block.bars))
    )


def test_a_panel_block_reads_its_own_stocks_and_volume_in_shares():
    fields = SUPPORT["random_fields"]()
    block = StockBlock(SUPPORT["random_market"](fields), slice(2, 4))
    assert block.bars.has_bar.shape == (2, 330)
    np.testing.assert_array_equal(block.bars.scatter(block.bars.vol), fields["vol"][:, 2:4].T)


def test_an_unknown_indicator_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean macd_dif"):
        indicator("macd_diff", Bars(*(np.ones((1, 1)) for _ in range(5))))


def test_an_indicator_name_can_be_taken_once():
    table = IndicatorTable()
    table.add("x", "count", lambda bars: bars.close)
    with pytest.raises(SignalError, match="indicator name must be unused, was x"):
        table.add("x", "price", lambda bars: bars.open)
