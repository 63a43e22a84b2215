"""Yardsticks of the feature tests and benchmark: MyTT's own functions unrounded, and small rough markets."""

import importlib.util

import numpy as np

from feeds.panel import MarketPanel


def _mytt():
    """Load a private copy of MyTT whose rounding to three decimals is switched off."""
    spec = importlib.util.find_spec("MyTT.MyTT")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.RD = lambda values, digits=3: values
    return module


M = _mytt()


# Defined by later versions of MyTT than the packaged one; written here with its primitives.
def _cr(close, high, low, n=20):
    middle = M.REF(high + low + close, 1) / 3
    return M.SUM(M.MAX(0, high - middle), n) / M.SUM(M.MAX(0, middle - low), n) * 100


def _dma(series, weights):
    weights = np.where(np.isnan(weights), 1.0, weights)
    result = np.zeros(len(series))
    result[0] = series[0]
    for i in range(1, len(series)):
        result[i] = weights[i] * series[i] + (1 - weights[i]) * result[i - 1]
    return result


def _xsii(close, high, low, n=102, m=7):
    average = M.MA((2 * close + high + low) / 4, 5)
    distance = M.ABS((2 * close + high + low) / 4 - M.MA(close, 20)) / M.MA(close, 20)
    track = _dma(close, distance)
    return average * n / 100, average * (200 - n) / 100, (1 + m / 100) * track, (1 - m / 100) * track


def _toprange(series):
    result = np.zeros(len(series))
    for i in range(1, len(series)):
        result[i] = np.argmin(np.flipud(series[:i] < series[i]))
    return result


def _lowrange(series):
    result = np.zeros(len(series))
    for i in range(1, len(series)):
        result[i] = np.argmin(np.flipud(series[:i] > series[i]))
    return result


def mytt_indicators(o, h, lo, c, v):
    """Return the 78 indicators of one stock's bars: name -> (bars,)."""
    r = {}
    r["asi"], r["asit"] = M.ASI(o, c, h, lo)
    r["atr"] = M.ATR(c, h, lo)
    r["bbi"] = M.BBI(c)
    r["bias1"], r["bias2"], r["bias3"] = M.BIAS(c)
    r["boll_upper"], r["boll_mid"], r["boll_lower"] = M.BOLL(c)
    r["brar_ar"], r["brar_br"] = M.BRAR(o, c, h, lo)
    r["cci"] = M.CCI(c, h, lo)
    r["cr"] = _cr(c, h, lo)
    r["dfma_dif"], r["dfma_difma"] = M.DFMA(c)
    r["dmi_pdi"], r["dmi_mdi"], r["dmi_adx"], r["dmi_adxr"] = M.DMI(c, h, lo)
    r["downdays"] = M.BARSLASTCOUNT(c < M.REF(c, 1))
    r["updays"] = M.BARSLASTCOUNT(c > M.REF(c, 1))
    r["dpo"], r["madpo"] = M.DPO(c)
    for n in (5, 10, 20, 30, 60, 90, 250):
        r[f"ema_{n}"], r[f"ma_{n}"] = M.EMA(c, n), M.MA(c, n)
    r["emv"], r["maemv"] = M.EMV(h, lo, v)
    r["expma_12"], r["expma_50"] = M.EXPMA(c)
    r["kdj_k"], r["kdj_d"], r["kdj"] = M.KDJ(c, h, lo)
    r["ktn_upper"], r["ktn_mid"], r["ktn_down"] = M.KTN(c, h, lo)
    r["lowdays"], r["topdays"] = _lowrange(lo), _toprange(h)
    r["macd_dif"], r["macd_dea"], r["macd"] = M.MACD(c)
    r["mass"], r["ma_mass"] = M.MASS(h, lo)
    r["mfi"] = M.MFI(c, h, lo, v)
    r["mtm"], r["mtmma"] = M.MTM(c)
    r["obv"] = M.OBV(c, v)
    r["psy"], r["psyma"] = M.PSY(c)
    r["roc"], r["maroc"] = M.ROC(c)
    for n in (6, 12, 24):
        r[f"rsi_{n}"] = M.RSI(c, n)
    r["taq_up"], r["taq_mid"], r["taq_down"] = M.TAQ(h, lo, 20)
    r["trix"], r["trma"] = M.TRIX(c)
    r["vr"] = M.VR(c, v)
    r["wr"], r["wr1"] = M.WR(c, h, lo)
    r["xsii_td1"], r["xsii_td2"], r["xsii_td3"], r["xsii_td4"] = _xsii(c, h, lo)
    return r


VALUATION = (
    "turnover_rate", "turnover_rate_f", "volume_ratio", "pe", "pe_ttm", "pb", "ps", "ps_ttm",
    "dv_ratio", "dv_ttm", "total_share", "float_share", "free_share", "total_mv", "circ_mv",
)  # fmt: skip


