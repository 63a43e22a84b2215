"""The market on back-adjusted prices: dividends and splits are in the price, so nothing happens to the account."""

from dataclasses import replace

import numpy as np

from feeds.events import Conversions, CorporateEvents
from feeds.panel import MarketPanel

_PRICES = ("open", "high", "low", "close", "pre_close", "up_limit", "down_limit")


def total_return(panel: MarketPanel) -> MarketPanel:
    """Return a panel whose prices are raw prices times the adjustment factor of their day, in yuan of the first bar.

    Whatever a vendor's factor is on a stock's first bar, only its growth since then counts. Volumes shrink by it, so
    that amounts stay yuan; limits are those of the day, adjusted alike. There are no dividends, bonus shares or rights
    left, for the factor holds them: one share stands for one share and all it was given. What is traded is such a
    share: board lots and prices are not those of the exchange.
    """
    factor = np.asarray(panel.fields["adj_factor"])
    first = np.isfinite(factor).argmax(axis=1)[:, None]
    factor = factor / np.take_along_axis(factor, first, axis=1)
    fields = {name: values * factor if name in _PRICES else values for name, values in panel.fields.items()}
    fields["vol"] = panel.fields["vol"] / factor
    fields["adj_factor"] = np.ones_like(factor)
    return replace(panel, fields=fields, events=CorporateEvents.none(), conversions=_conversions(panel, factor))


def _conversions(panel: MarketPanel, factor: np.ndarray) -> Conversions:
    """Return conversions between adjusted shares: a share of factor f stands for f raw shares."""
    held = panel.conversions
    old, new, row = (part.astype(int) for part in (held.stock, held.new_stock, held.row))
    before, after = factor[old, np.maximum(row - 1, 0)], factor[new, row]
    return replace(held, ratio=held.ratio * before / after, cash=held.cash * before)
