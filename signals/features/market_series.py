"""Inputs that all stocks of a day share: the index's return and the breadth of the market."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from feeds.panel import MarketPanel
from signals.features.moving import Floats

INDEX = "000300.SH"
SPAN, FEWEST, CLIP = 250, 60, 3.0
MARKET_SERIES = ("index_return", "breadth")


def index_returns(panel: MarketPanel, code: str = INDEX) -> Floats:
    """Return an index's close over that of the session before less one, (T,), NaN where either is missing."""
    close = panel.indices.get(code, np.full(len(panel.dates), np.nan))
    return close / np.append(np.nan, close[:-1]) - 1


def breadth(panel: MarketPanel, eligible: npt.NDArray[np.bool_]) -> Floats:
    """Return the share of the day's eligible stocks that closed above their ex-right reference, (T,)."""
    close, reference = panel.field("close"), panel.field("pre_close")
    traded = eligible & np.isfinite(close) & np.isfinite(reference)
    with np.errstate(invalid="ignore"):
        return (traded & (close > reference)).sum(axis=1) / traded.sum(axis=1)


def trailing_scores(series: Floats) -> Floats:
    """Return a series less its mean over the last 250 sessions, over their deviation, clipped to +-3, (T,).

    What all stocks share has no score across them; along time it has one, made of that day and the days before.
    NaN with fewer than 60 values, or none of the day.
    """
    padded = np.append(np.full(SPAN - 1, np.nan), series)
    window = np.lib.stride_tricks.sliding_window_view(padded, SPAN)  # (T, 250)
    present = np.isfinite(window)
    count = present.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(present, window, 0.0).sum(axis=1) / count
        spread = np.sqrt(np.where(present, window - mean[:, None], 0.0) ** 2 @ np.ones(SPAN) / count)
        scores = np.clip((series - mean) / spread, -CLIP, CLIP)
    return np.where(count >= FEWEST, scores, np.nan)


def market_series(
    panel: MarketPanel, eligible: npt.NDArray[np.bool_], names: Sequence[str]
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return `trailing_scores` of series of `MARKET_SERIES`, the same for every stock, (N, T) each, for card C3."""
    made = {"index_return": lambda: index_returns(panel), "breadth": lambda: breadth(panel, eligible)}
    shape = (len(panel.codes), len(panel.dates))
    return {name: np.broadcast_to(trailing_scores(made[name]()).astype(np.float32), shape) for name in names}
