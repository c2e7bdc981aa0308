"""The stages of a training: for each phase the model to train, cut where that helps, and the inputs it takes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry as backbones
from tlbench.core.cell import Cell, Head, Named
from tlbench.core.errors import UserError
from tlbench.core.training import Augmentation
from tlbench.execution.job import Group, Job, Keep
from tlbench.modeling.assemble import Assembled, head_of
from tlbench.modeling.auxiliary import auxiliary_head, with_auxiliary
from tlbench.modeling.cut import Boundary, boundary, upper_model
from tlbench.modeling.freezing import phases_of
from tlbench.modeling.heads import head_layers
from tlbench.modeling.keras_private import calls
from tlbench.modeling.original_head import original_head
from tlbench.results.trained import TrainingPath
from tlbench.strategies.base import Phase
from tlbench.training.augment import Drawn, View
from tlbench.training.batches import Arrays, ModelInputs, ToTrain, fewest_repeated
from tlbench.training.evaluate import outputs_of
from tlbench.training.feature_store import FeatureStore, NoRoomError
from tlbench.training.features import PASS_BATCH, FeaturePass
from tlbench.training.pull import Penalties, pulls
from tlbench.training.rates import multiples_of
from tlbench.training.second_head import Along, AuxiliaryHeads, SecondHead
from tlbench.training.solvers.base import Examples
from tlbench.training.solvers.relation import relate
from tlbench.training.trainer import Trainer
from tlbench.worker.made_from import made_from

SWITCHED_OFF = "asked for"
CHANGED_IMAGES = "random changes of the images"
ALL_TRAINED = "every layer is trained"
LOWEST_TRAINED = "the lowest layers are trained"
TRAINED_BEFORE = "the fixed layers were trained in an earlier phase"
TWO_HEADS = "a second head needs the backbone's output"


@dataclass(frozen=True)
class Stage:
    """What one phase of training works with. Cells of a group share it; only rates and epochs are their own.

    Attributes:
        model: the model that the phase trains and that predicts afterwards.
        splits: the inputs and labels of the splits, as the model takes them.
        train: what the phase trains on.
        path: whether and where the model is cut, for the record.
        trainer: trains the model; None where the head is solved.
    """

    model: keras.Model
    splits: Mapping[str, Arrays]
    train: ToTrain
    path: TrainingPath
    trainer: Trainer | None


def stages(
    assembled: Assembled, group: Group, jit: bool, images: Mapping[str, Arrays], aside: Keep
) -> tuple[Stage, ...]:
    """Make a stage for each phase. The model is left frozen as in the last phase.

    Args:
        assembled: the model.
        group: the cells that share it.
        jit: whether to compile with XLA or the like.
        images: the images and labels of all splits.
        aside: a temporary cache for the features of a solved head, if the cache is off or too small.

    Raises:
        UserError: the features of a solved head do not fit there either.
    """
    result, lowest = [], len(assembled.backbone.layers)
    for phase in assembled.phases:
        lowest = min(lowest, phase.frozen)
        result.append(_stage(assembled, group, phase, lowest, jit, images, aside))
    return tuple(result)


def _stage(
    assembled: Assembled,
    group: Group,
    phase: Phase,
    lowest: int,
    jit: bool,
    images: Mapping[str, Arrays],
    aside: Keep,
) -> Stage:
    """Make the stage of a phase. `lowest`: how many of the first layers were frozen in all phases up to this one."""
    assembled.freezing.freeze(phase)
    cell, where = group.jobs[0].cell, _cut(assembled, group, phase, lowest)
    if phase.solver != "gradient" and isinstance(where, Boundary):
        splits, train, path = _features_at_any_price(assembled, group, where, aside, jit, images)
        model = upper_model(assembled, where)
        model.compile(optimizer=None, jit_compile=jit)
        return Stage(model, splits, train, path, None)
    views = _views(group.jobs[0])
    if group.keep is not None and isinstance(where, Boundary):
        try:
            splits, train, path = _features(assembled, group, where, group.keep, views, jit, images)
        except NoRoomError as error:
            where = str(error)
        else:
            model = upper_model(assembled, where)
            return Stage(model, splits, train, path, _trainer(assembled, model, cell, phase, jit))
    whole: ToTrain = images["train"]
    if views is not None:
        whole = Drawn(views, images["train"][0][0]), images["train"][1]
    path = TrainingPath(whole=where if isinstance(where, str) else SWITCHED_OFF)
    # A separate model of the same layers, because a model has only one optimizer and one traced step.
    name = phase.name.replace("-", "_").replace(" ", "_")
    model = keras.Model(assembled.model.inputs[0], assembled.model.outputs[0], name=name)
    along = _along(assembled, group.jobs[0], phase, jit, images)
    return Stage(model, images, whole, path, _trainer(assembled, model, cell, phase, jit, along))


def _trainer(
    assembled: Assembled, model: keras.Model, cell: Cell, phase: Phase, jit: bool, along: Along | None = None
) -> Trainer:
    trained, second = (along.model, along.head) if along else (model, None)
    multiples = multiples_of(assembled, phase, trained, second)
    return Trainer(model, cell, jit, phase.ema, multiples, along, _penalties(assembled, phase))


def _penalties(assembled: Assembled, phase: Phase) -> Penalties:
    if not (phase.pull or phase.shrink):
        return ()
    head = [variable for layer in head_of(assembled) for variable in layer.trainable_variables]
    return pulls(assembled.backbone.trainable_variables, head, phase.pull, phase.shrink)


def _along(assembled: Assembled, job: Job, phase: Phase, jit: bool, images: Mapping[str, Arrays]) -> Along | None:
    """The further heads that a phase trains along with the whole model, if any."""
    if phase.second_head:
        return _second_head(assembled, job, phase.second_head, jit, images)
    if not phase.auxiliary:
        return None
    own = backbones.get(job.cell.backbone.name).auxiliary
    assert own is not None, "suite.point rejects backbones without auxiliary classifiers"
    draw = auxiliary_head(assembled, own, job.cell.head, len(job.images.classes))
    classifiers = draw()
    return AuxiliaryHeads(with_auxiliary(assembled, own, classifiers), classifiers, phase.auxiliary, draw)


def _second_head(assembled: Assembled, job: Job, weight: float, jit: bool, images: Mapping[str, Arrays]) -> SecondHead:
    """The original classifier on the same backbone, with its labels for the classes of the data set."""
    assert job.classifier_path is not None, "find_inputs finds it for every strategy that needs the classifier"
    head = original_head(assembled, job.cell, job.classifier_path)
    (inputs,), (outputs,) = assembled.model.inputs, assembled.model.outputs
    features = next(node for node in calls(assembled.model) if node.operation is assembled.backbone).output_tensors[0]
    logits = head(features)
    classifier = keras.Model(inputs, logits, name="original_classifier")
    classifier.compile(optimizer=None, jit_compile=jit)
    train, validation = (
        Examples(outputs_of(classifier, images[name][0], job.cell.training.batch_size), images[name][1])
        for name in ("train", "validation")
    )
    relation = relate(train, validation, len(job.images.classes))
    both = keras.Model(inputs, [outputs, logits], name="two_heads")
    return SecondHead(both, head, relation.table, relation.factor, weight)


def _features_at_any_price(
    assembled: Assembled, group: Group, at: Boundary, aside: Keep, jit: bool, images: Mapping[str, Arrays]
) -> tuple[dict[str, Arrays], ToTrain, TrainingPath]:
    """The features for a solved head, which cannot do without: cached, or in the temporary cache `aside`."""
    if group.keep is not None:
        with suppress(NoRoomError):
            return _features(assembled, group, at, group.keep, None, jit, images)
    try:
        return _features(assembled, group, at, aside, None, jit, images)
    except NoRoomError as error:
        raise UserError(f"the features of the frozen backbone do not fit: {error}") from error


def _cut(assembled: Assembled, group: Group, phase: Phase, lowest: int) -> Boundary | str:
    """Where to cut the model, or why not to. A solved head always needs features, of images without augmentation."""
    at = boundary(assembled, lowest, head_of(assembled))
    if phase.solver != "gradient" and at is not None:
        return at
    if group.keep is None:
        return SWITCHED_OFF
    if group.jobs[0].cell.training.changes_anew:
        return CHANGED_IMAGES
    if at is not None and phase.second_head:
        return TWO_HEADS
    if at is not None:
        return at
    if lowest < phase.frozen:
        return TRAINED_BEFORE
    return ALL_TRAINED if phase.only == "all" and phase.until is None else LOWEST_TRAINED


def _features(
    assembled: Assembled,
    group: Group,
    at: Boundary,
    keep: Keep,
    changes: Augmentation | None,
    jit: bool,
    images: Mapping[str, Arrays],
) -> tuple[dict[str, Arrays], ToTrain, TrainingPath]:
    """The features of all splits, those to train on, and the path for the record.

    changes: the augmentation whose views are features of their own; None without views.
    """
    job, (pictures,), labels = group.jobs[0], *images["train"]
    batch = fewest_repeated([len(one[1]) for one in images.values()], PASS_BATCH)
    store = FeatureStore(keep.folder, keep.most)
    features = FeaturePass(assembled, at, _others(assembled, job, keep), made_from(job, jit), store, jit, batch)
    taken = [name for name in images if changes is None or name != "train"]
    splits = {name: (features.inputs(name, images[name][0][0]), images[name][1]) for name in taken}
    train: ToTrain = splits["train"] if changes is None else (_ViewFeatures(features, pictures, changes), labels)
    path = TrainingPath(
        whole=None,
        shapes=tuple(one.shape for one in at.handed),
        bytes_per_image=at.bytes,
        computed=features.computed,
        rebuilt=tuple(features.damaged),
        forward=features.forward,
    )
    return splits, train, path


def _others(assembled: Assembled, job: Job, keep: Keep) -> list[Boundary]:
    """The cuts that other phases and other cells need for the same images, to be computed in the same pass."""
    classes, found = len(job.images.classes), list[Boundary]()
    for strategy, head in ((job.cell.strategy, job.cell.head), *keep.others):
        try:
            layers = head_layers(head, classes, assembled.output)
            frozen = {phase.frozen for phase in _phases(assembled, job, strategy, head)}
            found += filter(None, (boundary(assembled, number, layers) for number in sorted(frozen)))
        except UserError:  # the other cell cannot work; it will report that itself
            continue
    return found


def _phases(assembled: Assembled, job: Job, strategy: Named, head: Head) -> Sequence[Phase]:
    return phases_of(assembled.backbone, strategy, job.cell.training, head)


def _views(job: Job) -> Augmentation | None:
    """The augmentation, if its views are drawn beforehand."""
    changes = job.cell.training.augmentation
    return changes if changes and changes.views else None


class _ViewFeatures:
    """The features of all views, computed before training, so that no epoch waits and a lack of room is known early."""

    def __init__(self, features: FeaturePass, images: NDArray[np.generic], changes: Augmentation) -> None:
        assert changes.views
        self._views = [features.inputs("train", images, View(changes, number)) for number in range(changes.views)]

    def __call__(self, epoch: int) -> ModelInputs:
        return self._views[epoch % len(self._views)]
