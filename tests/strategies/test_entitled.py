"""The account on pay dates, admission dates and share exchanges, with dividend tax and on adjusted prices."""

from dataclasses import replace

import backtrader as bt
import numpy as np
import pytest

from feeds.adjusted import total_return
from feeds.events import Conversions, CorporateEvents
from strategies.execution.dividend_tax import TaxLots

A, B = "600000.SH", "600001.SH"
NAN = float("nan")


def with_events(panel, *events):
    """Return the panel with events (stock, row, shares, cash, rights, price, pay row, tradable row, taxed)."""
    return replace(panel, events=CorporateEvents(*np.array(events, "float64").T))


def with_exchange(panel, row, ratio, cash=0.0):
    """Return the panel with A's shares becoming shares of B."""
    return replace(panel, conversions=Conversions(*np.array([[0.0, row, 1.0, ratio, cash]]).T))


def test_a_dividend_is_owed_until_its_pay_date(market, play):
    panel = with_events(market({A: [10.0, 10.0, 9.5, 9.5, 9.5]}), (0, 2, 0, 0.5, 0, 0, 4, 2, 0))
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.nav["nav"].tolist() == [10_000] * 5
    assert played.nav["cash"].tolist() == [10_000, 0, 0, 0, 500]
    assert played.nav["receivable"].tolist() == [0, 0, 500, 500, 0]
    assert played.actions == [(2, A, "cash_dividend", 0, 0.0), (4, A, "dividend_paid", 0, 500.0)]


def test_who_sold_before_the_pay_date_is_paid_all_the_same(market, play):
    panel = with_events(market({A: [10.0, 10.0, 9.5, 9.5, 9.5]}), (0, 2, 0, 0.5, 0, 0, 4, 2, 0))
    played = play(panel, {0: [(A, 1000)], 2: [(A, -1000)]}, cash=10_000)
    assert played.nav["cash"].tolist() == [10_000, 0, 0, 9_500, 10_000]


def test_a_dividend_paid_after_the_run_stays_owed(market, play):
    panel = with_events(market({A: [10.0, 10.0, 9.5]}), (0, 2, 0, 0.5, 0, 0, 3, 2, 0))
    played = play(panel, {0: [(A, 1000)]}, cash=10_000)
    assert played.nav["nav"].iloc[-1] == 10_000 and played.nav["receivable"].iloc[-1] == 500


def test_new_shares_are_sold_once_they_are_admitted(market, play):
    # 10 for 5 on day 2; the new 500 trade from day 4 on. All 1,500 are ordered sold on day 2: 1,000 go on day 3.
    panel = with_events(market({A: [15.0, 15.0, 10.0, 10.0, 11.0, 11.0]}), (0, 2, 0.5, 0, 0, 0, 2, 4, 0))
    played = play(panel, {0: [(A, 1000)], 2: [(A, -1500)]}, cash=15_000)
    assert played.fills[["side", "shares", "price"]].to_numpy().tolist() == [
        ["buy", 1000, 15.0], ["sell", 1000, 10.0], ["sell", 500, 11.0],
    ]  # fmt: skip
    sale = played.orders.iloc[1]
    assert (sale["status"], sale["reason"]) == ("filled", "not admitted to trading yet")


def test_a_reinvested_dividend_is_whole_shares_at_the_ex_right_price(market, play):
    # 1,000 x 0.50 = 500 yuan at 9.50 are 52 shares and 6 yuan.
    panel = with_events(market({A: [10.0, 10.0, 9.5]}), (0, 2, 0, 0.5, 0, 0, 2, 2, 0))
    played = play(panel, {0: [(A, 1000)]}, cash=10_000, options={"dividends": "reinvest"})
    assert played.actions == [(2, A, "dividend_reinvested", 52, pytest.approx(6.0))]
    assert played.nav["nav"].iloc[-1] == pytest.approx(10_000)


def test_rights_may_be_left_to_lapse(market, play):
    # 10 for 3 at 8.00 against 11.00: ex-right (11 + 2.4) / 1.3 = 10.3077; the loss is 0.6923 a share.
    panel = with_events(market({A: [11.0, 11.0, 10.31]}), (0, 2, 0, 0, 0.3, 8.0, 2, 2, 0))
    taken = play(panel, {0: [(A, 1000)]}, cash=20_000)
    lost = play(panel, {0: [(A, 1000)]}, cash=20_000, options={"rights": "lapse"})
    assert [row[2:] for row in taken.actions] == [("rights_taken", 300, -2_400.0)]
    assert [row[2:] for row in lost.actions] == [("rights_lost", 0, 0.0)]
    assert taken.nav["nav"].iloc[-1] == pytest.approx(9_000 - 2_400 + 1_300 * 10.31)
    assert lost.nav["nav"].iloc[-1] == pytest.approx(9_000 + 1_000 * 10.31)


