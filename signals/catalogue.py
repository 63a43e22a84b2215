"""Which signals a data folder offers: those that can be trained and those that have files."""

from pathlib import Path

from feeds.errors import unknown
from signals import registry
from signals.registry import SignalSpec
from signals.table import SignalFolder, signal_folder, signal_names


def known(data: str | Path) -> list[str]:
    """Return the names of all signals that can be trained or have files, ascending."""
    return sorted({*registry.names(), *signal_names(data)})


def find(name: str, data: str | Path) -> tuple[SignalFolder, SignalSpec | None]:
    """Return a signal's folder, and its spec if it can be trained.

    Raises
    ------
    ConfigError
        If there is none of that name; the message lists the known names and the nearest.
    """
    if name not in known(data):
        raise unknown("signal", name, known(data))
    return signal_folder(data, name), registry.get(name) if name in registry.names() else None
