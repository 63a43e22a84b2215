"""Command evaluate: what signals are worth before anything is traded, side by side."""

from pathlib import Path
from typing import Any

import click

from commands.console import print_json, print_table, say
from commands.options import DEFAULT_DATA, data_option, json_option
from feeds.errors import ConfigError
from feeds.sources import SIMULATED_NOTICE


@click.command()
@click.option("--signal", "names", multiple=True, required=True, help="Signal that has files; repeat to compare.")
@data_option
@click.option("--universe", default="all", show_default=True, help="all, or an index whose dated members are known.")
@click.option("--start", default=None, help="First signal date.  [default: the first there is]")
@click.option("--end", default=None, help="Last signal date.  [default: the last there is]")
@click.option(
    "--horizon", default="next_signal", show_default=True, help="How long a position is held: next_signal, or sessions."
)
@click.option("--own-dates", is_flag=True, help="Measure each signal on its own dates and names, not the common ones.")
@click.option("--html", default=None, type=click.Path(path_type=Path), help="Also write one offline page to this file.")
@json_option
def evaluate(
    names: tuple[str, ...], data_dir: Path | None, universe: str, start: str | None, end: str | None, horizon: str,
    own_dates: bool, html: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure signals against the returns one could have traded: IC, RankIC, decay, tenths, costs, years."""
    span = _horizon(horizon)
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise ConfigError(f"--html must be a file in a folder that exists, was {html}")
    from analyzers.comparison import compare_signals
    from analyzers.evaluation import flat

    data = data_dir or Path(DEFAULT_DATA)
    found = compare_signals(data, names, universe, start, end, horizon=span, own_dates=own_dates, note=say)
    if html is not None:
        from analyzers.comparison_page import write_comparison

        write_comparison(html, found)
    if as_json:
        about: dict[str, Any] = {"notice": SIMULATED_NOTICE} if found.simulated else {}
        about |= {"horizon": found.horizon, "common_dates": found.common, "notes": found.notes}
        print_json({**about, "signals": flat(found.evaluations)})
    else:
        _print(found)


def _horizon(text: str) -> Any:
    """Return sessions as a number, or the word for what lasts to the next signal."""
    if text == "next_signal":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"--horizon must be next_signal or a number of sessions, was {text}")
    return int(text)


def _print(found: Any) -> None:
    from analyzers.comparison_tables import tables

    click.echo(f"forward return {found.horizon}")
    for head, rows in tables(found):
        click.echo()
        print_table(head, rows)
    about = [f"note: {note}" for note in found.notes] + [SIMULATED_NOTICE] * found.simulated
    for number, line in enumerate(about):
        click.echo(line if number else f"\n{line}")
