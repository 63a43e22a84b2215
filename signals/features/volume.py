"""Indicators that weigh price moves by volume."""

import numpy as np

from signals.features.bars import Bars
from signals.features.indicator import IndicatorTable
from signals.features.moving import Floats, mean, shift, total

VOLUME = IndicatorTable()


@VOLUME.register("obv", "invariant")
def _on_balance_volume(bars: Bars) -> Floats:
    change = bars.close - shift(bars.close)
    signed = np.where(change > 0, bars.vol, np.where(change < 0, -bars.vol, 0.0))
    return np.cumsum(signed, axis=1) / 10_000


@VOLUME.register("vr", "invariant")
def _volume_ratio(bars: Bars) -> Floats:
    previous = shift(bars.close)
    rising = total(np.where(bars.close > previous, bars.vol, 0.0), 26)
    return rising / total(np.where(bars.close <= previous, bars.vol, 0.0), 26) * 100


@VOLUME.register("mfi", "invariant")
def _money_flow_index(bars: Bars) -> Floats:
    price = bars.typical
    previous, flow = shift(price), price * bars.vol
    rising = total(np.where(price > previous, flow, 0.0), 14)
    falling = total(np.where(price < previous, flow, 0.0), 14)
    return 100 - 100 / (1 + rising / falling)


@VOLUME.register("emv", "invariant")
def _ease_of_movement(bars: Bars) -> Floats:
    def make() -> Floats:
        middle = bars.high + bars.low
        move = 100 * (middle - shift(middle)) / middle
        quietness = bars.mean("vol", 14) / bars.vol
        return mean(move * quietness * bars.spread / bars.mean("spread", 14), 14)

    return bars.shared(("emv",), make)


@VOLUME.register("maemv", "invariant")
def _ease_of_movement_average(bars: Bars) -> Floats:
    return mean(_ease_of_movement(bars), 9)
