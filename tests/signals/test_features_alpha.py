"""Alpha158 and Alpha360: their names, every value against pandas, and some by hand."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feeds.panel import MarketPanel
from signals.features import StockBlock
from signals.features.alpha158 import ALPHA158
from signals.features.alpha360 import ALPHA360

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
WINDOWS = (5, 10, 20, 30, 60)
BAR_SHAPES = "KMID KLEN KMID2 KUP KUP2 KLOW KLOW2 KSFT KSFT2 OPEN0 HIGH0 LOW0 VWAP0"
STATISTICS = (
    "ROC MA STD BETA RSQR RESI MAX MIN QTLU QTLD RANK RSV IMAX IMIN IMXD CORR CORD CNTP CNTN CNTD SUMP SUMN SUMD "
    "VMA VSTD WVMA VSUMP VSUMN VSUMD"
)


def on_bars(panel, stock):
    """Return the bars of one stock as pandas series: adjusted prices, and volume over the factor's growth."""
    fields = {name: panel.field(name)[:, stock] for name in ("open", "high", "low", "close", "vol", "amount")}
    factor = panel.field("adj_factor")[:, stock]
    traded = np.logical_and.reduce([np.isfinite(fields[name]) for name in ("open", "high", "low", "close", "vol")])
    with np.errstate(invalid="ignore"):
        vwap = pd.Series((fields["amount"] / fields["vol"] * factor)[traded])
    prices = {name: pd.Series((fields[name] * factor)[traded]) for name in ("open", "high", "low", "close")}
    return traded, {**prices, "vwap": vwap, "vol": pd.Series((fields["vol"] * factor[traded][0] / factor)[traded])}


def line(values):
    """Slope, R-squared and last residual of a least-squares line through some values."""
    x = np.arange(len(values))
    slope, level = np.polyfit(x, values, 1)
    spread = np.sum((values - values.mean()) ** 2)
    rest = values - level - slope * x
    return slope, 1 - np.sum(rest**2) / spread if np.ptp(values) > 0 else np.nan, rest[-1]


def alpha158(o, h, lo, c, vwap, v):
    """Return the 158 values by name from the public definitions, with windows that begin when full."""
    top, bottom, spread = np.maximum(o, c), np.minimum(o, c), h - lo + 1e-12
    values = dict(
        zip(
            BAR_SHAPES.split(),
            (
                (c - o) / o, (h - lo) / o, (c - o) / spread, (h - top) / o, (h - top) / spread, (bottom - lo) / o,
                (bottom - lo) / spread, (2 * c - h - lo) / o, (2 * c - h - lo) / spread, o / c, h / c, lo / c, vwap / c,
            ),
            strict=True,
        )
    )  # fmt: skip
    change, turn = c.diff(), v.diff()
    weighted = (c / c.shift() - 1).abs() * v
    for d in WINDOWS:
        r = c.rolling(d)
        lines = np.array(
            [line(c.to_numpy()[i - d + 1 : i + 1]) if i >= d - 1 else (np.nan,) * 3 for i in range(len(c))]
        )
        highest, lowest = h.rolling(d).max(), lo.rolling(d).min()
        at_top = h.rolling(d).apply(lambda w: w.argmax() + 1, raw=True)
        at_bottom = lo.rolling(d).apply(lambda w: w.argmin() + 1, raw=True)
        ups, downs = (c > c.shift()).astype(float).rolling(d).mean(), (c < c.shift()).astype(float).rolling(d).mean()
        gain, loss = change.clip(lower=0).rolling(d).sum(), (-change).clip(lower=0).rolling(d).sum()
        more, less = turn.clip(lower=0).rolling(d).sum(), (-turn).clip(lower=0).rolling(d).sum()
        moved, turned = change.abs().rolling(d).sum() + 1e-12, turn.abs().rolling(d).sum() + 1e-12
        figures = (
            c.shift(d) / c, r.mean() / c, r.std() / c, lines[:, 0] / c, lines[:, 1], lines[:, 2] / c, highest / c,
            lowest / c, r.quantile(0.8) / c, r.quantile(0.2) / c, r.rank(pct=True),
            (c - lowest) / (highest - lowest + 1e-12), at_top / d, at_bottom / d, (at_top - at_bottom) / d,
            c.rolling(d).corr(np.log(v + 1)), (c / c.shift()).rolling(d).corr(np.log(v / v.shift() + 1)),
            ups, downs, ups - downs, gain / moved, loss / moved, (gain - loss) / moved,
            v.rolling(d).mean() / (v + 1e-12), v.rolling(d).std() / (v + 1e-12),
            weighted.rolling(d).std() / (weighted.rolling(d).mean() + 1e-12),
            more / turned, less / turned, (more - less) / turned,
        )  # fmt: skip
        values |= {f"{name}{d}": figure for name, figure in zip(STATISTICS.split(), figures, strict=True)}
    return values


