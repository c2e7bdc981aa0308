"""What settings of training make of a batch: changed images, mixed images, labels in parts. NumPy alone.

Labels change with their images, which layers in front of a model cannot do; so it is done where batches are made, with
random numbers that follow from the seed, the epoch and the batch alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.core.cell import Training
from tlbench.training.rand_augment import rand_augment

Numbers = NDArray[Any]


@dataclass(frozen=True)
class BatchChange:
    """Called with a batch and random numbers. units: of the classifier; one sigmoid unit takes one number a label."""

    training: Training
    units: int

    def __call__(self, images: Numbers, labels: Numbers, draw: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Images (N, H, W, 3), or features where they are not changed, and labels (N,) as the loss takes them.

        RandAugment comes first, then mixing. With both mixup and CutMix, each batch takes one of the two, as timm does.
        """
        asked = self.training
        if asked.rand_augment:
            changes = asked.rand_augment
            images = rand_augment(np.asarray(images, np.uint8), changes.operations, changes.magnitude, draw)
        if not asked.soft_labels:
            return images, labels
        parts = in_parts(labels, self.units)
        if not asked.mixes:
            return images, parts
        cuts = bool(asked.cutmix) and (not asked.mixup or draw.random() < 0.5)
        partner = draw.permutation(len(labels))
        alpha = asked.cutmix if cuts else asked.mixup
        share = draw.beta(alpha, alpha)
        images, share = cutmix(images, partner, share, draw) if cuts else (mixup(images, partner, share), share)
        return images, (share * parts + (1 - share) * parts[partner]).astype(np.float32)


def in_parts(labels: Numbers, units: int) -> NDArray[np.float32]:
    """Labels (N,) as parts of classes (N, units); for one unit, the part of class 1."""
    return labels[:, None].astype(np.float32) if units == 1 else np.eye(units, dtype=np.float32)[labels]


def mixup(images: Numbers, partner: NDArray[np.int64], share: float) -> Numbers:
    """Each image and `1 - share` of its partner, pixel by pixel; of bytes, rounded.

    H. Zhang and others, "mixup: Beyond Empirical Risk Minimization" (ICLR 2018), §2; one share a batch, as their code.
    """
    mixed = share * images.astype(np.float32) + (1 - share) * images[partner].astype(np.float32)
    return (np.rint(mixed) if images.dtype == np.uint8 else mixed).astype(images.dtype)


def cutmix(
    images: Numbers, partner: NDArray[np.int64], share: float, draw: np.random.Generator
) -> tuple[Numbers, float]:
    """Each image with a box of its partner's, and the share of the image that is left.

    S. Yun and others, "CutMix" (ICCV 2019), §3.2 and algorithm A1: the box has `1 - share` of the area, its centre lies
    anywhere, and what is outside the image is cut off, so that the share is that of the box that is there.
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
