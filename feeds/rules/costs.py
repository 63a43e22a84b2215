"""What the state, the clearing house, the exchanges and the brokers take of a trade."""

from dataclasses import dataclass

import numpy as np

from feeds.rules.dated import KNOWN, SECONDARY, SOURCED, UNSURE, Timeline, timeline


@dataclass(frozen=True)
class Levy:
    """A part of a trade's value, or of its face value (1 yuan a share), taken on each side.

    ``included`` ones are part of what the broker quotes as commission: they are not to be added to it.
    """

    rate: float
    on_face: bool = False
    included: bool = False

    def of(self, value: float, shares: float) -> float:
        """Return the levy on a trade, in yuan."""
        return self.rate * (shares if self.on_face else value)

    def __str__(self) -> str:
        base = "face value" if self.on_face else "the value"
        return f"{self.rate * 1000:g}‰ of {base}, each side" + (", inside the commission" if self.included else "")


STAMP_DUTY = timeline(
    "stamp duty on sales",
    ("2008-09-19", 0.001, "Ministry of Finance: sellers only, from 2008-09-19", SOURCED),
    ("2023-08-28", 0.0005, "Ministry of Finance and Taxation Administration, announcement 39 of 2023", SOURCED),
    form="{:.2%} of the value",
)

_TRANSFER, _CLEARING = "transfer fee", "ChinaClear notice of "
_BY_VALUE = (
    ("2015-08-01", Levy(0.00002), f"{_CLEARING}2015", SOURCED),
    ("2022-04-29", Levy(0.00001), f"{_CLEARING}2022-04-28", SOURCED),
)
# Exchange -> what the clearing house takes of a stock trade.
TRANSFER_FEE: dict[str, Timeline[Levy]] = {
    "SH": timeline(
        _TRANSFER,
        (None, Levy(0.0005, on_face=True), "a compilation of ChinaClear's fees", SECONDARY),
        ("2012-06-01", Levy(0.000375, on_face=True), "a compilation of ChinaClear's fees", SECONDARY),
        ("2012-09-01", Levy(0.0003, on_face=True), f"{_CLEARING}2012", SOURCED),
        *_BY_VALUE,
    ),
    "SZ": timeline(
        _TRANSFER, (None, Levy(0.0000255, included=True), "ChinaClear fees until 2015-07-31", SOURCED), *_BY_VALUE
    ),
    "BJ": timeline(
        _TRANSFER,
        ("2021-11-15", Levy(0.000025), f"{_CLEARING}2022-04-28, on the rate before", SOURCED),
        _BY_VALUE[1],
    ),
}

_HANDLING, _COMPILED = "handling fee of the exchange", "a compilation of the exchanges' fees"
_HANDLING_SSE_SZSE = timeline(
    _HANDLING,
    ("2012-06-01", Levy(0.0000696, included=True), f"{_COMPILED}; perhaps only from 2012-09-01", UNSURE),
    ("2015-08-01", Levy(0.0000487, included=True), _COMPILED, SECONDARY),
    ("2023-08-28", Levy(0.0000341, included=True), _COMPILED, SECONDARY),
)
HANDLING_FEE: dict[str, Timeline[Levy]] = {
    "SH": _HANDLING_SSE_SZSE,
    "SZ": _HANDLING_SSE_SZSE,
    "BJ": timeline(
        _HANDLING,
        ("2021-11-15", Levy(0.0005, included=True), _COMPILED, SECONDARY),
        ("2022-12-01", Levy(0.00025, included=True), _COMPILED, SECONDARY),
        ("2023-08-28", Levy(0.000125, included=True), _COMPILED, SECONDARY),
    ),
}
REGULATORY_FEE = timeline("regulatory fee", (None, Levy(0.00002, included=True), _COMPILED, SECONDARY))

COMMISSION = timeline(
    "commission, typical",
    ("2010-01-01", 0.0008, "level of 2010, kept until the next known one", KNOWN),
    ("2015-01-01", 0.0003, "level of 2015, kept until the next known one", KNOWN),
    ("2026-01-01", 0.00025, "upper end of 1 to 2.5 bp, level of 2026", KNOWN),
    form="{:.3%} of the value, each side",
)
_COMMISSION_NOTICE = "CSRC and State Planning Commission, commissions from 2002-05-01"
COMMISSION_CAP = timeline(
    "commission, at most", ("2002-05-01", 0.003, _COMMISSION_NOTICE, SOURCED), form="{:.1%} of the value"
)
COMMISSION_MINIMUM = timeline(
    "commission, at least", ("2002-05-01", 5.0, _COMMISSION_NOTICE, SOURCED), form="{:g} yuan an order"
)
OTHER_COMMISSION = timeline(
    "commission of a fund or a convertible bond",
    (None, "0.5 to 2.5 bp, no stamp duty, no transfer fee", "common practice and a compilation", SECONDARY),
)


def stamp_duty(day: np.datetime64, value: float) -> float:
    """Return the stamp duty on a sale of shares, in yuan."""
    return STAMP_DUTY.need(day) * value


def transfer_fee(exchange: str, day: np.datetime64, value: float, shares: float) -> float:
    """Return the transfer fee that comes on top of the commission of a stock trade, in yuan."""
    levy = TRANSFER_FEE[exchange].need(day)
    return 0.0 if levy.included else levy.of(value, shares)
