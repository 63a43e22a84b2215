"""What happens to a listing besides its price: troubled companies, halts and delistings, planned ahead."""

from dataclasses import dataclass, field

import numpy as np

from feeds import rules
from feeds.sources.simulated.clock import Clock
from feeds.sources.simulated.listing import Listing
from feeds.sources.simulated.streams import stream

TROUBLE_RATE = 0.013  # companies entering trouble per year
DECISION_SESSIONS = 15  # halted while the exchange decides on a delisting
_OUTCOMES = ("recover", "period", "price", "recover", "relapse", "recover", "period")


@dataclass(frozen=True)
class Trouble:
    """One company's bad years: from its first loss to its recovery or its end."""

    stock: int
    first_loss: int  # calendar year
    years: int  # of losses, at least one
    outcome: str  # recover, period (delisted with a period), price (falls below one yuan)


@dataclass
class Status:
    """The plan of every stock's status; the path below one yuan adds to it while prices are made."""

    suspended: np.ndarray  # (T, N) bool
    st: np.ndarray  # (T, N) bool: carries ST or *ST
    leaving: np.ndarray  # (T, N) bool: in its delisting period
    delist_index: np.ndarray  # (N,) int: first session no longer listed
    sinking: np.ndarray  # (N,) int: session from which the price is drawn below one yuan; T if never
    shocks: list[tuple[int, int, float]] = field(default_factory=list)  # session, stock, log move of the news
    names: list[tuple[int, int, str, str]] = field(default_factory=list)  # stock, session, name, reason
    intraday: list[tuple[int, int, str]] = field(default_factory=list)  # session, stock, timing of a short halt

    def delist(self, clock: Clock, listing: Listing, stock: int, halt: int, *, with_period: bool, move: float) -> None:
        """Halt a stock from session ``halt`` until the decision, then delist it, after a last period if due."""
        total = len(clock)
        start = halt + DECISION_SESSIONS
        self.suspended[halt:start, stock] = True
        self.st[halt:start, stock] = self.st[halt - 1, stock]
        length = 0
        if with_period and start < total:
            length = rules.delisting_sessions(clock.days[start])
            self.suspended[start : start + length, stock] = False
            self.leaving[start : start + length, stock] = True
            self.names.append((stock, start, listing.name[stock][:3] + "退", "退市整理"))
            self.shocks.append((start, stock, move))
        self.st[start:, stock] = False
        self.suspended[start + length :, stock] = False
        self.delist_index[stock] = min(start + length, total)


def plan_trouble(clock: Clock, listing: Listing, seed: int) -> list[Trouble]:
    """Choose which companies get into trouble, when, and how it ends; outcomes are spread evenly over time."""
    random = stream(seed, "trouble")
    first, last = (int(str(day)[:4]) for day in clock.days[[0, -1]])
    free = (listing.board != rules.BSE) & (listing.list_date < np.datetime64(f"{last - 2}-01-01"))
    plan: list[Trouble] = []
    for year in range(first - 2, last):
        ready = np.flatnonzero(free & (listing.list_date < np.datetime64(f"{year - 1}-01-01")))
        wanted = min(len(ready), max(1, round(TROUBLE_RATE * len(ready) + 0.5 * random.random())))
        for stock in random.choice(ready, wanted, replace=False) if len(ready) else ():
            outcome = _OUTCOMES[len(plan) % len(_OUTCOMES)]
            years = {"recover": 1, "relapse": 2, "period": 1 + _reports_to_delisting(year), "price": 4}[outcome]
            plan.append(Trouble(int(stock), year, years, "recover" if outcome == "relapse" else outcome))
            free[stock] = False
    return plan


def _reports_to_delisting(first_loss: int) -> int:
    """Return how many more losing annual reports end a listing: two, one since the rules of December 2020."""
    return 1 if first_loss >= 2020 else 2


def losing_quarters(ends: np.ndarray, trouble: list[Trouble], stocks: int) -> np.ndarray:
    """Return the quarters that troubled companies lose money in, (Q, N) bool."""
    losing = np.zeros((len(ends), stocks), bool)
    year = ends.astype("datetime64[Y]").astype("int64") + 1970
    for case in trouble:
        losing[(year >= case.first_loss) & (year < case.first_loss + case.years), case.stock] = True
    return losing


