"""The 78 technical indicators by name, as MyTT defines them, and as a model reads them."""

import numpy as np

from feeds.errors import unknown
from signals.features.bars import Bars, StockBlock
from signals.features.indicator import Indicator
from signals.features.moving import Floats
from signals.features.oscillators import OSCILLATORS
from signals.features.trend import TREND
from signals.features.volume import VOLUME

TECHNICAL: dict[str, Indicator] = {**TREND, **OSCILLATORS, **VOLUME}


def indicator(name: str, bars: Bars) -> Floats:
    """Return one indicator in its own unit, unrounded, shape (stocks, bars).

    Parameters
    ----------
    name : str
        A name of `TECHNICAL`: the Tushare field without its price basis, e.g. ``macd_dif``, ``ma_20``.
    bars : Bars
        Back-adjusted bars. The unit of ``obv`` is 10,000 times the unit of their volume.

    Returns
    -------
    ndarray, shape (stocks, bars)
        Known at the close of each bar; NaN until the indicator's window is full, and where it is
        undefined (no spread in the window). A ratio to a sum of zero is infinite.
    """
    if name not in TECHNICAL:
        raise unknown("indicator", name, TECHNICAL)
    with np.errstate(divide="ignore", invalid="ignore"):
        return TECHNICAL[name].compute(bars)


def model_input(name: str, block: StockBlock) -> Floats:
    """Return one indicator on the panel's days, comparable between stocks, shape (stocks, days).

    Price-scale indicators are divided by the back-adjusted close of the same bar, so that no adjustment
    made after that day can show. NaN on a day without a bar.
    """
    values = indicator(name, block.bars)
    if TECHNICAL[name].scale == "price":
        values = values / block.bars.close
    return block.bars.scatter(values)
