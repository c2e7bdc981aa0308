"""Describe a model by its counts and layers. Runs in a child process; requests and answers are plain values."""

from typing import Any

import keras

from tlbench.backbones import registry
from tlbench.core.cell import Head, Named
from tlbench.core.image_size import ImageSize
from tlbench.modeling.assemble import Assembled, assemble, without_top
from tlbench.modeling.counting import count, count_original, count_part
from tlbench.modeling.initial_weights import any_initial_weights
from tlbench.modeling.wording import pooled, trained_part
from tlbench.results.record import Counts
from tlbench.worker import settings


def inspect(request: dict[str, Any]) -> dict[str, Any]:
    """Build a model with random weights and count it.

    Args:
        request: ``backbone`` and ``strategy`` (name and args), ``head`` (fields of Head), ``classes``, and
            ``image_size`` (None: the backbone's default).

    Returns:
        ``params``, ``trainable``, ``non_trainable``, ``depth``, ``size_mb`` and ``flops`` of the model, the same for
        its ``parts``, its ``layers`` in order, and ``pooled``, a description of how the head pools tokens.

    Raises:
        UserError: the parts do not fit together.
    """
    settings.set_all()
    backbone, strategy = Named(**request["backbone"]), Named(**request["strategy"])
    head = Head(**request["head"])
    image_size = request["image_size"] or registry.of(backbone).default_size
    if head.name == "imagenet":
        strategy, classes = Named(name="full"), 1000
    else:
        classes = request["classes"]
    with any_initial_weights():
        assembled = assemble(backbone, strategy, head, classes, image_size)
    counts = _count(assembled, backbone, strategy, head, image_size)
    return {
        "backbone": backbone.label,
        "strategy": strategy.label,
        "head": head.label,
        "classes": classes,
        "image_size": image_size,
        "frozen_layers": assembled.frozen,
        "trained": trained_part(assembled.backbone, assembled.part),
        "pooled": pooled(assembled.backbone, assembled.output, head),
        **counts.model_dump(exclude={"backbone", "head"}),
        "parts": {"backbone": counts.backbone.model_dump(), "head": counts.head.model_dump()},
        "layers": _layers(assembled),
    }


def _count(assembled: Assembled, backbone: Named, strategy: Named, head: Head, image_size: ImageSize) -> Counts:
    if head.name != "imagenet":
        return count(assembled)
    return count_original(assembled, without_top(backbone, strategy, image_size))


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
