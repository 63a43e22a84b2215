"""The market clock: one feed moves, every stock is seen through it, and nobody sees further."""

import gc
import os
import shutil
from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from feeds.errors import DataError
from feeds.lines import Market
from feeds.panel import MarketPanel, load_panel, save_panel

NAN = float("nan")
DAYS = 40
CODES = ["000001.SZ", "600000.SH", "688001.SH"]


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    rng = np.random.default_rng(5)
    close = np.round(20 * np.exp(np.cumsum(rng.normal(0, 0.02, (DAYS, 3)), axis=0)), 2)
    close[10:13, 0] = NAN
    turnover = rng.uniform(0, 0.1, (DAYS, 3)).astype("float32")
    dates = np.busday_offset(np.datetime64("2024-01-02"), np.arange(DAYS))
    fields = {"close": close, "open": np.round(close * 1.01, 2), "turnover_rate": turnover}
    return MarketPanel.from_arrays(dates, CODES, fields)


def run(panel, strategy, first=0, last=DAYS - 1, closes=None, **options):
    """Run a Backtrader strategy with its own broker on the market clock and return it."""
    market = Market(panel, first, last, closes)
    cerebro = bt.Cerebro(stdstats=False, **options)
    cerebro.adddata(market.clock, name="clock")
    cerebro.addstrategy(strategy, market=market)
    return cerebro.run()[0]


class Watcher(bt.Strategy):
    """Writes down what it sees of the second stock every day."""

    params = (("market", None),)

    def __init__(self):
        self.feed = self.p.market.feed("600000.SH")
        self.seen = []

    def next(self):
        feed, market = self.feed, self.p.market
        self.seen.append((market.step, market.row, feed.datetime.date(0), len(feed), feed.open[0], feed.close[0]))


class Average(bt.Indicator):
    """A moving average that only knows ``next``, as users write them."""

    lines = ("average",)
    params = (("period", 4),)

    def __init__(self):
        self.addminperiod(self.p.period)

    def next(self):
        self.lines.average[0] = sum(self.data.get(size=self.p.period)) / self.p.period


class Spread(bt.Indicator):
    """The difference of two stocks and the benchmark, and yesterday's, day by day."""

    lines = ("spread", "before")

    def __init__(self):
        self.addminperiod(2)

    def next(self):
        first, second, clock = (data.close for data in self.datas)
        self.lines.spread[0] = first[0] - second[0] + clock[0]
        self.lines.before[0] = first[-1] - second[-1] + clock[-1]


class Nested(bt.Indicator):
    """An indicator of another that only knows ``next``, and one of a line's difference to the day before."""

    lines = ("twice", "step")

    def __init__(self):
        self.inner = bt.ind.SMA(self.data, period=2)
        self.lines.step = self.data.close - self.data.close(-1)

    def next(self):
        self.lines.twice[0] = 2 * self.inner[0]


def test_a_stock_is_seen_through_the_clock(panel):
    seen = run(panel, Watcher, first=5, last=24).seen
    assert [line[:2] for line in seen] == [(n, n + 5) for n in range(20)]
    assert [str(line[2]) for line in seen] == [str(day) for day in panel.dates[5:25]]
    assert [line[3] for line in seen] == list(range(1, 21))
    assert [line[4] for line in seen] == panel.field("open")[5:25, 1].tolist()
    assert [line[5] for line in seen] == panel.field("close")[5:25, 1].tolist()


def test_the_clock_carries_the_benchmark(panel):
    class Benchmark(Watcher):
        def next(self):
            self.seen.append((self.data.close[0], str(self.data.datetime.date(0)), self.data.volume[0]))

    seen = run(panel, Benchmark, closes=np.arange(DAYS) + 3000.0).seen
    assert seen == [(3000.0 + n, str(day), 0.0) for n, day in enumerate(panel.dates)]


def test_a_feed_is_made_once_and_by_code_or_column(panel):
    market = Market(panel, 0, DAYS - 1)
    feed = market.feed("600000.SH")
    assert market.feed("600000.SH") is feed and market.feed(1) is feed and market.feed(np.int64(1)) is feed
    assert (feed.column, feed._name) == (1, "600000.SH")
    assert market.feed(2) is not feed and market.clock.column == -1


def test_a_feed_answers_to_backtraders_names(panel):
    feed = Market(panel, 0, DAYS - 1).feed(1)
    assert feed.line is feed.close and feed.line0 is feed.close and feed.line_3 is feed.open
    assert feed.l.high is feed.lines.high is feed.line2 and feed.datetime is feed.line6
    assert feed.lines.getlinealiases() == ("close", "low", "high", "open", "volume", "openinterest", "datetime")


