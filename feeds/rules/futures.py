"""Stock-index futures of CFFEX: contracts, margins, fees, limits."""

from dataclasses import dataclass

import numpy as np

from feeds.rules.dated import KNOWN, SOURCED, UNSURE, Timeline, timeline

IF, IH, IC, IM = "IF", "IH", "IC", "IM"
LISTED = {IF: "2010-04-16", IH: "2015-04-16", IC: "2015-04-16", IM: "2022-07-22"}
_CFFEX = "CFFEX contract terms"
_LISTING = {IF: KNOWN, IH: KNOWN, IC: KNOWN, IM: SOURCED}

# Product -> its index, and yuan for a point of it; both since the product's listing.
INDEX: dict[str, Timeline[str]] = {
    product: timeline("index", (LISTED[product], code, _CFFEX, _LISTING[product]))
    for product, code in ((IF, "000300.SH"), (IH, "000016.SH"), (IC, "000905.SH"), (IM, "000852.SH"))
}
MULTIPLIER: dict[str, Timeline[int]] = {
    product: timeline("multiplier", (LISTED[product], yuan, _CFFEX, SOURCED), form="{} yuan a point")
    for product, yuan in ((IF, 300), (IH, 300), (IC, 200), (IM, 200))
}
FUTURE_TICK = timeline("price step", ("2010-04-16", 0.2, _CFFEX, SOURCED), form="{} points")
MONTHS = timeline("months traded", ("2010-04-16", "this, the next, and the next two quarter months", _CFFEX, SOURCED))
LAST_DAY = timeline("last trading day", ("2010-04-16", "third Friday, the next open day if closed", _CFFEX, SOURCED))
DELIVERY = timeline(
    "final settlement",
    ("2010-04-16", "cash, at the mean of the index over the last two hours", _CFFEX, KNOWN),
)
SETTLEMENT_PRICE = timeline(
    "daily settlement", ("2010-04-16", "average price of the last hour", "CFFEX settlement rules", KNOWN)
)
FUTURE_LIMIT = timeline("price limit", ("2010-04-16", 10, _CFFEX, SOURCED), form="±{}% of the last settlement price")
FUTURE_LIMIT_WIDE = timeline(
    "price limit on the last day, and on a quarter month's first",
    ("2010-04-16", 20, "CFFEX risk rules", KNOWN),
    form="±{}% of the last settlement price",
)


@dataclass(frozen=True)
class Margin:
    """Part of a contract's value that is held as margin, from the settlement of the first day on."""

    speculation: float
    hedging: float | None = None

    def __str__(self) -> str:
        hedging = "" if self.hedging is None else f", hedges {self.hedging:.0%}"
        return f"{self.speculation:.0%} of the value{hedging}"


def _margins(*facts: tuple[str, Margin, str, str]) -> Timeline[Margin]:
    return timeline("margin at settlement (a broker adds 2 to 4 points)", *facts)


