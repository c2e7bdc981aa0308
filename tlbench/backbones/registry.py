"""Backbones by name, from all sources. Pure: plan and list need no Keras."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cache

from tlbench.backbones import classic, keras_applications
from tlbench.backbones.spec import BackboneInfo
from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry

Source = Callable[[], Iterable[BackboneInfo]]
SOURCES: Registry[Source] = Registry(
    "source of backbones",
    "tlbench.backbones",
    {"keras.applications": keras_applications.backbones, "classic": classic.backbones},
    plural="sources of backbones",
)


@cache
def _all() -> dict[str, BackboneInfo]:
    """Raises UserError where two sources have a backbone of one name."""
    backbones: dict[str, BackboneInfo] = {}
    origin: dict[str, str] = {}
    for source, list_ in SOURCES.items():
        for info in list_():
            if info.name in backbones:
                raise UserError(
                    f"sources {origin[info.name]!r} and {source!r} both have a backbone {info.name!r}; "
                    "uninstall the package of one of them"
                )
            backbones[info.name], origin[info.name] = info, source
    return backbones


def names() -> tuple[str, ...]:
    """All backbones, source by source, family by family."""
    return tuple(_all())


def get(name: str) -> BackboneInfo:
    """What is known of a backbone. Raises KeyError for an unknown name."""
    return _all()[name]


def expand_pattern(pattern: str) -> tuple[str, ...]:
    """The names that a shell pattern (``MobileNet*``) stands for, or none; ``all``: all that are pretrained."""
    if pattern == "all":
        return tuple(name for name, info in _all().items() if info.pretrained)
    return tuple(name for name in names() if fnmatchcase(name, pattern))
