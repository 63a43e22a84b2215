"""What state the market is in: 63 numbers of three indices and 120 of the styles of those that rose most (card C7)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feeds.panel import MarketPanel, carry_forward
from signals.features.market_series import index_returns
from signals.features.moving import Floats, shift
from signals.features.styles import STYLES, Styles

INDICES = {"csi300": "000300.SH", "csi500": "000905.SH", "csi1000": "000852.SH"}
INDEX_WINDOWS = (5, 10, 20, 30, 60)
PERFORMANCE_WINDOWS = (5, 10, 20, 60)
TOPS = {"top1": 1, "top5": 5, "top10": 10}  # percent

INDEX_STATE = tuple(
    f"{index}_{part}"
    for index in INDICES
    for part in (
        "return",
        *(
            f"{what}_{window}"
            for window in INDEX_WINDOWS
            for what in ("return_mean", "return_std", "amount_mean", "amount_std")
        ),
    )
)
STYLE_STATE = tuple(f"{style}_{top}_{window}" for style in STYLES for top in TOPS for window in PERFORMANCE_WINDOWS)
MARKET_STATE = (*INDEX_STATE, *STYLE_STATE)


@dataclass(frozen=True)
class MarketState:
    """The market's state on T days.

    Attributes
    ----------
    values : ndarray of float32, shape (T, K)
        Known in the evening of the day, not standardised; NaN where a window is not full.
    names : tuple of str
        The K numbers, in the order of `MARKET_STATE`: 63 + 120 if nothing is absent.
    absent : mapping of str to str
        Numbers the market data cannot tell, each with the reason.
    """

    values: npt.NDArray[np.float32]
    names: tuple[str, ...]
    absent: Mapping[str, str]


def market_state(panel: MarketPanel, eligible: npt.NDArray[np.bool_], styles: Styles) -> MarketState:
    """Return the state of the market on every day.

    Parameters
    ----------
    panel : MarketPanel
    eligible : ndarray of bool, shape (T, N)
        Who can be among those that rose most.
    styles : Styles
        Of the same panel.

    Notes
    -----
    Of an index: the day's return, and over the last 5, 10, 20, 30 and 60 sessions the mean and the deviation of its
    returns and of its amounts, the latter over the day's amount (deviations of samples). Of a style: its mean exposure
    among the best 1, 5 and 10 % of the eligible stocks by back-adjusted return over the last 5, 10, 20 and 60
    sessions, at least one stock; of equal returns the lower code counts.
    """
    found = _style_state(panel, eligible, styles)
    absent = {name: styles.absent[style] for style in styles.absent for name in STYLE_STATE if _is_of(name, style)}
    for index, code in INDICES.items():
        found |= _index_state(panel, index, code)
        what = f"amounts of index {code}" if code in panel.indices else f"index {code}"
        reason = f"needs {what}, absent from the market data"
        absent |= {name: reason for name in INDEX_STATE if _is_of(name, index) and name not in found}
    names = tuple(name for name in MARKET_STATE if name in found)
    values = np.empty((len(panel.dates), len(names)), dtype=np.float32)
    for column, name in enumerate(names):
        values[:, column] = found[name]
    return MarketState(values, names, absent)


def _is_of(name: str, what: str) -> bool:
    return name.startswith(f"{what}_")


def _index_state(panel: MarketPanel, name: str, code: str) -> dict[str, Floats]:
    if code not in panel.indices:
        return {}
    returns = index_returns(panel, code)
    found = {f"{name}_return": returns}
    for window in INDEX_WINDOWS:
        found[f"{name}_return_mean_{window}"], found[f"{name}_return_std_{window}"] = _rolling(returns, window)
        if code in panel.index_amounts:
            amount = panel.index_amounts[code]
            mean, deviation = _rolling(amount, window)
            found[f"{name}_amount_mean_{window}"] = mean / amount
            found[f"{name}_amount_std_{window}"] = deviation / amount
    return found


def _rolling(series: Floats, window: int) -> tuple[Floats, Floats]:
    """Return the mean and the sample deviation of the last ``window`` values, NaN unless all are known, (T,) each."""
    mean, deviation = (np.full(len(series), np.nan) for _ in range(2))
    if len(series) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(series, window)
        mean[window - 1 :], deviation[window - 1 :] = windows.mean(axis=1), windows.std(axis=1, ddof=1)
    return mean, deviation


def _style_state(panel: MarketPanel, eligible: npt.NDArray[np.bool_], styles: Styles) -> dict[str, Floats]:
    """Return the mean exposures of those that rose most, (T,) each."""
    with np.errstate(invalid="ignore"):
        level = carry_forward(panel.field("close").T * panel.field("adj_factor").T)  # (N, T)
    found: dict[str, Floats] = {}
    for window in PERFORMANCE_WINDOWS:
        rose = np.ascontiguousarray((level / shift(level, window)).T)  # (T, N)
        rose[~eligible] = np.nan
        means = np.full((len(TOPS), *styles.values.shape[::2]), np.nan)  # (tops, T, K)
        for day, line in enumerate(rose):
            count = int(np.isfinite(line).sum())
            best = np.argsort(-line, kind="stable")  # NaN sorts last
            for row, percent in enumerate(TOPS.values()):
                means[row, day] = _mean(styles.values[day, best[: -(-percent * count // 100)]])
        for row, top in enumerate(TOPS):
            for column, style in enumerate(styles.names):
                found[f"{style}_{top}_{window}"] = means[row, :, column]
    return found


def _mean(exposures: npt.NDArray[np.float32]) -> Floats:
    """Return the mean of the known exposures of some stocks to each style, (K,)."""
    known = np.isfinite(exposures)
    with np.errstate(invalid="ignore"):
        return np.where(known, exposures, 0.0).sum(axis=0, dtype=np.float64) / known.sum(axis=0)