_MEMORY = "a compilation from memory"
_AUGUST = "CFFEX notice of 2015-08-25, hedges left at 10 %"
_JOURNALS = "CFFEX notices, as reported"
_BROKER = "inferred from a broker's table; the month is rough"
_EASED = "CFFEX easing of August 2023; day and level doubtful"
_CRISIS = (
    ("2015-08-26", Margin(0.12, 0.10), _AUGUST, SOURCED),
    ("2015-08-27", Margin(0.15, 0.10), _AUGUST, SOURCED),
    ("2015-08-28", Margin(0.20, 0.10), _AUGUST, SOURCED),
    ("2015-08-31", Margin(0.30), _JOURNALS, SOURCED),
    ("2015-09-07", Margin(0.40, 0.20), _JOURNALS, SOURCED),
)
_LARGE_CAPS = (
    *_CRISIS,
    ("2017-02-17", Margin(0.20), _JOURNALS, SOURCED),
    ("2017-09-18", Margin(0.15), "CFFEX notice of 2017-09-15", SOURCED),
    ("2018-12-03", Margin(0.10), "CFFEX notice of December 2018", SOURCED),
    ("2020-09-01", Margin(0.12), _BROKER, UNSURE),
)
# Product -> margin. IC's steps of 2015-08-26 to 28 were for bought positions only.
MARGIN: dict[str, Timeline[Margin]] = {
    IF: _margins(
        ("2010-04-16", Margin(0.18), f"{_MEMORY}: 15 to 18 %, the higher taken", UNSURE),
        ("2012-01-01", Margin(0.12), f"{_MEMORY}: during 2012", UNSURE),
        ("2014-09-01", Margin(0.10), f"{_MEMORY}: September 2014", UNSURE),
        *_LARGE_CAPS,
    ),
    IH: _margins(("2015-04-16", Margin(0.10), _MEMORY, UNSURE), *_LARGE_CAPS),
    IC: _margins(
        ("2015-04-16", Margin(0.10), _MEMORY, UNSURE),
        *_CRISIS,
        ("2017-02-17", Margin(0.30, 0.20), _JOURNALS, SOURCED),
        ("2018-12-03", Margin(0.15), "CFFEX notice of December 2018", SOURCED),
        ("2019-04-22", Margin(0.12), _JOURNALS, SOURCED),
        ("2020-09-01", Margin(0.14), _BROKER, UNSURE),
        ("2023-08-28", Margin(0.12), _EASED, UNSURE),
    ),
    IM: _margins(
        ("2022-07-22", Margin(0.15), "CFFEX notice on the listing of IM", SOURCED),
        ("2023-08-28", Margin(0.12), _EASED, UNSURE),
    ),
}
MARGIN_SIDE = timeline(
    "margin of both sides held", ("2010-04-16", "on the larger side, across IF, IH, IC and IM", _CFFEX, SOURCED)
)

_RATE = "{:.4%} of the value"
FUTURE_FEE = timeline(
    "fee of a trade",
    ("2010-04-16", 0.00005, "CFFEX fees", KNOWN),
    ("2012-06-01", 0.000035, "CFFEX fees, lowered twice in 2012", KNOWN),
    ("2012-09-01", 0.000025, "CFFEX fees, lowered twice in 2012", KNOWN),
    ("2015-08-03", 0.000023, "CFFEX notice of 2015", SOURCED),
    form=_RATE,
)
ORDER_FEE = timeline("fee of an order", ("2015-08-03", 1.0, "CFFEX notice of 2015", SOURCED), form="{:g} yuan")
DELIVERY_FEE = timeline(
    "fee of final settlement", ("2010-04-16", 0.0001, "CFFEX fees", KNOWN), form="{:.2%} of the value"
)
CLOSE_TODAY_FEE = timeline(
    "fee of closing on the day of opening (a sale closes today's positions first)",
    ("2015-08-26", 0.000115, "CFFEX notice of 2015-08-25", SOURCED),
    ("2015-09-07", 0.0023, _JOURNALS, SOURCED),
    ("2017-02-17", 0.00092, _JOURNALS, SOURCED),
    ("2017-09-18", 0.00069, _JOURNALS, SOURCED),
    ("2018-12-03", 0.00046, "CFFEX notice of December 2018", SOURCED),
    ("2019-04-22", 0.000345, _JOURNALS, SOURCED),
    ("2023-08-28", 0.00023, _EASED, UNSURE),
    form=_RATE,
)
OPEN_LIMIT = timeline(
    "lots opened in a day (hedges exempt)",
    ("2015-08-26", 600, "CFFEX notice of 2015-08-25", SOURCED),
    ("2015-08-31", 100, "CFFEX notice of 2015-08-28", KNOWN),
    ("2015-09-07", 10, _JOURNALS, SOURCED),
    ("2017-02-17", 20, _JOURNALS, SOURCED),
    ("2018-12-03", 50, "CFFEX notice of December 2018, for each contract", SOURCED),
    ("2019-04-22", 500, _JOURNALS, SOURCED),
    form="{}",
)


def margin_rate(product: str, day: np.datetime64, *, hedging: bool = False) -> float:
    """Return the exchange's margin at the settlement of a day, as a part of the contract's value."""
    margin = MARGIN[product].need(day)
    return margin.hedging if hedging and margin.hedging is not None else margin.speculation


def future_fee_rate(day: np.datetime64, *, closes_today: bool = False) -> float:
    """Return the exchange's fee as a part of a trade's value; :data:`ORDER_FEE` comes on top of it."""
    row = CLOSE_TODAY_FEE.on(day) if closes_today else None
    return FUTURE_FEE.need(day) if row is None else row.value
