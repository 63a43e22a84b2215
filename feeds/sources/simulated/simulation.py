"""The simulation itself: walks the market through its sessions and keeps what happened."""

from dataclasses import dataclass

import numpy as np

from feeds import rules
from feeds.sources.simulated.accounts import Accounts, announcement_days, quarter_ends, quarter_of_year
from feeds.sources.simulated.actions import Actions, plan_actions, reference_cents
from feeds.sources.simulated.clock import Clock
from feeds.sources.simulated.listing import Listing, draw_listing
from feeds.sources.simulated.premia import Premia
from feeds.sources.simulated.returns import Shocks
from feeds.sources.simulated.session import NO_LIMIT_UP, Bars, Floor, Limits
from feeds.sources.simulated.status import (
    Status,
    losing_quarters,
    plan_status,
    plan_trouble,
)
from feeds.sources.simulated.streams import stream

PENNY_CENTS, PENNY_SESSIONS = 100, 20  # closing below one yuan for so long ends a listing
SINK_TO, SINK_OVER = np.log(75.0), 120  # cents, sessions: where and how fast a sinking price is drawn
TROUBLE_DRIFT = -0.0009  # per session under ST
_UNLISTED = 1000  # cents, keeps arithmetic finite where there is no stock
_BAR_FIELDS = ("open", "high", "low", "close", "pre_close", "up", "down")


@dataclass(frozen=True)
class History:
    """Everything that happened, day by day: (T, N) arrays, prices in integer cents."""

    clock: Clock
    listing: Listing
    status: Status
    accounts: Accounts
    actions: Actions
    announced: np.ndarray  # (Q, N) datetime64[D]
    known: np.ndarray  # (Q, N) session from which a report is known
    traded: np.ndarray  # bool
    listed: np.ndarray  # bool
    bars: dict[str, np.ndarray]  # int32: open high low close pre_close up down; up and down 0 without a limit
    mark: np.ndarray  # int32: last close carried on, moved to the ex-right reference by actions
    volume: np.ndarray  # int64 shares
    amount: np.ndarray  # int64 cents
    factor: np.ndarray  # float64
    total_share: np.ndarray  # int64
    float_share: np.ndarray  # int64
    price_drop: dict[int, tuple[np.ndarray, np.ndarray]]  # session -> stocks, reference / reference before cash


def simulate(start: str, end: str, stocks: int, seed: int) -> History:
    """Run the market from ``start`` to ``end``."""
    return _Run(Clock.spanning(start, end), stocks, seed).history()


