"""What a run assumes in its own favour, and how often it was tried."""

from typing import TYPE_CHECKING

from analyzers.check import Check, Facts
from analyzers.summary import formatted
from analyzers.trading import stock_orders

if TYPE_CHECKING:
    from strategies.execution.engine import BacktestResult

MANY_TRIALS = 10


def training(facts: Facts) -> Check | None:
    """Judge whether the scores are shown not to have seen the future; None without a signal."""
    name, signal = "Training", facts.get("signal") or {}
    if not signal.get("files"):
        return None
    spans = signal.get("spans") or []
    if spans and all(span.get("train_end") for span in spans):
        return Check(name, "green", "Every model was trained and chosen on days up to the dates it scored.")
    return Check(name, "amber", "The scores came without their training spans: nothing shows they saw no future.")


def corporate_actions(result: "BacktestResult") -> Check:
    """Judge whether dividends and splits were known by table or derived from adjustment factors."""
    name, facts, kinds = "Corporate actions", result.facts, result.actions["kind"].astype(str)
    if facts.get("prices") == "total-return":
        sentence = "Prices are back-adjusted: dividends are reinvested at no cost, and lots are not the exchange's."
        return Check(name, "amber", sentence)
    derived, entries = int((kinds == "derived").sum()), _count(len(kinds))
    if derived:
        sentence = f"{_count(derived)} of {entries} entries in the account were derived from adjustment factors alone"
        return Check(name, "amber", f"{sentence}: their form, pay date and tax are guessed.")
    if not facts.get("events_known"):
        return Check(name, "amber", "The data have no table of dividends and rights; no holding needed one.")
    return Check(name, "green", f"All {entries} entries in the account come from dated tables.")


def fills(result: "BacktestResult") -> Check:
    """Judge whether fills are a bound, and how often a daily bar cannot tell."""
    name, facts, standing = "Fills", result.facts, stock_orders(result.orders)["standing"].astype(str)
    ignored = [word for word in facts.get("ignore", ()) if word != "st"]
    if ignored:
        return Check(name, "red", f"The {' and '.join(ignored)} of the market were left out, as asked for.")
    if facts.get("fill") == "optimistic":
        return Check(name, "red", "An upper bound: a queue at the limit is served if the day traded away from it.")
    if facts.get("fill") == "pessimistic":
        return Check(name, "amber", "A lower bound: no order fills on a day that touched its limit.")
    unclear, orders = int((standing == "at limit").sum()), _count(len(standing))
    doubt = f"for {_count(unclear)} of {orders} orders a daily bar cannot tell whether they would have"
    return Check(name, "green", f"Orders at the limit do not fill; {doubt}.")


def costs(result: "BacktestResult") -> Check:
    """Judge what trading costs the result leaves out."""
    name, facts = "Costs", result.facts
    missing = "; ".join(filter(None, (facts.get("not_charged"), facts.get("hedge_not_charged"))))
    left_out = f"Not charged: {missing}." if missing else "What is not charged is not known."
    if len(result.fills) and not result.fills["fee"].any():
        return Check(name, "red", f"No fill was charged a fee. {left_out}")
    return Check(name, "amber", left_out)


def hedge(facts: Facts) -> Check | None:
    """Judge whether the hedge could have been traded; None without one."""
    name = "Hedge"
    if "hedge" not in facts:
        return None
    if facts["hedge"] == "index":
        return Check(name, "red", "Short of the price index itself, which nobody can trade: no basis, margin or fees.")
    if facts.get("hedge_estimated"):
        return Check(name, "amber", "Estimated with the series of main contracts: rolls and their cost are guesses.")
    return Check(name, "green", "Dated contracts with their own prices, margin and fees.")


def trials(facts: Facts) -> Check:
    """Judge how many configurations were tried on the same data and days."""
    name, tried = "Trials", facts.get("trials")
    if tried is None:
        return Check(name, "amber", "How many configurations were tried on these data and days was not counted.")
    if tried == 1:
        return Check(name, "green", "The first configuration in this folder of runs on these data and days.")
    sentence = (
        f"One of at least {_count(tried)} configurations tried in this folder of runs on these data and days: "
        "the best of several looks better than it is."
    )
    return Check(name, "red" if tried > MANY_TRIALS else "amber", sentence)


def _count(number: int) -> str:
    return formatted(number, "count")
