"""Backbones by name. Pure: plan and list need no Keras."""

from fnmatch import fnmatchcase
from functools import cache

from tlbench.backbones import keras_applications
from tlbench.backbones.spec import BackboneInfo


@cache
def _all() -> dict[str, BackboneInfo]:
    return {info.name: info for info in keras_applications.backbones()}


def names() -> tuple[str, ...]:
    """All backbones, family by family."""
    return tuple(_all())


def get(name: str) -> BackboneInfo:
    """What is known of a backbone. Raises KeyError for an unknown name."""
    return _all()[name]


def expand_pattern(pattern: str) -> tuple[str, ...]:
    """The names that ``all`` or a shell pattern (``MobileNet*``) stands for; none where nothing matches."""
    if pattern == "all":
        return names()
    return tuple(name for name in names() if fnmatchcase(name, pattern))
