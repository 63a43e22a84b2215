"""Commands on files of scores: list, validate, import."""

import sys
from pathlib import Path

import click

from commands.console import Commands, print_json, print_table, say
from commands.options import DEFAULT_DATA, data_option, json_option


@click.group("signals", cls=Commands)
def signal_commands() -> None:
    """List, validate and import files of scores."""


@signal_commands.command("list")
@data_option
@json_option
def signals_list(data_dir: Path | None, as_json: bool) -> None:
    """Print the signals that can be trained and those that have files."""
    from signals.catalogue import find, known

    data = data_dir or Path(DEFAULT_DATA)
    rows = []
    for name in known(data):
        folder, spec = find(name, data)
        dates = folder.dates()
        title = spec.title if spec else "imported scores"
        span = (str(dates[0]), str(dates[-1])) if len(dates) else ("", "")
        rows.append({"signal": name, "files": len(dates), "first": span[0], "last": span[1], "about": title})
    if as_json:
        print_json(rows)
    else:
        print_table(("signal", "files", "first", "last", "about"), [tuple(map(str, row.values())) for row in rows])


@signal_commands.command("validate")
@click.argument("name")
@data_option
@click.option("--universe", default=None, help="all, or an index code.  [default: what each file was made for]")
@json_option
def signals_validate(name: str, data_dir: Path | None, universe: str | None, as_json: bool) -> None:
    """Check a signal's files; exit code 1 if one could not have been known in time or cannot be traded."""
    from feeds.building import open_panel
    from feeds.store import Store
    from signals.catalogue import find
    from signals.validation import errors, validate

    data = data_dir or Path(DEFAULT_DATA)
    folder, _ = find(name, data)
    findings = validate(folder, open_panel(data, say), universe, Store(data).open_days())
    if as_json:
        print_json([f.__dict__ for f in findings])
    else:
        print_table(
            ("level", "rule", "date", "count", "sample"),
            [(f.level, f.rule, str(f.date or ""), str(f.count), ", ".join(map(str, f.sample))) for f in findings],
        )
        click.echo(f"{len(errors(findings))} errors, {len(findings) - len(errors(findings))} warnings")
    sys.exit(1 if errors(findings) else 0)


@signal_commands.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the signal.")
@data_option
@click.option("--replace", is_flag=True, help="Replace an earlier import of that name.")
def signals_import(file: Path, name: str, data_dir: Path | None, replace: bool) -> None:
    """Turn a long CSV or Parquet table of your own scores into signal files."""
    from signals.importing import import_scores

    folder = import_scores(file, name, data_dir or Path(DEFAULT_DATA), replace=replace)
    dates = folder.dates()
    click.echo(f"{folder.path}: {len(dates)} files, {dates[0]} to {dates[-1]}")
