"""Everything the rulebook says of one code on one day, in words and with its sources."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from feeds.errors import DataError
from feeds.rules import costs, futures, limits, listings, lots, sessions, settlement
from feeds.rules.codes import BOARD, CONVERTIBLE, FUND, MAIN, STOCK, board_of, contract_of, exchange_of, kind_of
from feeds.rules.dated import Row, Timeline
from feeds.rules.dividend_tax import DIVIDEND_TAX
from feeds.rules.grid import limit_grid


@dataclass(frozen=True)
class Facts:
    """What is known of an instrument on a day besides its code; None: not known.

    Attributes
    ----------
    st : bool, optional
        Whether the stock carries ST or *ST.
    listed : datetime64, optional
        Day of listing.
    age : int, optional
        Trading days since listing, both ends included: 1 on the first day.
    pre_close : float, optional
        Reference price in yuan: the last close, ex-adjusted; the issue price on the first day.
    last_day : datetime64, optional
        Last trading day of an index future.
    """

    st: bool | None = None
    listed: np.datetime64 | None = None
    age: int | None = None
    pre_close: float | None = None
    last_day: np.datetime64 | None = None


@dataclass(frozen=True)
class Ruling:
    """One rule as it applies: its value in words, its first and last day, where it comes from."""

    rule: str
    value: str
    since: str | None
    until: str | None
    source: str
    confidence: str


def rulings(code: str, day: np.datetime64, facts: Facts = Facts()) -> list[Ruling]:
    """Return what applies to a code on a day.

    Parameters
    ----------
    code : str
        Of an A-share, a fund, a convertible bond or an index future: ``600519.SH``, ``IF2402.CFX``.
    day : datetime64[D]
        The day.
    facts : Facts
        What is known besides.

    Raises
    ------
    DataError
        If the code is none of these, or the day or a fact cannot be.
    """
    kind = kind_of(code)
    if facts.pre_close is not None and not 0 < facts.pre_close < np.inf:
        raise DataError(f"pre-close must be a positive price, was {facts.pre_close}")
    if facts.listed is not None and facts.listed > day:
        raise DataError(f"listing day must not be after the date, was {facts.listed} after {day}")
    if kind == STOCK:
        return _of_stock(code, day, facts)
    if facts.st is not None:
        raise DataError(f"ST must be said of a stock, was said of {code}")
    if kind == FUND:
        return _of_fund(code, day, facts)
    if kind == CONVERTIBLE:
        return _of_convertible(code, day, facts)
    return _of_future(code, day, facts)


def _on(day: np.datetime64, *rules: Timeline[Any] | None) -> list[Ruling]:
    """Return the rules that have a row for the day."""
    rows = [(rule, rule.on(day)) for rule in rules if rule is not None]
    return [ruling(rule, row) for rule, row in rows if row is not None]


def ruling(rule: Timeline[Any], row: Row[Any], value: str | None = None, name: str | None = None) -> Ruling:
    """Return a rule's row in words, or a value and a name that follow from it."""
    since, until = (None if side is None else str(side) for side in (row.start, row.end))
    return Ruling(name or rule.name, value or rule.text(row), since, until, row.source, row.confidence)


def _of_stock(code: str, day: np.datetime64, facts: Facts) -> list[Ruling]:
    board, exchange = board_of(code), exchange_of(code)
    if day < BOARD[board].first:
        raise DataError(f"date must be on or after {BOARD[board].first}, the opening of the board of {code}, was {day}")
    bands = {False: [limits.BANDS[board]], True: [limits.ST_BANDS[board]]}
    both = [limits.BANDS[board], limits.ST_BANDS[board], limits.S_SHARE_BAND if board == MAIN else None]
    began = listings.FIRST_DAYS[board, exchange]
    listed = day if facts.listed is None else facts.listed
    row = began.on(listed)
    return [
        *_on(day, BOARD[board], *(both if facts.st is None else bands[facts.st])),
        *_stock_limits(code, day, facts),
        *_on(day, limits.LEAST_GAP[exchange]),
        *([ruling(began, row, name=f"{began.name} of {listed}")] if row else []),
        *_on(listed, listings.OPENING_CALL.get((board, exchange))),
        *_on(day, listings.RETURN, listings.RESUMPTION, listings.HALTS),
        *_on(day, listings.DELISTING_FIRST_DAY[board], listings.DELISTING_SESSIONS, listings.PRICE_DELISTING),
        *_on(day, lots.TICKS[STOCK, exchange], lots.LOTS[board], lots.LARGEST[board]),
        *_on(day, settlement.SETTLEMENT[STOCK], settlement.SHORT_SALES),
        *_on(day, costs.STAMP_DUTY, costs.TRANSFER_FEE[exchange], costs.HANDLING_FEE[exchange], costs.REGULATORY_FEE),
        *_on(day, costs.COMMISSION, costs.COMMISSION_MINIMUM, costs.COMMISSION_CAP, DIVIDEND_TAX),
        *_on(day, sessions.HOURS, sessions.CLOSING_CALL.get(exchange), sessions.AFTER_HOURS.get(board)),
        *_on(day, sessions.PRICE_CAGE.get(board), sessions.BREAKER),
    ]


