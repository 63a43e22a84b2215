"""What flatters a result, or may: the checks that a reader must see before any figure."""

from typing import TYPE_CHECKING

from analyzers import data_biases, run_biases
from analyzers.check import LEVELS, Check

if TYPE_CHECKING:
    from strategies.execution.engine import BacktestResult


def checks(result: "BacktestResult") -> list[Check]:
    """Return what flatters a run's result or may, the most serious first.

    Parameters
    ----------
    result : BacktestResult
        The run; its facts say what its market and its scores rest on, and nothing else is looked at but its orders
        and actions. A fact that is missing is amber, never green.
    """
    facts = result.facts
    found = [
        data_biases.survivorship(facts),
        data_biases.special_treatment(facts),
        data_biases.membership(facts),
        data_biases.missing_bars(facts),
        data_biases.missing_scores(facts),
        run_biases.training(facts),
        data_biases.benchmark(facts),
        data_biases.price_limits(facts),
        run_biases.fills(result),
        run_biases.corporate_actions(result),
        run_biases.costs(result),
        run_biases.hedge(facts),
        data_biases.industries(facts),
        run_biases.trials(facts),
    ]
    return sorted(filter(None, found), key=lambda check: LEVELS.index(check.level))
