"""`--select` and `--shard`: run some cells of a suite. Pure."""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from tlbench.core.cell import Cell
from tlbench.core.errors import UserError, nearest

KEYS: dict[str, Callable[[Cell], list[str]]] = {
    "id": lambda cell: [cell.id],
    "backbone": lambda cell: [cell.backbone.name, cell.backbone.label],
    "dataset": lambda cell: [cell.dataset.name, cell.dataset.label],
    "strategy": lambda cell: [cell.strategy.name, cell.strategy.label],
    "head": lambda cell: [cell.head.name, cell.head.label],
    "seed": lambda cell: [str(cell.seed)],
    "backend": lambda cell: [cell.backend],
}


class NothingSelectedError(UserError):
    """Each term matches some cell of the suite, but no cell matches all of them."""

    exit_code = 3


def select(cells: Sequence[Cell], expression: str) -> tuple[Cell, ...]:
    """The cells that match every term of `expression`, in their original order.

    A term is ``key=pattern[,pattern...]``, with shell wildcards: ``backbone=MobileNet* strategy=frozen,full``.

    Raises:
        NothingSelectedError: no cell matches all terms.
        UserError: a term has another form, its key is unknown, or one of its patterns matches no cell.
    """
    chosen = list(cells)
    for term in expression.split():
        key, equals, patterns = term.partition("=")
        if not equals and re.fullmatch("[0-9a-f]{4,12}", term):
            raise UserError(f"--select: {term!r} is not of the form key=pattern; a cell by its id is id={term}*")
        if not equals or not patterns:
            raise UserError(f"--select: {term!r} is not of the form key=pattern, e.g. backbone=MobileNet*")
        if key not in KEYS:
            raise UserError(f"--select: there is no key {key!r}; {nearest(key, list(KEYS), 'keys')}")
        asked = patterns.split(",")
        known = {name for cell in cells for name in KEYS[key](cell)}
        for pattern in asked:
            if not any(fnmatchcase(name, pattern) for name in known):
                way_out = nearest(pattern, list(known), f"values of {key}")
                raise UserError(f"--select: {key}={pattern} matches none of the {len(cells)} cells; {way_out}")
        chosen = [
            cell for cell in chosen if any(fnmatchcase(name, pattern) for name in KEYS[key](cell) for pattern in asked)
        ]
    if not chosen:
        raise NothingSelectedError(
            f"--select {expression!r} matches none of the {len(cells)} cells; `tlbench plan` lists them"
        )
    return tuple(chosen)


def shard(cells: Sequence[Cell], part: str) -> tuple[Cell, ...]:
    """One shard of the cells: ``1/4`` is the first of four.

    Shards are consecutive, because neighbouring cells most often share models and images. They are a deterministic
    partition of the cells, and their sizes differ by at most one.

    Raises:
        UserError: `part` is no shard, or there are more shards than cells.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", part, re.ASCII)
    number, of = (int(match[1]), int(match[2])) if match else (1, 0)
    if number > of:
        raise UserError(f"--shard: {part!r} is no part; 1/4 is the first of four, 4/4 the last")
    if of > len(cells):
        raise UserError(f"--shard: {len(cells)} cells cannot be {of} parts; make fewer")
    return tuple(cells[len(cells) * (number - 1) // of : len(cells) * number // of])
