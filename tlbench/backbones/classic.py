"""Networks that courses build by hand. These versions have no ImageNet weights."""

from collections.abc import Iterable

from tlbench.backbones.spec import Auxiliary, BackboneInfo

NETWORKS = (
    ("AlexNet", 280, 37),
    ("GoogLeNet", 224, 32),
    ("SmallConvNet", 150, 46),
)
"""Name, default image size and smallest image size in pixels."""
AUXILIARY = {
    "GoogLeNet": Auxiliary(("block4a_concat", "block4d_concat"), "tlbench.modeling.classic:auxiliary_classifiers", 65)
}


def backbones() -> Iterable[BackboneInfo]:
    """All of them, oldest first."""
    for name, size, smallest in NETWORKS:
        yield BackboneInfo(
            name=name,
            family="classic",
            module=None,
            default_size=size,
            min_size=smallest,
            scaling="tf",
            constructor="tlbench.modeling.classic:construct",
            pretrained=False,
            auxiliary=AUXILIARY.get(name),
        )
