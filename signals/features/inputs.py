"""The 101 model inputs by name: 78 indicators, 8 quotes, 15 valuation columns."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from feeds.panel import MarketPanel
from signals.features.bars import StockBlock
from signals.features.moving import Floats
from signals.features.quotes import QUOTES, Input
from signals.features.technical import TECHNICAL, model_input
from signals.features.valuation import VALUATION

FEATURES: dict[str, Input] = {
    **{name: partial(model_input, name) for name in TECHNICAL},
    **QUOTES,
    **VALUATION,
}
ALL = tuple(FEATURES)


def raw_features(panel: MarketPanel, stocks: slice, names: Sequence[str] = ALL) -> Iterator[Floats]:
    """Yield the named features of some stocks before preprocessing, in order, (stocks, days) each.

    Values are known at the close of their day, those of daily_basic that evening. They are not finite where
    there is none.
    """
    block = StockBlock(panel, stocks)
    for name in names:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = FEATURES[name](block)
        yield values
