"""What each rule costs, on a market where one can say it by hand."""

import numpy as np
import pytest

from analyzers.tradability import AS_IT_IS, tradability, variants
from feeds.panel import MarketPanel
from signals.table import Signal
from strategies.execution.config import make

A, B = "600000.SH", "600001.SH"
NAN = float("nan")


class One:
    """One score, of the first day."""

    name = "memory"

    def __init__(self, panel):
        self.panel = panel

    def dates(self):
        return self.panel.dates[:1]

    def read(self, date):
        return Signal(date, self.panel.codes, np.array([2.0, 1.0]), {})


def config(**options):
    parameters = {"top_k": 1}
    return make({"strategy": "top_k", "min_listed_days": 1, "cash": 100_000.0, "parameters": parameters, **options})


def test_a_variant_that_changes_nothing_is_left_out():
    names = [name for name, _ in variants(config(fees="none", lots="share"))]
    assert names[0] == AS_IT_IS
    assert "no fees" not in names and "single shares" not in names and "new listings too" not in names
    assert {"optimistic fills", "pessimistic fills", "no price limits", "blind to all rules"} <= set(names)


def test_every_rule_left_out_is_another_run():
    # The one stock wanted opens at its limit of 11.00, trades at 10.50 too, and ends at 12.10: whoever is blind to the
    # limit earns 10 % from 11.00 to 12.10 on 9,000 shares, and so does the optimist.
    panel = MarketPanel.from_arrays(
        np.busday_offset(np.datetime64("2024-01-02"), np.arange(4)), [A, B],
        {"close": np.array([[10.0, 11.0, 12.1, 12.1], [5.0] * 4]).T,
         "open": np.array([[10, 11.0, 12, 12.1], [5.0] * 4]).T,
         "low": np.array([[10, 10.5, 12, 12], [5.0] * 4]).T, "high": np.array([[10, 11.0, 12.1, 12.1], [5.0] * 4]).T,
         "up_limit": np.array([[NAN, 11.0, NAN, NAN], [NAN] * 4]).T},
        indices={"000300.SH": np.linspace(3000.0, 3030.0, 4)},
    )  # fmt: skip
    table = tradability(config(fees="none"), panel, One(panel)).set_index("variant")
    assert table.loc[AS_IT_IS, "total_return"] == 0.0 and table.loc[AS_IT_IS, "refusals"] == 1
    earned = pytest.approx(9_000 * 1.1 / 100_000)
    assert table.loc[["no price limits", "optimistic fills"], "total_return"].tolist() == [earned, earned]
    assert table.loc["pessimistic fills", "total_return"] == 0.0
    assert table.loc["no price limits", "annual_difference"] == table.loc["no price limits", "annual_return"]
    assert table.loc["blind to all rules", "total_return"] == pytest.approx(9_090 * 1.1 / 100_000)
