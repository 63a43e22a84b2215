"""Another future: what is drawn anew is another market, and everything before it is the same, bit for bit."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from analyzers.audit.bars import DrawnFields
from analyzers.audit.future import after, same, unseen_by, within
from analyzers.audit.market import DrawnScores, HeldScores, perturbed
from feeds.events import Conversions, CorporateEvents
from feeds.panel import MarketPanel
from signals.table import Signal

CUT = 300
INDEX = "000300.SH"
PRICES = ("open", "high", "low", "close", "pre_close", "up_limit", "down_limit")


def due(panel: MarketPanel) -> np.ndarray:
    """Cash of the dividends by ex-date and stock, (T, N)."""
    cash = np.zeros(panel.shape)
    np.add.at(cash, (panel.events.row.astype(int), panel.events.stock.astype(int)), panel.events.cash)
    return cash


def of(*names):
    return lambda panel: np.concatenate([panel.field(name) for name in names], axis=1)


# What each kind is, days along the first axis. Written by hand: a kind that is no longer drawn anew is missed here.
VIEWS = {
    "open": of("open"),
    "high": of("high"),
    "low": of("low"),
    "close": of("close"),
    "pre_close": of("pre_close"),
    "volume": of("vol"),
    "amount": of("amount"),
    "limits": of("up_limit", "down_limit"),
    "adj_factor": of("adj_factor"),
    "valuation": of("pe_ttm", "pb", "turnover_rate", "circ_mv"),
    "suspensions": lambda panel: panel.suspended,
    "ST": lambda panel: panel.st,
    "listing": lambda panel: panel.listed,
    "membership": lambda panel: np.concatenate([panel.members(INDEX), panel.members("000905.SH")], axis=1),
    "industries": lambda panel: panel.industry,
    "corporate events": due,
    "index closes": lambda panel: np.array([*panel.indices.values(), *panel.index_amounts.values()]).T,
    "futures open": lambda panel: panel.futures.open.T,
    "futures": lambda panel: np.concatenate(
        [getattr(panel.futures, name) for name in ("high", "low", "close", "settle", "vol")]
    ).T,
}
# A day without a bar has no price, and a stock that is not listed is not suspended.
FOLLOW = {
    "suspensions": {"open", "high", "low", "close", "pre_close", "volume", "amount", "limits"},
    "listing": {"open", "high", "low", "close", "pre_close", "volume", "amount", "limits", "suspensions"},
}


def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where two arrays differ, NaN being equal to NaN."""
    return ~((before == after) | (np.isnan(before.astype(float)) & np.isnan(after.astype(float))))


@pytest.fixture(scope="module")
def panel(simulated_panel) -> MarketPanel:
    return simulated_panel


def first_row(kind: str) -> int:
    return CUT + 2 if kind == "corporate events" else CUT + 1  # an ex-date is known at the close before it


@pytest.mark.parametrize("kind", VIEWS)
def test_a_kind_alone_changes_itself_from_the_next_session_on_and_nothing_else(kind, panel):
    other = perturbed(panel, after(CUT, 0).only([kind]))
    change = moved(VIEWS[kind](panel), VIEWS[kind](other))
    assert not change[: first_row(kind)].any()
    assert change[first_row(kind)].any() and change[first_row(kind) :].sum() > 40
    for name, view in VIEWS.items():
        if name != kind and name not in FOLLOW.get(kind, ()):
            assert not moved(view(panel), view(other)).any(), name
    assert other.names == panel.names


def test_the_whole_future_is_another_and_the_past_the_same(panel):
    other = perturbed(panel, after(CUT, 0))
    for kind, view in VIEWS.items():
        change = moved(view(panel), view(other))
        assert not change[: first_row(kind)].any(), kind
        later = change[first_row(kind) + 20 :]
        assert later.mean() > (0.001 if kind == "corporate events" else 0.05), kind
    assert sorted(other.names) == sorted(panel.names) and other.names != panel.names


@pytest.mark.parametrize("kind", [kind for kind in VIEWS if kind != "corporate events"])
def test_the_execution_day_itself_is_another_for_many_stocks(kind, panel):
    change = moved(VIEWS[kind](panel), VIEWS[kind](perturbed(panel, after(CUT, 0))))[CUT + 1]
    assert change.mean() > 0.05
    if kind in ("close", "open", "pre_close", "adj_factor", "valuation"):
        traded = np.isfinite(VIEWS[kind](panel)[CUT + 1])
        assert change[traded].all()


