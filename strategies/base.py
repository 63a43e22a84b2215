"""What every strategy stands on: dated scores in, a basket of target weights out."""

from collections.abc import Mapping
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from feeds.universe import Universe
from strategies.execution.broker import AShareBroker


class BasketStrategy(bt.Strategy):
    """Rebalances on its signal dates; a subclass says which stocks it wants and how much of each.

    Implement :meth:`weights`. It is called after the close of every signal date and returns target weights by panel
    column; the orders go out together and are filled at the next session's open.

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
    needs_signal: ClassVar[bool] = True
    broker: AShareBroker

    def weights(self, row: int, columns: np.ndarray, scores: np.ndarray) -> Mapping[int, float]:
        """Return target weights by panel column.

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
            self.order_basket(self.weights(row, *self.p.signal[row]))

    def order_basket(self, weights: Mapping[int, float]) -> None:
        """Order the difference between what is held and the target weights.

        Shares are sized with the account's value and the prices of this close; differences are rounded toward zero to
        what the lot rule allows. A target of zero sells everything, odd lots included.
        """
        broker = self.broker
        broker.cancel_carried()
        worth = broker.getvalue() * self.p.invested
        wanted: dict[int, int] = {}
        for column in sorted(set(weights) | set(broker.holdings)):
            holding = broker.holdings.get(column)
            price = holding.price if holding else broker.market.view("close", column)[broker.market.step]
            held = holding.position.size if holding else 0
            change = (weights.get(column, 0.0) * worth - held * price) / price
            if column not in weights:
                wanted[column] = -held
            elif change > 0:
                wanted[column] = broker.round_buy(column, change)
            else:
                wanted[column] = -broker.round_sell(column, -change, held)
        for column, shares in wanted.items():
            if shares:
                self._order(column, shares)

    def _order(self, column: int, shares: int) -> None:
        market = self.broker.market
        feed = market.feed(column)
        trade = self.buy if shares > 0 else self.sell
        holding = self.broker.holdings.get(column)
        reference = holding.price if holding else market.view("close", column)[market.step]
        trade(data=feed, size=abs(shares), signal_row=market.row, reference=reference)

    def best(self, row: int, columns: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
        """Return the columns of the ``count`` best eligible stocks, best first; of equal scores the lower code wins."""
        universe: Universe = self.p.universe
        keep = universe.on(row)[columns] & np.isfinite(scores)
        columns, scores = columns[keep], scores[keep]
        if 0 < count < len(scores):
            enough = scores >= np.partition(scores, -count)[-count]
            columns, scores = columns[enough], scores[enough]
        return columns[np.lexsort((columns, -scores))][: max(count, 0)]
