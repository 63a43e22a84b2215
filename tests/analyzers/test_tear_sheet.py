"""The page: offline, escaped, repeatable, and in agreement with metrics.json."""

import base64
import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import matplotlib
import pandas as pd
import pytest

from analyzers.biases import checks
from analyzers.charts import bar_chart, date_ticks, line_chart, log_ticks, nice_ticks
from analyzers.conventions import METRICS
from analyzers.drawdowns import drawdowns
from analyzers.fonts import LATIN_FAMILY, chart_families, chart_label
from analyzers.metrics import levels_of, metrics_of
from analyzers.page import assumptions
from analyzers.page_charts import benchmark_name, growth_charts, signal_charts, trading_charts, universe_chart
from analyzers.signal_quality import signal_quality
from analyzers.summary import figure, summary_rows
from analyzers.tear_sheet import quantstats_pictures, write_tear_sheet
from analyzers.trading import turnover_by_date


class Page(HTMLParser):
    """What a browser would see: the tags with their attributes, the text of figures and the rows of tables."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.figures, self.rows = [], [], []
        self._figure = None
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._cell = True
        self._figure = attributes.get("data-metric", self._figure if tag != "span" else None)
        if "data-metric" in attributes:
            self.figures.append([attributes["data-metric"], ""])

    def handle_endtag(self, tag):
        if tag == "span":
            self._figure = None
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self._figure:
            self.figures[-1][1] += data
        if self._cell:
            self.rows[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def quality(panel, example_scores):
    return signal_quality(example_scores, panel)


@pytest.fixture(scope="module")
def metrics(example_run, panel, quality):
    return metrics_of(example_run, panel, quality)


@pytest.fixture(scope="module")
def text(example_run, metrics, panel, quality, tmp_path_factory):
    path = tmp_path_factory.mktemp("sheet") / "tear_sheet.html"
    write_tear_sheet(path, example_run, metrics, panel, quality)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def changed(run, **facts):
    return SimpleNamespace(**{**vars(run), "facts": {**run.facts, **facts}})


def test_the_page_loads_nothing_from_anywhere(page, text):
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            if name in attributes:
                assert re.match(r"data:|#", attributes[name]), (tag, attributes)
    assert "http://" not in text and "https://" not in text
    assert "@import" not in text and "url(" not in text
    assert ("meta", "Content-Security-Policy") in [(tag, a.get("http-equiv")) for tag, a in page.tags]


def test_the_drawings_load_nothing_either(page):
    drawings = [a["src"] for tag, a in page.tags if tag == "img"]
    assert len(drawings) == 7
    for source in drawings:
        svg = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode()
        assert svg.startswith("<svg")
        assert set(re.findall(r'https?://[^"\s]*', svg)) <= {
            "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://purl.org/dc/elements/1.1/",
            "http://creativecommons.org/ns#", "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "http://purl.org/dc/dcmitype/StillImage",
        }  # fmt: skip
        assert not re.search(r'(href|src)="(?!#)', svg)


def test_the_same_run_gives_the_same_bytes(text, example_run, metrics, panel, quality, tmp_path):
    write_tear_sheet(tmp_path / "again.html", example_run, metrics, panel, quality)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_names_are_escaped(text, page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, flags=re.S)
    assert all("alert(1)" not in script for script in scripts)
    assert any("<script>alert(1)</script>" in cell for row in page.rows for cell in row)


def test_a_name_cannot_break_out_of_a_charts_data(example_run, metrics, tmp_path):
    hostile = changed(example_run, names={"000300.SH": "</script><img src=x onerror=alert(2)>"}, strategy='a"<b>')
    write_tear_sheet(tmp_path / "x.html", hostile, metrics)
    found = Page((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert all("onerror" not in attributes and tag != "b" for tag, attributes in found.tags)


def test_every_figure_on_the_page_is_the_one_in_metrics_json(page, metrics):
    hedge = {name for name, spec in METRICS.items() if spec.group == "Hedge"}  # this run has none
    assert {name for name, _ in page.figures} == set(METRICS) - hedge
    for name, shown in page.figures:
        assert shown == figure(name, metrics), name


def test_the_terminal_and_the_page_print_the_same_characters(page, metrics):
    shown = dict(page.figures)
    labels = {METRICS[name].label: name for name in METRICS}
    assert len(labels) == len(METRICS)
    for _, label, value, _ in summary_rows(metrics):
        assert shown[labels[label]] == value


def test_tables_agree_with_the_figures(page, metrics, example_run):
    nav, _ = levels_of(example_run)
    depths = [row[0] for row in page.rows if len(row) == 5 and re.fullmatch(r"-\d+\.\d\d%", row[0])]
    assert depths[0] == figure("max_drawdown", metrics)
    assert len(depths) == min(10, len(drawdowns(nav)))
    heat = [row for row in page.rows if len(row) == 14 and re.fullmatch(r"\d{4}", row[0])]
    months = [float(cell) for row in heat for cell in row[1:13] if cell]
    assert f"{max(months):.2f}%" == figure("best_month", metrics)
    assert f"{min(months):.2f}%" == figure("worst_month", metrics)
    years = {row[0]: row for row in page.rows if len(row) == 7 and re.fullmatch(r"\d{4}", row[0])}
    assert {row[0]: row[13] + "%" for row in heat} == {year: row[2] for year, row in years.items()}


def test_rising_months_are_red_and_falling_ones_green(text):
    cells = re.findall(r'<td class="(up|down)" style="--depth: ([\d.]+)">(-?[\d.]+)</td>', text)
    assert len(cells) > 20
    for word, depth, value in cells:
        assert word == ("down" if value.startswith("-") else "up")
        assert float(depth) == pytest.approx(min(abs(float(value)) / 10, 1), abs=0.006)
    assert "--red" in text and ".heat .up { background: rgba(208, 48, 54" in text


def test_a_simulated_market_is_announced(text, example_run, metrics, tmp_path):
    assert "simulated market: shows the machinery, not an edge" in text
    write_tear_sheet(tmp_path / "real.html", changed(example_run, simulated=False), metrics)
    assert "simulated market: shows" not in (tmp_path / "real.html").read_text(encoding="utf-8")


def test_what_flatters_a_result_stands_under_the_header_the_worst_first(text, example_run):
    strip = text[text.index("</header>") : text.index('<section class="tiles"')]
    found = re.findall(r'<p class="check (\w+)".*?<strong>(.*?)</strong>\s*<span>(.*?)</span>', strip, flags=re.S)
    assert [(level, name) for level, name, _ in found] == [(check.level, check.name) for check in checks(example_run)]
    assert found[0][:2] == ("red", "Survivorship")
    assert ("amber", "Benchmark") in [line[:2] for line in found]
    sentences = [html.unescape(sentence) for _, _, sentence in found]
    assert sentences == [check.sentence for check in checks(example_run)]


def test_names_in_the_checks_are_escaped(example_run, metrics, tmp_path):
    spans = [{"train_end": "2018-12-28", "dropped_features": {"<script>alert(4)</script>": "no data"}}]
    hostile = changed(example_run, signal={"files": 3, "spans": spans}, benchmark_code="<i>x</i>")
    write_tear_sheet(tmp_path / "x.html", hostile, metrics)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "Features left out for too little data: &lt;script&gt;alert(4)&lt;/script&gt;." in text
    assert "&lt;i&gt;x&lt;/i&gt; is a price index" in text and "<i>x</i>" not in text


def test_the_page_states_the_assumptions_and_the_training_spans(text):
    for words in ("the next session&#39;s open", "0.08 % of the traded value", "lstm-thoughts", "2018-12-28", "0.00%"):
        assert words in text
    for words in ("slippage and market impact", "<td>pe_ttm</td>"):
        assert words in text


def test_scores_without_training_spans_are_not_vouched_for(example_run, metrics, tmp_path):
    imported = {"name": "mine", "files": 3, "spans": [{"first_signal": "2020-01-02", "train_start": None}]}
    write_tear_sheet(tmp_path / "x.html", changed(example_run, signal=imported), metrics)
    assert "did not see the future" in (tmp_path / "x.html").read_text(encoding="utf-8")


def refused(run, **columns):
    """Return a run whose refused buys have some columns changed, and its page's text."""
    orders = run.orders.copy()
    for name, value in columns.items():
        orders.loc[orders["reason"] == "limit up at open", name] = value
    return SimpleNamespace(**{**vars(run), "orders": orders})


