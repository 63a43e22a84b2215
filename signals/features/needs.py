"""What inputs need of the market data beyond daily bars, and which of them have to do without."""

from collections.abc import Mapping, Sequence

from feeds.panel import MarketPanel


def missing_needs(panel: MarketPanel, needs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the names that lack something, each with the reason.

    Parameters
    ----------
    panel : MarketPanel
    needs : mapping of str to sequence of str
        By name: panel fields, several of which one is enough separated by ``|``; or ``index`` and an index code.
    """

    def held(need: str) -> bool:
        if need.startswith("index "):
            return need.removeprefix("index ") in panel.indices
        return any(panel.has_field(field) for field in need.split("|"))

    missing: dict[str, str] = {}
    for name, needed in needs.items():
        lacking = [need for need in needed if not held(need)]
        if lacking:
            missing[name] = f"needs {', '.join(lacking)}, absent from the market data"
    return missing
