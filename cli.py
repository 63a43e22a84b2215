"""The command line: parse, call one function, print."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from feeds.errors import ConfigError, HuiceError, unknown
from feeds.sources import SIMULATED_NOTICE

DEFAULT_DATA = "data"
UNUSABLE = {
    errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR,
}  # fmt: skip
DEMO = {"stocks": 300, "start": "2017-01-03", "end": "2024-12-31", "seed": 7}


class Commands(click.Group):
    """A group whose errors are one line on standard error and exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
            sys.exit(code if isinstance(code, int) else 0)
        except click.exceptions.NoArgsIsHelpError as asked:
            click.echo(asked.format_message())
            sys.exit(2)
        except click.NoSuchOption as refused:
            near = f" (did you mean {refused.possibilities[0]}?)" if refused.possibilities else ""
            self.refuse(f"option must be one that --help lists, was {refused.option_name}{near}")
        except click.MissingParameter as refused:
            name = refused.param.opts[-1] if refused.param and refused.param.opts else "argument"
            self.refuse(f"{name if name.startswith('-') else name.upper()} must be given, was missing")
        except click.ClickException as refused:
            self.refuse(refused.format_message())
        except HuiceError as refused:
            self.refuse(str(refused))
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted: what was finished is kept, the same command goes on from there", err=True)
            sys.exit(130)
        except OSError as problem:
            if problem.errno not in UNUSABLE:
                raise
            self.refuse(f"folder must be writable and have free space, was {problem.filename} ({problem.strerror})")
        except UnicodeEncodeError as problem:
            self.refuse(f"text must fit the terminal's encoding (try PYTHONUTF8=1), was {problem.encoding}")

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)

    @staticmethod
    def refuse(text: str) -> None:
        click.echo(f"error: {' '.join(text.split())}", err=True)
        sys.exit(2)


class Number(click.ParamType):
    """A number that is refused in our own words."""

    def __init__(self, kind: type[int] | type[float]):
        self.kind = kind
        self.name = "integer" if kind is int else "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.kind(value)
        except ValueError:
            name = param.opts[-1] if param else "value"
            rule = "a whole number" if self.kind is int else "a number"
            raise ConfigError(f"{name} must be {rule}, was {value}") from None


WHOLE, REAL = Number(int), Number(float)


def say(text: str) -> None:
    """Print progress on standard error, so that standard output holds results only."""
    click.echo(text, err=True)


data_option = click.option(
    "--data", "data_dir", default=None, type=click.Path(path_type=Path), help="Data folder.  [default: data]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
set_option = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any setting, repeatable.")
workers_option = click.option("--workers", type=WHOLE, default=None, help="Training processes.  [default: one a core]")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="huice")
def main() -> None:
    """Backtests of model scores on Chinese A-shares against a market that refuses.

    The quickest start:  huice backtest --strategy top10 --signal lstm_thoughts
    """


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


@main.command()
@run_options
@click.option("--output", default="runs", type=click.Path(path_type=Path), help="Where run folders are made.")
def backtest(data_dir: Path | None, output: Path, workers: int | None, as_json: bool, **options: Any) -> None:
    """Trade a signal's scores and write a run folder with a tear sheet; trains missing scores first."""
    config = _configured(data_dir, workers, **options)
    _require_folder("--output", output)
    from analyzers.backtest import backtest as run

    data = _data_folder(data_dir, say)
    report = run(config, data, output, _trainer(data, workers), say)
    if as_json:
        import json

        from analyzers.biases import checks

        about: dict[str, Any] = {"notice": SIMULATED_NOTICE} if report.result.facts["simulated"] else {}
        about["checks"] = [vars(check) for check in checks(report.result)]
        click.echo(json.dumps({"run": str(report.folder), **about, **report.metrics}, ensure_ascii=False, indent=1))
    else:
        _print_summary(report.result, report.metrics, report.folder)


