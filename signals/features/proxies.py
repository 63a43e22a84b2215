"""Daily stand-ins for factors that their cards (C10, C11, C13) make from minutes, orders and auctions."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from feeds.panel import MarketPanel
from signals.features.bars import Bars, StockBlock, parts
from signals.features.flows import FLOWS, large_order_share
from signals.features.moving import Floats, central_moment, mean, shift, standard_deviation, total
from signals.features.preprocessing import standardise
from signals.features.prices import PRICES
from signals.features.quotes import Input

DAYS = 20
LARGEST = 6  # 30 % of them
YUAN = 1e8
BUY_INTENTION = ("buy_intention", "buy_intention_intensity")


def _returns(bars: Bars) -> Floats:
    return bars.shared(("return",), lambda: bars.close / shift(bars.close) - 1)


def _moment(bars: Bars, order: int) -> Floats:
    returns = _returns(bars)
    centre = bars.shared(("mean return",), lambda: mean(returns, DAYS))
    return bars.shared(("moment", order), lambda: central_moment(returns, centre, DAYS, order))


def _skew(block: StockBlock) -> Floats:
    return _moment(block.bars, 3) / _moment(block.bars, 2) ** 1.5


def _kurtosis(block: StockBlock) -> Floats:
    return _moment(block.bars, 4) / _moment(block.bars, 2) ** 2


def _squares(bars: Bars) -> Floats:
    return bars.shared(("squared returns",), lambda: total(_returns(bars) ** 2, DAYS))


def _downside_share(block: StockBlock) -> Floats:
    returns = _returns(block.bars)
    return total(np.where(returns >= 0, 0.0, returns**2), DAYS) / _squares(block.bars)


def _intraday_sum(block: StockBlock) -> Floats:
    return total(np.log(block.bars.close / block.bars.open), DAYS)


def _amount(block: StockBlock) -> Floats:
    return block.bars.shared(("amount",), lambda: block.bars.pack(block.field("amount")))


def _outflow_share(block: StockBlock) -> Floats:
    amount, returns = _amount(block), _returns(block.bars)
    falls = np.where(np.isnan(returns), np.nan, returns < 0)
    return total(falls * amount, DAYS) / total(falls, DAYS) / mean(amount, DAYS)


def _large_order_push(block: StockBlock) -> Floats:
    """Return the compound return of the six days of twenty with the largest share of large orders."""
    returns, share = _returns(block.bars), block.bars.pack(large_order_share(block))
    growth = np.log1p(returns)
    whole = total(growth + share, DAYS)  # NaN where the window misses one
    result = np.zeros_like(share)
    if share.shape[1] >= DAYS:
        window = np.lib.stride_tricks.sliding_window_view(share, DAYS, axis=1)
        least = np.sort(window, axis=2)[:, :, -LARGEST]
        for lag in range(DAYS):
            last = share.shape[1] - lag
            large = share[:, DAYS - 1 - lag : last] >= least
            result[:, DAYS - 1 :] += np.where(large, growth[:, DAYS - 1 - lag : last], 0.0)
    return np.where(np.isnan(whole), np.nan, np.expm1(result))


def _intensity(values: Floats) -> Floats:
    average = mean(values, DAYS)
    return average / standard_deviation(values, average, DAYS)


def _large_net_intensity(block: StockBlock) -> Floats:
    return _intensity(block.bars.pack(FLOWS["large_net_share"](block)))


def _realised_deviation(block: StockBlock) -> Floats:
    return np.sqrt(_squares(block.bars))


def _illiquidity(block: StockBlock) -> Floats:
    return np.abs(_returns(block.bars)) / _amount(block) * YUAN


def _on_days(compute: Callable[[StockBlock], Floats]) -> Input:
    return lambda block: block.bars.scatter(compute(block))


PROXIES: dict[str, Input] = {
    "return_skew": _on_days(_skew),
    "downside_share": _on_days(_downside_share),
    "large_net_intensity": _on_days(_large_net_intensity),
    "intraday_sum": _on_days(_intraday_sum),
    "outflow_share": _on_days(_outflow_share),
    "large_order_push": _on_days(_large_order_push),
    "realised_deviation": _on_days(_realised_deviation),
    "return_kurtosis": _on_days(_kurtosis),
    "illiquidity": _on_days(_illiquidity),
}
"""Model inputs, shape (stocks, days), known in the evening of the day, each over the last 20 bars of the stock unless
said otherwise; returns are those of back-adjusted closes.

``return_skew`` and ``return_kurtosis`` are the standardised third and fourth moments; ``downside_share`` the share of
falls in the summed squared returns, whose root is ``realised_deviation``; ``intraday_sum`` the summed log returns from
open to close; ``outflow_share`` the mean amount of falling days over that of all; ``large_net_intensity`` mean over
deviation of the large orders' net share; ``large_order_push`` the compound return of the six days on which large
orders had their largest share; ``illiquidity`` the day's absolute return per 100 million yuan (Amihud).
"""


def buy_intention(
    panel: MarketPanel, eligible: npt.NDArray[np.bool_], names: Sequence[str]
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return the day's score of net active buying plus that of the opening gap, and its mean over deviation.

    Parameters
    ----------
    panel : MarketPanel
    eligible : ndarray of bool, shape (T, N)
        Whose cross-section makes the scores of a day.
    names : sequence of str
        From `BUY_INTENTION`.

    Returns
    -------
    mapping of str to ndarray of float32, shape (N, T)
        Known in the evening of the day, NaN without money flow; the intensity is over the last 20 bars.
    """
    days, stocks = panel.shape
    score, intensity = (np.full((stocks, days), np.nan, dtype=np.float32) for _ in range(2))
    for part in parts(stocks):
        block = StockBlock(panel, part)
        with np.errstate(divide="ignore", invalid="ignore"):
            score[part], intensity[part] = FLOWS["net_flow"](block), PRICES["gap"](block)
    for day in range(days):
        raw = np.stack([score[:, day], intensity[:, day]])
        raw[~np.isfinite(raw)] = np.nan
        both = standardise(raw, eligible[day], panel.listed[day]).sum(axis=0)
        score[:, day] = np.where(np.isnan(raw).any(axis=0), np.nan, both)
    for part in parts(stocks):
        bars = StockBlock(panel, part).bars
        with np.errstate(divide="ignore", invalid="ignore"):
            intensity[part] = bars.scatter(_intensity(bars.pack(score[part])))
    made = dict(zip(BUY_INTENTION, (score, intensity), strict=True))
    return {name: made[name] for name in names}
