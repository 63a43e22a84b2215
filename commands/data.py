"""Commands on market data: import, demo, info, check."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commands.console import Commands, print_json, print_table, say
from commands.options import DEFAULT_DATA, WHOLE, data_option, json_option
from feeds.errors import ConfigError
from feeds.sources import SIMULATED_NOTICE

DEMO = {"stocks": 300, "start": "2017-01-03", "end": "2024-12-31", "seed": 7}


@click.group("data", cls=Commands)
def data_commands() -> None:
    """Import, generate, check and describe market data."""


@data_commands.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@data_option
def data_import(folder: Path, data_dir: Path | None) -> None:
    """Read a Tushare-style export: FOLDER/<table>.parquet or .csv, in Tushare units."""
    from datetime import UTC, datetime

    from feeds.sources.files import TushareFiles
    from feeds.store import Store, import_source

    source = TushareFiles(folder)
    data = data_dir or Path(DEFAULT_DATA)
    replaced = Store(data).simulated
    rows = import_source(Store(data), source, datetime.now(UTC).isoformat(timespec="seconds"))
    if replaced:
        say(f"note: the simulated market in {data} was replaced")
    if "daily" in rows and "adj_factor" not in Store(data).tables:
        say("note: adj_factor must be imported too before a backtest can run")
    for name, count in rows.items():
        click.echo(f"{name:<16}{count:>12,} rows")
    for text in source.notes:
        say(f"note: {text}")
    for path in source.skipped:
        say(f"note: {path.name} left out, not the name of a table")


@data_commands.command("demo")
@data_option
@click.option("--stocks", type=WHOLE, default=DEMO["stocks"], show_default=True)
@click.option("--start", default=DEMO["start"], show_default=True)
@click.option("--end", default=DEMO["end"], show_default=True)
@click.option("--seed", type=WHOLE, default=DEMO["seed"], show_default=True)
def data_demo(data_dir: Path | None, **options: Any) -> None:
    """Generate the simulated market: every table, every corner case, no token, no network."""
    from feeds.store import Store

    data = data_dir or Path(DEFAULT_DATA)
    real = {entry["source"] for entry in Store(data).tables.values() if not entry["simulated"]}
    if real:
        raise ConfigError(f"data folder must be empty or hold a simulated market, was {data} with {', '.join(real)}")
    for name, count in simulate(data, options).items():
        click.echo(f"{name:<16}{count:>12,} rows")
    click.echo(SIMULATED_NOTICE)


@data_commands.command("info")
@data_option
@json_option
def data_info(data_dir: Path | None, as_json: bool) -> None:
    """Print what the data folder holds: rows, spans, sources."""
    from feeds.store import Store

    store = Store.existing(data_dir or Path(DEFAULT_DATA))
    rows = {
        name: {key: entry[key] for key in ("rows", "start", "end", "source", "fetched_at")}
        for name, entry in store.tables.items()
    }
    if as_json:
        print_json({"fingerprint": store.fingerprint, "tables": rows})
        return
    print_table(
        ("table", "rows", "first day", "last day", "source"),
        [(n, f"{r['rows']:,}", r["start"] or "", r["end"] or "", r["source"]) for n, r in rows.items()],
    )
    if store.simulated:
        click.echo(SIMULATED_NOTICE)


@data_commands.command("check")
@data_option
@json_option
def data_check(data_dir: Path | None, as_json: bool) -> None:
    """Check every stored file's SHA-256 and every table's rules; exit code 1 if anything is wrong."""
    from feeds.checking import check_store
    from feeds.store import Store

    findings = check_store(Store.existing(data_dir or Path(DEFAULT_DATA)))
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        print_table(
            ("table", "rule", "count", "first"), [(f.table, f.rule, f"{f.count:,}", f.sample) for f in findings]
        )
        click.echo(f"{len(findings)} findings" if findings else "every check passed")
    sys.exit(1 if findings else 0)


def data_folder(data_dir: Path | None, note: Callable[[str], None]) -> Path:
    """Return the data folder; the default one is filled with the simulated market when it is empty."""
    from feeds.store import MANIFEST

    data = data_dir or Path(DEFAULT_DATA)
    if data_dir is None and not (data / MANIFEST).exists():
        note(f"no market data in {data}/ yet: generating the {SIMULATED_NOTICE}")
        simulate(data, DEMO)
    return data


def simulate(data: Path, options: dict[str, Any]) -> dict[str, int]:
    """Fill a folder with the simulated market and return its rows by table."""
    from feeds.sources.simulated import SimulatedMarket
    from feeds.store import Store, import_source

    return import_source(Store(data), SimulatedMarket(**options))
