"""The stages of a training: for each phase the model to train, cut where that helps, and the inputs it takes."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry as backbones
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
    maker = _Maker(assembled, group, jit, images, aside)
    result, lowest = [], len(assembled.backbone.layers)
    for phase in assembled.phases:
        lowest = min(lowest, phase.frozen)
        result.append(maker.stage(phase, lowest))
    return tuple(result)


@dataclass(frozen=True)
class _Maker:
    """Makes the stages of one model. Its attributes are the arguments of `stages`."""

    assembled: Assembled
    group: Group
    jit: bool
    images: Mapping[str, Arrays]
    aside: Keep

    @property
    def job(self) -> Job:
        """The first cell of the group; the others differ from it in nothing that matters here."""
        return self.group.jobs[0]

    def stage(self, phase: Phase, lowest: int) -> Stage:
        """Make the stage of a phase.

        lowest: how many of the first layers were frozen in all phases up to this one.
        """
        self.assembled.freezing.freeze(phase)
        where = self._cut(phase, lowest)
        if phase.solver != "gradient" and isinstance(where, Boundary):
            splits, train, path = self._features_at_any_price(where)
            model = upper_model(self.assembled, where)
            model.compile(optimizer=None, jit_compile=self.jit)
            return Stage(model, splits, train, path, None)
        views = _views(self.job)
        if self.group.keep is not None and isinstance(where, Boundary):
            try:
                splits, train, path = self._features(where, self.group.keep, views)
            except NoRoomError as error:
                where = str(error)
            else:
                model = upper_model(self.assembled, where)
                return Stage(model, splits, train, path, self._trainer(model, phase))
        whole: ToTrain = self.images["train"]
        if views is not None:
            whole = Drawn(views, self.images["train"][0][0]), self.images["train"][1]
        path = TrainingPath(whole=where if isinstance(where, str) else SWITCHED_OFF)
        # A separate model of the same layers, because a model has only one optimizer and one traced step.
        name = phase.name.replace("-", "_").replace(" ", "_")
        model = keras.Model(self.assembled.model.inputs[0], self.assembled.model.outputs[0], name=name)
        return Stage(model, self.images, whole, path, self._trainer(model, phase, self._along(phase)))

    def _cut(self, phase: Phase, lowest: int) -> Boundary | str:
        """Where to cut the model, or why not to.

        A solved head always needs features, and those of images without augmentation.
        """
        at = boundary(self.assembled, lowest, head_of(self.assembled))
        if phase.solver != "gradient" and at is not None:
            return at
        if self.group.keep is None:
            return SWITCHED_OFF
        if self.job.cell.training.changes_anew:
            return CHANGED_IMAGES
        if at is not None and phase.second_head:
            return TWO_HEADS
        if at is not None:
            return at
        if lowest < phase.frozen:
            return TRAINED_BEFORE
        return ALL_TRAINED if phase.only == "all" and phase.until is None else LOWEST_TRAINED

    def _trainer(self, model: keras.Model, phase: Phase, along: Along | None = None) -> Trainer:
        trained, second = (along.model, along.head) if along else (model, None)
        multiples = multiples_of(self.assembled, phase, trained, second)
        penalties = _penalties(self.assembled, phase)
        return Trainer(model, self.job.cell, self.jit, phase.ema, multiples, along, penalties)

    def _along(self, phase: Phase) -> Along | None:
        """The further heads that a phase trains along with the whole model, if any."""
        if phase.second_head:
            return self._second_head(phase.second_head)
        if not phase.auxiliary:
            return None
        own = backbones.get(self.job.cell.backbone.name).auxiliary
        assert own is not None, "suite.point rejects backbones without auxiliary classifiers"
        draw = auxiliary_head(self.assembled, own, self.job.cell.head, len(self.job.images.classes))
        classifiers = draw()
        return AuxiliaryHeads(with_auxiliary(self.assembled, own, classifiers), classifiers, phase.auxiliary, draw)

    def _second_head(self, weight: float) -> SecondHead:
        """The original classifier on the same backbone, with its labels for the classes of the data set."""
        model, job = self.assembled.model, self.job
        assert job.classifier_path is not None, "find_inputs finds it for every strategy that needs the classifier"
        head = original_head(self.assembled, job.cell, job.classifier_path)
        features = next(node for node in calls(model) if node.operation is self.assembled.backbone).output_tensors[0]
        logits = head(features)
        classifier = keras.Model(model.inputs[0], logits, name="original_classifier")
        classifier.compile(optimizer=None, jit_compile=self.jit)
        train, validation = (
            Examples(outputs_of(classifier, pictures, job.cell.training.batch_size), labels)
            for pictures, labels in (self.images["train"], self.images["validation"])
        )
        relation = relate(train, validation, len(job.images.classes))
        both = keras.Model(model.inputs[0], [model.outputs[0], logits], name="two_heads")
        return SecondHead(both, head, relation.table, relation.factor, weight)

    def _features_at_any_price(self, at: Boundary) -> tuple[dict[str, Arrays], ToTrain, TrainingPath]:
        """The features for a solved head, which cannot do without: cached, or in the temporary cache `aside`."""
        if self.group.keep is not None:
            with suppress(NoRoomError):
                return self._features(at, self.group.keep, None)
        try:
            return self._features(at, self.aside, None)
        except NoRoomError as error:
            raise UserError(f"the features of the frozen backbone do not fit: {error}") from error

    def _features(
        self, at: Boundary, keep: Keep, changes: Augmentation | None
    ) -> tuple[dict[str, Arrays], ToTrain, TrainingPath]:
        """The features of all splits, those to train on, and the path for the record.

        changes: the augmentation whose views are features of their own; None without views.
        """
        images, (pictures,), labels = self.images, *self.images["train"]
        batch = fewest_repeated([len(one[1]) for one in images.values()], PASS_BATCH)
        store = FeatureStore(keep.folder, keep.most)
        made = made_from(self.job, self.jit)
        features = FeaturePass(self.assembled, at, self._others(keep), made, store, self.jit, batch)
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

    def _others(self, keep: Keep) -> list[Boundary]:
        """The cuts that other phases and other cells need for the same images, to be computed in the same pass."""
        cell, classes, found = self.job.cell, len(self.job.images.classes), list[Boundary]()
        for strategy, head in ((cell.strategy, cell.head), *keep.others):
            try:
                layers = head_layers(head, classes, self.assembled.output)
                phases = phases_of(self.assembled.backbone, strategy, cell.training, head)
                frozen = sorted({phase.frozen for phase in phases})
                found += filter(None, (boundary(self.assembled, number, layers) for number in frozen))
            except UserError:  # the other cell cannot work; it will report that itself
                continue
        return found


def _penalties(assembled: Assembled, phase: Phase) -> Penalties:
    if not (phase.pull or phase.shrink):
        return ()
    head = [variable for layer in head_of(assembled) for variable in layer.trainable_variables]
    return pulls(assembled.backbone.trainable_variables, head, phase.pull, phase.shrink)


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
