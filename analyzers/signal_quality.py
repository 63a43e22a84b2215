"""Is the score worth trading: information coefficients, quantile returns and how fast the score changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from analyzers.conventions import Metrics
from analyzers.forward_returns import AdjustedPrices, Entry
from analyzers.inference import automatic_lags, newey_west_t
from analyzers.returns import DAYS_PER_YEAR
from feeds.errors import ConfigError

if TYPE_CHECKING:
    from feeds.panel import MarketPanel

Scores = tuple[np.datetime64, Sequence[str] | np.ndarray, np.ndarray]
Horizon = int | Literal["next_signal"]

FEWEST_NAMES = 5  # below this a cross-section says nothing
TENTHS = 10
FIFTHS = 5


@dataclass(frozen=True)
class SignalQuality:
    """What a signal was worth before any portfolio was built on it.

    Attributes
    ----------
    by_date : pandas.DataFrame
        One row per signal date: ``date, entry_date, exit_date, names, coverage, untradable, ic, rank_ic,
        rank_mae_score, long_short, long_only_excess, score_turnover``. Undefined values are NaN.
    quantile_returns : pandas.DataFrame
        Mean forward return of each fifth (1 = lowest score) per signal date, shape ``(dates, 5)``.
    tenth_returns : pandas.DataFrame
        The same of each tenth, shape ``(dates, 10)``.
    metrics : dict
        Flat figures, named as in ``analyzers.conventions``; undefined ones are None.
    horizon : str
        What the forward return spans, in words.
    """

    by_date: pd.DataFrame
    quantile_returns: pd.DataFrame
    tenth_returns: pd.DataFrame
    metrics: Metrics
    horizon: str


def ic(scores: np.ndarray, returns: np.ndarray) -> float | None:
    """Return the Pearson correlation of scores and returns over the names that have both.

    Returns
    -------
    float or None
        None for fewer than two names, or if either side does not vary.
    """
    valid = np.isfinite(scores) & np.isfinite(returns)
    x, y = np.asarray(scores, dtype=float)[valid], np.asarray(returns, dtype=float)[valid]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    # scaling first keeps the sum of squares of tiny or huge scores finite
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(np.clip((x @ y) / scale, -1, 1)) if scale > 0 else None


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1, equal values sharing their mean rank."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(sizes) - (sizes - 1) / 2)[group]


def rank_ic(scores: np.ndarray, returns: np.ndarray) -> float | None:
    """Return the Spearman correlation (ties take their mean rank) over the names that have both."""
    valid = np.isfinite(scores) & np.isfinite(returns)
    return ic(mean_ranks(np.asarray(scores)[valid]), mean_ranks(np.asarray(returns)[valid]))


def rank_mae_score(scores: np.ndarray, returns: np.ndarray) -> float | None:
    """Return ``exp(-mean |z(rank score) - z(rank return)|)``: 1 for equal order, 0.315 without skill."""
    valid = np.isfinite(scores) & np.isfinite(returns)
    x, y = mean_ranks(np.asarray(scores)[valid]), mean_ranks(np.asarray(returns)[valid])
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    distance = np.abs((x - x.mean()) / x.std() - (y - y.mean()) / y.std())
    return float(np.exp(-distance.mean()))


def buckets(scores: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Return each name's bucket, 0 for the lowest scores to ``count - 1``, sizes as equal as can be.

    Parameters
    ----------
    scores : numpy.ndarray
        Finite scores, shape ``(names,)``.
    codes : numpy.ndarray
        Stock codes, or numbers in their order, which break ties: the smaller code takes the lower place.
    count : int
        Number of buckets.
    """
    by_code = np.argsort(codes, kind="stable")
    order = by_code[np.argsort(scores[by_code], kind="stable")]
    places = np.empty(len(scores), dtype=int)
    places[order] = np.arange(len(scores))
    return places * count // len(scores)


