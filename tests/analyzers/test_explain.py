"""What the files of a run say of an order, in words."""

import pandas as pd
import pytest
import yaml

from analyzers.explain import explain
from analyzers.recorders import RECORDERS
from feeds.errors import ConfigError, DataError
from feeds.panel import MarketPanel
from strategies.execution import config, engine

A, B, C = "600000.SH", "600001.SH", "600002.SH"
NAN = float("nan")


class Scores:
    name = "memory"

    def __init__(self, by_day):
        self.by_day = by_day

    def dates(self):
        import numpy as np

        return np.array(sorted(self.by_day), "datetime64[D]")

    def read(self, date):
        import numpy as np

        from signals.table import Signal

        scores = self.by_day[date]
        return Signal(date, np.array(list(scores), str), np.array(list(scores.values()), "float64"), {})


def panel_of(closes, **fields):
    import numpy as np

    codes = sorted(closes)
    days = np.busday_offset(np.datetime64("2024-01-02"), np.arange(len(closes[codes[0]])))
    arrays = {"close": closes, **fields}
    table = {
        name: np.array([by_code.get(code, [NAN] * len(days)) for code in codes], "float64").T
        for name, by_code in arrays.items()
    }
    names, indices = ("浦发<b>", B, C), {"000300.SH": days.astype(float)}
    return MarketPanel.from_arrays(days, codes, table, names=names, indices=indices)


@pytest.fixture
def run(tmp_path):
    """A function that runs the two best scores of the first day and writes what explain reads."""

    def make(panel, scores, **options):
        settings = {"strategy": "top_k", "min_listed_days": 1, "fees": "8bp", "cash": 100_000.0, **options}
        made = config.make({"parameters": {"top_k": 2, "invested": 0.9}, **settings})
        result = engine.run(made, panel, Scores({panel.dates[n]: s for n, s in scores.items()}), RECORDERS)
        for name in ("orders", "fills"):
            getattr(result, name).to_parquet(tmp_path / f"{name}.parquet")
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(made.model_dump(mode="json")))
        return tmp_path

    return make


def test_a_filled_order_is_told_with_its_price_and_fee(run):
    panel = panel_of({A: [10.0, 11.0, 11.0], B: [20.0] * 3})
    text = explain(run(panel, {0: {A: 2.0, B: 1.0}}), panel, A, "20240103")
    # 45,000 yuan at 10.00 are 4,500 shares; at 11.00 their fee is 39.60.
    assert text == [
        "600000.SH 浦发<b>: after the close of 2024-01-02 the strategy wanted to buy 4,500 shares, sized at 10.00 "
        "yuan. Filled: 4,500 on 2024-01-03 at 11; fees 39.60 yuan. It was filled whole after 1 session(s)."
    ]


def test_a_refused_order_is_told_with_the_limit_and_the_bar(run):
    panel = panel_of({A: [10.0, 11.0, 11.0], B: [20.0] * 3}, up_limit={A: [NAN, 11.0, NAN]}, low={A: [10, 11.0, 11]})
    (text,) = explain(run(panel, {0: {A: 2.0, B: 1.0}}), panel, A, "2024-01-02")
    assert "refused it on its first session, 2024-01-03: limit up at open (upper limit 11.00; open 11.00, " in text
    assert "As the bar shows, every trade of that day was at the limit." in text
    assert text.endswith("It expired after 1 session(s), on 2024-01-03.")


def test_an_order_filled_over_days_is_told_day_by_day(run):
    panel = panel_of({A: [10.0] * 4, B: [20.0] * 4}, vol={A: [1e6, 20_000, 30_000, 1e6], B: [1e6] * 4})
    (text,) = explain(run(panel, {0: {A: 2.0, B: 1.0}}, max_participation=0.1), panel, A, "2024-01-04")
    assert "On 2024-01-03 20,000 shares traded, of which the run takes at most 10%" in text
    assert "Filled: 2,000 on 2024-01-03 at 10, 2,500 on 2024-01-04 at 10;" in text


def test_a_substitute_names_what_it_stands_for(run):
    panel = panel_of({A: [10.0, NAN, 10.0], B: [20.0] * 3, C: [5.0] * 3})
    folder = run(panel, {0: {A: 3.0, B: 2.0, C: 1.0}}, blocked_buys="substitute")
    (substitute,) = explain(folder, panel, C, "20240103")
    assert "It took the place of 600000.SH, whose purchase the market refused." in substitute
    assert "What stood in its way: suspended, that is, it did not trade" in explain(folder, panel, A, "20240103")[0]


def test_a_day_without_an_order_says_where_the_nearest_is(run):
    panel = panel_of({A: [10.0] * 4, B: [20.0] * 4, C: [30.0] * 4})
    folder = run(panel, {0: {A: 2.0, B: 1.0}})
    assert explain(folder, panel, A, "20240105") == [
        "600000.SH 浦发<b>: no order was wanted, waiting or ended on 2024-01-05. "
        "The nearest order of it was wanted on 2024-01-02."
    ]
    assert explain(folder, panel, C, "20240103") == [
        "600002.SH: no order was wanted, waiting or ended on 2024-01-03."
    ]


@pytest.mark.parametrize(
    ("status", "filled", "words"),
    [
        ("replaced", 0, "It was taken back for the next basket on 2024-01-03, after 1 session(s)."),
        ("open", 0, "It was still waiting when the run ended."),
        ("cancelled", 0, "It was cancelled by the strategy on 2024-01-03."),
        ("partial", 100, "The rest of 4,400 was given up after 1 session(s), on 2024-01-03."),
    ],
)
def test_every_end_of_an_order_has_its_words(run, status, filled, words):
    panel = panel_of({A: [10.0] * 3, B: [20.0] * 3})
    folder = run(panel, {0: {A: 2.0, B: 1.0}})
    orders = pd.read_parquet(folder / "orders.parquet")
    orders.loc[orders["ts_code"] == A, ["status", "filled"]] = [status, filled]
    orders.to_parquet(folder / "orders.parquet")
    assert explain(folder, panel, A, "20240103")[0].endswith(words)


def test_a_folder_that_is_no_run_and_an_unknown_code_are_refused(run, tmp_path):
    panel = panel_of({A: [10.0] * 3, B: [20.0] * 3})
    with pytest.raises(ConfigError, match="run must be a run folder"):
        explain(tmp_path / "nowhere", panel, A, "20240103")
    with pytest.raises(DataError, match="code must be among the 2 codes"):
        explain(run(panel, {0: {A: 2.0, B: 1.0}}), panel, "600009.SH", "20240103")
