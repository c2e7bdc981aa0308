"""Read a suite file into a `Suite`; every complaint names file, line and column."""

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
from tlbench.suite.schema import FallbackSection, SuiteFile
from tlbench.suite.variables import KEY


@dataclass(frozen=True)
class Suite:
    """A suite file that has been understood. `dataset_paths` are folders the suite names, by data set.

    `notes`: a sentence for the user where another file could have been meant.
    """

    content: SuiteFile
    document: Document
    dataset_paths: dict[str, Path]
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file it was read from, which another process can be given."""
        return Path(self.document.file)

    @property
    def name(self) -> str:
        """The suite's name, as its runs' folder."""
        return self.content.name

    @property
    def text(self) -> str:
        """The file as it was read, values in the place of its variables."""
        return self.document.text

    @property
    def fallback(self) -> FallbackSection:
        """The stand-ins it allows."""
        return self.content.fallback

    @property
    def gates(self) -> Gates:
        """The changes that matter."""
        return self.content.gates.value()

    @property
    def timeout(self) -> float:
        """Seconds for one cell."""
        return self.content.timeout

    @property
    def memory(self) -> int | None:
        """Bytes of memory that one cell may have while it trains; None without a bound."""
        return self.content.memory

    @property
    def save_models(self) -> bool:
        """Whether the trained model of each cell is kept."""
        return self.content.save_models

    @property
    def missing(self) -> tuple[str, ...]:
        """Places of images, and saved models, that it names and that are not there."""
        content = self.content
        items = (*content.backbones, *(patch.backbone for patch in content.include if patch.backbone))
        named = [one.args for item in items for one in item.backbones if one.name == FILE]
        places = [str(path) for path in self.dataset_paths.values() if not path.exists()]
        return (*places, *(saved.called(args) for args in named if not saved.is_known(args)))

    def complain(self, loc: Loc, message: str) -> UserError:
        """A UserError at the place of `loc`."""
        return UserError(self.document.error(loc, message))


def load_suite(suite: str | Path) -> Suite:
    """Read a suite: a file, or the name of one that tlbench brings.

    Raises UserError with one line for each problem: ``file:line:column: what; way out``.
    """
    place = find_suite(suite)
    path, document = place.path, read_document(place.path)
    try:
        content = SuiteFile.model_validate(
            {key: value for key, value in document.content.items() if not _own(key)}, context={"folder": path.parent}
        )
    except ValidationError as error:
        raise UserError("\n".join(_lines(document, error))) from error
    return Suite(content, document, _paths(document, content), place.notes)


def _paths(document: Document, content: SuiteFile) -> dict[str, Path]:
    """The places that the suite names, by data set. Raises UserError where two data sets of one name are not one."""
    paths: dict[str, Path | None] = {}
    for index, item in enumerate(content.datasets):
        name, own = item.dataset.name, None
        if item.path is not None:
            own = absolute(Path(document.file).parent / at_home(item.path, name))
        if name in paths and (own or paths[name]):
            raise UserError(document.error(("datasets", index), f"a second data set named {name!r}; names must differ"))
        paths[name] = own
    return {name: path for name, path in paths.items() if path is not None}


def _own(key: str) -> bool:
    """Whether the key says nothing of the suite: a place for the user's anchors, or `vars`, which are filled in."""
    return key.startswith("x-") or key == KEY


def _lines(document: Document, error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        line = _line(document, problem)
        if line not in lines:
            lines.append(line)
    return lines


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
    """`loc` without the places of single items that stand for a list of one: in the file they are no lists."""
    written: list[str | int] = []
    for part in loc:
        if isinstance(part, int) and not isinstance(content, list):
            continue
        written.append(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):  # what is missing there, or a name of pydantic's own
            content = None
    return tuple(written)


def _path(loc: Loc) -> str:
    names = [str(part) for part in loc if isinstance(part, str)]
    return ".".join(names) + ": " if names else ""
