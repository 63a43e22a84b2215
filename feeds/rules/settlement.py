"""When what was bought may be sold: T+1 or T+0 by kind of instrument; and whether one may sell short."""

from feeds.rules.codes import CONVERTIBLE, INDEX_FUTURE, STOCK
from feeds.rules.dated import KNOWN, SOURCED, Timeline, timeline

EQUITY_FUND, BOND_FUND, CROSS_BORDER_FUND = "equity fund", "bond, money or gold fund", "cross-border fund"
COMMODITY_FUND_SH, COMMODITY_FUND_SZ = "commodity fund, SSE", "commodity fund, SZSE"

_RULES, _FORM = "SSE and SZSE trading rules", "T+{}"
_OFFICIAL = "SSE and SZSE trading rules amended 2015-01-19"


def _sale(kind: str, *facts: tuple[str | None, int, str, str]) -> Timeline[int]:
    return timeline(f"sale of what was bought, {kind}", *facts, form=_FORM)


# Kind -> sessions after which what was bought may be sold. Cash from a sale buys at once everywhere.
SETTLEMENT: dict[str, Timeline[int]] = {
    STOCK: _sale(STOCK, (None, 1, _RULES, SOURCED)),
    EQUITY_FUND: _sale(EQUITY_FUND, (None, 1, _RULES, SOURCED)),
    BOND_FUND: _sale(BOND_FUND, ("2013-12-01", 0, f"practice since December 2013; {_OFFICIAL}", SOURCED)),
    CROSS_BORDER_FUND: _sale(CROSS_BORDER_FUND, (None, 1, _RULES, SOURCED), ("2015-01-19", 0, _OFFICIAL, SOURCED)),
    COMMODITY_FUND_SH: _sale(
        COMMODITY_FUND_SH, (None, 1, _RULES, SOURCED), ("2020-01-20", 0, "SSE notice of 2020", SOURCED)
    ),
    COMMODITY_FUND_SZ: _sale(
        COMMODITY_FUND_SZ, (None, 1, _RULES, SOURCED), ("2019-01-11", 0, "SZSE notice of 2019", SOURCED)
    ),
    CONVERTIBLE: _sale(CONVERTIBLE, (None, 0, _RULES, SOURCED)),
    INDEX_FUTURE: _sale(INDEX_FUTURE, ("2010-04-16", 0, "CFFEX trading rules", KNOWN)),
}
SHORT_SALES = timeline(
    "short sales of shares",
    ("2024-07-11", "take as none: securities relending suspended, cleared by 2024-09-30", "CSRC notice", KNOWN),
)
