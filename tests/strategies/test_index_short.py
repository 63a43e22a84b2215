import numpy as np
import pytest

from strategies.execution.index_short import IndexShort

DAYS = np.busday_offset(np.datetime64("2024-01-02"), np.arange(6))


def test_an_index_short_gains_what_the_index_loses_from_the_close_after_its_order():
    short = IndexShort("000300.SH", np.array([4000.0, 3960.0, 3861.0, 4000.0, 4000.0, 5000.0]), DAYS)
    assert short.settle(0) == 0.0
    short.order(7_920_000.0)
    assert short.settle(1) == 0.0  # in place at this close: 2,000 units
    assert short.settle(2) == pytest.approx(2_000 * 99.0)
    short.order(1_000_000.0)
    assert short.settle(3) == pytest.approx(-2_000 * 139.0)  # the old size until this close, then 250 units
    short.order(0.0)
    assert short.settle(4) == 0.0
    assert short.settle(5) == 0.0
    assert short.value == short.margin_required(5) == 0.0


def test_its_ledger_has_the_columns_of_a_futures_account():
    short = IndexShort("000300.SH", np.array([4000.0, 3960.0, 3861.0, 3861.0, 3861.0, 3861.0]), DAYS)
    short.settle(0)
    short.order(7_920_000.0)
    for row in range(1, 4):
        short.settle(row)
    short.order(0.0)
    short.settle(4)
    short.settle(5)
    ledger = short.ledger().fillna(0.0)
    assert ledger.columns.tolist() == [
        "date", "contract", "kind", "lots", "settle", "price", "exposure", "variation", "margin", "fee",
    ]  # fmt: skip
    told = [tuple(row) for row in ledger.itertuples(index=False)]
    day = [np.datetime64(d) for d in DAYS]
    assert told == [
        (day[1], "000300.SH", "settle", -2000.0, 3960.0, 0.0, pytest.approx(-7_920_000.0), 0.0, 0.0, 0.0),
        (day[2], "000300.SH", "settle", -2000.0, 3861.0, 0.0, pytest.approx(-7_722_000.0), 198_000.0, 0.0, 0.0),
        (day[3], "000300.SH", "settle", -2000.0, 3861.0, 0.0, pytest.approx(-7_722_000.0), 0.0, 0.0, 0.0),
        (day[4], "000300.SH", "settle", 0.0, 3861.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ]