def sheet(run, panel, tmp_path):
    write_tear_sheet(tmp_path / "x.html", run, metrics_of(run, panel), panel)
    return (tmp_path / "x.html").read_text(encoding="utf-8")


def test_refusals_say_how_the_day_stood_to_the_limit(example_run, panel, tmp_path):
    run = refused(example_run, standing="one price")
    found = [row for row in Page(sheet(run, panel, tmp_path)).rows if row[:2] == ["buy", "limit up at open"]]
    assert [row[2] for row in found] == ["one price"]
    assert found[0][3] == str((run.orders["standing"] == "one price").sum())
    assert ["buy", "limit up at open, one price"] in [
        row[2:4] for row in Page(sheet(run, panel, tmp_path)).rows if len(row) == 9
    ]


def test_orders_held_back_by_volume_are_counted(example_run, panel, tmp_path):
    held_back = (example_run.orders["reason"] == "limit up at open").sum()
    text = sheet(refused(example_run, reason="volume"), panel, tmp_path)
    assert f"{held_back} of them for the day's volume" in text
    assert "for the day's volume" not in sheet(example_run, panel, tmp_path)


def test_what_was_bought_in_place_of_a_refused_stock_is_listed(example_run, panel, tmp_path):
    orders = example_run.orders.copy()
    buys = orders.index[(orders["side"] == "buy") & (orders["filled"] > 0)][:2]
    orders.loc[buys, "replaces"] = "000333.SZ"
    text = sheet(SimpleNamespace(**{**vars(example_run), "orders": orders}), panel, tmp_path)
    assert "Bought in place of a refused stock: 2" in text
    value = orders.loc[buys[0], "filled"] * orders.loc[buys[0], "price"]
    row = next(row for row in Page(text).rows if len(row) == 5 and row[4] == f"{value:,.0f}")
    assert row[1].endswith(orders.loc[buys[0], "ts_code"])
    assert row[2] == "<script>alert(1)</script>000333.SZ"
    assert "in place of" not in sheet(example_run, panel, tmp_path)


