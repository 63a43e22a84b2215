"""Who takes part: our engine, the ledger that all are held to, and the peers, each as fast as it honestly goes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """How one engine is run.

    Attributes
    ----------
    script, arguments : str, tuple of str
        What runs it: ``script FOLDER OUT arguments``.
    how : str
        Configuration and semantics, as the page says them.
    requirements : tuple of str
        What pip installs into its own environment; without any it runs in this one.
    prepare : tuple of str
        The script, with arguments, that writes the workload in the engine's own format: ``script FOLDER arguments``.
    ledger : tuple of str
        Arguments of run_numpy.py for a ledger with the engine's own fill rule, where that is not the next open.
    compared : bool
        Whether its NAV is held to the ledger.
    few_days : int
        If not 0, how many days it runs of the largest size, from which the whole is extrapolated.
    """

    name: str
    title: str
    script: str
    how: str
    requirements: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    ledger: tuple[str, ...] = ()
    compared: bool = True
    few_days: int = 0


BACKTRADER = ("backtrader==1.9.78.123", "numpy==2.4.6", "pandas==3.1.1")

ENGINES = (
    Engine("numpy", "NumPy ledger", "run_numpy", "the floor and the reference: a loop of its own, no engine"),
    Engine(
        "huice", "huice", "run_huice", "single shares, no limits, as the ledger; NAV recorded",
        prepare=("prepare_huice",),
    ),
    Engine(
        "huice_rules", "huice, every rule on", "run_huice",
        "the same scores on a market that refuses; NAV, positions and orders recorded; not comparable to the ledger",
        arguments=("--rules",), prepare=("prepare_huice", "rules"), compared=False,
    ),
    Engine(
        "rqalpha", "rqalpha", "run_rqalpha",
        "decides in handle_bar, orders in open_auction; analyser, risk and progress off; no volume limit",
        requirements=("rqalpha==6.4.2",), prepare=("prepare_rqalpha",),
    ),
    Engine(
        "zipline", "zipline-reloaded", "run_zipline",
        "daily bundle, own slippage model for the next open, only the account's value as metric",
        requirements=("zipline-reloaded==3.2.1",), prepare=("prepare_zipline",),
    ),
    Engine(
        "vectorbt", "vectorbt", "run_vectorbt",
        "vectorised: one matrix of target percents, of the columns that ever get an order; Numba compiles beforehand",
        requirements=("vectorbt==1.2.0",), prepare=("prepare_vectorbt",),
    ),
    Engine(
        "bt", "bt", "run_bt",
        "one price per day: filled at the close that sized it, fee inside the target; no statistics",
        requirements=("bt==1.4.1",), ledger=("same_close",),
    ),
    Engine(
        "backtrader_fastest", "Backtrader, fastest", "run_backtrader", "PandasDirectData, no observers",
        requirements=BACKTRADER, arguments=("fastest",), few_days=240,
    ),
    Engine(
        "backtrader", "Backtrader, defaults", "run_backtrader", "PandasData and the standard observers",
        requirements=BACKTRADER, arguments=("defaults",), few_days=240,
    ),
)  # fmt: skip
