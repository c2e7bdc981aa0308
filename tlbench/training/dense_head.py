"""Train a head of Dense layers on feature vectors in NumPy, with the steps that Keras would take.

Such a step is so short that a framework that does not compile it spends most of it on calling its operations
(docs/performance.md), and TensorFlow has to trace the first one. Images, their order, initial weights, dropout's
noise, loss, optimizer and callbacks are those of Keras, so that weights differ from Keras' by rounding alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tlbench.modeling.keras_private import calls
from tlbench.training.batches import Batches
from tlbench.training.flat_optimizers import OPTIMIZERS, FlatOptimizer, Floats, supported
from tlbench.training.one_update import Spared

LARGEST = 2_000_000
"""With more parameters than this, arithmetic takes most of a step, and a framework does that on all cores."""
TOGETHER = 2048
"""Number of images whose features are copied from the memory-mapped array at a time, unless a batch is larger."""


class DropoutNoise:
    """Draws the noise of a dropout layer: 0 for a share `rate` of the values, and a factor for the others."""

    def __init__(self, layer: keras.layers.Dropout) -> None:
        self.rate, self._layer, self._draw = layer.rate, layer, self._next
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            self._draw = tf.function(self._next, autograph=False)  # one call instead of a dozen

    def draw(self, shape: tuple[int, ...]) -> Floats:
        """The noise that the layer would draw next, for values of this shape."""
        return np.asarray(keras.ops.convert_to_numpy(self._draw(shape)), np.float32)

    def _next(self, shape: tuple[int, ...]) -> Any:
        of = self._layer
        return keras.random.dropout(keras.ops.ones(shape), of.rate, of.noise_shape, of.seed_generator)


@dataclass(frozen=True)
class Layer:
    """A Dense layer, and the noise of the dropout before it, if any."""

    dense: keras.layers.Dense
    noise: DropoutNoise | None = None


@dataclass(frozen=True)
class Step:
    """What came of one step: the sum of the losses of its images, how many were right, and how many there were."""

    loss: float
    right: int
    images: int


class DenseHead:
    """Takes the training steps of a model that consists of Dense layers, ReLU and dropout.

    Args:
        model: the compiled model, whose callbacks are called and whose weights are trained.
        layers: its layers.
        spared: which variables weight decay leaves alone.
    """

    def __init__(self, model: keras.Model, layers: Sequence[Layer], spared: Spared) -> None:
        self._model, self._layers, self._spared = model, layers, spared
        self._variables = [variable for layer in layers for variable in (layer.dense.kernel, layer.dense.bias)]

    @property
    def rate(self) -> float:
        """The learning rate, which callbacks change."""
        return float(self._model.optimizer.learning_rate)

    def fit(self, batches: Batches, epochs: int, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Train, and call `callbacks`, as ``Model.fit`` does.

        Args:
            batches: batches that nothing changes (`Batches.joined`).
            epochs: the largest number of epochs; a callback may stop earlier.
            callbacks: the callbacks.
        """
        with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):  # a loss that is not finite is reported
            self._fit(batches, epochs, keras.callbacks.CallbackList(callbacks, model=self._model))

    def _fit(self, batches: Batches, epochs: int, called: keras.callbacks.CallbackList) -> None:
        weights = _Weights(self._variables)
        decayed = [part for part, one in zip(weights.parts, self._variables, strict=True) if not self._spared(one)]
        config = self._model.optimizer.get_config()
        optimizer = OPTIMIZERS[_name(self._model.optimizer)](config, len(weights.flat), decayed)
        self._model.stop_training = False
        called.on_train_begin()
        for epoch in range(epochs):
            called.on_epoch_begin(epoch)
            steps = list[Step]()
            for number, batch in enumerate(_batches_of_next_epoch(batches)):
                called.on_train_batch_begin(number)
                steps.append(self._step(weights, optimizer, *batch))
                called.on_train_batch_end(number)
            weights.give(self._variables)
            called.on_epoch_end(epoch, _logs(steps))
            if self._model.stop_training:
                break
        called.on_train_end()

    def _step(
        self,
        weights: "_Weights",
        optimizer: FlatOptimizer,
        features: Floats,
        labels: NDArray[np.int32],
        of_images: Floats | None,
    ) -> Step:
        """Take one step. `of_images` are the weights of the images in the loss (N,), or None."""
        inputs, last = [_with_noise(features, self._layers[0].noise)], len(self._layers) - 1
        for number, (kernel, bias) in enumerate(weights.layers):
            outputs = inputs[-1] @ kernel
            outputs += bias
            if number < last:
                np.maximum(outputs, 0, out=outputs)
                inputs.append(_with_noise(outputs, self._layers[number + 1].noise))
        losses, right, slope = (_softmax if outputs.shape[1] > 1 else _sigmoid)(outputs, labels)
        if of_images is not None:
            losses, slope = losses * of_images, slope * of_images[:, None]
        slope /= np.float32(len(labels))
        for number in range(last, -1, -1):
            kernel_slope, bias_slope = weights.slopes[number]
            np.matmul(inputs[number].T, slope, out=kernel_slope)
            slope.sum(0, out=bias_slope)
            if number:
                slope = slope @ weights.layers[number][0].T
                slope *= inputs[number] > 0
                if noise := self._layers[number].noise:
                    slope /= np.float32(1 - noise.rate)
        optimizer.update(weights.flat, weights.slope, self.rate)
        return Step(float(losses.sum()), int(right.sum()), len(labels))