@pytest.mark.parametrize(
    ("execution", "words"), [("open", "the open"), ("vwap", "the mean price"), ("close", "the close")]
)
def test_the_yardstick_is_the_price_that_the_run_traded_at(example_run, panel, tmp_path, execution, words):
    text = " ".join(sheet(changed(example_run, execution=execution), panel, tmp_path).split())
    assert f"it trades the missing shares at {words} of the first session" in text
    assert f"or to {words} of the next rebalance" in text


def test_corporate_actions_are_summed_by_kind(example_run, panel, tmp_path):
    day = pd.Timestamp("2020-06-01")
    entries = [
        ("cash_dividend", 0, 100.0, 0.0), ("cash_dividend", 0, 0.0, 250.0), ("dividend_paid", 0, 200.0, -200.0),
        ("bonus_shares", 500, 1.5, 0.0), ("dividend_tax", 0, -30.0, 0.0), ("<b>new</b>", 0, 1.0, 0.0),
    ]  # fmt: skip
    actions = pd.DataFrame(
        [(day, "600000.SH", *entry) for entry in entries],
        columns=["date", "ts_code", "kind", "shares", "cash", "receivable"],
    )
    nav = example_run.nav.copy()
    nav.loc[nav.index[-1], "receivable"] = 50.0
    text = sheet(SimpleNamespace(**{**vars(example_run), "actions": actions, "nav": nav}), panel, tmp_path)
    rows = Page(text).rows
    start = rows.index(["What they did to the account", "Entries", "Shares", "Cash, yuan", "Owed, yuan"])
    assert rows[start + 1 : start + 7] == [
        ["Cash dividends gone ex", "2", "0", "100", "250"],
        ["Dividends paid that were owed", "1", "0", "200", "-200"],
        ["Dividend tax withheld", "1", "0", "-30", "0"],
        ["Bonus shares and transfers", "1", "500", "2", "0"],
        ["<b>new</b>", "1", "0", "1", "0"],
        ["Together", "", "", "272", "50"],
    ]
    assert "50 yuan are owed at the last close" in text
    assert "touched a holding" in sheet(example_run, panel, tmp_path)


