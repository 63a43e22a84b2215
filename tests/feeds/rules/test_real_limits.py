"""Real bars against the computed limits: the whole market of 2019 to 2022, and twenty funds since 2010."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from feeds.rules import boards, limit_grid, limit_percents, limit_prices
from feeds.rules.limits import FUND_BAND, WIDE_FUND_BAND

_RETURNED = "first day after a suspended listing: no limit"
_RELISTED = "first day of a relisting of a company that was delisted: no limit"
# Every bar of four years that left the computed limits, and why: the data do not say that these days were special.
OUTSIDE = {
    ("000670.SZ", "2022-08-22"): _RETURNED,
    ("000792.SZ", "2021-08-10"): _RETURNED,
    ("000995.SZ", "2020-12-16"): _RETURNED,
    ("001267.SZ", "2021-11-17"): _RELISTED,
    ("600610.SH", "2020-08-17"): _RETURNED,
    ("601399.SH", "2020-06-08"): _RELISTED,
    ("601975.SH", "2019-01-08"): _RELISTED,
}


def day(text):
    return np.datetime64(text)


def days_of(column):
    return pd.to_datetime(column, format="%Y%m%d").to_numpy().astype("datetime64[D]")


@pytest.fixture(scope="module")
def market(real_market):
    """The whole market as (N, T) arrays in cents, its computed limits, and who was listed when."""
    names = ["ts_code", "trade_date", "pre_close", "high", "low", "adj_factor"]
    path = real_market / "daily_all_2019_2022.parquet"
    bars = pq.read_table(path, columns=names, read_dictionary=["ts_code", "trade_date"]).to_pandas()
    codes = bars["ts_code"].cat.categories.to_numpy().astype("U9")
    order = np.argsort(days_of(bars["trade_date"].cat.categories))
    days = days_of(bars["trade_date"].cat.categories)[order]
    stock, row = bars["ts_code"].cat.codes.to_numpy(), np.argsort(order)[bars["trade_date"].cat.codes.to_numpy()]
    grids = {name: np.full((len(codes), len(days)), np.nan) for name in names[2:]}
    for name, grid in grids.items():
        grid[stock, row] = bars[name].to_numpy()
    first = np.isfinite(grids["high"]).argmax(axis=1)
    # A first bar with a factor of 1 after the file's first day is a listing; with another it ends a suspension.
    new = (first > 0) & (grids["adj_factor"][np.arange(len(codes)), first] == 1)
    nobody = np.zeros((len(days), len(codes)), bool)
    down, up = limit_grid(
        codes, days, grids["pre_close"], marked=nobody, leaving=nobody, debut=first,
        listed=np.where(new, days[first], np.datetime64("NaT")),
    )  # fmt: skip
    cents = {name: np.rint(values * 100) for name, values in {**grids, "down": down, "up": up}.items()}
    return SimpleNamespace(codes=codes, days=days, board=boards(codes), first=first, new=new, **cents)


def beyond(market, percent):
    """Return which bars left a band of so many percent, (N, T)."""
    down, up = limit_prices(market.pre_close / 100, percent)
    return (market.high > np.rint(up * 100)) | (market.low < np.rint(down * 100))


def test_no_bar_of_four_years_of_the_whole_market_leaves_the_limits_but_seven_explained_ones(market):
    found = np.argwhere((market.high > market.up) | (market.low < market.down))
    assert {(str(market.codes[n]), str(market.days[row])) for n, row in found} == set(OUTSIDE)
    assert (np.isfinite(market.high) & ~np.isfinite(market.up)).sum() <= 5 * market.new.sum()


@pytest.mark.parametrize(("board", "at_least"), [("main", 70_000), ("chinext", 14_000), ("star", 700)])
def test_highs_pile_up_on_the_limit_and_not_a_cent_beside_it(market, board, at_least):
    here = market.board == board
    high, up, low, down = (grid[here] for grid in (market.high, market.up, market.low, market.down))
    assert (high == up).sum() > at_least
    assert (high == up).sum() > 15 * (high == up - 1).sum()
    assert (low == down).sum() > 10 * (low == down + 1).sum()


def test_first_days_of_the_approval_era_end_44_percent_up_in_nearly_every_case(market):
    days = market.days[market.first]
    banded = market.new & ((market.board == "main") | ((market.board == "chinext") & (days < day("2020-08-24"))))
    debut = np.flatnonzero(banded), market.first[banded]
    assert banded.sum() > 500
    assert (market.high[debut] == market.up[debut]).mean() > 0.95


def test_the_free_days_of_registration_are_needed_to_the_fifth_and_not_beyond(market):
    listed = market.new & ((market.board == "star") | (market.board == "chinext"))
    listed &= (market.board == "star") | (market.days[market.first] >= day("2020-08-24"))
    listed &= market.first < len(market.days) - 6
    moved = beyond(market, 20)[listed]
    first = market.first[listed]
    by_age = [int(moved[np.arange(len(first)), first + age].sum()) for age in range(6)]
    assert all(count > 0 for count in by_age[:5]) and by_age[5] == 0


def test_chinext_left_ten_percent_on_the_day_of_its_reform_and_not_before(market):
    old = (market.board == "chinext") & ~market.new
    moved = beyond(market, 10)[old]
    reform = int(np.searchsorted(market.days, day("2020-08-24")))
    assert moved[:, :reform].sum() == 0
    assert moved[:, reform].sum() > 20


def test_funds_keep_their_bands_to_a_tenth_of_a_cent(real_market):
    bars = pd.read_parquet(
        real_market / "fund_daily.parquet", columns=["ts_code", "trade_date", "pre_close", "high", "low"]
    )
    days, code = days_of(bars["trade_date"]), bars["ts_code"].to_numpy().astype("U9")
    percent = FUND_BAND.values(days)
    for wide in ("159915.SZ", "159949.SZ", "588000.SH"):  # ChiNext and STAR funds hold stocks of ±20% only
        percent = np.where(code == wide, np.fmax(percent, WIDE_FUND_BAND[wide[-2:]].values(days)), percent)
    high, low, pre_close = (bars[name].to_numpy() for name in ("high", "low", "pre_close"))
    down, up = limit_prices(pre_close, percent, tick=0.001)
    assert not ((high > up + 1e-6) | (low < down - 1e-6)).any()
    assert np.isclose(high, up).sum() > 20 * np.isclose(high, up - 0.001).sum()
    assert np.isclose(low, down).sum() > 5 * np.isclose(low, down + 0.001).sum()
    _, narrow = limit_prices(pre_close, FUND_BAND.values(days), tick=0.001)
    assert [str(name) for name in code[high > narrow + 1e-6]] == ["588000.SH"]


def test_days_under_st_keep_five_percent(real_market):
    st = pd.read_parquet(real_market / "st_days.parquet")
    bars = pd.read_parquet(real_market / "daily.parquet", columns=["ts_code", "trade_date", "pre_close", "high", "low"])
    bars = bars.merge(st, on=["ts_code", "trade_date"])
    days, board = days_of(bars["trade_date"]), boards(bars["ts_code"].to_numpy())
    down, up = limit_prices(bars["pre_close"].to_numpy(), limit_percents(board, days, True))
    assert len(bars) > 500
    outside = (bars["high"] > up + 1e-6) | (bars["low"] < down - 1e-6)
    assert not outside.any()