class _Weights:
    """Copies of variables in one flat array, with views of them and of their slopes for each layer."""

    def __init__(self, variables: Sequence[Any]) -> None:
        values = [np.asarray(keras.ops.convert_to_numpy(one.value), np.float32) for one in variables]
        self.flat = np.concatenate([one.ravel() for one in values])
        self.slope = np.zeros_like(self.flat)
        ends = list(accumulate(one.size for one in values))
        self.parts = [slice(end - one.size, end) for one, end in zip(values, ends, strict=True)]
        self._views, slopes = (
            [flat[part].reshape(one.shape) for part, one in zip(self.parts, values, strict=True)]
            for flat in (self.flat, self.slope)
        )
        self.layers = list(zip(self._views[::2], self._views[1::2], strict=True))
        self.slopes = list(zip(slopes[::2], slopes[1::2], strict=True))

    def give(self, variables: Sequence[Any]) -> None:
        """Set the variables to copies of the weights."""
        for variable, value in zip(variables, self._views, strict=True):
            variable.assign(value.copy())


def dense_head(model: keras.Model, spared: Spared) -> DenseHead | None:
    """The trainer of a compiled model; None where the model, its optimizer or its size call for Keras' own."""
    layers, optimizer = _layers(model), model.optimizer
    if layers is None or not supported(_name(optimizer), optimizer.get_config()):
        return None
    if sum(layer.dense.kernel.shape[0] * layer.dense.kernel.shape[1] for layer in layers) > LARGEST:
        return None
    return DenseHead(model, layers, spared)


def _name(optimizer: keras.optimizers.Optimizer) -> str:
    return type(optimizer).__name__


def _layers(model: keras.Model) -> list[Layer] | None:
    """The Dense layers of a model that consists of nothing else, but for dropout, in float32; None of another."""
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 2:
        return None
    layers, dropout, before = list[Layer](), None, model.inputs[0]
    for node in calls(model):
        layer = node.operation
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if [id(one) for one in node.input_tensors] != [id(before)] or layer.compute_dtype != "float32":
            return None
        before = node.output_tensors[0]
        if type(layer) is keras.layers.Dropout and dropout is None and 0 < layer.rate < 1:
            dropout = layer
        elif type(layer) is keras.layers.Dense and layer.use_bias and layer.trainable and _free(layer):
            layers.append(Layer(layer, dropout and DropoutNoise(dropout)))
            dropout = None
        else:
            return None
    if not layers or dropout:
        return None
    known, last = keras.activations, layers[-1].dense
    activations = [*[known.relu] * (len(layers) - 1), known.sigmoid if last.units == 1 else known.softmax]
    return layers if [layer.dense.activation for layer in layers] == activations else None


def _free(layer: keras.layers.Dense) -> bool:
    """Whether nothing but the loss of the images acts upon the weights."""
    return all(one.regularizer is None and one.constraint is None for one in layer.variables)


def _batches_of_next_epoch(batches: Batches) -> Iterator[tuple[Floats, NDArray[np.int32], Floats | None]]:
    """Features, labels, and weights in the loss if there are any, of each batch of the epoch that comes next."""
    batches.on_epoch_end()
    size, together = batches.batch_size, max(1, TOGETHER // batches.batch_size)
    for first in range(0, len(batches), together):
        features, labels, *rest = batches.joined(first, together)
        floats, numbers = features.astype(np.float32, copy=False), labels.astype(np.int32, copy=False)
        weights = rest[0].astype(np.float32, copy=False) if rest else None
        for start in range(0, len(labels), size):
            part = slice(start, start + size)
            yield floats[part], numbers[part], None if weights is None else weights[part]


def _with_noise(values: Floats, noise: DropoutNoise | None) -> Floats:
    return values if noise is None else values * noise.draw(values.shape)


def _softmax(outputs: Floats, labels: NDArray[np.int32]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Cross-entropies (N,), whether the class is right (N,), and their slope by the outputs (N, classes)."""
    each = np.arange(len(labels))
    shifted = outputs - outputs.max(1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(1, keepdims=True)
    losses = np.log(sums[:, 0]) - shifted[each, labels]
    slope = powers / sums
    slope[each, labels] -= 1
    return losses, outputs.argmax(1) == labels, slope


def _sigmoid(outputs: Floats, labels: NDArray[np.int32]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Like `_softmax`, of one unit that stands for class 1."""
    scores = outputs[:, 0]
    true = labels.astype(np.float32)
    losses = np.maximum(scores, 0) - scores * true + np.log1p(np.exp(-np.abs(scores)))
    slope = np.reciprocal(1 + np.exp(-outputs)) - true[:, None]
    return losses, (scores > 0) == (labels == 1), slope


def _logs(steps: Sequence[Step]) -> Mapping[str, float]:
    """The means over the images of an epoch, as Keras logs them."""
    images = sum(step.images for step in steps)
    return {
        "loss": sum(step.loss for step in steps) / images,
        "accuracy": sum(step.right for step in steps) / images,
    }
