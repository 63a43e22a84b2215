"""Command on the market's dated rules: show."""

from pathlib import Path

import click

from commands.console import Commands, print_json, print_table, say
from commands.options import REAL, json_option


@click.group("rules", cls=Commands)
def rule_commands() -> None:
    """Look up the market's dated rules."""


@rule_commands.command("show")
@click.option("--code", required=True, help="600519.SH, 510300.SH, 113050.SH, IF2402.CFX.")
@click.option("--date", required=True, help="Trading day, 2020-08-24.")
@click.option("--st/--no-st", default=None, help="Whether the stock carries ST or *ST.")
@click.option("--listed", default=None, help="Day of listing, 2001-08-27.")
@click.option("--pre-close", type=REAL, default=None, help="Reference price in yuan; the issue price on day one.")
@click.option(
    "--data", "data_dir", default=None, type=click.Path(path_type=Path),
    help="Data folder that knows listing day, ST and reference price.",
)  # fmt: skip
@json_option
def rules_show(
    code: str, date: str, st: bool | None, listed: str | None, pre_close: float | None, data_dir: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Print every rule that applies to a code on a day: value, first and last day, source, confidence."""
    from feeds.lookup import look_up
    from feeds.rules import Facts, as_day

    facts = Facts(st=st, listed=None if listed is None else as_day(listed), pre_close=pre_close)
    rows = [vars(ruling) for ruling in look_up(code, date, facts, data_dir, say)]
    if as_json:
        print_json(rows)
    else:
        print_table(tuple(rows[0]), [tuple(cell or "" for cell in row.values()) for row in rows])
