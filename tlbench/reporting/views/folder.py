"""What `tlbench data check` says of a folder of images: one screen, for somebody who sees it first. Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain
from textwrap import wrap

from tlbench.core.text import one_line
from tlbench.datasets.audit import Audit
from tlbench.datasets.duplicates import Place
from tlbench.datasets.names import shown
from tlbench.datasets.told import advice, first, origin
from tlbench.reporting.document import Block, Note, Table
from tlbench.reporting.render import terminal

COLUMNS, LINES = 100, 38
"""A terminal's 40 lines, less what the command says below."""
CLASSES = 8
"""More have no column each."""
MOST = 5
"""Lines of a kind of trouble; fewer where there is much to say."""
LONGEST = 44
"""Of a split's origin."""
FINE = "Every file is an image; none stands under two labels or in two splits."


def screen(found: Audit, columns: int | None = None) -> str:
    """At most `LINES` lines of `COLUMNS` columns, whatever was found: the first of each kind, and what to do.

    columns: those of a terminal; with fewer than `COLUMNS` lines are broken earlier, and there may be more of them.
    """
    width = min(columns or COLUMNS, COLUMNS)
    head = _head(found, width)
    kinds = [(what, lines) for what, lines in _kinds(found) if lines]
    steps = [_wrapped(f"- {line}", width, "    ") for line in advice(found)]
    end = list(chain(["What to do:"] if steps else [], *steps, [FINE] if found.clean else []))
    left = LINES - len(head) - len(end) - 2 - len(kinds)
    each = max(1, min(MOST, left // max(1, len(kinds))))
    middle = [line for what, lines in kinds for line in _kind(what, lines, each, width)]
    parts = [part for part in (head, middle, end) if part]
    return "\n\n".join(terminal.text(Note(tuple(part))) if part is not head else "\n".join(part) for part in parts)


def _head(found: Audit, width: int) -> list[str]:
    """The folder, and what was read of it."""
    fits = _fits(found, width)
    name, classes = _clipped(shown(str(found.place)), width), f"{len(found.classes)} classes: "
    said = [] if fits else _wrapped(classes + first(found.classes, CLASSES), width)[:2]
    return terminal.text(Note((name, *said)), _table(found, wide=not fits), columns=width).split("\n")


def _fits(found: Audit, width: int) -> bool:
    """Whether each class has room for a column."""
    drawn = _drawn(_table(found, wide=False))
    return len(found.classes) <= CLASSES and max(map(len, drawn)) <= width


def _drawn(*blocks: Block) -> list[str]:
    return terminal.text(*blocks).split("\n")


def _table(found: Audit, *, wide: bool) -> Table:
    """A column for each class, or for the fewest and the most images of one."""
    rows = []
    for split, counts in found.counts.items():
        each = [min(counts.values()), max(counts.values())] if wide else list(counts.values())
        balance = f"{found.balance.get(split, 0):.2f}"
        place = _clipped(origin(found.splits[split]), LONGEST)
        rows.append([split, place, *map(str, each), str(sum(counts.values())), balance])
    of = ["fewest a class", "most"] if wide else list(found.classes)
    headings = ["split", "read from", *of, "all", "rarest/most"]
    return Table.of(headings, rows, right=range(2, len(headings)))


def _kinds(found: Audit) -> list[tuple[str, list[str]]]:
    exact, near = found.exact, found.near
    return [
        ("Left out", [f"{one.path}: {one.reason}" for one in found.left_out]),
        ("No images", [f"{one.path}: {one.reason}" for one in found.undecodable]),
        ("The same picture under two labels", _groups(exact.two_labels, near.two_labels)),
        ("The same picture in two splits", _groups(exact.across, near.across)),
        ("The same picture twice in a split", _groups(exact.within, near.within)),
    ]


def _groups(exact: Sequence[tuple[Place, ...]], near: Sequence[tuple[Place, ...]]) -> list[str]:
    """``a = b``; ``a ≈ b`` where pixels are only nearly equal."""
    return [sign.join(place.file for place in group) for sign, of in ((" = ", exact), (" ≈ ", near)) for group in of]


def _kind(what: str, lines: Sequence[str], each: int, width: int) -> Iterable[str]:
    """The heading with how many there are, and the first of them."""
    some = f", the first {each}; --json has all" if len(lines) > each else ""
    return [f"{what} ({len(lines)}{some}):", *(f"  {_clipped(one_line(line), width - 2)}" for line in lines[:each])]


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return wrap(one_line(text), width, initial_indent=indent[:2], subsequent_indent=indent, break_on_hyphens=False)
