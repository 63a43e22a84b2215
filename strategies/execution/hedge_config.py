"""What a hedge is asked to do: one frozen, checked object, part of a backtest's configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator


class HedgeConfig(BaseModel):
    """How to hedge.

    Attributes
    ----------
    kind : str
        A future, or ``index``: the ideal short of a price index. ``none``: no hedge.
    index : str
        The price index of ``index``; a future has its own.
    sizing : str
        ``notional``: short as much as the stocks are worth. ``beta``: times their trailing beta.
    ratio : float
        Share of that to be short.
    beta_days : int
        Sessions of the trailing beta.
    band : float
        Between rebalances of the book, lots are left alone until they are off by more than this share.
    contract : str
        ``near``: the nearest month. ``next``: the one after it. ``quarter``: the nearest of March, June, September
        and December.
    roll_days : int
        The roll is at the open so many sessions before a contract's last day.
    margin_buffer : float
        Cash kept free beside the margin, as a share of it.
    margin_add : float
        What the broker asks on top of the exchange's margin rate.
    slippage_ticks : float
        Ticks that every trade loses.
    margin : str
        ``speculation``, or ``hedging``: the lower rates of 2015 to 2018 for accounts with the exchange's approval.
    series : str
        ``dated``: month contracts. ``main``: an estimate from the series of main contracts, for data without months.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["none", "index", "IF", "IH", "IC", "IM"] = "none"
    index: str = "000300.SH"
    sizing: Literal["notional", "beta"] = "notional"
    ratio: float = Field(1.0, gt=0, le=2)
    beta_days: int = Field(60, ge=20)
    band: float = Field(0.1, ge=0, lt=1)
    contract: Literal["near", "next", "quarter"] = "near"
    roll_days: int = Field(2, ge=0, le=10)
    margin_buffer: float = Field(1.0, ge=0, allow_inf_nan=False)
    margin_add: float = Field(0.0, ge=0, lt=1)
    margin: Literal["speculation", "hedging"] = "speculation"
    slippage_ticks: float = Field(0.0, ge=0, allow_inf_nan=False)
    series: Literal["dated", "main"] = "dated"

    @field_validator("series")
    @classmethod
    def _one_contract(cls, value: str, info: ValidationInfo) -> str:
        if value == "main" and info.data.get("contract") in ("next", "quarter"):
            raise ValueError(f"dated for contract {info.data['contract']}")
        return value
