"""The head of a backbone's original classifier, to be put on the trained backbone again."""

from pathlib import Path

import keras
import numpy as np

from tlbench.backbones import registry as backbones
from tlbench.core.cell import Cell
from tlbench.core.errors import UserError
from tlbench.core.image_size import height_width, in_words
from tlbench.modeling.assemble import Assembled, make_backbone


def original_head(assembled: Assembled, cell: Cell, weights_path: Path) -> keras.Model:
    """A model from the backbone's output to the logits (batch, 1000) of its original classifier, including the pooling.

    Args:
        assembled: the model, whose backbone has its initial weights.
        cell: the cell.
        weights_path: the weights of the backbone with its classifier.

    Raises:
        UserError: the classifier does not fit the image size, or its backbone has other weights than `assembled`.
    """
    info, below = backbones.get(cell.backbone.name), assembled.backbone
    named = f"strategy {cell.strategy.name} on {cell.backbone.label}"
    try:
        shape = (*height_width(cell.image_size), 3)
        whole = make_backbone(info, cell.backbone.args, shape, weights_path, top=True)
    except UserError as error:
        raise UserError(
            f"{named}: the original classifier does not fit images of {in_words(cell.image_size)} px; it needs "
            f"{info.default_size} px ({error})"
        ) from error
    depth = len(below.layers)
    lower, own = (
        [weight for layer in layers for weight in layer.get_weights()]
        for layers in (whole.layers[:depth], below.layers)
    )
    same = len(lower) == len(own) and all(map(np.array_equal, lower, own))
    if not same or whole.layers[depth - 1].output.shape != below.output_shape:
        raise UserError(
            f"{named}: the classifier in {weights_path.name} belongs to other weights of the backbone; download the "
            f"official files again, or remove {cell.strategy.name} for this backbone"
        )
    whole.layers[-1].activation = keras.activations.linear  # logits; the loss applies the softmax
    head = keras.Model(whole.layers[depth - 1].output, whole.outputs[0], name="original_head")
    alone = keras.models.clone_model(head)  # because the layers of `head` keep a second backbone in memory
    alone.set_weights(head.get_weights())
    return alone
