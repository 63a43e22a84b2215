"""From a score to a fill: each strategy registers itself in :mod:`strategies.registry`."""

from strategies import top_k

__all__ = ["top_k"]
