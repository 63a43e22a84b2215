import runpy
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from feeds.errors import ConfigError, DataError
from feeds.futures import FuturesPanel
from feeds.futures_terms import CffexTerms
from feeds.panel import MarketPanel
from strategies.execution.futures import FuturesAccount
from strategies.execution.hedge import Hedge, HedgeConfig, Order, lots_to_cut
from strategies.execution.index_short import IndexShort

SUPPORT = runpy.run_path(str(Path(__file__).with_name("futures_support.py")))
futures_of, PlainTerms = SUPPORT["futures_of"], SUPPORT["PlainTerms"]
NAN = np.nan
# Fourteen days; the contracts' last ones are rows 4, 9 and 12, and beyond.
MONTHS = {"IF2402.CFX": 4, "IF2403.CFX": 9, "IF2404.CFX": 12, "IF2406.CFX": 60, "IF2409.CFX": 120}
T = 14
FEB, MAR, APR, JUN, SEP = range(5)


def panel_of(futures: FuturesPanel, closes=None, index=None, dates=None, **fields) -> MarketPanel:
    days = len(index) if index is not None else futures.open.shape[1] or T
    closes = {"000001.SZ": [10.0] * days} if closes is None else closes
    return MarketPanel.from_arrays(
        np.busday_offset(np.datetime64("2024-01-02"), np.arange(days)) if dates is None else dates,
        sorted(closes),
        {"close": np.array([closes[code] for code in sorted(closes)]).T, **fields},
        indices={"000300.SH": np.full(days, 4000.0) if index is None else np.array(index, "float64")},
        futures=futures,
    )


def months(settle=4000.0, **given) -> FuturesPanel:
    return futures_of({code: [settle] * T for code in MONTHS}, **{"last": MONTHS, **given})


def hedge_of(panel=None, first=0, last=None, terms=None, **options) -> Hedge:
    panel = panel_of(months()) if panel is None else panel
    config = HedgeConfig(**{"kind": "IF", **options})
    return Hedge(config, panel, terms or PlainTerms(), first, len(panel.dates) - 1 if last is None else last)


# -- how many lots ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "options", "beta", "lots"),
    [
        (12_000_000.0, {}, 1.0, -10),  # a lot is 300 x 4,000 = 1,200,000 yuan
        (12_500_000.0, {}, 1.0, -10),  # 10.42
        (12_700_000.0, {}, 1.0, -11),  # 10.58
        (12_600_000.0, {}, 1.0, -10),  # 10.5: half goes toward zero
        (13_800_000.0, {}, 1.0, -11),  # 11.5: always
        (600_000.0, {}, 1.0, 0),
        (0.0, {}, 1.0, 0),
        (12_000_000.0, {"ratio": 0.5}, 1.0, -5),
        (12_000_000.0, {}, 1.3, -13),
        (12_000_000.0, {"ratio": 0.5}, 1.3, -6),  # 6.5
        (12_000_000.0, {}, -0.4, 0),  # no long against a negative beta
    ],
)
def test_lots_are_the_nearest_to_the_value_and_half_goes_toward_zero(value, options, beta, lots):
    assert hedge_of(**options).target_lots(value, 4000.0, 300.0, beta) == lots


def test_the_share_in_stocks_leaves_room_for_the_margin_and_its_buffer():
    # 1 / (1 + 0.10 x 2), with twice the ratio, with beta, with the broker's two points, half or no buffer.
    assert hedge_of().invested_share(0) == pytest.approx(1 / 1.20)
    assert hedge_of(ratio=2).invested_share(0) == pytest.approx(1 / 1.40)
    assert hedge_of().invested_share(0, beta=0.8) == pytest.approx(1 / 1.16)
    assert hedge_of(margin_add=0.02).invested_share(0) == pytest.approx(1 / 1.24)
    assert hedge_of(margin_buffer=0.5).invested_share(0) == pytest.approx(1 / 1.15)
    assert hedge_of(margin_buffer=0).invested_share(0) == pytest.approx(1 / 1.10)
    assert hedge_of(kind="index").invested_share(0) == 1.0


