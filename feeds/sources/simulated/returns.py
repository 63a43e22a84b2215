"""Unpremiated daily returns: market, industries, styles and stock-specific noise with fat tails and clustering."""

import numpy as np

from feeds import rules
from feeds.sources.simulated.listing import Listing
from feeds.sources.simulated.names import INDUSTRIES
from feeds.sources.simulated.streams import stream

MARKET_DRIFT = 0.00040  # per session, about 10 % a year before compounding
MARKET_VOL = 0.0120  # per session
INDUSTRY_VOL = 0.0075
SIZE_VOL, GROWTH_VOL, BOARD_VOL = 0.0036, 0.0030, 0.0055
STOCK_VOL = 0.0205  # median; log deviation 0.25 across stocks
JUMP_RATE, JUMP_SIZE = 0.006, 0.11  # news: per session, median absolute log move
DEGREES = 4  # of freedom of the stock-specific shocks
_STUDENT = np.sqrt((DEGREES - 2) / DEGREES)  # brings a Student draw to unit variance


class Shocks:
    """Draws one session after another; the numbers never depend on prices.

    Attributes
    ----------
    stock_vol : array, shape (N,)
        Today's conditional deviation of the stock-specific part, per session.
    """

    def __init__(self, listing: Listing, first_value: np.ndarray, sessions: int, seed: int):
        random = stream(seed, "exposures")
        n = len(listing)
        typical = np.array([row[2] for row in INDUSTRIES])[listing.industry]
        self.beta = np.clip(typical + 0.20 * random.standard_normal(n), 0.35, 1.8)
        size = np.log(first_value)
        self.size = np.clip((size - size.mean()) / max(size.std(), 1e-9), -3, 3)
        self.growth = random.standard_normal(n)
        self.young = np.isin(listing.board, (rules.CHINEXT, rules.STAR)).astype("float64")
        self.industry = listing.industry
        self.base_vol = STOCK_VOL * np.exp(0.25 * random.standard_normal(n) - 0.06 * self.size)
        self.stock_vol = self.base_vol.copy()
        self.market, heat = _market_path(sessions, stream(seed, "market"))
        others = stream(seed, "factors").standard_normal((sessions, len(INDUSTRIES) + 3)) * heat[:, None]
        self.factors = others - others.mean(axis=0)
        self._own, self._news = stream(seed, "stock shocks"), stream(seed, "news")

    def draw(self, session: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the next session's common part and stock-specific part, simple returns of shape (N,)."""
        size, growth, board = self.factors[session, -3:]
        common = (
            self.beta * self.market[session]
            + INDUSTRY_VOL * self.factors[session, self.industry]
            + SIZE_VOL * size * self.size
            + GROWTH_VOL * growth * self.growth
            + BOARD_VOL * board * self.young
        )
        return common, self._stocks()

    def _stocks(self) -> np.ndarray:
        n = len(self.base_vol)
        move = self.stock_vol * _STUDENT * self._own.standard_t(DEGREES, n)
        self.stock_vol = np.sqrt(0.13 * np.minimum(move**2, 12 * self.stock_vol**2) + 0.81 * self.stock_vol**2
                                 + 0.06 * self.base_vol**2)  # fmt: skip
        random = self._news
        count = random.binomial(n, JUMP_RATE)
        where = random.integers(0, n, count)
        size = JUMP_SIZE * np.exp(0.55 * random.standard_normal(count))
        move[where] += np.where(random.random(count) < 0.5, np.expm1(-size), np.expm1(size) * 0.9)
        return move


def _market_path(sessions: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the market factor, and how much the other factors stir with it, both (T,).

    The factor's mean over the span is exactly its drift (and the other factors' zero), so that no seed yields a
    market nobody would recognise.
    """
    shocks = random.standard_t(6, sessions) * np.sqrt(4 / 6)
    moves, vols, vol = np.empty(sessions), np.empty(sessions), MARKET_VOL
    for session in range(sessions):
        vols[session] = vol
        moves[session] = move = vol * shocks[session]
        # Falls raise tomorrow's volatility more than rises do.
        vol = np.sqrt((0.03 + 0.07 * (move < 0)) * move**2 + 0.91 * vol**2 + 0.025 * MARKET_VOL**2)
    return moves - moves.mean() + MARKET_DRIFT, np.sqrt(vols / MARKET_VOL)
