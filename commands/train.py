"""Command train: models and scores of a signal, walk-forward."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commands.console import print_table, say
from commands.data import data_folder
from commands.options import DEFAULT_DATA, data_option, pairs, set_option, workers_option
from feeds.errors import ConfigError
from feeds.sources import SIMULATED_NOTICE


@click.command()
@click.option("--signal", "signal_name", required=True, help="Signal name.")
@data_option
@click.option("--universe", default="all", show_default=True, help="all, or an index code.")
@click.option("--start", default=None, help="First signal date.  [default: the first that can be scored]")
@click.option("--end", default=None, help="Last signal date.  [default: the last in the data]")
@set_option
@workers_option
@click.option("--retrain", is_flag=True, help="Forget the models and scores of these dates first.")
@click.option("--status", "only_status", is_flag=True, help="Only show what is there and what is missing.")
def train(
    signal_name: str, data_dir: Path | None, universe: str, start: str | None, end: str | None,
    settings: tuple[str, ...], workers: int | None, retrain: bool, only_status: bool,
) -> None:  # fmt: skip
    """Train a signal walk-forward and write one file of scores per month; goes on where it was stopped."""
    from feeds.store import Store
    from signals import registry

    require_workers(workers)
    spec = registry.get(signal_name)
    if settings:
        spec = registry.with_settings(spec, {key: str(value) for key, value in pairs(settings).items()})
    if only_status:
        if retrain:
            raise ConfigError("--status must be given without --retrain, was given with it")
        _print_status(data_dir or Path(DEFAULT_DATA), spec, universe, start, end)
        return
    data = data_folder(data_dir, say)
    Store.existing(data)
    summary = run_training(data, spec, universe, start, end, workers, retrain)
    click.echo(
        f"{summary.folder}: {len(summary.written)} files written, {len(summary.skipped)} there already, "
        f"{len(summary.trained)} of {len(summary.folds)} folds trained"
    )
    if Store(data).simulated:
        click.echo(SIMULATED_NOTICE)


def _print_status(data: Path, spec: Any, universe: str, start: Any, end: Any) -> None:
    """Print the folds and what is there of them."""
    from signals.status import status

    found = status(data, spec, universe, start, end)
    rows: list[tuple[str, ...]] = []
    for fold in found.folds:
        spans = (f"{first} to {last}" for first, last in (fold.train, fold.validation))
        about: tuple[str, ...] = (fold.name, str(fold.frozen), *spans, f"{fold.written} of {fold.dates}")
        for seed in fold.seeds:
            rank_ic = "" if seed.validation_rank_ic is None else f", {seed.validation_rank_ic:+.4f}"
            best = seed.state if seed.best_epoch is None else f"{seed.best_epoch}{rank_ic}"
            rows.append((*about, seed.name, best))
            about = ("",) * len(about)
    head = ("fold", "frozen", "training", "validation", "scored", "model", "epoch, RankIC")
    print_table(head, rows)
    finished, scored = sum(fold.finished for fold in found.folds), sum(fold.written for fold in found.folds)
    wanted = sum(fold.dates for fold in found.folds)
    click.echo(f"{finished} of {len(found.folds)} folds finished, {scored} of {wanted} dates scored")
    for words in found.stale:
        click.echo(f"note: {words}")


def require_workers(workers: int | None) -> None:
    """Refuse a number of training processes that is none."""
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers must be 1 or more, was {workers}")


def trainer(data: Path, workers: int | None) -> Callable[[Any, str, str, str], None]:
    """Return how a run trains the scores it lacks."""

    def train(spec: Any, universe: str, first: str, last: str) -> None:
        run_training(data, spec, universe, first, last, workers, retrain=False)

    return train


def run_training(
    data: Path, spec: Any, universe: str, start: Any, end: Any, workers: int | None, retrain: bool
) -> Any:  # fmt: skip
    """Train what is missing, showing every epoch on standard error, and return what was done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from signals import walkforward

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(f"training {spec.name}", total=None)

        def show(event: walkforward.Progress) -> None:
            if event.stage == "planned":
                bars.update(task, total=event.epochs)
            elif event.stage == "epoch":
                bars.update(task, description=f"training {spec.name} {event.fold}", advance=1)
                bars.console.print(
                    f"{event.fold} seed {event.seed} epoch {event.epoch:2d}/{event.epochs}  IC train "
                    f"{event.train_ic:+.4f}  validation {event.validation_ic:+.4f}  RankIC "
                    f"{event.validation_rank_ic:+.4f}",
                    highlight=False,
                )
            elif event.stage == "written":
                bars.console.print(f"{event.fold} scored {', '.join(event.dates)}", highlight=False)
            elif event.message:
                bars.console.print(event.message, highlight=False)

        return walkforward.run(
            data, spec, universe, start, end,
            workers=workers or min(os.cpu_count() or 1, 8), callback=show, retrain=retrain,
        )  # fmt: skip
