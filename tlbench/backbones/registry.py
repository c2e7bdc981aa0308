"""All backbones by name, from all sources. Needs no Keras."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb

from tlbench.backbones import classic, hub, kecam, keras_applications, saved
from tlbench.backbones.spec import BackboneInfo
from tlbench.core.cell import FILE, Named
from tlbench.core.errors import UserError
from tlbench.core.plugins import Registry

Source = Callable[[], Iterable[BackboneInfo]]
SOURCES: Registry[Source] = Registry(
    "source of backbones",
    "tlbench.backbones",
    {
        "keras.applications": keras_applications.backbones,
        "classic": classic.backbones,
        "keras-cv-attention-models": kecam.backbones,
        "keras-hub": hub.backbones,
    },
    plural="sources of backbones",
    of=Callable,
)


def _all() -> dict[str, BackboneInfo]:
    return _listed(tuple(SOURCES.items()))[0]


@cache
def _listed(sources: tuple[tuple[str, Source], ...]) -> tuple[dict[str, BackboneInfo], dict[str, str]]:
    """The backbones of all sources, and the source of each. Raises UserError if two have one of the same name."""
    backbones: dict[str, BackboneInfo] = {}
    origin: dict[str, str] = {}
    for source, list_ in sources:
        for info in _infos(source, list_):
            if info.name in backbones:
                raise UserError(
                    f"sources {origin[info.name]!r} and {source!r} both have a backbone {info.name!r}; "
                    "rename it in one of them, or remove one of the sources"
                )
            backbones[info.name], origin[info.name] = info, source
    return backbones, origin


def _infos(source: str, list_: Source) -> list[BackboneInfo]:
    """The backbones of a source. Raises UserError if the source fails (with the line) or lists something else."""
    try:
        infos = list(list_())
    except Exception as error:
        frame = extract_tb(error.__traceback__)[-1]
        place, what = f"{Path(frame.filename).name}:{frame.lineno}", f"{type(error).__name__}: {error}"
        raise UserError(f"{place}: the source of backbones {source!r} cannot list them ({what}); correct it") from error
    for info in infos:
        if not isinstance(info, BackboneInfo):
            raise UserError(
                f"the source of backbones {source!r} lists {info!r}, but must list BackboneInfo; correct it"
            )
    return infos


def names() -> tuple[str, ...]:
    """The names of all backbones, by source and family."""
    return tuple(_all())


def get(name: str) -> BackboneInfo:
    """The description of a backbone, without arguments. Raises KeyError for an unknown name."""
    return saved.INFO if name == FILE else _all()[name]


def package_of(name: str) -> EntryPoint | None:
    """The entry point of the package whose source lists a backbone; None if that is tlbench, a file, or unknown."""
    source = None if name == FILE else _listed(tuple(SOURCES.items()))[1].get(name)
    return None if source is None else SOURCES.package_of(source)


def of(backbone: Named) -> BackboneInfo:
    """The description of a backbone with its arguments.

    Raises:
        UserError: the arguments do not fit together, or the saved model does not exist.
    """
    if backbone.name == FILE:
        return saved.info_of(backbone.args)
    info = get(backbone.name)
    if info.of_args is None:
        return info
    try:
        return replace(info, **info.of_args(backbone.args))
    except ValueError as error:
        raise UserError(f"{backbone.label}: {error}") from error


def check_installed(wanted: Iterable[Named]) -> None:
    """Raise UserError if a backbone needs a package that is not installed."""
    for backbone in wanted:
        needs = of(backbone).needs
        if needs is not None and find_spec(needs[0]) is None:
            raise UserError(
                f"backbone {backbone.label} needs the package {needs[0].replace('_', '-')}; "
                f"`pip install 'tlbench[{needs[1]}]'` installs it"
            )


def expand_pattern(pattern: str) -> tuple[str, ...]:
    """The names of backbones that match a shell pattern (``MobileNet*``).

    ``all`` stands for all that have pretrained weights and need no extra package. Backbones that need one match a
    pattern only if no others do, so that patterns do not change their meaning with an extra.
    """
    if pattern == "all":
        return tuple(name for name, info in _all().items() if info.pretrained and info.needs is None)
    fitting = tuple(name for name in names() if fnmatchcase(name, pattern))
    return tuple(name for name in fitting if get(name).needs is None) or fitting
