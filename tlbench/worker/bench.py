"""One model through the cells of a group: built and traced once, cut where that helps, trained anew for each cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Self

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Augmentation, Head, Named
from tlbench.core.errors import UserError
from tlbench.execution.job import Group, Job
from tlbench.modeling.assemble import Assembled, FirstWeights, head_of
from tlbench.modeling.cut import Boundary, boundary, upper_model
from tlbench.modeling.freezing import frozen_layers
from tlbench.modeling.heads import head_layers
from tlbench.results.record import TrainingPath
from tlbench.training.augment import Drawn, View
from tlbench.training.batches import Arrays, Inputs, ToTrain
from tlbench.training.feature_store import FeatureStore, NoRoomError
from tlbench.training.features import FeaturePass
from tlbench.training.fused_norm import fuse_normalization
from tlbench.training.trainer import Trainer

SWITCHED_OFF = "asked for"
CHANGED_IMAGES = "random changes of the images"
ALL_TRAINED = "every layer is trained"
SPLITS = ("train", "validation", "test")
WHOLE = 1.0


@dataclass(frozen=True)
class Bench:
    """A trainer, the splits as it takes them, what it trains on, and the model's first weights."""

    assembled: Assembled
    trainer: Trainer
    splits: Mapping[str, Arrays]
    train: ToTrain
    path: TrainingPath
    first: FirstWeights | None
    """None where no other cell follows: they are as large as the model."""

    @classmethod
    def set_up(cls, assembled: Assembled, group: Group, jit: bool) -> Self:
        """Cut the model where that helps, with the features of all splits read or computed; else take it whole."""
        if not jit:
            fuse_normalization(assembled.model)
        job, first = group.jobs[0], FirstWeights(assembled) if len(group.jobs) > 1 else None
        images: dict[str, Arrays] = {}
        for name in SPLITS:
            pictures, labels = job.images.splits[name].open(WHOLE)
            images[name] = ([np.asarray(pictures)], labels)
        found = _cut(assembled, group)
        if isinstance(found, str):
            path = TrainingPath(whole=found)
        else:
            try:
                splits, train, path = _features(assembled, group, found, jit, images)
                return cls(assembled, Trainer(upper_model(assembled, found), job.cell, jit), splits, train, path, first)
            except NoRoomError as error:
                path = TrainingPath(whole=str(error))
        whole: ToTrain = images["train"]
        if (changes := _views(job)) is not None:
            whole = Drawn(changes, images["train"][0][0]), images["train"][1]
        return cls(assembled, Trainer(assembled.model, job.cell, jit), images, whole, path, first)

    def renew(self, job: Job) -> Self:
        """The bench for the next cell of the group: the model as it would be if it were built for that cell.

        Raises ValueError for a group that was to have one cell.
        """
        if self.first is None:
            raise ValueError("the first weights were not kept: no other cell was to follow")
        self.first.restore(job.cell.head, len(job.images.classes), job.cell.seed)
        again = self.path.model_copy(update={"computed": 0, "rebuilt": (), "forward": None})
        return type(self)(self.assembled, self.trainer, self.splits, self.train, again, self.first)


def _cut(assembled: Assembled, group: Group) -> Boundary | str:
    """Where to cut, or why not."""
    cell = group.jobs[0].cell
    changes = cell.training.augmentation
    if group.keep is None:
        return SWITCHED_OFF
    if changes and not changes.views:
        return CHANGED_IMAGES
    return boundary(assembled, assembled.frozen, head_of(assembled)) or ALL_TRAINED


def _features(
    assembled: Assembled, group: Group, at: Boundary, jit: bool, images: Mapping[str, Arrays]
) -> tuple[dict[str, Arrays], ToTrain, TrainingPath]:
    job, keep = group.jobs[0], group.keep
    assert keep is not None
    classes = len(job.images.classes)
    others = [_other(assembled, strategy, head, classes) for strategy, head in keep.others]
    features = FeaturePass(
        assembled, at, list(filter(None, others)), made_from(job), FeatureStore(keep.folder, keep.most), jit
    )
    changes, ((pictures,), labels) = _views(job), images["train"]
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


def _views(job: Job) -> Augmentation | None:
    """The changes of which views are drawn beforehand; None where there are none."""
    changes = job.cell.training.augmentation
    return changes if changes and changes.views else None


class _ViewFeatures:
    """The features of each epoch's view, all computed at once: no epoch waits, and what does not fit is known early."""

    def __init__(self, features: FeaturePass, images: NDArray[np.generic], changes: Augmentation) -> None:
        assert changes.views
        self._views = [features.inputs("train", images, View(changes, number)) for number in range(changes.views)]

    def __call__(self, epoch: int) -> Inputs:
        return self._views[epoch % len(self._views)]


def _other(assembled: Assembled, strategy: Named, head: Head, classes: int) -> Boundary | None:
    """The cut of another cell; None where it has none, or cannot work, which that cell itself will say."""
    try:
        return boundary(assembled, frozen_layers(assembled.backbone, strategy), head_layers(head, classes))
    except UserError:
        return None


def made_from(job: Job) -> dict[str, str]:
    """What features depend on besides the split and the cut."""
    cell, data = job.cell, job.images
    return {
        "backbone": cell.backbone.label,
        "weights": job.weights.sha256 or f"random, seed {cell.seed}",
        "data set": data.name,
        "data": data.fingerprint,
        "image size": str(cell.image_size),
        "precision": cell.precision,
        "jit": cell.jit,
        "made by": f"keras {keras.__version__}, {cell.backend} {import_module(cell.backend).__version__}",
    }
