"""What one phase of a training works on: the model cut where that helps, and the splits as it takes them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry as backbones
from tlbench.core.cell import Augmentation, Cell, Head, Named
from tlbench.core.errors import UserError
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
    """The model that a phase finds and that predicts after it, the splits, and what it trains on.

    Cells of a group have their phases' rates and epochs for themselves, and share all of this. trainer: None where the
    head is solved.
    """

    model: keras.Model
    splits: Mapping[str, Arrays]
    train: ToTrain
    path: TrainingPath
    trainer: Trainer | None


def stages(
    assembled: Assembled, group: Group, jit: bool, images: Mapping[str, Arrays], aside: Keep
) -> tuple[Stage, ...]:
    """A stage for each phase. `images`: of all splits.

    aside: where features of a head that is to be solved are kept for this process alone, if nothing is to be kept, or
    the cache's bound is too low. The model is left frozen as in the last phase. Raises UserError where they do not fit
    there either.
    """
    found, lowest = [], len(assembled.backbone.layers)
    for phase in assembled.phases:
        lowest = min(lowest, phase.frozen)
        found.append(_stage(assembled, group, phase, lowest, jit, images, aside))
    return tuple(found)


def _stage(
    assembled: Assembled,
    group: Group,
    phase: Phase,
    lowest: int,
    jit: bool,
    images: Mapping[str, Arrays],
    aside: Keep,
) -> Stage:
    """lowest: so many of the first layers were fixed in all phases up to this one."""
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
    # The same layers in a model of its own, since a model has one optimizer and one traced step.
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
    """What a phase trains along with the whole model."""
    if phase.second_head:
        return _second_head(assembled, job, phase.second_head, jit, images)
    if not phase.auxiliary:
        return None
    own = backbones.get(job.cell.backbone.name).auxiliary
    assert own is not None, "a suite that asks for them of another backbone is refused"
    draw = auxiliary_head(assembled, own, job.cell.head, len(job.images.classes))
    classifiers = draw()
    return AuxiliaryHeads(with_auxiliary(assembled, own, classifiers), classifiers, phase.auxiliary, draw)


def _second_head(assembled: Assembled, job: Job, weight: float, jit: bool, images: Mapping[str, Arrays]) -> SecondHead:
    """The original classifier on the same backbone, and what it takes the classes of the images for."""
    assert job.classifier_path is not None, "find_inputs has it for every strategy that keeps the classifier"
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
    """A head cannot be solved without them."""
    if group.keep is not None:
        with suppress(NoRoomError):
            return _features(assembled, group, at, group.keep, None, jit, images)
    try:
        return _features(assembled, group, at, aside, None, jit, images)
    except NoRoomError as error:
        raise UserError(f"the features of the frozen backbone do not fit: {error}") from error


def _cut(assembled: Assembled, group: Group, phase: Phase, lowest: int) -> Boundary | str:
    """Where to cut, or why not. A head that is solved needs features in any case, and takes those of plain images."""
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
    """The cuts that this cell's other phases, and other cells, need of the same images: one pass makes them all."""
    classes, found = len(job.images.classes), list[Boundary]()
    for strategy, head in ((job.cell.strategy, job.cell.head), *keep.others):
        try:
            layers = head_layers(head, classes, assembled.output)
            frozen = {phase.frozen for phase in _phases(assembled, job, strategy, head)}
            found += filter(None, (boundary(assembled, number, layers) for number in sorted(frozen)))
        except UserError:  # that cell cannot work, and will say so itself
            continue
    return found


def _phases(assembled: Assembled, job: Job, strategy: Named, head: Head) -> Sequence[Phase]:
    return phases_of(assembled.backbone, strategy, job.cell.training, head)


def _views(job: Job) -> Augmentation | None:
    """The changes of which views are drawn beforehand; None where there are none."""
    changes = job.cell.training.augmentation
    return changes if changes and changes.views else None


class _ViewFeatures:
    """The features of each epoch's view, all computed at once: no epoch waits, and what does not fit is known early."""

    def __init__(self, features: FeaturePass, images: NDArray[np.generic], changes: Augmentation) -> None:
        assert changes.views
        self._views = [features.inputs("train", images, View(changes, number)) for number in range(changes.views)]

    def __call__(self, epoch: int) -> ModelInputs:
        return self._views[epoch % len(self._views)]
