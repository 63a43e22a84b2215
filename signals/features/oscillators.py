"""Indicators free of the price scale: oscillators, sentiment ratios, rates of change, counts of bars."""

from functools import partial

import numpy as np

from signals.features.bars import Bars
from signals.features.indicator import IndicatorTable
from signals.features.moving import (
    Floats,
    bars_exceeded,
    exponential,
    highest,
    lowest,
    mean,
    mean_absolute_deviation,
    run_length,
    shift,
    total,
)
from signals.features.trend import true_range

OSCILLATORS = IndicatorTable()


def _bias(bars: Bars, window: int) -> Floats:
    average = bars.mean("close", window)
    return (bars.close - average) / average * 100


for _position, _window in enumerate((6, 12, 24), start=1):
    OSCILLATORS.add(f"bias{_position}", "invariant", partial(_bias, window=_window))


@OSCILLATORS.register("brar_ar", "invariant")
def _popularity(bars: Bars) -> Floats:
    return total(bars.high - bars.open, 26) / total(bars.open - bars.low, 26) * 100


def _pressure(bars: Bars, reference: Floats, window: int) -> Floats:
    up, down = np.maximum(0.0, bars.high - reference), np.maximum(0.0, reference - bars.low)
    return total(up, window) / total(down, window) * 100


@OSCILLATORS.register("brar_br", "invariant")
def _willingness(bars: Bars) -> Floats:
    return _pressure(bars, shift(bars.close), 26)


@OSCILLATORS.register("cr", "invariant")
def _intermediate_willingness(bars: Bars) -> Floats:
    return _pressure(bars, shift(bars.typical), 20)


@OSCILLATORS.register("cci", "invariant")
def _commodity_channel(bars: Bars) -> Floats:
    price = bars.typical
    average = bars.mean("typical", 14)
    deviation = mean_absolute_deviation(price, average, 14)
    moved = highest(price, 14) > lowest(price, 14)
    return np.where(moved, (price - average) / (0.015 * deviation), np.nan)


def _directional(bars: Bars, up: bool) -> Floats:
    def make() -> Floats:
        rise, fall = bars.high - shift(bars.high), shift(bars.low) - bars.low
        chosen, other = (rise, fall) if up else (fall, rise)
        moves = total(np.where((chosen > 0) & (chosen > other), chosen, 0.0), 14)
        return moves * 100 / bars.shared(("true range", 14), lambda: total(true_range(bars), 14))

    return bars.shared(("directional", up), make)


OSCILLATORS.add("dmi_pdi", "invariant", partial(_directional, up=True))
OSCILLATORS.add("dmi_mdi", "invariant", partial(_directional, up=False))


@OSCILLATORS.register("dmi_adx", "invariant")
def _average_directional(bars: Bars) -> Floats:
    def make() -> Floats:
        up, down = _directional(bars, True), _directional(bars, False)
        return mean(np.abs(down - up) / (up + down) * 100, 6)

    return bars.shared(("adx",), make)


@OSCILLATORS.register("dmi_adxr", "invariant")
def _directional_rating(bars: Bars) -> Floats:
    strength = _average_directional(bars)
    return (strength + shift(strength, 6)) / 2


@OSCILLATORS.register("kdj_k", "invariant")
def _stochastic_fast(bars: Bars) -> Floats:
    def make() -> Floats:
        low = lowest(bars.low, 9)
        position = (bars.close - low) / (highest(bars.high, 9) - low) * 100
        return exponential(position, 2 / (5 + 1))

    return bars.shared(("kdj k",), make)


@OSCILLATORS.register("kdj_d", "invariant")
def _stochastic_slow(bars: Bars) -> Floats:
    return bars.shared(("kdj d",), lambda: exponential(_stochastic_fast(bars), 2 / (5 + 1)))


@OSCILLATORS.register("kdj", "invariant")
def _stochastic_spread(bars: Bars) -> Floats:
    return _stochastic_fast(bars) * 3 - _stochastic_slow(bars) * 2


def _relative_strength(bars: Bars, window: int) -> Floats:
    change = bars.shared(("change",), lambda: bars.close - shift(bars.close))
    gains = exponential(np.maximum(change, 0.0), 1 / window)
    return gains / exponential(np.abs(change), 1 / window) * 100


for _window in (6, 12, 24):
    OSCILLATORS.add(f"rsi_{_window}", "invariant", partial(_relative_strength, window=_window))


def _williams(bars: Bars, window: int) -> Floats:
    high, low = highest(bars.high, window), lowest(bars.low, window)
    return (high - bars.close) / (high - low) * 100


OSCILLATORS.add("wr", "invariant", partial(_williams, window=10))
OSCILLATORS.add("wr1", "invariant", partial(_williams, window=6))


@OSCILLATORS.register("psy", "invariant")
def _psychological_line(bars: Bars) -> Floats:
    def make() -> Floats:
        return total((bars.close > shift(bars.close)).astype(np.float64), 12) / 12 * 100

    return bars.shared(("psy",), make)


@OSCILLATORS.register("psyma", "invariant")
def _psychological_line_average(bars: Bars) -> Floats:
    return mean(_psychological_line(bars), 6)


@OSCILLATORS.register("roc", "invariant")
def _rate_of_change(bars: Bars) -> Floats:
    def make() -> Floats:
        earlier = shift(bars.close, 12)
        return 100 * (bars.close - earlier) / earlier

    return bars.shared(("roc",), make)


@OSCILLATORS.register("maroc", "invariant")
def _rate_of_change_average(bars: Bars) -> Floats:
    return mean(_rate_of_change(bars), 6)


@OSCILLATORS.register("trix", "invariant")
def _triple_exponential(bars: Bars) -> Floats:
    def make() -> Floats:
        smooth = bars.close
        for _ in range(3):
            smooth = exponential(smooth, 2 / (12 + 1))
        earlier = shift(smooth)
        return (smooth - earlier) / earlier * 100

    return bars.shared(("trix",), make)


@OSCILLATORS.register("trma", "invariant")
def _triple_exponential_average(bars: Bars) -> Floats:
    return mean(_triple_exponential(bars), 20)


@OSCILLATORS.register("mass", "invariant")
def _mass_index(bars: Bars) -> Floats:
    def make() -> Floats:
        spread = bars.mean("spread", 9)
        return total(spread / mean(spread, 9), 25)

    return bars.shared(("mass",), make)


@OSCILLATORS.register("ma_mass", "invariant")
def _mass_index_average(bars: Bars) -> Floats:
    return mean(_mass_index(bars), 6)


@OSCILLATORS.register("updays", "count")
def _rising_days(bars: Bars) -> Floats:
    return run_length(bars.close > shift(bars.close))


@OSCILLATORS.register("downdays", "count")
def _falling_days(bars: Bars) -> Floats:
    return run_length(bars.close < shift(bars.close))


@OSCILLATORS.register("topdays", "count")
def _top_range(bars: Bars) -> Floats:
    return bars_exceeded(bars.high)


@OSCILLATORS.register("lowdays", "count")
def _low_range(bars: Bars) -> Floats:
    return bars_exceeded(-bars.low)