def plan_status(
    clock: Clock, listing: Listing, trouble: list[Trouble], ends: np.ndarray, announced: np.ndarray, seed: int
) -> Status:
    """Lay out halts, ST spans and planned delistings over the span."""
    total, n = len(clock), len(listing)
    status = Status(
        suspended=np.zeros((total, n), bool),
        st=np.zeros((total, n), bool),
        leaving=np.zeros((total, n), bool),
        delist_index=np.full(n, total, dtype="int64"),
        sinking=np.full(n, total, dtype="int64"),
    )
    _plan_halts(status, clock, listing, stream(seed, "halts"))
    random = stream(seed, "ST")
    for case in trouble:
        _plan_st(status, clock, listing, case, ends, announced, random)
    return status


def _plan_halts(status: Status, clock: Clock, listing: Listing, random: np.random.Generator) -> None:
    total, n = status.suspended.shape
    years = total / 243
    long_rate = np.where(clock.days < np.datetime64("2018-11-01"), 0.09, 0.015) / 243
    kinds = [
        (random.poisson(0.25 * years * n), 1, 5, np.full(total, 1 / total)),
        (random.poisson(long_rate.sum() * n), 10, 110, long_rate / long_rate.sum()),
    ]
    for count, shortest, longest, weight in kinds:
        days = random.choice(total, count, p=weight)
        stocks = random.integers(0, n, count)
        # Short halts are far more common than long ones of their kind.
        lengths = shortest + np.floor(random.random(count) ** 2 * (longest - shortest + 1)).astype("int64")
        for day, stock, length in zip(days, stocks, lengths, strict=True):
            if day - listing.list_index[stock] >= 20:
                status.suspended[day : day + length, stock] = True
    brief = round(0.05 * n * years)
    for day, stock in zip(random.integers(0, total, brief), random.integers(0, n, brief), strict=True):
        status.intraday.append((int(day), int(stock), "09:30-10:30"))


def _annual_session(clock: Clock, year: int, stock: int, ends: np.ndarray, announced: np.ndarray) -> int:
    """Return the first session after the annual report of ``year``, possibly before or after the span."""
    annual = np.flatnonzero(ends == np.datetime64(f"{year}-12-31"))
    day = announced[annual[0], stock] if len(annual) else np.datetime64(f"{year + 1}-04-28")
    return int(clock.after(day))


def _plan_st(
    status: Status,
    clock: Clock,
    listing: Listing,
    case: Trouble,
    ends: np.ndarray,
    announced: np.ndarray,
    random: np.random.Generator,
) -> None:
    total, stock, name = len(clock), case.stock, str(listing.name[case.stock])
    news, relief, farewell = random.uniform(0.08, 0.28), random.uniform(0.05, 0.15), random.uniform(-1.1, -0.5)
    sessions = [_annual_session(clock, case.first_loss + y, stock, ends, announced) for y in range(case.years + 1)]
    start = sessions[0] + 1  # the session of the announcement is a halt
    if start >= total or start <= listing.list_index[stock] + 60:
        return
    stop = sessions[_reports_to_delisting(case.first_loss)] if case.outcome == "period" else sessions[-1] + 1
    if stop <= 0 and case.outcome != "price":  # over before the span begins
        return
    status.suspended[max(sessions[0], 0) : max(start, 0), stock] = True
    status.st[max(start, 0) : max(min(stop, total), 0), stock] = True
    status.names.append((stock, start, "ST" + name, "ST"))
    status.shocks.append((start, stock, -news))
    if case.years > 1 and sessions[1] + 1 < total:
        status.names.append((stock, sessions[1] + 1, "*ST" + name, "*ST"))
    if case.outcome == "price":
        status.sinking[stock] = max(start, 0)
    if case.outcome == "recover" and 0 < stop < total:
        status.suspended[stop - 1, stock] = True
        status.names.append((stock, stop, name, "撤销ST"))
        status.shocks.append((stop, stock, relief))
    if case.outcome == "period" and 0 < stop < total:
        status.delist(clock, listing, stock, stop, with_period=True, move=farewell)