def test_refused_orders_are_listed_with_their_cost(page, metrics):
    reasons = {(row[0], row[1]): row for row in page.rows if len(row) == 5 and row[0] in ("buy", "sell")}
    assert ("buy", "limit up at open") in reasons
    total = sum(float(row[4].replace(",", "")) for row in reasons.values())
    assert total == pytest.approx(metrics["refusal_cost"], abs=len(reasons))


def test_orders_short_of_cash_stand_apart_from_refusals(example_run, panel, tmp_path):
    orders = example_run.orders.copy()
    orders.loc[orders["reason"] == "suspended", "reason"] = "cash"
    run = SimpleNamespace(**{**vars(example_run), "orders": orders})
    metrics = metrics_of(run, panel)
    assert metrics["refusals"] == (orders["reason"] == "limit up at open").sum()
    write_tear_sheet(tmp_path / "x.html", run, metrics, panel)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert text.index("Refused by the market") < text.index("limit up at open") < text.index("Short of cash or shares")


def test_a_report_without_prices_says_that_refusals_are_not_valued(example_run, tmp_path):
    write_tear_sheet(tmp_path / "x.html", example_run, metrics_of(example_run))
    assert "Not valued" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_a_run_of_one_session_without_a_trade_still_has_a_page(tmp_path, example_run):
    bare = SimpleNamespace(
        nav=example_run.nav.iloc[:2],
        orders=example_run.orders.iloc[:0],
        fills=example_run.fills.iloc[:0],
        positions=example_run.positions.iloc[:0],
        actions=example_run.actions,
        hedge=example_run.hedge,
        facts={"benchmark_code": None},
    )
    metrics = metrics_of(bare)
    write_tear_sheet(tmp_path / "x.html", bare, metrics)
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "nothing but cash" in text
    assert "<img" not in text
    start = SimpleNamespace(**{**vars(bare), "nav": example_run.nav.iloc[:1]})
    write_tear_sheet(tmp_path / "y.html", start, metrics_of(start))


def test_quantstats_is_given_both_series_on_the_same_dates(example_run, metrics, monkeypatch):
    import quantstats.plots

    seen = {}
    original = quantstats.plots.rolling_beta

    def watched(own, other, **options):
        seen["pair"] = (own, other)
        return original(own, other, **options)

    monkeypatch.setattr(quantstats.plots, "rolling_beta", watched)
    quantstats_pictures(example_run, metrics)
    own, other = seen["pair"]
    nav, benchmark = levels_of(example_run)
    assert own.index.equals(other.index)
    assert own.tolist() == (nav / nav.shift(1) - 1).iloc[1:].tolist()
    assert other.tolist() == (benchmark / benchmark.shift(1) - 1).iloc[1:].tolist()


def test_a_run_without_a_loss_is_not_given_to_quantstats(example_run, metrics):
    rising = example_run.nav.assign(nav=[1e6 * 1.001**n for n in range(len(example_run.nav))])
    run = SimpleNamespace(**{**vars(example_run), "nav": rising})
    assert set(quantstats_pictures(run, metrics).values()) == {None}


def test_drawing_leaves_the_callers_matplotlib_alone(example_run, metrics):
    matplotlib.use("svg")
    matplotlib.rcParams["lines.linewidth"] = 7.5
    before = dict(matplotlib.rcParams)
    try:
        quantstats_pictures(example_run, metrics)
        assert dict(matplotlib.rcParams) == before
    finally:
        matplotlib.rcdefaults()
        matplotlib.use("Agg")


