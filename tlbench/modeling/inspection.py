"""Describe one model: counts and layers. Runs in a child; plain values in and out."""

from typing import Any

import keras

from tlbench.backbones import registry
from tlbench.modeling.assemble import Assembled, assemble
from tlbench.modeling.counting import count, count_part
from tlbench.suite.cell import Head, Named


def inspect(request: dict[str, Any]) -> dict[str, Any]:
    """Build the model of `request` with random weights and count it.

    request: ``backbone`` and ``strategy`` (name, args), ``head`` (fields of Head), ``classes``, ``image_size``
    (None: the backbone's own). The answer has ``params``, ``trainable``, ``non_trainable``, ``depth``, ``size_mb``,
    ``flops``, the same of its ``parts``, and its ``layers`` in order. Raises UserError for what does not fit together.
    """
    backbone, strategy = Named(**request["backbone"]), Named(**request["strategy"])
    head = Head(**request["head"])
    image_size = request["image_size"] or registry.get(backbone.name).default_size
    if head.name == "imagenet":
        return _original(backbone, image_size)
    assembled = assemble(backbone, strategy, head, request["classes"], image_size)
    counts = count(assembled)
    return {
        "backbone": backbone.label,
        "strategy": strategy.label,
        "head": head.label,
        "classes": request["classes"],
        "image_size": image_size,
        "frozen_layers": assembled.frozen,
        **counts.model_dump(exclude={"backbone", "head"}),
        "parts": {"backbone": counts.backbone.model_dump(), "head": counts.head.model_dump()},
        "layers": _layers(assembled),
    }


def _original(backbone: Named, image_size: int) -> dict[str, Any]:
    """The constructor's own model with its classifier for ImageNet's 1000 classes, everything trainable."""
    constructor = getattr(keras.applications, backbone.name)
    model = constructor(weights=None, input_shape=(image_size, image_size, 3), **backbone.args)
    counts = count_part([model])
    return {
        "backbone": backbone.label,
        "strategy": "full",
        "head": "imagenet",
        "classes": 1000,
        "image_size": image_size,
        "frozen_layers": 0,
        **counts.model_dump(),
        "non_trainable": counts.params - counts.trainable,
        "layers": [_layer(layer) for layer in model.layers],
    }


def _layers(assembled: Assembled) -> list[dict[str, Any]]:
    rows = []
    for layer in assembled.model.layers:
        inner = assembled.backbone.layers if layer is assembled.backbone else [layer]
        rows += [_layer(one) for one in inner]
    return rows


def _layer(layer: keras.layers.Layer) -> dict[str, Any]:
    counts = count_part([layer])
    shape = layer.output.shape if not isinstance(layer.output, list) else [one.shape for one in layer.output]
    return {
        "name": layer.name,
        "kind": type(layer).__name__,
        "output_shape": list(shape),
        "params": counts.params,
        "trainable": counts.trainable,
    }
