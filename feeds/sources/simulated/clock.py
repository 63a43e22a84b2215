"""The sessions of a simulated span, and the real dates before and after it."""

from dataclasses import dataclass

import numpy as np

from feeds.calendar import known_span, trading_days

FIRST_LISTING = np.datetime64("1991-01-02")


@dataclass(frozen=True)
class Clock:
    """The trading days of the span; index -1 is the session before the first, and so on back to 1991."""

    days: np.ndarray  # (T,) datetime64[D]
    history: np.ndarray  # (H,) datetime64[D], sessions before the span
    future: np.ndarray  # (F,) datetime64[D], sessions after the span

    @staticmethod
    def spanning(start: str, end: str) -> "Clock":
        """Return the clock from ``start`` to ``end``, both included where open."""
        days = trading_days(start, end)
        known = trading_days(FIRST_LISTING, known_span()[1])
        return Clock(days, known[known < days[0]], known[known > days[-1]])

    def __len__(self) -> int:
        return len(self.days)

    def index(self, dates: np.ndarray | np.datetime64) -> np.ndarray:
        """Return the session index of the first open day on or after each date; negative before the span."""
        every = np.concatenate([self.history, self.days, self.future])
        return np.searchsorted(every, np.asarray(dates, "datetime64[D]")) - len(self.history)

    def after(self, dates: np.ndarray | np.datetime64) -> np.ndarray:
        """Return the session index of the first open day strictly after each date."""
        return self.index(np.asarray(dates, "datetime64[D]") + 1)

    def date(self, index: np.ndarray) -> np.ndarray:
        """Return the date of each session index; NaT beyond the known calendar."""
        every = np.concatenate([self.history, self.days, self.future])
        at = np.asarray(index) + len(self.history)
        known = (at >= 0) & (at < len(every))
        return np.where(known, every[np.clip(at, 0, len(every) - 1)], np.datetime64("NaT", "D"))
