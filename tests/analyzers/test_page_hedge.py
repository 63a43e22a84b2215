"""A hedged run's page: its figures are those of metrics.json, beside what they are without the hedge."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analyzers.metrics import metrics_of
from analyzers.page import key_figures
from analyzers.page_hedge import hedge_section, refused_rows
from analyzers.recorders import RECORDERS
from analyzers.summary import figure
from analyzers.tear_sheet import write_tear_sheet
from feeds.building import build_panel
from feeds.sources.simulated import SimulatedMarket
from feeds.store import Store, import_source
from signals.table import Signal
from strategies.execution import engine
from strategies.execution.config import make


class Reversal:
    """Scores of every 21st session: what fell most in the last 20."""

    name = "reversal"

    def __init__(self, panel):
        self.panel = panel
        self.close = panel.field("close") * panel.field("adj_factor")

    def dates(self):
        return self.panel.dates[60::21]

    def read(self, date):
        row = self.panel.date_index(date)
        return Signal(date, self.panel.codes, self.close[row - 20] / self.close[row] - 1, {})


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("hedged") / "data")
    import_source(store, SimulatedMarket(30, "2021-06-01", "2022-12-30", seed=5))
    return build_panel(store)


def runs(panel, **options):
    """Return a run, the same without its hedge, and the figures of the first."""
    config = make({"signal": "reversal", "min_listed_days": 20, **options})
    alone = config.model_copy(update={"hedge": config.hedge.model_copy(update={"kind": "none"})})
    hedged, unhedged = (engine.run(each, panel, Reversal(panel), RECORDERS) for each in (config, alone))
    return hedged, unhedged, metrics_of(hedged, panel, None, unhedged)


@pytest.fixture(scope="module")
def hedged(panel):
    return runs(panel, hedge="IF")


@pytest.fixture(scope="module")
def text(hedged, panel, tmp_path_factory):
    result, unhedged, metrics = hedged
    path = tmp_path_factory.mktemp("sheet") / "tear_sheet.html"
    write_tear_sheet(path, result, metrics, panel, unhedged=unhedged)
    return path.read_text(encoding="utf-8")


def section_of(text, name):
    return text[text.index(f'<section id="{name}">') :].split("</section>")[0]


def shown(html):
    """Return the figures of a piece of the page as (name, text) in their order."""
    return re.findall(r'data-metric="(\w+)" title="[^"]*">([^<]*)</span>', html)


def test_the_section_shows_the_figures_of_metrics_json(text, hedged):
    _, _, metrics = hedged
    figures = shown(section_of(text, "hedge"))
    compared = [
        f"{whose}{name}"
        for name in ("annual_return", "volatility", "sharpe", "alpha_regression", "beta", "max_drawdown")
        for whose in ("", "unhedged_", "benchmark_")
        if (whose, name) not in {("benchmark_", "alpha_regression"), ("benchmark_", "beta")}
    ]
    parts = ["hedge_index_move", "hedge_basis", "hedge_costs", "hedge_pnl", "hedge_residual_beta"]
    account = ["hedge_ratio_mean", "hedge_lots_max", "margin_max", "margin_calls", "hedge_rolls"]
    assert [name for name, _ in figures] == [*compared, *parts, *account, "hedge_orders_refused"]
    assert all(value == figure(name, metrics) != "n/a" for name, value in figures)


def test_the_first_screen_has_both_values_of_the_key_figures(text, hedged):
    _, unhedged, metrics = hedged
    tiles = text[text.index('<section class="tiles"') :].split("</section>")[0]
    names = [name for name, _ in shown(tiles)]
    assert names == [
        *(f"{whose}{name}" for name in ("annual_return", "volatility", "sharpe", "max_drawdown", "alpha_regression",
                                        "beta") for whose in ("", "unhedged_")),
        "hedge_pnl", "fees_annual",
    ]  # fmt: skip
    growth = unhedged.nav["nav"].iloc[-1] / unhedged.nav["nav"].iloc[0]
    days = (unhedged.nav["date"].iloc[-1] - unhedged.nav["date"].iloc[0]).days
    assert metrics["unhedged_annual_return"] == pytest.approx(growth ** (365.25 / days) - 1)
    assert metrics["unhedged_annual_return"] != metrics["annual_return"]


def test_charts_end_where_the_figures_say(hedged, panel):
    result, unhedged, metrics = hedged
    growth, parts = hedge_section(result, unhedged, metrics, panel)["charts"]
    ends = {trace.label: trace.texts[-1] for trace in growth.traces}
    total = unhedged.nav["nav"].iloc[-1] / unhedged.nav["nav"].iloc[0]
    assert ends["Hedged"] == f"{1 + metrics['total_return']:.2f}"
    assert ends["Without the hedge"] == f"{total:.2f}"
    assert len(growth.traces) == 3 and {trace.texts[0] for trace in growth.traces} == {"1.00"}
    names = ("hedge_index_move", "hedge_basis", "hedge_costs", "hedge_pnl", "hedge_residual_beta")
    millions = [metrics[name] / 1e6 for name in names]
    assert [float(trace.texts[-1]) for trace in parts.traces] == pytest.approx(millions, abs=0.005)
    assert sum(millions[:3]) == pytest.approx(millions[3])


def test_the_hedges_rules_are_among_the_assumptions(text):
    assumptions = section_of(text, "assumptions")
    assert "<dt>Hedged against</dt><dd>000300.SH</dd>" in assumptions
    assert "near contract, rolled 2 sessions before its last day" in assumptions
    assert "<div><dt>Hedge</dt><dd>IF</dd></div>" in text.split("</header>")[0]


def test_fees_of_the_futures_are_fees_of_the_run(hedged):
    result, _, metrics = hedged
    assert result.hedge["fee"].sum() > 0
    assert metrics["fees_total"] == pytest.approx(result.fills["fee"].sum() + result.hedge["fee"].sum())


def test_refused_orders_of_the_hedge_are_listed_and_escaped(hedged, panel, tmp_path):
    result, unhedged, _ = hedged
    assert refused_rows(result) == {"rows": [], "total": 0}
    orders = result.orders.copy()
    futures = orders.index[orders["ts_code"].str.endswith(".CFX")]
    orders.loc[futures, "filled"] = 0
    orders.loc[futures, "reason"] = "<img src=x onerror=alert(3)>"
    refused = replace(result, orders=orders)
    metrics = metrics_of(refused, panel, None, unhedged)
    assert metrics["hedge_orders_refused"] == len(futures) > 25
    write_tear_sheet(tmp_path / "x.html", refused, metrics, panel, unhedged=unhedged)
    section = section_of((tmp_path / "x.html").read_text(encoding="utf-8"), "hedge")
    assert section.count("&lt;img src=x") == 25 and "<img" not in section
    assert f"The first 25 of {len(futures)} are listed" in section
    first = orders.loc[futures[0]]
    assert f"<td>{first['date']:%Y-%m-%d}</td><td class=\"text\">{first['ts_code']}</td>" in section


def test_an_ideal_hedge_without_a_benchmark_has_neither_lots_nor_a_third_column(panel, tmp_path):
    result, unhedged, metrics = runs(panel, hedge="index", benchmark="none")
    write_tear_sheet(tmp_path / "x.html", result, metrics, panel, unhedged=unhedged)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    section = section_of(text, "hedge")
    assert "Benchmark" not in section and "hedge_lots_max" not in section and "hedge_pnl" in section
    assert section.count("<th>") == 5  # the label, hedged, unhedged; profit, yuan
    assert section.split("</table>")[0].count("<td>") == 6 * 2
    assert "nobody can trade" in text
    alone = [other.name for _, other in key_figures(metrics) if other]
    assert alone == ["unhedged_annual_return", "unhedged_volatility", "unhedged_sharpe", "unhedged_max_drawdown"]


def test_a_run_without_a_hedge_has_no_section(hedged, panel, tmp_path):
    _, unhedged, _ = hedged
    metrics = metrics_of(unhedged, panel)
    assert hedge_section(unhedged, None, metrics, panel) is None
    write_tear_sheet(tmp_path / "x.html", unhedged, metrics, panel)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert 'id="hedge"' not in text and "#hedge" not in text and "without the hedge" not in text


def test_the_page_of_a_hedged_run_is_well_formed(text):
    class Balanced(HTMLParser):
        empty = frozenset({"meta", "link", "img", "path"})
        depth = 0

        def handle_starttag(self, tag, attributes):
            self.depth += tag not in self.empty

        def handle_endtag(self, tag):
            self.depth -= tag not in self.empty

    page = Balanced()
    page.feed(text)
    assert page.depth == 0
