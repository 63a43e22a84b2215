"""What this machine has for huice: versions, data, device, fonts, and what is missing."""

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path

from analyzers.fonts import chart_families
from feeds.errors import DataError
from feeds.store import Store
from signals.table import signal_names

NEEDED = (
    "backtrader", "tensorflow", "keras", "pandas", "numpy", "scipy", "pyarrow", "quantstats", "matplotlib",
    "exchange_calendars", "pydantic", "click", "rich",
)  # fmt: skip
# In a process of its own: importing TensorFlow takes seconds and hundreds of MB, and may end the process.
_DEVICES = "import tensorflow as tf; print(', '.join(d.device_type for d in tf.config.list_physical_devices()))"


def examine(data: Path) -> dict[str, str]:
    """Return what was found, by name, in words."""
    rows = {"python": platform.python_version(), "platform": platform.platform()}
    missing = []
    for name in NEEDED:
        try:
            rows[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            rows[name] = "missing"
            missing.append(name)
    rows["device"] = _device() if "tensorflow" not in missing else "unknown without tensorflow"
    rows["Chinese font"] = ", ".join(chart_families()) or "none found: charts show codes instead of names"
    rows["data"] = _data(data)
    rows["signals"] = ", ".join(signal_names(data)) or "none yet: train or signals import makes them"
    rows["missing"] = f"pip install {' '.join(missing)}" if missing else "nothing"
    return rows


def _device() -> str:
    found = subprocess.run([sys.executable, "-c", _DEVICES], capture_output=True, text=True, check=False, timeout=120)
    return found.stdout.strip() or "tensorflow does not start"


def _data(data: Path) -> str:
    try:
        store = Store.existing(data)
    except DataError as problem:
        return str(problem)
    daily = store.tables["daily"]
    kind = "simulated market" if store.simulated else store.source
    return f"{data}: {daily['rows']:,} bars, {daily['start']} to {daily['end']}, {kind}"
