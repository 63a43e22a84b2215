"""Who is listed: codes, boards, listing days, names, industries, first prices and share capital."""

from dataclasses import dataclass

import numpy as np

from feeds import rules
from feeds.errors import ConfigError
from feeds.sources.simulated.clock import Clock
from feeds.sources.simulated.names import INDUSTRIES, company_names
from feeds.sources.simulated.streams import stream

BOARD_WEIGHTS = {rules.MAIN: 0.64, rules.CHINEXT: 0.22, rules.STAR: 0.09, rules.BSE: 0.05}
BOARD_OPENED = {
    rules.MAIN: np.datetime64("1991-01-02"),
    **{board: rules.BOARD[board].first for board in (rules.CHINEXT, rules.STAR, rules.BSE)},
}
QUIET_SESSIONS = 60  # nobody lists in the span's last sessions
# Exponent on the uniform draw of the listing day; above one favours early listings.
_EARLINESS = {rules.MAIN: 1.15, rules.CHINEXT: 1.25, rules.STAR: 1.3, rules.BSE: 1.3}
_PREFIX_CHAINS = (
    ("600", "601", "603", "605"), ("000", "002", "001", "003"), ("300", "301", "302"), ("688", "689"), ("83", "920"),
)  # fmt: skip
# log market value (yuan): mean and deviation by board.
_VALUE = {rules.MAIN: (22.9, 0.9), rules.CHINEXT: (22.5, 0.85), rules.STAR: (22.6, 0.85), rules.BSE: (21.0, 0.55)}


@dataclass(frozen=True)
class Listing:
    """The stocks of the market, by ascending code; every array has shape (N,)."""

    codes: np.ndarray  # str
    board: np.ndarray  # str
    name: np.ndarray  # str, without any prefix
    industry: np.ndarray  # int, position in INDUSTRIES
    list_index: np.ndarray  # int, session of the first trading day; negative before the span
    list_date: np.ndarray  # datetime64[D]
    first_price: np.ndarray  # int64 cents: issue price, or the reference before the span's first session
    total_share: np.ndarray  # int64, at the start or at listing
    float_steps: np.ndarray  # (3, N) float: floating fraction at listing, after one year, after three
    free_fraction: np.ndarray  # float: free float as a fraction of the float

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def newcomers(self) -> np.ndarray:
        """Return who lists inside the span, (N,) bool."""
        return self.list_index >= 0


def draw_listing(clock: Clock, stocks: int, seed: int) -> Listing:
    """Draw the stocks of a market; boards that open too late for the span have none."""
    random = stream(seed, "listing")
    board = _boards(clock, stocks)
    when = _list_index(clock, board, random)
    date = clock.date(when)
    code = _codes(board, date, random)
    order = np.argsort(code)
    board, when, date, code = board[order], when[order], date[order], code[order]
    weight = np.array([row[1] for row in INDUSTRIES])
    industry = random.choice(len(INDUSTRIES), stocks, p=weight / weight.sum())
    price, shares = _capital(board, industry, when, random)
    seasoned = when < -3 * 243
    steps = np.where(seasoned, random.uniform(0.7, 1.0, stocks), np.array([[0.25], [0.6], [0.95]]))
    return Listing(
        codes=code,
        board=board,
        name=company_names(industry, stream(seed, "names")),
        industry=industry,
        list_index=when,
        list_date=date,
        first_price=price,
        total_share=shares,
        float_steps=steps,
        free_fraction=random.uniform(0.5, 0.95, stocks),
    )


def _boards(clock: Clock, stocks: int) -> np.ndarray:
    """Return each stock's board: the weights, rounded so that an open board has at least one stock."""
    latest = clock.days[max(len(clock) - QUIET_SESSIONS, 0)]
    counts = {b: max(1, round(stocks * w)) for b, w in BOARD_WEIGHTS.items() if BOARD_OPENED[b] < latest}
    counts[rules.MAIN] = stocks - sum(n for b, n in counts.items() if b != rules.MAIN)
    return np.repeat(np.array(list(counts), dtype="U7"), list(counts.values()))


def _list_index(clock: Clock, board: np.ndarray, random: np.random.Generator) -> np.ndarray:
    last = max(len(clock) - QUIET_SESSIONS, 0)
    first = np.array([int(clock.index(BOARD_OPENED[str(b)])) for b in board])
    power = np.array([_EARLINESS[str(b)] for b in board])
    share = random.random(len(board)) ** power
    return first + np.floor(share * np.maximum(last - first, 1)).astype("int64")


def _codes(board: np.ndarray, date: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Give every stock a code of its board and era; later listings get higher numbers."""
    shanghai = random.random(len(board)) < 0.55
    prefix = np.array([_prefix(str(b), d, bool(s)) for b, d, s in zip(board, date, shanghai, strict=True)])
    code = np.empty(len(board), dtype="U9")
    for name in (prefix_name for chain in _PREFIX_CHAINS for prefix_name in chain):
        rows = np.flatnonzero(prefix == name)
        rows = rows[np.argsort(date[rows], kind="stable")]
        width = 6 - len(name)
        room = 10**width - 1
        if len(rows) > room:  # a full prefix spills into the next of its board, as 600 did into 601
            prefix[rows[room:]] = _next_prefix(name)
            rows = rows[:room]
        numbers = np.sort(random.choice(room, len(rows), replace=False)) + 1
        suffix = ".BJ" if name in ("83", "920") else ".SH" if name[0] == "6" else ".SZ"
        code[rows] = [f"{name}{number:0{width}d}{suffix}" for number in numbers]
    return code


def _next_prefix(name: str) -> str:
    chain = next(chain for chain in _PREFIX_CHAINS if name in chain)
    if name == chain[-1]:
        raise ConfigError(f"stocks must fit the codes of their boards, was more than {chain[-1]} can hold")
    return chain[chain.index(name) + 1]


def _prefix(board: str, date: np.datetime64, shanghai: bool) -> str:
    year = int(str(date)[:4])
    if board == rules.STAR:
        return "688"
    if board == rules.BSE:
        return "83" if year < 2024 else "920"
    if board == rules.CHINEXT:
        return "300" if year < 2021 else "301"
    if shanghai:
        return "600" if year < 2006 else "601" if year < 2012 else "603" if year < 2021 else "605"
    return "000" if year < 2004 else "002" if year < 2021 else "001"


def _capital(
    board: np.ndarray, industry: np.ndarray, when: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return first prices in cents and total shares; banks and insurers are large and cheap."""
    n = len(board)
    mean, deviation = np.array([_VALUE[str(b)] for b in board]).T
    large = (industry == 0) & (board == rules.MAIN)
    value = np.exp(np.clip(mean + deviation * random.standard_normal(n) + 1.3 * large, 20.3, 26.3))
    typical = np.where(when < 0, 2.45, 2.75) - 0.6 * large
    price = np.exp(np.clip(typical + 0.6 * random.standard_normal(n), 1.3, 5.5))
    cents = np.rint(price * 100).astype("int64")
    shares = np.rint(value / cents * 100 / 1e4).astype("int64") * 10_000
    return cents, np.maximum(shares, 20_000_000)
