import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from signals.losses import LOSSES, cross_entropy_loss, ic_loss, mse_loss, weighted_mse_loss


def loss(predicted, labels, mask=None) -> float:
    mask = np.ones(len(labels)) if mask is None else mask
    return float(ic_loss(*tensors(np.reshape(predicted, (-1, 1)), labels, mask)))


def tensors(*parts) -> list[tf.Tensor]:
    return [tf.constant(np.asarray(part, "float32")) for part in parts]


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    labels = random.normal(size=50)
    return 0.3 * labels + random.normal(size=50), labels


def test_the_loss_is_minus_pearson(sample):
    assert loss(*sample) == pytest.approx(-stats.pearsonr(*sample).statistic, abs=1e-6)


def test_perfect_order_has_loss_minus_one_and_perfect_disorder_plus_one():
    assert loss([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(-1, abs=1e-6)
    assert loss([4, 3, 2, 1], [10, 20, 30, 40]) == pytest.approx(1, abs=1e-6)


def test_the_loss_does_not_change_with_shift_or_scale_of_the_prediction(sample):
    predicted, labels = sample

    assert loss(7 * predicted - 3, labels) == pytest.approx(loss(predicted, labels), abs=1e-5)
    assert loss(-predicted, labels) == pytest.approx(-loss(predicted, labels), abs=1e-6)


def test_masked_stocks_do_not_count(sample):
    predicted, labels = sample
    mask = np.ones(50)
    mask[[0, 9]] = 0
    wild = labels.copy()
    wild[[0, 9]] = 1000.0

    expected = -stats.pearsonr(predicted[mask > 0], labels[mask > 0]).statistic

    assert loss(predicted, wild, mask) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("predicted", "labels", "mask"),
    [([1, 1, 1], [1, 2, 3], [1, 1, 1]), ([1, 2, 3], [2, 2, 2], [1, 1, 1]), ([1, 2, 3], [1, 2, 3], [0, 0, 0])],
)
def test_a_cross_section_without_spread_has_loss_zero_and_no_gradient(predicted, labels, mask):
    variable = tf.Variable(np.asarray(predicted, "float32"))
    with tf.GradientTape() as tape:
        value = ic_loss(variable[:, None], *tensors(labels, mask))

    assert float(value) == 0
    assert np.isfinite(tape.gradient(value, variable).numpy()).all()


def test_masked_stocks_have_no_gradient(sample):
    predicted, labels = sample
    mask = np.ones(50, "float32")
    mask[4] = 0
    variable = tf.Variable(predicted.astype("float32"))
    with tf.GradientTape() as tape:
        value = ic_loss(variable[:, None], *tensors(labels, mask))

    gradient = tape.gradient(value, variable).numpy()

    assert gradient[4] == 0
    assert np.abs(gradient).sum() > 0


def test_squared_errors_are_averaged_over_the_mask():
    assert float(mse_loss(*tensors([[1], [5], [9]], [2, 2, 99], [1, 1, 0]))) == (1 + 9) / 2


def test_squared_errors_are_weighted_by_the_percentile_rank_of_the_label():
    outputs, labels, mask = [[1], [5], [9], [0], [4]], [10, 20, 20, -99, 30], [1, 1, 1, 0, 1]
    errors = np.array([9, 15, 11, 26]) ** 2.0
    ranks = np.array([stats.percentileofscore([10, 20, 20, 30], label, "mean") for label in (10, 20, 20, 30)]) / 100
    assert ranks.tolist() == [0.125, 0.5, 0.5, 0.875]
    weights = np.exp(2 * (ranks - 0.5))

    found = float(weighted_mse_loss(*tensors(outputs, labels, mask)))

    assert found == pytest.approx((weights * errors).sum() / weights.sum(), rel=1e-5)


def test_the_cross_entropy_is_minus_the_mean_logarithm_of_what_was_said_of_what_came():
    outputs = [[0.25, 0.75], [0.25, 0.75], [0.5, 0.5], [0, 1]]

    found = float(cross_entropy_loss(*tensors(outputs, [1.5, -0.1, 0, 3], [1, 1, 1, 0])))

    assert found == pytest.approx(-(np.log(0.75) + np.log(0.25) + np.log(0.5)) / 3, rel=1e-6)


def test_a_certainty_that_was_wrong_costs_much_and_stays_finite():
    assert float(cross_entropy_loss(*tensors([[1, 0]], [1], [1]))) == pytest.approx(-np.log(1e-7), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_masked_labels_change_neither_a_loss_nor_its_gradient_and_no_label_at_all_is_zero(name):
    random = np.random.default_rng(0)
    outputs, labels, mask = random.uniform(0.1, 0.9, (6, 2)), random.normal(size=6), [1, 1, 0, 1, 1, 0]
    other = np.where(mask, labels, 1000.0)
    found = []
    for those in (labels, other):
        variable = tf.Variable(outputs.astype("float32"))
        with tf.GradientTape() as tape:
            value = LOSSES[name](variable, *tensors(those, mask))
        found.append([float(value), *tape.gradient(value, variable).numpy().ravel().tolist()])

    assert found[0] == found[1]
    assert np.any(found[0][1:])
    assert float(LOSSES[name](*tensors(outputs, labels, np.zeros(6)))) == 0