def test_a_part_of_a_future_draws_what_the_whole_draws(panel):
    whole = after(CUT, 0)
    for kind in ("open", "high", "close", "volume", "valuation", "adj_factor", "ST", "membership", "index closes"):
        plain, drawn, part = map(VIEWS[kind], (panel, perturbed(panel, whole), perturbed(panel, whole.only([kind]))))
        traded = np.isfinite(plain.astype(float)) & np.isfinite(drawn.astype(float))
        assert not moved(drawn, part)[traded].any(), kind


def test_a_later_future_leaves_the_next_session_alone(panel):
    other = perturbed(panel, after(CUT, 0).later())
    for kind, view in VIEWS.items():
        change = moved(view(panel), view(other))
        assert not change[: first_row(kind) + 1].any(), kind
        assert change[first_row(kind) + 1 :].any(), kind


@pytest.mark.parametrize("cut", [0, 130, CUT, 400, -2])
@pytest.mark.parametrize("draw", [after, lambda cut, seed: within(cut, seed, ["high", "low", "close", "volume"])])
def test_every_drawn_bar_keeps_the_rules_of_a_bar(draw, cut, panel):
    cut %= len(panel.dates)
    other = perturbed(panel, draw(cut, 3))
    bars = {name: other.field(name)[cut + 1 :] for name in (*PRICES, "vol", "amount")}
    traded = np.isfinite(bars["close"])
    assert traded.any()
    if cut < 400:
        assert 0.5 < traded[other.listed[cut + 1 :]].mean() < 1
    bars = {name: values[traded] for name, values in bars.items()}
    assert all((values > 0).all() for name, values in bars.items() if "limit" not in name)
    assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    has = np.isfinite(bars["up_limit"])
    assert (bars["high"] <= bars["up_limit"] * (1 + 1e-12))[has].all()
    assert (bars["low"] >= bars["down_limit"] * (1 - 1e-12))[has].all()
    mean = bars["amount"] / bars["vol"]
    if draw is after:
        assert has.all()
        assert (mean >= bars["low"] * (1 - 1e-12)).all() and (mean <= bars["high"] * (1 + 1e-12)).all()


def test_many_drawn_bars_end_at_a_limit_so_that_who_looks_at_limits_sees_others(panel):
    other = perturbed(panel, after(130, 0))
    close, up, down = (other.field(name)[131:] for name in ("close", "up_limit", "down_limit"))
    traded = np.isfinite(close)
    assert 0.1 < (close == up)[traded].mean() < 0.25
    assert 0.1 < (close == down)[traded].mean() < 0.25


def test_an_execution_day_that_is_open_ends_at_its_own_limits_for_many_stocks(panel):
    other = perturbed(panel, within(CUT, 0, ["close"]))
    close, up, down = (other.field(name)[CUT + 1] for name in ("close", "up_limit", "down_limit"))
    np.testing.assert_array_equal(up, panel.field("up_limit")[CUT + 1])
    assert ((close == up) | (close == down)).mean() > 0.15


def test_drawn_prices_neither_vanish_nor_explode(panel):
    other = perturbed(panel, after(130, 0))
    closes = panel.field("close")[100:131]
    last = closes[np.isfinite(closes).cumsum(axis=0).argmax(axis=0), np.arange(closes.shape[1])]
    moves = np.abs(np.log(other.field("close")[131:] / last))
    assert np.nanmax(moves) < 1.5  # one for the walk, the rest for the gap before it


def test_a_halt_that_is_lifted_leaves_a_whole_bar(panel):
    other = perturbed(panel, after(CUT, 0).only(["suspensions"]))
    lifted = panel.suspended[CUT + 1 :] & ~other.suspended[CUT + 1 :]
    assert lifted.sum() > 20
    for name in (*PRICES, "vol", "amount"):
        assert np.isfinite(other.field(name)[CUT + 1 :][lifted]).all(), name


def test_what_is_kept_of_a_day_without_a_bar_stays_as_it_was():
    close = np.full((30, 2), 10.0)
    close[11, 0] = np.nan
    dates = np.arange("2024-01-01", "2024-01-31", dtype="datetime64[D]")
    panel = MarketPanel.from_arrays(dates, ["600000.SH", "600001.SH"], {"close": close})
    other = perturbed(panel, after(10, 0).later())  # the day after the cut, with a halt and a reference price, is kept
    assert other.field("pre_close")[11].tolist() == [10.0, 10.0]
    assert np.isnan(other.field("close")[11, 0]) and other.field("pre_close")[12, 1] != 10.0


def test_members_leave_and_stocks_join_on_the_execution_day(panel):
    members = perturbed(panel, after(CUT, 0)).members(INDEX)
    assert (members[CUT] & ~members[CUT + 1]).any() and (~members[CUT] & members[CUT + 1]).any()


