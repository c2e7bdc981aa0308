"""Backbones of keras-cv-attention-models, which the extra `kecam` installs."""

from collections.abc import Iterable

from tlbench.backbones.spec import BackboneInfo

PACKAGE = "keras_cv_attention_models"


def backbones() -> Iterable[BackboneInfo]:
    """M. Ding and others, DaViT: Dual Attention Vision Transformers, ECCV 2022."""
    yield BackboneInfo(
        name="DaViT_T",
        family="DaViT",
        module=None,
        default_size=224,
        min_size=33,  # below, its windows are single pixels
        scaling="torch",
        constructor="tlbench.modeling.kecam:construct",
        loader="tlbench.modeling.kecam:load",
        needs=(PACKAGE, "kecam"),
    )
