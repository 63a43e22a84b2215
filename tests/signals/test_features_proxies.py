"""Daily stand-ins for high-frequency inputs, against pandas and SciPy."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from signals.features import StockBlock
from signals.features.flows import FLOWS
from signals.features.inputs import NEEDS
from signals.features.proxies import BUY_INTENTION, PROXIES, buy_intention

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
FLOW_INPUTS = ("large_net_intensity", "large_order_push")


def expected_of(frame):
    """Return the proxies of one stock's bars by name; ``frame`` holds adjusted prices, amount and order shares."""
    c, amount = frame["close"], frame["amount"]
    r = c / c.shift() - 1
    window = r.rolling(20)
    falls = (r < 0).astype(float).where(r.notna())
    net = frame["large_net_share"].rolling(20)

    def push(values):
        part = frame.loc[values.index]
        best = part["large_order_share"].nlargest(6).index
        return np.prod(1 + r[best]) - 1

    return {
        "return_skew": window.apply(lambda v: stats.skew(v), raw=True),
        "return_kurtosis": window.apply(lambda v: stats.kurtosis(v, fisher=False), raw=True),
        "downside_share": window.apply(lambda v: (v[v < 0] ** 2).sum() / (v**2).sum(), raw=True),
        "realised_deviation": np.sqrt((r**2).rolling(20).sum()),
        "intraday_sum": np.log(c / frame["open"]).rolling(20).sum(),
        "outflow_share": (falls * amount).rolling(20).sum() / falls.rolling(20).sum() / amount.rolling(20).mean(),
        "illiquidity": r.abs() / (amount / 1e8),
        "large_net_intensity": net.mean() / net.std(ddof=0),
        "large_order_push": r.rolling(20).apply(push, raw=False),
    }


def compare(panel, names, stocks, tolerance=1e-6):
    block = StockBlock(panel, slice(0, len(panel.codes)))
    with np.errstate(all="ignore"):
        found = {name: PROXIES[name](block) for name in names}
        shares = {name: FLOWS[name](block) for name in ("large_net_share", "large_order_share")}
    for stock in stocks:
        traded = block.bars.has_bar[stock]
        frame = {name: panel.field(name)[:, stock] * panel.field("adj_factor")[:, stock] for name in ("open", "close")}
        frame |= {"amount": panel.field("amount")[:, stock], **{name: share[stock] for name, share in shares.items()}}
        frame = pd.DataFrame(frame)[traded].reset_index(drop=True)
        with np.errstate(all="ignore"):
            expected = expected_of(frame)
        for name in names:
            known = np.isfinite(expected[name].to_numpy())
            actual = found[name][stock][traded]
            assert np.isfinite(actual[known]).all(), (name, stock)
            assert np.isnan(actual[:19]).all() or name == "illiquidity"
            np.testing.assert_allclose(
                actual[known], expected[name][known], rtol=tolerance, atol=tolerance, err_msg=f"{name} {stock}"
            )


def test_every_proxy_is_that_of_pandas_and_scipy():
    compare(SUPPORT["rich_market"](), list(PROXIES), (0, 1, 2, 3, 6))


def test_proxies_without_flows_are_those_of_pandas_on_real_bars(real_market):
    panel = SUPPORT["real_panel"](real_market, ["000002.SZ", "600519.SH", "688981.SH"], "20190102", "20221230")
    compare(panel, [name for name in PROXIES if name not in FLOW_INPUTS], range(3))


def test_without_money_flow_the_proxies_that_need_it_have_no_value():
    panel = SUPPORT["random_market"]()
    block = StockBlock(panel, slice(0, 6))
    with np.errstate(all="ignore"):
        empty = {name for name in PROXIES if np.isnan(PROXIES[name](block)).all()}
    assert empty == set(FLOW_INPUTS) <= set(NEEDS)
    made = buy_intention(panel, panel.listed, BUY_INTENTION)
    assert all(np.isnan(values).all() for values in made.values())


def test_buying_intention_adds_two_scores_of_the_day():
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    made = buy_intention(panel, eligible, BUY_INTENTION)
    day = 300
    net = panel.field("net_mf_amount")[day] / panel.field("amount")[day]
    gap = panel.field("open")[day] / panel.field("pre_close")[day] - 1
    expected = 0.0
    for raw in (net, gap):
        middle = np.median(raw)
        reach = 3 * 1.4826 * np.median(np.abs(raw - middle))
        expected = expected + stats.zscore(np.clip(raw, middle - reach, middle + reach))
    np.testing.assert_allclose(made["buy_intention"][:, day], expected, atol=1e-5)
    series = pd.Series(made["buy_intention"][0].astype(float)).rolling(20)
    np.testing.assert_allclose(
        made["buy_intention_intensity"][0], series.mean() / series.std(ddof=0), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["buy_intention", "buy_intention_intensity"])
def test_only_what_is_asked_for_is_returned(name):
    panel = SUPPORT["rich_market"]()
    assert list(buy_intention(panel, panel.listed, (name,))) == [name]
