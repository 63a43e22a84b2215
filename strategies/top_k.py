"""Hold the best-scored stocks at equal weight."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from feeds.errors import ConfigError
from strategies.base import BasketStrategy
from strategies.registry import register


class TopK(BasketStrategy):
    """The ``top_k`` best scores of the eligible stocks, ``1 / top_k`` of the account in each.

    A holding that is suspended on the signal date keeps its slot, so that the account is never promised twice. With
    fewer eligible stocks than slots the rest stays in cash.

    Parameters
    ----------
    top_k : int
        Number of stocks.
    sell_suspended : bool
        Whether to order the sale of a suspended holding that is no longer wanted, for the day it trades again.
    """

    params: Any = (("top_k", 10), ("sell_suspended", True))

    @classmethod
    def check(cls, parameters: Mapping[str, Any]) -> None:
        super().check(parameters)
        if parameters["top_k"] < 1:
            raise ConfigError(f"top_k must be a positive whole number, was {parameters['top_k']}")

    def weights(self, row: int, columns: np.ndarray, scores: np.ndarray) -> Mapping[int, float | None]:
        suspended = self.broker.market.panel.suspended[row]
        stuck = [column for column in self.broker.holdings if suspended[column]]
        best = self.best(row, columns, scores, self.p.top_k - len(stuck))
        targets: dict[int, float | None] = {int(column): 1.0 / self.p.top_k for column in best}
        if not self.p.sell_suspended:
            targets |= dict.fromkeys(stuck)
        return targets


register("top10", TopK, "the ten best scores at equal weight", top_k=10)
register("top_k", TopK, "the k best scores at equal weight")
