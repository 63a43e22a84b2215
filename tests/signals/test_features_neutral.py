"""Exposures against pandas, and residuals against a regression with dummies."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from signals.features.neutral import exposures, neutralise
from signals.features.preprocessing import standardise

SUPPORT = runpy.run_path(str(Path(__file__).with_name("features_support.py")))
NAN = np.nan


def test_residuals_are_those_of_least_squares_with_a_dummy_per_industry():
    random = np.random.default_rng(0)
    values, styles = random.normal(size=(3, 40)), random.normal(size=(3, 40, 4))
    groups = random.integers(-1, 4, size=(3, 40))
    values[0, :5] = NAN
    styles[1, 7, 2] = NAN
    found = neutralise(values, styles, groups)
    for row in range(3):
        chosen = np.isfinite(values[row]) & np.isfinite(styles[row]).all(axis=1)
        dummies = groups[row, chosen][:, None] == np.unique(groups[row, chosen])
        design = np.column_stack([styles[row, chosen], dummies])
        fitted = design @ np.linalg.lstsq(design, values[row, chosen], rcond=None)[0]
        np.testing.assert_allclose(found[row, chosen], values[row, chosen] - fitted, atol=1e-10)
        assert np.isnan(found[row, ~chosen]).all()
    assert np.isnan(found[0, :5]).all() and np.isnan(found[1, 7])


def test_without_exposures_the_industry_mean_is_taken_out():
    values = np.array([[1.0, 3.0, 10.0, 20.0, NAN]])
    groups = np.array([[0, 0, 1, 1, 1]])
    found = neutralise(values, np.zeros((1, 5, 0)), groups)
    np.testing.assert_array_equal(found, [[-1.0, 1.0, -5.0, 5.0, NAN]])
    assert np.isnan(neutralise(np.full((1, 3), NAN), np.zeros((1, 3, 2)), groups[:, :3])).all()


def expected_exposures(panel, day):
    """Return the four raw exposures of one day, from the definitions."""
    close = pd.DataFrame(panel.field("close") * panel.field("adj_factor")).ffill()
    returns = pd.DataFrame(panel.field("close") / panel.field("pre_close") - 1)[day - 19 : day + 1]
    turnover = pd.DataFrame(panel.field("turnover_rate"))[day - 19 : day + 1]
    return [
        np.log(panel.field("circ_mv")[day]),
        np.log(close.iloc[day] / close.iloc[day - 20]).to_numpy(),
        turnover.mean().where(turnover.count() >= 10).to_numpy(),
        returns.std(ddof=0).where(returns.count() >= 10).to_numpy(),
    ]


@pytest.mark.parametrize("day", [70, 100, 329])
def test_exposures_are_those_of_pandas(day):
    panel = SUPPORT["rich_market"]()
    eligible = panel.listed & ~panel.suspended
    found, absent = exposures(panel, eligible, np.array([day]))
    assert absent == {} and found.shape == (1, 12, 4)
    expected = standardise(np.stack(expected_exposures(panel, day)), eligible[day], panel.listed[day])
    np.testing.assert_allclose(found[0], expected.T, atol=1e-5)
    assert day != 100 or (found[0, 1, 2:] == 0).all()  # suspended for twenty days: the average stock's


def test_exposures_the_market_data_cannot_tell_are_named():
    panel = SUPPORT["random_market"]()
    fields = {name: panel.field(name) for name in panel.fields if name not in ("circ_mv", "turnover_rate")}
    found, absent = exposures(SUPPORT["random_market"](fields), panel.listed, np.array([100, 200]))
    assert found.shape == (2, 6, 2)
    assert absent == {
        "size": "needs circ_mv, absent from the market data",
        "turnover": "needs turnover_rate, absent from the market data",
    }


def test_nothing_after_a_day_moves_an_exposure_up_to_it():
    made = [exposures(panel, allowed, np.arange(330))[0] for panel, allowed in SUPPORT["altered_after"](289)]
    np.testing.assert_array_equal(made[0][:290], made[1][:290])
    assert not any(np.array_equal(made[0][290:, :, k], made[1][290:, :, k]) for k in range(4))
