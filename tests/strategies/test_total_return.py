"""Raw prices with every dividend reinvested and total-return prices are two accounts of one holding.

Where they may differ, per stock:

- whole shares: the purchase, an exchange and every ex-date leave less than one share in cash, so that all of them
  leave less than (ex-dates + 2) shares of those that the holding began with;
- ticks: with tables the account reinvests at the exact ex-right price, while the adjustment factor holds the
  exchange's, rounded to a tick. Without tables both follow the factor;
- rights: the account pays for them from its cash and then holds ``rights x their price / the close before`` more than
  total-return prices, which take the rights as sold.

The last two are worked out from the tables; the first is the tolerance. Nothing else is left: no fees, no tax, and what
is suspended, delisted or exchanged is so in both.
"""

import backtrader as bt
import numpy as np
import pytest

from feeds.building import open_panel
from strategies.execution import config, engine


class Left(bt.Analyzer):
    """The account at the end."""

    def get_analysis(self):
        return self.strategy.broker


@pytest.fixture(scope="module")
def keep(scores_of):
    """A function that buys all stocks of a panel's first day at equal weights, 3 % left in cash, and keeps them."""

    def run(panel, prices):
        codes = [str(code) for code in panel.codes[np.isfinite(panel.field("close")[0])]]
        options = {
            "strategy": "top_k", "cash": 1e10, "min_listed_days": 1, "fees": "none", "lots": "share", "prices": prices,
            "dividends": "reinvest", "delisting_recovery": 0.5, "benchmark": "none",
            "parameters": {"top_k": len(codes), "invested": 0.97},
        }  # fmt: skip
        scores = scores_of(panel, {0: dict.fromkeys(codes, 1.0)})
        return engine.run(config.make(options), panel, scores, {"left": Left}).analyses["left"]

    return run


def last_close(panel, column, row):
    closes = panel.fields["close"][column, :row]
    return float(closes[np.isfinite(closes)][-1])


def more(panel, column, first, end):
    """Return by how much a raw holding outgrows an adjusted one through the plans of rows after ``first``."""
    events, factor, grown = panel.events, panel.fields["adj_factor"][column], 1.0
    for row in np.unique(events.row[events.stock == column]).astype(int):
        if not first < row < end:
            continue
        today = (events.stock == column) & (events.row == row)
        shares, cash, rights = (getattr(events, name)[today].sum() for name in ("shares", "cash", "rights"))
        paid = (events.rights * events.rights_price)[today].sum()
        close = last_close(panel, column, row)
        reference = (close - cash + paid) / (1 + shares + rights)
        grown *= (close + paid) / reference / (factor[row] / factor[row - 1])
    return grown


def worth_more(panel, raw, adjusted):
    """Return by column how much more a holding of the raw account is worth, as a factor."""
    ends = {int(old): int(row) for old, row in zip(panel.conversions.stock, panel.conversions.row, strict=True)}
    columns = {n for _, n, *_ in raw.fills} | raw.holdings.keys()
    grown = {n: more(panel, n, 1, ends.get(n, panel.delist_index[n])) for n in columns}
    arrived = {n: (row, action.shares) for row, n, action in adjusted.actions if action.kind == "exchanged_in"}
    for old, new in zip(panel.conversions.stock.astype(int), panel.conversions.new_stock.astype(int), strict=True):
        if new in arrived:
            row, shares = arrived[new]
            part = shares / adjusted.position_size(new)
            grown[new] = (1 - part) * grown[new] + part * grown[old] * more(panel, new, row, len(panel.dates))
    return grown


def agree(panel, raw, adjusted):
    """Check that each stock is worth the same but for what is explained; return the gap of the whole account."""
    assert raw.holdings.keys() == adjusted.holdings.keys()
    grown, factor = worth_more(panel, raw, adjusted), panel.fields["adj_factor"]
    began = {n: action.shares for _, n, action in adjusted.actions if action.shares > 0}
    began |= {n: shares for _, n, shares, *_ in raw.fills}
    explained = []
    for n, holding in raw.holdings.items():
        ex_dates = int((np.diff(factor[n][np.isfinite(factor[n])]) != 0).sum())
        whole = (ex_dates + 2) / began[n]
        assert holding.value == pytest.approx(adjusted.holdings[n].value * grown[n], rel=whole), panel.codes[n]
        explained.append(holding.value * (1 - 1 / grown[n]))
    for _, n, action in raw.actions:
        if action.kind == "delisting":
            explained.append(action.cash * (1 - 1 / grown[n]))
        elif action.kind == "rights_taken":
            explained.append(action.cash)
    return abs((raw.worth - sum(explained)) / adjusted.worth - 1)


def test_eight_real_years_are_worth_the_same_on_raw_and_on_adjusted_prices(keep, real_store):
    panel = open_panel(real_store.path)
    raw, adjusted = keep(panel, "raw"), keep(panel, "total-return")
    assert agree(panel, raw, adjusted) < 1e-6
    assert len(raw.holdings) > 400
    assert (panel.suspended.sum(axis=0)[list(raw.holdings)] > 60).sum() > 100


def test_ten_simulated_years_are_worth_the_same_on_raw_and_on_adjusted_prices(keep, ten_years):
    raw, adjusted = keep(ten_years, "raw"), keep(ten_years, "total-return")
    assert agree(ten_years, raw, adjusted) < 1e-7
    kinds = [action.kind for _, _, action in raw.actions]
    assert kinds.count("rights_taken") == 3 and kinds.count("exchanged_in") == 2 and kinds.count("delisting") > 2
    assert {action.kind for _, _, action in adjusted.actions} == {"delisting", "exchanged_out", "exchanged_in"}
