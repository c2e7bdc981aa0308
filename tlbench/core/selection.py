"""`--select`: run some cells of a suite. Pure."""

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
}


def select(cells: Sequence[Cell], expression: str) -> tuple[Cell, ...]:
    """Cells that match every term of `expression`, in their order.

    A term is ``key=pattern[,pattern...]``, with shell wildcards: ``backbone=MobileNet* strategy=frozen,full``.
    Raises UserError for a term that is not of that form, for an unknown key, and where no cell matches.
    """
    chosen = list(cells)
    for term in expression.split():
        key, equals, patterns = term.partition("=")
        if not equals or not patterns:
            raise UserError(f"--select: {term!r} is not of the form key=pattern, e.g. backbone=MobileNet*")
        if key not in KEYS:
            raise UserError(f"--select: there is no key {key!r}; {nearest(key, list(KEYS), 'keys')}")
        chosen = [
            cell
            for cell in chosen
            if any(fnmatchcase(name, pattern) for name in KEYS[key](cell) for pattern in patterns.split(","))
        ]
    if not chosen:
        raise UserError(f"--select {expression!r} matches none of the {len(cells)} cells; `tlbench plan` lists them")
    return tuple(chosen)
