"""A random small market in plain Python: every board, and everything that may happen to a stock."""

from math import nan
from random import Random

import numpy as np

from feeds.events import Conversions, CorporateEvents
from feeds.panel import MarketPanel

CODES = ("000001.SZ", "300001.SZ", "600000.SH", "600001.SH", "688001.SH", "830001.BJ")
ABSORBING = "600000.SH"  # whose shares those of a merged company become
PERCENT = {"60": 10, "00": 10, "30": 20, "68": 20, "83": 30}
BAR = ("open", "high", "low", "close", "vol", "amount", "up_limit", "down_limit")


class World:
    """What happens on each of its days; bars by code, a plan by (code, day), jumps that only the factor tells."""

    def __init__(self, seed):
        rng = Random(seed)
        self.days = np.busday_offset("2024-01-15", range(rng.randint(10, 26))).tolist()
        self.bars, self.plans, self.rows, self.jumps, self.factors = {}, {}, [], {}, {}
        self.listed = {code: rng.randint(2, 5) for code in CODES if rng.random() < 0.1 and code != ABSORBING}
        self.leaves = {c: rng.randint(4, len(self.days) - 1) for c in CODES if rng.random() < 0.4 and c != ABSORBING}
        self.gone = dict(self.leaves)  # the day of delisting, which may be before the day of an exchange
        self.becomes, self.unmarked = {}, set()
        for code in self.leaves:
            if rng.random() < 0.5:
                self.becomes[code] = ABSORBING, rng.choice([0.56, 1.1, 2.0]), rng.choice([0.0, 0.3])
                self.gone[code] -= rng.randint(0, 2)
        for code in CODES:
            self._live(rng, code)

    def bar(self, code, day):
        return self.bars[code][day]

    def jump_since_bar(self, code, day):
        """Return what the factor alone tells between the last bar and this day."""
        jump = self.jumps.get((code, day), 1)
        while day > 0 and self.bars[code][day - 1] is None:
            day -= 1
            jump *= self.jumps.get((code, day), 1)
        return jump

    def _live(self, rng, code):
        bars, factors = self.bars.setdefault(code, []), self.factors.setdefault(code, [])
        last, factor, shown, halt, kind = round(rng.uniform(2, 60), 2), 1.0, 1.0, 0, None
        first, end = self.listed.get(code, 0), self.gone.get(code, len(self.days))
        for day in range(len(self.days)):
            if not first <= day <= max(end, self.leaves.get(code, 0)):
                bars.append(None)
                factors.append(nan if day < first else shown)
                continue
            reference = last
            # Known plans and jumps do not mix while there is no bar: each case alone can be worked out by hand.
            if day > first and rng.random() < 0.2 and (happens := kind or rng.choice(["plan", "plan", "jump"])):
                kind = happens
                reference = self._plan(rng, code, day, last) if kind == "plan" else self._jump(rng, code, day, last)
                factor *= last / reference
            busy = code == ABSORBING and any(day == self.leaves[c] for c in self.becomes)
            halt = halt - 1 if halt else (rng.randint(1, 5) if rng.random() < 0.08 else 0)
            if day >= end or (halt and not busy):
                shown = factor if kind == "jump" or rng.random() < 0.5 else shown
                bars.append(None)
                last = reference
                if rng.random() < 0.2:
                    self.unmarked.add((code, day))
            else:
                shown, halt, kind = factor, 0, None
                bars.append(self._bar(rng, code, max(round(reference, 2), 0.05)))
                last = bars[-1]["close"]
            factors.append(shown)

    def _plan(self, rng, code, day, last):
        """Put one plan or two on an ex-date and return the ex-right price."""
        plans = []
        for _ in range(rng.choice([1, 1, 2])):
            shares, cash = rng.choice([0.0, 0.35, 1.0]), round(rng.choice([0.0, 0.03]) * last, 2)
            rights = 0.3 if not plans and rng.random() < 0.3 else 0.0
            price = round(last * rng.uniform(0.4, 1.1), 2) if rights else 0.0
            pay, tradable = (day + rng.randint(0, 4) for _ in range(2))
            plans.append((shares, cash, rights, price, pay, tradable, rng.choice([0.0, shares])))
        rows = list(zip(*plans, strict=True))
        plan = dict(zip(("shares", "cash", "rights", "price"), (sum(part) for part in rows[:4]), strict=True))
        plan["pay"] = max(plan[4] if plan[1] else 0 for plan in plans)
        plan["tradable"] = max(plan[5] if plan[0] or plan[2] else 0 for plan in plans)
        self.plans[code, day] = {**plan, "taxed": sum(rows[6])}
        self.rows += [(CODES.index(code), day, *row) for row in plans]
        return (last - plan["cash"] + plan["rights"] * plan["price"]) / (1 + plan["shares"] + plan["rights"])

    def _jump(self, rng, code, day, last):
        self.jumps[code, day] = rng.choice([1.013, 1.3, 2.0, 0.5])
        return last / self.jumps[code, day]

    def _bar(self, rng, code, reference):
        percent = PERCENT[code[:2]] / 100
        up, down = max(round(reference * (1 + percent), 2), reference + 0.01), round(reference * (1 - percent), 2)
        shape = rng.choice(["up", "down", "open up", "open down", *["free"] * 6])
        opened, close, high, low = (round(rng.uniform(down, up), 2) for _ in range(4))
        opened = {"up": up, "open up": up, "down": down, "open down": down}.get(shape, opened)
        if shape in ("up", "down"):
            close = high = low = opened
        high, low = max(opened, close, high), min(opened, close, low)
        vol, known = rng.choice([rng.randint(100, 50_000), 10**8]), rng.random() < 0.9
        limits = {"up_limit": up, "down_limit": down} if known else {"up_limit": nan, "down_limit": nan}
        amount = vol * rng.uniform(low, high)
        return {"open": opened, "high": high, "low": low, "close": close, "vol": vol, "amount": amount, **limits}

    def panel(self):
        """Return it as a panel."""
        days, none = len(self.days), dict.fromkeys(BAR, nan)
        fields = {n: np.array([[(bar or none)[n] for bar in self.bars[c]] for c in CODES]).T for n in BAR}
        fields["adj_factor"] = np.array([self.factors[code] for code in CODES]).T
        listed = np.array([self.listed.get(code, -1000) for code in CODES])
        gone = np.array([self.gone.get(code, days) for code in CODES])
        there = (np.arange(days)[:, None] >= listed) & (np.arange(days)[:, None] < gone)
        marked = np.array([[(code, day) not in self.unmarked for code in CODES] for day in range(days)])
        changes = [(CODES.index(c), self.leaves[c], CODES.index(b), *rest) for c, (b, *rest) in self.becomes.items()]
        return MarketPanel.from_arrays(
            np.array(self.days, "datetime64[D]"), CODES, fields,
            suspended=there & ~np.isfinite(fields["close"]) & marked, list_index=listed, delist_index=gone,
            events=CorporateEvents(*np.array(self.rows, "float64").reshape(-1, 9).T),
            conversions=Conversions(*np.array(changes, "float64").reshape(-1, 5).T),
            indices={"000300.SH": np.linspace(3000.0, 3300.0, days)},
        )  # fmt: skip