def quantile_returns(scores: np.ndarray, returns: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Return the equal-weight mean return of each score bucket, lowest scores first.

    Returns
    -------
    numpy.ndarray
        Shape ``(count,)``; all NaN if there are fewer names than buckets.
    """
    valid = np.isfinite(scores) & np.isfinite(returns)
    if valid.sum() < count:
        return np.full(count, np.nan)
    bucket = buckets(scores[valid], codes[valid], count)
    return np.bincount(bucket, returns[valid], count) / np.bincount(bucket, minlength=count)


def replaced_share(before: np.ndarray, now: np.ndarray) -> float | None:
    """Return the share of ``now``'s names that were not in ``before``; None if either is empty."""
    if len(before) == 0 or len(now) == 0:
        return None
    return float(1 - np.isin(now, before).mean())


def signal_quality(
    signals: Iterable[Scores],
    panel: "MarketPanel",
    horizon: Horizon = "next_signal",
    entry: Entry = "open",
    universe: np.ndarray | None = None,
    delisting_recovery: float = 0.0,
) -> SignalQuality:
    """Measure a signal against the returns one could have traded.

    Parameters
    ----------
    signals : iterable of (date, codes, scores)
        In any order; scores of a date's close, high meaning attractive.
    panel : MarketPanel
        Raw prices, adjustment factors and limit prices.
    horizon : "next_signal" or int
        The position opened on the session after the signal date is closed on the session after the next
        signal date, or after this many sessions.
    entry : {"open", "vwap"}
        The price of the session at which both ends trade, times the adjustment factor.
    universe : numpy.ndarray, optional
        Bool, shape ``(dates, codes)`` of the panel: the names one may choose from on a signal date. Others
        are left out of every figure. Listed names if omitted.
    delisting_recovery : float
        Share of its last close that a stock delisted by the exit session is worth.

    Raises
    ------
    ConfigError
        If ``horizon`` or ``entry`` is unknown.
    DataError
        If a signal date is not a session of the panel.

    Notes
    -----
    A name that is suspended or opens at its upper limit on the entry session could not be bought and is left
    out. A name without a price on the exit session is valued at its last close, a delisted one at the
    recovery. A date with fewer than 5
    names has no information coefficient. The last signal date has no next one and is not measured.
    Newey-West lags are the number of overlapping forward returns where they overlap, else
    ``floor(4 (T / 100)^(2/9))``.
    """
    if horizon != "next_signal" and (isinstance(horizon, str) or horizon < 1):
        raise ConfigError(f"horizon must be next_signal or at least 1 session, was {horizon}")
    prices = AdjustedPrices(panel, entry, delisting_recovery)
    ordered = sorted(signals, key=lambda item: panel.date_index(item[0]))
    positions = [panel.date_index(item[0]) for item in ordered]
    listed = panel.listed if universe is None else universe
    rows, fifths, tenths = [], [], []
    top_before = np.empty(0, dtype=int)
    for number, (date, codes, scores) in enumerate(ordered):
        start = positions[number] + 1
        after = positions[number + 1 : number + 2]
        stop = (after[0] + 1 if after else None) if horizon == "next_signal" else start + int(horizon)
        if stop is None or stop >= len(panel.dates):
            continue
        columns, known = prices.columns_of(codes)
        inside = listed[positions[number], columns]
        columns = columns[inside]
        values = np.asarray(scores, dtype=float)[known][inside]
        forward = prices.forward_returns(start, stop, columns)
        row, by_fifth, by_tenth, top_before = _cross_section(values, forward, columns, top_before)
        wanted = int(listed[positions[number]].sum())
        row |= {
            "date": date,
            "entry_date": panel.dates[start],
            "exit_date": panel.dates[stop],
            "coverage": row["names"] / wanted if wanted else np.nan,
        }
        rows.append(row)
        fifths.append(by_fifth)
        tenths.append(by_tenth)
    by_date = _frame(rows)
    by_fifths = pd.DataFrame(fifths, index=by_date["date"], columns=range(1, FIFTHS + 1), dtype=float)
    by_tenths = pd.DataFrame(tenths, index=by_date["date"], columns=range(1, TENTHS + 1), dtype=float)
    words = "to the next rebalance" if horizon == "next_signal" else f"{horizon} sessions"
    return SignalQuality(by_date, by_fifths, by_tenths, _summary(by_date), f"{entry} to {entry}, {words}")


def _cross_section(
    scores: np.ndarray, forward: np.ndarray, columns: np.ndarray, top_before: np.ndarray
) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray]:
    """Return one date's figures, its returns by fifth and tenth, and its top tenth as panel columns in code order."""
    scored = np.isfinite(scores)
    valid = scored & np.isfinite(forward)
    enough = valid.sum() >= FEWEST_NAMES
    tenths = quantile_returns(scores, forward, columns, TENTHS)
    top = np.empty(0, dtype=int)
    if scored.sum() >= TENTHS:
        top = columns[scored][buckets(scores[scored], columns[scored], TENTHS) == TENTHS - 1]
    row = {
        "names": int(valid.sum()),
        "untradable": int(scored.sum() - valid.sum()),
        "ic": ic(scores, forward) if enough else None,
        "rank_ic": rank_ic(scores, forward) if enough else None,
        "rank_mae_score": rank_mae_score(scores, forward) if enough else None,
        "long_short": tenths[-1] - tenths[0],
        "long_only_excess": tenths[-1] - forward[valid].mean() if enough else None,
        "score_turnover": replaced_share(top_before, top),
    }
    return row, quantile_returns(scores, forward, columns, FIFTHS), tenths, top