def test_dividend_tax_is_withheld_first_in_first_out_when_shares_are_sold():
    lots = TaxLots()
    lots.acquire(np.datetime64("2023-01-10"), 300)
    lots.acquire(np.datetime64("2024-01-05"), 200)
    lots.pay(np.datetime64("2024-01-10"), 1.0)
    lots.acquire(np.datetime64("2024-01-20"), 100)  # after the dividend: nothing to tax
    # On 2024-02-01: the 300 were held over a year, the 200 less than a month: 20 % of 1 yuan each.
    assert lots.release(np.datetime64("2024-02-01"), 400) == pytest.approx(100 * 0.2)
    # On 2024-03-01 the other 100 have been held for more than a month: 10 %.
    assert lots.release(np.datetime64("2024-03-01"), 200) == pytest.approx(100 * 0.1)
    assert not lots.lots


def test_lots_keep_their_time_and_their_dividends_through_an_exchange():
    old = TaxLots()
    old.acquire(np.datetime64("2023-01-10"), 300)
    old.acquire(np.datetime64("2024-01-05"), 100)
    old.pay(np.datetime64("2024-01-10"), 1.0)
    new = old.scaled(200)
    assert [(str(lot.day), lot.shares) for lot in new.lots] == [("2023-01-10", 150), ("2024-01-05", 50)]
    assert sum(lot.shares * taxable for lot in new.lots for _, taxable in lot.paid) == pytest.approx(400)


def test_the_tiers_are_those_of_the_day_the_dividend_was_recorded():
    # Held for two years: nothing is due of a dividend of 2016, 5 % of one of 2014.
    for day, tax in (("2016-05-10", 0.0), ("2014-05-10", 5.0)):
        lots = TaxLots()
        lots.acquire(np.datetime64(day) - 30, 100)
        lots.pay(np.datetime64(day), 1.0)
        assert lots.release(np.datetime64(day) + 700, 100) == pytest.approx(tax)


def test_the_account_withholds_the_tax_of_what_it_sells(market, play):
    # 1,000 shares bought on 2024-01-03, 0.50 yuan cash and 0.1 bonus share (face value 1 yuan) on day 2; all sold two
    # days later: 20 % of 0.60 x 1,000 = 120. The 100 new shares carry no dividend.
    panel = with_events(market({A: [10.5, 10.5, 9.09, 9.09, 9.09]}), (0, 2, 0.1, 0.5, 0, 0, 2, 2, 0.1))
    played = play(panel, {0: [(A, 1000)], 2: [(A, -1100)]}, cash=10_500, options={"dividend_tax": "holding"})
    assert played.actions[-1] == (3, A, "dividend_tax", 0, pytest.approx(-120.0))
    assert played.nav["cash"].iloc[-1] == pytest.approx(500 + 1_100 * 9.09 - 120)
    untaxed = play(panel, {0: [(A, 1000)], 2: [(A, -1100)]}, cash=10_500)
    assert untaxed.nav["cash"].iloc[-1] == pytest.approx(500 + 1_100 * 9.09)


def test_shares_that_are_delisted_are_not_taxed(market, play):
    panel = with_events(market({A: [10.5, 10.5, 10.0, NAN]}, delisted={A: 3}), (0, 2, 0, 0.5, 0, 0, 2, 2, 0))
    played = play(panel, {0: [(A, 1000)]}, cash=10_500, options={"dividend_tax": "holding"})
    assert [action[2] for action in played.actions] == ["cash_dividend", "delisting"]
    assert played.nav["cash"].tolist() == [10_500, 0, 500, 500]


def test_a_merger_turns_shares_into_those_of_the_other_code(market, play):
    # On day 2 each A, last at 11.00, becomes 0.56 B and 0.24 yuan: carried at (11 - 0.24) / 0.56 = 19.2142...; B closes
    # at 20. 150 shares: 84 of B and 36 yuan.
    closes = {A: [10.0, 11.0, NAN, NAN], B: [19.0, 19.0, 20.0, 20.0]}
    panel = market(closes, {A: [10.0, 10.0, NAN, NAN]}, delisted={A: 2})
    played = play(
        with_exchange(panel, 2, 0.56, 0.24), {0: [(A, 150)], 1: [(A, -150)]}, cash=1_500, options={"lots": "share"}
    )
    assert played.actions == [
        (2, A, "exchanged_out", -150, pytest.approx(36.0)), (2, B, "exchanged_in", 84, 0.0),
    ]  # fmt: skip
    assert played.orders[["side", "status", "reason"]].to_numpy().tolist()[1] == ["sell", "expired", "code changed"]
    assert played.nav["nav"].tolist() == pytest.approx([1_500, 1_650, 36 + 84 * 20, 36 + 84 * 20])
    assert {feed._name: position.size for feed, position in played.broker.positions.items()} == {B: 84}
    assert played.broker.holdings[1].position.price == pytest.approx((1_500 - 36) / 84)


