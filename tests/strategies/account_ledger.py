"""An account kept by hand in plain dicts: what the rules say must happen, told nothing by the code under test."""

from datetime import date
from math import fsum, isnan

import pandas as pd

PERCENT = {"60": 10, "00": 10, "30": 20, "68": 20, "83": 30}
LEAST = {"60": 100, "00": 100, "30": 100, "68": 200, "83": 100}
SINGLE = ("68", "83")  # boards that trade single shares above their least order


def whole(number):
    """Return the whole part of a number that may be a rounding short of it."""
    return int(number + 1e-9)


def buyable(code, shares, lots):
    """Return the largest legal purchase not above so many shares."""
    if lots == "share":
        return shares
    if code[:2] in SINGLE:
        return shares if shares >= LEAST[code[:2]] else 0
    return shares - shares % 100


def sellable(code, shares, there, lots):
    """Return the largest legal sale not above so many of the shares that are there."""
    shares = min(shares, there)
    if lots == "share" or shares == there:
        return shares
    if code[:2] in SINGLE:
        return shares if shares >= LEAST[code[:2]] else 0
    legal = [n for n in range(max(shares - 100, 0), shares + 1) if n % 100 in (0, there % 100)]
    return max(legal, default=0)


def fee_of(fees, value):
    """Return what an order filled for so many yuan costs in all."""
    return {"8bp": 0.0008 * value, "none": 0.0, "minimum": max(0.00025 * value, 5.0)}[fees]


def tax_rate(acquired, sold):
    """Return the rate of dividend tax: a month, a year, longer."""
    bought = pd.Timestamp(acquired)
    return next((r for r, months in ((0.2, 1), (0.1, 12)) if sold <= (bought + pd.DateOffset(months=months)).date()), 0)


