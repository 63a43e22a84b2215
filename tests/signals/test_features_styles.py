"""Style exposures: descriptors against pandas and NumPy, standardisation, and what is absent."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.panel import MarketPanel
from signals.features.needs import missing_needs
from signals.features.styles import STYLE_INPUTS, STYLES, market_returns, style_inputs, styles

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan
HALVING = 0.5 ** (1 / 63)


def scored(raw, eligible):
    """Return one day's descriptor winsorised and z-scored by the eligible stocks, from the definition."""
    sample = raw[eligible & np.isfinite(raw)]
    middle = np.median(sample)
    spread = 1.4826 * np.median(np.abs(sample - middle))
    clip = np.clip(sample, middle - 3 * spread, middle + 3 * spread)
    return (np.clip(raw, middle - 3 * spread, middle + 3 * spread) - clip.mean()) / clip.std()


def regression(returns, market):
    """Return slope and residual deviation of the weighted regression that ends with the last value."""
    weight = HALVING ** np.arange(len(returns))[::-1]
    known = np.isfinite(returns) & np.isfinite(market)
    w, x, y = weight[known], market[known], returns[known]
    slope, level = np.polyfit(x, y, 1, w=np.sqrt(w))
    return slope, np.sqrt(np.average((y - level - slope * x) ** 2, weights=w))


def descriptors(panel, eligible, day):
    """Return every raw descriptor of one day, (N,) each, by name."""
    close, factor = panel.field("close"), panel.field("adj_factor")
    returns = close / panel.field("pre_close") - 1
    market = np.array([returns[t][eligible[t] & np.isfinite(returns[t])].mean() for t in range(day + 1)])
    span = slice(max(0, day - 251), day + 1)
    fits = []
    for stock in range(panel.shape[1]):
        enough = np.isfinite(returns[span, stock]).sum() >= 126
        fits.append(regression(returns[span, stock], market[span]) if enough else (NAN, NAN))
    level = pd.DataFrame(np.log(close * factor)).ffill().to_numpy()
    turnover = pd.DataFrame(panel.field("turnover_rate")[day - 20 : day + 1])
    earnings = panel.field("pe_ttm_signed" if panel.has_field("pe_ttm_signed") else "pe_ttm")
    made = {
        "size": np.log(panel.field("circ_mv")[day]),
        "beta": np.array(fits)[:, 0],
        "momentum": level[day - 21] - level[day - 252],
        "residual_volatility": np.array(fits)[:, 1],
        "liquidity": np.log(turnover.mean()).where(turnover.count() >= 10).to_numpy(),
        "book_to_price": 1 / panel.field("pb")[day],
        "earnings_yield": 1 / earnings[day],
    }
    reported = {"growth": "netprofit_yoy", "leverage": "debt_to_assets"}
    return made | {name: panel.field(field)[day] for name, field in reported.items() if panel.has_field(field)}


def check_day(panel, eligible, made, day, tolerance=2e-5):
    for name, raw in descriptors(panel, eligible, day).items():
        raw = raw.astype("float32").astype(float)
        expected = np.where(panel.listed[day] & np.isfinite(raw), scored(raw, eligible[day]), NAN)
        found = made.values[day, :, made.names.index(name)]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=5 * tolerance, err_msg=f"{name} {day}")


def test_every_style_is_that_of_pandas_and_numpy():
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    made = styles(panel, eligible)
    assert (made.names, made.absent) == (STYLES, {})
    assert (made.values.shape, made.values.dtype) == ((330, 12, 10), np.float32)
    for day in (260, 300, 329):
        check_day(panel, eligible, made, day)


def test_styles_of_real_stocks_are_those_of_pandas_and_numpy(real_market):
    codes = [
        "000001.SZ", "000002.SZ", "000333.SZ", "000651.SZ", "000858.SZ", "002415.SZ", "600000.SH", "600030.SH",
        "600036.SH", "600519.SH", "600887.SH", "601318.SH",
    ]  # fmt: skip
    panel = SUPPORT["real_panel"](real_market, codes, "20190102", "20221230")
    eligible = panel.listed & ~panel.suspended
    made = styles(panel, eligible)
    assert made.names == STYLES[:8]
    assert set(made.absent) == {"growth", "leverage"}
    for day in (500, 971):
        check_day(panel, eligible, made, day)


