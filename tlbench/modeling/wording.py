"""Describe the trained part of a backbone in words, for records and for `tlbench inspect`."""

import keras

from tlbench.backbones.spec import Output
from tlbench.core.cell import Head
from tlbench.modeling.adapters import adapted, not_adapted
from tlbench.modeling.freezing import views_of
from tlbench.modeling.layers import leaves
from tlbench.strategies.base import LayerView, Part

VARIABLES = {"all": "", "norm": "scale and offset of ", "bias": "biases of ", "lora": "factors beside the kernels of "}


def trained_part(backbone: keras.Model, part: Part) -> str:
    """How many layers are trained and in which blocks, as the backbone is frozen now.

    Says so if a boundary is inside a block.
    """
    weighted = [leaf for leaf in leaves(backbone) if leaf.weights]
    trained = sum(bool(leaf.trainable_weights) for leaf in weighted)
    if not trained:
        return "no layer of the backbone"
    said = f"{VARIABLES[part.only]}{trained} of {len(weighted)} layers with weights, {_where(views_of(backbone), part)}"
    if part.only == "lora":
        others = [f"{count} {kind}" for kind, count in sorted(not_adapted(backbone).items())]
        said += f"; rank {part.rank}, {len(adapted(backbone))} layers adapted"
        said += f", not {' and '.join(others)}" if others else ""
    return said


def pooled(backbone: keras.Model, output: Output, head: Head) -> str:
    """How the head pools a backbone's tokens; empty for feature maps."""
    if output == "map":
        return ""
    tokens = backbone.output_shape[1]
    if head.name != "gap":
        return f"{head.name} of {tokens} tokens"
    return f"the class token, the first of {tokens}" if output == "class_token" else f"the mean of {tokens} tokens"


def _where(layers: list[LayerView], part: Part) -> str:
    """The blocks that are trained."""
    end = len(layers) if part.until is None else part.until
    first, last = layers[part.frozen], layers[end - 1]
    if part.frozen == 0 and end == len(layers):
        return "in all blocks"
    blocks = f"block {first.block}" if first.block == last.block else f"blocks {first.block} to {last.block}"
    inside = part.frozen > 0 and layers[part.frozen - 1].block == first.block
    return f"from {first.name} inside block {first.block} to {last.block}" if inside else f"in {blocks}"
