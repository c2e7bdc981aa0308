"""Read YAML into plain values, with the line and column of each key and value for error messages."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tlbench.core.errors import UserError
from tlbench.suite.variables import fill

Loc = tuple[str | int, ...]
Place = tuple[int, int]
MOST_BYTES, MOST_NODES, DEEPEST = 2**20, 20_000, 60
"""Limits on a file: far more than a suite needs, and read within a second."""
SURPRISING_NUMBERS = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9_]+(:[0-9]+)+")
"""Integers in base 8 and 60, which YAML 1.1 allows: ``0224`` would be 148, and ``1:30`` would be 90."""
FORBIDDEN = re.compile("[\0\ud800-\udfff]")
"""Characters that no name, path or text can have: NUL, and halves of UTF-16 surrogate pairs."""
LONGEST = 60
"""How many characters of a value an error message shows."""
SHORTER = "seeds can be a range (seeds: 0-99), and lists of settings span a matrix"


@dataclass(frozen=True)
class Document:
    """A parsed file.

    Attributes:
        file: its path, as error messages show it.
        text: its text, with variables replaced by their values.
        content: its content as plain Python values.
        values: line and column, from 1, of each value, by the path of keys and indices that leads to it.
        keys: likewise of each key.
    """

    file: str
    text: str
    content: Any
    values: Mapping[Loc, Place]
    keys: Mapping[Loc, Place]

    def error(self, loc: Loc, message: str, *, at_key: bool = False) -> str:
        """``file:line:column: message`` for the value at `loc`, or for the nearest enclosing value with a place.

        Args:
            loc: the path of keys and indices that leads to the value.
            message: what is wrong.
            at_key: point to the key instead of the value.
        """
        for length in range(len(loc), -1, -1):
            places = self.keys if at_key and length == len(loc) else self.values
            if loc[:length] in places:
                line, column = places[loc[:length]]
                return f"{self.file}:{line}:{column}: {message}"
        return f"{self.file}:1:1: {message}"


def read_document(path: Path) -> Document:
    """Read a YAML mapping from a file. Raises UserError, with file, line and column where there is one."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UserError(f"{path} has more than {MOST_BYTES // 2**20} MiB; {SHORTER}")
        text = content.decode()
    except FileNotFoundError:
        raise UserError(f"the suite file {path} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; name the suite file in it") from None
    except UnicodeDecodeError as error:
        if _is_binary(content):
            raise UserError(f"{path} is no suite: it is no text file; `tlbench init` writes one") from None
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError:
        raise UserError(f"{str(path)!r} is no path of a file") from None
    return parse_document(text, str(path))


def _is_binary(content: bytes) -> bool:
    """Whether a file that is not UTF-8 is no text, as an image; text in UTF-16 or UTF-32 begins with its mark."""
    return b"\0" in content and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))


def parse_document(text: str, file: str) -> Document:
    """Parse a YAML mapping. Raises UserError as `read_document`; `file` is how messages name it."""
    try:
        loader = _Loader(text)
        loader.file = file
        node = loader.get_single_node()
        reader = _Reader(loader, file)
        if node is not None:
            text = fill(node, text, loader.tag_of, reader.error)
        content = reader.read(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise UserError(f"{where}: this is no YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{file}: this is no YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise UserError(f"{file}: mappings merge each other more often than a suite needs") from error
    if content is None:
        raise UserError(
            f"{file}:1:1: the file is empty; a suite needs at least name, datasets, backbones and strategies, and "
            "train where something is trained in steps"
        )
    if not isinstance(content, dict):
        what = "text" if isinstance(content, str) else "a list" if isinstance(content, list) else "a single value"
        keys = "a suite has keys such as `name:` and `datasets:`; `tlbench init` writes one"
        raise UserError(f"{file}:1:1: this is no suite but {what}; {keys}")
    return Document(file, text, content, reader.values, reader.keys)


class _Loader(yaml.SafeLoader):
    """A safe YAML loader that stops at the limits on nodes and depth, before it has built the whole tree."""

    file, made, depth = "", 0, 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node, and count it towards the limits."""
        self.made, self.depth = self.made + 1, self.depth + 1
        place = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.made > MOST_NODES:
            raise _error(self.file, place, f"more than {MOST_NODES} values; {SHORTER}")
        if self.depth > DEEPEST:
            raise _error(self.file, place, f"values stand in each other more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def tag_of(self, word: str) -> str:
        """The YAML tag of a plain scalar: that of a number, of text, ..."""
        return str(self.resolve(yaml.ScalarNode, word, (True, False)))  # type: ignore[no-untyped-call]

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Resolve merge keys (``<<``). Checked here as well, because nested merges can double at every level."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_NODES:
            raise _error(self.file, node.start_mark, f"more than {MOST_NODES} values; too much is merged here")


@dataclass
class _Reader:
    """Turns nodes into plain values and notes their places; aliases are expanded, so they count again."""

    loader: _Loader
    file: str
    values: dict[Loc, Place] = field(default_factory=dict)
    keys: dict[Loc, Place] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    count: int = 0

    def read(self, node: yaml.Node, loc: Loc) -> Any:
        self.count += 1
        if self.count > MOST_NODES:
            raise self.error(node, f"more than {MOST_NODES} values; aliases repeat too much here")
        if len(self.open) > DEEPEST:
            raise self.error(node, f"values stand in each other more than {DEEPEST} deep")
        if id(node) in self.open:
            raise self.error(node, "this alias stands inside what it repeats")
        self.values[loc] = _place(node)
        self.open.append(id(node))
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, loc)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.read(item, (*loc, index)) for index, item in enumerate(node.value)]
        else:
            value = self._scalar(node)
        self.open.pop()
        return value

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        first: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "a key is a plain word here")
            if FORBIDDEN.search(key.value):
                raise self.error(key, "a character stands here that no key can have")
            if key.value in first and key.tag != "tag:yaml.org,2002:merge":
                line = first[key.value].start_mark.line + 1
                raise self.error(key, f"key {key.value!r} stands here a second time; the first is on line {line}")
            first[key.value] = key
        self.loader.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key, value in node.value:
            self.keys[(*loc, key.value)] = _place(key)
            found[key.value] = self.read(value, (*loc, key.value))
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise self.error(node, f"the tag {node.tag} is not known here")
        kind, text = node.tag.rpartition(":")[2], str(node.value)
        if FORBIDDEN.search(text):
            raise self.error(node, "a character stands here that no file or name can have")
        if kind == "int" and SURPRISING_NUMBERS.fullmatch(text):
            raise self.error(
                node, f"{shortened(text)} is another number in YAML; write it without 0 and :, or in quotes"
            )
        try:
            return self.loader.construct_object(node)
        except yaml.MarkedYAMLError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise self.error(node, f"{shortened(text)!r} is no {kind}") from error

    def error(self, node: yaml.Node, message: str) -> UserError:
        """A UserError with the place of `node`."""
        return _error(self.file, node.start_mark, message)


def _error(file: str, mark: Any, message: str) -> UserError:
    return UserError(f"{file}:{mark.line + 1}:{mark.column + 1}: {message}")


def shortened(text: str) -> str:
    """`text`, cut to `LONGEST` characters."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
