"""Indicators of level and trend, in price units: averages, channels, momentum, the swing index."""

from functools import partial

import numpy as np

from signals.features.bars import Bars
from signals.features.indicator import IndicatorTable
from signals.features.moving import (
    Floats,
    exponential,
    exponential_by_weight,
    highest,
    lowest,
    mean,
    shift,
    standard_deviation,
    total,
)

TREND = IndicatorTable()
AVERAGE_WINDOWS = (5, 10, 20, 30, 60, 90, 250)


def _average(bars: Bars, window: int) -> Floats:
    return bars.mean("close", window)


def ema(bars: Bars, span: int) -> Floats:
    """Return the exponential mean of the close with weight 2 / (span + 1), shape (stocks, bars)."""
    return bars.shared(("ema", span), lambda: exponential(bars.close, 2 / (span + 1)))


for _window in AVERAGE_WINDOWS:
    TREND.add(f"ma_{_window}", "price", partial(_average, window=_window))
    TREND.add(f"ema_{_window}", "price", partial(ema, span=_window))
for _window in (12, 50):
    TREND.add(f"expma_{_window}", "price", partial(ema, span=_window))


@TREND.register("bbi", "price")
def _bull_bear_index(bars: Bars) -> Floats:
    averages = [_average(bars, window) for window in (3, 6, 12, 20)]
    return (averages[0] + averages[1] + averages[2] + averages[3]) / 4


def true_range(bars: Bars) -> Floats:
    """Return the largest of high - low and their distances from the previous close, shape (stocks, bars)."""

    def make() -> Floats:
        previous = shift(bars.close)
        return np.maximum(bars.spread, np.maximum(np.abs(previous - bars.high), np.abs(previous - bars.low)))

    return bars.shared(("true range",), make)


@TREND.register("atr", "price")
def _average_true_range(bars: Bars) -> Floats:
    return mean(true_range(bars), 20)


def _bollinger(bars: Bars, deviations: float) -> Floats:
    middle = _average(bars, 20)
    width = bars.shared(("deviation",), lambda: standard_deviation(bars.close, middle, 20))
    return middle + deviations * width


TREND.add("boll_upper", "price", partial(_bollinger, deviations=2.0))
TREND.add("boll_mid", "price", partial(_average, window=20))
TREND.add("boll_lower", "price", partial(_bollinger, deviations=-2.0))


@TREND.register("ktn_mid", "price")
def _keltner_middle(bars: Bars) -> Floats:
    return bars.shared(("keltner",), lambda: exponential(bars.typical, 2 / (20 + 1)))


def _keltner(bars: Bars, ranges: float) -> Floats:
    width = bars.shared(("keltner width",), lambda: mean(true_range(bars), 10))
    return _keltner_middle(bars) + ranges * width


TREND.add("ktn_upper", "price", partial(_keltner, ranges=2.0))
TREND.add("ktn_down", "price", partial(_keltner, ranges=-2.0))


@TREND.register("taq_up", "price")
def _donchian_upper(bars: Bars) -> Floats:
    return bars.shared(("highest", 20), lambda: highest(bars.high, 20))


@TREND.register("taq_down", "price")
def _donchian_lower(bars: Bars) -> Floats:
    return bars.shared(("lowest", 20), lambda: lowest(bars.low, 20))


@TREND.register("taq_mid", "price")
def _donchian_middle(bars: Bars) -> Floats:
    return (_donchian_upper(bars) + _donchian_lower(bars)) / 2


def _weighted_close(bars: Bars) -> Floats:
    return bars.shared(("weighted close",), lambda: (2 * bars.close + bars.high + bars.low) / 4)


def _xue_band(bars: Bars, share: float) -> Floats:
    return bars.shared(("xue average",), lambda: mean(_weighted_close(bars), 5)) * share


def _xue_track(bars: Bars, share: float) -> Floats:
    def make() -> Floats:
        average = _average(bars, 20)
        return exponential_by_weight(bars.close, np.abs(_weighted_close(bars) - average) / average)

    return bars.shared(("xue track",), make) * share


TREND.add("xsii_td1", "price", partial(_xue_band, share=1.02))
TREND.add("xsii_td2", "price", partial(_xue_band, share=0.98))
TREND.add("xsii_td3", "price", partial(_xue_track, share=1.07))
TREND.add("xsii_td4", "price", partial(_xue_track, share=0.93))


@TREND.register("dfma_dif", "price")
def _average_difference(bars: Bars) -> Floats:
    return bars.shared(("dfma",), lambda: _average(bars, 10) - _average(bars, 50))


@TREND.register("dfma_difma", "price")
def _average_difference_signal(bars: Bars) -> Floats:
    return mean(_average_difference(bars), 10)


@TREND.register("macd_dif", "price")
def _macd_difference(bars: Bars) -> Floats:
    return bars.shared(("macd difference",), lambda: ema(bars, 12) - ema(bars, 26))


@TREND.register("macd_dea", "price")
def _macd_signal(bars: Bars) -> Floats:
    return bars.shared(("macd signal",), lambda: exponential(_macd_difference(bars), 2 / (9 + 1)))


@TREND.register("macd", "price")
def _macd_bar(bars: Bars) -> Floats:
    return (_macd_difference(bars) - _macd_signal(bars)) * 2


@TREND.register("mtm", "price")
def _momentum(bars: Bars) -> Floats:
    return bars.shared(("momentum",), lambda: bars.close - shift(bars.close, 12))


@TREND.register("mtmma", "price")
def _momentum_average(bars: Bars) -> Floats:
    return mean(_momentum(bars), 6)


@TREND.register("dpo", "price")
def _detrended_price(bars: Bars) -> Floats:
    return bars.shared(("detrended",), lambda: bars.close - shift(_average(bars, 20), 10))


@TREND.register("madpo", "price")
def _detrended_price_average(bars: Bars) -> Floats:
    return mean(_detrended_price(bars), 6)


@TREND.register("asi", "price")
def _swing_index(bars: Bars) -> Floats:
    def make() -> Floats:
        close, opened = shift(bars.close), shift(bars.open)
        up, down = np.abs(bars.high - close), np.abs(bars.low - close)
        span, body = np.abs(bars.high - shift(bars.low)), np.abs(close - opened)
        reach = np.where(
            (up > down) & (up > span),
            up + down / 2 + body / 4,
            np.where((down > span) & (down > up), down + up / 2 + body / 4, span + body / 4),
        )
        move = (bars.close - close) + (bars.close - bars.open) / 2 + (close - opened)
        return total(16 * move / reach * np.maximum(up, down), 26)

    return bars.shared(("swing",), make)


@TREND.register("asit", "price")
def _swing_index_average(bars: Bars) -> Floats:
    return mean(_swing_index(bars), 10)
