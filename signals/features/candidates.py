"""Indicators beyond the 78 that the screened model of card C4 names."""

import numpy as np

from signals.features.bars import Bars
from signals.features.indicator import IndicatorTable
from signals.features.moving import Floats, mean, standard_deviation, total
from signals.features.trend import TREND

CANDIDATES = IndicatorTable()
"""The card names them without windows; those used here are the customary ones and our choice."""


@CANDIDATES.register("wvad", "invariant")
def _variable_accumulation(bars: Bars) -> Floats:
    body, spread = bars.close - bars.open, bars.spread
    return total(np.where(spread == 0, 0.0, body / spread * bars.vol), 24) / 10_000


@CANDIDATES.register("bbiboll", "price")
def _bull_bear_upper_band(bars: Bars) -> Floats:
    middle = TREND["bbi"].compute(bars)
    return middle + 6 * standard_deviation(middle, mean(middle, 11), 11)


@CANDIDATES.register("cdp", "price")
def _pivot_of_the_next_bar(bars: Bars) -> Floats:
    return (bars.high + bars.low + 2 * bars.close) / 4


@CANDIDATES.register("env", "price")
def _envelope_upper_line(bars: Bars) -> Floats:
    return bars.mean("close", 14) * 1.06


@CANDIDATES.register("std", "price")
def _deviation_of_the_close(bars: Bars) -> Floats:
    return bars.shared(("deviation",), lambda: standard_deviation(bars.close, bars.mean("close", 20), 20))
