import numpy as np


def test_prices_are_whole_cents(bars):
    for name in ("open", "high", "low", "close", "pre_close", "up", "down"):
        cents = bars[name][np.isfinite(bars[name])] * 100
        assert np.abs(cents - np.rint(cents)).max() < 1e-6, name


def test_amount_over_volume_lies_within_the_bar(bars):
    average = bars["amount"] / bars["vol"]
    traded = np.isfinite(average)
    assert (average[traded] >= bars["low"][traded] - 1e-9).all()
    assert (average[traded] <= bars["high"][traded] + 1e-9).all()
    assert (bars["vol"][traded] % 100 == 0).all() and (bars["vol"][traded] > 0).all()


def test_money_flows_sum_to_the_days_amount(market):
    flows = market["moneyflow"]
    sides = {side: flows.filter(like=f"{side}_").sum(axis=1) for side in ("buy", "sell")}
    for total in sides.values():
        np.testing.assert_allclose(total, market["daily"]["amount"], rtol=1e-9)
    net = sum(
        sign * flows[f"{side}_{size}_amount"] for sign, side in ((1, "buy"), (-1, "sell")) for size in ("lg", "elg")
    )
    np.testing.assert_allclose(flows["net_mf_amount"], net, atol=0.02)
    assert (flows.drop(columns=["ts_code", "trade_date", "net_mf_amount"]) >= 0).all().all()
