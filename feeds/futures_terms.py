"""What the exchange and its dates ask of an index future: margin, fees, ticks and daily limits."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from feeds.errors import DataError, unknown
from feeds.futures import KINDS

Confidence = Literal["published", "memory", "unsure"]
BASIS_POINT = 1e-4


@dataclass(frozen=True)
class Row:
    """One value in force from a day's settlement on.

    Attributes
    ----------
    confidence : str
        ``published``: a page states it. ``memory``: widely known, no page at hand. ``unsure``: the day, the value
        or both may be off.
    """

    start: np.datetime64
    value: float
    source: str
    confidence: Confidence


def _rows(*rows: tuple[str, float, str, Any]) -> tuple[Row, ...]:
    return tuple(Row(np.datetime64(start), *rest) for start, *rest in rows)


_CURB = ("pages on the exchange's curbs of 2015", "published")
_EASE = ("pages on the exchange's easings of 2017 to 2019", "published")
_CFFEX = ("the exchange's own page", "published")
_LATER = "a broker's rates less its two points; raised in September or October 2020, the earlier taken"

# The exchange's speculative rate. Approved hedging accounts paid 20 % from 2015-09-07 on.
_LARGE = _rows(
    ("2010-04-16", 0.18, "15 to 18 % by month, the higher taken", "unsure"),
    ("2012-06-29", 0.12, "lowered in 2012, the day from memory", "unsure"),
    ("2014-09-01", 0.10, "lowered in September 2014, the day from memory", "unsure"),
    ("2015-08-31", 0.30, *_CURB),
    ("2015-09-07", 0.40, *_CURB),
    ("2017-02-17", 0.20, *_EASE),
    ("2017-09-18", 0.15, *_EASE),
    ("2018-12-03", 0.10, *_CFFEX),
    ("2020-09-01", 0.12, _LATER, "unsure"),
)
_MIDDLE = _rows(
    ("2015-04-16", 0.10, "opening rate", "unsure"),
    ("2015-08-31", 0.30, *_CURB),
    ("2015-09-07", 0.40, *_CURB),
    ("2017-02-17", 0.30, *_EASE),
    ("2018-12-03", 0.15, *_CFFEX),
    ("2019-04-22", 0.12, *_EASE),
    ("2020-09-01", 0.14, _LATER, "unsure"),
    ("2023-08-28", 0.12, "lowered after August 2023", "unsure"),
)
_SMALL = _rows(
    ("2022-07-22", 0.15, *_CFFEX),
    ("2023-08-28", 0.12, "lowered after August 2023", "unsure"),
)
MARGIN = {"IF": _LARGE, "IH": _LARGE, "IC": _MIDDLE, "IM": _SMALL}

# Of the traded value, each side.
FEE = _rows(
    ("2010-04-16", 0.5 * BASIS_POINT, "opening fee", "memory"),
    ("2012-06-01", 0.35 * BASIS_POINT, "lowered in 2012, the day from memory", "unsure"),
    ("2012-09-01", 0.25 * BASIS_POINT, "lowered again in 2012, the day from memory", "unsure"),
    ("2015-08-03", 0.23 * BASIS_POINT, "the exchange's own page; the day in August 2015 from memory", "published"),
)
# Of the value of lots closed on the day they were opened; until then the ordinary fee.
CLOSE_TODAY_FEE = _rows(
    ("2015-08-31", 1.15 * BASIS_POINT, *_CURB),
    ("2015-09-07", 23 * BASIS_POINT, *_CURB),
    ("2017-02-17", 9.2 * BASIS_POINT, *_EASE),
    ("2017-09-18", 6.9 * BASIS_POINT, *_EASE),
    ("2018-12-03", 4.6 * BASIS_POINT, *_CFFEX),
    ("2019-04-22", 3.45 * BASIS_POINT, *_EASE),
    ("2023-08-28", 2.3 * BASIS_POINT, "lowered in August 2023", "unsure"),
)
DELIVERY_FEE = _rows(("2010-04-16", 1.0 * BASIS_POINT, "contract terms", "memory"))
YUAN_PER_ORDER = _rows(
    ("2010-04-16", 0.0, "before the fee on orders", "memory"),
    ("2015-08-03", 1.0, "the exchange's own page; the day in August 2015 from memory", "published"),
)


def in_force(rows: tuple[Row, ...], day: np.datetime64) -> Row | None:
    """Return the row in force on a day, None before the first."""
    started = [row for row in rows if row.start <= day]
    return started[-1] if started else None


class CffexTerms:
    """The terms of IF, IH, IC and IM by day.

    Rates are fractions of a contract's value in yuan. ``limit`` is the largest move from the previous settlement,
    and twice as large on a contract's last day.
    """

    tick = 0.2
    limit = 0.10
    last_day_limit = 0.20

    def multiplier(self, kind: str) -> float:
        """Return yuan per point."""
        return KINDS[_known(kind)].multiplier

    def margin(self, kind: str, day: np.datetime64) -> float:
        """Return the margin rate from a day's settlement on."""
        return self._value("margin", MARGIN[_known(kind)], kind, day)

    def fee(self, kind: str, day: np.datetime64) -> float:
        """Return the fee rate of opening, and of closing lots of an earlier day."""
        return self._value("fee", FEE, kind, day)

    def close_today_fee(self, kind: str, day: np.datetime64) -> float:
        """Return the fee rate of closing lots on the day they were opened."""
        row = in_force(CLOSE_TODAY_FEE, day)
        return row.value if row else self.fee(kind, day)

    def delivery_fee(self, kind: str, day: np.datetime64) -> float:
        """Return the fee rate of cash settlement on the last day."""
        return self._value("delivery fee", DELIVERY_FEE, kind, day)

    def yuan_per_order(self, kind: str, day: np.datetime64) -> float:
        """Return what one order costs besides."""
        return self._value("fee per order", YUAN_PER_ORDER, kind, day)

    def _value(self, thing: str, rows: tuple[Row, ...], kind: str, day: np.datetime64) -> float:
        row = in_force(rows, day)
        if row is None:
            raise DataError(f"{thing} of {kind} must be asked for from {rows[0].start} on, was {day}")
        return row.value


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise unknown("future", kind, KINDS, DataError)
    return kind
