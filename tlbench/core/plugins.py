"""Registries of named objects, which packages can extend through entry points.

A package adds an entry to its pyproject.toml::

    [project.entry-points."tlbench.strategies"]
    last_blocks = "my_package.last_blocks:LastBlocks"

A plugin file adds entries without being installed (`tlbench.core.plugin_files`).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, packages_distributions, version
from typing import Any, Generic, TypeVar

from tlbench.core import plugin_code, plugin_files
from tlbench.core.errors import UserError, nearest
from tlbench.core.plugin_files import Added

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Objects of one kind by name: built-in ones, then those of entry points by name, then those of plugin files.

    Listing the names imports nothing. The object of an entry point is imported when it is looked up.

    Args:
        kind: the kind of the objects in the singular, for messages.
        group: the group of the entry points.
        builtin: the objects that are part of tlbench.
        plural: the plural of `kind`; by default `kind` with an s.
        of: the class that every object must be an instance of.
        subclass: whether every object must be a subclass of `of` instead.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, T],
        plural: str = "",
        *,
        of: Any = object,
        subclass: bool = False,
    ) -> None:
        self.kind, self.plural, self.group = kind, plural or f"{kind}s", group
        self._of, self._subclass = of, subclass
        self._builtin, self._loaded = dict(builtin), dict[str, T]()

    def __getitem__(self, name: str) -> T:
        """The object called `name`.

        Raises:
            KeyError: there is no such name.
            UserError: the object cannot be imported, or has the wrong type.
        """
        if name in self._builtin:
            return self._builtin[name]
        if (entry := self._files().get(name)) is not None:
            return self._checked(entry.value, f"{entry.place}: {self.kind} {name!r}")
        if name not in self._loaded:
            self._loaded[name] = self._load(self._plugins[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._builtin
        yield from self._plugins
        yield from self._files()

    def __len__(self) -> int:
        return len(self._builtin) + len(self._plugins) + len(self._files())

    def package_of(self, name: str) -> EntryPoint | None:
        """The entry point of the package that adds `name`; None if no package does."""
        return None if name in self._builtin else self._plugins.get(name)

    def unknown(self, name: str) -> str:
        """The message for an unknown name: ``there is no head 'gab'; did you mean 'gap'?``"""
        return f"there is no {self.kind} {name!r}; {nearest(name, list(self), self.plural)}"

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        """Entry points by name. Raises UserError where two objects have the same name."""
        plugins: dict[str, EntryPoint] = {}
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            if point.name in self._builtin:
                raise UserError(
                    f"{_package(point)} adds a {self.kind} {point.name!r}, which tlbench has itself; rename it"
                )
            if point.name in plugins and plugins[point.name].value != point.value:
                packages = f"{_package(plugins[point.name])} and {_package(point)}"
                raise UserError(f"{packages} both add a {self.kind} {point.name!r}; uninstall one of them")
            plugins[point.name] = point
        return plugins

    def _files(self) -> dict[str, Added]:
        """The entries of plugin files by name. Raises UserError where a name is taken."""
        entries = plugin_files.added(self.group)
        for name, entry in entries.items():
            if name in self._builtin or name in self._plugins:
                whose = "tlbench has itself" if name in self._builtin else f"{_package(self._plugins[name])} adds too"
                raise UserError(f"{entry.place} adds a {self.kind} {name!r}, which {whose}; rename it")
        return entries

    def _load(self, point: EntryPoint) -> T:
        try:
            plugin: T = point.load()
        except Exception as error:
            raise UserError(
                f"{self.kind} {point.name!r} of {_package(point)} cannot be imported from {point.value} "
                f"({type(error).__name__}: {error}); mend or uninstall that package"
            ) from error
        return self._checked(plugin, f"{self.kind} {point.name!r} of {_package(point)}")

    def _checked(self, value: Any, what: str) -> T:
        """`value` if it has the right type. Raises UserError, which calls it `what`, otherwise."""
        fits = (
            isinstance(value, type) and issubclass(value, self._of) if self._subclass else isinstance(value, self._of)
        )
        if not fits:
            wanted = f"{'a subclass' if self._subclass else 'an instance'} of {self._of.__name__}"
            wanted = "a function" if self._of is Callable else wanted
            raise UserError(f"{what} is {value!r}, and must be {wanted}; docs/extending.md shows one")
        checked: T = value
        return checked


def resolve(target: str) -> Callable[..., Any]:
    """Import the function at ``package.module:function``.

    Packages of tlbench that must not import a framework refer to functions of those that do by such names.
    """
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def code_of(module: str) -> str:
    """A fingerprint of the code of a module: the version of its package, and a SHA-256 of its code.

    The code is that of the whole package and of what it imports (`plugin_code`); for packages that are known by their
    version it is the module's file. For a plugin file that imports nothing else it is the SHA-256 of the bytes that
    were executed. It is empty for a module without a file.
    """
    code = plugin_code.of_module(module)
    if code.digests:
        (first, *others), text = code.digests.values(), json.dumps([code.digests, code.versions], sort_keys=True)
        sha256 = hashlib.sha256(text.encode()).hexdigest() if others or code.versions else first
        return " ".join([*plugin_code.version(module.partition(".")[0]).values(), sha256])
    imported = import_module(module)
    read, file = getattr(imported.__loader__, "get_data", None), getattr(imported, "__file__", None)
    sha256 = hashlib.sha256(read(file)).hexdigest() if read and file else ""
    return f"{version_of(module.partition('.')[0])} {sha256}".strip()


@cache
def version_of(package: str) -> str:
    """The version of the installed distribution that provides `package`; empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ", ".join(version(name) for name in sorted(set(packages_distributions().get(package, ()))))


def _package(point: EntryPoint) -> str:
    """The package of an entry point, for messages."""
    return f"package {point.dist.name}" if point.dist else f"entry point {point.value}"
