"""Backbones of keras-cv-attention-models, which needs the extra `kecam`."""

from collections.abc import Iterable

from tlbench.backbones.spec import BackboneInfo

PACKAGE = "keras_cv_attention_models"


def backbones() -> Iterable[BackboneInfo]:
    """DaViT: M. Ding et al., DaViT: Dual Attention Vision Transformers, ECCV 2022."""
    yield BackboneInfo(
        name="DaViT_T",
        family="DaViT",
        module=None,
        default_size=224,
        min_size=33,  # with smaller images, its windows are single pixels
        scaling="torch",
        constructor="tlbench.modeling.kecam:construct",
        loader="tlbench.modeling.kecam:load",
        needs=(PACKAGE, "kecam"),
    )
