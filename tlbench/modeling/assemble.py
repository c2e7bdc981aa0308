"""Assemble a model from scaling, backbone and head, frozen as the strategy asks."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from tlbench.backbones import registry as backbones
from tlbench.backbones.spec import BackboneInfo, Output
from tlbench.core.cell import Cell, Head, Named, Scalar
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, height_width
from tlbench.core.plugins import resolve
from tlbench.heads.registry import ORIGINAL
from tlbench.modeling.adapters import adapt, adapted, draw_adapters
from tlbench.modeling.freezing import Freezing, check_part, part_of, phases_of
from tlbench.modeling.heads import head_layers
from tlbench.modeling.initial_weights import any_initial_weights
from tlbench.modeling.normalization import hold_statistics, set_momentum
from tlbench.modeling.preprocessing import check_scaling, scaling_layers
from tlbench.strategies import registry as strategies
from tlbench.strategies.base import Part, Phase


@dataclass(frozen=True)
class Assembled:
    """A model with its parts.

    Attributes:
        model: from images (batch, H, W, 3), uint8 or float from 0 to 255, to class probabilities; or to features, if
            the strategy has no classifier.
        backbone: the nested backbone; with head `imagenet` it is the whole original classifier.
        freezing: freezes and unfreezes parts of the backbone.
        part: the part trained in the phase that trains most, to which the backbone has been set.
        output: what the backbone returns.
        phases: the phases of training.
    """

    model: keras.Model
    backbone: keras.Model
    freezing: Freezing
    part: Part
    output: Output = "map"
    phases: tuple[Phase, ...] = ()

    @property
    def frozen(self) -> int:
        """How many of the backbone's first layers are frozen."""
        return self.part.frozen

    @property
    def most(self) -> Phase | None:
        """The phase that trains `part` by gradient steps; None if there is none."""
        gradient = [phase for phase in self.phases if phase.solver == "gradient"]
        return min(gradient, key=lambda phase: phase.frozen, default=None)


def build(cell: Cell, classes: int, weights_path: Path | None) -> Assembled:
    """Build the model of a cell, not compiled, and set up as in the phase of its training that trains most.

    Args:
        cell: the cell, whose seed is used.
        classes: the number of classes.
        weights_path: the file of weights; None: random weights.

    Raises:
        UserError: the weights do not fit, or a boundary is outside of the backbone.
    """
    keras.utils.set_random_seed(cell.seed)
    keras.config.set_dtype_policy(cell.precision)
    assembled = assemble(
        cell.backbone, cell.strategy, cell.head, classes, cell.image_size, weights_path, head_seed=cell.seed
    )
    if cell.kind == "original":
        return assembled
    phases = phases_of(assembled.backbone, cell.strategy, cell.training, cell.head)
    updating = [phase for phase in phases if phase.batch_norm == "train"]
    if not updating:
        hold_statistics(assembled.backbone)
    elif updating[0].momentum is not None:
        set_momentum(assembled.backbone, updating[0].momentum)
    return replace(assembled, phases=phases)


def assemble(
    backbone: Named,
    strategy: Named,
    head: Head,
    classes: int,
    image_size: ImageSize,
    weights_path: Path | None = None,
    head_seed: int | None = None,
) -> Assembled:
    """As `build`, from single arguments, and with the present random seed and precision.

    `head_seed` makes the head's initial weights independent of how many random numbers the backbone has drawn.
    """
    info = backbones.of(backbone)
    shape = (*height_width(image_size), 3)
    original = head.name == ORIGINAL
    extractor = make_backbone(info, backbone.args, shape, weights_path, top=original)
    check_scaling(info)
    part = part_of(extractor, strategy)
    if part.rank is not None:
        adapt(extractor, part.rank)
        draw_adapters(extractor, head_seed or 0)
    freezing = Freezing(extractor)
    freezing.freeze(part)
    check_part(extractor, strategy, part)
    # Batches are uint8, a quarter of the bytes; the model casts them on the device.
    inputs = keras.Input(shape, dtype="float32", name="images")
    outputs: keras.KerasTensor = inputs
    if head_seed is not None:
        keras.utils.set_random_seed(head_seed)
    after = [] if original else head_layers(head, classes, info.output)
    if not strategies.make(strategy.name, strategy.args).has_classifier:
        after = after[:-1]
    for layer in [*scaling_layers(info.scaling), extractor, *after]:
        outputs = layer(outputs)
    return Assembled(keras.Model(inputs, outputs, name="model"), extractor, freezing, part, info.output)


def head_of(assembled: Assembled) -> list[keras.Layer]:
    """The layers after the backbone."""
    layers = assembled.model.layers
    return list(layers[layers.index(assembled.backbone) + 1 :])


class FirstWeights:
    """The initial weights of a backbone, to train it again with a head of another seed.

    Only those that some phase changes are kept: restoring each takes a call of the framework.
    """

    def __init__(self, assembled: Assembled) -> None:
        self._assembled, backbone = assembled, assembled.backbone
        # Adapters are merged into kernels of frozen layers too.
        frozen = 0 if adapted(backbone) else min((phase.frozen for phase in assembled.phases), default=0)
        self._variables = [variable for layer in backbone.layers[frozen:] for variable in layer.weights]
        self._weights = [keras.ops.convert_to_numpy(one.value) for one in self._variables]

    def restore(self, head: Head, classes: int, seed: int) -> None:
        """Reset the model to what `build` makes with this seed: a new head on the initial backbone."""
        for variable, first in zip(self._variables, self._weights, strict=True):
            variable.assign(first)
        draw_adapters(self._assembled.backbone, seed)
        keras.utils.set_random_seed(seed)
        outputs = self._assembled.backbone.outputs[0]
        # Without a classifier there is one layer less (hence not strict), and none with weights.
        drawn = head_layers(head, classes, self._assembled.output)
        for fresh, layer in zip(drawn, head_of(self._assembled), strict=False):
            outputs = fresh(outputs)
            layer.set_weights(fresh.get_weights())


def make_backbone(
    info: BackboneInfo,
    args: Mapping[str, Scalar],
    shape: tuple[int, int, int],
    weights_path: Path | None,
    *,
    top: bool = False,
) -> keras.Model:
    """Build a backbone, with its original classifier if `top`. Raises UserError if the weights do not fit."""
    replaced = weights_path is not None or top  # those of an original classifier are never trained
    with any_initial_weights() if replaced else nullcontext():
        model: keras.Model = resolve(info.constructor)(info, args, shape, top)
        if weights_path is not None:
            _load(model, info, args, weights_path)
    return model


def _load(model: keras.Model, info: BackboneInfo, args: Mapping[str, Scalar], weights_path: Path) -> None:
    try:
        if info.loader:
            resolve(info.loader)(model, weights_path)
        else:
            model.load_weights(weights_path)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{weights_path} does not hold the weights of {info.name} {dict(args) or ''}: {reason}; "
            "fetch the official file again"
        ) from error


def without_top(backbone: Named, strategy: Named, image_size: ImageSize) -> keras.Model:
    """The backbone of an original classifier, with random weights and frozen as the strategy asks, to count it."""
    with any_initial_weights():
        extractor = make_backbone(backbones.of(backbone), backbone.args, (*height_width(image_size), 3), None)
    Freezing(extractor).freeze(part_of(extractor, strategy))
    return extractor
