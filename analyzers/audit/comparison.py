"""Whether two runs are the same up to a day, bit for bit, and where they first differ."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analyzers.audit.findings import Difference
from strategies.execution.engine import BacktestResult

DECISIONS = "decisions"  # the name under which a run keeps analyzers.recorders.DecisionRecorder's frame
PARTS = {
    "order": DECISIONS, "fill": "orders", "execution": "fills", "corporate action": "actions", "holding": "positions",
    "hedge": "hedge", "net asset value": "nav",
}  # fmt: skip


def compare(before: BacktestResult, after: BacktestResult, day: np.datetime64) -> tuple[int, Difference | None]:
    """Return how many rows were compared and the first difference up to the close of a day.

    Compared are the orders given (stock, side, shares wanted, the price they were sized with), the orders that ended
    (what was filled, when, at what price and fee, and why not more), executions, corporate actions, holdings, the hedge
    and the account.
    """
    return _first(
        {part: (_until(_frame(before, name), day), _until(_frame(after, name), day)) for part, name in PARTS.items()}
    )


def compare_fills(
    before: BacktestResult, after: BacktestResult, day: np.datetime64, session: np.datetime64
) -> tuple[int, Difference | None]:
    """Return the same of orders given up to a day and of what the session after it filled.

    How that day stood to a limit is known at its close and left out, and so is what holdings are worth: only their
    shares count.
    """
    pairs: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}
    for part, name in PARTS.items():
        frames = [_frame(result, name) for result in (before, after)]
        if name in ("orders", "fills"):
            frames = [_hidden(_until(frame, session), session, "standing") for frame in frames]
        elif name == "positions":
            frames = [_until(frame, session)[["date", "ts_code", "shares"]] for frame in frames]
        else:
            frames = [_until(frame, day) for frame in frames]
        pairs[part] = frames[0], frames[1]
    return _first(pairs)


def _frame(result: BacktestResult, name: str) -> pd.DataFrame:
    return result.analyses[name] if name == DECISIONS else getattr(result, name)


def _until(frame: pd.DataFrame, day: np.datetime64) -> pd.DataFrame:
    dates = frame["date" if "date" in frame else "signal_date"].to_numpy()
    return frame[dates <= day]


def _hidden(frame: pd.DataFrame, day: np.datetime64, column: str) -> pd.DataFrame:
    kept = frame["date"].to_numpy() != day
    return frame.assign(**{column: frame[column].where(kept, "")}) if column in frame else frame


def _first(pairs: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[int, Difference | None]:
    differences = [_difference(part, *frames) for part, frames in pairs.items()]
    found = [difference for difference in differences if difference is not None]
    compared = sum(len(frames[0]) for frames in pairs.values())
    return compared, min(found, key=lambda difference: difference.date, default=None)  # of one day, the first part


def _difference(part: str, before: pd.DataFrame, after: pd.DataFrame) -> Difference | None:
    """Return the earliest row, of equal days that of the lowest code, that only one of two frames has."""
    bits = _bits(before), _bits(after)
    if len(before) == len(after) and all(map(np.array_equal, *bits)):
        return None
    rows = [list(zip(*columns, strict=True)) for columns in bits]
    only = before.iloc[_unmatched(*rows)], after.iloc[_unmatched(*reversed(rows))]
    date, code = min(key for frame in only for key in _keys(frame))
    was, became = (
        " and ".join(_words(part, row) for row, key in zip(frame.to_dict("records"), _keys(frame), strict=True)
                     if key == (date, code)) or "none"
        for frame in only
    )  # fmt: skip
    return Difference(part, np.datetime64(date, "D"), code, was, became)


def _bits(frame: pd.DataFrame) -> list[np.ndarray]:
    """Return columns that compare by their bits: a NaN is the same as a NaN, and -0.0 is not 0.0."""
    columns = [frame[name].to_numpy() for name in frame.columns]
    return [column.view("int64") if column.dtype.kind in "fM" else column for column in columns]


def _unmatched(rows: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> list[int]:
    """Return the positions of rows that the other list lacks."""
    left = Counter(others)
    lacking = []
    for position, row in enumerate(rows):
        left[row] -= 1
        if left[row] < 0:
            lacking.append(position)
    return lacking


def _keys(frame: pd.DataFrame) -> list[tuple[pd.Timestamp, str]]:
    dates = frame["signal_date" if "signal_date" in frame else "date"]
    codes = frame["ts_code"] if "ts_code" in frame else [""] * len(frame)
    return list(zip(dates, codes, strict=True))


def _words(part: str, row: Mapping[Any, Any]) -> str:
    if part == "order":
        return f"{row['side']} {row['wanted']:,} sized at {row['reference']:g}"
    if part == "fill":
        filled = f" at {row['price']:g}" if row["filled"] else f" ({row['reason'] or row['status']})"
        return f"{row['side']} {row['filled']:,} of {row['wanted']:,} on {row['date']:%Y-%m-%d}{filled}"
    if part == "net asset value":
        return f"{row['nav']:,.4f}"
    return ", ".join(f"{name} {cell}" for name, cell in row.items() if name not in ("date", "ts_code"))
