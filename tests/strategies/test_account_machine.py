"""The real broker and clock moved day by day through random markets, against an account kept by hand."""

import runpy
from math import fsum
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from feeds.lines import Market
from strategies.base import BasketStrategy

WORLD, LEDGER, STEPS = (
    SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name(f"account_{name}.py"))))
    for name in ("world", "ledger", "steps")
)
World, CODES = WORLD.World, WORLD.CODES
NAMES = some.sampled_from(CODES)
WEIGHTS = some.dictionaries(NAMES, some.one_of(some.none(), some.integers(0, 20)), min_size=2, max_size=5)
SHARES = some.one_of(some.integers(1, 3_000), some.sampled_from([100, 200, 1_000, 10**7]))
DAYS = some.integers(0, 2)


class Account(RuleBasedStateMachine):
    """A session is: yesterday's orders, the broker's ``next``, and a comparison with the ledger."""

    @initialize(seed=some.integers(0, 2**32 - 1))
    def open(self, seed):
        rng = Random(seed)
        self.world, self.options = World(seed), STEPS.random_options(rng)
        cash = rng.choice([3_000.0, 100_000.0, 1_000_000.0])
        self.market = Market(self.world.panel(), 0, len(self.world.days) - 1)
        self.broker = STEPS.broker_of(self.market, self.options, cash)
        self.strategy = STEPS.by_hand(self.broker)
        self.ledger = LEDGER.Ledger(self.world, self.options, cash)
        self.day, self.numbers, self.wanted, self.all, self.done, self.told = -1, {}, {}, {}, {}, {}
        self._session()

    @property
    def orders(self):
        return self.broker.orders

    # -- what a strategy may do --------------------------------------------------------------------------------

    def _obey(self, *command):
        known = len(self.orders)
        STEPS.obey(self.strategy, command)
        for number, order in enumerate(self.orders[known:], known):
            held = self.ledger.held.get(order.data._name, 0)
            self.numbers[order.ref] = number
            self.wanted[number], self.done[number] = order.created.size, []
            self.all[number] = -order.created.size >= held > 0
            if command[0] == "basket":
                self.all[number] = order.created.size < 0 and not command[1].get(order.data._name)

    @rule(code=NAMES, shares=SHARES, days=DAYS)
    def buy(self, code, shares, days):
        self._obey("order", code, shares)
        self._live(days)

    @rule(code=NAMES, part=some.sampled_from([0.01, 0.3, 0.5, 1.0, 1.0, 3.0]), days=DAYS)
    def sell(self, code, part, days):
        self._obey("order", code, -max(int(part * self.ledger.held.get(code, 0)), 7))
        self._live(days)

    @rule(weights=WEIGHTS, days=DAYS)
    def basket(self, weights, days):
        known = {code: weight for code, weight in weights.items() if any(self.world.bars[code][: self.day + 1])}
        self._obey("basket", {code: None if w is None else w / 100 for code, w in known.items()})
        self._live(days)

    @rule(which=some.integers(0, 10), days=DAYS)
    def cancel(self, which, days):
        for waiting in list(self.broker.pending)[which : which + 1]:
            self._obey("cancel", self.numbers[waiting.ref])
        self._live(days)

    def _live(self, days):
        """Go on by some days; orders of one close come from several rules with none between them."""
        for _ in range(min(days, len(self.world.days) - 1 - self.day)):
            self._session()

    # -- a session and what must be true after it ----------------------------------------------------------------

    def _session(self):
        self.day += 1
        waiting = [self.numbers[order.ref] for order in self.broker.pending]
        self.market.clock.advance()
        self.broker.next()
        for code, shares in self.ledger.morning(self.day).items():
            for number in waiting:
                if self.all[number] and self.orders[number].data._name == code:
                    self.wanted[number] -= shares
        sales = [n for n in waiting if self.wanted[n] < 0]
        self.traded = dict.fromkeys(CODES, 0)
        fills = [self._sale(number) for number in sales]
        fills += self._purchases([n for n in waiting if n not in sales])
        self._booked([fill for fill in fills if fill])
        self.ledger.close(self.day)
        self._compare()
        self._account_for_orders()

    def _price(self, code, buy):
        """Return the session's price of execution and that of a fill, or None where the market refuses."""
        bar = self.world.bar(code, self.day)
        if bar is None:
            return None
        price = bar.get(self.options["execution"]) or min(max(bar["amount"] / bar["vol"], bar["low"]), bar["high"])
        limit = bar["up_limit" if buy else "down_limit"]
        if price >= limit - 0.005 if buy else price <= limit + 0.005:
            return None
        paid = price * {"none": 1.0, "10bp": 1.001 if buy else 0.999}[self.options["slippage"]]
        if limit == limit:
            paid = min(paid, limit) if buy else max(paid, limit)
        return paid

    def _room(self, code):
        most, bar = self.options["max_participation"], self.world.bar(code, self.day)
        return 10**9 if most is None else int(most * bar["vol"]) - self.traded[code]

    def _filled(self, number):
        """Return an order's fill of this session, as (shares, price), none if there is none."""
        bits, known = self.orders[number].executed.exbits, len(self.done[number])
        assert len(bits) - known in (0, 1)
        return (bits[-1].size, bits[-1].price) if len(bits) > known else (0, None)

    def _left(self, number):
        """Return the shares that an order still wants before this session, negative to sell."""
        return self.wanted[number] - sum(shares for shares, _ in self.done[number])

    def _book(self, number, shares, price):
        code = self.orders[number].data._name
        self.done[number].append((shares, price))
        self.traded[code] += abs(shares)
        total = fsum(abs(shares) * price for shares, price in self.done[number])
        return code, shares, price, self.ledger.trade(self.day, number, code, shares, price, total)

    def _sale(self, number):
        code = self.orders[number].data._name
        shares, price = self._filled(number)
        paid = self._price(code, buy=False)
        expected = 0
        if paid is not None:
            most = min(-self._left(number), self._room(code))
            expected = LEDGER.sellable(code, max(most, 0), self.ledger.there(code, self.day), self.options["lots"])
        assert -shares == expected
        if shares:
            assert price == pytest.approx(paid, rel=1e-12)
            return self._book(number, shares, price)

    def _purchases(self, numbers):
        """Check purchases as one basket: whole if the cash covers all, else within the cash, in legal sizes."""
        wishes, made, planned = [], [], dict.fromkeys(CODES, 0)
        for number in numbers:
            code = self.orders[number].data._name
            shares, price = self._filled(number)
            paid = self._price(code, buy=True)
            most = 0
            if paid is not None:
                room = max(min(self._left(number), self._room(code) - planned[code]), 0)
                most = LEDGER.buyable(code, room, self.options["lots"])
                planned[code] += most
            assert 0 <= shares <= most
            assert shares == LEDGER.buyable(code, shares, self.options["lots"])
            if shares:
                assert price == pytest.approx(paid, rel=1e-12)
                made.append((number, shares, price))
            wishes.append((number, shares, most, paid))
        self._spend(wishes)
        return [self._book(*fill) for fill in made]

    def _spend(self, wishes):
        def cost(number, shares, paid):
            done = fsum(shares * price for shares, price in self.done[number])
            charged = self.ledger.charged.get(number, 0.0)
            return shares * paid + max(LEDGER.fee_of(self.options["fees"], done + shares * paid) - charged, 0.0)

        asked = fsum(cost(number, most, paid) for number, _, most, paid in wishes if most)
        spent = fsum(cost(number, shares, paid) for number, shares, _, paid in wishes if shares)
        assert spent <= self.ledger.cash + 1e-4
        if asked <= self.ledger.cash - 1e-4:
            assert all(shares == most for _, shares, most, _ in wishes)

    def _booked(self, fills):
        """The list of fills that reports are made of says the same, fees included."""
        row = self.market.row
        told = [(CODES[n], shares, price, fee) for r, n, shares, price, fee, _ in self.broker.fills if r == row]
        assert sorted(told) == [(*fill[:3], pytest.approx(fill[3], abs=1e-9)) for fill in sorted(fills)]
        for code, traded in self.traded.items():
            most = self.options["max_participation"]
            assert most is None or not traded or traded <= most * self.world.bar(code, self.day)["vol"]

    def _compare(self):
        broker, ledger = self.broker, self.ledger
        assert {CODES[n]: holding.position.size for n, holding in broker.holdings.items()} == ledger.held
        assert {feed._name: position.size for feed, position in broker.positions.items()} == ledger.held
        assert all(shares > 0 for shares in ledger.held.values())
        assert broker.cash == pytest.approx(ledger.cash, abs=1e-4)
        assert broker.cash >= 0
        assert broker.receivable == pytest.approx(ledger.owing, abs=1e-6)
        assert broker.worth == pytest.approx(ledger.worth, abs=1e-4)
        parts = [broker.cash, broker.receivable, broker.stock_value, getattr(broker.hedge, "value", 0.0)]
        assert fsum(parts) == pytest.approx(broker.worth, abs=1e-6)
        ledger.cash = broker.cash  # what float sums differ by must not add up

    def _account_for_orders(self):
        while (told := self.broker.get_notification()) is not None:
            if not told.alive():
                self.told[told.ref] = self.told.get(told.ref, 0) + 1
        pending = set(map(id, self.broker.pending))
        for number, order in enumerate(self.orders):
            assert order.created.size == self.wanted[number] == order.executed.size + order.executed.remsize
            assert order.executed.remsize * order.created.size >= 0
            assert order.alive() == (id(order) in pending)
            if order.alive():
                continue
            assert self.told.get(order.ref) == 1
            outcome, done, left = order.info.outcome, order.executed.size, order.executed.remsize
            assert (outcome == "filled") == (left == 0)
            if left:
                assert outcome in {"replaced", "cancelled", "partial" if done else "expired"}
                assert order.info.reason or outcome in {"replaced", "cancelled"}


