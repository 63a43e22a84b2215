"""The results page, written from the results and nothing else."""

from statistics import median
from typing import Any

from engines import ENGINES, Engine

HEAD = """# Speed against peers

`make bench-peers`, or `python benchmarks/peers`: one workload, one fill rule, each peer installed by name into an
environment of its own. The workload is described in `workload.py`: monthly top 10 at 9.8 % each on random-walk bars,
about 1 % suspended stock-days, next open, 8 bp a side, whole shares, 10 million to start with.
"""

READING = """\
Median of 3 processes each, all engines in turn; once for what takes more than 60 s. Engine: from opened data (peers
without a format of their own: from arrays) to the NAV series, imports left out. Whole process: everything. Memory: the
process's peak resident size (`ru_maxrss`), 1 MB = 1e6 bytes. Prepare: writing the workload in the engine's own format,
once, left out of the other figures. NAV difference: the largest at any close from the NumPy ledger; below 0.005 yuan
the series are equal to the cent.
"""


def page(results: dict[str, Any]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    results : dict
        What ``results.json`` holds: ``about``, ``packages``, ``sizes``, ``growth``.
    """
    parts = [HEAD, machine(results["about"]), READING]
    parts += [size_section(size, results["packages"]) for size in results["sizes"]]
    parts += [rules_section(results["sizes"]), growth_section(results["growth"]), how_section(results["packages"])]
    return "\n".join(parts)


def machine(about: dict[str, Any]) -> str:
    """Return when and where the figures were taken."""
    busy = ""
    if about["busy"]:
        busy = " **The machine was busy with other work at the time**: the seconds are\ntoo high, and unevenly so."
    return (
        f"{about['date']}, {about['machine']}, {about['cores']} cores, Python {about['python']}; load of the last "
        f"minute before each part: {', '.join(f'{load:.1f}' for load in about['loads'])}.{busy}\n"
    )


def size_section(size: dict[str, Any], packages: dict[str, Any]) -> str:
    """Return the table of one size."""
    lines = [
        f"## {size['stocks']:,} stocks x {size['days']:,} days",
        "",
        "| engine | engine, s | times huice | whole process, s | peak memory, MB | prepare, s | NAV difference, yuan "
        "| bp |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ours = seconds(size["engines"]["huice"], size["days"])
    notes = []
    for engine in ENGINES:
        figures = size["engines"].get(engine.name, packages[engine.name])
        if "failed" in figures:
            lines.append(f"| {engine.title} | {figures['failed']} | | | | | | |")
        else:
            lines.append(_row(engine, figures, size["days"], ours))
            notes += _notes(engine, figures, size["days"])
    return "\n".join([*lines, "", *notes])


def seconds(figures: dict[str, Any], days: int, key: str = "engine_s") -> float:
    """Return the median seconds of the runs, scaled to all days if they were made on fewer."""
    return median(run[key] * days / run["days"] for run in figures["runs"])


def _row(engine: Engine, figures: dict[str, Any], days: int, ours: float) -> str:
    whole = seconds(figures, days)
    short = figures["runs"][0]["days"] < days
    memory = f"{'> ' if short else ''}{median(run['peak_mb'] for run in figures['runs']):,.0f}"
    difference = f"{figures['yuan']:,.4f} | {figures['bp']:.4f}" if "yuan" in figures else " | "
    prepare = f"{figures['prepare_s']:.1f}" if "prepare_s" in figures else ""
    title = f"**{engine.title}**" if engine.name == "huice" else engine.title
    return (
        f"| {title}{' *' if short else ''} | {_short(whole)} | {whole / ours:,.1f} | "
        f"{_short(seconds(figures, days, 'process_s'))} | {memory} | {prepare} | {difference} |"
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def _notes(engine: Engine, figures: dict[str, Any], days: int) -> list[str]:
    notes = []
    if figures["runs"][0]["days"] < days:
        notes.append(
            f"\\* {engine.title}: run on the first {figures['runs'][0]['days']} days and extrapolated in proportion; "
            "its NAV is compared on those days, and the whole would need more memory.\n"
        )
    if "own_rule" in figures:
        own = figures["own_rule"]
        notes.append(
            f"{engine.title} fills at the close that sized the order: from a ledger that does the same it differs by "
            f"{own['yuan']:,.2f} yuan ({own['bp']:.2f} bp), for it takes the fee out of the target.\n"
        )
    return notes


def rules_section(sizes: list[dict[str, Any]]) -> str:
    """Return what the rules did in the runs with every rule on."""
    lines = [
        "## What the rules did",
        "",
        "Price limits, suspensions, T+1, distributions and delistings always act; the options are the strictest ones.",
        "",
        "| stocks x days | options | orders | first obstacles | corporate actions |",
        "|---|---|---|---|---|",
    ]
    for size in sizes:
        run = size["engines"]["huice_rules"]["runs"][0]
        cells = (
            f"{size['stocks']:,} x {size['days']:,}", _listed(run["options"]), _listed(run["statuses"]),
            _listed(run["reasons"]), _listed(run["actions"]),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _listed(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counts.items())


def growth_section(growth: dict[str, Any]) -> str:
    """Return how our cost grows, as a sentence for each axis and a table."""
    lines = [
        "## How the cost grows",
        "",
        "![Seconds against stocks, days and orders, and every engine against stock-days](growth.svg)",
        "",
        "huice with every rule on; one thing grows at a time. " + " ".join(_sentences(growth)),
        "",
        "| what grows | stocks | days | held | orders | engine, s | peak memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for axis, points in growth.items():
        lines += [
            f"| {axis} | {p['stocks']:,} | {p['days']:,} | {p['held']} | {p['orders']:,} | {p['engine_s']:.3f} | "
            f"{p['peak_mb']:,.0f} |"
            for p in points
        ]
    return "\n".join([*lines, ""])


def _sentences(growth: dict[str, Any]) -> list[str]:
    def ends(axis: str, name: str) -> tuple[float, float]:
        first, last = growth[axis][0], growth[axis][-1]
        return last[name] / first[name], last["engine_s"] / first["engine_s"]

    def each(axis: str, name: str) -> float:
        first, last = growth[axis][0], growth[axis][-1]
        return (last["engine_s"] - first["engine_s"]) / (last[name] - first[name])

    stocks, days, orders = ends("stocks", "stocks"), ends("days", "days"), ends("held", "orders")
    return [
        f"{stocks[0]:.0f} times the stocks cost {stocks[1]:.1f} times the seconds;",
        f"{days[0]:.1f} times the days {days[1]:.1f} times ({each('days', 'days') * 1e6:,.0f} microseconds a day);",
        f"{orders[0]:.0f} times the orders {orders[1]:.1f} times ({each('held', 'orders') * 1e6:,.0f} microseconds "
        "an order, its holding's days included).",
    ]


def how_section(packages: dict[str, Any]) -> str:
    """Return how each engine was run, and with which versions."""
    lines = ["## How each was run", "", "| engine | versions | configuration and semantics |", "|---|---|---|"]
    for engine in ENGINES:
        found = packages[engine.name].get("versions", {})
        named = ", ".join(f"{name} {number}" for name, number in found.items()) or packages[engine.name]["failed"]
        lines.append(f"| {engine.title} | {named} | {engine.how} |")
    return "\n".join([*lines, ""])