def test_the_share_in_stocks_falls_with_the_margin_of_the_day():
    dates = np.array(["2015-08-25", "2015-08-31", "2015-09-07", "2015-09-08"], "datetime64[D]")
    panel = panel_of(futures_of({"IF1510.CFX": [3300.0] * 4}), index=[3300.0] * 4, dates=dates)
    hedge = hedge_of(panel, terms=CffexTerms())
    shares = [hedge.invested_share(row) for row in range(3)]
    assert shares == pytest.approx([1 / 1.2, 1 / 1.6, 1 / 1.8])  # margin 10 %, 30 %, 40 %


# -- beta --------------------------------------------------------------------------------------------------------


def returns_panel(index_returns, *stock_returns, factors=None, gaps=()):
    """A panel from daily returns: stocks begin at 10, the index at 4,000; ``gaps`` are (stock, rows) without a bar."""
    days = len(index_returns) + 1
    closes = {f"00000{n}.SZ": 10 * np.cumprod([1, *(1 + r)]) for n, r in enumerate(stock_returns)}
    for stock, rows in gaps:
        closes[f"00000{stock}.SZ"][rows] = NAN
    index = 4000 * np.cumprod([1, *(1 + index_returns)])
    fields = {} if factors is None else {"adj_factor": np.array(factors).T}
    return panel_of(FuturesPanel.none(), closes, index, **fields), days - 1


def beta_of(panel, row, columns, weights, days=20):
    hedge = hedge_of(panel, kind="index", sizing="beta", beta_days=days, first=days)
    return hedge.beta(row, np.array(columns), np.array(weights))


MARKET = 0.01 * np.resize([1.0, -1.0, 2.0, -2.0], 24)


def test_a_books_beta_is_that_of_its_weights():
    panel, row = returns_panel(MARKET, 1.5 * MARKET, 0.5 * MARKET)
    assert beta_of(panel, row, [0], [0.1]) == pytest.approx(1.5)
    assert beta_of(panel, row, [0, 1], [0.4, 0.4]) == pytest.approx(1.0)
    assert beta_of(panel, row, [0, 1], [0.3, 0.1]) == pytest.approx(1.25)


def test_beta_looks_at_the_last_sessions_only():
    panel, row = returns_panel(MARKET, np.where(np.arange(24) < 4, -3 * MARKET, 2 * MARKET))
    assert beta_of(panel, row, [0], [1.0], days=20) == pytest.approx(2.0)
    assert beta_of(panel, row, [0], [1.0], days=24) < 1.5


def test_beta_sees_returns_not_the_drops_of_dividends():
    halved = np.append(1.5 * MARKET[:-1], -0.5)  # two shares for one on the last day
    panel, row = returns_panel(np.append(MARKET[:-1], 0.0), halved, factors=[[1.0] * 24 + [2.0]])
    assert beta_of(panel, row, [0], [1.0]) == pytest.approx(1.5, abs=1e-3)


def test_a_suspended_day_counts_as_no_move_and_the_next_as_the_whole():
    # The market moves +1 %, -1 %, +2 %, -2 %, ...; the stock as it does, but for ten days without a bar.
    panel, row = returns_panel(MARKET, MARKET, gaps=[(0, slice(5, 15))])
    close = panel.fields["close"][0]
    own = np.zeros(20)
    own[10:] = MARKET[-10:]
    own[10] = close[15] / close[4] - 1
    market = MARKET[-20:]
    expected = np.cov(own, market, bias=True)[0, 1] / market.var()
    assert beta_of(panel, row, [0], [1.0]) == pytest.approx(expected)
    assert 0.3 < expected < 0.8


def test_a_day_before_a_stocks_first_close_counts_as_the_index():
    panel, row = returns_panel(MARKET, 3 * MARKET, gaps=[(0, slice(0, 16))])
    market = MARKET[-20:]
    own = np.append(market[:12], 3 * market[12:])
    assert beta_of(panel, row, [0], [1.0]) == pytest.approx(np.cov(own, market, bias=True)[0, 1] / market.var())
    panel, row = returns_panel(MARKET, 3 * MARKET, gaps=[(0, slice(0, 24))])
    assert beta_of(panel, row, [0], [1.0]) == pytest.approx(1.0)


