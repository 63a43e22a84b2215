PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test lint bench bench-peers clean

demo: .venv/complete  ## From nothing to a tear sheet: the simulated market, LSTM scores, the ten best stocks
	$(BIN)/python cli.py backtest --strategy top10 --signal lstm_thoughts

test: .venv/complete lint  ## Everything CI checks
	$(BIN)/python -m pytest -n 2 --dist loadscope

lint: .venv/complete
	$(BIN)/ruff check .
	$(BIN)/mypy .

bench: bench-peers  ## Speed; see benchmarks/
	$(BIN)/python benchmarks/features.py --page benchmarks/features.md

bench-peers: .venv/complete  ## The engine against five peers, each in an environment of its own under build/
	$(BIN)/python benchmarks/peers

# Written last: an interrupted installation is begun again.
.venv/complete: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache *.egg-info