def test_a_failed_page_leaves_the_old_one(tmp_path, example_run, metrics):
    path = tmp_path / "tear_sheet.html"
    path.write_text("old")
    with pytest.raises(KeyError):
        write_tear_sheet(path, example_run, {name: metrics[name] for name in ("start_date", "rf")})
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["tear_sheet.html"]


# -- charts and fonts ----------------------------------------------------------------------------------------------


def test_a_font_is_detected_and_codes_stand_in_for_names_without_one():
    assert chart_families({"Noto Sans CJK SC", "DejaVu Sans", "SimHei"}) == ["Noto Sans CJK SC", LATIN_FAMILY]
    assert chart_families({"SimHei"}) == ["SimHei", LATIN_FAMILY]
    assert chart_families({"Arial"}) == [LATIN_FAMILY]
    assert chart_label("000300.SH", "沪深300", ["SimHei", LATIN_FAMILY]) == "沪深300"
    assert chart_label("000300.SH", "沪深300", [LATIN_FAMILY]) == "000300.SH"
    assert chart_label("000300.SH", "CSI 300", [LATIN_FAMILY]) == "CSI 300"
    assert chart_label("000300.SH", "", ["SimHei"]) == "000300.SH"


def test_growth_and_excess_start_at_one_and_end_where_the_figures_say(example_run, metrics):
    nav, benchmark = levels_of(example_run)
    growth, relative = growth_charts(example_run, nav, benchmark)
    assert [trace.label for trace in growth.traces] == ["Portfolio", "沪深300 000300.SH"]
    assert {trace.texts[0] for trace in (*growth.traces, *relative.traces)} == {"1.00"}
    assert growth.traces[0].texts[-1] == f"{1 + metrics['total_return']:.2f}"
    assert growth.traces[1].texts[-1] == f"{1 + metrics['benchmark_total_return']:.2f}"
    share = (1 + metrics["total_return"]) / (1 + metrics["benchmark_total_return"])
    assert relative.traces[0].texts[-1] == f"{share:.2f}"
    assert growth.dates[-1] == metrics["end_date"]
    assert len(growth_charts(example_run, nav, None)) == 1
    assert benchmark_name(changed(example_run, benchmark_code=None)) == ""


def test_signal_charts_start_the_fifths_at_one_and_end_at_their_compounded_returns(quality):
    by_date, running, fifths = signal_charts(quality)
    assert by_date.dates == [f"{day:%Y-%m-%d}" for day in quality.by_date["date"]]
    assert by_date.traces[0].texts[3] == f"{quality.by_date['rank_ic'][3]:.3f}"
    assert running.traces[0].texts[-1] == f"{quality.by_date['rank_ic'].sum():.2f}"
    assert fifths.dates[0] == f"{quality.by_date['entry_date'][0]:%Y-%m-%d}"
    assert fifths.dates[-1] == f"{quality.by_date['exit_date'].iloc[-1]:%Y-%m-%d}"
    assert {trace.texts[0] for trace in fifths.traces} == {"1.00"}
    assert fifths.traces[4].label == "Fifth 5 (highest score)"
    assert fifths.traces[4].texts[-1] == f"{(1 + quality.quantile_returns[5]).prod():.2f}"
    assert signal_charts(None) == []


def test_fifths_that_were_never_measured_are_not_drawn(quality):
    unknown = replace(quality, quantile_returns=quality.quantile_returns * float("nan"))
    assert [chart.name for chart in signal_charts(unknown)] == ["rank-ic", "rank-ic-sum"]


def test_trading_charts_cover_every_month_and_every_close(example_run):
    turnover, invested = trading_charts(example_run)
    by_session = turnover_by_date(example_run)
    assert turnover.dates[0] == "2019-12-01" and turnover.traces[0].texts[0] == "0.00%"
    assert turnover.traces[0].texts[1] == f"{by_session[by_session.index < '2020-02'].sum() * 100:.2f}%"
    last = example_run.nav.iloc[-1]
    assert invested.traces[0].texts[-1] == f"{last['stock_value'] / last['nav'] * 100:.2f}%"
    nothing = {"orders": example_run.orders.iloc[:0], "fills": example_run.fills.iloc[:0]}
    idle = SimpleNamespace(**{**vars(example_run), **nothing})
    assert [chart.name for chart in trading_charts(idle)] == ["invested"]