def test_a_book_of_nothing_a_still_index_and_a_hedge_by_notional_have_a_beta_of_one():
    panel, row = returns_panel(np.zeros(24), 2 * MARKET)
    assert beta_of(panel, row, [0], [1.0]) == 1.0
    panel, row = returns_panel(MARKET, 2 * MARKET)
    assert beta_of(panel, row, [], []) == 1.0
    assert hedge_of(panel, kind="index").beta(row, np.array([0]), np.array([1.0])) == 1.0


# -- which contract, and when it rolls ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "contracts"),
    [
        # February's last day is row 4: with two days before it, the roll is at the open of row 2, decided at row 1.
        ({}, [FEB, MAR, MAR, MAR, MAR, MAR, APR, APR, APR, JUN, JUN]),
        ({"roll_days": 0}, [FEB, FEB, FEB, MAR, MAR, MAR, MAR, MAR, APR, APR, APR]),
        ({"roll_days": 5}, [MAR, MAR, MAR, APR, APR, APR, JUN, JUN, JUN, JUN, JUN]),
        ({"contract": "next"}, [MAR, APR, APR, APR, APR, APR, JUN, JUN, JUN, SEP, SEP]),
        ({"contract": "quarter"}, [MAR, MAR, MAR, MAR, MAR, MAR, JUN, JUN, JUN, JUN, JUN]),
    ],
)
def test_the_contract_to_hold_is_known_from_the_last_days(options, contracts):
    hedge = hedge_of(**options)
    assert [hedge.contract(row) for row in range(11)] == contracts


def test_a_roll_closes_the_old_contract_and_opens_the_new_one_with_as_many_lots():
    hedge = hedge_of()
    assert hedge.decide(0, {FEB: -10}, 12_000_000.0) == []
    assert hedge.decide(1, {FEB: -10}, 12_000_000.0) == [Order(FEB, 10, "roll"), Order(MAR, -10, "roll")]
    assert hedge.decide(2, {MAR: -10}, 12_000_000.0) == []


def test_half_a_roll_is_finished_the_next_day():
    assert hedge_of().decide(2, {FEB: -10, MAR: -4}, 16_800_000.0) == [Order(FEB, 10, "roll"), Order(MAR, -10, "roll")]
    assert hedge_of().decide(2, {FEB: -10}, 12_000_000.0) == [Order(FEB, 10, "roll"), Order(MAR, -10, "roll")]


def test_lots_follow_a_rebalanced_book_to_the_lot_and_another_only_beyond_the_band():
    hedge = hedge_of(band=0.1)
    assert hedge.decide(0, {}, 12_000_000.0, rebalanced=True) == [Order(FEB, -10, None)]
    assert hedge.decide(0, {FEB: -10}, 10_950_000.0, rebalanced=True) == [Order(FEB, 1, None)]  # 9.125 lots
    assert hedge.decide(0, {FEB: -10}, 10_950_000.0) == []  # off by 9.6 % of 9.125
    assert hedge.decide(0, {FEB: -10}, 10_800_000.0) == [Order(FEB, 1, None)]  # off by 11.1 % of 9
    assert hedge.decide(0, {FEB: -10}, 13_200_000.0) == []  # off by 9.1 % of 11
    assert hedge.decide(0, {FEB: -10}, 13_440_000.0) == [Order(FEB, -1, None)]  # off by 10.7 % of 11.2
    assert hedge.decide(0, {FEB: -10}, 0.0) == [Order(FEB, 10, None)]
    assert hedge.decide(0, {}, 0.0) == []


def test_a_rebalance_at_a_roll_takes_the_new_size_with_it():
    orders = hedge_of().decide(1, {FEB: -10}, 8_400_000.0, rebalanced=True)
    assert orders == [Order(FEB, 10, "roll"), Order(MAR, -7, "roll")]


def test_lots_are_sized_by_the_last_settlement_of_the_contract_to_hold():
    settles = {code: [4000.0] * T for code in MONTHS} | {"IF2403.CFX": [4000.0, 5000.0, NAN] + [9999.0] * (T - 3)}
    hedge = hedge_of(panel_of(futures_of(settles, last=MONTHS)))
    assert hedge.decide(1, {}, 15_000_000.0, rebalanced=True) == [Order(MAR, -10, None)]
    assert hedge.decide(2, {}, 15_000_000.0, rebalanced=True) == [Order(MAR, -10, None)]


