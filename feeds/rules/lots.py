"""How many shares an order may be of, and the smallest step of its price."""

from dataclasses import dataclass

from feeds.rules.codes import BSE, CHINEXT, CONVERTIBLE, FUND, MAIN, STAR, STOCK
from feeds.rules.dated import KNOWN, SECONDARY, SOURCED, UNSURE, Timeline, timeline


@dataclass(frozen=True)
class Lot:
    """The smallest order and the step from there on; of less, or of a lot's odd rest, one sells all at once."""

    smallest: int
    step: int

    def __str__(self) -> str:
        steps = "multiples of it" if self.step == self.smallest else f"steps of {self.step}"
        return f"{self.smallest} or more, in {steps}; an odd rest is sold at once"


_NAME = "size of an order"
_HUNDREDS = timeline(_NAME, (None, Lot(100, 100), "SSE and SZSE trading rules", SECONDARY))
# Board or kind -> the sizes of its orders: shares, fund units or bonds.
LOTS: dict[str, Timeline[Lot]] = {
    MAIN: _HUNDREDS,
    CHINEXT: _HUNDREDS,
    STAR: timeline(_NAME, ("2019-07-22", Lot(200, 1), "SSE special trading rules of STAR, 2019", SECONDARY)),
    BSE: timeline(_NAME, ("2021-11-15", Lot(100, 1), "BSE trading rules, 2021", SECONDARY)),
    FUND: _HUNDREDS,
    CONVERTIBLE: timeline(
        _NAME, (None, Lot(10, 10), "common practice; a compilation says steps of 1 after 10", UNSURE)
    ),
}

_LARGEST = "largest order"
_MILLION = (None, 1_000_000, "SSE and SZSE trading rules", KNOWN)
# Board -> the largest limit order, in shares; a larger one is given as several, so that fills are not cut to it.
LARGEST: dict[str, Timeline[int]] = {
    MAIN: timeline(_LARGEST, _MILLION, form="{:,} shares"),
    CHINEXT: timeline(
        _LARGEST,
        _MILLION,
        ("2020-08-24", 300_000, "SZSE special trading rules of ChiNext, 2020", KNOWN),
        form="{:,} shares",
    ),
    STAR: timeline(
        _LARGEST, ("2019-07-22", 100_000, "SSE special trading rules of STAR, 2019", KNOWN), form="{:,} shares"
    ),
    BSE: timeline(_LARGEST, ("2021-11-15", 1_000_000, "BSE trading rules, 2021", KNOWN), form="{:,} shares"),
}

_TICK, _YUAN = "price step", "{} yuan"
_FINE = timeline(_TICK, (None, 0.001, "SSE and SZSE trading rules", SOURCED), form=_YUAN)
# (kind, exchange) -> the smallest step of a price, in yuan.
TICKS: dict[tuple[str, str], Timeline[float]] = {
    **{
        (STOCK, exchange): timeline(_TICK, (None, 0.01, "trading rules of SSE, SZSE and BSE", SOURCED), form=_YUAN)
        for exchange in ("SH", "SZ", "BJ")
    },
    (FUND, "SH"): _FINE,
    (FUND, "SZ"): _FINE,
    (CONVERTIBLE, "SZ"): _FINE,
    (CONVERTIBLE, "SH"): timeline(
        _TICK,
        (None, 0.01, "prices of 2019", SOURCED),
        ("2022-05-16", 0.001, "SSE bond trading rules of 2022 (the day is a guess)", UNSURE),
        form=_YUAN,
    ),
}


def round_lot(board: str, shares: float) -> int:
    """Return the largest buyable number of shares not above ``shares``.

    Main and ChiNext: hundreds. STAR: 200, then single shares. BSE: 100, then single shares.
    """
    lot = LOTS[board].rows[-1].value
    whole = int(shares)
    return whole - (whole - lot.smallest) % lot.step if whole >= lot.smallest else 0


def round_sale(board: str, shares: float, held: int) -> int:
    """Return the largest sellable number of shares not above ``shares``, given ``held`` shares.

    Main and ChiNext: hundreds, and the odd shares beyond the last hundred only all at once (of 350 held: 150 or 50,
    not 120). STAR and BSE: any number from 200 and 100 shares on. Less than that is sold only all at once.
    """
    whole = min(int(shares), held)
    if whole >= held:
        return held
    lot = LOTS[board].rows[-1].value
    odd = held % lot.step
    with_odd = whole - (whole - odd) % lot.step if lot.step > 1 and whole >= odd else 0
    return max(round_lot(board, whole), with_odd)