def test_the_universe_is_drawn_from_zero_by_month(example_run):
    found = universe_chart(changed(example_run, universe_size=[["2020-01", 40], ["2020-02", 43], ["2020-02", 44]]))
    assert found.dates == ["2020-01-01", "2020-02-01"]
    assert found.traces[0].texts == ["40", "44"]
    assert [tick.text for tick in found.y_ticks] == ["0", "10", "20", "30", "40", "50"]
    assert universe_chart(changed(example_run, universe_size=[])) is None


def test_assumptions_name_the_signal_the_benchmark_and_the_parameters(example_run):
    found = dict(assumptions(example_run))
    assert found["Benchmark"] == "沪深300 000300.SH, price index"
    assert found["Signal available at"] == "19:00 of the signal date"
    assert found["Parameter cushion"] == "0.02"
    unknown = dict(assumptions(changed(example_run, signal={"files": 3})))
    assert "Signal available at" not in unknown


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.93, 1.42, [0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 3, [1, 2, 3, 4, 5])],
)
def test_ticks_are_round_and_enclose_the_values(low, high, ticks):
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_counts_have_whole_ticks_and_logarithms_round_ones():
    assert nice_ticks(0, 3, whole=True) == [0, 1, 2, 3]
    assert nice_ticks(0, 12, whole=True) == [0, 5, 10, 15]
    assert log_ticks(1e-9, 1e9) == pytest.approx([1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9])
    assert log_ticks(0.9, 5) == pytest.approx([1, 1.5, 2, 3, 4])
    assert log_ticks(0.009, 2000) == pytest.approx([0.01, 0.1, 1, 10, 100, 1000])


def test_a_line_runs_from_the_lowest_to_the_highest_tick_and_breaks_at_a_gap():
    dates = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"])
    found = line_chart("x", "X", {("a", "a"): pd.Series([0.0, 1.0, float("nan"), 0.5], index=dates)}, "number")
    assert found.traces[0].path == "M0.0,300.0L250.0,0.0M1000.0,150.0"
    assert found.positions == [0, 25, 50, 100]
    assert found.traces[0].texts == ["0.000", "1.00", "n/a", "0.500"]
    assert [tick.at for tick in found.y_ticks] == [100, 80, 60, 40, 20, 0]
    assert [tick.text for tick in found.y_ticks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    share = line_chart("x", "X", {("a", "a"): pd.Series([0.0, 0.1], index=dates[:2])}, "percent")
    assert [tick.text for tick in share.y_ticks] == ["0%", "2%", "4%", "6%", "8%", "10%"]


def test_bars_grow_from_zero_in_two_colours():
    dates = pd.to_datetime(["2024-01-31", "2024-02-29"])
    found = bar_chart("x", "X", pd.Series([0.5, -0.5], index=dates), "number", label="IC")
    up, down = found.traces
    zero = 150.0
    assert (up.style, down.style) == ("up", "down")
    assert f"M70.0,{zero}V" in up.path and up.path.count("Z") == 1
    assert f"M570.0,{zero}V" in down.path and down.path.count("Z") == 1


def test_long_runs_are_labelled_by_years_and_short_ones_by_months():
    years = date_ticks(pd.bdate_range("2015-01-05", "2024-12-31"))
    assert [tick.text for tick in years] == ["2016", "2018", "2020", "2022", "2024"]
    assert len(date_ticks(pd.bdate_range("2024-01-05", "2024-06-28"))) <= 7
    for few in (["2024-01-05"], ["2024-01-01"], ["2024-01-05", "2024-01-08"]):
        assert [tick.text for tick in date_ticks(pd.DatetimeIndex(few))] == [few[0]]
