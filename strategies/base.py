"""What every strategy stands on: dated scores in, a basket of target weights out."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import backtrader as bt
import numpy as np

from feeds.errors import ConfigError
from feeds.universe import Universe
from strategies.execution.broker import AShareBroker
from strategies.execution.hedge_book import HedgeBook

_ROUNDING = 1e-6  # of the account: weights that add up to 1 may exceed it by this much


class BasketStrategy(bt.Strategy):
    """Rebalances on its signal dates; a subclass says which stocks it wants and how much of each.

    Implement :meth:`weights`. It is called after the close of every signal date and returns target weights by panel
    column; the orders go out together and are filled in the next session. A subclass that makes indicators
    trades from the session on which they all have a value, as Backtrader has it.

    Parameters
    ----------
    signal : mapping of int to (codes, scores)
        Scores by row of the panel, filled in by the engine.
    universe : Universe
        Who may be bought, filled in by the engine.
    invested : float
        Share of the account's value that the target weights are scaled to.
    """

    params: Any = (("signal", None), ("universe", None), ("invested", 1.0))
    broker: AShareBroker

    @classmethod
    def check(cls, parameters: Mapping[str, Any]) -> None:
        """Raise a ConfigError for a parameter outside its range; called before the run, after types were checked."""
        if not 0 < parameters["invested"] <= 1:
            raise ConfigError(f"invested must be a number above 0 and at most 1, was {parameters['invested']}")

    def weights(self, row: int, columns: np.ndarray, scores: np.ndarray) -> Mapping[int, float | None]:
        """Return target weights by panel column.

        A holding without a weight is sold; a weight of None leaves it as it is.

        Parameters
        ----------
        row : int
            The signal date's row of the panel; what the panel holds up to it is known.
        columns : numpy.ndarray
            Columns of the scored stocks, (M,).
        scores : numpy.ndarray
            Their scores, (M,), high is attractive.
        """
        raise TypeError(f"{type(self).__name__} must implement weights(), was without it")

    def next(self) -> None:
        market = self.broker.market
        row = market.row
        if row in self.p.signal and market.step + 1 < market.days:
            columns, scores = self.p.signal[row]
            weights = self.weights(row, columns, scores)
            self.order_basket(weights)
            if self.broker.p.blocked_buys.substitute:
                self.broker.reserve = self.reserve(row, columns, scores, weights)

    def reserve(
        self, row: int, columns: np.ndarray, scores: np.ndarray, weights: Mapping[int, float | None]
    ) -> list[int]:
        """Return the columns that may take the place of a buy that the market refuses, best first.

        By default as many of the best eligible scores as there are weights, without those that have one.
        """
        ranked = self.best(row, columns, scores, count=2 * len(weights))
        return [int(column) for column in ranked if column not in weights]

    def order_basket(self, weights: Mapping[int, float | None]) -> None:
        """Order the difference between what is held and the target weights, in place of what is still carried.

        Shares are sized with the account's value and the prices of this close, ex-right if the stock goes ex by the
        open; differences are rounded toward zero to what the lot rule allows. A target of zero sells everything, odd
        lots included. A new target below one lot is ordered all the same, for the market to refuse.
        """
        self._refuse_impossible(weights)
        broker = self.broker
        broker.cancel_carried()
        worth = broker.worth * self.p.invested
        if broker.hedge is not None:
            worth *= self._beside_margin(broker.hedge, weights, worth)
        ranks = {column: rank for rank, column in enumerate(weights)}
        for column in sorted({*weights, *broker.holdings}):
            weight = weights.get(column, 0.0)
            if weight is not None:
                self._order(int(column), weight, worth, ranks.get(column, len(ranks)))

    def _beside_margin(self, hedge: HedgeBook, weights: Mapping[int, float | None], worth: float) -> float:
        """Return the share of the account that stocks may take beside the hedge's margin, and tell it their worth."""
        holdings = self.broker.holdings
        kept = {column: holdings[column].value for column, weight in weights.items() if weight is None}
        wanted = {column: weight * worth for column, weight in weights.items() if weight is not None}
        share = hedge.invested_share(self.broker.market.row, wanted | kept)
        hedge.rebalance(share * sum(wanted.values()) + sum(kept.values()))
        return share

    def _order(self, column: int, weight: float, worth: float, rank: int) -> None:
        broker, market = self.broker, self.broker.market
        price = broker.last_price(column)
        if price != price:
            code, day = market.panel.codes[column], market.panel.dates[market.row]
            raise ConfigError(f"weights must be of stocks that have traded, was of {code} on {day}")
        held = broker.position_size(column)
        if weight > 0:
            held, price = broker.ex_right(column, held, price)
            shares = self._difference(column, held, (weight * worth - held * price) / price)
        else:
            shares = -held
        if shares:
            trade = self.buy if shares > 0 else self.sell
            trade(
                data=market.feed(column), size=abs(shares),
                signal_row=market.row, reference=price, whole=not weight, rank=rank,
            )  # fmt: skip

    def _difference(self, column: int, held: int, change: float) -> int:
        if change <= 0:
            return -self.broker.round_sell(column, -change, held)
        return self.broker.round_buy(column, change) or (0 if held else int(change))

    def _refuse_impossible(self, weights: Mapping[int, float | None]) -> None:
        known = [weight for weight in weights.values() if weight is not None]
        worst = next((weight for weight in known if not (weight >= 0 and isfinite(weight))), None)
        if worst is not None:
            raise ConfigError(f"weights must be finite and not negative, was {worst}")
        if sum(known) > 1 + _ROUNDING:
            raise ConfigError(f"weights must add up to at most 1, was {sum(known):.6f}")

    def best(self, row: int, columns: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
        """Return the columns of the ``count`` best eligible stocks, best first; of equal scores the lower code wins."""
        universe: Universe = self.p.universe
        keep = universe.on(row)[columns] & np.isfinite(scores)
        columns, scores = columns[keep], scores[keep]
        if 0 < count < len(scores):
            enough = scores >= np.partition(scores, -count)[-count]
            columns, scores = columns[enough], scores[enough]
        return columns[np.lexsort((columns, -scores))][: max(count, 0)]