def test_beta_sizes_the_lots():
    assert hedge_of().decide(0, {}, 12_000_000.0, beta=0.8, rebalanced=True) == [Order(FEB, -8, None)]


def test_nothing_after_a_row_changes_its_decisions():
    random = np.random.default_rng(5)
    index = 4000 * np.cumprod(1 + 0.01 * random.standard_normal(60))
    closes = {f"00000{n}.SZ": 10 * np.cumprod(1 + 0.02 * random.standard_normal(60)) for n in range(3)}
    last = {"IF2402.CFX": 35, "IF2403.CFX": 58, "IF2406.CFX": 90}
    settles = {code: index * (1 - 0.01 * n) for n, code in enumerate(last)}
    changed = {
        name: {code: np.where(np.arange(60) > 32, 7.0 + np.arange(60), values) for code, values in given.items()}
        for name, given in {"closes": closes, "settles": settles, "index": {"": index}}.items()
    }

    def told(closes, settles, index):
        panel = panel_of(futures_of(settles, last=last), closes, index)
        hedge = hedge_of(panel, first=25, sizing="beta", beta_days=20)
        beta = hedge.beta(32, np.array([0, 1, 2]), np.array([0.2, 0.3, 0.5]))
        orders = hedge.decide(32, {0: -10}, 3e7, beta=beta, rebalanced=True, free_cash=1e6)
        return beta, orders, hedge.invested_share(32, beta)

    first = told(closes, settles, index)
    assert first == told(changed["closes"], changed["settles"], changed["index"][""])
    assert first[1][0] == Order(0, 10, "roll") and 0.01 < abs(first[0]) < 2


# -- margin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free_cash", "lots", "cut"),
    [
        (0.0, -10, 0),
        (500.0, -10, 0),
        (-1.0, -10, 1),
        (-120_000.0, -10, 1),
        (-120_001.0, -10, 2),
        (-9e9, -10, 10),
        (-1.0, 0, 0),
    ],
)
def test_a_lack_of_cash_is_made_good_by_the_margin_of_whole_lots(free_cash, lots, cut):
    assert lots_to_cut(free_cash, 120_000.0, lots) == cut


def test_a_margin_call_cuts_lots_at_the_next_open():
    hedge = hedge_of()  # 120,000 yuan of margin a lot
    assert hedge.decide(0, {FEB: -10}, 12_000_000.0, free_cash=-300_000.0) == [Order(FEB, 3, "forced")]
    assert hedge.decide(0, {FEB: -10}, 12_000_000.0, free_cash=-9e9) == [Order(FEB, 10, "forced")]
    # A smaller book asks for more than the call does.
    assert hedge.decide(0, {FEB: -10}, 6_000_000.0, free_cash=-300_000.0) == [Order(FEB, 5, None)]
    rolled = hedge.decide(1, {FEB: -10}, 12_000_000.0, free_cash=-300_000.0)
    assert rolled == [Order(FEB, 10, "roll"), Order(MAR, -7, "roll")]


def test_a_margin_call_counts_the_days_rate_and_the_brokers_part():
    dates = np.array(["2015-09-02", "2015-09-07", "2015-09-08"], "datetime64[D]")
    panel = panel_of(futures_of({"IF1510.CFX": [3300.0] * 3}), index=[3300.0] * 3, dates=dates)
    hedge = hedge_of(panel, terms=CffexTerms(), margin_add=0.1)
    value = 990_000.0 * 10  # 40 % and the broker's 10 %: 495,000 yuan a lot
    assert hedge.decide(1, {0: -10}, value, free_cash=-990_001.0) == [Order(0, 3, "forced")]
    assert hedge.decide(0, {0: -10}, value, free_cash=-990_001.0) == [Order(0, 3, "forced")]  # 396,000 a lot


