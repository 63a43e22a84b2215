"""The 78 technical indicators by name, as MyTT defines them, and as a model reads them."""

import numpy as np

from feeds.errors import unknown
from signals.features.bars import Bars, StockBlock
from signals.features.candidates import CANDIDATES
from signals.features.indicator import Indicator
from signals.features.moving import Floats
from signals.features.oscillators import OSCILLATORS
from signals.features.trend import TREND
from signals.features.volume import VOLUME

TECHNICAL: dict[str, Indicator] = {**TREND, **OSCILLATORS, **VOLUME}
INDICATORS: dict[str, Indicator] = {**TECHNICAL, **CANDIDATES}


def indicator(name: str, bars: Bars) -> Floats:
    """Return one indicator in its own unit, unrounded, shape (stocks, bars).

    Parameters
    ----------
    name : str
        A name of `TECHNICAL`, the Tushare field without its price basis, e.g. ``macd_dif``, ``ma_20``, or of
        `CANDIDATES`.
    bars : Bars
        Back-adjusted bars. The unit of ``obv`` is 10,000 times the unit of their volume.

    Returns
    -------
    ndarray, shape (stocks, bars)
        Known at the close of each bar; NaN until the indicator's window is full, and where it is
        undefined (no spread in the window). A ratio to a sum of zero is infinite.
    """
    if name not in INDICATORS:
        raise unknown("indicator", name, INDICATORS)
    with np.errstate(divide="ignore", invalid="ignore"):
        return INDICATORS[name].compute(bars)


def comparable(name: str, bars: Bars) -> Floats:
    """Return one indicator made comparable between stocks, shape (stocks, bars).

    Price-scale indicators are divided by the back-adjusted close of the same bar, so that no adjustment
    made after that day can show.
    """
    values = indicator(name, bars)
    return values / bars.close if INDICATORS[name].scale == "price" else values


def model_input(name: str, block: StockBlock) -> Floats:
    """Return `comparable` on the panel's days, shape (stocks, days), NaN on a day without a bar."""
    return block.bars.scatter(comparable(name, block.bars))
