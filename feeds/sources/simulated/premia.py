"""The premia planted in expected returns: what a good signal can find in the simulated market.

Each is a daily addition to a stock's expected return, proportional to a score that anyone can compute from the
tables at the previous close. Scores are standardised across the stocks listed for more than 60 sessions and cut
at three deviations; the additions average to zero over those stocks each day.

What the scores earn, measured over stocks listed for more than 120 sessions, trading and not ST, from each month's
last close to the next: mean rank correlation with the return, its t-value, and the yearly return of the top fifth
over the mean of all.

=================  ====================================  ====================================
score              default market (300, 2017-2024)       3,000 stocks, 2015-2024, seed 7
=================  ====================================  ====================================
reversal           0.025 (t 2.6), 4.8 %                  0.034 (t 5.9), 5.3 %
low volatility     0.038 (t 3.9), 4.9 %                  0.036 (t 6.3), 3.8 %
value              0.045 (t 6.1), 7.8 %                  0.037 (t 9.7), 6.5 %
interaction        0.034 (t 4.7), 7.3 %                  0.026 (t 10.8), 4.5 %
=================  ====================================  ====================================

The interaction is fastest: over ten sessions it correlates by 0.041 in both. It says that moves on unusual volume
turn back and moves on thin volume go on. A score linear in the move and the volume sees nothing of it.
"""

import numpy as np

# Daily expected return per cross-sectional deviation of the score.
REVERSAL = 5.0e-4  # minus the return of the last 20 sessions
LOW_VOLATILITY = 1.8e-4  # minus the log deviation of the last 60 daily returns
VALUE = 1.6e-4  # log book to price, book value as published
VOLUME_INTERACTION = 8.0e-4  # minus (10-session return x relative volume), less its linear part

WARM_UP = 60  # sessions of history a stock needs
_SLOW_EVERY = 5  # sessions between updates of the slow scores


class Premia:
    """Keeps the history the scores need and adds up the planted expected returns."""

    def __init__(self, sessions: int, stocks: int):
        self.log_price = np.full((sessions, stocks), np.nan)  # adjusted, carried over halts
        self.turnover = np.zeros((sessions, stocks), "float32")
        self._slow = np.zeros(stocks)

    def record(self, session: int, log_price: np.ndarray, turnover: np.ndarray) -> None:
        """Keep one session's adjusted log price (NaN if not listed) and turnover (0 while halted)."""
        self.log_price[session] = log_price
        self.turnover[session] = turnover

    def expected(self, session: int, book_to_price: np.ndarray) -> np.ndarray:
        """Return the planted expected return of ``session``, from what was known at the close before; shape (N,)."""
        if session <= WARM_UP:
            return self._slow
        past = self.log_price[session - WARM_UP - 1 : session]
        ready = np.isfinite(past[0])
        if session % _SLOW_EVERY == 0 or session == WARM_UP + 1:
            spread = np.log(np.maximum(np.diff(past, axis=0).std(axis=0), 1e-4))
            self._slow = VALUE * _score(np.log(book_to_price), ready) - LOW_VOLATILITY * _score(spread, ready)
        reversal = _score(past[-1] - past[-21], ready)
        recent = _score(past[-1] - past[-11], ready)
        volume = self.turnover[session - WARM_UP : session]
        busy = _score(np.log((volume[-10:].mean(axis=0) + 1e-6) / (volume.mean(axis=0) + 1e-6)), ready)
        interaction = _without_linear(recent * busy, recent, busy, ready)
        return self._slow - REVERSAL * reversal - VOLUME_INTERACTION * interaction


def _score(values: np.ndarray, ready: np.ndarray) -> np.ndarray:
    """Standardise over ``ready`` stocks, cut at three deviations, zero elsewhere."""
    usable = ready & np.isfinite(values)
    if usable.sum() < 3:
        return np.zeros(len(values))
    sample = values[usable]
    score = np.zeros(len(values))
    score[usable] = np.clip((sample - sample.mean()) / max(float(sample.std()), 1e-12), -3, 3)
    return score


def _without_linear(product: np.ndarray, first: np.ndarray, second: np.ndarray, ready: np.ndarray) -> np.ndarray:
    """Return the standardised part of ``product`` that no straight line in its two factors explains."""
    if ready.sum() < 10:
        return np.zeros(len(product))
    a, b, y = first[ready], second[ready], product[ready]
    a, b, y = a - a.mean(), b - b.mean(), y - y.mean()
    aa, bb, ab, ay, by = (a * a).sum(), (b * b).sum(), (a * b).sum(), (a * y).sum(), (b * y).sum()
    determinant = max(aa * bb - ab * ab, 1e-12)
    rest = np.zeros(len(product))
    rest[ready] = y - (bb * ay - ab * by) / determinant * a - (aa * by - ab * ay) / determinant * b
    return _score(rest, ready)
