"""Dividend tax by how long shares were held."""

import numpy as np


def dividend_tax_rate(acquired: np.datetime64, sold: np.datetime64) -> float:
    """Return the rate for shares acquired and sold on two days: 20 % up to a month, 10 % up to a year, then none."""
    months = int((sold.astype("datetime64[M]") - acquired.astype("datetime64[M]")).astype(int))
    day, first = (int((d - d.astype("datetime64[M]").astype("datetime64[D]")).astype(int)) for d in (sold, acquired))
    over = months + (day > first)
    return 0.2 if over <= 1 else 0.1 if over <= 12 else 0.0
