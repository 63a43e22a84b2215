"""Commands on one strategy: backtest, tradability, audit, explain."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from commands.console import print_json, print_table, say, steps
from commands.data import data_folder
from commands.options import (
    DEFAULT_DATA,
    REAL,
    WHOLE,
    data_option,
    json_option,
    pairs,
    set_option,
    workers_option,
)
from commands.train import require_workers, trainer
from feeds.errors import ConfigError
from feeds.sources import SIMULATED_NOTICE

RUN_OPTIONS = (
    click.option("--strategy", default=None, help="Strategy name, or FILE.py[:NAME].  [default: top10]"),
    click.option("--signal", default=None, help="Signal name.  [default: lstm_thoughts]"),
    data_option,
    click.option("--start", default=None, help="First trading day, 2020-01-02.  [default: after the first score]"),
    click.option("--end", default=None, help="Last trading day.  [default: the end of the data]"),
    click.option("--cash", type=REAL, default=None, help="Starting capital, yuan.  [default: 10000000]"),
    click.option("--benchmark", default=None, help="Index code, or none.  [default: H00300.CSI, else 000300.SH]"),
    click.option("--universe", default=None, help="all, or an index whose dated members are known.  [default: all]"),
    click.option("--fees", default=None, help="8bp, detailed, none, 12.5bp, or a YAML file.  [default: 8bp]"),
    click.option("--top-k", type=WHOLE, default=None, help="Number of stocks held."),
    click.option("--prices", default=None, help="raw, dividends being events, or total-return.  [default: raw]"),
    click.option("--execution", default=None, help="open, vwap or close of the next session.  [default: open]"),
    click.option("--fill", default=None, help="default, or the bounds optimistic and pessimistic."),
    click.option("--slippage", default=None, help="5bp, 1tick or none.  [default: none]"),
    click.option("--max-participation", type=REAL, default=None, help="Largest share of a day's volume, 0.1."),
    click.option("--blocked-buys", default=None, help="expire, carry=N sessions or substitute.  [default: expire]"),
    click.option("--blocked-sells", default=None, help="carry, carry=N or expire.  [default: carry]"),
    click.option("--hedge", default=None, help="IF, IH, IC, IM, index (ideal) or none; --set hedge.sizing=beta, ..."),
    click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML file of options."),
    set_option,
    workers_option,
    json_option,
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that describe a run."""
    for option in reversed(RUN_OPTIONS):
        command = option(command)
    return command


@click.command()
@run_options
@click.option("--output", default="runs", type=click.Path(path_type=Path), help="Where run folders are made.")
def backtest(data_dir: Path | None, output: Path, workers: int | None, as_json: bool, **options: Any) -> None:
    """Trade a signal's scores and write a run folder with a tear sheet; trains missing scores first."""
    config = configured(data_dir, workers, **options)
    _require_folder("--output", output)
    from analyzers.backtest import backtest as run

    data = data_folder(data_dir, say)
    report = run(config, data, output, trainer(data, workers), say)
    if as_json:
        from analyzers.biases import checks

        about: dict[str, Any] = {"notice": SIMULATED_NOTICE} if report.result.facts["simulated"] else {}
        about["checks"] = [vars(check) for check in checks(report.result)]
        print_json({"run": str(report.folder), **about, **report.metrics})
    else:
        _print_summary(report.result, report.metrics, report.folder)


def _print_checks(found: list[Any]) -> None:
    """Print what flatters the result, and the names of what is as it should be."""
    doubts = [check for check in found if check.level != "green"]
    good = [check.name for check in found if check.level == "green"]
    print_table(("", "check", "found"), [(check.level, check.name, check.sentence) for check in doubts])
    click.echo(f"as they should be: {', '.join(good) or 'none'}")


def _print_summary(result: Any, metrics: Any, place: Path) -> None:
    from analyzers.biases import checks
    from analyzers.summary import summary_rows

    facts = result.facts
    click.echo(f"{facts['strategy']} on {facts['signal']['name']}, {facts['start']} to {facts['end']}")
    against = f"{facts['benchmark_code']} ({facts['benchmark_kind']})" if facts["benchmark_code"] else "none"
    click.echo(f"benchmark {against}, fees {facts['fees']}")
    group = ""
    rows: list[tuple[str, ...]] = []
    for name, label, value, _ in summary_rows(metrics):
        rows.append((name if name != group else "", label, value))
        group = name
    print_table(("", "figure", "value"), rows)
    _print_checks(checks(result))
    if facts["simulated"]:
        click.echo(SIMULATED_NOTICE)
    click.echo(f"tear sheet: {place / 'tear_sheet.html'}")


