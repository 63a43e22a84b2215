"""Whole runs: a small one worked by hand, many random ones audited, and Backtrader's own parts at work."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from analyzers.recorders import RECORDERS
from feeds.errors import ConfigError, SignalError
from strategies import registry
from strategies.execution import config, engine

A, B, C = "600000.SH", "600001.SH", "600002.SH"
NAN = float("nan")


@pytest.fixture
def worked(market, backtest):
    """Six days, three stocks, the two best scores, 100,000 yuan, 8 bp a side.

    Day 0  A 10, B 20, C 40. Scores want A and B at 50,000 each: 5,000 and 2,500 shares.
    Day 1  opens at 10.20 and 20.00: 51,000 + 50,000 and 80.80 of fees do not fit into 100,000. The one factor is
           100,000 / 101,080.80 = 0.98930...: 4,946 and 2,473 shares, in lots 4,900 and 2,400. Of the 1,941.616 left
           the lot of B, which lacks most, costs 2,001.60; that of A 1,020.816 and is bought.
           Cash 100,000 - 51,000 - 40.80 - 48,000 - 38.40 = 920.80. Closes 10.50 and 19.50: NAV 100,220.80.
    Day 2  A goes ex: 10 for 1 and 3 yuan cash for 10 shares: 500 new shares, 1,500 yuan. B is suspended.
           A closes at 9.40: NAV 2,420.80 + 5,500 x 9.40 + 2,400 x 19.50 = 100,920.80.
           Scores want C, then B, then A. B is stuck and keeps a slot, so C gets the other: 50,460.40 / 42 = 1,201.4.
    Day 3  A opens at its lower limit: its sale waits. B trades again: 2,400 x 18.00 - 34.56 = 43,165.44, cash
           45,586.24. C opens at 43: 51,600 + 41.28 do not fit, the factor 0.8827... leaves 1,000 shares.
           Cash 45,586.24 - 43,034.40 = 2,551.84; closes 8.46 and 44: NAV 93,081.84.
    Day 4  A opens above its limit: 5,500 x 8.00 - 35.20 = 43,964.80. Cash 46,516.64, C 45: NAV 91,516.64.
    Day 5  C 46: NAV 92,516.64.
    """
    panel = market(
        {A: [10, 10.5, 9.4, 8.46, 7.9, 7.9], B: [20, 19.5, NAN, 17.5, 17.5, 17.5], C: [40, 41, 42, 44, 45, 46]},
        {A: [10, 10.2, 9.3, 8.46, 8.0, 7.9], B: [20, 20, NAN, 18, 17.5, 17.5], C: [40, 40, 42, 43, 45, 46]},
        up_limit={A: [11, 11, 10.2, 10.34, 9.31, 8.69]},
        down_limit={A: [9, 9, 8.35, 8.46, 7.61, 7.11]},
        adj_factor={A: [1, 1, 10.5 / 9.27, 10.5 / 9.27, 10.5 / 9.27, 10.5 / 9.27]},
        events=[(A, 2, {"shares": 0.1, "cash": 0.3})],
    )
    scores = {0: {A: 3, B: 2, C: 1}, 2: {C: 3, B: 2, A: 1}}
    return backtest(panel, scores, cash=100_000, fees="8bp")


def test_the_worked_example_has_the_nav_worked_by_hand(worked):
    nav = worked.nav
    assert nav["nav"].tolist() == pytest.approx([100_000, 100_220.8, 100_920.8, 93_081.84, 91_516.64, 92_516.64])
    assert nav["cash"].tolist() == pytest.approx([100_000, 920.8, 2_420.8, 2_551.84, 46_516.64, 46_516.64])
    assert nav["stock_value"].tolist() == pytest.approx((nav["nav"] - nav["cash"]).tolist())
    assert nav["benchmark"].tolist() == [3000, 3020, 3040, 3060, 3080, 3100]


def test_the_worked_example_explains_every_order(worked):
    days = worked.nav["date"].tolist()
    columns = ["signal_date", "date", "ts_code", "side", "wanted", "filled", "status", "reason", "attempts"]
    found = [tuple(line) for line in worked.orders[columns].itertuples(index=False)]
    assert found == [
        (days[0], days[1], A, "buy", 5000, 5000, "filled", "", 1),
        (days[0], days[1], B, "buy", 2500, 2400, "partial", "cash", 1),
        (days[2], days[3], B, "sell", 2400, 2400, "filled", "", 1),
        (days[2], days[3], C, "buy", 1200, 1000, "partial", "cash", 1),
        (days[2], days[4], A, "sell", 5500, 5500, "filled", "limit down at open", 2),
    ]
    assert worked.orders["price"].tolist() == [10.2, 20, 18, 43, 8]
    assert worked.orders["fee"].tolist() == pytest.approx([40.8, 38.4, 34.56, 34.4, 35.2])
    assert worked.orders["reference"].tolist() == [10, 20, 19.5, 42, 9.4]


def test_the_worked_example_lists_what_the_dividend_did(worked):
    day = worked.nav["date"][2]
    assert [tuple(line) for line in worked.actions.itertuples(index=False)] == [
        (day, A, "cash_dividend", 0, pytest.approx(1_500), 0.0),
        (day, A, "bonus_shares", 500, pytest.approx(0), 0.0),
    ]


def test_the_worked_example_holds_what_was_bought(worked):
    held = worked.positions.groupby("date")["shares"].apply(list).tolist()
    assert held == [[5000, 2400], [5500, 2400], [5500, 1000], [1000], [1000]]
    assert worked.positions.groupby("date")["value"].sum().tolist() == pytest.approx(
        worked.nav["stock_value"].iloc[1:].tolist()
    )


def test_the_facts_say_what_the_numbers_rest_on(worked):
    facts = worked.facts
    assert facts["fees"] == "8 bp of the traded value on each side, all-in"
    assert (facts["strategy"], facts["params"]["top_k"], facts["cash_start"]) == ("top_k", 2, 100_000)
    assert (facts["start"], facts["end"]) == ("2024-01-03", "2024-01-09")
    assert facts["universe_size"] == [["2024-01", 3], ["2024-01", 2]]
    assert facts["signal"]["files"] == 2 and facts["universe_later_delisted"] == 0.0
    assert (facts["benchmark_code"], facts["benchmark_kind"]) == ("000300.SH", "price index")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("H00300.CSI", "total-return index"), ("H20955.CSI", "total-return index"), ("000985.CSI", "price index"),
        ("H30533.CSI", "price index"), ("000300.SH", "price index"),
    ],
)  # fmt: skip
def test_the_benchmark_is_called_what_it_is(market, backtest, code, kind):
    panel = market({A: [10.0] * 3})
    panel.indices[code] = np.array([1.0, 2.0, 3.0])
    assert backtest(panel, {0: {A: 1.0}}, benchmark=code).facts["benchmark_kind"] == kind


def test_the_same_inputs_give_the_same_frames(market, backtest):
    prices = {code: list(np.round(10 + np.arange(8) * step, 2)) for code, step in ((A, 0.3), (B, -0.2), (C, 0.1))}
    scores = {0: {A: 1, B: 2, C: 3}, 3: {A: 3, B: 2, C: 1}, 5: {A: 2, B: 3, C: 1}}
    first, second = (backtest(market(prices), scores, fees="8bp") for _ in range(2))
    for name in ("nav", "positions", "orders", "actions"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)
    assert first.facts == second.facts


def test_a_run_of_one_day_trades_that_day(market, backtest):
    panel = market({A: [10.0, 10.0, 11.0, 12.0]})
    result = backtest(panel, {0: {A: 1.0}, 1: {A: 1.0}}, start="2024-01-04", end="2024-01-04", top_k=1, cash=10_000)
    assert result.nav["nav"].tolist() == [10_000, 10_000]
    assert result.orders["filled"].tolist() == [900]  # sized at 10.00, paid at 11.00
    assert result.nav["date"].tolist() == [pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04")]


def test_a_run_that_starts_on_a_day_off_starts_with_the_next_session(market, backtest):
    panel = market({A: [10.0] * 8})
    result = backtest(panel, {2: {A: 1.0}, 3: {A: 1.0}}, start="2024-01-06")  # a Saturday
    assert result.facts["start"] == "2024-01-08"
    assert result.orders["date"].tolist() == [pd.Timestamp("2024-01-08")]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"strategy": "top11"}, ConfigError, "did you mean top10"),
        ({"fees": "8 bps"}, ConfigError, "fees must be one of"),
        ({"benchmark": "000905.SH"}, ValueError, "index must be one of 000300.SH, was 000905.SH"),
        ({"universe": "000300.SH"}, ValueError, "universe must be one of all, was 000300.SH"),
        ({"end": "2024-01-03", "start": "2024-01-04"}, ConfigError, "start must be before end"),
        ({"start": "2024-01-05"}, ConfigError, "signal memory must have a score within the run, was without one"),
        ({"parameters": {"top_q": 3}}, ConfigError, r"was top_q \(did you mean top_k\?\)"),
        ({"parameters": {"top_k": 2.5}}, ConfigError, "top_k must be a whole number, was 2.5"),
        ({"parameters": {"top_k": True}}, ConfigError, "top_k must be a whole number, was True"),
        ({"parameters": {"invested": "all"}}, ConfigError, "invested must be a number, was all"),
        ({"parameters": {"invested": NAN}}, ConfigError, "invested must be a number, was nan"),
        ({"parameters": {"sell_suspended": 1}}, ConfigError, "sell_suspended must be true or false, was 1"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_first_day(market, backtest, options, error, message):
    with pytest.raises(error, match=message):
        backtest(market({A: [10.0] * 5}), {0: {A: 1.0}}, **options)


def test_a_strategy_on_scores_must_have_scores(market):
    with pytest.raises(ConfigError, match="strategy top10 must have a signal, was without one"):
        engine.run(config.make({}), market({A: [10.0] * 3}), None, RECORDERS)


def test_an_unknown_code_in_a_score_file_is_refused(market, backtest):
    with pytest.raises(SignalError, match="must be in the market's data, was 600009"):
        backtest(market({A: [10.0] * 3}), {0: {A: 1.0, "600009.SH": 2.0}})


def test_a_delisted_stock_is_gone_from_the_run_at_once(market, backtest):
    panel = market({A: [10, 10, 10, NAN, NAN], B: [10.0] * 5}, delisted={A: 3})
    result = backtest(panel, {0: {A: 2, B: 1}, 3: {B: 1}}, top_k=1, cash=10_000, delisting_recovery=0.25)
    assert result.nav["nav"].tolist() == [10_000, 10_000, 10_000, 2_500, 2_500]
    assert result.orders[["ts_code", "side", "filled"]].to_numpy().tolist() == [[A, "buy", 1000], [B, "buy", 200]]
    assert result.facts["universe_later_delisted"] == 0.5


def test_a_delisting_is_found_in_a_run_that_begins_later(market, backtest):
    panel = market({A: [10, 10, 10, 10, NAN, NAN], B: [10.0] * 6}, delisted={A: 4})
    result = backtest(panel, {1: {A: 1}}, top_k=1, cash=10_000, start="2024-01-04")
    assert result.actions[["date", "kind"]].to_numpy().tolist() == [[pd.Timestamp("2024-01-08"), "delisting"]]
    assert result.nav["nav"].tolist() == [10_000, 10_000, 10_000, 0, 0]


def test_a_stock_bought_into_its_delisting_is_refused(market, backtest):
    panel = market({A: [10, 10, NAN, NAN], B: [10.0] * 4}, delisted={A: 2})
    result = backtest(panel, {1: {A: 2, B: 1}}, top_k=1)
    assert result.orders[["reason", "status"]].to_numpy().tolist() == [["delisted", "expired"]]


# -- Backtrader's own parts ------------------------------------------------------------------------------------


class Crossing(bt.Strategy):
    """A public strategy as it is written everywhere: an average, a target in percent, a close."""

    params = (("code", B), ("period", 3), ("share", 0.9))

    def __init__(self):
        self.feed = self.broker.market.feed(self.p.code)
        self.average = bt.ind.SMA(self.feed, period=self.p.period)
        self.cross = bt.ind.CrossOver(self.feed.close, self.average)
        self.seen = []

    def next(self):
        self.seen.append((self.datetime.date(0), self.feed.close[0], self.average[0]))
        if not self.getposition(self.feed):
            if self.cross[0] > 0:
                self.order_target_percent(self.feed, target=self.p.share)
        elif self.cross[0] < 0:
            self.close(self.feed)


@pytest.fixture
def wavy(market):
    close = np.round(10 + 2 * np.sin(np.arange(60) / 4), 2)
    return market({A: [5.0] * 60, B: close.tolist()}, {B: np.round(np.roll(close, 1) + 0.01, 2).tolist()})


@pytest.fixture
def crossing(monkeypatch, wavy):
    """The public strategy run by name through the engine, with Backtrader's analyzers beside our recorders."""
    spec = registry.StrategySpec("crossing", Crossing, "a public strategy")
    monkeypatch.setitem(registry.STRATEGIES, "crossing", spec)
    settings = config.make({"strategy": "crossing", "cash": 1e6, "parameters": {"period": 5}})

    class DailySharpe(bt.analyzers.SharpeRatio):
        params = (
            ("timeframe", bt.TimeFrame.Days), ("riskfreerate", 0.0), ("annualize", True), ("factor", 242),
            ("stddev_sample", True),
        )  # fmt: skip

    analyzers = {
        "drawdown": bt.analyzers.DrawDown, "returns": bt.analyzers.TimeReturn, "trades": bt.analyzers.TradeAnalyzer,
        "sharpe": DailySharpe, "leverage": bt.analyzers.GrossLeverage, "quality": bt.analyzers.SQN,
    }  # fmt: skip
    return engine.run(settings, wavy, None, {**RECORDERS, **analyzers})


