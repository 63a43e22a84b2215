"""Futures written by hand, and terms whose amounts one can work out on paper."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from feeds.futures import KINDS, FuturesPanel


def futures_of(
    settles: Mapping[str, Sequence[float]],
    *,
    opens: Mapping[str, Sequence[float]] | None = None,
    last: Mapping[str, int] | None = None,
    first: Mapping[str, int] | None = None,
    vol: Mapping[str, Sequence[float]] | None = None,
) -> FuturesPanel:
    """Return futures from settlements by code, one a day; they open at them if not said otherwise, and trade a lot.

    ``first`` and ``last`` are rows of the first and the last trading day, by default the panel's first and none.
    """
    codes = sorted(settles)

    def grid(given: Mapping[str, Sequence[float]]) -> np.ndarray:
        return np.array([given[code] for code in codes], "float64")

    settle = grid(settles)
    opened = grid({**settles, **(opens or {})})
    before = np.hstack([np.full((len(codes), 1), np.nan), settle[:, :-1]])
    plenty = {code: [1e5 if price == price else np.nan for price in settles[code]] for code in codes}
    return FuturesPanel(
        codes=np.array(codes, "U12"),
        kind=np.array([code[:2] for code in codes], "U2"),
        multiplier=np.array([KINDS[code[:2]].multiplier for code in codes]),
        first_row=np.array([(first or {}).get(code, 0) for code in codes]),
        last_row=np.array([(last or {}).get(code, 10**6) for code in codes]),
        main=np.array([code[2] == "." for code in codes]),
        open=opened, high=np.fmax(opened, settle), low=np.fmin(opened, settle), close=settle, settle=settle,
        pre_settle=before, vol=grid({**plenty, **(vol or {})}),
    )  # fmt: skip


class PlainTerms:
    """10 % margin, 1 bp a trade and on delivery, 10 bp to close on the same day, 1 yuan an order."""

    tick, limit, last_day_limit = 0.2, 0.10, 0.20

    def __init__(self, hedging: bool = False):
        self.hedging = hedging

    def multiplier(self, kind: str) -> float:
        return KINDS[kind].multiplier

    def margin(self, kind: str, day: Any) -> float:
        return 0.10

    def fee(self, kind: str, day: Any) -> float:
        return 1e-4

    def close_today_fee(self, kind: str, day: Any) -> float:
        return 1e-3

    def delivery_fee(self, kind: str, day: Any) -> float:
        return 1e-4

    def yuan_per_order(self, kind: str, day: Any) -> float:
        return 1.0
