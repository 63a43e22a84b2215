"""What a trade costs."""

import numpy as np
import pytest

from feeds.errors import ConfigError
from strategies.execution import fees


@pytest.mark.parametrize(
    ("name", "side", "fee"),
    [
        ("8bp", "buy", 80.0), ("8bp", "sell", 80.0), ("none", "buy", 0.0), ("none", "sell", 0.0),
        ("12.5bp", "buy", 125.0), ("0bp", "sell", 0.0), ("999.9bp", "sell", 9_999.0),
    ],
)  # fmt: skip
def test_a_fee_is_a_share_of_the_value_of_each_side(name, side, fee):
    assert fees.get(name).of(side, 100_000.0, 1000, "600000.SH", np.datetime64("2024-01-02")) == pytest.approx(fee)
    assert fees.get(name).name == name


def test_the_default_says_what_it_is():
    assert fees.get("8bp").title == "8 bp of the traded value on each side, all-in"
    assert fees.get("12.5bp").title == "12.5 bp of the traded value on each side, all-in"


@pytest.mark.parametrize("name", ["8", "bp", "-1bp", "1e3bp", "1.2.3bp", "²bp", "1000bp", "8 bp", "detailed", ""])
def test_anything_else_is_refused_with_what_is_known(name):
    with pytest.raises(ConfigError, match="fees must be one of 8bp, <number>bp, none, was"):
        fees.get(name)