def disagreements(panel, expected_of, features):
    """Return (feature, stock, worst error) where values differ from the yardstick's by more than its rounding."""
    block = StockBlock(panel, slice(0, len(panel.codes)))
    with np.errstate(all="ignore"):
        actual_of = {name: features[name](block) for name in features}
    found = []
    for stock in range(len(panel.codes)):
        traded, bars = on_bars(panel, stock)
        with np.errstate(all="ignore"):
            expected_values = expected_of(*(bars[name] for name in ("open", "high", "low", "close", "vwap", "vol")))
        assert list(expected_values) == list(features)
        for name, expected in expected_values.items():
            actual, expected = actual_of[name][stock][traded], np.asarray(expected, dtype=float)
            flat = name.startswith(("RSQR", "CORR", "CORD"))  # at one price pandas finds noise or infinity
            both = np.isfinite(actual) & np.isfinite(expected)
            if not flat and not np.array_equal(np.isfinite(actual), np.isfinite(expected)):
                found.append((name, stock, "defined elsewhere"))
            error = np.abs(actual - expected)[both] / np.maximum(1e-2, np.abs(expected[both]))
            if error.max(initial=0) > (1e-3 if flat else 2e-5):
                found.append((name, stock, float(error.max())))
            assert np.isnan(actual_of[name][stock][~traded]).all()
    return found


def alpha360(o, h, lo, c, vwap, v):
    series = {"CLOSE": c, "OPEN": o, "HIGH": h, "LOW": lo, "VWAP": vwap, "VOLUME": v}
    return {
        f"{name}{lag}": values.shift(lag) / (v + 1e-12 if name == "VOLUME" else c)
        for name, values in series.items()
        for lag in range(59, -1, -1)
    }


def test_the_158_are_the_published_names_in_their_order():
    rolled = [f"{name}{window}" for name in STATISTICS.split() for window in WINDOWS]
    assert list(ALPHA158) == [*BAR_SHAPES.split(), *rolled]
    assert len(ALPHA158) == 158


def test_the_360_are_six_series_of_sixty_bars():
    assert len(ALPHA360) == 360
    assert list(ALPHA360)[:2] == ["CLOSE59", "CLOSE58"] and list(ALPHA360)[-1] == "VOLUME0"


def test_every_value_of_the_158_is_that_of_pandas_on_rough_random_walks():
    def by_window_first(*bars):
        values = alpha158(*bars)
        return {name: values[name] for name in ALPHA158}

    assert disagreements(SUPPORT["random_market"](), by_window_first, ALPHA158) == []


def test_every_value_is_that_of_pandas_on_real_bars(real_market):
    codes = ["000002.SZ", "600519.SH", "688981.SH"]  # long suspension, high price, listed July 2020
    panel = SUPPORT["real_panel"](Path(real_market), codes, "20150105", "20221230")

    def by_window_first(*bars):
        values = alpha158(*bars)
        return {name: values[name] for name in ALPHA158}

    assert disagreements(panel, by_window_first, ALPHA158) == []
    assert disagreements(panel, alpha360, ALPHA360) == []


def test_every_value_of_the_360_is_that_of_pandas():
    assert disagreements(SUPPORT["random_market"](), alpha360, ALPHA360) == []