def test_a_public_strategy_runs_by_name_without_scores(crossing):
    fills = crossing.orders[crossing.orders["filled"] > 0]
    assert fills["side"].tolist() == ["buy", "sell", "buy"]
    assert (fills["signal_date"] < fills["date"]).all()
    # The last close asks for a sale that no session is left for.
    assert crossing.orders.iloc[-1][["status", "attempts", "filled"]].tolist() == ["open", 0, 0]
    assert (crossing.orders.loc[crossing.orders["side"] == "buy", "filled"] % 100 == 0).all()
    assert crossing.facts["signal"] == {"name": "none", "files": 0, "available_at": None, "spans": []}
    assert crossing.facts["params"] == {"code": B, "period": 5, "share": 0.9}


def test_backtraders_analyzers_agree_with_the_nav(crossing):
    nav = crossing.nav["nav"].to_numpy()
    returns = nav[1:] / nav[:-1] - 1
    found = crossing.analyses
    assert np.array(list(found["returns"].values()))[1:] == pytest.approx(returns)
    assert found["drawdown"].max.drawdown == pytest.approx(100 * (1 - nav / np.maximum.accumulate(nav)).max())
    daily = np.insert(returns, 0, 0.0)  # Backtrader counts the day before trading, which returned nothing
    assert found["sharpe"]["sharperatio"] == pytest.approx(daily.mean() / daily.std(ddof=1) * np.sqrt(242))
    assert found["leverage"][pd.Timestamp(crossing.nav["date"].iloc[-1]).to_pydatetime()] == pytest.approx(
        crossing.nav["stock_value"].iloc[-1] / nav[-1]
    )


