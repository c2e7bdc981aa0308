"""Change the images and labels of a batch: RandAugment, mixup, CutMix, soft labels.

Mixing changes labels too, which layers in front of a model cannot do, so batches are changed when they are made. Random
numbers depend only on the seed, the epoch and the batch. NumPy only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.core.training import Training
from tlbench.training.rand_augment import rand_augment

Numbers = NDArray[Any]


@dataclass(frozen=True)
class BatchChange:
    """Changes batches as the settings of training ask; `units` is the width of the classifier."""

    training: Training
    units: int

    def __call__(self, images: Numbers, labels: Numbers, draw: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Change one batch: RandAugment first, then either mixup or CutMix (chosen at random, as in timm).

        Args:
            images: images (N, H, W, 3), or features if images are not changed.
            labels: class indices (N,).
            draw: the random generator of this batch.

        Returns:
            The images, and labels as the loss needs them: class indices (N,), or soft labels (N, units).
        """
        settings = self.training
        if settings.rand_augment:
            changes = settings.rand_augment
            images = rand_augment(np.asarray(images, np.uint8), changes.operations, changes.magnitude, draw)
        if not settings.soft_labels:
            return images, labels
        soft = in_parts(labels, self.units)
        if not settings.mixes:
            return images, soft
        cuts = bool(settings.cutmix) and (not settings.mixup or draw.random() < 0.5)
        partner = draw.permutation(len(labels))
        alpha = settings.cutmix if cuts else settings.mixup
        share = draw.beta(alpha, alpha)
        images, share = cutmix(images, partner, share, draw) if cuts else (mixup(images, partner, share), share)
        return images, (share * soft + (1 - share) * soft[partner]).astype(np.float32)


def in_parts(labels: Numbers, units: int) -> NDArray[np.float32]:
    """Class indices (N,) as one-hot labels (N, units); for a single unit, the probability of class 1 (N, 1)."""
    return labels[:, None].astype(np.float32) if units == 1 else np.eye(units, dtype=np.float32)[labels]


def mixup(images: Numbers, partner: NDArray[np.int64], share: float) -> Numbers:
    """``share * image + (1 - share) * partner`` for each image, rounded if images are uint8.

    H. Zhang et al., "mixup: Beyond Empirical Risk Minimization" (ICLR 2018), section 2; with one share per batch, as in
    their code.
    """
    mixed = share * images.astype(np.float32) + (1 - share) * images[partner].astype(np.float32)
    return (np.rint(mixed) if images.dtype == np.uint8 else mixed).astype(images.dtype)


def cutmix(
    images: Numbers, partner: NDArray[np.int64], share: float, draw: np.random.Generator
) -> tuple[Numbers, float]:
    """Replace a box in each image by the same box of its partner.

    S. Yun et al., "CutMix" (ICCV 2019), section 3.2 and algorithm A1: the box has `1 - share` of the area and its
    center anywhere in the image, and is clipped at the edges.

    Returns:
        The images, and the share of each that is left, which is larger than `share` if the box was clipped.
    """
    height, width = images.shape[1:3]
    side = np.sqrt(1 - share)
    box = []
    for length in (height, width):
        middle, half = draw.integers(length), int(side * length) // 2
        box.append(slice(max(0, middle - half), min(length, middle + half)))
    mixed = images.copy()
    mixed[:, box[0], box[1]] = images[partner][:, box[0], box[1]]
    area = (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
    return mixed, 1 - area / (height * width)
