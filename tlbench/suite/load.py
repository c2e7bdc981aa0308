"""Load a suite file. Error messages name file, line and column."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tlbench.backbones import saved
from tlbench.core.cell import FILE
from tlbench.core.errors import UserError
from tlbench.core.files import absolute
from tlbench.core.settings import at_home
from tlbench.regression.gates import Gates
from tlbench.suite.document import Document, Loc, read_document
from tlbench.suite.named import find_suite
from tlbench.suite.schema import FallbackSection, GatesSection, SuiteFile
from tlbench.suite.variables import KEY


@dataclass(frozen=True)
class Suite:
    """A valid suite.

    Attributes:
        content: its keys and values.
        document: the file, for its text and the places of values.
        dataset_paths: absolute paths of folders and files with images, by the name of the data set.
        notes: sentences for the user where another file could have been meant.
    """

    content: SuiteFile
    document: Document
    dataset_paths: dict[str, Path]
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return Path(self.document.file)

    @property
    def name(self) -> str:
        """The name of the suite, and of the folder of its runs."""
        return self.content.name

    @property
    def text(self) -> str:
        """The text of the file, with variables replaced by their values."""
        return self.document.text

    @property
    def fallback(self) -> FallbackSection:
        """The stand-ins for images and weights that it allows."""
        return self.content.fallback

    @property
    def gates(self) -> Gates:
        """The smallest changes that count as regressions."""
        return self.content.gates.value()

    @property
    def timeout(self) -> float:
        """The longest time that training one cell may take, in seconds."""
        return self.content.timeout

    @property
    def memory(self) -> int | None:
        """The memory that one cell may use while it trains, in bytes; None sets no bound."""
        return self.content.memory

    @property
    def save_models(self) -> bool:
        """Whether trained models are saved."""
        return self.content.save_models

    @property
    def missing(self) -> tuple[str, ...]:
        """The images and saved models that the suite names but that do not exist."""
        content = self.content
        items = (*content.backbones, *(patch.backbone for patch in content.include if patch.backbone))
        models = [backbone.args for item in items for backbone in item.backbones if backbone.name == FILE]
        images = [str(path) for path in self.dataset_paths.values() if not path.exists()]
        return (*images, *(saved.called(args) for args in models if not saved.is_known(args)))

    @property
    def beside(self) -> dict[str, Path]:
        """The `dataset_paths` that the suite writes relative to itself."""
        written = {item.dataset.name: item.path for item in self.content.datasets if item.path is not None}
        return {
            name: path
            for name, path in self.dataset_paths.items()
            if not (Path(written[name]).is_absolute() or written[name].startswith("~"))
        }

    def misplaced(self, name: str) -> str | None:
        """A sentence if the path of a data set leads nowhere, but would from the working directory; else None."""
        path = self.beside.get(name)
        written = next((item.path for item in self.content.datasets if item.dataset.name == name), None)
        if path is None or written is None or path.exists() or not Path(written).exists():
            return None
        right = Path(os.path.relpath(written, self.path.resolve().parent)).as_posix()
        return (
            f"{name}: {path} does not exist; paths in a suite are relative to its file: from {self.path} it is "
            f"`path: {right}`"
        )

    def complain(self, loc: Loc, message: str) -> UserError:
        """A UserError about the value at `loc`, with its place in the file."""
        return UserError(self.document.error(loc, message))


def load_suite(suite: str | Path) -> Suite:
    """Load a suite from a file, or by the name of one that is bundled with tlbench.

    Raises:
        UserError: with one line per problem: ``file:line:column: what is wrong; what to do``.
    """
    place = find_suite(suite)
    path, document = place.path, read_document(place.path)
    try:
        content = SuiteFile.model_validate(
            {key: value for key, value in document.content.items() if not _is_helper(key)},
            context={"folder": path.parent},
        )
    except ValidationError as error:
        raise UserError("\n".join(_lines(document, error))) from error
    notes = (*place.notes, *_one_seed(document.content.get("seeds")))
    return Suite(content, document, _paths(document, content), notes)


def load_gates(file: Path) -> Gates:
    """The gates of a suite that was valid when its run was made.

    The rest of it is not looked at: it may need plugins that are not loaded now, or be of an older tlbench.

    Raises:
        UserError: the file is no YAML, or its gates are not valid, as in `load_suite`.
    """
    gates = read_document(file).content.get("gates", {})
    try:
        return GatesSection.model_validate(gates).value()
    except ValidationError:
        return load_suite(file).gates


def _one_seed(seeds: object) -> list[str]:
    """A note on a single seed that could be meant as a number of seeds."""
    if not isinstance(seeds, int) or seeds < 2:
        return []
    return [f"`seeds: {seeds}` is one seed with the number {seeds}; write `seeds: 0-{seeds - 1}` for {seeds} seeds"]


def _paths(document: Document, content: SuiteFile) -> dict[str, Path]:
    """Absolute paths of the data sets that have one, by name.

    Raises:
        UserError: two data sets have the same name, and one of them a path. Without paths they differ in arguments.
    """
    paths: dict[str, Path | None] = {}
    for index, item in enumerate(content.datasets):
        name, path = item.dataset.name, None
        if item.path is not None:
            path = absolute(Path(document.file).parent / at_home(item.path, name))
        if name in paths and (path or paths[name]):
            raise UserError(document.error(("datasets", index), f"a second data set named {name!r}; names must differ"))
        paths[name] = path
    return {name: path for name, path in paths.items() if path is not None}


def _is_helper(key: str) -> bool:
    """Whether a top-level key only helps to write the file: ``x-...`` holds YAML anchors, `vars` names variables."""
    return key.startswith("x-") or key == KEY


def _lines(document: Document, error: ValidationError) -> list[str]:
    """The messages of a validation error, without repetitions."""
    return list(dict.fromkeys(_line(document, problem) for problem in error.errors()))


def _line(document: Document, problem: ErrorDetails) -> str:
    loc = _as_written(document.content, problem["loc"])
    if problem["type"] == "missing":
        return document.error(loc[:-1], f"{_path(loc[:-1])}key {loc[-1]!r} is missing")
    context = problem.get("ctx", {})
    key = context.get("key")
    if key is not None:
        return document.error((*loc, key), f"{_path(loc)}{context['message']}", at_key=True)
    return document.error(loc, f"{_path(loc)}{context.get('message', problem['msg'])}")


def _as_written(content: Any, loc: Loc) -> Loc:
    """`loc` as a path in the file, where a list of one may be written as a single item, without an index."""
    written: list[str | int] = []
    for part in loc:
        if isinstance(part, int) and not isinstance(content, list):
            continue
        written.append(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):  # a missing key, or a part that pydantic adds
            content = None
    return tuple(written)


def _path(loc: Loc) -> str:
    names = [str(part) for part in loc if isinstance(part, str)]
    return ".".join(names) + ": " if names else ""