class Ledger:
    """Cash, claims, shares and carried prices; ``days`` are dates, ``world`` says what happens on them."""

    def __init__(self, world, options, cash):
        self.world, self.options, self.cash = world, options, cash
        self.held, self.price, self.owed, self.locked, self.lots = {}, {}, [], {}, {}
        self.charged = {}  # fees by order

    @property
    def owing(self):
        return fsum(yuan for _, yuan in self.owed)

    @property
    def worth(self):
        return fsum([self.cash, self.owing, *(n * self.price[code] for code, n in self.held.items())])

    def there(self, code, day):
        """Return how many shares may be sold on a day."""
        return max(self.held.get(code, 0) - sum(n for first, n in self.locked.get(code, ()) if first > day), 0)

    # -- before the session ------------------------------------------------------------------------------------

    def morning(self, day):
        """Live through pay dates, ex-dates, exchanges and delistings; return new shares by code."""
        self.cash += fsum(yuan for pay, yuan in self.owed if pay <= day)
        self.owed = [claim for claim in self.owed if claim[0] > day]
        before = dict(self.held)
        going = {code: self.world.plans[code, day] for code in before if (code, day) in self.world.plans}
        offers = {code: self._offer(code, plan) for code, plan in going.items()}
        pays = self.options["rights"] == "subscribe" and fsum(cost for _, cost in offers.values()) <= self.cash
        received = [self._go_ex(code, day, plan, offers[code] if pays else (0, 0.0)) for code, plan in going.items()]
        received += [self._derive(code, day) for code in before]
        self.cash += fsum(received)
        grown = {code: self.held[code] - shares for code, shares in before.items() if code in self.held}
        for code in before:
            if code in self.held and day >= self.world.leaves.get(code, day + 1):
                self._leave(code, day)
        return grown

    def _offer(self, code, plan):
        """Return the shares offered at less than the market asks, and what they cost."""
        shares = whole(self.held[code] * plan["rights"]) if plan["price"] < self.price[code] else 0
        return shares, shares * plan["price"]

    def _go_ex(self, code, day, plan, offer):
        held, value = self.held[code], self.price[code] - plan["cash"] + plan["rights"] * plan["price"]
        self.price[code] = value / (1 + plan["shares"] + plan["rights"])
        for lot in self.lots.get(code, ()):
            lot[2] += plan["cash"] + plan["taxed"]
        bonus = whole(held * plan["shares"])
        received = max(held * plan["shares"] - bonus, 0.0) * self.price[code] - offer[1]
        dividend, bought = held * plan["cash"], 0
        if self.options["dividends"] == "reinvest":
            bought = whole(dividend / self.price[code])
            received += max(dividend - bought * self.price[code], 0.0)
        elif plan["pay"] > day:
            self.owed.append((plan["pay"], dividend))
        else:
            received += dividend
        for shares in (bought, bonus, offer[0]):
            self._gain(code, shares, day)
            if plan["tradable"] > day:
                self.locked.setdefault(code, []).append((plan["tradable"], shares))
        return received

    def _derive(self, code, day):
        """Turn what only the factor told since the last bar into shares or cash, of the same value."""
        jump = self.world.jump_since_bar(code, day)
        if jump == 1 or self.world.bar(code, day) is None or code not in self.held:
            return 0.0
        held, after = self.held[code], self.price[code] / jump
        if 1 < jump < 1.1 and self.options["dividends"] == "cash":
            return held * (self.price[code] - after)
        shares = whole(held * jump)
        if shares < held:
            self._scale(code, shares)
        else:
            self._gain(code, shares - held, day)
        return max(held * jump - shares, 0.0) * after

    def _leave(self, code, day):
        shares, price = self.held[code], self.price[code]
        if code not in self.world.becomes:
            self.cash += shares * price * self.options["delisting_recovery"]
            self._drop(code)
            return
        new, ratio, cash = self.world.becomes[code]
        given, value = whole(shares * ratio), (price - cash) / ratio
        self.cash += shares * cash + max(shares * ratio - given, 0.0) * value
        lots = self.lots.get(code, [])
        self._drop(code)
        if given:
            self.price.setdefault(new, value)
            self.held[new] = self.held.get(new, 0) + given
            self.lots.setdefault(new, []).extend(self._scaled(lots, given))

    def _drop(self, code):
        for book in (self.held, self.price, self.locked, self.lots):
            book.pop(code, None)

    def _gain(self, code, shares, day):
        self.held[code] = self.held.get(code, 0) + shares
        if shares:
            self.lots.setdefault(code, []).append([self.world.days[day], shares, 0.0])

    def _scale(self, code, shares):
        self.lots[code] = self._scaled(self.lots.get(code, []), shares)
        self.held[code] = shares
        if not shares:
            self._drop(code)

    @staticmethod
    def _scaled(lots, shares):
        """Return lots as so many shares in all, each with all it was paid."""
        total, upto, result = sum(n for _, n, _ in lots), 0, []
        for acquired, n, taxable in lots:
            first, upto = upto * shares // total, upto + n
            part = upto * shares // total - first
            result += [[acquired, part, taxable * n / part]] if part else []
        return result

    # -- the session -------------------------------------------------------------------------------------------

    def trade(self, day, order, code, shares, price, total):
        """Book a fill, negative for a sale, of an order filled for ``total`` yuan so far; return its fee."""
        fee = max(fee_of(self.options["fees"], total) - self.charged.get(order, 0.0), 0.0)
        if shares > 0:
            self._gain(code, shares, day)
        else:
            fee = min(fee, -shares * price)
            tax = self._release(code, -shares, self.world.days[day]) if self.options["dividend_tax"] == "holding" else 0
            self.cash -= min(tax, -shares * price - fee)
            self.held[code] += shares
            if not self.held[code]:
                self._drop(code)
        self.charged[order] = self.charged.get(order, 0.0) + fee
        self.cash -= shares * price + fee
        return fee

    def _release(self, code, shares, sold: date):
        tax = 0.0
        for lot in self.lots[code]:
            taken = min(lot[1], shares)
            lot[1], shares = lot[1] - taken, shares - taken
            tax += taken * lot[2] * tax_rate(lot[0], sold)
        self.lots[code] = [lot for lot in self.lots[code] if lot[1]]
        return tax

    def close(self, day):
        """Carry the last close over days without a bar."""
        for code in self.held:
            bar = self.world.bar(code, day)
            if bar is not None:
                self.price[code] = bar["close"]
        assert not any(isnan(price) for price in self.price.values())
