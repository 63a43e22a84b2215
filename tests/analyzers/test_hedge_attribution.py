import numpy as np
import pandas as pd
import pytest

from analyzers.conventions import METRICS
from analyzers.hedge import attribution, hedge_metrics, profit_by_date, stock_book
from feeds.building import build_panel
from feeds.errors import ConfigError, DataError
from feeds.futures_terms import CffexTerms
from feeds.sources.simulated import SimulatedMarket
from feeds.store import Store, import_source
from strategies.execution.futures import LedgerRow, ledger_frame
from strategies.execution.hedge import Hedge, HedgeConfig

DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], "datetime64[D]")
DATES = pd.DatetimeIndex(DAYS)
INDEX = pd.Series([3900.0, 4000.0, 3960.0, 4039.2], DATES)  # up before there is anything to hedge, -1 %, +2 %
OLD, NEW = "IF2401.CFX", "IF2402.CFX"
NAN = np.nan
# Ten lots of 300 yuan a point, sold on the second day and rolled on the fourth.
LEDGER = ledger_frame(
    [
        LedgerRow(1, OLD, "open", -10, 4000.0, 4010.0, 0.0, 30_000.0, 0.0, 1_200.0),
        LedgerRow(1, OLD, "settle", -10, 4000.0, NAN, -12_000_000.0, 0.0, 1_200_000.0, 0.0),
        LedgerRow(2, OLD, "settle", -10, 3970.0, NAN, -11_910_000.0, 90_000.0, 1_191_000.0, 0.0),
        LedgerRow(3, OLD, "roll", 10, 4040.0, 4030.0, 0.0, 30_000.0, 0.0, 1_200.0),
        LedgerRow(3, OLD, "settle", 0, 4040.0, NAN, 0.0, -210_000.0, 0.0, 0.0),
        LedgerRow(3, NEW, "roll", -10, 4035.0, 4020.0, 0.0, -45_000.0, 0.0, 1_200.0),
        LedgerRow(3, NEW, "settle", -10, 4035.0, NAN, -12_105_000.0, 0.0, 1_210_500.0, 0.0),
    ],
    DAYS,
)
# The stocks move 1.5 times as the index does.
NAV = pd.DataFrame(
    {
        "date": DATES,
        "nav": [12_000_000.0, 12_020_800.0, 11_960_800.0, 12_028_900.0],
        "stock_value": [0.0, 10_000_000.0, 9_850_000.0, 10_145_500.0],
    }
)


# A roll that waited a day, a cut that was filled, and a stock's order that never was.
ORDERS = pd.DataFrame(
    [(OLD, 10, 0), (NEW, 10, 0), (OLD, 10, 10), (NEW, 10, 10), ("600000.SH", 500, 0)],
    columns=["ts_code", "wanted", "filled"],
)


def test_the_stocks_profit_is_the_change_of_the_account_less_the_hedges():
    assert profit_by_date(LEDGER, DATES).tolist() == [0.0, 28_800.0, 90_000.0, -227_400.0]
    book = stock_book(NAV, LEDGER)
    assert book["profit"].tolist() == pytest.approx([0.0, -8_000.0, -150_000.0, 295_500.0])
    assert book["value"].tolist() == NAV["stock_value"].tolist()


def test_a_hedges_profit_is_split_into_index_basis_and_costs():
    parts = attribution(LEDGER, INDEX, stock_book(NAV, LEDGER))
    assert parts.index.equals(DATES.rename("date"))
    # The index fell 1 % on 12,000,000 yuan; the future fell 30 points to its 40. Then +2 % on 11,910,000.
    assert parts["index_move"].tolist() == pytest.approx([0.0, 0.0, 120_000.0, -238_200.0])
    assert parts["basis"].tolist() == pytest.approx([0.0, 0.0, -30_000.0, 28_200.0])
    assert parts["costs"].tolist() == pytest.approx([0.0, 28_800.0, 0.0, -17_400.0])
    assert parts["profit"].tolist() == pytest.approx([0.0, 28_800.0, 90_000.0, -227_400.0])


def test_what_is_left_in_the_market_is_the_stocks_beta_less_the_ratio_in_force():
    parts = attribution(LEDGER, INDEX, stock_book(NAV, LEDGER))
    assert np.isnan(parts["ratio"].iloc[:2]).all()
    assert parts["ratio"].iloc[2:].tolist() == pytest.approx([1.2, 11.91 / 9.85])
    # (1.5 - 1.2) x -1 % x 10,000,000 and (1.5 x 9,850,000 - 11,910,000) x 2 %
    assert parts["residual_beta"].tolist() == pytest.approx([0.0, 0.0, -30_000.0, 57_300.0])


