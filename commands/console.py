"""What every command shares on the terminal: groups that know their commands, progress, tables and JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from feeds.errors import unknown


class Commands(click.Group):
    """A group that names the nearest command when it is asked for one it does not have."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


def say(text: str) -> None:
    """Print progress on standard error, so that standard output holds results only."""
    click.echo(text, err=True)


def print_json(content: Any) -> None:
    """Print what a program reads, on standard output; dates as text."""
    import json

    click.echo(json.dumps(content, ensure_ascii=False, indent=1, default=str))


def print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print rows under their heads, without lines around them."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(highlight=False).print(table)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show what is being done and how many steps are done, on standard error."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}  {task.completed}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("opening the market", total=None)
        yield lambda text: bars.update(task, description=text, advance=1)
