"""The tables of events and attributes: listings, dividends, rights issues and industries."""

import numpy as np
import pandas as pd

from feeds import rules
from feeds.calendar import known_span, trading_days
from feeds.sources.simulated.actions import RIGHTS
from feeds.sources.simulated.clock import Clock
from feeds.sources.simulated.frames import as_codes, as_dates
from feeds.sources.simulated.names import INDUSTRIES
from feeds.sources.simulated.simulation import History
from feeds.sources.simulated.streams import stream

MARKETS = {rules.MAIN: "主板", rules.CHINEXT: "创业板", rules.STAR: "科创板", rules.BSE: "北交所"}
MOVES = 0.03  # share of companies that change their industry in the span
LATE_PAYMENT, LATE_BY = 0.05, 3  # share of dividends paid some sessions after the ex-date


def trade_cal(clock: Clock) -> pd.DataFrame:
    """Return every calendar day from the year before the span to the end of its last year, open or not."""
    first = clock.days[0].astype("datetime64[Y]").astype("datetime64[D]")
    first = (first - 1).astype("datetime64[Y]").astype("datetime64[D]")
    last = (clock.days[-1].astype("datetime64[Y]") + 1).astype("datetime64[D]") - 1
    known_from, known_to = known_span()
    days = np.arange(max(first, known_from), min(last, known_to) + 1)
    is_open = np.isin(days, trading_days(days[0], days[-1])).astype("int64")
    return pd.DataFrame({"cal_date": as_dates(days), "is_open": is_open})


def stock_basic(history: History, names: pd.DataFrame, industries: pd.DataFrame) -> pd.DataFrame:
    """Return the stocks with the name and the industry they carry at the end, delisted ones included."""
    listing, n = history.listing, np.arange(len(history.listing))
    gone = history.status.delist_index < len(history.clock)
    index = np.minimum(history.status.delist_index, len(history.clock) - 1)
    last_day = np.where(gone, history.clock.days[index], np.datetime64("NaT", "D"))
    return pd.DataFrame(
        {
            "ts_code": as_codes(n, listing.codes),
            "name": names.groupby("ts_code", observed=True, sort=True)["name"].last().to_numpy(),
            "industry": industries.groupby("ts_code", observed=True, sort=True)["industry"].last().to_numpy(),
            "market": [MARKETS[str(board)] for board in listing.board],
            "list_date": as_dates(listing.list_date),
            "delist_date": as_dates(last_day),
        }
    )


def industry(history: History, seed: int) -> pd.DataFrame:
    """Return dated industries; a few companies change theirs at the start of a month."""
    random, listing, clock = stream(seed, "industry moves"), history.listing, history.clock
    kinds = np.array([row[0] for row in INDUSTRIES])
    moves = random.random(len(listing)) < MOVES
    other = (listing.industry + random.integers(1, len(INDUSTRIES), len(listing))) % len(INDUSTRIES)
    when = clock.days[0].astype("datetime64[M]") + 1 + random.integers(0, max(len(clock) // 21 - 1, 1), len(listing))
    day = when.astype("datetime64[D]")
    moves &= (day > listing.list_date + 30) & (day <= clock.days[-1])
    stock = np.concatenate([np.arange(len(listing)), np.flatnonzero(moves)])
    later = np.append(np.zeros(len(listing), bool), np.ones(moves.sum(), bool))
    start = np.where(later, day[stock], listing.list_date[stock])
    stop = np.where(~later & moves[stock], day[stock], np.datetime64("NaT", "D"))
    # What a company does today is what its prices followed; before the move it was filed elsewhere.
    kind = np.where(~later & moves[stock], other[stock], listing.industry[stock])
    order = np.lexsort((start, stock))
    return pd.DataFrame(
        {
            "ts_code": as_codes(stock[order], listing.codes),
            "industry": kinds[kind[order]],
            "in_date": as_dates(start[order]),
            "out_date": as_dates(stop[order]),
        }
    )


def dividend(history: History, seed: int) -> pd.DataFrame:
    """Return the distributions that took place; per share, cash before tax."""
    actions, clock = history.actions, history.clock
    rows = np.flatnonzero(actions.done & (actions.kind != RIGHTS))
    rows = rows[np.lexsort((actions.quarter[rows], actions.ex[rows], actions.stock[rows]))]
    stock, ex, quarter = actions.stock[rows], actions.ex[rows], actions.quarter[rows]
    late = stream(seed, "late payments").random(len(actions.ex))[rows] < LATE_PAYMENT
    shares = actions.bonus_mills[rows] > 0
    shanghai = np.char.endswith(history.listing.codes[stock], ".SH")
    paid = np.where(actions.cash_mills[rows] > 0, clock.date(ex + LATE_BY * late), np.datetime64("NaT", "D"))
    # Shanghai lists bonus shares one session after the ex-date, Shenzhen on it.
    tradable = np.where(shares, clock.date(ex + shanghai), np.datetime64("NaT", "D"))
    return pd.DataFrame(
        {
            "ts_code": as_codes(stock, history.listing.codes),
            "end_date": as_dates(history.accounts.ends[quarter]),
            "ann_date": as_dates(history.announced[quarter, stock]),
            "record_date": as_dates(clock.date(ex - 1)),
            "ex_date": as_dates(clock.date(ex)),
            "pay_date": as_dates(paid),
            "div_listdate": as_dates(tradable),
            "stk_div": actions.bonus_mills[rows] / 1000,
            "cash_div_tax": actions.cash_mills[rows] / 1000,
        }
    )


def rights(history: History) -> pd.DataFrame:
    """Return the rights issues that took place: new shares per share, subscription price in yuan."""
    actions = history.actions
    rows = np.flatnonzero(actions.done & (actions.kind == RIGHTS))
    rows = rows[np.lexsort((actions.ex[rows], actions.stock[rows]))]
    return pd.DataFrame(
        {
            "ts_code": as_codes(actions.stock[rows], history.listing.codes),
            "ex_date": as_dates(history.clock.date(actions.ex[rows])),
            "ratio": actions.rights_mills[rows] / 1000,
            "price": actions.rights_cents[rows] / 100,
        }
    )


def code_change(history: History) -> pd.DataFrame:
    """Return the mergers: every third company that leaves is absorbed, its shares exchanged at their last value.

    The absorbing company is the largest one that trades on the day and was not exchanged itself; the ratio of last
    prices is agreed to four decimals.
    """
    status, listing, total = history.status, history.listing, len(history.clock)
    gone = np.flatnonzero((status.delist_index > 0) & (status.delist_index < total))
    leavers = gone[np.lexsort((gone, status.delist_index[gone]))][::3]
    rows = []
    for old in leavers:
        day = int(status.delist_index[old])
        worth = np.where(history.traded[day] & (np.arange(len(listing)) != old), history.mark[day], 0).astype("float64")
        new = int(np.argmax(worth * history.total_share[day]))
        rows.append((old, new, day, round(float(history.mark[day - 1, old] / history.mark[day - 1, new]), 4)))
    table = np.array(sorted(rows), "float64").reshape(-1, 4).T
    old, new, day = (part.astype("int64") for part in table[:3])
    return pd.DataFrame(
        {
            "ts_code": as_codes(old, listing.codes),
            "new_code": as_codes(new, listing.codes),
            "change_date": as_dates(history.clock.days[day]),
            "ratio": table[3],
            "cash": np.zeros(len(old)),
        }
    )