def test_a_delivery_costs_its_fee_and_a_day_without_a_price_moves_the_basis_alone():
    ledger = ledger_frame(
        [
            LedgerRow(1, OLD, "settle", -10, 4000.0, NAN, -12_000_000.0, 0.0, 1_200_000.0, 0.0),
            LedgerRow(2, OLD, "settle", -10, 4000.0, NAN, -12_000_000.0, 0.0, 1_200_000.0, 0.0),
            LedgerRow(3, OLD, "settle", 0, 4040.0, NAN, 0.0, -120_000.0, 0.0, 0.0),
            LedgerRow(3, OLD, "delivery", 10, 4040.0, 4040.0, 0.0, 0.0, 0.0, 1_212.0),
        ],
        DAYS,
    )
    parts = attribution(ledger, INDEX, stock_book(NAV, ledger))
    assert parts["index_move"].tolist() == pytest.approx([0.0, 0.0, 120_000.0, -240_000.0])
    assert parts["basis"].tolist() == pytest.approx([0.0, 0.0, -120_000.0, 120_000.0])
    assert parts["costs"].tolist() == pytest.approx([0.0, 0.0, 0.0, -1_212.0])


def test_an_ideal_short_has_an_index_part_only():
    ledger = ledger_frame(
        [
            LedgerRow(1, "000300.SH", "settle", -2500.0, 4000.0, NAN, -10_000_000.0, 0.0),
            LedgerRow(2, "000300.SH", "settle", -2500.0, 3960.0, NAN, -9_900_000.0, 100_000.0),
            LedgerRow(3, "000300.SH", "settle", -2500.0, 4039.2, NAN, -10_098_000.0, -198_000.0),
        ],
        DAYS,
    )
    parts = attribution(ledger, INDEX, stock_book(NAV, ledger))
    assert parts["index_move"].tolist() == pytest.approx([0.0, 0.0, 100_000.0, -198_000.0])
    assert parts[["basis", "costs"]].abs().to_numpy().max() < 1e-6
    found = hedge_metrics(NAV, ledger, ORDERS, INDEX, {})
    futures = {"hedge_lots_max", "margin_max", "margin_calls", "hedge_rolls", "hedge_orders_refused"}
    assert not futures & set(found)
    assert found["hedge_pnl"] == pytest.approx(-98_000.0)


def test_the_figures_of_a_run_are_the_sums_of_its_days():
    found = hedge_metrics(NAV, LEDGER, ORDERS, INDEX, {})
    assert found["hedge_pnl"] == pytest.approx(-108_600.0)
    assert found["hedge_index_move"] == pytest.approx(-118_200.0)
    assert found["hedge_basis"] == pytest.approx(-1_800.0)
    assert found["hedge_costs"] == pytest.approx(11_400.0)
    assert found["hedge_residual_beta"] == pytest.approx(27_300.0)
    assert found["hedge_ratio_mean"] == pytest.approx((1.2 + 11.91 / 9.85 + 12.105 / 10.1455) / 3)
    assert found["hedge_lots_max"] == 10
    assert found["margin_max"] == 1_210_500.0
    assert found["margin_calls"] == 0
    assert found["hedge_rolls"] == 1  # two trades of one session
    assert found["hedge_orders_refused"] == 2


def test_margin_calls_are_sessions_with_forced_cuts():
    cut = LedgerRow(2, OLD, "forced", 3, 3970.0, 3975.0, 0.0, -4_500.0, 0.0, 358.0)
    ledger = pd.concat([LEDGER, ledger_frame([cut, cut._replace(contract=NEW)], DAYS)], ignore_index=True)
    assert hedge_metrics(NAV, ledger, ORDERS, INDEX, {})["margin_calls"] == 1


def test_the_unhedged_figures_are_those_of_the_run_without_a_hedge():
    unhedged = {
        "annual_return": 0.1, "volatility": 0.2, "sharpe": 0.42, "alpha_regression": None, "beta": 1.0,
        "max_drawdown": -0.3, "total_return": 0.5,
    }  # fmt: skip
    found = hedge_metrics(NAV, LEDGER, ORDERS, INDEX, unhedged)
    alone = {name: value for name, value in found.items() if name.startswith("unhedged_")}
    assert list(alone) == [f"unhedged_{name}" for name in unhedged if name != "total_return"]
    assert list(alone.values()) == [0.1, 0.2, 0.42, None, 1.0, -0.3]


def test_a_hedge_that_never_traded_has_no_profit():
    found = hedge_metrics(NAV, ledger_frame([], DAYS), ORDERS, INDEX, {})
    assert found["hedge_pnl"] == found["hedge_costs"] == found["hedge_ratio_mean"] == 0.0


def test_the_figures_are_the_registered_ones():
    registered = {name for name, spec in METRICS.items() if spec.group == "Hedge"}
    assert set(hedge_metrics(NAV, LEDGER, ORDERS, INDEX, {})) == registered


