import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from signals.losses import ic_loss


def loss(predicted, labels, mask=None) -> float:
    mask = np.ones(len(labels)) if mask is None else mask
    return float(ic_loss(*(tf.constant(np.asarray(part, "float32")) for part in (predicted, labels, mask))))


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
        value = ic_loss(variable, tf.constant(labels, tf.float32), tf.constant(mask, tf.float32))

    assert float(value) == 0
    assert np.isfinite(tape.gradient(value, variable).numpy()).all()


def test_masked_stocks_have_no_gradient(sample):
    predicted, labels = sample
    mask = np.ones(50, "float32")
    mask[4] = 0
    variable = tf.Variable(predicted.astype("float32"))
    with tf.GradientTape() as tape:
        value = ic_loss(variable, tf.constant(labels.astype("float32")), tf.constant(mask))

    gradient = tape.gradient(value, variable).numpy()

    assert gradient[4] == 0
    assert np.abs(gradient).sum() > 0
