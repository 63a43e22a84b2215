"""The run folder: every frame, figure and page of a run, written whole or not at all."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from analyzers.conventions import Metrics
from analyzers.metrics import to_json
from analyzers.tear_sheet import write_tear_sheet
from strategies.execution.config import to_yaml

if TYPE_CHECKING:
    from analyzers.signal_quality import SignalQuality
    from feeds.panel import MarketPanel
    from strategies.execution.engine import BacktestResult

FRAMES = ("nav", "positions", "orders", "fills", "actions", "hedge")


def run_id(result: "BacktestResult") -> str:
    """Return the folder name of a run: what ran, when, and a hash of its configuration, data, scores and files."""
    facts = result.facts
    own = f"{facts['fee_schedule']}{facts.get('strategy_sha256', '')}"
    content = f"{to_yaml(result.config)}{facts['data_fingerprint']}{facts['signal']}{own}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return f"{facts['strategy']}-{facts['signal']['name']}-{facts['start']}-{facts['end']}-{digest}"


def write_run(
    runs: Path,
    result: "BacktestResult",
    metrics: Metrics,
    panel: "MarketPanel",
    quality: "SignalQuality | None",
    log: Iterable[str],
    *,
    unhedged: "BacktestResult | None" = None,
) -> Path:
    """Write a run folder under ``runs`` and return it; the same run replaces its earlier folder.

    Parameters
    ----------
    runs : Path
        Folder in which run folders are made.
    log : iterable of str
        Lines of ``run.log``.
    unhedged : BacktestResult, optional
        The same run without its hedge.
    """
    runs.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=runs, prefix=".tmp-"))
    try:
        (temporary / "config.yaml").write_text(to_yaml(result.config), encoding="utf-8")
        (temporary / "metrics.json").write_text(to_json(metrics), encoding="utf-8")
        for name in FRAMES:
            table = pa.Table.from_pandas(getattr(result, name), preserve_index=False).replace_schema_metadata(None)
            pq.write_table(table, temporary / f"{name}.parquet", compression="zstd")
        write_tear_sheet(temporary / "tear_sheet.html", result, metrics, panel, quality, unhedged=unhedged)
        (temporary / "run.log").write_text("".join(f"{line}\n" for line in log), encoding="utf-8")
        temporary.chmod(0o755)
        final = runs / run_id(result)
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        return final
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
