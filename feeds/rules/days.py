"""Days as they are typed and stored."""

import re
from contextlib import suppress
from datetime import date

import numpy as np

from feeds.errors import DataError

_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")


def as_day(value: str | date | np.datetime64) -> np.datetime64:
    """Return a day as ``datetime64[D]`` from ``2020-01-31``, ``20200131`` or a date; a time of day is dropped."""
    found = _DAY.fullmatch(str(value))
    if found:
        with suppress(ValueError):
            return np.datetime64("-".join(found.groups()), "D")
    raise DataError(f"date must be a day like 2020-01-31, was {value}")
