"""The auxiliary classifiers of a backbone: gradients for its middle while it trains; then left out."""

from collections.abc import Callable

import keras

from tlbench.backbones.spec import Auxiliary
from tlbench.core.cell import Head
from tlbench.core.plugins import resolve
from tlbench.modeling.assemble import Assembled, head_of
from tlbench.modeling.keras_private import calls


def auxiliary_head(assembled: Assembled, own: Auxiliary, head: Head, classes: int) -> Callable[[], keras.Model]:
    """What makes the classifiers, from the outputs of `own.layers`, with random weights that are new each time.

    Their output is as that of `head`: of as many units, with the same activation.
    """
    shapes = [tuple(assembled.backbone.get_layer(name).output.shape[1:]) for name in own.layers]
    units = 1 if head.output == "sigmoid" else classes
    return lambda: resolve(own.constructor)(shapes, units, head.output)


def with_auxiliary(assembled: Assembled, own: Auxiliary, classifiers: keras.Model) -> keras.Model:
    """From images to class probabilities, and those of each of `classifiers`; with the variables of both models."""
    model, backbone = assembled.model, assembled.backbone
    scaled = next(node for node in calls(model) if node.operation is backbone).input_tensors[0]
    maps = [backbone.get_layer(name).output for name in own.layers]
    *middle, output = keras.Model(backbone.inputs[0], [*maps, backbone.outputs[0]], name=backbone.name)(scaled)
    for layer in head_of(assembled):
        output = layer(output)
    beside = classifiers(middle)
    return keras.Model(model.inputs[0], [output, *(beside if isinstance(beside, list) else [beside])], name="auxiliary")
