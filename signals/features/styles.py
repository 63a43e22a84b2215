"""Ten style exposures of every stock and day, after the descriptors of the Barra China models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feeds.panel import MarketPanel, carry_forward
from signals.features.bars import StockBlock, parts
from signals.features.moving import Floats, shift, trailing_total
from signals.features.needs import missing_needs
from signals.features.preprocessing import standardise
from signals.features.valuation import VALUATION

STYLES = (
    "size", "nonlinear_size", "beta", "momentum", "residual_volatility",
    "liquidity", "book_to_price", "earnings_yield", "growth", "leverage",
)  # fmt: skip
STYLE_NEEDS: dict[str, tuple[str, ...]] = {
    "size": ("circ_mv",),
    "nonlinear_size": ("circ_mv",),
    "liquidity": ("turnover_rate",),
    "book_to_price": ("pb",),
    "earnings_yield": ("pe_ttm_signed|pe_ttm",),
    "growth": ("netprofit_yoy",),
    "leverage": ("debt_to_assets",),
}
"""What of the market data a style reads beyond daily bars, as `needs.missing_needs` has it."""
YEAR, HALF_LIFE, FEWEST_RETURNS = 252, 63, 126
RECENT, FEWEST_TURNOVERS = 21, 10
DATES_AT_ONCE = 16

Mask = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Styles:
    """Exposures of N stocks on T days to K styles.

    Attributes
    ----------
    values : ndarray of float32, shape (T, N, K)
        Known in the evening of the day. Across the day's eligible stocks each has mean 0 and deviation 1; NaN where
        a stock is not listed or has no value.
    names : tuple of str
        The K styles, in the order of `STYLES`.
    absent : mapping of str to str
        Styles the market data cannot tell, each with the reason.
    """

    values: Singles
    names: tuple[str, ...]
    absent: Mapping[str, str]


def styles(panel: MarketPanel, eligible: Mask, market: Floats | None = None) -> Styles:
    """Return the style exposures that the market data can tell.

    Parameters
    ----------
    panel : MarketPanel
    eligible : ndarray of bool, shape (T, N)
        Whose cross-section standardises everyone, per date.
    market : ndarray, shape (T,), optional
        Daily returns to which beta and residual volatility refer; by default the mean return of the day's eligible
        stocks.

    Notes
    -----
    size: log of the floating market value. nonlinear_size: cube of size less its regression on size. beta and
    residual_volatility: slope and residual deviation of daily returns on the market's over the last 252 sessions,
    half-life 63, at least 126 returns. momentum: log return from 252 to 21 sessions ago. liquidity: log of the mean
    turnover of the last 21 sessions, at least 10 of them. book_to_price and earnings_yield: 1 / pb and 1 / pe_ttm,
    losses negative. growth: year-on-year growth of net profit, leverage: debt over assets, both of the latest report
    known. All are winsorised at 3 x 1.4826 median absolute deviations and standardised. Windows, half-lives and single
    descriptors in place of weighted ones are our choice.
    """
    absent = missing_needs(panel, STYLE_NEEDS)
    names = tuple(name for name in STYLES if name not in absent)
    market = market_returns(panel, eligible) if market is None else market
    return Styles(_standardised(panel, eligible, names, _raw(panel, names, market)), names, absent)


def market_returns(panel: MarketPanel, eligible: Mask) -> Floats:
    """Return the mean of the eligible stocks' returns from their ex-right reference to the close, (T,)."""
    returns = panel.field("close") / panel.field("pre_close") - 1
    present = eligible & np.isfinite(returns)
    with np.errstate(invalid="ignore"):
        return np.where(present, returns, 0.0).sum(axis=1) / present.sum(axis=1)


def _raw(panel: MarketPanel, names: Sequence[str], market: Floats) -> dict[str, Singles]:
    """Return the descriptors before standardisation, (N, T) each; of the nonlinear size there is none."""
    days, stocks = panel.shape
    raw = {name: np.empty((stocks, days), dtype=np.float32) for name in names if name != "nonlinear_size"}
    for part in parts(stocks):
        block = StockBlock(panel, part)
        with np.errstate(divide="ignore", invalid="ignore"):
            beta, residual = _regression(block.field("close") / block.field("pre_close") - 1, market)
            made = {"beta": beta, "residual_volatility": residual, "momentum": _momentum(block)}
            for name in raw.keys() - made.keys():
                made[name] = _DESCRIPTORS[name](block)
            for name, values in raw.items():
                values[part] = np.where(np.isfinite(made[name]), made[name], np.nan)
    return raw


