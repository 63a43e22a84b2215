"""Ingests the workload as a zipline bundle: `prepare_zipline.py FOLDER`.

The calendar has every weekday from 09:30 to 15:00. With a calendar that never closes, such as 24/5, the open of "now"
at the close would be the next session's: a look ahead.
"""

import os
import sys
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FOLDER = Path(sys.argv[1])
os.environ["ZIPLINE_ROOT"] = str(FOLDER / "zipline")  # read when zipline is imported

import pandas as pd  # noqa: E402
from exchange_calendars import ExchangeCalendar, register_calendar_type  # noqa: E402
from workload import Workload, load  # noqa: E402
from zipline.data.bundles import ingest, register  # noqa: E402

BUNDLE = CALENDAR = "weekdays"


class Weekdays(ExchangeCalendar):
    name = CALENDAR
    tz = ZoneInfo("Asia/Shanghai")
    open_times = ((None, time(9, 31)),)
    close_times = ((None, time(15, 0)),)


def announce(work: Workload) -> None:
    """Make calendar and bundle known to zipline in this process."""
    sessions = pd.DatetimeIndex(work.dates)
    register_calendar_type(CALENDAR, Weekdays)

    def frames() -> Iterator[tuple[int, pd.DataFrame]]:
        for n in range(len(work.codes)):
            bars = pd.DataFrame({name: getattr(work, name)[n] for name in ("open", "high", "low", "close")}, sessions)
            bars["volume"] = 1e6
            yield n, bars.where(bars["close"].notna(), 0.0)  # zipline's own sign of a missing bar

    def write(environment: Any, assets: Any, minutes: Any, days: Any, adjustments: Any, *rest: Any) -> None:
        assets.write(
            equities=pd.DataFrame(
                {
                    "symbol": work.codes, "start_date": sessions[0], "end_date": sessions[-1],
                    "auto_close_date": sessions[-1] + pd.Timedelta(days=1), "exchange": "XX",
                }
            ),
            exchanges=pd.DataFrame({"exchange": ["XX"], "canonical_name": ["XX"], "country_code": ["US"]}),
        )  # fmt: skip
        days.write(frames(), show_progress=False)
        adjustments.write()

    register(BUNDLE, write, calendar_name=CALENDAR, start_session=sessions[0], end_session=sessions[-1])


if __name__ == "__main__":
    announce(load(FOLDER))
    ingest(BUNDLE, show_progress=False)