def test_a_gap_in_an_index_stays_a_gap(panel):
    closes = np.array(panel.index_close(INDEX))
    closes[CUT + 5] = np.nan
    other = perturbed(replace(panel, indices={INDEX: closes}), after(CUT, 0)).index_close(INDEX)
    assert np.flatnonzero(np.isnan(other)).tolist() == [CUT + 5]


@pytest.mark.parametrize("cut", [0, 60, CUT])
def test_no_stock_leaves_before_it_is_listed(cut, panel):
    for seed in range(10):
        other = perturbed(panel, after(cut, seed))
        assert (other.delist_index > other.list_index).all()


def test_a_drawn_status_fits_the_drawn_bars(panel):
    other = perturbed(panel, after(CUT, 0))
    closes = np.isfinite(other.field("close"))[CUT + 1 :]
    np.testing.assert_array_equal(other.suspended[CUT + 1 :], other.listed[CUT + 1 :] & ~closes)
    assert not (closes & ~other.listed[CUT + 1 :]).any()


def test_what_a_fill_cannot_have_seen_is_drawn_on_its_day_and_the_rest_from_the_day_after(panel):
    unseen = ("high", "low", "close", "volume", "amount")
    other = perturbed(panel, within(CUT, 0, unseen))
    for kind, view in VIEWS.items():
        change = moved(view(panel), view(other))
        hidden = kind in (*unseen, "valuation", "index closes", "futures")
        assert not change[: CUT + 1].any(), kind
        assert change[CUT + 1].any() == hidden, kind
        assert change[CUT + 2 :].any(), kind
    traded = np.isfinite(panel.field("close")[CUT + 1])
    assert moved(panel.field("close"), other.field("close"))[CUT + 1][traded].all()


def test_the_same_seed_draws_the_same_market_and_another_seed_or_cut_another(panel):
    one, twin, seed, cut = (
        perturbed(panel, future) for future in (after(CUT, 0), after(CUT, 0), after(CUT, 1), after(CUT - 1, 0))
    )
    names = ("close", "high", "amount", "adj_factor", "pb")
    for name in reversed(names):  # whatever is asked for first
        twin.field(name)
    for name in names:
        assert one.field(name).tobytes() == twin.field(name).tobytes()
        for other in (seed, cut):
            assert moved(one.field(name), other.field(name))[CUT + 1 :].any()
    for view in VIEWS.values():
        assert not moved(view(one), view(twin)).any()
        assert moved(view(one), view(seed)).any()


def test_nothing_is_copied_that_does_not_change(panel):
    other = perturbed(panel, after(CUT, 0).only(["close"]))
    assert other.fields["open"] is panel.fields["open"]
    assert other.fields["pb"] is panel.fields["pb"]
    assert (other.suspended is panel.suspended, other.st is panel.st) == (True, True)
    kept = perturbed(panel, same(len(panel.dates)))
    assert all(kept.fields[name] is panel.fields[name] for name in panel.fields)


def test_a_field_is_drawn_when_it_is_asked_for(panel):
    drawn = perturbed(panel, after(CUT, 0)).fields
    assert isinstance(drawn, DrawnFields) and drawn._held == {}
    assert drawn["close"] is drawn["close"]
    assert list(drawn._held) == ["close"]
    assert (list(drawn), len(drawn), "pb" in drawn, "nothing" in drawn) == (
        list(panel.fields), len(panel.fields), True, False,
    )  # fmt: skip


def test_a_drawn_market_cannot_be_taken_for_the_one_it_was_drawn_from(panel):
    prints = {perturbed(panel, future).fingerprint for future in (after(CUT, 0), after(CUT, 1), after(9, 0))}
    assert len(prints | {panel.fingerprint}) == 4


def test_every_part_of_a_panel_is_drawn_or_timeless():
    """A new part of the panel must be drawn anew too, or be named here because it says nothing of any later day."""
    drawn = {
        "fields", "suspended", "st", "list_index", "delist_index", "names", "indices", "index_amounts",
        "member_spans", "industry_spans", "events", "futures",
    }  # fmt: skip
    arrays = MarketPanel.from_arrays(np.arange(3), ["600000.SH"], {"close": np.ones((3, 1))})
    tables = {field.name for field in fields(arrays) if hasattr(getattr(arrays, field.name), "PARTS")}
    # ``coverage`` tells reports what the tables held; no decision of a run reads it.
    timeless = {"dates", "codes", "industry_names", "st_known", "simulated", "source", "fingerprint", "coverage"}
    assert {field.name for field in fields(MarketPanel)} == drawn | tables | timeless


