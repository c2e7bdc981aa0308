"""The auxiliary classifiers of a backbone, which pass gradients to its middle layers during training."""

from collections.abc import Callable

import keras

from tlbench.backbones.spec import Auxiliary
from tlbench.core.cell import Head
from tlbench.core.plugins import resolve
from tlbench.modeling.assemble import Assembled, head_of
from tlbench.modeling.keras_private import calls


def auxiliary_head(assembled: Assembled, own: Auxiliary, head: Head, classes: int) -> Callable[[], keras.Model]:
    """A function that builds the auxiliary classifiers with new random weights each time.

    They have as many outputs and the same activation as `head`.

    Args:
        assembled: the model.
        own: the description of the auxiliary classifiers.
        head: the head of the model.
        classes: the number of classes.
    """
    shapes = [tuple(assembled.backbone.get_layer(name).output.shape[1:]) for name in own.layers]
    units = 1 if head.output == "sigmoid" else classes
    return lambda: resolve(own.constructor)(shapes, units, head.output)


def with_auxiliary(assembled: Assembled, own: Auxiliary, classifiers: keras.Model) -> keras.Model:
    """A model for training, from images to the outputs of the main and the auxiliary classifiers, in this order.

    It shares the variables of both models.

    Args:
        assembled: the model.
        own: the description of the auxiliary classifiers.
        classifiers: the model that `auxiliary_head` built.
    """
    model, backbone = assembled.model, assembled.backbone
    scaled = next(node for node in calls(model) if node.operation is backbone).input_tensors[0]
    maps = [backbone.get_layer(name).output for name in own.layers]
    *middle, output = keras.Model(backbone.inputs[0], [*maps, backbone.outputs[0]], name=backbone.name)(scaled)
    for layer in head_of(assembled):
        output = layer(output)
    beside = classifiers(middle)
    return keras.Model(model.inputs[0], [output, *(beside if isinstance(beside, list) else [beside])], name="auxiliary")