COLUMNS = (
    *("date", "entry_date", "exit_date", "names", "coverage", "untradable", "ic", "rank_ic"),
    *("rank_mae_score", "long_short", "long_only_excess", "score_turnover"),
)


def _frame(rows: list[dict]) -> pd.DataFrame:
    """Return the rows with dates as dates, counts as integers and everything else as floats."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in frame.columns:
        if name.endswith("date"):
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[ms]")
        else:
            frame[name] = frame[name].astype(int if name in ("names", "untradable") else float)
    return frame


def _summary(by_date: pd.DataFrame) -> Metrics:
    """Return the flat figures of the per-date table."""
    dates = pd.DatetimeIndex(by_date["date"])
    overlap = overlapping(by_date)
    years = (dates[-1] - dates[0]).days / DAYS_PER_YEAR if len(dates) > 1 else 0.0
    # overlapping returns repeat each other, so their number a year annualises nothing
    per_year = (len(dates) - 1) / years if years > 0 and overlap == 0 else None
    metrics: Metrics = {"signal_dates": len(dates), "signal_coverage": _mean(by_date["coverage"])}
    lowest = by_date["coverage"].min()
    metrics["signal_coverage_lowest"] = float(lowest) if np.isfinite(lowest) else None
    for name, ratio in (("ic", "icir"), ("rank_ic", "rank_icir")):
        values = by_date[name].dropna().to_numpy()
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        information = float(values.mean()) / spread if spread > 0 else None
        metrics[f"{name}_mean"] = float(values.mean()) if len(values) else None
        metrics[f"{name}_sd"] = spread if len(values) > 1 else None
        metrics[f"{name}_positive"] = float((values > 0).mean()) if len(values) else None
        metrics[f"{name}_t"] = newey_west_t(values, overlap or automatic_lags(len(values)))
        metrics[ratio] = information
        metrics[f"{ratio}_annual"] = (
            information * per_year**0.5 if information is not None and per_year is not None else None
        )
    metrics["rank_mae_score"] = _mean(by_date["rank_mae_score"])
    metrics["long_short_mean"] = _mean(by_date["long_short"])
    metrics["long_only_excess_mean"] = _mean(by_date["long_only_excess"])
    metrics["score_turnover"] = _mean(by_date["score_turnover"])
    return metrics


def overlapping(by_date: pd.DataFrame) -> int:
    """Return how many later forward returns the longest-lasting one overlaps; 0 if none overlap."""
    entries, exits = by_date["entry_date"].to_numpy(), by_date["exit_date"].to_numpy()
    later = np.searchsorted(entries, exits, side="left") - np.arange(len(entries)) - 1
    return int(later.max(initial=0))


def _mean(values: pd.Series) -> float | None:
    """Return the mean of the values that are known, or None."""
    known = values.dropna()
    return float(known.mean()) if len(known) else None