def test_events_declared_by_the_cut_stay_and_later_ones_go(panel):
    events = panel.events
    other = perturbed(panel, after(CUT, 0)).events
    known = events.row <= CUT + 1
    assert 0 < known.sum() < len(known)
    for part in CorporateEvents.PARTS:
        values = getattr(other, part)
        np.testing.assert_array_equal(values[: known.sum()], getattr(events, part)[known])
    new = other.row[known.sum() :]
    assert len(new) and (new > CUT + 1).all() and (new < len(panel.dates)).all()
    assert (other.cash[known.sum() :] > 0).all()


def test_mergers_of_later_days_are_gone(panel):
    rows = np.array([[0.0, CUT + 1, 1, 0.5, 0], [2.0, CUT + 2, 3, 2, 1]]).T
    other = perturbed(replace(panel, conversions=Conversions(*rows)), after(CUT, 0)).conversions
    assert [getattr(other, part).tolist() for part in Conversions.PARTS] == [[0.0], [CUT + 1], [1.0], [0.5], [0.0]]


def test_drawn_futures_keep_their_rules_and_their_terms(panel):
    futures = perturbed(panel, after(CUT, 0)).futures
    later, traded = slice(CUT + 1, None), np.isfinite(panel.futures.close[:, CUT + 1 :])
    np.testing.assert_array_equal(np.isfinite(futures.close[:, later]), traded)
    high, low = futures.high[:, later][traded], futures.low[:, later][traded]
    for name in ("open", "close"):
        assert (high >= getattr(futures, name)[:, later][traded]).all()
        assert (low <= getattr(futures, name)[:, later][traded]).all()
    both = np.isfinite(futures.settle[:, CUT:-1]) & np.isfinite(futures.pre_settle[:, later])
    np.testing.assert_array_equal(futures.pre_settle[:, later][both], futures.settle[:, CUT:-1][both])
    assert futures.last_row is panel.futures.last_row and futures.codes is panel.futures.codes


class Scores:
    name = "memory"

    def __init__(self, panel):
        self.panel, self.reads = panel, 0

    def dates(self):
        return self.panel.dates[[CUT - 20, CUT, CUT + 1, CUT + 20]]

    def read(self, date):
        self.reads += 1
        return Signal(date, self.panel.codes, np.arange(len(self.panel.codes), dtype=float), {"proxy": False})


def test_scores_dated_after_the_cut_are_drawn_and_the_others_kept(panel):
    reader = DrawnScores(HeldScores(Scores(panel)), panel, after(CUT, 0))
    np.testing.assert_array_equal(reader.dates(), Scores(panel).dates())
    assert reader.name == "memory"
    for date in reader.dates():
        signal, plain = reader.read(date), Scores(panel).read(date)
        assert signal.meta == plain.meta and signal.date == date
        same = np.array_equal(signal.scores, plain.scores) and np.array_equal(signal.codes, plain.codes)
        assert same == (date <= panel.dates[CUT])
        assert set(signal.codes) <= set(plain.codes) and len(signal.codes) == len(signal.scores) > 0
        np.testing.assert_array_equal(signal.scores, reader.read(date).scores)
    kept = DrawnScores(HeldScores(Scores(panel)), panel, after(CUT, 0).only(["close"]))
    np.testing.assert_array_equal(kept.read(panel.dates[CUT + 1]).scores, np.arange(len(panel.codes)))


def test_drawn_scores_lack_some_stocks_but_never_all(panel):
    class One(Scores):
        def read(self, date):
            return replace(super().read(date), codes=panel.codes[:1], scores=np.ones(1))

    future = after(CUT, 0)
    for row in range(CUT + 1, CUT + 40):
        assert len(DrawnScores(One(panel), panel, future).read(panel.dates[row]).codes) == 1
        assert len(DrawnScores(Scores(panel), panel, future).read(panel.dates[row]).codes) < len(panel.codes)


def test_held_scores_are_read_once_and_cannot_be_spoiled(panel):
    scores = Scores(panel)
    held = HeldScores(scores)
    first = held.read(panel.dates[CUT])
    first.scores[:] = 0
    assert held.read(panel.dates[CUT]).scores[5] == 5.0
    assert scores.reads == 1


def test_what_a_fill_cannot_have_seen_follows_from_its_mode():
    assert unseen_by(SimpleNamespace()) == ("high", "low", "close", "volume", "amount")
    assert unseen_by(SimpleNamespace(execution="vwap")) == ("close",)
    assert unseen_by(SimpleNamespace(execution="close")) == ()
    assert unseen_by(SimpleNamespace(fill="pessimistic")) == ("close", "volume", "amount")
    assert unseen_by(SimpleNamespace(max_participation=0.1)) == ("high", "low", "close", "amount")
