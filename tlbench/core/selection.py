"""Choose cells of a suite: those that match the terms of `--select`, or a part of them for `--shard`. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tlbench.core.cell import Cell
from tlbench.core.errors import UserError, argument, nearest, nearest_pattern

KEYS: dict[str, Callable[[Cell], list[str]]] = {
    "id": lambda cell: [cell.id],
    "backbone": lambda cell: [cell.backbone.name, cell.backbone.label],
    "dataset": lambda cell: [cell.dataset.name, cell.dataset.label],
    "strategy": lambda cell: [cell.strategy.name, cell.strategy.label],
    "head": lambda cell: [cell.head.name, cell.head.label],
    "seed": lambda cell: [str(cell.seed)],
    "backend": lambda cell: [cell.backend],
    "precision": lambda cell: [cell.precision],
}


class NothingSelectedError(UserError):
    """Each term matches some cell of the suite, but no cell matches all of them."""

    exit_code = 3


PART = re.compile(r""""[^"]*"|'[^']*'|[^\s,"'][^\s,]*""")
"""A pattern in a term, in quotes if it contains blanks or commas."""


@dataclass(frozen=True)
class Term:
    """A term of a selection.

    Attributes:
        text: the term as it was written.
        key: what it selects by; one of `KEYS` in a valid term.
        patterns: shell patterns, one of which must match; empty if the term is malformed.
    """

    text: str
    key: str
    patterns: tuple[str, ...]


def select(cells: Sequence[Cell], expression: str, called: str = "") -> tuple[Cell, ...]:
    """The cells that match every term of `expression`, in their original order.

    A term is ``key=pattern[,pattern...]``, with shell wildcards: ``backbone=MobileNet* strategy=frozen,full``. A cell
    matches a term if one of its patterns does. A pattern with blanks is written in quotes:
    ``backbone="MobileNet (alpha=0.25)"``.

    Args:
        cells: the cells to choose from.
        expression: the terms.
        called: the name of the expression in messages; by default that of the argument ``select``.

    Raises:
        NothingSelectedError: no cell matches all terms.
        UserError: a term is malformed, its key is unknown, or one of its patterns matches no cell.
    """
    chosen, called = list(cells), called or argument("select")
    for term in _terms(expression, called, cells):
        names = KEYS[term.key]
        known = {name for cell in cells for name in names(cell)}
        for pattern in term.patterns:
            if not any(fits(name, pattern) for name in known):
                way_out = nearest_pattern(pattern, sorted(known), f"values of {term.key}")
                raise UserError(f"{called}: {term.key}={_quoted(pattern)} matches {_none(cells)}; {way_out}")
        chosen = [
            cell for cell in chosen if any(fits(name, pattern) for name in names(cell) for pattern in term.patterns)
        ]
    if not chosen:
        raise NothingSelectedError(f"{called} {expression!r} matches {_none(cells)}; `tlbench plan` lists them")
    return tuple(chosen)


