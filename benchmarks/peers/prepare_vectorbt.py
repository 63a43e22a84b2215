"""Runs the workload once, so that Numba has compiled what vectorbt needs: `prepare_vectorbt.py FOLDER`."""

import sys
from pathlib import Path

from run_vectorbt import simulate
from workload import load

if __name__ == "__main__":
    simulate(load(Path(sys.argv[1])))