Account.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None, derandomize=True)
TestAccount = Account.TestCase


def random_commands(rng, world):
    """Return what a strategy does after the close of each day."""
    commands = {}
    for day in range(len(world.days)):
        known = [code for code in CODES if any(world.bars[code][: day + 1])]
        orders = [("order", code, rng.choice([100, 500, -300, -(10**6)])) for code in CODES if rng.random() < 0.3]
        basket = [("basket", {code: rng.choice([0.0, 0.1, None]) for code in known})] if rng.random() < 0.3 else []
        commands[day] = [*basket, *orders, *([("cancel", 0)] if rng.random() < 0.1 else [])]
    return commands


def live(seed):
    """Move a broker by hand through a world, with random orders after every close."""
    rng = Random(seed)
    world, options = World(seed), STEPS.random_options(rng)
    commands = random_commands(rng, world)
    broker = STEPS.broker_of(Market(world.panel(), 0, len(world.days) - 1), options, 100_000.0)
    strategy, lines = STEPS.by_hand(broker), []
    for day in range(len(world.days)):
        broker.market.clock.advance()
        broker.next()
        lines.append([broker.worth, broker.cash])
        for command in commands[day]:
            STEPS.obey(strategy, command)
    return SimpleNamespace(broker=broker, lines=lines, commands=commands, options=options)