def test_across_the_eligible_every_style_has_mean_0_and_deviation_1():
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    eligible[:, 7:9] = False
    made = styles(panel, eligible)
    section = made.values[320][eligible[320]].astype(float)
    np.testing.assert_allclose(section.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(section.std(axis=0), 1, atol=1e-6)
    assert np.isfinite(made.values[320, 7:9]).all()  # the others are scored all the same


def test_nonlinear_size_is_the_cube_less_its_regression_and_unrelated_to_size():
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    made = styles(panel, eligible)
    size, nonlinear = (made.values[320, :, STYLES.index(n)].astype(float) for n in ("size", "nonlinear_size"))
    assert size @ nonlinear == pytest.approx(0, abs=1e-5)
    slope, level = np.polyfit(size, size**3, 1)
    rest = size**3 - level - slope * size
    np.testing.assert_allclose(nonlinear, rest / rest.std(), atol=1e-5)


def test_a_suspended_stock_keeps_its_history_and_lacks_the_days_own_values():
    panel = SUPPORT["rich_market"]()
    made = styles(panel, panel.listed & ~panel.suspended)
    on_day = dict(zip(made.names, np.isfinite(made.values[206, 1]), strict=True))  # of the suspension 205 to 206
    assert panel.suspended[206, 1]
    assert not on_day["size"] and not on_day["book_to_price"] and on_day["liquidity"]
    assert np.isnan(made.values[39, 2]).all()  # not listed yet


def test_market_returns_are_the_mean_of_the_eligible_or_given():
    fields = {"close": np.array([[11.0, 8.0, 10.0], [11.0, NAN, 30.0]]), "pre_close": np.full((2, 3), 10.0)}
    panel = MarketPanel.from_arrays(np.arange("2024-01-01", "2024-01-03", dtype="datetime64[D]"), list("abc"), fields)
    eligible = np.array([[True, True, False], [True, True, False]])
    np.testing.assert_allclose(market_returns(panel, eligible), [-0.05, 0.1])
    rich = SUPPORT["rich_market"]()
    other = styles(rich, rich.listed, np.random.default_rng(0).normal(0, 0.01, 330))
    same = [name for name in STYLES if name not in ("beta", "residual_volatility")]
    columns = [STYLES.index(name) for name in same]
    plain = styles(rich, rich.listed)
    np.testing.assert_array_equal(other.values[..., columns], plain.values[..., columns])
    assert not np.array_equal(other.values[-1, :, 2], plain.values[-1, :, 2])


def test_styles_the_market_data_cannot_tell_are_absent_by_name_and_never_zero():
    panel = SUPPORT["random_market"]()
    fields = {name: panel.field(name) for name in panel.fields if name not in ("circ_mv", "turnover_rate", "pe_ttm")}
    bare = MarketPanel.from_arrays(panel.dates, panel.codes, fields)
    made = styles(bare, bare.listed)
    assert made.names == ("beta", "momentum", "residual_volatility", "book_to_price")
    assert made.absent == {
        "size": "needs circ_mv, absent from the market data",
        "nonlinear_size": "needs circ_mv, absent from the market data",
        "liquidity": "needs turnover_rate, absent from the market data",
        "earnings_yield": "needs pe_ttm_signed|pe_ttm, absent from the market data",
        "growth": "needs netprofit_yoy, absent from the market data",
        "leverage": "needs debt_to_assets, absent from the market data",
    }
    inputs = style_inputs(bare, bare.listed, ("style_size", "style_beta"))
    assert np.isnan(inputs["style_size"]).all()
    np.testing.assert_array_equal(inputs["style_beta"], made.values[:, :, 0].T)
    assert STYLE_INPUTS[0] == "style_size" and len(STYLE_INPUTS) == 10


def test_needs_name_fields_alternatives_and_indices():
    panel = SUPPORT["rich_market"]()
    needs = {"a": ("pb", "eps"), "b": ("eps|pb",), "c": ("index 000300.SH", "index 000016.SH"), "d": ()}
    assert missing_needs(panel, needs) == {
        "a": "needs eps, absent from the market data",
        "c": "needs index 000016.SH, absent from the market data",
    }


def test_nothing_after_a_day_moves_a_style_up_to_it():
    (before, eligible), (after, changed) = SUPPORT["altered_after"](289)
    first, second = styles(before, eligible).values, styles(after, changed).values
    np.testing.assert_array_equal(first[:290], second[:290])
    assert not any(np.array_equal(first[290:, :, k], second[290:, :, k], equal_nan=True) for k in range(10))
