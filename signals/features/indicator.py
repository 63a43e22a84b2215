"""What an indicator is: a function of the packed bars, and the unit its value is in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from feeds.errors import SignalError
from signals.features.bars import Bars
from signals.features.moving import Floats

Scale = Literal["price", "invariant", "count"]
Compute = Callable[[Bars], Floats]


@dataclass(frozen=True)
class Indicator:
    """One technical indicator.

    Parameters
    ----------
    compute : callable
        Bars -> (stocks, bars), known at the close of each bar.
    scale : {"price", "invariant", "count"}
        ``price``: in the yuan of the back-adjusted prices, so comparable between stocks only after
        division by the close; ``invariant``: unchanged when all prices are multiplied by a constant;
        ``count``: a number of bars.
    """

    compute: Compute
    scale: Scale


class IndicatorTable(dict[str, Indicator]):
    """Indicators by name, in the order of their registration."""

    def add(self, name: str, scale: Scale, compute: Compute) -> None:
        """Register an indicator; a name can be taken once."""
        if name in self:
            raise SignalError(f"indicator name must be unused, was {name}")
        self[name] = Indicator(compute, scale)

    def register(self, name: str, scale: Scale) -> Callable[[Compute], Compute]:
        """Return a decorator that registers the function under the name."""

        def decorate(compute: Compute) -> Compute:
            self.add(name, scale, compute)
            return compute

        return decorate