@click.command()
@run_options
def tradability(data_dir: Path | None, workers: int | None, as_json: bool, **options: Any) -> None:
    """Show what each rule of the market costs: the same scores with it left out, and with bounds of what fills."""
    config = configured(data_dir, workers, **options)
    from analyzers.backtest import prepare
    from analyzers.tradability import tradability as compare

    data = data_folder(data_dir, say)
    panel, folder = prepare(config, data, trainer(data, workers), say)
    table = compare(config, panel, folder)
    if as_json:
        click.echo(table.to_json(orient="records", force_ascii=False, indent=1))
        return
    percent = ("total_return", "annual_return", "max_drawdown", "annual_difference")
    rows = [
        (row["variant"], *(f"{row[name]:.2%}" for name in percent), f"{row['sharpe']:.3f}", str(row["refusals"]))
        for row in table.to_dict("records")
    ]
    print_table(("rules", "total", "a year", "max drawdown", "difference a year", "Sharpe", "refused"), rows)
    if panel.simulated:
        click.echo(SIMULATED_NOTICE)


@click.command()
@run_options
@click.option("--trials", type=WHOLE, default=20, show_default=True, help="Random days after which all is drawn anew.")
@click.option("--seed", type=WHOLE, default=0, show_default=True, help="Decides the days and what is drawn.")
def audit(
    data_dir: Path | None, workers: int | None, as_json: bool, trials: int, seed: int, **options: Any
) -> None:  # fmt: skip
    """Draw the future anew and look for a past that moves; exit code 1 if something looks ahead."""
    config = configured(data_dir, workers, **options)
    from analyzers.audit.whole import audit as examine
    from analyzers.audit.whole import refuse_impossible
    from analyzers.backtest import prepare

    refuse_impossible(trials, seed)
    data = data_folder(data_dir, say)
    panel, folder = prepare(config, data, trainer(data, workers), say)
    try:
        with steps() as step:
            found = examine(config, data, panel, folder, trials=trials, seed=seed, step=step)
    except KeyboardInterrupt:
        click.echo("interrupted: an audit keeps nothing, the same command begins anew", err=True)
        sys.exit(130)
    if as_json:
        print_json(found.as_dict())
    else:
        _print_audit(found)
    sys.exit(1 if found.leaks else 0)


def _print_audit(found: Any) -> None:
    print_table(
        ("drawn anew", "trials", "compared", "differ"),
        [(row.name, str(row.trials), f"{row.compared:,}", str(row.differences)) for row in found.rows],
    )
    for leak in found.leaks:
        click.echo(f"look-ahead: {leak}")
    if not found.leaks:
        click.echo("no look-ahead found")
    if found.simulated:
        click.echo(SIMULATED_NOTICE)


@click.command()
@click.option("--run", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--date", required=True, help="Signal date, or a session on which the order was waiting.")
@click.option("--code", required=True, help="Tushare code, 600519.SH.")
@data_option
def explain(run: Path, date: str, code: str, data_dir: Path | None) -> None:
    """Say in a paragraph why an order did or did not fill."""
    from analyzers.explain import explain as tell
    from feeds.building import open_panel

    for paragraph in tell(run, open_panel(data_dir or Path(DEFAULT_DATA), say), code, date):
        click.echo(paragraph)


def configured(
    data_dir: Path | None, workers: int | None, config_file: Path | None, settings: tuple[str, ...],
    top_k: int | None, **flags: Any,
) -> Any:  # fmt: skip
    """Return the checked configuration of a run, before market data are generated for one that cannot be."""
    from signals.catalogue import find
    from strategies import registry
    from strategies.execution import engine, fees
    from strategies.execution.config import make

    require_workers(workers)
    config = make(_options(config_file, flags, settings, top_k))
    registry.get(config.strategy)
    fees.get(config.fees)
    engine.strategy_parameters(config)
    if engine.needs_signal(config):
        find(config.signal, data_dir or Path(DEFAULT_DATA))
    return config


def _require_folder(name: str, path: Path) -> None:
    """Refuse a path that is, or lies in, a file, before anything is computed for it."""
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise ConfigError(f"{name} must be a folder, was {path}")


def _options(
    config_file: Path | None, flags: dict[str, Any], settings: tuple[str, ...], top_k: int | None
) -> dict[str, Any]:
    """Return the options of a backtest: flags win over the file, ``--set`` counts as a flag."""
    from strategies.execution.config import BacktestConfig, from_file

    options = from_file(config_file) if config_file else {}
    parameters = dict(options.get("parameters") or {})
    hedge = options.pop("hedge", None) or {}
    hedge = {"kind": hedge} if isinstance(hedge, str) else dict(hedge)
    for key, value in pairs(settings).items():
        if key.startswith("hedge."):
            hedge[key.removeprefix("hedge.")] = value
        else:
            (options if key in BacktestConfig.model_fields else parameters)[key] = value
    options.update({name: value for name, value in flags.items() if value is not None})
    if isinstance(options.get("hedge"), str):
        hedge["kind"] = options.pop("hedge")
    options["hedge"] = {**hedge, **(options.get("hedge") or {})}
    if top_k is not None:
        parameters["top_k"] = top_k
    return {**options, "parameters": parameters} if parameters else options