def _stock_limits(code: str, day: np.datetime64, facts: Facts) -> list[Ruling]:
    """Return the limit prices of the day, as far as the facts tell."""
    board = board_of(code)
    began = listings.first_days(board, facts.listed or day, exchange_of(code))
    if facts.age is not None and facts.age <= began.free:
        return [_of_the_day(day, "none", f"day {facts.age} of {began.free} without a limit")]
    if facts.pre_close is None:
        return []
    down, up = limit_grid(
        np.array([code]),
        np.array([day]),
        np.array([[facts.pre_close]]),
        listed=np.array([facts.listed if facts.age else "NaT"], "datetime64[D]"),
        debut=np.array([1 - (facts.age or 1)]),
        marked=np.array([[bool(facts.st)]]),
        leaving=np.array([[False]]),
    )
    band = limits.ST_BANDS[board] if facts.st else limits.BANDS[board]
    row = band.on(day)
    rule = str(began) if facts.age == 1 else band.text(row) if row else "no rule known"
    unknown = ", taken as without ST" if facts.st is None else ""
    prices = _span(float(down[0, 0]), float(up[0, 0]), 2)
    return [_of_the_day(day, prices, f"{rule} on {facts.pre_close:g}, rounded half up{unknown}")]


def _of_the_day(day: np.datetime64, value: str, source: str) -> Ruling:
    return Ruling("limit prices of the day", value, str(day), str(day), source, "computed")


def _span(down: float, up: float, digits: int) -> str:
    return "none" if up != up else f"{down:.{digits}f} to {up:.{digits}f}"


def _of_fund(code: str, day: np.datetime64, facts: Facts) -> list[Ruling]:
    exchange = exchange_of(code)
    commodity = {"SH": settlement.COMMODITY_FUND_SH, "SZ": settlement.COMMODITY_FUND_SZ}[exchange]
    kinds = (settlement.EQUITY_FUND, settlement.BOND_FUND, settlement.CROSS_BORDER_FUND, commodity)
    return [
        *_on(day, limits.FUND_BAND, limits.WIDE_FUND_BAND[exchange], limits.BOND_FUND_BAND),
        *_on(day, limits.REIT_BAND, limits.REIT_FIRST_DAY),
        *_plain_limits(code, day, facts, limits.FUND_BAND),
        *_on(day, lots.TICKS[FUND, exchange], lots.LOTS[FUND]),
        *_on(day, *(settlement.SETTLEMENT[kind] for kind in kinds)),
        *_on(day, costs.OTHER_COMMISSION, costs.COMMISSION_MINIMUM, costs.COMMISSION_CAP),
        *_on(day, sessions.HOURS, sessions.FUND_CLOSING_CALL[exchange], sessions.FUND_AFTER_HOURS, sessions.BREAKER),
    ]


def _of_convertible(code: str, day: np.datetime64, facts: Facts) -> list[Ruling]:
    return [
        *_on(day, limits.CONVERTIBLE_BAND, limits.CONVERTIBLE_FIRST_DAY),
        *_plain_limits(code, day, facts, limits.CONVERTIBLE_BAND),
        *_on(day, lots.TICKS[CONVERTIBLE, exchange_of(code)], lots.LOTS[CONVERTIBLE]),
        *_on(day, settlement.SETTLEMENT[CONVERTIBLE]),
        *_on(day, costs.OTHER_COMMISSION, costs.COMMISSION_MINIMUM, costs.COMMISSION_CAP, sessions.HOURS),
    ]


def _plain_limits(code: str, day: np.datetime64, facts: Facts, band: Timeline[Any]) -> list[Ruling]:
    """Return the limit prices of a fund or a bond at its ordinary band, or of a bond on its first day."""
    kind = kind_of(code)
    rule = limits.CONVERTIBLE_FIRST_DAY if kind == CONVERTIBLE and facts.age == 1 else band
    row = rule.on(day)
    if facts.pre_close is None or row is None or row.value is None:
        return []
    percents = row.value if isinstance(row.value, tuple) else (row.value, row.value)
    tick = lots.TICKS[kind, exchange_of(code)].need(day)
    down, up = limits.limit_prices(facts.pre_close, *percents, tick=tick)
    value = _span(float(down), float(up), 3)
    return [_of_the_day(day, value, f"{rule.text(row)} on {facts.pre_close:g}, rounded half up")]


def _of_future(code: str, day: np.datetime64, facts: Facts) -> list[Ruling]:
    product, _ = contract_of(code)
    if facts.listed is not None or facts.pre_close is not None:
        raise DataError(f"listing day and pre-close must be of a stock, a fund or a bond, was given for {code}")
    if day < futures.INDEX[product].first:
        raise DataError(f"date must be on or after {futures.INDEX[product].first}, the listing of {product}, was {day}")
    if facts.last_day is not None and day > facts.last_day:
        raise DataError(f"date must not be after {facts.last_day}, the last trading day of {code}, was {day}")
    last = futures.LAST_DAY.on(day)
    named = [ruling(futures.LAST_DAY, last, str(facts.last_day))] if last and facts.last_day is not None else []
    return [
        *_on(day, futures.INDEX[product], futures.MULTIPLIER[product], futures.FUTURE_TICK, futures.MONTHS),
        *(named or _on(day, futures.LAST_DAY)),
        *_on(day, futures.FUTURE_LIMIT, futures.FUTURE_LIMIT_WIDE, futures.SETTLEMENT_PRICE, futures.DELIVERY),
        *_on(day, futures.MARGIN[product], futures.MARGIN_SIDE, settlement.SETTLEMENT["index future"]),
        *_on(day, futures.FUTURE_FEE, futures.CLOSE_TODAY_FEE, futures.ORDER_FEE, futures.DELIVERY_FEE),
        *_on(day, futures.OPEN_LIMIT, sessions.FUTURES_HOURS),
    ]
