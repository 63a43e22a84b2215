"""What a run's data leave out, or know only with hindsight."""

from analyzers.check import Check, Facts, graded, worst
from analyzers.summary import formatted

UNCHANGED_SESSIONS = 130  # an index is reviewed every half-year: members that stay for longer are those of one day
FEW_WITHOUT_BAR, MANY_WITHOUT_BAR = 0.05, 0.25  # of the universe's stock-days; in July 2015 half the market was halted
MANY_ABSENT = 0.05  # of the members' days
FEW_UNSCORED, MANY_UNSCORED = 0.05, 0.25  # of the stocks that could be bought
MOST_NAMES = 6


def survivorship(facts: Facts) -> Check:
    """Judge whether companies that disappeared are there."""
    share, stocks = facts.get("universe_later_delisted"), facts.get("universe_stocks")
    name, universe = "Survivorship", f"{_count(stocks)} stocks of the universe" if stocks else "the universe's stocks"
    if share is None:
        return Check(name, "amber", f"How many of {universe} were delisted later is not known.")
    if share == 0:
        sentence = f"None of the {universe.removeprefix('the ')} was delisted later: companies that disappeared are "
        return Check(name, "red", f"{sentence}probably left out, and the result is too good.")
    return Check(name, "green", f"{_percent(share)} of the {universe.removeprefix('the ')} were delisted later.")


def special_treatment(facts: Facts) -> Check:
    """Judge whether ST stocks were known, and kept out, on their days."""
    name = "ST"
    if "st" in facts.get("ignore", ()):
        return Check(name, "red", "Stocks under special treatment (ST) were bought too, as asked for.")
    if not facts.get("st_known"):
        return Check(name, "red", "Which stocks were under special treatment (ST) is unknown: they were not kept out.")
    known = f"{_count(facts['st_stocks'])} of {_count(facts['universe_stocks'])} stocks"
    unknown = facts.get("st_unknown_stocks")
    if unknown == 0:
        return Check(name, "green", f"By their dated names {known} were under special treatment on some day.")
    rest = "whether others were" if unknown is None else f"whether {_count(unknown)} without dated names ever were"
    return Check(name, "amber", f"{known} are known to have been under special treatment; {rest} is not known.")


def membership(facts: Facts) -> Check:
    """Judge whether the universe's members are those of each day."""
    name, universe, members = "Members", facts.get("universe", "all"), facts.get("membership")
    if universe == "all":
        return Check(name, "green", "All listed stocks, from listing to delisting: no list of members is needed.")
    if members is None:
        return Check(name, "amber", f"Whether the members of {universe} are dated is not known.")
    if members["empty_days"]:
        days = _count(members["empty_days"])
        return Check(name, "red", f"The data know no member of {universe} on {days} sessions of the run.")
    if members["changes"]:
        times = f"changed on {_count(members['changes'])} sessions of the run, last on {members['last_change']}"
        return Check(name, "green", f"Dated members of {universe}: they {times}.")
    never = f"The members of {universe} never changed in {_count(members['sessions'])} sessions"
    if members["sessions"] > UNCHANGED_SESSIONS:
        return Check(name, "red", f"{never}: they are probably those of one day, chosen with hindsight.")
    return Check(name, "amber", f"{never}, too few to tell whether they are dated.")


def industries(facts: Facts) -> Check:
    """Judge whether industries are those of each day; names never are."""
    name, latest = "Industries", "Names on this page are the latest."
    found = facts.get("industries")
    if found == "dated":
        return Check(name, "green", f"Industries are those of each day. {latest}")
    if found == "none":
        return Check(name, "green", f"The data have no industries. {latest}")
    if found == "of one day":
        return Check(name, "amber", f"Each stock has one industry for all time, from stock_basic. {latest}")
    return Check(name, "amber", f"Whether industries are dated is not known. {latest}")


def benchmark(facts: Facts) -> Check:
    """Judge whether the benchmark receives dividends as the portfolio does."""
    name, code = "Benchmark", facts.get("benchmark_code")
    if not code:
        return Check(name, "amber", "None: nothing here says what the market did in the meantime.")
    if facts.get("benchmark_kind") == "total-return index":
        return Check(name, "green", f"{code} is a total-return index: it receives dividends, as the portfolio does.")
    sentence = f"{code} is a price index: it leaves out dividends, which the portfolio receives. The excess return is "
    return Check(name, "amber", f"{sentence}flattered by about the index's dividend yield.")


def missing_bars(facts: Facts) -> Check:
    """Judge how much of the universe has no prices."""
    name, absent, without = "Bars", facts.get("universe_absent"), facts.get("universe_without_bar")
    if without is None:
        return Check(name, "amber", "How many of the universe's stock-days have no bar is not known.")
    level = graded(without, FEW_WITHOUT_BAR, MANY_WITHOUT_BAR)
    found = f"{_percent(without)} of the universe's stock-days have no trade, suspended or missing"
    if absent is None:
        return Check(name, worst(level, "amber"), f"{found}; whether members lack bars altogether is not known.")
    if absent:
        level = worst(level, graded(absent, 0.0, MANY_ABSENT))
        return Check(name, level, f"{found}; {_percent(absent)} of the members' days are of stocks without any bars.")
    return Check(name, level, f"{found}.")


def missing_scores(facts: Facts) -> Check | None:
    """Judge how much of the universe the signal left out; None without a signal."""
    name, signal, missing = "Scores", facts.get("signal") or {}, facts.get("universe_unscored")
    if not signal.get("files"):
        return None
    level = "amber" if missing is None else graded(missing, FEW_UNSCORED, MANY_UNSCORED)
    share = "An unknown share" if missing is None else _percent(missing)
    found = f"{share} of the stocks that could be bought on signal dates had no score"
    found = "Every stock that could be bought on a signal date had a score" if missing == 0 else found
    dropped = sorted({name for span in signal.get("spans") or () for name in span.get("dropped_features") or ()})
    if not dropped:
        return Check(name, level, f"{found}.")
    more = f" and {_count(len(dropped) - MOST_NAMES)} more" if len(dropped) > MOST_NAMES else ""
    names = ", ".join(dropped[:MOST_NAMES]) + more
    return Check(name, worst(level, "amber"), f"{found}. Features left out for too little data: {names}.")


def price_limits(facts: Facts) -> Check:
    """Judge where the day's limit prices come from."""
    name, stated = "Limit prices", facts.get("limits_stated")
    if stated is None:
        return Check(name, "amber", "Where the day's limit prices come from is not known.")
    if stated == 1:
        return Check(name, "green", "Stated in the data (stk_limit) for every bar of the run.")
    rule = "computed by the dated rule from the previous close, board and ST"
    if stated == 0:
        return Check(name, "amber", f"None is stated in the data (stk_limit): all are {rule}.")
    return Check(name, "amber", f"{_percent(stated)} are stated in the data (stk_limit), the others {rule}.")


def _percent(share: float) -> str:
    return formatted(share, "percent")


def _count(number: int) -> str:
    return formatted(number, "count")