def test_backtraders_trades_add_up_to_the_change_in_nav(crossing):
    trades, last = crossing.analyses["trades"], crossing.orders.iloc[2]
    unrealised = crossing.nav["stock_value"].iloc[-1] - last["filled"] * last["price"] - last["fee"]
    assert (trades.total.closed, trades.total.open) == (1, 1)
    assert trades.pnl.net.total + unrealised == pytest.approx(crossing.nav["nav"].iloc[-1] - 1e6)


def test_a_public_strategy_sees_its_average_from_the_first_full_window_on(wavy, play):
    strategy = play(wavy, strategy=Crossing).strategy
    closes = pd.Series(wavy.field("close")[:, 1])
    dates, seen, averages = zip(*strategy.seen, strict=True)
    # The average needs three closes, the crossing one more.
    assert [str(day) for day in dates] == [str(day) for day in wavy.dates[3:]]
    assert list(seen) == closes[3:].tolist()
    assert list(averages) == pytest.approx(closes.rolling(3).mean()[3:].tolist())


def test_a_parameter_of_a_public_strategy_is_checked_by_kind(wavy, monkeypatch):
    monkeypatch.setitem(registry.STRATEGIES, "crossing", registry.StrategySpec("crossing", Crossing, "public"))
    wrong = (({"code": 3}, "code must be text, was 3"), ({"share": "x"}, "share must be a number, was x"))
    for given, message in wrong:
        with pytest.raises(ConfigError, match=message):
            engine.run(config.make({"strategy": "crossing", "parameters": given}), wavy, None, {})
    chosen = {"strategy": "crossing", "parameters": {"share": 2, "period": 4}}
    assert engine.strategy_parameters(config.make(chosen)) == {"code": B, "period": 4, "share": 2}


