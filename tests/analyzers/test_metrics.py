"""Metrics against figures worked out by hand and against empyrical, scipy and numpy."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzers.conventions import METRICS, register
from analyzers.drawdowns import deepest, drawdowns
from analyzers.inference import automatic_lags, newey_west_ols, newey_west_t
from analyzers.metrics import metrics_of, performance_metrics, to_json
from analyzers.periods import monthly_table, period_returns, yearly_table
from analyzers.refusals import cost_by_reason, refusal_costs
from analyzers.returns import matched_benchmark, sessions_per_year, simple_returns
from analyzers.summary import formatted, summary_rows
from analyzers.traded_prices import TradedPrices
from analyzers.trading import contributions, trading_metrics, turnover_by_date
from feeds.errors import DataError
from feeds.panel import MarketPanel

FRIDAY = pd.Timestamp("2024-01-05")


def levels(*values, start=FRIDAY):
    """Return levels on business days from a Friday on: the five returns fall into one week."""
    return pd.Series(values, index=pd.bdate_range(start, periods=len(values)), dtype=float)


# returns -10 %, +10 %, 0, +20 %, 0: mean 4 %, sum of squared deviations 0.052, variance 0.013
NAV = levels(100, 90, 99, 99, 118.8, 118.8)
# half of each: -5 %, +5 %, 0, +10 %, 0
BENCHMARK = levels(1000, 950, 997.5, 997.5, 1097.25, 1097.25)


@pytest.fixture
def figures():
    return performance_metrics(NAV, BENCHMARK, rf=0.0)


@pytest.fixture(scope="module")
def long_run():
    """Three years of daily levels of a portfolio and its benchmark."""
    random = np.random.default_rng(5)
    index = pd.bdate_range("2019-12-31", periods=751)
    other = random.normal(0.0003, 0.012, 750)
    own = 0.8 * other + random.normal(0.0004, 0.006, 750)
    build = lambda r, v: pd.Series(v * np.concatenate([[1], np.cumprod(1 + r)]), index=index)  # noqa: E731
    return build(own, 1e7), build(other, 4000.0)


# -- by hand ---------------------------------------------------------------------------------------------------


def test_five_days_by_hand(figures):
    assert figures["sessions"] == 5
    assert figures["total_return"] == pytest.approx(0.188)
    assert figures["annual_return"] == pytest.approx(1.188 ** (365.25 / 7) - 1)
    assert figures["volatility"] == pytest.approx(math.sqrt(0.013 * 242))
    assert figures["sharpe"] == pytest.approx(0.04 / math.sqrt(0.013) * math.sqrt(242))
    assert figures["downside_risk"] == pytest.approx(math.sqrt(242 * 0.01 / 5))
    assert figures["sortino_arithmetic"] == pytest.approx(0.04 * 242 / math.sqrt(242 * 0.002))
    assert figures["sortino"] == pytest.approx(figures["annual_return"] / math.sqrt(242 * 0.002))
    assert figures["calmar"] == pytest.approx(figures["annual_return"] / 0.1)
    assert figures["sharpe_geometric"] == pytest.approx(figures["annual_return"] / math.sqrt(0.013 * 242))
    assert (figures["best_day"], figures["worst_day"]) == (pytest.approx(0.2), pytest.approx(-0.1))
    assert figures["best_day_date"] == "2024-01-11"
    assert figures["worst_day_date"] == "2024-01-08"
    assert figures["win_rate_daily"] == pytest.approx(2 / 5)
    # sorted returns -.1, 0, 0, .1, .2: the 5 % quantile lies a fifth of the way from the first to the second
    assert figures["var_95"] == pytest.approx(-0.08)
    assert figures["cvar_95"] == pytest.approx(-0.1)


def test_a_loss_on_the_first_day_counts_as_drawdown(figures):
    assert figures["max_drawdown"] == pytest.approx(-0.1)
    assert figures["max_drawdown_peak_date"] == "2024-01-05"
    assert figures["max_drawdown_trough_date"] == "2024-01-08"
    assert figures["max_drawdown_recovery_date"] == "2024-01-11"
    assert figures["max_drawdown_sessions"] == 4


def test_against_a_benchmark_half_as_bold_by_hand(figures):
    growth = 1.09725 ** (365.25 / 7) - 1
    assert figures["benchmark_total_return"] == pytest.approx(0.09725)
    assert figures["benchmark_annual_return"] == pytest.approx(growth)
    assert figures["annual_excess"] == pytest.approx(figures["annual_return"] - growth)
    assert figures["annual_excess_geometric"] == pytest.approx((1 + figures["annual_return"]) / (1 + growth) - 1)
    assert figures["beta"] == pytest.approx(2)
    assert figures["correlation"] == pytest.approx(1)
    assert figures["tracking_error"] == pytest.approx(math.sqrt(0.013 * 242) / 2)
    assert figures["information_ratio"] == pytest.approx(figures["annual_excess"] / figures["tracking_error"])
    assert figures["information_ratio_arithmetic"] == pytest.approx(0.02 / (math.sqrt(0.013) / 2) * math.sqrt(242))
    assert figures["alpha_jensen"] == pytest.approx(figures["annual_return"] - 2 * growth)
    assert figures["alpha_regression"] == pytest.approx(0, abs=1e-12)
    assert figures["win_rate_excess_daily"] == pytest.approx(2 / 5)
    # relative level: 1, .9474, .9925, .9925, 1.0827: down 5.26 % on the first day
    assert figures["excess_max_drawdown"] == pytest.approx(0.9 / 0.95 - 1)
    assert figures["excess_max_drawdown_trough_date"] == "2024-01-08"
    assert figures["benchmark_max_drawdown"] == pytest.approx(-0.05)


def test_jensens_alpha_charges_the_risk_free_rate_once():
    with_rate = performance_metrics(NAV, BENCHMARK, rf=0.10)
    growth = 1.09725 ** (365.25 / 7) - 1
    expected = with_rate["annual_return"] - (0.10 + 2 * (growth - 0.10))
    assert with_rate["alpha_jensen"] == pytest.approx(expected)


def test_every_ratio_of_the_annual_return_leaves_the_risk_free_rate_out():
    found = performance_metrics(NAV, rf=0.10)
    earned = 1.188 ** (365.25 / 7) - 1 - 0.10
    assert found["sharpe_geometric"] == pytest.approx(earned / math.sqrt(0.013 * 242))
    assert found["calmar"] == pytest.approx(earned / 0.1)
    daily = 1.10 ** (1 / 242) - 1
    shortfall = (0.1 + daily) ** 2 + 2 * daily**2  # one day below and two at zero
    assert found["downside_risk"] == pytest.approx(math.sqrt(242 * shortfall / 5))
    assert found["sortino"] == pytest.approx(earned / found["downside_risk"])


def test_the_shortfall_counts_the_day_at_the_quantile():
    returns = np.arange(1, 22) / 1000 - 0.011  # 21 returns from -1 % to +1 %: the quantile is the second
    found = performance_metrics(levels(100, *(100 * np.cumprod(1 + returns))))
    assert found["var_95"] == pytest.approx(-0.009)
    assert found["cvar_95"] == pytest.approx(-0.0095)


def test_two_dates_have_a_drawdown_but_no_volatility():
    found = performance_metrics(levels(100, 90))
    assert found["max_drawdown"] == pytest.approx(-0.1)
    assert (found["volatility"], found["sharpe"]) == (None, None)


def test_the_daily_risk_free_rate_compounds_to_the_annual_one():
    daily = 1.10 ** (1 / 242) - 1
    excess = simple_returns(NAV) - daily
    expected = excess.mean() / excess.std() * math.sqrt(242)
    assert performance_metrics(NAV, rf=0.10)["sharpe"] == pytest.approx(expected)


def test_weekly_and_monthly_win_rates_count_periods_not_days():
    # weeks from Friday 2024-01-05: +10 %, then -5 %, then +1 %; January holds them all
    values = [100, 100, 100, 100, 100, 110, 110, 110, 110, 110, 104.5, 104.5, 104.5, 104.5, 104.5, 105.545]
    found = performance_metrics(levels(*values))
    assert found["win_rate_weekly"] == pytest.approx(2 / 3)
    assert found["win_rate_monthly"] == 1
    flat = levels(*[1000] * 10, *[900] * 6)
    assert performance_metrics(levels(*values), flat)["win_rate_excess_weekly"] == pytest.approx(1)


def test_drawdowns_are_listed_deepest_first_with_the_open_one_unrecovered():
    found = drawdowns(levels(100, 95, 100, 120, 90, 96, 108))
    assert [round(item.depth, 6) for item in found] == [-0.25, -0.05]
    assert (found[0].peak, found[0].trough) == (pd.Timestamp("2024-01-10"), pd.Timestamp("2024-01-11"))
    assert found[0].recovery is None
    assert found[0].sessions == 3
    assert found[1].recovery == pd.Timestamp("2024-01-09")
    assert found[1].sessions == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_the_deepest_drawdown_is_the_first_of_the_list(values):
    series = levels(*values)
    assert deepest(series) == next(iter(drawdowns(series)), None)


def test_a_level_that_never_falls_has_no_drawdown():
    assert drawdowns(levels(1, 1, 2)) == []
    found = performance_metrics(levels(1, 1, 2))
    assert found["max_drawdown"] == 0
    assert found["calmar"] is None
    assert "max_drawdown_peak_date" not in found


def test_a_year_is_as_long_as_it_was():
    year = pd.bdate_range("2020-12-31", "2021-12-31")
    assert sessions_per_year(year) == pytest.approx((len(year) - 1) / (365 / 365.25))
    assert sessions_per_year(year[:200]) == 242  # 199 returns
    assert sessions_per_year(year[:201]) != 242  # 200 returns


def test_months_compound_to_years_and_years_to_the_total(long_run):
    nav, benchmark = long_run
    table = monthly_table(nav)
    for _, row in table.iterrows():
        assert np.prod(1 + row[list(range(1, 13))].dropna()) - 1 == pytest.approx(row["year"])
    total = nav.iloc[-1] / nav.iloc[0] - 1
    assert np.prod(1 + table["year"]) - 1 == pytest.approx(total)
    years = yearly_table(nav, benchmark, 242)
    assert list(years["portfolio"]) == pytest.approx(list(table["year"]))
    assert years["sessions"].sum() == len(nav) - 1
    assert list(years["excess"]) == pytest.approx(list(years["portfolio"] - years["benchmark"]))


def test_a_years_drawdown_starts_at_its_opening_level():
    days = ["2023-12-29", "2024-01-02", "2024-01-03", "2024-01-04"]
    table = yearly_table(pd.Series([100, 90, 99, 89.1], index=pd.to_datetime(days)), None, 242)
    assert table["max_drawdown"].tolist() == pytest.approx([-0.109])
    # returns -10 %, +10 %, -10 %: mean -1/30, squares (1/15)^2, (2/15)^2, (1/15)^2 over two
    assert table["volatility"].tolist() == pytest.approx([math.sqrt(6 / 225 / 2 * 242)])


def test_the_first_period_starts_at_the_start_capital():
    found = period_returns(levels(100, 110, 99), "M")
    assert found.tolist() == pytest.approx([-0.01])


# -- against other libraries -----------------------------------------------------------------------------------


def test_empyrical_agrees_where_conventions_do(long_run):
    nav, benchmark = long_run
    found = performance_metrics(nav, benchmark, rf=0.016)
    own, other = simple_returns(nav), simple_returns(benchmark)
    periods = found["sessions_per_year"]
    daily = 1.016 ** (1 / periods) - 1
    expected = {
        "annual_return": empyrical.annual_return(own, annualization=periods),
        "volatility": empyrical.annual_volatility(own, annualization=periods),
        "sharpe": empyrical.sharpe_ratio(own, risk_free=daily, annualization=periods),
        "downside_risk": empyrical.downside_risk(own, required_return=daily, annualization=periods),
        "sortino_arithmetic": empyrical.sortino_ratio(own, required_return=daily, annualization=periods),
        "max_drawdown": empyrical.max_drawdown(own),
        "benchmark_max_drawdown": empyrical.max_drawdown(other),
        "beta": empyrical.beta(own, other),
        "var_95": empyrical.value_at_risk(own, 0.05),
        "cvar_95": empyrical.conditional_value_at_risk(own, 0.05),
        "information_ratio_arithmetic": empyrical.excess_sharpe(own, other) * math.sqrt(periods),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_scipy_and_numpy_agree_on_the_regression(long_run):
    nav, benchmark = long_run
    found = performance_metrics(nav, benchmark, rf=0.016)
    daily = 1.016 ** (1 / found["sessions_per_year"]) - 1
    own, other = simple_returns(nav) - daily, simple_returns(benchmark) - daily
    line = stats.linregress(other, own)
    assert found["beta"] == pytest.approx(line.slope)
    assert found["correlation"] == pytest.approx(line.rvalue)
    assert found["alpha_regression"] == pytest.approx(line.intercept * found["sessions_per_year"])
    fit = np.linalg.lstsq(np.column_stack([np.ones(len(other)), other]), own, rcond=None)[0]
    assert found["alpha_regression"] == pytest.approx(fit[0] * found["sessions_per_year"])
    assert found["alpha_regression_t"] == pytest.approx(
        newey_west_ols(np.column_stack([np.ones(len(other)), other]), own.to_numpy())[1][0]
    )
    assert found["skewness"] == pytest.approx(stats.skew(simple_returns(nav), bias=False))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(simple_returns(nav), bias=False))


def test_newey_west_by_hand():
    # deviations -1.5, -.5, .5, 1.5: g_0 = 1.25, g_1 = .3125; variance 1.25 + 2 * 1/2 * .3125 = 1.5625
    assert newey_west_t(np.array([1.0, 2, 3, 4]), lags=1) == pytest.approx(2.5 / math.sqrt(1.5625 / 4))
    assert newey_west_t(np.array([1.0, 2, 3, 4]), lags=0) == pytest.approx(2.5 / math.sqrt(1.25 / 4))


def test_newey_west_regression_equals_the_double_sum():
    random = np.random.default_rng(1)
    x = np.column_stack([np.ones(40), random.normal(size=40)])
    y = x @ [0.3, 1.2] + np.convolve(random.normal(size=42), [1, 0.7, 0.3], "valid")
    coefficients, t = newey_west_ols(x, y, lags=3)
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    meat = np.zeros((2, 2))
    for i in range(40):
        for j in range(40):
            weight = max(0.0, 1 - abs(i - j) / 4)
            meat += weight * residual[i] * residual[j] * np.outer(x[i], x[j])
    bread = np.linalg.inv(x.T @ x)
    assert t == pytest.approx(coefficients / np.sqrt(np.diag(bread @ meat @ bread)))


def test_a_regression_that_is_not_determined_has_no_coefficients():
    ones = np.ones((5, 1))
    assert newey_west_ols(np.column_stack([ones, 2 * ones]), np.arange(5.0)) is None
    assert newey_west_ols(np.column_stack([ones, np.arange(5)])[:2], np.arange(2.0)) is None
    assert newey_west_t(np.array([1.0])) is None
    assert newey_west_t(np.array([])) is None


@pytest.mark.parametrize(("observations", "lags"), [(0, 0), (1, 0), (2, 1), (100, 4), (1000, 6)])
def test_automatic_lags(observations, lags):
    assert automatic_lags(observations) == lags


# -- what is undefined, and what is refused --------------------------------------------------------------------


def test_a_single_date_has_a_start_capital_and_little_else():
    found = performance_metrics(levels(100), levels(3000))
    assert found["cash_start"] == 100
    assert found["total_return"] == 0
    for name in ("annual_return", "volatility", "sharpe", "max_drawdown", "best_day", "win_rate_daily"):
        assert found.get(name) is None, name


def test_an_account_that_never_moves_has_no_ratios():
    found = performance_metrics(levels(*[100] * 10), levels(*[50] * 10), rf=0.0)
    assert found["volatility"] == 0
    for name in ("sharpe", "sharpe_geometric", "sortino", "calmar", "information_ratio", "beta", "skewness"):
        assert found.get(name) is None, name


def test_steady_growth_is_not_an_infinite_sharpe_ratio():
    steady = levels(*[100 * 1.001**n for n in range(50)])
    found = performance_metrics(steady)
    assert found["sharpe"] is None
    assert found["kurtosis"] is None


def test_the_portfolio_as_its_own_benchmark_has_no_information_ratio(long_run):
    nav, _ = long_run
    found = performance_metrics(nav, nav)
    assert found["beta"] == pytest.approx(1)
    assert found["information_ratio"] is None
    assert found["information_ratio_arithmetic"] is None
    assert found["excess_max_drawdown"] == 0


def test_a_missing_benchmark_day_is_an_error_and_names_it():
    gap = BENCHMARK.drop(pd.Timestamp("2024-01-09"))
    with pytest.raises(DataError, match=r"missing on 1 of 6, first 2024-01-09"):
        performance_metrics(NAV, gap)
    with pytest.raises(DataError, match="first 2024-01-10"):
        performance_metrics(NAV, BENCHMARK.where(BENCHMARK.index != "2024-01-10", 0.0))
    with pytest.raises(DataError, match="first 2024-01-12"):
        performance_metrics(NAV, BENCHMARK.where(BENCHMARK.index != "2024-01-12"))


def test_benchmark_levels_on_other_days_change_nothing():
    more = pd.concat([BENCHMARK, pd.Series({pd.Timestamp("2024-01-06"): 1.0})]).sort_index()
    pd.testing.assert_series_equal(matched_benchmark(more, NAV.index), BENCHMARK, check_freq=False)


@pytest.mark.parametrize("bad", [0.0, -5.0, math.nan, math.inf])
def test_a_net_asset_value_that_is_not_positive_is_refused(bad):
    with pytest.raises(DataError, match="2024-01-09"):
        performance_metrics(levels(100, 101, bad, 103))


def test_dates_that_do_not_ascend_are_refused():
    with pytest.raises(DataError, match="at least one row"):
        performance_metrics(NAV.iloc[:0])
    with pytest.raises(DataError, match="ascend"):
        performance_metrics(NAV.iloc[::-1])


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 1e9))
def test_no_ratio_depends_on_the_size_of_the_account(scale):
    small, large = performance_metrics(NAV, BENCHMARK), performance_metrics(NAV * scale, BENCHMARK * scale)
    for name in set(small) - {"cash_start", "nav_end"}:
        expected = small[name]
        assert large[name] == (pytest.approx(expected, rel=1e-6, abs=1e-9) if type(expected) is float else expected)


# -- the whole table -------------------------------------------------------------------------------------------


def test_a_run_gives_every_registered_figure_and_json_without_nan(example_run, panel):
    found = metrics_of(example_run, panel)
    assert list(found) == list(METRICS)
    back = json.loads(to_json(found), parse_constant=lambda text: pytest.fail(f"{text} in metrics.json"))
    assert back == found
    for name, value in found.items():
        assert value is None or isinstance(value, str) == name.endswith("_date"), name
    assert found["start_date"] == str(panel.dates[0])
    assert type(found["sessions"]) is int
    assert found["cash_start"] == 1e6


def test_a_run_without_a_benchmark_leaves_its_figures_undefined(example_run):
    facts = {**example_run.facts, "benchmark_code": None}
    found = metrics_of(SimpleNamespace(**{**vars(example_run), "facts": facts}))
    assert found["beta"] is None
    assert found["annual_return"] is not None
    assert "Against the benchmark" not in {row[0] for row in summary_rows(found)}


def test_the_runs_own_risk_free_rate_is_used(example_run):
    facts = {**example_run.facts, "rf": 0.05}
    other = metrics_of(SimpleNamespace(**{**vars(example_run), "facts": facts}))
    assert other["rf"] == 0.05
    assert other["sharpe"] < metrics_of(example_run)["sharpe"]


def test_summary_rows_print_every_figure_with_its_convention(example_run, panel):
    rows = summary_rows(metrics_of(example_run, panel))
    labels = {label: (value, words) for _, label, value, words in rows}
    assert labels["Start capital"][0] == "1,000,000"
    assert "rf 1.60%" in labels["Sharpe ratio"][1]
    assert all(words and "{" not in words for _, _, _, words in rows)
    assert "Signal" not in {row[0] for row in rows}


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.12345, "percent", "12.35%"),
        (-0.00001, "percent", "0.00%"),
        (None, "percent", "n/a"),
        (1234567.8, "yuan", "1,234,568"),
        (1.234, "number", "1.23"),
        (1234, "count", "1,234"),
        (-3, "count", "-3"),
        (0.0321, "number", "0.032"),
        (0.0008, "basis points", "8.00 bp"),
        ("2024-01-05", "date", "2024-01-05"),
        (-0.0004, "number", "0.000"),
    ],
)
def test_figures_as_text(value, form, text):
    assert formatted(value, form) == text


def test_a_metric_name_is_registered_once():
    with pytest.raises(ValueError, match="unique, was sharpe"):
        register("Risk", [("sharpe", "Sharpe", "number", "twice")])
    with pytest.raises(ValueError, match="group must be one of"):
        register("Luck", [])


# -- trading ---------------------------------------------------------------------------------------------------


def trade(signal, date, code, side, wanted, filled, price, **more):
    row = {
        "signal_date": pd.Timestamp(signal), "date": pd.Timestamp(date), "ts_code": code, "side": side,
        "wanted": wanted, "filled": filled, "price": price, "fee": 0.0, "status": "", "reason": "",
        "reference": 10.0, "attempts": 1, "standing": "", "slippage": 0.0, "replaces": "",
    }  # fmt: skip
    return row | more


def account(nav, orders, positions=(), actions=()):
    frame = pd.DataFrame(nav, columns=["date", "nav", "stock_value"])
    filled = pd.DataFrame(orders).query("filled > 0")[["date", "ts_code", "side", "filled", "price", "fee", "slippage"]]
    futures = filled["ts_code"].str.endswith(".CFX")  # they are in the hedge's ledger, not among the fills
    return SimpleNamespace(
        hedge=filled.loc[futures, ["date", "fee"]],
        fills=filled[~futures].rename(columns={"filled": "shares"}),
        nav=frame.assign(date=pd.to_datetime(frame["date"])),
        orders=pd.DataFrame(orders),
        positions=pd.DataFrame(positions, columns=["date", "ts_code", "shares", "price", "value", "weight"]).astype(
            {"date": "datetime64[ms]", "value": float}
        ),
        actions=pd.DataFrame(actions, columns=["date", "ts_code", "kind", "shares", "cash", "receivable"]),
        facts={},
    )


def test_turnover_fees_and_contributions_by_hand():
    run = account(
        [("2024-01-05", 1000.0, 0), ("2024-01-08", 1000.0, 500), ("2024-01-09", 1100.0, 300)],
        [
            trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 50, 50, 10.0, fee=4.0),
            trade("2024-01-08", "2024-01-09", "A.SZ", "sell", 50, 25, 14.0, fee=6.0),
            trade("2024-01-08", "2024-01-09", "B.SH", "buy", 50, 0, math.nan),
            trade("2024-01-08", "2024-01-09", "IF2401.CFX", "sell", 1, 1, 3300.0, fee=10.0),
        ],
        [("2024-01-08", "A.SZ", 50, 10, 500, 0.5), ("2024-01-09", "A.SZ", 25, 12, 300, 0.27)],
        [("2024-01-09", "A.SZ", "cash_dividend", 0, 3.0, 2.0)],
    )
    assert turnover_by_date(run).tolist() == pytest.approx([500 / 2 / 1000, 350 / 2 / 1000])
    found = trading_metrics(run, {"years": 2.0, "cash_start": 1000.0}, None)
    assert found["turnover_annual"] == pytest.approx(0.425 / 2)
    assert found["turnover_per_rebalance"] == pytest.approx(0.425 / 2)
    assert found["fees_total"] == 20
    assert found["fees_annual"] == pytest.approx(20 / 1000 / 2)
    assert found["fees_per_traded"] == pytest.approx(10 / 850)
    assert found["average_holdings"] == 1
    assert found["average_invested"] == pytest.approx((0.5 + 300 / 1100) / 2)
    assert (found["orders"], found["orders_filled"], found["orders_partial"], found["orders_refused"]) == (3, 1, 1, 1)
    assert found["refused_value_share"] == pytest.approx((25 + 50) / 150)
    table = contributions(run).set_index("ts_code")
    assert table.loc["A.SZ", "profit"] == pytest.approx(300 + 350 + 5 - 500 - 10)
    assert table.loc["A.SZ", "sessions"] == 2
    assert table.loc["A.SZ", "share"] == pytest.approx(0.145)
    assert "B.SH" not in table.index  # nothing of it was ever held


def test_an_account_that_traded_nothing_has_no_turnover_and_no_average(prices):
    orders = [trade("2024-01-05", "2024-01-08", "B.SH", "buy", 50, 0, math.nan)]
    idle = account([("2024-01-05", 1000.0, 0), ("2024-01-08", 1000.0, 0)], orders)
    assert turnover_by_date(idle).empty
    found = trading_metrics(idle, YEARS, prices)
    assert (found["turnover_annual"], found["turnover_per_rebalance"]) == (0, 0)
    assert found["fees_per_traded"] is None
    idle.orders = idle.orders.iloc[:0]
    assert trading_metrics(idle, YEARS, prices)["refused_value_share"] is None
    before = trading_metrics(account([("2024-01-05", 1000.0, 0)], orders), {**YEARS, "years": 0.0}, prices)
    for name in ("turnover_annual", "fees_annual", "refusal_cost_annual"):
        assert before[name] is None
    assert "average_holdings" not in before


def test_contributions_add_up_to_the_change_of_net_asset_value(example_run):
    change = example_run.nav["nav"].iloc[-1] - example_run.nav["nav"].iloc[0]
    assert contributions(example_run)["profit"].sum() == pytest.approx(change)


def test_the_four_fates_of_an_order_add_up(example_run, panel):
    found = metrics_of(example_run, panel)
    fates = ("orders_filled", "orders_delayed", "orders_partial", "orders_refused")
    assert sum(found[name] for name in fates) == found["orders"] == len(example_run.orders)
    assert found["orders_refused"] > 0


# -- refusals --------------------------------------------------------------------------------------------------

YEARS = {"years": 2.0, "cash_start": 1000.0}
DAYS = np.array(["2024-01-05", "2024-01-08", "2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12"], "datetime64[D]")


@pytest.fixture
def prices():
    """A rises from 10 to 15 over a 2-for-1 split on 01-10; B falls; C is suspended on 01-08."""
    nan = math.nan
    return MarketPanel.from_arrays(
        DAYS,
        ["A.SZ", "B.SH", "C.SZ"],
        {
            "open": [[10, 20, 8], [10, 20, nan], [11, 18, 4], [6, 16, 4], [7, 15, 4], [7.5, 15, 4]],
            "close": [[10, 20, 8], [11, 19, nan], [12, 17, 4], [6.5, 15, 4], [7, 15, 4], [8, 14, 5]],
            "adj_factor": [[3, 1, 1], [3, 1, 1], [3, 1, 1], [6, 1, 1], [6, 1, 1], [6, 1, 1]],
        },
    )


def test_a_refused_buy_costs_the_gain_to_the_next_rebalance_across_a_split(prices):
    orders = pd.DataFrame(
        [
            trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 0, math.nan, reason="limit up at open"),
            trade("2024-01-10", "2024-01-11", "B.SH", "buy", 100, 100, 15.0),
        ]
    )
    found = refusal_costs(orders, TradedPrices(prices)).iloc[0]
    # 100 shares at 10 on 01-08; one share became two, worth 7 each at the open of 01-11
    assert found["value"] == pytest.approx(1000)
    assert found["cost"] == pytest.approx(400)
    assert found["until"] == pd.Timestamp("2024-01-11")


def test_a_carried_sell_costs_the_fall_until_it_was_filled(prices):
    orders = pd.DataFrame(
        [trade("2024-01-05", "2024-01-10", "B.SH", "sell", 100, 100, 16.0, reason="limit down at open", attempts=3)]
    )
    found = refusal_costs(orders, TradedPrices(prices)).iloc[0]
    assert found["first_date"] == pd.Timestamp("2024-01-08")
    assert found["cost"] == pytest.approx(100 * (20 - 16))
    assert found["until"] == pd.Timestamp("2024-01-10")


def test_a_carried_sell_of_a_split_stock_counts_shares_of_the_first_session(prices):
    orders = pd.DataFrame(
        [trade("2024-01-05", "2024-01-11", "A.SZ", "sell", 200, 200, 7.0, reason="suspended", attempts=4)]
    )
    found = refusal_costs(orders, TradedPrices(prices)).iloc[0]
    # 200 shares wanted at 10; the 200 sold at 7 were 100 of them, worth 14: saved 400.
    # The other 100 are valued at the last close: 8 * 2 = 16 against 10: saved 600.
    assert found["value"] == pytest.approx(2000)
    assert found["cost"] == pytest.approx(-400 - 600)


def test_a_sell_that_never_came_counts_at_the_last_close_of_the_run(prices):
    orders = pd.DataFrame([trade("2024-01-05", "2024-01-12", "C.SZ", "sell", 100, 0, math.nan, attempts=5)])
    found = refusal_costs(orders, TradedPrices(prices)).iloc[0]
    assert found["entry_price"] == 8  # the last close before the suspension
    assert found["cost"] == pytest.approx(100 * (8 - 5))
    earlier = refusal_costs(orders, TradedPrices(prices), end=pd.Timestamp("2024-01-11")).iloc[0]
    assert earlier["cost"] == pytest.approx(100 * (8 - 4))


def test_an_order_of_no_signal_starts_on_its_own_session(prices):
    rows = [
        trade("2024-01-09", "2024-01-09", "B.SH", "sell", 100, 50, 18.0),
        trade("2024-01-12", "2024-01-12", "B.SH", "sell", 50, 0, math.nan),
    ]
    found = refusal_costs(pd.DataFrame(rows), TradedPrices(prices))
    assert found["first_date"].tolist() == [pd.Timestamp("2024-01-09"), pd.Timestamp("2024-01-12")]
    assert found["cost"].tolist() == pytest.approx([50 * (18 - 15), 50 * (15 - 14)])


@pytest.mark.parametrize(("recovery", "cost"), [(0.0, 800), (0.25, 800 - 0.25 * 400)])
def test_a_sell_overtaken_by_a_delisting_costs_what_the_account_wrote_off(recovery, cost):
    nan = math.nan
    close = [[9], [8], [4], [nan], [nan], [nan]]
    prices = MarketPanel.from_arrays(DAYS, ["A.SZ"], {"close": close}, delist_index=np.array([3]))
    orders = pd.DataFrame(
        [
            trade("2024-01-05", "2024-01-10", "A.SZ", "sell", 100, 0, nan, reason="limit down at open", attempts=2),
            trade("2024-01-10", "2024-01-11", "A.SZ", "sell", 0, 0, nan),
        ]
    )
    traded = TradedPrices(prices, delisting_recovery=recovery)
    assert refusal_costs(orders, traded)["cost"].tolist() == pytest.approx([cost])
    assert refusal_costs(orders[:1], traded)["cost"].tolist() == pytest.approx([cost])


def test_a_partial_fill_costs_only_what_is_missing(prices):
    orders = pd.DataFrame([trade("2024-01-05", "2024-01-08", "B.SH", "buy", 100, 60, 20.0, reason="cash")])
    found = refusal_costs(orders, TradedPrices(prices)).iloc[0]
    assert found["value"] == pytest.approx(40 * 20)
    assert found["cost"] == pytest.approx(40 * (14 - 20))  # a falling stock: the refusal saved money


def test_a_stock_that_never_had_a_price_costs_nothing():
    nan = math.nan
    prices = MarketPanel.from_arrays(DAYS, ["A.SZ"], {"close": [[nan], [nan], [nan], [5], [6], [7]]})
    orders = pd.DataFrame([trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 0, nan, reason="suspended")])
    found = refusal_costs(orders, TradedPrices(prices)).iloc[0]
    assert (found["value"], found["cost"]) == (0, 0)
    assert np.isnan(found["entry_price"])


@pytest.mark.parametrize(
    ("execution", "entry", "later"),
    [("open", 20, 16), ("vwap", 19.4, 15.3), ("close", 19, 15)],  # of B on 01-08 and on 01-10
)
def test_refusals_are_measured_at_the_runs_own_price(prices, execution, entry, later):
    amounts = {1: 19.4, 3: 15.3}
    amount = prices.field("amount").copy()
    for row, mean in amounts.items():
        amount[row, 1] = mean * 1e6  # a million shares
    panel = replace(prices, fields={**prices.fields, "amount": amount.T})
    orders = pd.DataFrame(
        [
            trade("2024-01-05", "2024-01-08", "B.SH", "buy", 100, 0, math.nan, reason="limit up at open"),
            trade("2024-01-09", "2024-01-10", "A.SZ", "buy", 100, 100, 6.0),
        ]
    )
    found = refusal_costs(orders, TradedPrices(panel, execution)).iloc[0]
    assert found["entry_price"] == pytest.approx(entry)
    assert found["cost"] == pytest.approx(100 * (later - entry))


def test_a_mean_price_is_within_the_days_range_and_missing_without_volume(prices):
    fields = {**prices.fields, "amount": np.full((3, 6), 1e9), "vol": prices.fields["vol"].copy()}
    fields["vol"][1, 3] = 0.0
    traded = TradedPrices(replace(prices, fields=fields), "vwap")
    assert traded.at_execution("B.SH", pd.Timestamp("2024-01-08")) == (20, 1)  # not 1,000: the day's high
    assert traded.at_execution("B.SH", pd.Timestamp("2024-01-10")) == (17, 1)  # the close before
    assert traded.at_execution("C.SZ", pd.Timestamp("2024-01-08")) == (8, 1)


def test_refusals_of_a_run_on_total_return_prices_count_its_own_shares(prices):
    orders = pd.DataFrame(
        [trade("2024-01-05", "2024-01-11", "A.SZ", "sell", 200, 100, 42.0, reason="suspended", attempts=4)]
    )
    found = refusal_costs(orders, TradedPrices(prices, total_return=True)).iloc[0]
    # One such share stands for three raw ones, six after the split: 30 on 01-08, sold at 42, worth 48 in the end.
    assert found["entry_price"] == 30 and found["value"] == 6000
    assert found["cost"] == pytest.approx(-100 * (42 - 30) - 100 * (48 - 30))


def test_a_run_is_valued_at_the_prices_its_facts_name(prices):
    orders = [trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 50, 33.0, reason="limit up at close")]
    run = account([("2024-01-05", 1000.0, 0), ("2024-01-12", 1000.0, 0)], orders)
    run.facts = {"execution": "close", "prices": "total-return"}
    found = trading_metrics(run, YEARS, prices)
    assert found["refusal_cost"] == pytest.approx(50 * (48 - 33))  # 3 x 11 at the close of 01-08, 6 x 8 in the end
    assert found["largest_day_share"] == pytest.approx(50 / (1e6 / 3))


def test_refusals_sum_by_side_reason_and_standing(prices):
    refused = {"reason": "limit up at open"}
    orders = pd.DataFrame(
        [
            trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 0, math.nan, standing="one price", **refused),
            trade("2024-01-05", "2024-01-08", "B.SH", "buy", 100, 0, math.nan, standing="at limit", **refused),
            trade("2024-01-05", "2024-01-08", "B.SH", "buy", 100, 0, math.nan, standing="at limit", **refused),
        ]
    )
    table = cost_by_reason(refusal_costs(orders, TradedPrices(prices)))
    assert table[["reason", "standing", "orders"]].to_numpy().tolist() == [
        ["limit up at open", "one price", 1],
        ["limit up at open", "at limit", 2],
    ]
    assert table["cost"].tolist() == pytest.approx([600, -1200])


def test_refusals_sum_by_side_and_reason(prices):
    orders = pd.DataFrame(
        [
            trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 0, math.nan, reason="limit up at open"),
            trade("2024-01-05", "2024-01-08", "B.SH", "buy", 100, 0, math.nan, reason="limit up at open"),
            trade("2024-01-05", "2024-01-08", "C.SZ", "sell", 100, 0, math.nan, reason="suspended"),
            trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 50, 10.0, reason="cash"),
            trade("2024-01-05", "2024-01-08", "C.SZ", "buy", 100, 100, 8.0),
        ]
    )
    table = cost_by_reason(refusal_costs(orders, TradedPrices(prices)))
    assert table[["by_market", "side", "reason", "orders"]].to_numpy().tolist() == [
        [True, "sell", "suspended", 1],
        [True, "buy", "limit up at open", 2],
        [False, "buy", "cash", 1],
    ]
    # to the last close: A gains 600 and B loses 600; C falls from 8 to 5; half of A's order gains 300
    assert table["cost"].tolist() == pytest.approx([300, 600 - 600, 300])


def test_what_the_account_could_not_pay_is_no_refusal_of_the_market(prices):
    orders = [
        trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 50, 10.0, reason="cash"),
        trade("2024-01-05", "2024-01-08", "B.SZ", "buy", 100, 0, math.nan, reason="limit up at open"),
    ]
    panel = MarketPanel.from_arrays(DAYS, ["A.SZ", "B.SZ"], {"close": 10 + np.arange(12.0).reshape(6, 2)})
    found = trading_metrics(account([("2024-01-05", 1000.0, 0), ("2024-01-12", 1000.0, 0)], orders), YEARS, panel)
    assert found["refusals"] == 1
    assert found["largest_day_share"] == pytest.approx(50 / 1e6)  # a million shares of each stock trade every day
    assert found["refusal_cost"] == pytest.approx(100 * (21 - 13))
    assert found["refusal_cost_annual"] == pytest.approx(800 / 1000 / 2)


def test_a_run_where_everything_was_filled_has_no_refusals(prices):
    orders = pd.DataFrame([trade("2024-01-05", "2024-01-08", "A.SZ", "buy", 100, 100, 10.0)])
    assert refusal_costs(orders, TradedPrices(prices)).empty
    assert cost_by_reason(refusal_costs(orders, TradedPrices(prices))).empty