@pytest.mark.parametrize("seed", range(12))
def test_a_broker_moved_by_hand_lives_through_what_a_run_does(play, seed):
    """The machine above means little unless its steps are Cerebro's."""
    lived = live(seed)

    class Obeying(BasketStrategy):
        def next(self):
            for command in lived.commands[self.broker.market.step]:
                STEPS.obey(self, command)

    made = STEPS.broker_options(lived.options)
    panel = lived.broker.market.panel
    run = play(panel, strategy=Obeying, cash=100_000.0, fees_of=made.pop("fees"), options=made)
    assert run.nav[["nav", "cash"]].to_numpy().tolist() == lived.lines
    assert run.broker.fills == lived.broker.fills and run.broker.actions == lived.broker.actions


def test_the_random_worlds_hold_what_they_should():
    """Nor unless every obstacle and event comes up."""
    brokers = [live(seed).broker for seed in range(60)]
    reasons = {order.info.reason for broker in brokers for order in broker.orders}
    assert reasons >= {"suspended", "volume", "lot", "cash", "T+1", "nothing held", "delisted", "code changed", ""}
    assert reasons >= {"not listed", "not admitted to trading yet", "limit up at open", "limit down at open"}
    assert {adjustment.kind for broker in brokers for _, _, adjustment in broker.actions} == {
        "cash_dividend", "dividend_paid", "dividend_reinvested", "dividend_tax", "bonus_shares", "rights_taken",
        "rights_lost", "derived", "delisting", "exchanged_in", "exchanged_out",
    }  # fmt: skip
