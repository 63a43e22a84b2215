"""The simulated market, the embedded default source."""

from feeds.sources.simulated.market import SimulatedMarket

__all__ = ["SimulatedMarket"]
