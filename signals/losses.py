"""Losses of one cross-section: a network's outputs, labels and a mask in, a scalar to be minimised out.

Outputs have shape (N, k) and the last column is the score; only the cross-entropy reads another. The mask, shape (N,),
is 1 where the label counts and 0 elsewhere; masked labels may hold any finite number.
"""

from collections.abc import Callable

import tensorflow as tf

EPSILON = 1e-8
STEEPNESS = 2.0  # of the weights by rank of label
SMALLEST = 1e-7  # probability whose logarithm is still taken


def ic_loss(outputs: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return minus the Pearson correlation of scores and labels over the stocks of the mask.

    Notes
    -----
    ``-sum m (p - mean p)(y - mean y) / (sqrt(sum m (p - mean p)^2) sqrt(sum m (y - mean y)^2) + 1e-8)``.
    A cross-section without spread has loss 0 and gradient 0.
    """
    count = tf.maximum(tf.reduce_sum(mask), 1.0)
    predicted = outputs[:, -1]
    predicted = mask * (predicted - tf.reduce_sum(mask * predicted) / count)
    labels = mask * (labels - tf.reduce_sum(mask * labels) / count)
    product = tf.reduce_sum(predicted * labels)
    return -product / (_root(tf.reduce_sum(predicted**2)) * _root(tf.reduce_sum(labels**2)) + EPSILON)


def _root(square: tf.Tensor) -> tf.Tensor:
    """Return the square root with a gradient of 0, not of infinity, at 0."""
    positive = square > 0
    return tf.where(positive, tf.sqrt(tf.where(positive, square, 1.0)), 0.0)


def mse_loss(outputs: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the mean squared error over the stocks of the mask."""
    return _mean(_squares(outputs, labels), mask)


def weighted_mse_loss(outputs: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the mean squared error over the stocks of the mask, weighted towards those with high labels.

    Notes
    -----
    The weight is ``exp(2 (r - 1/2))``, r the percentile rank of the label among those of the mask: the share of lower
    labels plus half the share of equal ones.
    """
    count = tf.maximum(tf.reduce_sum(mask), 1.0)
    ordered = tf.sort(tf.where(mask > 0, labels, labels.dtype.max))  # (N,), the masked last
    lower, not_higher = (tf.searchsorted(ordered, labels, side=side) for side in ("left", "right"))
    rank = tf.cast(lower + not_higher, tf.float32) / (2 * count)
    return _mean(_squares(outputs, labels), mask * tf.exp(STEEPNESS * (rank - 0.5)))


def cross_entropy_loss(outputs: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of up and down over the stocks of the mask.

    Parameters
    ----------
    outputs : Tensor of float32, shape (N, 2)
        Probabilities of down and up, as from a softmax.
    labels : Tensor of float32, shape (N,)
        Up where positive.
    """
    said = tf.where(labels > 0, outputs[:, 1], outputs[:, 0])
    return _mean(-tf.math.log(tf.maximum(said, SMALLEST)), mask)


def _squares(outputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return (outputs[:, -1] - labels) ** 2


def _mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Return the weighted mean, 0 where no weight is positive."""
    return tf.math.divide_no_nan(tf.reduce_sum(weights * values), tf.reduce_sum(weights))


LOSSES: dict[str, Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "ic": ic_loss,
    "mse": mse_loss,
    "weighted_mse": weighted_mse_loss,
    "cross_entropy": cross_entropy_loss,
}
