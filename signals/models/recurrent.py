"""LSTM and GRU layers with hand-written gradients: Keras's weights and numbers, a third faster on a CPU.

Samples are columns in here, so that gates are blocks of rows, which are parted without copying. A bias is a weight of
an input that is always one. The batch is cut into two chains that know nothing of each other, for two cores.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

SHARDS = 2  # chains a batch is cut into; the weights' bits depend on it, so it does not follow the machine
UNROLLED = 64  # longest window whose steps are written out: 10 % faster than a loop, but a graph that grows with it

Tensors = tuple[tf.Tensor, ...]
Forward = Callable[[tf.Tensor, Tensors], tuple[Tensors, Tensors]]
Backward = Callable[[Tensors, Tensors], tuple[tf.Tensor, Tensors, Tensors]]


class _Fast:
    """What both layers share: when the fast way may be taken, and how a batch is cut and put together again."""

    compute: Callable[..., tuple[Tensors, tf.Tensor | None]]

    def inner_loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Return last outputs, outputs and states as ``keras.layers.RNN`` wants them."""
        if not self.fast(sequences, mask):
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        cell = self.cell
        if training and cell.dropout:
            sequences = sequences * cell.get_dropout_mask(sequences[:, 0])[:, None]
        weights = [tf.convert_to_tensor(weight) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)]
        states = initial_state if isinstance(initial_state, list | tuple) else [initial_state]
        count = tf.shape(sequences)[0]
        sizes = [(count + shard) // SHARDS for shard in range(SHARDS)]
        parts = []
        for part, *begin in zip(*(tf.split(whole, sizes) for whole in (sequences, *states)), strict=True):
            steps = tf.transpose(part, (1, 2, 0))  # (lookback, features, samples)
            columns = [tf.transpose(state) for state in begin]  # (units, samples) each
            parts.append(self.compute(steps, *weights, *columns, every=self.return_sequences))
        last = [tf.transpose(tf.concat(shards, axis=-1)) for shards in zip(*(ends for ends, _ in parts), strict=True)]
        if not self.return_sequences:
            return last[0], last[0][:, None], last
        outputs = tf.concat([tf.transpose(every, (2, 0, 1)) for _, every in parts], axis=0)
        return last[0], outputs, last

    def fast(self: Any, sequences: tf.Tensor, mask: Any) -> bool:
        """Return whether this layer, as it was set up and is called, can be computed the fast way."""
        cell = self.cell
        plain = (cell.activation, cell.recurrent_activation) == (keras.activations.tanh, keras.activations.sigmoid)
        usual = cell.use_bias and cell.implementation == 2 and getattr(cell, "reset_after", True)
        known = sequences.shape[1] is not None and sequences.dtype == tf.float32
        whole = all(one is None for one in (mask if isinstance(mask, list | tuple) else [mask]))
        forward = whole and not self.go_backwards
        return plain and usual and known and forward and not tf.config.list_physical_devices("GPU")


@keras.saving.register_keras_serializable("huice")
class LSTM(_Fast, keras.layers.LSTM):
    """``keras.layers.LSTM``, faster on a CPU; with options that the fast way lacks, and on a GPU, Keras's own."""

    @staticmethod
    def compute(
        steps: tf.Tensor,
        kernel: tf.Tensor,
        recurrent: tf.Tensor,
        bias: tf.Tensor,
        hidden: tf.Tensor,
        carry: tf.Tensor,
        *,
        every: bool,
    ) -> tuple[Tensors, tf.Tensor | None]:
        """Return the last hidden state and carry, (units, samples), and every hidden state, (lookback, units, samples).

        Parameters
        ----------
        steps : Tensor, shape (lookback, features, samples)
        kernel, recurrent, bias
            As in Keras: input, forget, candidate and output gate side by side.
        hidden, carry : Tensor, shape (units, samples)
            The states before the first step.
        every : bool
            Whether every hidden state is wanted; None stands for them otherwise.
        """
        units, features = recurrent.shape[0], kernel.shape[0]
        one = tf.ones_like(steps[0, :1])

        def calculate(
            steps: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, *begin: tf.Tensor
        ) -> tuple[Tensors, Callable[..., Tensors]]:
            seen = tf.concat([recurrent, kernel], axis=0)  # (units + features, 4 * units)
            weights = tf.concat([seen, bias[None]], axis=0)

            def forward(step: tf.Tensor, state: Tensors) -> tuple[Tensors, Tensors]:
                hidden, before = state
                inputs = tf.concat([hidden, step, one], axis=0)
                gates = tf.matmul(weights, inputs, transpose_a=True)  # (4 * units, samples)
                two, candidate, leave = tf.split(gates, (2 * units, units, units))
                two, candidate, leave = tf.sigmoid(two), tf.tanh(candidate), tf.sigmoid(leave)
                enter, forget = tf.split(two, 2)
                carry = forget * before + enter * candidate
                bent = tf.tanh(carry)
                return (leave * bent, carry), (inputs, two, candidate, leave, before, bent)

            def backward(d_state: Tensors, kept: Tensors) -> tuple[tf.Tensor, Tensors, Tensors]:
                d_hidden, d_carry = d_state
                inputs, two, candidate, leave, before, bent = kept
                enter, forget = tf.split(two, 2)
                d_carry = d_carry + tf.raw_ops.TanhGrad(y=bent, dy=d_hidden * leave)
                d_gates = tf.concat(
                    [
                        tf.raw_ops.SigmoidGrad(y=enter, dy=d_carry * candidate),
                        tf.raw_ops.SigmoidGrad(y=forget, dy=d_carry * before),
                        tf.raw_ops.TanhGrad(y=candidate, dy=d_carry * enter),
                        tf.raw_ops.SigmoidGrad(y=leave, dy=d_hidden * bent),
                    ],
                    axis=0,
                )
                d_hidden, d_step = tf.split(tf.matmul(seen, d_gates), (units, features))
                return d_step, (d_hidden, d_carry * forget), (tf.matmul(inputs, d_gates, transpose_b=True),)

            *outputs, kept = _forwards(forward, steps, begin, every)

            def gradient(*upstream: tf.Tensor) -> Tensors:
                d_steps, d_begin, (d_weights,) = _backwards(backward, kept, upstream, steps.shape[0], every)
                d_recurrent, d_kernel, d_bias = tf.split(d_weights, (units, features, 1))
                return d_steps, d_kernel, d_recurrent, d_bias[0], *d_begin

            return tuple(outputs), gradient

        return _parted(tf.custom_gradient(calculate)(steps, kernel, recurrent, bias, hidden, carry), every)


@keras.saving.register_keras_serializable("huice")
class GRU(_Fast, keras.layers.GRU):
    """``keras.layers.GRU``, faster on a CPU; with options that the fast way lacks, and on a GPU, Keras's own."""

    @staticmethod
    def compute(
        steps: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, hidden: tf.Tensor, *, every: bool
    ) -> tuple[Tensors, tf.Tensor | None]:
        """Return the last hidden state, (units, samples), in a tuple, and every one, (lookback, units, samples).

        Parameters
        ----------
        steps : Tensor, shape (lookback, features, samples)
        kernel, recurrent, bias
            As in Keras: update, reset and candidate gate side by side; the bias's rows are of inputs and of states.
        hidden : Tensor, shape (units, samples)
            The state before the first step.
        every : bool
            Whether every hidden state is wanted; None stands for them otherwise.
        """
        units, features = recurrent.shape[0], kernel.shape[0]
        one = tf.ones_like(steps[0, :1])

        def calculate(
            steps: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, *begin: tf.Tensor
        ) -> tuple[Tensors, Callable[..., Tensors]]:
            of_step, of_state = tf.concat([kernel, bias[:1]], axis=0), tf.concat([recurrent, bias[1:]], axis=0)

            def forward(step: tf.Tensor, state: Tensors) -> tuple[Tensors, Tensors]:
                (hidden,) = state
                step, held = tf.concat([step, one], axis=0), tf.concat([hidden, one], axis=0)
                two, enter = tf.split(tf.matmul(of_step, step, transpose_a=True), (2 * units, units))
                two_held, recalled = tf.split(tf.matmul(of_state, held, transpose_a=True), (2 * units, units))
                two = tf.sigmoid(two + two_held)
                keep, reset = tf.split(two, 2)
                candidate = tf.tanh(enter + reset * recalled)
                return (candidate + keep * (hidden - candidate),), (step, held, two, recalled, candidate)

            def backward(d_state: Tensors, kept: Tensors) -> tuple[tf.Tensor, Tensors, Tensors]:
                (d_hidden,) = d_state
                step, held, two, recalled, candidate = kept
                keep, reset = tf.split(two, 2)
                d_kept = d_hidden * keep
                d_enter = tf.raw_ops.TanhGrad(y=candidate, dy=d_hidden - d_kept)
                d_keep = tf.raw_ops.SigmoidGrad(y=keep, dy=d_hidden * (held[:-1] - candidate))
                d_reset = tf.raw_ops.SigmoidGrad(y=reset, dy=d_enter * recalled)
                d_gates = tf.concat([d_keep, d_reset, d_enter], axis=0)
                d_held = tf.concat([d_keep, d_reset, d_enter * reset], axis=0)
                d_weights = tuple(tf.matmul(a, b, transpose_b=True) for a, b in ((step, d_gates), (held, d_held)))
                return tf.matmul(kernel, d_gates), (d_kept + tf.matmul(recurrent, d_held),), d_weights

            *outputs, kept = _forwards(forward, steps, begin, every)

            def gradient(*upstream: tf.Tensor) -> Tensors:
                d_steps, d_begin, d_weights = _backwards(backward, kept, upstream, steps.shape[0], every)
                (d_kernel, d_bias), (d_recurrent, d_bias_held) = (
                    tf.split(both, (size, 1)) for both, size in zip(d_weights, (features, units), strict=True)
                )
                return d_steps, d_kernel, d_recurrent, tf.concat([d_bias, d_bias_held], axis=0), *d_begin

            return tuple(outputs), gradient

        return _parted(tf.custom_gradient(calculate)(steps, kernel, recurrent, bias, hidden), every)


def _parted(outputs: Sequence[tf.Tensor], every: bool) -> tuple[Tensors, tf.Tensor | None]:
    return (tuple(outputs[:-1]), outputs[-1]) if every else (tuple(outputs), None)


def _forwards(forward: Forward, steps: tf.Tensor, state: Tensors, every: bool) -> list[Any]:
    """Return the last state's parts, every hidden state if wanted, and what each step kept, in a list or arrays."""
    count = steps.shape[0]
    units = state[0].shape[0]
    if count <= UNROLLED:
        hidden, kept = [], []
        for step in tf.unstack(steps):
            state, held = forward(step, state)
            hidden.append(state[0])
            kept.append(held)
        return [*state, *([tf.stack(hidden)] if every else []), kept]
    read = _array(count).unstack(steps)
    width = len(forward(steps[0], state)[1])

    def body(number: tf.Tensor, state: Tensors, hidden: tf.TensorArray, kept: tuple[tf.TensorArray, ...]) -> Any:
        state, held = forward(read.read(number), state)
        arrays = tuple(array.write(number, value) for array, value in zip(kept, held, strict=True))
        return number + 1, state, hidden.write(number, state[0]) if every else hidden, arrays

    arrays = tuple(_array(count) for _ in range(width))
    _, state, hidden, arrays = _loop(body, count, (tf.constant(0), tuple(state), _array(count), arrays))
    outputs = [tf.ensure_shape(hidden.stack(), (count, units, None))] if every else []
    return [*state, *outputs, arrays]


def _backwards(
    backward: Backward, kept: Any, upstream: Tensors, count: int, every: bool
) -> tuple[tf.Tensor, Tensors, Tensors]:
    """Return the gradients of the steps, of the first state and of the weights, given those of the outputs."""
    *last, d_every = upstream if every else (*upstream, None)
    d_state = tuple(last)
    if isinstance(kept, list):
        d_steps, d_weights = [], []
        arriving = reversed(tf.unstack(d_every)) if every else [None] * count
        for held, d_hidden in zip(reversed(kept), arriving, strict=True):
            d_state = d_state if d_hidden is None else (d_state[0] + d_hidden, *d_state[1:])
            d_step, d_state, d_weight = backward(d_state, held)
            d_steps.append(d_step)
            d_weights.append(d_weight)
        return tf.stack(d_steps[::-1]), d_state, tuple(tf.add_n(parts) for parts in zip(*d_weights, strict=True))
    arriving = _array(count).unstack(d_every) if every else _array(count)

    def body(number: tf.Tensor, d_state: Tensors, d_steps: tf.TensorArray, d_weights: Tensors) -> Any:
        place = count - 1 - number
        d_state = (d_state[0] + arriving.read(place), *d_state[1:]) if every else d_state
        d_step, d_state, more = backward(d_state, tuple(array.read(place) for array in kept))
        d_weights = tuple(whole + part for whole, part in zip(d_weights, more, strict=True))
        return number + 1, d_state, d_steps.write(place, d_step), d_weights

    shapes = backward(d_state, tuple(array.read(count - 1) for array in kept))[2]
    zeros = tuple(tf.zeros_like(shape) for shape in shapes)
    _, d_state, d_steps, d_weights = _loop(body, count, (tf.constant(0), d_state, _array(count), zeros))
    return d_steps.stack(), d_state, d_weights


def _array(count: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, count, element_shape=(None, None), clear_after_read=False)


def _loop(body: Callable[..., Any], count: int, variables: Any) -> Any:
    def unfinished(number: tf.Tensor, *_: Any) -> tf.Tensor:
        return number < count

    return tf.while_loop(unfinished, body, variables, parallel_iterations=1, maximum_iterations=count)
