"""Registries that other packages can add to: what is built in, and entry points of installed packages.

A package adds an entry to its pyproject.toml, and nothing in tlbench changes::

    [project.entry-points."tlbench.strategies"]
    last_blocks = "my_package.last_blocks:LastBlocks"
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from tlbench.core.errors import UserError, nearest

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Things of one `kind` by name, those built in first, then those of entry points in `group`, sorted by name.

    Names of entry points are known without importing anything; what is behind one is imported when it is asked for.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, T], plural: str = "") -> None:
        self.kind, self.plural, self.group = kind, plural or f"{kind}s", group
        self._builtin, self._loaded = dict(builtin), dict[str, T]()

    def __getitem__(self, name: str) -> T:
        """Raises KeyError for an unknown name, UserError for an entry point that cannot be imported."""
        if name in self._builtin:
            return self._builtin[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(self._plugins[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._builtin
        yield from self._plugins

    def __len__(self) -> int:
        return len(self._builtin) + len(self._plugins)

    def unknown(self, name: str) -> str:
        """``there is no head 'gab'; did you mean 'gap'?``"""
        return f"there is no {self.kind} {name!r}; {nearest(name, list(self), self.plural)}"

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        """Entry points by name. Raises UserError where two things have one name: neither may win unseen."""
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

    def _load(self, point: EntryPoint) -> T:
        try:
            plugin: T = point.load()
        except Exception as error:
            raise UserError(
                f"{self.kind} {point.name!r} of {_package(point)} cannot be imported from {point.value} "
                f"({type(error).__name__}: {error}); mend or uninstall that package"
            ) from error
        return plugin


def resolve(target: str) -> Callable[..., Any]:
    """The function behind ``package.module:function``: how rooms without a framework name work of those with one."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name}" if point.dist else f"entry point {point.value}"
