"""What must not matter to an order: the unit of money, and whether it is given whole or in halves."""

import runpy
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from feeds.lines import Market

WORLD, STEPS = (
    SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name(f"account_{name}.py"))))
    for name in ("world", "steps")
)
SEEDS = some.integers(0, 2**32 - 1)
CHECKED = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def dearer(panel):
    """Return the panel with money of half the worth: twice the yuan for everything."""
    money = ("open", "high", "low", "close", "pre_close", "amount", "up_limit", "down_limit")
    events, changes = panel.events, panel.conversions
    return replace(
        panel, fields={name: values * 2 if name in money else values for name, values in panel.fields.items()},
        events=replace(events, cash=events.cash * 2, rights_price=events.rights_price * 2),
        conversions=replace(changes, cash=changes.cash * 2),
    )  # fmt: skip


def lived(panel, options, cash, baskets):
    """Return the broker after all days of a panel, with a basket of weights after some closes, and its worth by day."""
    broker = STEPS.broker_of(Market(panel, 0, len(panel.dates) - 1), options, cash)
    strategy, worth = STEPS.by_hand(broker), []
    for day in range(len(panel.dates)):
        broker.market.clock.advance()
        broker.next()
        worth.append(broker.worth)
        if day in baskets:
            STEPS.obey(strategy, ("basket", baskets[day]))
    return broker, worth


@given(SEEDS)
@CHECKED
def test_twice_the_prices_and_twice_the_cash_trade_the_same_shares(seed):
    rng = Random(seed)
    world = WORLD.World(seed)
    # Money that stays what it is: a face value of 1 yuan, a least fee of 5, the half tick from a mean price to a limit.
    plain = {"dividend_tax": "none", "fees": rng.choice(["none", "8bp"]), "execution": rng.choice(["open", "close"])}
    options = STEPS.random_options(rng) | plain
    baskets = {}
    for day in range(len(world.days)):
        known = [code for code in WORLD.CODES if any(world.bars[code][: day + 1])]
        if known and rng.random() < 0.4:
            baskets[day] = {code: rng.choice([None, 0.0, 0.05, 0.15]) for code in known}
    panel, cash = world.panel(), rng.choice([3_000.0, 100_000.0])
    first, worth = lived(panel, options, cash, baskets)
    second, twice = lived(dearer(panel), options, 2 * cash, baskets)
    assert [fill[:3] for fill in first.fills] == [fill[:3] for fill in second.fills]
    assert twice == pytest.approx([2 * value for value in worth], rel=1e-9)
    whys = [[(order.info.reason, order.info.attempts) for order in broker.orders] for broker in (first, second)]
    assert whys[0] == whys[1]


@given(
    code=some.sampled_from(WORLD.CODES), half=some.integers(1, 900), held=some.integers(0, 900),
    cash=some.floats(10, 3e4), volume=some.integers(100, 20_000), buy=some.booleans(),
    fees_of=some.sampled_from(["none", "8bp", "minimum"]),
)  # fmt: skip
@CHECKED
def test_two_halves_of_an_order_never_trade_more_than_the_whole(market, code, half, held, cash, volume, fees_of, buy):
    # 0.9 more shares on day 2 make a holding odd; the order of day 2 is filled on day 3.
    prices = [10.0, 10.0, 5.0, 5.0]
    panel = market({code: prices}, vol={code: [1e6, 1e6, 1e6, volume]}, events=[(code, 2, {"shares": 0.9})])
    options = {"fees": fees_of, "max_participation": 0.1}
    traded = []
    for parts in ([2 * half], [half, half]):
        broker = STEPS.broker_of(Market(panel, 0, 3), options, held * 10.0 + 5.0 + cash)
        strategy = STEPS.by_hand(broker)
        for day in range(4):
            broker.market.clock.advance()
            broker.next()
            shares = [held] if day == 0 and held else parts if day == 2 else []
            for part in shares:
                STEPS.obey(strategy, ("order", code, part if buy or day == 0 else -part))
        now = [abs(fill[2]) for fill in broker.fills if fill[0] == 3]
        done = [abs(order.executed.size) for order in broker.orders if order.info.signal_row == 2]
        assert sum(now) == sum(done) and all(part <= wanted for part, wanted in zip(done, parts, strict=True))
        traded.append(sum(now))
    assert traded[1] <= traded[0] <= 2 * half
