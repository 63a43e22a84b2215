"""What the cash buys of a basket: one factor, whole lots, then the left-over where most is missing."""

from functools import partial
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from feeds.rules import round_lot
from strategies.execution.basket import Buy, allot

BOARDS = ["main", "chinext", "star", "bse"]


def cost(price, rate, minimum, shares):
    return price * shares + max(rate * price * shares, minimum)


def buy(key, price, shares, board="main", rate=0.0, minimum=0.0):
    return Buy(key, price, shares, partial(round_lot, board), partial(cost, price, rate, minimum))


def test_a_basket_that_fits_is_bought_whole():
    assert allot([buy(0, 10.0, 500), buy(1, 20.0, 300)], 11_000.0) == [500, 300]


def test_the_left_over_goes_to_the_largest_shortfall_that_it_can_pay():
    # 1,000 x 10, 500 x 20 and 300 x 50 are 35,000 of 28,000: 0.8 leaves 800, 400 and 240 -> 200: 26,000.
    # Shortfalls 2,000, 2,000 and 5,000; a lot of the third is 5,000 > 2,000 left. Of equals the lower key: 100 x 10
    # goes to the first, then 1,000 are left: its shortfall is 1,000, the second's 2,000 but its lot costs 2,000.
    basket = [buy(0, 10.0, 1000), buy(1, 20.0, 500), buy(2, 50.0, 300)]
    assert allot(basket, 28_000.0) == [1000, 400, 200]


def test_a_left_over_of_one_lot_goes_where_most_is_missing_and_of_equals_to_the_lower_key():
    # 500 and 1,500 at 10.00 with 14,000: 350 and 1,050, in lots 300 and 1,000. 1,000 left; 2,000 and 5,000 are missing.
    assert allot([buy(0, 10.0, 500), buy(1, 10.0, 1500)], 14_000.0) == [300, 1100]
    # 500 and 500 with 9,000: 450 each, in lots 400. 1,000 left is one lot; of equals the lower key, wherever it stands.
    assert allot([buy(1, 10.0, 500), buy(0, 10.0, 500)], 9_000.0) == [400, 500]


def test_single_shares_take_the_left_over_to_the_last():
    # STAR: 0.5 of 1,000 x 10 is 500; nothing is left. With 5,007 yuan: 500 shares, and none for the 7 left.
    assert allot([buy(0, 10.0, 1000, "star")], 5_007.0) == [500]
    # Main 300 x 20 and STAR 400 x 10 are 10,000 of 6,300: 189 -> 100 and 252; left 1,780. The main board lacks 4,000
    # but its lot is 2,000; STAR lacks 1,480: 148 more.
    assert allot([buy(0, 20.0, 300), buy(1, 10.0, 400, "star")], 6_300.0) == [100, 400]


def test_a_minimum_fee_is_paid_out_of_the_cash_too():
    # 5 yuan each on 1,000 x 10 and 1,000 x 10 with 20,000: without the fee both fit, with it one lot must go.
    basket = [buy(0, 10.0, 1000, minimum=5.0), buy(1, 10.0, 1000, minimum=5.0)]
    assert sorted(allot(basket, 20_000.0)) == [900, 1000]
    assert allot(basket, 20_010.0) == [1000, 1000]


def test_minimum_fees_do_not_change_the_one_factor():
    # 1,000 and 3,000 at 10.00 with 5 yuan each: of 20,510 the shares may cost 20,500, 0.5125 of what was wanted: 512
    # and 1,537, in lots 500 and 1,500; the 500 left are no lot.
    basket = [buy(0, 10.0, 1000, minimum=5.0), buy(1, 10.0, 3000, minimum=5.0)]
    assert allot(basket, 20_510.0) == [500, 1500]


def test_minimum_fees_that_eat_up_the_cash_leave_fewer_purchases():
    # A hundred least fees of 5 yuan are 500 of the 504.95 there are. A share each at 0.10 would be 510: one of them,
    # the last of equals, is given back, and 99 x 5.10 = 504.90 leave no share more.
    basket = [Buy(n, 0.1, 10_000, int, partial(cost, 0.1, 0.0, 5.0)) for n in range(100)]
    assert allot(basket, 504.95) == [1] * 99 + [0]


def test_cash_below_the_cheapest_lot_buys_nothing():
    assert allot([buy(0, 10.0, 1000, minimum=5.0)], 1_004.0) == [0]
    assert allot([buy(0, 10.0, 1000, minimum=5.0)], 3.0) == [0]
    assert allot([], 5.0) == []
    assert allot([buy(0, 10.0, 1000)], -5.0) == allot([buy(0, 10.0, 1000)], 0.0) == [0]
    single = Buy(0, 10.0, 1000, int, partial(cost, 10.0, 0.0, 0.0))
    assert allot([single], -5_000.0) == [0]  # a margin call sells nothing


ONE = some.tuples(
    some.floats(0.5, 500).map(lambda price: round(price, 2)), some.integers(1, 5_000), some.sampled_from(BOARDS)
)


@given(
    some.lists(ONE, min_size=1, max_size=8, unique_by=lambda line: line[0]),
    some.floats(0, 3e6),
    some.sampled_from([(0.0, 0.0), (0.0008, 0.0), (0.0003, 5.0)]),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_it_costs_no_more_than_the_cash_in_lots_and_leaves_nothing_that_could_be_bought(lines, cash, fees):
    basket = [
        buy(n, price, round_lot(board, shares), board, *fees)
        for n, (price, shares, board) in enumerate(lines)
        if round_lot(board, shares)
    ]
    got = allot(basket, cash)
    spent = sum(one.cost(shares) for one, shares in zip(basket, got, strict=True) if shares)
    assert spent <= cash * (1 + 1e-9)
    for one, shares in zip(basket, got, strict=True):
        assert 0 <= shares <= one.shares and one.round_down(shares) == shares
        more = next((n for n in range(shares + 1, one.shares + 1) if one.round_down(n) == n), None)
        if more is not None:
            step = one.cost(more) - (one.cost(shares) if shares else 0.0)
            assert step > (cash - spent) * (1 - 1e-9) - 2 * one.price - fees[1]  # not even the next step fits


@given(some.lists(ONE, min_size=2, max_size=4, unique_by=lambda line: line[0]), some.floats(1_000, 1e6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_order_of_the_basket_changes_nothing(lines, cash):
    basket = [
        buy(n, price, round_lot(board, shares), board, 0.0008)
        for n, (price, shares, board) in enumerate(lines)
        if round_lot(board, shares)
    ]
    outcomes = set()
    for order in permutations(basket):
        outcomes.add(tuple(sorted(zip((one.key for one in order), allot(list(order), cash), strict=True))))
    assert len(outcomes) == 1


@pytest.mark.parametrize("rate", [0.0, 0.0008])
def test_scaling_is_by_one_factor(rate):
    # Shares so fine that lots do not matter: everyone gets the same share of what was wanted.
    basket = [Buy(n, 0.01, 10**8, int, partial(cost, 0.01, rate, 0.0)) for n in range(3)]
    got = allot(basket, 1.5e6)
    assert max(got) - min(got) <= 100
    assert sum(got) * 0.01 * (1 + rate) == pytest.approx(1.5e6, abs=5)
