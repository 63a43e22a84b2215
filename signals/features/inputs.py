"""All model inputs by name: the 101 of card C1, and those of the other feature sets."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from feeds.errors import ConfigError
from feeds.panel import MarketPanel
from signals.features.accounts import REPORTED
from signals.features.alpha158 import ALPHA158
from signals.features.alpha360 import ALPHA360
from signals.features.bars import StockBlock
from signals.features.candidates import CANDIDATES
from signals.features.derived import CHANGES, RANK_CHANGES, rank_changes
from signals.features.flows import FLOW_NEEDS, FLOWS
from signals.features.market_series import INDEX, MARKET_SERIES, market_series
from signals.features.moving import Floats
from signals.features.prices import PRICES
from signals.features.proxies import BUY_INTENTION, PROXIES, buy_intention
from signals.features.quotes import QUOTES, Input
from signals.features.styles import STYLE_INPUTS, STYLE_NEEDS, style_inputs
from signals.features.technical import TECHNICAL, model_input
from signals.features.valuation import VALUATION

Singles = npt.NDArray[np.float32]
FromMarket = Callable[[MarketPanel, npt.NDArray[np.bool_], Sequence[str]], Mapping[str, Singles]]

WHOLE: dict[str, FromMarket] = {
    **dict.fromkeys(RANK_CHANGES, rank_changes),
    **dict.fromkeys(MARKET_SERIES, market_series),
    **dict.fromkeys(BUY_INTENTION, buy_intention),
    **dict.fromkeys(STYLE_INPUTS, style_inputs),
}
"""Inputs that no block of stocks can make alone, with what makes them."""


def _from_market(name: str) -> Input:
    return lambda block: block.whole(name)


FEATURES: dict[str, Input] = {
    **{name: partial(model_input, name) for name in TECHNICAL},
    **QUOTES,
    **VALUATION,
    **{name: partial(model_input, name) for name in CANDIDATES},
    **PRICES,
    **FLOWS,
    **REPORTED,
    **CHANGES,
    **PROXIES,
    **ALPHA158,
    **ALPHA360,
    **{name: _from_market(name) for name in WHOLE},
}
ALL = (*TECHNICAL, *QUOTES, *VALUATION)
"""The 101 inputs of card C1, in order."""
SHARED_BY_ALL = frozenset(MARKET_SERIES)
"""Inputs with one value for all stocks of a day: they have no score across stocks and keep the one along time."""
NEEDS: dict[str, tuple[str, ...]] = {
    **{name: ("pe_ttm_signed|pe_ttm",) if name == "pe_ttm" else (name,) for name in VALUATION},
    **FLOW_NEEDS,
    **{name: (name,) for name in REPORTED},
    "large_net_intensity": FLOW_NEEDS["large_net_share"],
    "large_order_push": FLOW_NEEDS["large_order_share"],
    **dict.fromkeys(BUY_INTENTION, ("net_mf_amount",)),
    "index_return": (f"index {INDEX}",),
    **{f"style_{name}": needed for name, needed in STYLE_NEEDS.items()},
}
"""What of the market data an input needs beyond daily bars, as `needs.missing_needs` reads it."""


def check_names(names: Sequence[str]) -> None:
    """Refuse names of inputs that do not exist or repeat, telling the nearest ones: all would fill the screen."""
    for name in names:
        if name not in FEATURES:
            raise ConfigError(f"feature must be one of {', '.join(nearest(name))} or another of the inputs, was {name}")
    if len(set(names)) != len(names) or not names:
        raise ConfigError(f"feature names must be distinct, at least one, was {', '.join(names) or 'none'}")


def nearest(name: str, count: int = 5) -> list[str]:
    """Return the names of inputs that look most like a name."""
    return difflib.get_close_matches(name, FEATURES, n=count, cutoff=0.0)


def whole_market(panel: MarketPanel, eligible: npt.NDArray[np.bool_], names: Sequence[str]) -> dict[str, Singles]:
    """Return those of the named inputs that are made from the whole market, (N, T) each."""
    made: dict[str, Singles] = {}
    for maker in dict.fromkeys(WHOLE.values()):
        wanted = [name for name in names if WHOLE.get(name) is maker]
        if wanted:
            made.update(maker(panel, eligible, wanted))
    return made


def raw_features(
    panel: MarketPanel, stocks: slice, names: Sequence[str] = ALL, whole: Mapping[str, Singles] | None = None
) -> Iterator[Floats]:
    """Yield the named features of some stocks before preprocessing, in order, (stocks, days) each.

    Values are known at the close of their day, those of daily_basic and moneyflow that evening. They are not finite
    where there is none. ``whole`` holds what `whole_market` made for the names.
    """
    block = StockBlock(panel, stocks, whole)
    for name in names:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = FEATURES[name](block)
        yield values