def test_an_exchange_is_worth_what_it_was_while_the_new_code_is_suspended(market, play):
    panel = market({A: [10.0, 11.0, NAN, NAN], B: [19.0, 19.0, NAN, 21.0]}, delisted={A: 2})
    played = play(with_exchange(panel, 2, 0.5), {0: [(A, 101)]}, cash=2_000, options={"lots": "share"})
    # 50 B at 22 and half a share of 22 yuan in cash.
    assert played.nav["nav"].iloc[1:3].tolist() == pytest.approx([2_000, 2_000])
    assert played.nav["nav"].iloc[3] == pytest.approx(2_000 - 1_111 + 11 + 50 * 21)


class Trades(bt.Analyzer):
    """Code and profit of every closed trade."""

    def start(self):
        self.closed = []

    def notify_trade(self, trade):
        if trade.isclosed:
            self.closed.append((trade.data._name, pytest.approx(trade.pnl)))

    def get_analysis(self):
        return self.closed


def test_the_trade_of_the_old_code_ends_at_its_value_and_that_of_the_new_begins_there(market, play):
    # Bought at 10.00, last at 11.00; two A are one B, carried at 22.00 and sold at 24.00.
    closes = {A: [10.0, 11.0, NAN, NAN], B: [20.0, 20.0, 23.0, 24.0]}
    panel = market(closes, {A: [10.0, 10.0, NAN, NAN]}, delisted={A: 2})
    plan = {0: [(A, 200)], 2: [(B, -100)]}
    played = play(with_exchange(panel, 2, 0.5), plan, cash=2_000, analyzers={"trades": Trades})
    assert played.trades == [(A, 200.0), (B, 200.0)]
    assert played.nav["cash"].iloc[-1] == 2_400


def test_adjusted_prices_hold_what_events_would_give(market):
    factor = [1.0, 1.0, 2.0, 2.0]
    panel = market(
        {A: [10.0, 10.0, 5.0, 5.5]}, adj_factor={A: factor}, up_limit={A: [11.0, 11.0, 5.5, 5.5]},
        vol={A: [100, 100, 200, 200]}, events=[(A, 2, {"shares": 1.0})],
    )  # fmt: skip
    adjusted = total_return(panel)
    assert adjusted.field("close")[:, 0].tolist() == [10, 10, 10, 11]
    assert adjusted.field("up_limit")[:, 0].tolist() == [11, 11, 11, 11]
    assert adjusted.field("vol")[:, 0].tolist() == [100, 100, 100, 100]
    assert adjusted.field("adj_factor")[:, 0].tolist() == [1, 1, 1, 1]
    assert len(adjusted.events.row) == 0
    assert panel.field("close")[2, 0] == 5.0  # the raw market is left as it was


def test_an_exchange_keeps_its_value_on_adjusted_prices(market, play):
    # A's factor is 2 and B's 4 when one share of A becomes 0.5 of B: adjusted 22 -> 0.25 adjusted shares of 88.
    panel = market(
        {A: [20.0, 11.0, NAN], B: [80.0, 20.0, 22.0]}, adj_factor={A: [1.0, 2.0, 2.0], B: [1.0, 4.0, 4.0]},
        delisted={A: 2},
    )  # fmt: skip
    adjusted = total_return(with_exchange(panel, 2, 0.5))
    assert adjusted.conversions.ratio.tolist() == [0.25]
    played = play(adjusted, {0: [(A, 100)]}, cash=2_200)
    assert played.nav["nav"].iloc[-1] == pytest.approx(2_200)


@pytest.mark.parametrize("scale", [1.0, 0.05, 100.0])
def test_adjusted_prices_begin_at_those_of_the_exchange_whatever_the_vendors_factor_is(market, play, scale):
    # Half a tick below a limit of 11.00 is the limit; 10.90 is not, also where factors end at 1 and begin far below.
    factor = [scale, scale, 2 * scale]
    panel = market({A: [10.0, 10.9, 6.0]}, adj_factor={A: factor}, up_limit={A: [NAN, 11.0, NAN]})
    adjusted = total_return(panel)
    assert adjusted.field("close")[:, 0].tolist() == pytest.approx([10.0, 10.9, 12.0])
    played = play(adjusted, {0: [(A, 1000)]}, cash=10_900)
    assert played.nav["nav"].tolist() == pytest.approx([10_900, 10_900, 12_000])