def test_what_the_market_does_not_have_is_refused(panel):
    market = Market(panel, 0, DAYS - 1)
    with pytest.raises(DataError, match=r"code must be .*, was 600001\.SH"):
        market.feed("600001.SH")
    for column in (-1, 3):
        with pytest.raises(DataError, match=f"column must be from 0 to 2, was {column}"):
            market.feed(column)
    with pytest.raises(DataError, match=r"panel field must be one of .*close.*, was closing"):
        market.view("closing", 0)


def test_the_past_is_there_and_what_lies_before_the_run_is_not(panel):
    class Back(Watcher):
        def next(self):
            close = self.feed.close
            self.seen.append((close[-1], close[-3], list(close.get(size=3)), list(close.get(ago=-1, size=2))))

    seen = run(panel, Back, first=7, last=20).seen
    closes = panel.field("close")[7:21, 1].tolist()
    assert np.isnan([seen[0][0], seen[2][1]]).all()
    assert seen[0][2:] == ([closes[0]], []) and seen[1][2:] == (closes[:2], closes[:1])
    assert seen[5] == (closes[4], closes[2], closes[3:6], closes[3:5])


@pytest.mark.parametrize("runonce", [True, False])
@pytest.mark.parametrize("of_the_clock", [True, False])
@pytest.mark.parametrize(
    "look", [lambda close: close[1], lambda close: close.get(ago=1), lambda close: close.get(ago=2, size=2)]
)
def test_the_future_is_refused(panel, look, of_the_clock, runonce):
    class Ahead(Watcher):
        def next(self):
            look((self.data if of_the_clock else self.feed).close)

    with pytest.raises(DataError, match=r"ago must be at most 0 \(later days are not known yet\), was"):
        run(panel, Ahead, runonce=runonce)


def test_the_ways_in_which_backtrader_plots_a_line_work_too(panel):
    class Drawn(Watcher):
        def stop(self):
            close = self.feed.close
            close.minbuffer(5)
            self.seen = [list(close.getzero(2, 3)), list(close.plotrange(1, 3)), len(close.plot()), close.buflen()]

    closes = panel.field("close")[:, 1].tolist()
    assert run(panel, Drawn).seen == [closes[2:5], closes[1:3], DAYS, DAYS]


def test_the_benchmark_has_no_past_before_the_run_and_no_future(panel):
    class Back(Watcher):
        def next(self):
            self.seen.append((self.data.close[-1], list(self.data.close.get(size=2))))

    seen = run(panel, Back, closes=np.arange(DAYS) + 3000.0).seen
    assert np.isnan(seen[0][0]) and seen[0][1] == [3000.0]
    assert seen[-1] == (3038.0, [3038.0, 3039.0])


def test_days_without_a_trade_are_nan_and_without_open_interest(panel):
    class Other(Watcher):
        def next(self):
            feed = self.p.market.feed("000001.SZ")
            self.seen.append((feed.close[0], feed.volume[0], feed.openinterest[0]))

    seen = np.array(run(panel, Other).seen)
    assert np.flatnonzero(np.isnan(seen[:, 0])).tolist() == [10, 11, 12]
    assert np.isnan(seen[10:13, 1]).all() and (seen[:10, 1] == 1e6).all() and (seen[:, 2] == 0).all()


@pytest.mark.parametrize("runonce", [True, False])
def test_indicators_on_a_stock_are_the_same_computed_ahead_or_day_by_day(panel, runonce):
    class Indicators(Watcher):
        def __init__(self):
            super().__init__()
            first, second = self.p.market.feed("688001.SH"), self.feed
            self.plain = bt.ind.SMA(second, period=4)
            self.line = bt.ind.SMA(second.close, period=4)
            self.own = Average(second)
            self.on_line = Average(second.close)
            self.spread = Spread(first, second, self.data)
            self.turned = Spread(self.data, second, first)
            self.nested, self.again = Nested(second), Nested(second)

        def next(self):
            values = self.plain[0], self.line[0], self.own[0], self.on_line[0]
            nested = self.nested.twice[0], self.again.twice[0], self.nested.step[0]
            self.seen.append((*values, self.spread.spread[0], self.spread.before[0], self.turned.spread[0], *nested))

    benchmark = np.arange(DAYS) * 10.0
    seen = np.array(run(panel, Indicators, closes=benchmark, runonce=runonce).seen)
    closes = panel.field("close")
    average = pd.Series(closes[:, 1]).rolling(4).mean().to_numpy()[3:]
    spread = closes[:, 2] - closes[:, 1] + benchmark
    for column in range(4):
        assert seen[:, column] == pytest.approx(average)
    assert seen[:, 4] == pytest.approx(spread[3:]) and seen[:, 5] == pytest.approx(spread[2:-1])
    assert seen[:, 6] == pytest.approx((benchmark - closes[:, 1] + closes[:, 2])[3:])
    assert seen[:, 7] == pytest.approx(closes[3:, 1] + closes[2:-1, 1]) and (seen[:, 8] == seen[:, 7]).all()
    assert seen[:, 9] == pytest.approx(closes[3:, 1] - closes[2:-1, 1])


