"""An environment of its own for each peer, under build/: a venv, and what pip installs into it by name."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_VERSIONS = "import json, sys, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def environment(folder: Path, requirements: tuple[str, ...]) -> Path:
    """Return the Python of an environment that holds ``requirements``, made if it is not there yet.

    Raises
    ------
    subprocess.CalledProcessError
        If the environment cannot be made, or pip cannot install one of them.
    """
    python, complete = folder / "bin" / "python", folder / "complete"
    wanted = "\n".join(requirements)
    if not complete.exists() or complete.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", folder)
        _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
        complete.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages in an environment."""
    return json.loads(_run(python, "-c", _VERSIONS, *names))


def _run(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
