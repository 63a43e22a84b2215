"""Losses of one cross-section: predictions, labels and a mask in, a scalar to be minimised out."""

from collections.abc import Callable

import tensorflow as tf

EPSILON = 1e-8


def ic_loss(predicted: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return minus the Pearson correlation of predictions and labels over the stocks of the mask.

    Parameters
    ----------
    predicted, labels, mask : Tensor of float32, shape (N,)
        ``mask`` is 1 where the label counts and 0 elsewhere; masked labels may hold any finite number.

    Notes
    -----
    ``-sum m (p - mean p)(y - mean y) / (sqrt(sum m (p - mean p)^2) sqrt(sum m (y - mean y)^2) + 1e-8)``.
    A cross-section without spread has loss 0 and gradient 0.
    """
    count = tf.maximum(tf.reduce_sum(mask), 1.0)
    predicted = mask * (predicted - tf.reduce_sum(mask * predicted) / count)
    labels = mask * (labels - tf.reduce_sum(mask * labels) / count)
    product = tf.reduce_sum(predicted * labels)
    return -product / (_root(tf.reduce_sum(predicted**2)) * _root(tf.reduce_sum(labels**2)) + EPSILON)


def _root(square: tf.Tensor) -> tf.Tensor:
    """Return the square root with a gradient of 0, not of infinity, at 0."""
    positive = square > 0
    return tf.where(positive, tf.sqrt(tf.where(positive, square, 1.0)), 0.0)


LOSSES: dict[str, Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]] = {"ic": ic_loss}
