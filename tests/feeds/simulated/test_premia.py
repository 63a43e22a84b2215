import itertools

import numpy as np
import pandas as pd
import pytest

from feeds.calendar import month_ends
from feeds.sources.simulated.premia import LOW_VOLATILITY, REVERSAL, VALUE, VOLUME_INTERACTION


class Study:
    """Scores at month ends and the returns that follow, over seasoned stocks that trade and are not ST."""

    def __init__(self, market, bars):
        self.ends = month_ends(market.days)
        traded = np.isfinite(bars["close"])
        self.price = np.log(pd.DataFrame(bars["close"] * bars["factor"]).ffill().to_numpy())
        listed = np.isfinite(bars["factor"])
        age = np.cumsum(listed, axis=0)
        self.usable = traded & (age > 120) & ~market.st()
        self.book = 1 / market.grid("daily_basic", "pb")
        self.turnover = np.nan_to_num(market.grid("daily_basic", "turnover_rate"))

    def scores(self, t):
        move = self.price[t] - self.price[t - 10]
        spread = np.diff(self.price[t - 60 : t + 1], axis=0).std(axis=0)
        recent, usual = (self.turnover[t + 1 - days : t + 1].mean(axis=0) for days in (10, 60))
        busy = np.log(np.maximum(recent, 1e-6) / np.maximum(usual, 1e-6))
        return {
            "reversal": self.price[t - 20] - self.price[t],
            "low volatility": -spread,
            "value": np.log(self.book[t]),
            "move": move,
            "busy": busy,
        }

    def sample(self, t, later):
        scores, following = self.scores(t), self.price[later] - self.price[t]
        rows = self.usable[t] & np.isfinite(following) & np.all([np.isfinite(s) for s in scores.values()], axis=0)
        ranks = {name: standard(score[rows]) for name, score in scores.items()}
        return ranks, standard(following[rows])


def standard(values):
    rank = pd.Series(values).rank().to_numpy()
    return (rank - rank.mean()) / rank.std()


@pytest.fixture(scope="module")
def samples(market, bars):
    study = Study(market, bars)
    ends = study.ends[study.ends >= 130]
    return {
        "month": [study.sample(t, later) for t, later in itertools.pairwise(ends)],
        "ten": [study.sample(t, t + 10) for t in range(130, len(market.days) - 10, 10)],
    }


@pytest.mark.parametrize(
    ("name", "planted", "documented"),
    [
        ("reversal", REVERSAL, 0.025),
        ("low volatility", LOW_VOLATILITY, 0.038),
        ("value", VALUE, 0.045),
        ("interaction", VOLUME_INTERACTION, 0.034),
    ],
)
def test_a_planted_premium_is_found_by_its_score_and_has_its_documented_size(samples, name, planted, documented):
    assert planted > 0
    information = [(score(ranks, name) * outcome).mean() for ranks, outcome in samples["month"]]
    assert np.mean(information) == pytest.approx(documented, abs=0.003)
    assert np.mean(information) > 2 * np.std(information) / np.sqrt(len(information))


def score(ranks, name):
    return standard(-ranks["move"] * ranks["busy"]) if name == "interaction" else ranks[name]


def test_the_interaction_is_strongest_over_ten_sessions(samples):
    information = [(score(ranks, "interaction") * outcome).mean() for ranks, outcome in samples["ten"]]
    assert np.mean(information) == pytest.approx(0.041, abs=0.003)


def test_no_straight_line_in_the_same_two_inputs_finds_the_interaction(samples):
    product, rest, line = [], [], []
    for ranks, outcome in samples["ten"]:
        known = np.stack([ranks["reversal"], ranks["low volatility"], ranks["value"]], axis=1)
        left = outcome - known @ np.linalg.lstsq(known, outcome, rcond=None)[0]
        inputs = np.stack([ranks["move"], ranks["busy"]], axis=1)
        bent = -ranks["move"] * ranks["busy"]
        pure = bent - inputs @ np.linalg.lstsq(inputs, bent, rcond=None)[0]
        product.append(np.corrcoef(pure, left)[0, 1])
        line.append([np.corrcoef(inputs[:, 0], left)[0, 1], np.corrcoef(inputs[:, 1], left)[0, 1]])
        rest.append(np.corrcoef(pure, inputs[:, 0])[0, 1])
    assert np.mean(product) > 0.03
    assert np.abs(np.mean(line, axis=0)).max() < np.mean(product) / 2
    assert np.abs(rest).max() < 1e-9