@main.command()
@run_options
def tradability(data_dir: Path | None, workers: int | None, as_json: bool, **options: Any) -> None:
    """Show what each rule of the market costs: the same scores with it left out, and with bounds of what fills."""
    config = _configured(data_dir, workers, **options)
    from analyzers.backtest import prepare
    from analyzers.tradability import tradability as compare

    data = _data_folder(data_dir, say)
    panel, folder = prepare(config, data, _trainer(data, workers), say)
    table = compare(config, panel, folder)
    if as_json:
        click.echo(table.to_json(orient="records", force_ascii=False, indent=1))
        return
    percent = ("total_return", "annual_return", "max_drawdown", "annual_difference")
    rows = [
        (row["variant"], *(f"{row[name]:.2%}" for name in percent), f"{row['sharpe']:.3f}", str(row["refusals"]))
        for row in table.to_dict("records")
    ]
    _table(("rules", "total", "a year", "max drawdown", "difference a year", "Sharpe", "refused"), rows)
    if panel.simulated:
        click.echo(SIMULATED_NOTICE)


@main.command()
@run_options
@click.option("--trials", type=WHOLE, default=20, show_default=True, help="Random days after which all is drawn anew.")
@click.option("--seed", type=WHOLE, default=0, show_default=True, help="Decides the days and what is drawn.")
def audit(
    data_dir: Path | None, workers: int | None, as_json: bool, trials: int, seed: int, **options: Any
) -> None:  # fmt: skip
    """Draw the future anew and look for a past that moves; exit code 1 if something looks ahead."""
    config = _configured(data_dir, workers, **options)
    from analyzers.audit.whole import audit as examine
    from analyzers.audit.whole import refuse_impossible
    from analyzers.backtest import prepare

    refuse_impossible(trials, seed)
    data = _data_folder(data_dir, say)
    panel, folder = prepare(config, data, _trainer(data, workers), say)
    try:
        with _steps() as step:
            found = examine(config, data, panel, folder, trials=trials, seed=seed, step=step)
    except KeyboardInterrupt:
        click.echo("interrupted: an audit keeps nothing, the same command begins anew", err=True)
        sys.exit(130)
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=1))
    else:
        _print_audit(found)
    sys.exit(1 if found.leaks else 0)


def _print_audit(found: Any) -> None:
    _table(
        ("drawn anew", "trials", "compared", "differ"),
        [(row.name, str(row.trials), f"{row.compared:,}", str(row.differences)) for row in found.rows],
    )
    for leak in found.leaks:
        click.echo(f"look-ahead: {leak}")
    if not found.leaks:
        click.echo("no look-ahead found")
    if found.simulated:
        click.echo(SIMULATED_NOTICE)


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Show what is being done and how many steps are done, on standard error."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}  {task.completed}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("opening the market", total=None)
        yield lambda text: bars.update(task, description=text, advance=1)


@main.command()
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


def _configured(
    data_dir: Path | None, workers: int | None, config_file: Path | None, settings: tuple[str, ...],
    top_k: int | None, **flags: Any,
) -> Any:  # fmt: skip
    """Return the checked configuration of a run, before market data are generated for one that cannot be."""
    from signals.catalogue import find
    from strategies import registry
    from strategies.execution import engine, fees
    from strategies.execution.config import make

    if workers is not None and workers < 1:
        raise ConfigError(f"--workers must be 1 or more, was {workers}")
    config = make(_options(config_file, flags, settings, top_k))
    registry.get(config.strategy)
    fees.get(config.fees)
    engine.strategy_parameters(config)
    if engine.needs_signal(config):
        find(config.signal, data_dir or Path(DEFAULT_DATA))
    return config


def _trainer(data: Path, workers: int | None) -> Callable[[Any, str, str, str], None]:
    def train(spec: Any, universe: str, first: str, last: str) -> None:
        _train(data, spec, universe, first, last, workers, retrain=False)

    return train


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
    for key, value in _pairs(settings).items():
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


