"""The features at a cell's cut: read from the cache, or computed in one pass together with those of other cuts."""

import json
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.modeling.assemble import Assembled
from tlbench.modeling.cut import Boundary, lower_model
from tlbench.training.augment import View
from tlbench.training.batches import ModelInputs, in_order
from tlbench.training.feature_store import FeatureStore, FeatureWriter, Wanted

PASS_BATCH = 32
"""Images per batch, unless splits are so small that much of a batch would be padding."""


@dataclass
class FeaturePass:
    """Looks features up in the cache and computes those that are missing.

    Attributes:
        assembled: the model.
        at: the cut of the cell.
        others: cuts that later cells need for the same images; one pass computes them too, as far as they fit.
        made_from: what the features depend on besides split and cut.
        store: the cache.
        jit: whether to compile with XLA or the like.
        batch: images per batch.
        computed: the number of images that went through the frozen layers.
    """

    assembled: Assembled
    at: Boundary
    others: Sequence[Boundary]
    made_from: Mapping[str, str]
    store: FeatureStore
    jit: bool
    batch: int = PASS_BATCH
    computed: int = 0
    _of_image: list[float] = field(default_factory=list)
    _lower: dict[tuple[Boundary, ...], keras.Model] = field(default_factory=dict)

    @property
    def damaged(self) -> Sequence[str]:
        """What was wrong with entries that had to be computed again."""
        return self.store.damaged

    @property
    def forward(self) -> float | None:
        """The mean time per image in the frozen layers in seconds, without first batches; None if nothing ran."""
        return statistics.fmean(self._of_image) if self._of_image else None

    def inputs(self, split: str, images: NDArray[np.generic], view: View | None = None) -> ModelInputs:
        """The features of images, or of an augmented view of them.

        Returns:
            A memory-mapped array for each tensor of the cut.

        Raises:
            NoRoomError: they do not fit into the limit of the cache, or onto the disk.
        """
        cuts = (self.at,) if view else (self.at, *self.others)
        wanted = {self._wanted(one, split, len(images), view): one for one in cuts}
        own, *others = wanted

        def compute() -> None:
            missing = {one: at for one, at in wanted.items() if one == own or not self.store.has(one)}
            self._compute(missing, images, view)

        return self.store.get(own, compute, others)

    def _compute(self, missing: dict[Wanted, Boundary], images: NDArray[np.generic], view: View | None) -> None:
        together = dict(missing)
        while not self.store.fits(list(together)) and len(together) > 1:
            together.popitem()
        with self.store.write(list(together)) as writers:
            batches = view.batches(images) if view else in_order([images], self.batch)
            self._fill(list(together.values()), writers, batches)
        self.computed += len(images)

    def _fill(
        self, boundaries: Sequence[Boundary], writers: Sequence[FeatureWriter], batches: Iterable[tuple[object, int]]
    ) -> None:
        lower = self._model(tuple(boundaries))
        for number, (batch, count) in enumerate(batches):
            begin = time.perf_counter()
            given = [np.asarray(one) for one in keras.tree.flatten(lower.predict_on_batch(batch))]
            if number:
                self._of_image.append((time.perf_counter() - begin) / len(given[0]))
            outputs = [one[:count] for one in given]
            for boundary, writer in zip(boundaries, writers, strict=True):
                writer.append(outputs[: len(boundary.handed)])
                outputs = outputs[len(boundary.handed) :]

    def _model(self, boundaries: tuple[Boundary, ...]) -> keras.Model:
        if boundaries not in self._lower:
            lower = lower_model(self.assembled, boundaries)
            lower.compile(optimizer=None, jit_compile=self.jit)
            self._lower[boundaries] = lower
        return self._lower[boundaries]

    def _wanted(self, at: Boundary, split: str, images: int, view: View | None) -> Wanted:
        handed = [[one.place, list(one.shape), one.dtype] for one in at.handed]
        made = {**self.made_from, "split": split, "cut": json.dumps(handed)}
        if view is not None:
            made |= {"view": str(view.number), "augmentation": view.augmentation.model_dump_json()}
        return Wanted(made, at.handed, images)
