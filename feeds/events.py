"""What companies do to their shares, as rows on a panel's axes: distributions, rights, and shares that change code."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CorporateEvents:
    """Dividends and rights by ex-date: K rows, all per old share; known at the close before the ex-date.

    ``pay_row`` and ``tradable_row`` may lie past the panel's last row; without them cash is paid and new shares can
    be sold on the ex-date.
    """

    stock: np.ndarray
    row: np.ndarray
    shares: np.ndarray  # bonus and transfer shares
    cash: np.ndarray  # yuan before tax
    rights: np.ndarray  # shares offered
    rights_price: np.ndarray  # yuan
    pay_row: np.ndarray | None = None  # first row with the cash
    tradable_row: np.ndarray | None = None  # first row on which the new shares can be sold
    taxed: np.ndarray | None = None  # bonus shares, without transfers from capital reserves: taxed at 1 yuan a share

    PARTS = ("stock", "row", "shares", "cash", "rights", "rights_price", "pay_row", "tradable_row", "taxed")

    def __post_init__(self) -> None:
        plain = {"pay_row": self.row, "tradable_row": self.row, "taxed": np.zeros(len(self.row))}
        for name, values in plain.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, values)

    @staticmethod
    def none() -> "CorporateEvents":
        return CorporateEvents(*(np.zeros(0) for _ in CorporateEvents.PARTS))


@dataclass(frozen=True)
class Conversions:
    """Shares that become shares of another code: code changes and mergers by share exchange, K rows.

    From ``row`` on each old share is ``ratio`` shares of ``new_stock`` and ``cash`` yuan.
    """

    stock: np.ndarray
    row: np.ndarray
    new_stock: np.ndarray
    ratio: np.ndarray
    cash: np.ndarray

    PARTS = ("stock", "row", "new_stock", "ratio", "cash")

    @staticmethod
    def none() -> "Conversions":
        return Conversions(*(np.zeros(0) for _ in Conversions.PARTS))