# Five bars around a suspended day, the last after a 2-for-1 split; the volume doubles with the shares.
DAYS = np.arange("2024-01-01", "2024-01-07", dtype="datetime64[D]")
NAN = np.nan
BARS = {
    "open": [9.0, 10.0, NAN, 11.0, 10.0, 6.0],
    "high": [10.5, 12.0, NAN, 12.0, 13.0, 7.0],
    "low": [9.0, 9.0, NAN, 10.0, 10.0, 5.0],
    "close": [10.0, 11.0, NAN, 10.0, 12.0, 6.5],
    "vol": [100.0, 200.0, NAN, 100.0, 300.0, 400.0],
    "amount": [950.0, 2200.0, NAN, 1050.0, 3450.0, 2400.0],
    "adj_factor": [3.0, 3.0, 3.0, 3.0, 3.0, 6.0],
}


def hand(name, features=ALPHA158):
    """Return an input on the last day of the bars above."""
    fields = {field: np.array(values)[:, None] for field, values in BARS.items()}
    panel = MarketPanel.from_arrays(DAYS, ["600000.SH"], fields)
    with np.errstate(all="ignore"):
        return features[name](StockBlock(panel, slice(0, 1)))[0, -1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [  # on the last bar's basis the closes are 5 5.5 5 6 6.5, the volumes 200 400 200 600 400
        ("KMID", 0.5 / 6),
        ("KLEN", 2 / 6),
        ("KUP", 0.5 / 6),
        ("KLOW2", 0.5),
        ("KSFT2", 0.5),
        ("VWAP0", 6 / 6.5),
        ("MA5", 5.6 / 6.5),
        ("STD5", np.sqrt(1.7 / 4) / 6.5),
        ("BETA5", 0.35 / 6.5),
        ("RSQR5", 0.35**2 * 10 / 1.7),
        ("RESI5", (6.5 - 5.6 - 0.7) / 6.5),
        ("MAX5", 7 / 6.5),
        ("MIN5", 4.5 / 6.5),
        ("QTLU5", 6.1 / 6.5),
        ("QTLD5", 5 / 6.5),
        ("RANK5", 1.0),
        ("RSV5", 2 / 2.5),
        ("IMAX5", 1.0),
        ("IMIN5", 0.2),
        ("IMXD5", 0.8),
        ("CNTP5", 0.6),
        ("CNTN5", 0.2),
        ("CNTD5", 0.4),
        ("VMA5", 360 / 400),
        ("VSTD5", np.sqrt(112_000 / 4) / 400),
        ("CORR5", np.corrcoef([5, 5.5, 5, 6, 6.5], np.log([101, 201, 101, 301, 201]))[0, 1]),
    ],
)
def test_values_by_hand_across_a_suspension_and_a_split(name, expected):
    assert hand(name) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("name", ["ROC5", "SUMP5", "VSUMD5", "WVMA5", "CORD5", "MA10"])
def test_a_window_that_is_not_full_has_no_value(name):
    assert np.isnan(hand(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CLOSE0", 1.0),
        ("CLOSE1", 6 / 6.5),
        ("OPEN2", 5.5 / 6.5),
        ("VWAP1", 5.75 / 6.5),
        ("VOLUME4", 0.5),
        ("LOW5", NAN),
    ],
)
def test_lagged_bars_by_hand(name, expected):
    assert hand(name, ALPHA360) == pytest.approx(expected, nan_ok=True)


def test_at_one_price_a_line_and_a_correlation_are_undefined_and_a_spread_is_zero():
    fields = {"close": np.full((70, 1), 21.37), "vol": np.arange(1.0, 71.0)[:, None]}
    days = np.datetime64("2024-01-01") + np.arange(70)
    block = StockBlock(MarketPanel.from_arrays(days, ["600000.SH"], fields), slice(0, 1))
    with np.errstate(all="ignore"):
        assert ALPHA158["KMID2"](block)[0, -1] == 0.0
        for window in WINDOWS:
            assert np.isnan(ALPHA158[f"RSQR{window}"](block)).all()
            assert np.isnan(ALPHA158[f"CORR{window}"](block)).all()
            assert ALPHA158[f"STD{window}"](block)[0, -1] == 0.0
