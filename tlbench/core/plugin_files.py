"""Plugin files: a Python file that adds to registries without being installed, by a table of its own::

    ENTRY_POINTS = {"tlbench.strategies": {"last_layers": LastLayers}}

Only files that the user names are executed, with `--plugin my.py` or `plugins=` of the API; a suite cannot name one.
All processes of a run execute the bytes that were read first, even if the file changes meanwhile.
"""

import ast
import hashlib
import importlib.abc
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tlbench.core.errors import UserError, nearest

NUMBERS = ("tlbench.backbones", "tlbench.datasets", "tlbench.heads", "tlbench.strategies", "tlbench.executors")
"""Groups whose entries affect the numbers in a record."""
GROUPS = (*NUMBERS, "tlbench.metrics", "tlbench.views", "tlbench.formats", "tlbench.comparison_formats")
TABLE = "ENTRY_POINTS"


@dataclass(frozen=True)
class PluginFile:
    """The content of a plugin file.

    Attributes:
        path: absolute.
        label: the path relative to the working directory, or only the file's name where it lies elsewhere.
        source: the bytes that were read.
    """

    path: str
    label: str
    source: bytes

    @property
    def sha256(self) -> str:
        """The SHA-256 of the source."""
        return hashlib.sha256(self.source).hexdigest()

    @property
    def module(self) -> str:
        """The module's name, with a prefix that keeps it apart from installed modules."""
        return "tlbench_plugin_" + re.sub(r"\W", "_", Path(self.path).stem)


class Added(NamedTuple):
    """An object that a file adds to a registry, and the line that adds it (``my.py:12``)."""

    value: object
    place: str


_Table = Mapping[str, Mapping[str, Added]]
_loaded: dict[PluginFile, _Table] = {}


def load(path: Path) -> PluginFile:
    """Execute a plugin file and register its entries, in this process and in children that it starts later.

    A file that was loaded before is executed again only if it has changed.

    Raises:
        UserError: with the line, where the file cannot be read or executed, or its table is not valid.
    """
    try:
        file = PluginFile(str(path.expanduser().resolve()), _label(path.expanduser()), path.expanduser().read_bytes())
    except OSError as error:
        raise UserError(f"the plugin {path} cannot be read ({error.strerror}); name a Python file") from error
    if file not in _loaded:
        adopt([*(one for one in _loaded if one.path != file.path), file])
    return file


def adopt(files: Iterable[PluginFile]) -> None:
    """Register exactly these files in this process, in place of those registered before.

    Raises:
        UserError: as `load` does; nothing has changed then.
    """
    tables: dict[PluginFile, _Table] = {}
    for file in files:
        for other, table in tables.items():
            if other.module == file.module:
                raise UserError(f"the plugins {other.path} and {file.path} have one name; rename one of them")
            tables[other] = table
        tables[file] = _loaded[file] if file in _loaded else _table(file, _executed(file))
    _check_apart(tables.values())
    _loaded.clear()
    _loaded.update(tables)


def loaded() -> tuple[PluginFile, ...]:
    """The files registered in this process, in the order of registration."""
    return tuple(_loaded)


def added(group: str) -> dict[str, Added]:
    """The entries that plugin files add to a group of entry points, by name."""
    return {name: entry for table in _loaded.values() for name, entry in table.get(group, {}).items()}


def adding(groups: Collection[str]) -> tuple[PluginFile, ...]:
    """The files that add to one of `groups`."""
    return tuple(file for file, table in _loaded.items() if not table.keys().isdisjoint(groups))


def hashes(groups: Collection[str] = GROUPS) -> dict[str, str]:
    """The SHA-256 of each file that adds to one of `groups`, by the file's label."""
    return {file.label: file.sha256 for file in adding(groups)}


class _Read(importlib.abc.SourceLoader):
    """Loads a module from bytes that were read before, without reading or writing bytecode."""

    def __init__(self, file: PluginFile) -> None:
        self._file = file

    def get_data(self, path: str | bytes) -> bytes:
        del path
        return self._file.source

    def get_filename(self, fullname: str) -> str:
        del fullname
        return self._file.path


def _executed(file: PluginFile) -> ModuleType:
    """Execute the file as a module. Raises UserError with the line that failed."""
    spec = importlib.util.spec_from_loader(file.module, _Read(file))
    assert spec is not None
    assert spec.loader is not None
    module, before = importlib.util.module_from_spec(spec), sys.modules.get(file.module)
    sys.modules[file.module] = module  # where pydantic and pickle look classes up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(file.module)
        if before is not None:
            sys.modules[file.module] = before
        said = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(
            f"{file.label}:{_line_of(error, file)}: this plugin cannot be loaded ({type(error).__name__}: {said}); "
            "mend that line, or leave the plugin out"
        ) from error
    return module


def _line_of(error: BaseException, file: PluginFile) -> int:
    """The line of `file` that raised the error, or called the code that did."""
    if isinstance(error, SyntaxError) and error.filename == file.path:
        return error.lineno or 1
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file.path]
    return (lines[-1] if lines else None) or 1


def _table(file: PluginFile, module: ModuleType) -> _Table:
    """The entries of the module's table, by group and name. Raises UserError with the line that is not valid."""
    lines = dict(_lines(file))

    def complain(what: str, name: object = TABLE) -> UserError:
        return UserError(f"{file.label}:{lines.get(name, lines.get(TABLE, 1))}: {what}")

    given = getattr(module, TABLE, None)
    if not isinstance(given, Mapping) or not given:
        there = f"{TABLE} is {given!r}" if hasattr(module, TABLE) else f"this plugin has no {TABLE}"
        raise complain(f'{there}; write {TABLE} = {{"tlbench.strategies": {{"my_strategy": MyStrategy}}}}')
    table: dict[str, dict[str, Added]] = {}
    for group, entries in given.items():
        if group not in GROUPS:
            raise complain(f"there is no group {group!r}; {nearest(str(group), list(GROUPS), 'groups')}", group)
        if not isinstance(entries, Mapping):
            raise complain(f"{group} is {entries!r}; names with what each stands for belong there: {{...}}", group)
        for name in entries:
            if not isinstance(name, str) or not name:
                raise complain(f"{group}: {name!r} is no name; write it as text", group)
        label = f"{file.label}:"
        table[group] = {
            name: Added(value, label + str(lines.get(name, lines.get(group, 1)))) for name, value in entries.items()
        }
    return table


def _lines(file: PluginFile) -> Iterator[tuple[object, int]]:
    """Line numbers of the table and of the names in it, where the table is a literal."""
    for node in ast.walk(ast.parse(file.source)):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == TABLE for target in targets):
            yield TABLE, node.lineno  # type: ignore[attr-defined]
            for part in ast.walk(node):
                if isinstance(part, ast.Constant):
                    yield part.value, part.lineno


def _check_apart(tables: Iterable[_Table]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for table in tables:
        for group, entries in table.items():
            for name, entry in entries.items():
                if (group, name) in seen:
                    raise UserError(
                        f"{seen[group, name]} and {entry.place} both add {name!r} to {group}; rename one of them"
                    )
                seen[group, name] = entry.place


def _label(path: Path) -> str:
    """The path below the working directory, or the file's name: labels are published and must not show home folders."""
    inside = os.path.relpath(path.resolve())
    return path.name if inside.startswith(os.pardir) else Path(inside).as_posix()