def _regression(returns: Floats, market: Floats) -> tuple[Floats, Floats]:
    """Return slope and residual deviation of weighted regressions on the market, (stocks, days) each."""
    present = np.isfinite(returns) & np.isfinite(market)
    x, y = np.where(present, market, 0.0), np.where(present, returns, 0.0)
    ones = present.astype(np.float64)
    keep = 0.5 ** (1 / HALF_LIFE)
    weight, sum_x, sum_y, xx, xy, yy = (trailing_total(v, YEAR, keep) for v in (ones, x, y, x * x, x * y, y * y))
    covariance = xy - sum_x * sum_y / weight
    beta = covariance / (xx - sum_x**2 / weight)
    unexplained = yy - sum_y**2 / weight - beta * covariance
    enough = trailing_total(ones, YEAR) >= FEWEST_RETURNS
    residual = np.sqrt(np.maximum(unexplained, 0.0) / weight)
    return np.where(enough, beta, np.nan), np.where(enough, residual, np.nan)


def _momentum(block: StockBlock) -> Floats:
    level = np.log(carry_forward(block.field("close") * block.field("adj_factor")))
    return shift(level, RECENT) - shift(level, YEAR)


def _liquidity(block: StockBlock) -> Floats:
    turnover = block.field("turnover_rate")
    present = np.isfinite(turnover)
    count = trailing_total(present.astype(np.float64), RECENT)
    mean = trailing_total(np.where(present, turnover, 0.0), RECENT) / count
    return np.where(count >= FEWEST_TURNOVERS, np.log(mean), np.nan)


_DESCRIPTORS = {
    "size": VALUATION["circ_mv"],
    "liquidity": _liquidity,
    "book_to_price": VALUATION["pb"],
    "earnings_yield": VALUATION["pe_ttm"],
    "growth": lambda block: block.field("netprofit_yoy"),
    "leverage": lambda block: block.field("debt_to_assets"),
}


def _standardised(panel: MarketPanel, eligible: Mask, names: Sequence[str], raw: Mapping[str, Singles]) -> Singles:
    """Return the exposures of every day, (T, N, K)."""
    days, stocks = panel.shape
    values = np.empty((days, stocks, len(names)), dtype=np.float32)
    columns = [names.index(name) for name in raw]
    for part in parts(days, DATES_AT_ONCE):
        sections = np.stack([descriptor[:, part].T for descriptor in raw.values()], axis=1)  # (days, K, N)
        for day, section in enumerate(sections, start=part.start):
            listed = panel.listed[day]
            scores = standardise(section, eligible[day], listed)
            scores[~(listed & np.isfinite(section))] = np.nan
            values[day][:, columns] = scores.T
            if "nonlinear_size" in names:
                size = scores[list(raw).index("size")]
                values[day, :, names.index("nonlinear_size")] = _nonlinear(size, eligible[day])
    return values


def _nonlinear(size: Floats, eligible: Mask) -> Floats:
    """Return the standardised part of the cubed size that a line in size does not explain, (N,)."""
    cube, sample = size**3, eligible & np.isfinite(size)
    if not sample.any():
        return np.full(len(size), np.nan)
    x, y = size[sample] - size[sample].mean(), cube[sample] - cube[sample].mean()
    slope = (x @ y) / (x @ x) if x.any() else 0.0
    rest = cube - slope * size
    centred = rest - rest[sample].mean()
    spread = centred[sample].std()
    return centred / spread if spread > 0 else np.where(np.isfinite(size), 0.0, np.nan)


STYLE_INPUTS = tuple(f"style_{name}" for name in STYLES)


def style_inputs(panel: MarketPanel, eligible: Mask, names: Sequence[str]) -> Mapping[str, Singles]:
    """Return styles as model inputs, (N, T) each, NaN throughout where the market data cannot tell one.

    Parameters
    ----------
    names : sequence of str
        From `STYLE_INPUTS`.
    """
    made = styles(panel, eligible)
    nothing = np.broadcast_to(np.float32(np.nan), panel.shape[::-1])
    found = {f"style_{name}": made.values[:, :, column].T for column, name in enumerate(made.names)}
    return {name: found.get(name, nothing) for name in names}