def random_fields(seed=0, days=330, stocks=6):
    """Return (days, stocks) fields of random walks on the tick grid, with the accidents of real bars.

    Stock 1 is suspended twice, stock 2 lists late, stock 3 has a split, stock 4 trades at one price for 12
    days and then opens locked one tick higher for 30, stock 5 has a bar without volume.
    """
    rng = np.random.default_rng(seed)
    close = np.round(20 * np.exp(np.cumsum(rng.normal(0, 0.02, (days, stocks)), axis=0)), 2)
    open_ = np.round(close * np.exp(rng.normal(0, 0.01, close.shape)), 2)
    high = np.round(np.maximum(open_, close) * (1 + rng.exponential(0.006, close.shape)), 2)
    low = np.round(np.minimum(open_, close) * (1 - rng.exponential(0.006, close.shape)), 2)
    vol = np.round(np.exp(rng.normal(13, 1, close.shape)))
    adj = np.ones(close.shape)
    adj[150:, 3] = 2.0
    for price in (open_, high, low, close):
        price[150:, 3] = np.round(price[150:, 3] / 2, 2)
        price[60:72, 4] = 21.37
        price[100:130, 4] = 25.0 + 0.01 * np.arange(30)
    vol[200, 5] = 0.0
    fields = {"open": open_, "high": high, "low": low, "close": close, "vol": vol, "amount": vol * close}
    fields["pre_close"] = np.vstack([open_[:1], close[:-1] * adj[:-1] / adj[1:]])
    for name in VALUATION:
        fields[name] = np.exp(rng.normal(0, 1, close.shape))
    for values in fields.values():
        values[80:110, 1] = values[205:207, 1] = np.nan
        values[:40, 2] = np.nan
    fields["adj_factor"] = adj
    return fields


def random_market(fields=None, **status):
    """Return a panel of such fields; stock 2 is listed from row 40 on."""
    fields = random_fields() if fields is None else fields
    days, stocks = fields["close"].shape
    dates = np.datetime64("2020-01-01") + np.arange(days)
    codes = [f"{600000 + n}.SH" for n in range(stocks)]
    listed = np.where(np.arange(stocks) == 2, 40, -500)
    return MarketPanel.from_arrays(dates, codes, fields, list_index=listed, **status)


FLOWS = tuple(f"{side}_{size}_amount" for size in ("sm", "md", "lg", "elg") for side in ("buy", "sell"))
REPORTED = ("roe", "netprofit_yoy", "debt_to_assets", "ar_turn", "tangibleasset_to_netdebt")
INDICES = ("000300.SH", "000905.SH", "000852.SH")


def rich_fields(seed=0, days=330, stocks=12):
    """Return `random_fields` of more stocks with money flow, reports and signed earnings beside them."""
    fields = random_fields(seed, days, stocks)
    rng = np.random.default_rng(seed + 1000)
    shape = fields["close"].shape
    fields["turnover_rate"] = np.exp(rng.normal(-4, 0.5, shape))
    fields["circ_mv"] = fields["close"] * np.exp(rng.normal(18, 1, stocks))
    fields["pe_ttm_signed"] = rng.normal(20, 15, shape)
    for name in FLOWS:
        fields[name] = fields["amount"] * rng.uniform(0.1, 0.4, shape)
    fields["net_mf_amount"] = fields["amount"] * rng.normal(0, 0.1, shape)
    fields["turnover_rate"][np.isnan(fields["close"])] = fields["pe_ttm_signed"][np.isnan(fields["close"])] = np.nan
    for name in REPORTED:
        fields[name] = np.repeat(rng.normal(0.1, 0.3, (-(-days // 60), stocks)), 60, axis=0)[:days]
    return fields


def index_series(seed=0, days=330):
    """Return closes and amounts of the three indices, code -> (days,) each."""
    rng = np.random.default_rng(seed + 2000)
    closes = {code: 4000 * np.exp(np.cumsum(rng.normal(0, 0.01, days))) for code in INDICES}
    return closes, {code: np.exp(rng.normal(26, 0.3, days)) for code in INDICES}


def rich_market(fields=None, series=None, **status):
    """Return a panel of such fields with three indices; stock 2 is listed from row 40 on."""
    fields = rich_fields() if fields is None else fields
    closes, amounts = index_series(days=len(fields["close"])) if series is None else series
    return random_market(fields, indices=closes, index_amounts=amounts, **status)


def altered_after(last, **status):
    """Return the rich market, and one that is the same up to a row and another after it, eligible stocks of both."""
    fields, other = rich_fields(), rich_fields(seed=5)
    other["adj_factor"] = other["adj_factor"] * 7
    other["close"][last + 1 : last + 5, 0] = np.nan
    mixed = {name: np.vstack([fields[name][: last + 1], other[name][last + 1 :]]) for name in fields}
    series, others = index_series(), index_series(seed=5)
    joined = tuple(
        {code: np.append(a[code][: last + 1], b[code][last + 1 :]) for code in a}
        for a, b in zip(series, others, strict=True)
    )
    before, after = rich_market(fields, series, **status), rich_market(mixed, joined, **status)
    eligible = before.listed & ~before.suspended
    changed = after.listed & ~after.suspended
    changed[: last + 1] = eligible[: last + 1]
    changed[last + 1 :, 3:6] = False
    return (before, eligible), (after, changed)


def real_panel(market, codes, first, last):
    """Return a panel of some real stocks' bars and valuations, and the days' real dates."""
    import pyarrow.parquet as pq

    chosen = [("ts_code", "in", codes), ("trade_date", ">=", first), ("trade_date", "<=", last)]
    frames = {
        name: pq.read_table(market / f"{name}.parquet", filters=chosen).to_pandas()
        for name in ("daily", "adj_factor", "daily_basic")
    }
    rows = frames["daily"].merge(frames["adj_factor"], on=["ts_code", "trade_date"])
    basic = frames["daily_basic"].drop(columns="close")
    wide = rows.merge(basic, how="left", on=["ts_code", "trade_date"]).pivot(index="trade_date", columns="ts_code")
    names = sorted({name for name, _ in wide.columns})
    units = {"vol": 100.0, "amount": 1000.0, "turnover_rate": 0.01, "circ_mv": 1e4, "float_share": 1e4}
    fields = {name: wide[name].to_numpy() * units.get(name, 1.0) for name in names}
    dates = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in wide.index], dtype="datetime64[D]")
    return MarketPanel.from_arrays(dates, list(wide["close"].columns), fields)
