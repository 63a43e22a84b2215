"""The real broker and clock moved by hand, day by day, in place of Cerebro."""

from types import SimpleNamespace

from strategies.base import BasketStrategy
from strategies.execution import fees
from strategies.execution.broker import AShareBroker
from strategies.execution.fills import slippage
from strategies.execution.policy import policy


class Minimum:
    """2.5 bp, at least 5 yuan an order."""

    title = "2.5 bp, at least 5 yuan an order"

    def of(self, side, value, shares, code, day):
        return max(0.00025 * value, 5.0)


def random_options(rng):
    """Return the account's options by name, as their texts."""
    return {
        "fees": rng.choice(["8bp", "none", "minimum"]), "lots": rng.choice(["board", "share"]),
        "execution": rng.choice(["open", "open", "vwap", "close"]), "slippage": rng.choice(["none", "10bp"]),
        "blocked_buys": rng.choice(["expire", "carry=2", "carry"]),
        "blocked_sells": rng.choice(["carry", "expire", "carry=2"]),
        "max_participation": rng.choice([None, None, 0.1]), "delisting_recovery": rng.choice([0.0, 0.5]),
        "dividends": rng.choice(["cash", "reinvest"]), "dividend_tax": rng.choice(["none", "holding"]),
        "rights": rng.choice(["subscribe", "lapse"]),
    }  # fmt: skip


def broker_options(options):
    """Return the same options as the objects that a broker takes."""
    made = {"blocked_buys": policy, "blocked_sells": policy, "slippage": slippage}
    made["fees"] = lambda name: Minimum() if name == "minimum" else fees.get(name)
    return {name: made.get(name, lambda same: same)(value) for name, value in options.items()}


def broker_of(market, options, cash):
    """Return a broker of an account, before its first day."""
    broker = AShareBroker(**broker_options(options))
    broker.setcash(cash)
    broker.attach(market)
    return broker


def by_hand(broker):
    """Return a basket strategy that nobody runs: only its orders to a broker, started as Cerebro starts it."""
    broker.cerebro = SimpleNamespace(runningstrats=())
    broker.market.clock.preload()
    broker.start()
    strategy = object.__new__(BasketStrategy)
    strategy.broker, strategy.p = broker, SimpleNamespace(invested=1.0)
    return strategy


def obey(strategy, command):
    """Carry out ``("order", code, shares)``, ``("basket", {code: weight})`` or ``("cancel", number of the order)``."""
    kind, *what = command
    broker = strategy.broker
    if kind == "order":
        code, shares = what
        (strategy.buy if shares > 0 else strategy.sell)(data=broker.market.feed(code), size=abs(shares))
    elif kind == "basket":
        strategy.order_basket({broker.market.panel.index_of(code): weight for code, weight in what[0].items()})
    else:
        for order in broker.orders[what[0] : what[0] + 1]:
            broker.cancel(order)
