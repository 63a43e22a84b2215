"""The rooms, what each may import, and what a distribution holds: read from the tree, not from a list beside it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = ("feeds", "signals", "strategies", "analyzers", "commands")
MODULES = sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))
# Where a library may be imported, by path from the repository; a folder ends with a slash.
DOORS = {
    "backtrader": ("feeds/lines.py", "strategies/", "analyzers/recorders.py"),
    "tensorflow": ("signals/models/", "signals/losses.py", "signals/training.py"),
    "keras": ("signals/models/", "signals/losses.py", "signals/training.py"),
    "quantstats": ("analyzers/tear_sheet.py",),
    "matplotlib": ("analyzers/",),
    "cvxpy": ("strategies/portfolio/",),
    "tushare": ("feeds/sources/tushare_api.py",),
    "exchange_calendars": ("feeds/calendar.py",),
    "click": ("commands/",),
    "rich": ("commands/",),
    "pickle": (),
}


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imports(path: Path) -> list[str]:
    """Return every module a file imports, at the top or inside a function, as dotted names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} must import by full name"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def allowed_rooms(path: Path) -> tuple[str, ...]:
    room = path.relative_to(REPOSITORY).parts[0]
    return ROOMS[: ROOMS.index(room) + 1]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_left(path):
    for name in imports(path):
        top = name.split(".")[0]
        assert top not in ("cli", "tests", "benchmarks"), name
        assert top not in ROOMS or top in allowed_rooms(path), name


@pytest.mark.parametrize("path", sorted((REPOSITORY / "strategies").rglob("*.py")), ids=name_of)
def test_strategies_know_of_signals_only_the_files(path):
    assert [name for name in imports(path) if name.startswith("signals") and not name.startswith("signals.table")] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_come_in_by_their_doors(path):
    here = name_of(path)
    for name in imports(path):
        doors = DOORS.get(name.split(".")[0])
        if doors is not None:
            assert any(here == door or (door.endswith("/") and here.startswith(door)) for door in doors), name


COMMAND_LINE = [REPOSITORY / "cli.py", *(path for path in MODULES if path.parent.name == "commands")]


@pytest.mark.parametrize("path", COMMAND_LINE, ids=name_of)
def test_the_command_line_imports_nothing_heavy_at_the_top(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in top if isinstance(node, ast.ImportFrom)}
    own = {"commands", *sys.stdlib_module_names}
    third = {name for name in names if name.split(".")[0] not in own}
    assert third <= {"click", "feeds.errors", "feeds.sources"}  # both import nothing else


@pytest.mark.parametrize("path", [*MODULES, REPOSITORY / "cli.py"], ids=name_of)
def test_every_module_says_in_one_sentence_what_it_is(path):
    summary = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    assert summary.endswith((".", ";", ":")), "a module must begin with a sentence"
    assert path.stem not in ("utils", "helpers", "common", "misc")


def setup_argument(name: str) -> ast.expr:
    tree = ast.parse((REPOSITORY / "setup.py").read_text(encoding="utf-8"))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "setup")
    return next(keyword.value for keyword in call.keywords if keyword.arg == name)


def test_the_distribution_lists_exactly_the_packages_there_are():
    packages = {path.parent.relative_to(REPOSITORY).as_posix().replace("/", ".")
                for room in ROOMS for path in (REPOSITORY / room).rglob("*.py")}  # fmt: skip
    listed = ast.literal_eval(setup_argument("packages"))
    assert sorted(listed) == sorted(packages)
    for package in listed:
        assert (REPOSITORY / package.replace(".", "/") / "__init__.py").exists(), package
    assert ast.literal_eval(setup_argument("py_modules")) == ["cli"]


def test_no_test_ships_and_tests_are_no_packages():
    listed = ast.literal_eval(setup_argument("packages"))
    assert [name for name in listed if "test" in name] == []
    assert [name_of(path) for path in (REPOSITORY / "tests").rglob("__init__.py")] == []
    assert [name_of(path) for path in MODULES if path.name.startswith(("test_", "conftest"))] == []


def test_every_data_file_of_a_package_ships():
    patterns = ast.literal_eval(setup_argument("package_data"))
    shipped = {path for name, globs in patterns.items() for glob in globs
               for path in (REPOSITORY / name.replace(".", "/")).glob(glob)}  # fmt: skip
    present = {path for room in ROOMS for path in (REPOSITORY / room).rglob("*")
               if path.is_file() and path.suffix not in (".py", ".pyc")}  # fmt: skip
    assert {name_of(path) for path in present} == {name_of(path) for path in shipped}


def modules_after(code: str) -> set[str]:
    """Return the top names of what a fresh interpreter has imported after running some code."""
    script = f"import sys\n{code}\nprint('modules', *sorted({{name.split('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.splitlines()[-1].split()[1:])


def test_a_backtest_imports_no_tensorflow():
    loaded = modules_after("import strategies.execution.engine, strategies.registry, signals.table, feeds.building")
    assert "backtrader" in loaded
    assert loaded & {"tensorflow", "keras", "quantstats", "matplotlib", "exchange_calendars"} == set()


def test_the_rulebook_needs_numpy_only():
    loaded = modules_after("import feeds.rules")
    assert "numpy" in loaded
    assert loaded & {"pandas", "backtrader", "exchange_calendars", "pyarrow", "pydantic", "yaml"} == set()


def test_help_answers_without_any_heavy_import():
    loaded = modules_after(
        "import runpy\n"
        "sys.argv = ['cli.py', 'backtest', '--help']\n"
        "try:\n"
        "    runpy.run_path('cli.py', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code, ended.code"
    )
    assert "click" in loaded
    assert loaded & {"tensorflow", "keras", "pandas", "numpy", "backtrader", "pyarrow", "rich", "pydantic"} == set()
