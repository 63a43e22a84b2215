"""Strategies by name: those that are registered, those of installed packages, and those of a user's own file."""

import hashlib
import re
import sys
import types
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from feeds.errors import ConfigError, unknown

GROUP = "huice.strategies"  # entry points: the strategy's name, and the module that registers it
_NAME = re.compile(r"\w[\w.-]*")
_FILE = re.compile(r"(?P<file>.+\.py)(?::(?P<name>[^:/\\]+))?")


@dataclass(frozen=True)
class StrategySpec:
    """A strategy class under a name, with the parameter values that the name stands for.

    ``sha256`` is that of the file it was read from, empty for a strategy that was not asked for by its file.
    """

    name: str
    cls: Any  # a backtrader.Strategy
    title: str
    defaults: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""


STRATEGIES: dict[str, StrategySpec] = {}
_FILES: dict[Path, tuple[str, dict[str, StrategySpec]]] = {}  # what each file registered, and the file's SHA-256


def register(name: str, cls: Any, title: str, **defaults: Any) -> Any:
    """Give a strategy class a name; a name can be given once."""
    if not _NAME.fullmatch(name) or _FILE.fullmatch(name):
        raise ConfigError(f"strategy name must be letters, digits, '_', '-' and '.', was {name!r}")
    if name in STRATEGIES:
        raise ConfigError(f"strategy name must be new, was {name} twice")
    STRATEGIES[name] = StrategySpec(name, cls, title, defaults)
    return cls


def get(name: str) -> StrategySpec:
    """Return a strategy.

    Parameters
    ----------
    name : str
        A registered name, one that an installed package offers, or the path of a ``.py`` file that registers one;
        ``file.py:name`` chooses among several.

    Raises
    ------
    ConfigError
        If there is none of that name, with the known names and the nearest; or if the file is missing, does not
        import, or does not register what was asked for.
    """
    by_file = _FILE.fullmatch(name)
    if by_file:
        return _of_file(Path(by_file["file"]), by_file["name"])
    if name not in STRATEGIES:
        _load_installed(name)
    return STRATEGIES[name]


def _load_installed(name: str) -> None:
    """Import the installed module that offers a strategy, or refuse a name that nobody offers."""
    offered = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in offered:
        raise unknown("strategy", name, {*STRATEGIES, *offered})
    try:
        offered[name].load()
    except Exception as problem:
        raise ConfigError(f"strategy {name} of {offered[name].value} must import, was {_first_line(problem)}") from None
    if name not in STRATEGIES:
        raise ConfigError(f"{offered[name].value} must register the strategy {name}, was without it")


def _of_file(path: Path, wanted: str | None) -> StrategySpec:
    found = _read(path)
    if not found:
        raise ConfigError(f"strategy file must register a strategy, was {path} without one")
    if wanted is None and len(found) > 1:
        raise ConfigError(f"strategy of {path} must be named ({path}:{min(found)}), was one of {', '.join(found)}")
    name = next(iter(found)) if wanted is None else wanted
    if name not in found:
        raise unknown(f"strategy of {path}", name, found)
    return found[name]


def _read(path: Path) -> dict[str, StrategySpec]:
    """Return what a file registers; it is run once, and again when its content changes."""
    try:
        source = path.read_bytes()
    except OSError as problem:
        raise ConfigError(f"strategy file must be readable, was {path} ({problem.strerror})") from None
    place, digest = path.resolve(), hashlib.sha256(source).hexdigest()
    if place not in _FILES or _FILES[place][0] != digest:
        found = _run(place, source)
        _FILES[place] = digest, {name: replace(spec, sha256=digest) for name, spec in found.items()}
    return _FILES[place][1]


def _run(place: Path, source: bytes) -> dict[str, StrategySpec]:
    """Run a file as a module and return what it registers; the names stay the file's own."""
    module = types.ModuleType(f"strategy_file_{hashlib.sha256(str(place).encode()).hexdigest()[:16]}")
    module.__file__ = str(place)
    sys.modules[module.__name__] = module  # Backtrader looks a strategy's module up
    before = dict(STRATEGIES)
    try:
        exec(compile(source, str(place), "exec", dont_inherit=True), module.__dict__)
        return {name: spec for name, spec in STRATEGIES.items() if name not in before}
    except (Exception, SystemExit) as problem:
        del sys.modules[module.__name__]
        line = _line(problem, place)
        raise ConfigError(f"strategy file must import, was {place} line {line}: {_first_line(problem)}") from None
    finally:
        STRATEGIES.clear()
        STRATEGIES.update(before)


def _line(problem: BaseException, place: Path) -> int:
    """Return the last line of a file that an exception passed through."""
    if isinstance(problem, SyntaxError) and problem.filename == str(place):
        return problem.lineno or 1
    line, trace = 1, problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(place):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _first_line(problem: BaseException) -> str:
    text = str(problem.msg if isinstance(problem, SyntaxError) else problem).splitlines()
    return f"{type(problem).__name__}: {text[0]}" if text else type(problem).__name__
