"""Command doctor: what this installation has and lacks."""

from pathlib import Path

import click

from commands.console import print_json, print_table
from commands.options import DEFAULT_DATA, data_option, json_option


@click.command()
@data_option
@json_option
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Print versions, the data found, the device, the fonts, and what is missing."""
    from analyzers.doctor import examine

    rows = examine(data_dir or Path(DEFAULT_DATA))
    if as_json:
        print_json(rows)
        return
    print_table(("what", "found"), list(rows.items()))
