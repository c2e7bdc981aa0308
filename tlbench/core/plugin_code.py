"""What the results of plugins depend on: digests of their code, and versions of packages that it uses.

Imports are read from the source, not from `sys.modules`, so that every process of a run finds the same, also where a
function imports only when it is called. Nothing is imported for it.
"""

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path

from tlbench.core import plugin_files
from tlbench.core.files import state_of

BY_VERSION = frozenset(
    (
        "tlbench",
        "keras",
        "keras_cv_attention_models",
        "keras_hub",
        "tensorflow",
        "jax",
        "torch",
        "numpy",
        "PIL",
        "scipy",
    )
)
"""Packages whose code is known by the version that every record has of them."""
WITHOUT_EFFECT = frozenset(("click", "pandas", "pydantic", "rich"))
"""Packages that tlbench itself needs and that change no number."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
TARGET = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*):[A-Za-z_]\w*")
"""A function as a plugin names it in a text: ``package.module:function``."""


@dataclass(frozen=True)
class Code:
    """The code of plugins.

    Attributes:
        digests: SHA-256 of each plugin file, and of each package and module that it or an entry point is made of.
        versions: versions of installed packages that have an entry point, or that this code imports.
    """

    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: "Code") -> "Code":
        return Code(self.digests | other.digests, self.versions | other.versions)


def of_files(groups: Collection[str] = plugin_files.GROUPS) -> Code:
    """The code of the plugin files that add to one of `groups`: these files, and what they import."""
    imports = [name for file in plugin_files.adding(groups) for name in _imports(file.source)]
    imported = _closure(imports)
    return Code(imported.digests | plugin_files.hashes(groups), imported.versions)


def of_point(point: EntryPoint) -> Code:
    """The code of an entry point: all of its package, what that imports, and the version that is installed."""
    version = {point.dist.name: point.dist.version} if point.dist else {}
    return Code(versions=version) | of_module(point.module)


def of_module(module: str) -> Code:
    """The code of a module: all of its package, and what that imports. Empty for a package of `BY_VERSION`."""
    for file in plugin_files.loaded():
        if file.module == module:
            return Code({file.label: file.sha256}) | _closure(_imports(file.source))
    return _closure([], [module])


def version(package: str) -> dict[str, str]:
    """The name and version of the installed distribution that is called like a package; empty if there is none."""
    found = _distribution(package)
    return {found.name: found.version} if found else {}


@dataclass(frozen=True)
class _Unit:
    """A package with all its modules, or a module that is in no package."""

    label: str
    file: Path
    whole: bool

    @property
    def installed(self) -> bool:
        return not INSTALLED.isdisjoint(self.file.parts)

    def files(self) -> Iterator[tuple[str, Path]]:
        """The names and files of its modules."""
        if not self.whole:
            yield self.file.name, self.file
            return
        folder = self.file.parent
        for file in sorted(folder.rglob("*.py")):
            yield file.relative_to(folder).as_posix(), file


def _closure(imported: Iterable[str], own: Iterable[str] = ()) -> Code:
    """The code of modules and of everything that they import.

    Args:
        imported: modules that are followed unless they are installed packages, of which only the version counts.
        own: modules that are followed wherever they lie.
    """
    found, seen = Code(), set[str]()
    to_do = [*((name, True) for name in own), *((name, False) for name in imported)]
    while to_do:
        name, follow = to_do.pop(0)
        unit = _unit(name)
        if unit is None or unit.label in seen:
            continue
        seen.add(unit.label)
        if unit.installed and not follow:
            found |= Code(versions=version(name.partition(".")[0]))
            continue
        digest, imports = _read(unit)
        found |= Code({unit.label: digest})
        to_do += [(one, False) for one in sorted(imports)]
    return found


def _unit(name: str) -> _Unit | None:
    """The package or module to which the dotted `name` belongs; None if it has no file, or is of `BY_VERSION`."""
    top, *inner = name.split(".")
    if top in BY_VERSION | WITHOUT_EFFECT or top in sys.stdlib_module_names:
        return None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, AttributeError, ValueError):  # e.g. a module that a test has made
        return None
    while spec is not None and _is_namespace(spec) and inner:  # its parts may come from several packages
        top = f"{top}.{inner.pop(0)}"
        spec = PathFinder.find_spec(top, list(spec.submodule_search_locations or ()))
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    whole, path = spec.submodule_search_locations is not None, top.replace(".", "/")
    return _Unit(f"{path}/*.py" if whole else f"{path}.py", Path(spec.origin), whole)


def _is_namespace(spec: ModuleSpec) -> bool:
    return not spec.has_location and spec.submodule_search_locations is not None


def _read(unit: _Unit) -> tuple[str, set[str]]:
    """The digest of a unit, and what its modules import."""
    files = [(name, *_file(file, state_of(file))) for name, file in unit.files()]
    imports = {one for _, _, names in files for one in names}
    if not unit.whole:
        return files[0][1], imports
    return hashlib.sha256("".join(f"{name} {sha256}\n" for name, sha256, _ in files).encode()).hexdigest(), imports


@cache
def _file(file: Path, state: tuple[int, ...]) -> tuple[str, frozenset[str]]:
    """The SHA-256 of a file that is in this `state`, and what it imports."""
    try:
        source = file.read_bytes()
    except OSError:
        return "unreadable", frozenset()
    return hashlib.sha256(source).hexdigest(), _imports(source)


@cache
def _imports(source: bytes) -> frozenset[str]:
    """The modules that a source imports or names as text; an imported function may be among them as if it were one."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return frozenset()
    return frozenset(name for node in nodes for name in _named(node))


def _named(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom(module=str(module), level=0):
            yield from (f"{module}.{alias.name}" for alias in node.names)
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            yield module
        case ast.Constant(value=str(text)) if target := TARGET.fullmatch(text):
            yield target[1]


@cache
def _distribution(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except (PackageNotFoundError, ValueError):
        return None