def test_a_hedge_grows_no_further_than_free_cash_covers_its_margin():
    hedge = hedge_of()
    assert hedge.decide(0, {FEB: -4}, 12_000_000.0, free_cash=370_000.0) == [Order(FEB, -3, None)]
    assert hedge.decide(0, {FEB: -4}, 12_000_000.0, free_cash=119_999.0) == []
    assert hedge.decide(0, {}, 12_000_000.0, rebalanced=True, free_cash=1_200_000.0) == [Order(FEB, -10, None)]
    assert hedge.decide(0, {FEB: -10}, 6_000_000.0, rebalanced=True, free_cash=0.0) == [Order(FEB, 5, None)]


# -- what the market refuses -------------------------------------------------------------------------------------


def hedge_with(open_=4000.0, vol=1e5, last=10**6, first=0, code="IF2402.CFX") -> Hedge:
    """A hedge whose first contract has a bar of its own on the second of three days, settled at 4,000 before."""
    settles = {code: [4000.0] * 3, "IF2512.CFX": [4000.0] * 3}
    bar = {"opens": {code: [4000.0, open_, 4000.0]}, "vol": {code: [1e5, vol, 1e5]}}
    futures = futures_of(settles, **bar, last={code: last}, first={code: first})
    return hedge_of(panel_of(futures))


@pytest.mark.parametrize(
    ("bar", "lots", "reason"),
    [
        ({"open_": 4000.0}, -10, ""),
        ({"open_": NAN}, -10, "no bar"),
        ({"open_": 4000.0, "vol": 0.0}, -10, "no volume"),
        ({"open_": 4000.0, "vol": NAN}, 10, "no volume"),
        ({"open_": 3600.0}, -10, "limit down at open"),  # 10 % below the settlement before
        ({"open_": 3600.2}, -10, ""),
        ({"open_": 3600.0}, 10, ""),
        ({"open_": 4400.0}, 10, "limit up at open"),
        ({"open_": 4399.8}, 10, ""),
        ({"open_": 4400.0}, -10, ""),
        ({"open_": 3600.0, "last": 1}, -10, ""),  # 20 % on the last day
        ({"open_": 3200.0, "last": 1}, -10, "limit down at open"),
        ({"open_": 3600.0, "first": 1, "code": "IF2403.CFX"}, -10, ""),  # and on a quarter month's first
        ({"open_": 3600.0, "first": 1, "code": "IF2404.CFX"}, -10, "limit down at open"),
    ],
)
def test_a_contract_without_trade_or_locked_against_us_is_not_traded(bar, lots, reason):
    assert hedge_with(**bar).refusal(0, lots, 1) == reason


def test_a_first_day_without_a_settlement_before_it_has_no_limit():
    assert hedge_with().refusal(0, -10, 0) == ""


def test_a_roll_trades_both_its_contracts_or_none():
    opens = {"IF2403.CFX": [4000.0, 4000.0, NAN] + [4000.0] * (T - 3)}
    hedge = hedge_of(panel_of(months(opens=opens)))
    roll = [Order(FEB, 10, "roll"), Order(MAR, -10, "roll")]
    assert hedge.refusals(roll, 2) == {FEB: "no bar of the roll's other contract", MAR: "no bar"}
    assert hedge.refusals(roll, 3) == {}
    assert hedge.refusals([Order(MAR, -10, None)], 2) == {MAR: "no bar"}
    assert hedge.refusals([], 2) == {}


# -- refusals before the run -------------------------------------------------------------------------------------


def test_a_future_without_month_contracts_is_refused_with_what_to_do_instead():
    with pytest.raises(ConfigError) as refused:
        hedge_of(panel_of(FuturesPanel.none()))
    assert str(refused.value) == (
        "hedge IF must have month contracts in fut_basic and fut_daily, was without them (see: --hedge index)"
    )
    main = futures_of({"IF.CFX": [4000.0] * T})
    with pytest.raises(ConfigError) as refused:
        hedge_of(panel_of(main))
    assert str(refused.value) == (
        "hedge IF must have month contracts in fut_basic and fut_daily, was without them "
        "(see: --hedge index, or hedge_series: main to estimate with IF.CFX)"
    )


