"""Count the parameters, layers, size and FLOPs of a model, exactly."""

import math
from collections.abc import Iterable

import keras
import numpy as np

from tlbench.modeling.assemble import Assembled
from tlbench.modeling.flops import flops, uncounted
from tlbench.modeling.layers import leaves as leaves_of
from tlbench.results.record import Counts, PartCounts

MIB = 2**20


def count(assembled: Assembled) -> Counts:
    """The counts of a model, of its backbone, and of the rest (the head)."""
    model, backbone = assembled.model, assembled.backbone
    head = count_part([layer for layer in model.layers if layer is not backbone])
    return _counts(model, count_part([model]), count_part([backbone]), head)


def count_original(assembled: Assembled, backbone: keras.Model) -> Counts:
    """The counts of an original classifier. The head is the difference to `backbone`, the same without its top."""
    whole, part = count_part([assembled.model]), count_part([backbone])
    more = {name: getattr(whole, name) - getattr(part, name) for name in ("params", "depth", "size_mb", "flops")}
    trainable = 0 if whole.trainable == 0 else whole.trainable - part.trainable
    return _counts(assembled.model, whole, part, PartCounts(trainable=trainable, **more))


def with_kept(counts: Counts, images: int, features: int) -> Counts:
    """The counts of a model whose head is a search among the features of its training images.

    The features would have to be distributed with the model, so they count as non-trainable parameters in float32.
    Comparing an image with all of them is a matrix product. They are not a layer.

    Args:
        counts: the counts of the model without the head.
        images: the number of training images.
        features: the number of features per image.
    """
    kept = images * features
    size, flops = kept * 4 / MIB, 2 * kept
    part = {
        "params": counts.head.params + kept,
        "size_mb": counts.head.size_mb + size,
        "flops": counts.head.flops + flops,
    }
    return counts.model_copy(
        update={
            "params": counts.params + kept,
            "non_trainable": counts.non_trainable + kept,
            "size_mb": counts.size_mb + size,
            "flops": counts.flops + flops,
            "head": counts.head.model_copy(update=part),
        }
    )


def _counts(model: keras.Model, whole: PartCounts, part: PartCounts, head: PartCounts) -> Counts:
    return Counts(
        params=whole.params,
        trainable=whole.trainable,
        non_trainable=whole.params - whole.trainable,
        depth=whole.depth,
        size_mb=whole.size_mb,
        flops=whole.flops,
        uncounted=uncounted(model),
        backbone=part,
        head=head,
    )


def count_part(layers: Iterable[keras.layers.Layer]) -> PartCounts:
    """The counts of some layers, including nested models.

    Depth is the number of layers with weights, without nesting, as in the table at keras.io (ResNet50: 107 with its
    top). Size is that of the weights in their own data type, in MiB.
    """
    layers = list(layers)
    leaves = [leaf for layer in layers for leaf in leaves_of(layer) if leaf.weights]
    weights = {id(weight): weight for leaf in leaves for weight in leaf.weights}.values()
    trained = {id(weight) for leaf in leaves for weight in leaf.trainable_weights}
    return PartCounts(
        params=sum(_size(weight) for weight in weights),
        trainable=sum(_size(weight) for weight in weights if id(weight) in trained),
        depth=len({id(leaf) for leaf in leaves}),
        size_mb=sum(_size(weight) * _bytes(weight) for weight in weights) / MIB,
        flops=flops(layers),
    )


def _size(weight: keras.Variable) -> int:
    return math.prod(int(length) for length in weight.shape)


def _bytes(weight: keras.Variable) -> int:
    return int(np.dtype(keras.backend.standardize_dtype(weight.dtype)).itemsize)