class _Run:
    """The state of the market between two sessions."""

    def __init__(self, clock: Clock, stocks: int, seed: int):
        self.clock, self.stocks, self.session = clock, stocks, 0
        self.listing = draw_listing(clock, stocks, seed)
        self.ends = quarter_ends(clock)
        trouble = plan_trouble(clock, self.listing, seed)
        losing = losing_quarters(self.ends, trouble, stocks)
        announced = announcement_days(self.ends, self.listing, seed)
        self.announced = _not_before_listing(announced, self.ends, self.listing)
        self.known = clock.after(self.announced)
        self.status = plan_status(clock, self.listing, trouble, self.ends, self.announced, seed)
        self.actions = plan_actions(clock, self.listing, self.ends, self.announced, self.status, seed)
        self.accounts = Accounts(clock, self.listing, self.ends, losing, seed)
        self.limits, self.floor = Limits(clock.days, self.listing), Floor(self.listing, seed)
        value = self.listing.first_price / 100 * self.listing.total_share
        self.shocks = Shocks(self.listing, value, len(clock), seed)
        self.premia = Premia(len(clock), stocks)
        self.debut = self._debuts(stream(seed, "debuts"))
        self._allocate()

    def _allocate(self) -> None:
        shape, n = (len(self.clock), self.stocks), self.stocks
        self.bars = {name: np.zeros(shape, "int32") for name in _BAR_FIELDS}
        self.mark_kept, self.traded = np.zeros(shape, "int32"), np.zeros(shape, bool)
        self.volume, self.amount = np.zeros(shape, "int64"), np.zeros(shape, "int64")
        self.total_kept, self.float_kept = np.zeros(shape, "int64"), np.zeros(shape, "int64")
        self.factor_kept = np.zeros(shape)
        self.price_drop: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.mark = np.full(n, _UNLISTED, dtype="int64")
        self.pending, self.factor = np.zeros(n), np.ones(n)
        self.total, self.floating = self.listing.total_share.copy(), np.zeros(n, dtype="int64")
        self.cash_in, self.pennies = np.zeros(n), np.zeros(n, dtype="int64")
        self.equity, self.earnings = np.full(n, np.nan), np.zeros((2, n))
        self.news: dict[int, list[tuple[int, float]]] = {}
        for session, stock, move in self.status.shocks:
            self.news.setdefault(session, []).append((stock, move))
        old = self.listing.list_index < 0
        self._list(np.flatnonzero(old))
        age = np.maximum(-self.listing.list_index, 0) / 243
        # Old listings bring the factor of their past dividends.
        self.factor[old] = np.round(np.exp(0.045 * age[old]), 3)

    def _debuts(self, random: np.random.Generator) -> np.ndarray:
        """Return the log move a newcomer's issue price is away from what the market thinks of it."""
        draw = random.standard_normal(self.stocks)
        registered = self.limits.free_days > 0
        move = np.where(registered, 0.42 + 0.42 * draw, 0.95 + 0.42 * draw)
        move = np.where(self.listing.board == rules.BSE, 0.15 + 0.25 * draw, move)
        return np.clip(move, -0.3, 2.0)

    def _list(self, stocks: np.ndarray) -> None:
        """Put stocks on the board at their first price; their accounts come onto the scale of that price."""
        self.mark[stocks] = self.listing.first_price[stocks]
        self.floating[stocks] = self._float(stocks)
        self.accounts.scale(stocks, self.mark[stocks] / 100 * self.total[stocks])

    def _float(self, stocks: np.ndarray) -> np.ndarray:
        age = self.session - self.listing.list_index[stocks]
        step = (age >= 243).astype("int64") + (age >= 3 * 243)
        return np.floor(self.total[stocks] * self.listing.float_steps[step, stocks] / 100).astype("int64") * 100

    def history(self) -> History:
        """Walk through every session."""
        for session in range(len(self.clock)):
            self._step(session)
        sessions = np.arange(len(self.clock))[:, None]
        return History(
            clock=self.clock,
            listing=self.listing,
            status=self.status,
            accounts=self.accounts,
            actions=self.actions,
            announced=self.announced,
            known=self.known,
            traded=self.traded,
            listed=(sessions >= self.listing.list_index) & (sessions < self.status.delist_index),
            bars=self.bars,
            mark=self.mark_kept,
            volume=self.volume,
            amount=self.amount,
            factor=self.factor_kept,
            total_share=self.total_kept,
            float_share=self.float_kept,
            price_drop=self.price_drop,
        )

    def _step(self, session: int) -> None:
        self.session = session
        listing, status = self.listing, self.status
        self._close_quarters(session)
        new = np.flatnonzero(listing.list_index == session)
        self._list(new)
        self.pending[new] += self.debut[new]
        alive = (listing.list_index <= session) & (session < status.delist_index)
        seasoned = np.flatnonzero(np.isin(session - listing.list_index, (243, 3 * 243)))
        self.floating[seasoned] = self._float(seasoned)
        self._publish(session, new)
        self._book_actions(session, alive)
        fresh = self._fresh(session, alive)
        self._trade(session, alive, fresh)

    def _close_quarters(self, session: int) -> None:
        while self.accounts.closed < len(self.ends) and self.ends[self.accounts.closed] < self.clock.days[session]:
            booked = self.accounts.equity[self.accounts.closed - 1]
            on_board = self.listing.list_index < session
            ratio = np.log(np.maximum(self.mark / 100 * self.total / booked, 0.05))
            self.accounts.close_quarter(np.where(on_board, ratio, self.accounts.first_log_pb), self.cash_in)
            self.cash_in = np.zeros(self.stocks)

    def _publish(self, session: int, new: np.ndarray) -> None:
        """Take in the reports known from this session on: book value, and earnings per share for dividends."""
        accounts, due = self.accounts, self.known == session
        due[:, new] = self.known[:, new] <= session
        if session == 0:
            due = self.known <= 0
        for q in np.flatnonzero(due.any(axis=1)):
            stocks = np.flatnonzero(due[q])
            self.equity[stocks] = accounts.equity[q, stocks]
            quarter = int(quarter_of_year(self.ends)[q])
            if quarter in (2, 4):
                earned = accounts.profit[q + 1 - quarter : q + 1, stocks].sum(axis=0)
                per_share = np.maximum(earned, 0) / self.total[stocks] * 1000
                self.earnings[1 if quarter == 2 else 0, stocks] = per_share

    def _book_actions(self, session: int, alive: np.ndarray) -> None:
        actions = self.actions
        actions.settle(session, self.mark, self.earnings, alive)
        rows = actions.on(session)
        rows = rows[alive[actions.stock[rows]]]
        rows = rows[(actions.cash_mills[rows] + actions.bonus_mills[rows] + actions.rights_mills[rows]) > 0]
        if not len(rows):
            return
        actions.done[rows] = True
        cash, bonus, rights, paid = (np.zeros(self.stocks, dtype="int64") for _ in range(4))
        for total, part in ((cash, actions.cash_mills), (bonus, actions.bonus_mills), (rights, actions.rights_mills)):
            np.add.at(total, actions.stock[rows], part[rows])
        np.add.at(paid, actions.stock[rows], actions.rights_mills[rows] * actions.rights_cents[rows])
        stocks = np.unique(actions.stock[rows])
        old = self.mark[stocks]
        terms = (bonus[stocks], rights[stocks], paid[stocks])
        new = reference_cents(old, cash[stocks], *terms)
        before_cash = (old * 1000 + paid[stocks]) / (1000 + bonus[stocks] + rights[stocks])
        self.price_drop[session] = (stocks, new / before_cash)
        self.factor[stocks] *= old / new
        held = self.total[stocks]
        self.cash_in[stocks] += held * (paid[stocks] / 1e5 - cash[stocks] / 1000)
        for shares in (self.total, self.floating):
            shares[stocks] += shares[stocks] * (bonus[stocks] + rights[stocks]) // 1000
        self.mark[stocks] = new

    def _fresh(self, session: int, alive: np.ndarray) -> np.ndarray:
        """Return the log move of the day's news, from shocks, planted premia and the fate of troubled companies."""
        status = self.status
        common, own = self.shocks.draw(session)
        age = session - self.listing.list_index
        restless = np.where(alive & self.listing.newcomers, 1 + 1.8 * np.exp(-np.maximum(age, 0) / 6), 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            book_to_price = self.equity / (self.mark / 100 * self.total)
        expected = self.premia.expected(session, book_to_price)
        move = np.log1p(np.clip(common + own * restless + expected, -0.6, 1.5))
        level = np.log(self.mark)
        move += np.where(status.st[session] & (level > np.log(180)), TROUBLE_DRIFT, 0.0)
        sinking = session >= status.sinking
        move += np.where(sinking, np.clip((SINK_TO - level) / SINK_OVER, -0.02, 0.02), 0.0)
        for stock, shock in self.news.get(session, ()):
            move[stock] += shock
        return move

    def _trade(self, session: int, alive: np.ndarray, fresh: np.ndarray) -> None:
        status, reference = self.status, self.mark.copy()
        low, high, free = self.limits.of(session, reference, status)
        debut = self.limits.banded & (self.listing.list_index == session)
        opening_cap = np.where(debut, np.log(1.2), np.inf)
        bars = self.floor.trade(
            reference, fresh, self.pending, (low, high), self.shocks.stock_vol, self.floating, opening_cap
        )
        trades = alive & ~status.suspended[session]
        self.pending = np.where(trades, bars.left, np.where(alive, self.pending + fresh, 0.0)).clip(-2.5, 2.5)
        self.mark = np.where(trades, bars.close, reference)
        self._keep(session, alive, trades, bars, reference, (low, high, free))
        self._end_pennies(session, trades, alive)

    def _keep(
        self,
        session: int,
        alive: np.ndarray,
        trades: np.ndarray,
        bars: Bars,
        reference: np.ndarray,
        limits: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        low, high, free = limits
        limited = trades & ~free
        shown = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close, "pre_close": reference}
        for name, values in shown.items():
            self.bars[name][session] = np.where(trades, values, 0)
        self.bars["up"][session] = np.where(limited & (high < NO_LIMIT_UP), high, 0)
        self.bars["down"][session] = np.where(limited, low, 0)
        self.traded[session] = trades
        self.mark_kept[session] = self.mark
        self.volume[session] = np.where(trades, bars.volume, 0)
        self.amount[session] = np.where(trades, bars.amount, 0)
        self.factor_kept[session] = self.factor
        self.total_kept[session], self.float_kept[session] = self.total, self.floating
        log_price = np.where(alive, np.log(self.mark * self.factor), np.nan)
        self.premia.record(session, log_price, self.volume[session] / np.maximum(self.floating, 1))

    def _end_pennies(self, session: int, trades: np.ndarray, alive: np.ndarray) -> None:
        """Delist stocks that closed below one yuan for twenty sessions in a row."""
        below = trades & (self.mark < PENNY_CENTS) & ~self.status.leaving[session]
        self.pennies = np.where(below, self.pennies + 1, np.where(trades, 0, self.pennies))
        halt = session + 1
        for stock in np.flatnonzero((self.pennies >= PENNY_SESSIONS) & alive & (self.status.delist_index > halt)):
            if halt < len(self.clock):
                with_period = rules.has_period_after_low_prices(self.clock.days[halt])
                status, known = self.status, len(self.status.shocks)
                status.delist(self.clock, self.listing, int(stock), halt, with_period=with_period, move=-0.5)
                for when, name, move in status.shocks[known:]:
                    self.news.setdefault(when, []).append((name, move))
            self.pennies[stock] = 0


def _not_before_listing(announced: np.ndarray, ends: np.ndarray, listing: Listing) -> np.ndarray:
    """Move reports of the time before a listing to its prospectus, or after their quarter's end if that is later."""
    prospectus = listing.list_date - 12
    late = np.maximum(prospectus[None, :], ends[:, None] + 3)
    return np.where(announced < prospectus, late, announced)