def test_frames_without_a_recorder_are_empty(market, scores_of):
    panel = market({A: [10.0] * 4})
    result = engine.run(config.make({"min_listed_days": 1}), panel, scores_of(panel, {0: {A: 1}}), {})
    assert result.nav.empty and result.orders.empty and result.positions.empty and result.analyses == {}


def test_the_spans_of_the_models_are_told_once_each(market, scores_of):
    panel = market({A: [10.0] * 6})
    scores = scores_of(panel, {0: {A: 1}, 1: {A: 1}, 2: {A: 1}})
    metas = [
        {"signal_date": str(panel.dates[n]), "train_end": end, "available_at": f"{panel.dates[n]}T19:00:00+08:00"}
        for n, end in enumerate(("2023-01-01", "2023-01-01", "2023-02-01"))
    ]
    read = scores.read
    by_day = dict(zip(panel.dates[:3], metas, strict=True))
    scores.read = lambda day: type(read(day))(day, read(day).codes, read(day).scores, by_day[day])
    facts = engine.run(config.make({"min_listed_days": 1}), panel, scores, {}).facts["signal"]
    spans = [(span["first_signal"], span["last_signal"], span["train_end"]) for span in facts["spans"]]
    assert spans == [("2024-01-02", "2024-01-03", "2023-01-01"), ("2024-01-04", "2024-01-04", "2023-02-01")]
    assert facts["available_at"] == "19:00 of the signal date"