def test_a_run_with_a_day_without_a_contract_or_its_prices_is_refused():
    with pytest.raises(ConfigError, match=r"must have a near contract to hold on every day, was .* on 2024-01-02"):
        hedge_of(panel_of(months(first=dict.fromkeys(MONTHS, 1))))
    hedge_of(panel_of(months(first=dict.fromkeys(MONTHS, 1))), first=1)
    only = {"IF2402.CFX": 4}
    with pytest.raises(ConfigError, match=r"must have a near contract .* on 2024-01-03"):
        hedge_of(panel_of(futures_of({"IF2402.CFX": [4000.0] * T}, last=only)))
    # Six sessions without a settlement: the data have ended. Five may be a gap.
    ended = {code: [4000.0] * 3 + [NAN] * (T - 3) for code in MONTHS}
    with pytest.raises(ConfigError, match="was without its prices on 2024-01-12"):
        hedge_of(panel_of(futures_of(ended, last=MONTHS)))
    hedge_of(panel_of(futures_of(ended, last=MONTHS)), last=8)


def test_a_run_without_the_index_or_its_past_is_refused():
    with pytest.raises(DataError, match=r"index must be one of 000300\.SH, was 000905\.SH"):
        hedge_of(panel_of(months()), kind="IC")
    with pytest.raises(DataError, match=r"index must be one of 000300\.SH, was 000001\.SH"):
        hedge_of(panel_of(months()), kind="index", index="000001.SH")
    index = np.full(T, 4000.0)
    index[5] = NAN
    with pytest.raises(ConfigError, match=r"hedge index 000300\.SH must have a close .* missing on 2024-01-09"):
        hedge_of(panel_of(months(), index=index))
    hedge_of(panel_of(months(), index=index), first=6)
    panel, _ = returns_panel(MARKET, MARKET)
    with pytest.raises(ConfigError, match="hedge by beta must have 20 sessions before the run, was 19"):
        hedge_of(panel, kind="index", sizing="beta", beta_days=20, first=19)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"series": "main", "contract": "next"}, "dated for contract next"),
        ({"ratio": 0}, "greater than 0"),
        ({"kind": "TF"}, "'none', 'index', 'IF', 'IH', 'IC' or 'IM'"),
        ({"rolldays": 2}, "Extra inputs are not permitted"),
    ],
)
def test_an_option_that_breaks_its_rule_is_refused(options, rule):
    with pytest.raises(ValidationError, match=rule):
        HedgeConfig(**options)


# -- kinds -------------------------------------------------------------------------------------------------------


def test_a_main_series_is_hedged_with_as_one_contract_that_needs_no_roll():
    hedge = hedge_of(panel_of(futures_of({"IF.CFX": [4000.0] * T})), series="main")
    assert [hedge.contract(row) for row in range(T)] == [0] * T
    assert hedge.decide(0, {}, 12_000_000.0, rebalanced=True) == [Order(0, -10, None)]
    assert "roll days estimated" in hedge.facts()["hedge_series"]


def test_a_main_series_that_ends_before_the_run_is_refused():
    main = futures_of({"IF.CFX": [4000.0] * 5 + [NAN] * (T - 5)})
    with pytest.raises(ConfigError, match="hedge IF must have a near contract to hold on every day"):
        hedge_of(panel_of(main), series="main")


def test_an_account_is_made_for_the_kind():
    account = hedge_of(margin_add=0.02, slippage_ticks=1.0).account()
    assert isinstance(account, FuturesAccount)
    fill = account.trade(FEB, -10, 4000.0, 0)
    assert (fill.price, fill.margin) == pytest.approx((3999.8, 0.12 * 10 * 300 * 3999.8))
    short = hedge_of(kind="index").account()
    assert isinstance(short, IndexShort) and short.code == "000300.SH"


def test_the_facts_say_what_is_hedged_how_and_what_is_estimated():
    facts = hedge_of(sizing="beta", beta_days=20, ratio=0.5, panel=panel_of(months()), first=20, last=20).facts()
    assert facts["hedge"] == "IF" and facts["hedge_index"] == "000300.SH"
    assert facts["hedge_size"] == "0.5 x their beta of 20 sessions"
    assert facts["hedge_series"] == "near contract, rolled 2 sessions before its last day"
    assert facts["hedge_settled_at"] == "settlements"
    assert "without margin" in hedge_of(kind="index").facts()["hedge_series"]
