"""The chart of how the cost grows: the same results draw the same bytes."""

from pathlib import Path
from typing import Any

from engines import ENGINES
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from page import seconds

STYLE = {
    "svg.hashsalt": "huice", "svg.fonttype": "none", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip
OURS = "C3"
# Axis of the growth, what is drawn along it, and its label.
GROWTH = (
    ("stocks", "stocks", "stocks, at 1,210 days"),
    ("days", "days", "days, at 1,120 stocks"),
    ("held", "orders", "orders, at 1,120 stocks x 1,210 days"),
)


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the chart as SVG: our cost along three axes, and every engine's against stock-days."""
    with rc_context(STYLE):
        figure = Figure(figsize=(10, 7), layout="constrained")
        *ours, everyone = figure.subplots(2, 2).flat
        for axes, (axis, name, label) in zip(ours, GROWTH, strict=True):
            points = results["growth"][axis]
            axes.plot([p[name] for p in points], [p["engine_s"] for p in points], "o-", color=OURS)
            axes.set(xlabel=label, ylabel="seconds", xlim=(0, None), ylim=(0, None))
        ours[0].set_title("huice, every rule on", loc="left")
        _draw_everyone(everyone, results["sizes"])
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_everyone(axes: Axes, sizes: list[dict[str, Any]]) -> None:
    looks = {"numpy": ("o:", "black"), "huice": ("o-", OURS), "huice_rules": ("o--", OURS)}
    for n, engine in enumerate(ENGINES):
        style, colour = looks.get(engine.name, ("s-", f"C{n + 1}"))
        measured = [(size, size["engines"].get(engine.name, {})) for size in sizes]
        known = [
            (size["stocks"] * size["days"], seconds(figures, size["days"]))
            for size, figures in measured
            if figures.get("runs") and "failed" not in figures
        ]
        if known:
            axes.plot(*zip(*known, strict=True), style, color=colour, label=engine.title, markersize=4, linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="stocks x days", ylabel="seconds, engine alone")
    axes.set_title("all engines", loc="left")
    axes.set_ylim(top=axes.get_ylim()[1] * 50)  # room for the names
    axes.legend(fontsize=7, frameon=False, ncols=2, loc="upper left")