def test_an_index_with_a_gap_is_refused():
    with pytest.raises(DataError, match="missing on 1 of 4, first 2024-01-04"):
        attribution(LEDGER, INDEX.drop(DATES[2]), stock_book(NAV, LEDGER))


# -- whole hedges ------------------------------------------------------------------------------------------------


def hedged(panel, first, last, **options):
    """Hedge 40 million yuan of the index itself from row to row, as a broker would; return the frames of the run."""
    hedge = Hedge(HedgeConfig(**options), panel, CffexTerms(), first, last)
    account = hedge.account()
    stocks = 4e7 * hedge.index / hedge.index[first]
    cash, worth, orders = 6e7, [1e8], []
    if options["kind"] == "index":
        account.order(hedge.notional(stocks[first]))
    for row in range(first + 1, last + 1):
        refused = hedge.refusals(orders, row)
        for column, lots, kind in (order for order in orders if order.column not in refused):
            fill = account.trade(column, lots, hedge.futures.open[column, row], row, kind)
            cash -= fill.fee + fill.margin
        before = account.value
        cash += account.settle(row)
        cash -= account.value - before
        worth.append(cash + stocks[row] + account.value)
        if options["kind"] != "index":
            orders = hedge.decide(row, account.lots, stocks[row], rebalanced=row == first + 1, free_cash=cash)
    rows = slice(first, last + 1)
    dates = pd.DatetimeIndex(panel.dates[rows])
    nav = pd.DataFrame({"date": dates, "nav": worth, "stock_value": stocks[rows]})
    return nav, account.ledger(), pd.Series(hedge.index[rows], dates), hedge.facts()


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("hedge") / "data")
    import_source(store, SimulatedMarket(30, "2021-06-01", "2023-12-29", seed=5))
    return build_panel(store)


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"kind": "IF"}, 0),
        ({"kind": "IC", "contract": "quarter", "roll_days": 0, "slippage_ticks": 2.0}, 0),
        ({"kind": "IM", "contract": "next", "band": 0.02}, 290),
        ({"kind": "IH", "margin_add": 0.03}, 0),
        ({"kind": "index"}, 0),
    ],
)
def test_a_hedge_of_the_index_itself_leaves_basis_and_costs_day_by_day(panel, options, first):
    nav, ledger, index, _ = hedged(panel, first, len(panel.dates) - 1, **options)
    book, stocks, worth = stock_book(nav, ledger), nav["stock_value"].to_numpy(), nav["nav"].to_numpy()
    assert book["profit"].to_numpy() == pytest.approx(np.diff(stocks, prepend=stocks[0]), abs=1e-3)
    parts = attribution(ledger, index, book)
    assert parts[["index_move", "basis", "costs"]].sum(axis=1).to_numpy() == pytest.approx(parts["profit"], abs=1e-6)
    found = hedge_metrics(nav, ledger, ORDERS, index, {})
    assert found["hedge_pnl"] == pytest.approx(worth[-1] - 1e8 - (stocks[-1] - stocks[0]))
    assert found["hedge_ratio_mean"] == pytest.approx(1.0, abs=0.05)
    if options["kind"] == "index":
        assert found["hedge_basis"] == pytest.approx(0.0, abs=1e-3) and found["hedge_costs"] == 0.0
        return
    assert "delivery" not in set(ledger["kind"]) and "roll" in set(ledger["kind"])
    assert (ledger["lots"] % 1 == 0).all()
    assert found["hedge_basis"] < 0  # the discount of the simulated futures is what a short pays


def test_a_hedge_by_the_real_main_series_pays_the_discount_of_its_time(real_store):
    panel = build_panel(real_store)
    first, last = panel.date_index("2015-04-16"), panel.date_index("2017-12-29")
    with pytest.raises(ConfigError, match=r"see: --hedge index, or hedge_series: main to estimate with IC\.CFX"):
        hedged(panel, first, last, kind="IC")
    nav, ledger, index, facts = hedged(panel, first, last, kind="IC", series="main")
    found = hedge_metrics(nav, ledger, ORDERS, index, {})
    assert "roll days estimated" in facts["hedge_series"]
    assert found["hedge_ratio_mean"] == pytest.approx(1.0, abs=0.05)
    years, stocks = 2.7, nav["stock_value"].mean()
    assert -0.25 < found["hedge_basis"] / stocks / years < -0.10
    margin = ledger[ledger["kind"] == "settle"].set_index("date")
    rate = margin["margin"] / -margin["exposure"]
    days = ["2015-08-25", "2015-08-31", "2015-09-07", "2017-02-17"]
    assert rate[pd.to_datetime(days)].tolist() == pytest.approx([0.10, 0.30, 0.40, 0.30])