def test_a_strategy_waits_for_its_indicators_on_a_stock(panel):
    class Waiting(Watcher):
        def __init__(self):
            super().__init__()
            self.average = bt.ind.SMA(self.feed, period=15)

    assert run(panel, Waiting).seen[0][:2] == (14, 14)


def test_an_average_over_a_suspension_is_nan_until_its_window_has_passed(panel):
    class Gap(Watcher):
        def __init__(self):
            super().__init__()
            self.average = bt.ind.SMA(self.p.market.feed("000001.SZ"), period=3)

        def next(self):
            self.seen.append((self.p.market.step, self.average[0]))

    steps, values = np.array(run(panel, Gap).seen).T
    assert steps[np.isnan(values)].tolist() == [10, 11, 12, 13, 14]


@pytest.mark.parametrize("runonce", [True, False])
def test_a_feed_first_asked_for_during_the_run_stands_where_the_clock_stands(panel, runonce):
    class Late(Watcher):
        def __init__(self):
            self.seen = []

        def next(self):
            if len(self) == 20:
                feed = self.p.market.feed("688001.SH")
                self.seen.append((len(feed), feed.close[0], str(feed.datetime.date(0))))

    assert run(panel, Late, runonce=runonce).seen == [(20, panel.field("close")[19, 2], str(panel.dates[19]))]


def test_a_saved_panel_reads_the_same_floats_as_one_in_memory(panel, tmp_path):
    single = {**panel.fields, "turnover_rate": panel.fields["turnover_rate"].astype("float32")}
    save_panel(replace(panel, fields=single), tmp_path / "panel")
    saved = load_panel(tmp_path / "panel")
    assert isinstance(saved.fields["close"], np.memmap)
    for first, last in ((0, DAYS - 1), (3, 17)):
        market, other = Market(saved, first, last), Market(panel, first, last)
        for name in ("close", "open", "vol", "turnover_rate"):
            for column in range(3):
                view = market.view(name, column)
                assert view.format == "d" and len(view) == last - first + 1
                np.testing.assert_array_equal(np.asarray(view), panel.field(name)[first : last + 1, column])
                np.testing.assert_array_equal(np.asarray(view), np.asarray(other.view(name, column)))
        assert market.view("close", 1) is market.view("close", 1)


def test_the_files_of_a_saved_panel_are_closed_with_the_market(panel, tmp_path):
    save_panel(panel, tmp_path / "panel")
    market = Market(load_panel(tmp_path / "panel"), 0, DAYS - 1)
    market.view("close", 0)
    (number,) = market._files.values()
    os.fstat(number)
    del market
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_the_last_close_reaches_back_over_suspensions_and_before_the_run(panel):
    class Last(Watcher):
        def next(self):
            self.seen.append(self.p.market.last_close(0))

    closes = panel.field("close")[:, 0]
    assert run(panel, Last, first=10, last=14).seen == [closes[9]] * 3 + [closes[13], closes[14]]
    never = MarketPanel.from_arrays(panel.dates[:2], ["600000.SH"], {"close": np.full((2, 1), NAN)})
    assert np.isnan(run(never, Last, last=1).seen).all()


def test_a_run_goes_on_when_another_process_replaces_the_panel_it_opened(tmp_path):
    closes = np.array([[10.0, 20.0], [11.0, 21.0], [12.0, 22.0]])
    dates = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], "datetime64[D]")
    save_panel(MarketPanel.from_arrays(dates, ["600000.SH", "600001.SH"], {"close": closes}), tmp_path / "panel")
    market = Market(load_panel(tmp_path / "panel"), 0, 2)
    shutil.rmtree(tmp_path / "panel")
    assert list(market.view("close", 1)) == [20.0, 21.0, 22.0]