def _pairs(settings: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    pairs = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set must be KEY=VALUE, was {text}")
        try:
            pairs[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"--set must be KEY=VALUE with a plain value, was {text}") from None
    return pairs


def _data_folder(data_dir: Path | None, note: Callable[[str], None]) -> Path:
    """Return the data folder; the default one is filled with the simulated market when it is empty."""
    from feeds.store import MANIFEST

    data = data_dir or Path(DEFAULT_DATA)
    if data_dir is None and not (data / MANIFEST).exists():
        note(f"no market data in {data}/ yet: generating the {SIMULATED_NOTICE}")
        _simulate(data, DEMO)
    return data


def _simulate(data: Path, options: dict[str, Any]) -> dict[str, int]:
    from feeds.sources.simulated import SimulatedMarket
    from feeds.store import Store, import_source

    return import_source(Store(data), SimulatedMarket(**options))


@main.command()
@click.option("--signal", "signal_name", required=True, help="Signal name.")
@data_option
@click.option("--universe", default="all", show_default=True, help="all, or an index code.")
@click.option("--start", default=None, help="First signal date.  [default: the first that can be scored]")
@click.option("--end", default=None, help="Last signal date.  [default: the last in the data]")
@set_option
@workers_option
@click.option("--retrain", is_flag=True, help="Forget the models and scores of these dates first.")
def train(
    signal_name: str, data_dir: Path | None, universe: str, start: str | None, end: str | None,
    settings: tuple[str, ...], workers: int | None, retrain: bool,
) -> None:  # fmt: skip
    """Train a signal walk-forward and write one file of scores per month; goes on where it was stopped."""
    from feeds.store import Store
    from signals import registry

    if workers is not None and workers < 1:
        raise ConfigError(f"--workers must be 1 or more, was {workers}")
    spec = registry.get(signal_name)
    if settings:
        spec = registry.with_settings(spec, {key: str(value) for key, value in _pairs(settings).items()})
    data = _data_folder(data_dir, say)
    Store.existing(data)
    summary = _train(data, spec, universe, start, end, workers, retrain)
    click.echo(
        f"{summary.folder}: {len(summary.written)} files written, {len(summary.skipped)} there already, "
        f"{len(summary.trained)} of {len(summary.folds)} folds trained"
    )
    if Store(data).simulated:
        click.echo(SIMULATED_NOTICE)


def _train(
    data: Path, spec: Any, universe: str, start: Any, end: Any, workers: int | None, retrain: bool
) -> Any:  # fmt: skip
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


@main.group("data", cls=Commands)
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
    for name, count in _simulate(data, options).items():
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
        import json

        click.echo(json.dumps({"fingerprint": store.fingerprint, "tables": rows}, ensure_ascii=False, indent=1))
        return
    _table(
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
        import json

        click.echo(json.dumps([finding.__dict__ for finding in findings], ensure_ascii=False, indent=1))
    else:
        _table(("table", "rule", "count", "first"), [(f.table, f.rule, f"{f.count:,}", f.sample) for f in findings])
        click.echo(f"{len(findings)} findings" if findings else "every check passed")
    sys.exit(1 if findings else 0)


@main.group("signals", cls=Commands)
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
        import json

        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _table(("signal", "files", "first", "last", "about"), [tuple(map(str, row.values())) for row in rows])


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
        import json

        click.echo(json.dumps([f.__dict__ for f in findings], ensure_ascii=False, indent=1, default=str))
    else:
        _table(
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


@main.group("rules", cls=Commands)
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
        import json

        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _table(tuple(rows[0]), [tuple(cell or "" for cell in row.values()) for row in rows])


@main.command()
@data_option
@json_option
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Print versions, the data found, the device, the fonts, and what is missing."""
    from analyzers.doctor import examine

    rows = examine(data_dir or Path(DEFAULT_DATA))
    if as_json:
        import json

        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    _table(("what", "found"), list(rows.items()))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(highlight=False).print(table)


def _print_checks(found: list[Any]) -> None:
    """Print what flatters the result, and the names of what is as it should be."""
    doubts = [check for check in found if check.level != "green"]
    good = [check.name for check in found if check.level == "green"]
    _table(("", "check", "found"), [(check.level, check.name, check.sentence) for check in doubts])
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
    _table(("", "figure", "value"), rows)
    _print_checks(checks(result))
    if facts["simulated"]:
        click.echo(SIMULATED_NOTICE)
    click.echo(f"tear sheet: {place / 'tear_sheet.html'}")


if __name__ == "__main__":
    main()