def _none(cells: Sequence[Cell]) -> str:
    return "nothing, and there is one cell" if len(cells) == 1 else f"none of the {len(cells)} cells"


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern matches a name. A name matches itself even if it contains wildcards, as ``mine[1]`` does."""
    return name == pattern or fnmatchcase(name, pattern)


def selecting(cell: Cell, cells: Sequence[Cell], expression: str = "") -> str:
    """An expression that selects a single cell.

    Args:
        cell: the cell to select.
        cells: the cells to distinguish it from: all that `expression` selects.
        expression: the terms to extend.

    Returns:
        `expression` with as many further terms as needed, or ``id=...`` if only the id distinguishes the cell.
    """
    words, left = [expression] if expression else [], list(cells)
    for key, names in KEYS.items():
        value = names(cell)[-1]
        fewer = [one for one in left if any(fits(name, value) for name in names(one))]
        if key != "id" and len(fewer) < len(left) and not {"'", '"'} <= {*value}:
            words, left = [*words, f"{key}={_quoted(value)}"], fewer
    return " ".join(words) if len(left) == 1 else f"id={cell.id}"


def covering(chosen: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """Terms by names that select `chosen` of `cells`, and as few others as terms of a list each allow.

    Unlike an id, a name stands for the same cell in another version of tlbench, whose recipes are others.
    """
    words, left = list[str](), list(cells)
    for key, names in KEYS.items():
        values = list(dict.fromkeys(names(cell)[-1] for cell in chosen))
        fewer = [one for one in left if any(fits(name, value) for name in names(one) for value in values)]
        if key != "id" and len(fewer) < len(left) and not any({"'", '"'} <= {*value} for value in values):
            words, left = [*words, f"{key}={','.join(map(_quoted, values))}"], fewer
    return " ".join(words)


def names_ids(expression: str) -> bool:
    """Whether an expression selects by ids."""
    return re.search(r"(^|\s)id=", expression) is not None


def _quoted(pattern: str) -> str:
    """The pattern as it is written in a term: in quotes if it needs them."""
    mark = "'" if '"' in pattern else '"'
    return f"{mark}{pattern}{mark}" if re.search(r"[\s,]", pattern) or pattern[:1] in ("'", '"') else pattern


def _terms(expression: str, called: str, cells: Sequence[Cell]) -> Iterator[Term]:
    """Parse the terms of an expression. Raises UserError for a malformed term or an unknown key."""
    place, text = 0, expression.strip()
    while place < len(text):
        begin = place
        while place < len(text) and not text[place].isspace() and text[place] != "=":
            place += 1
        key, patterns = text[begin:place], list[str]()
        while place < len(text) and text[place] in ("=" if not patterns else ","):
            if (part := PART.match(text, place + 1)) is None:
                break
            patterns.append(part[0][1:-1] if part[0][0] in "\"'" else part[0])
            place = part.end()
        while place < len(text) and not text[place].isspace():  # the rest of a malformed term
            patterns, place = [], place + 1
        term = Term(text[begin:place], key, tuple(patterns))
        _check(term, called, cells)
        yield term
        while place < len(text) and text[place].isspace():
            place += 1


def _check(term: Term, called: str, cells: Sequence[Cell]) -> None:
    """Raise UserError if a term is malformed or its key is unknown."""
    hint = _hint(term, cells)
    if not term.patterns:
        way_out = f"; {hint}" if hint else ", e.g. backbone=MobileNet*"
        raise UserError(f"{called}: {term.text!r} is not of the form key=pattern{way_out}")
    if term.key not in KEYS:
        raise UserError(f"{called}: there is no key {term.key!r}; {hint or nearest(term.key, list(KEYS), 'keys')}")


def _hint(term: Term, cells: Sequence[Cell]) -> str:
    """A guess at what the user meant by an invalid term; empty without one."""
    if not term.patterns and re.fullmatch("[0-9a-f]{4,12}", term.text):
        return f"a cell by its id is id={term.text}*"
    if not term.patterns and re.search("[=,][\"']", term.text):
        return "a quote that opens is to be closed"
    whole = next((f"{key}={_quoted(name)}" for key, name in _names(cells) if term.text in name.split()), None)
    return f"quotes hold a name with blanks together: {whole}" if whole else ""


def _names(cells: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """All pairs of a key and a name by which it selects one of the cells."""
    return ((key, name) for cell in cells for key, names in KEYS.items() for name in names(cell))


def shard(cells: Sequence[Cell], part: str) -> tuple[Cell, ...]:
    """One part of the cells: ``1/4`` is the first of four.

    The parts are a deterministic partition of the cells, and their sizes differ by at most one. Each part consists of
    consecutive cells, since these most often share models and images.

    Raises:
        UserError: `part` is not of this form, or there are more parts than cells.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", part, re.ASCII)
    number, of = (int(match[1]), int(match[2])) if match else (1, 0)
    if number > of:
        raise UserError(f"{argument('shard')}: {part!r} is no part; 1/4 is the first of four, 4/4 the last")
    if of > len(cells):
        raise UserError(f"{argument('shard')}: {len(cells)} cells cannot be {of} parts; make fewer")
    return tuple(cells[len(cells) * (number - 1) // of : len(cells) * number // of])
