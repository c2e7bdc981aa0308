"""The view of `tlbench data check`: one screen about a folder of images. Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain
from textwrap import wrap

from tlbench.core.text import first_of, one_line
from tlbench.datasets.audit import Audit
from tlbench.datasets.duplicates import Place
from tlbench.datasets.names import shown
from tlbench.datasets.sentences import advice, origin
from tlbench.reporting.document import Block, Note, Table
from tlbench.reporting.render import terminal

COLUMNS, LINES = 100, 38
"""The size of the screen: a terminal's 40 lines, less what the command prints below."""
CLASSES = 8
"""Up to this many classes have a column each."""
MOST = 5
"""The most lines for a kind of problem; fewer if there are many kinds."""
LONGEST = 44
"""The most characters of a split's origin."""
FINE = "Every file is an image; none stands under two labels or in two splits."


def screen(found: Audit, columns: int | None = None) -> str:
    """At most `LINES` lines of `COLUMNS` columns: the counts, the first problems of each kind, and what to do.

    Args:
        found: the audit.
        columns: the columns of the terminal. With fewer than `COLUMNS`, there may be more than `LINES` lines.
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
    """The folder and its splits and classes."""
    fits = _fits(found, width)
    name, classes = _clipped(shown(str(found.place)), width), f"{len(found.classes)} classes: "
    said = [] if fits else _wrapped(classes + first_of(found.classes, CLASSES), width)[:2]
    return terminal.text(Note((name, *said)), _table(found, wide=not fits), columns=width).split("\n")


def _fits(found: Audit, width: int) -> bool:
    """Whether there is room for a column for each class."""
    drawn = _drawn(_table(found, wide=False))
    return len(found.classes) <= CLASSES and max(map(len, drawn)) <= width


def _drawn(*blocks: Block) -> list[str]:
    return terminal.text(*blocks).split("\n")


def _table(found: Audit, *, wide: bool) -> Table:
    """A row for each split; a column for each class or, if `wide`, for the smallest and the largest class."""
    rows = []
    for split, counts in found.counts.items():
        each = [min(counts.values()), max(counts.values())] if wide else list(counts.values())
        balance = f"{found.balance.get(split, 0):.2f}"
        place = _clipped(origin(found.splits[split]), LONGEST)
        rows.append([split, place, *map(str, each), str(sum(counts.values())), balance])
    of = ["fewest per class", "most"] if wide else list(found.classes)
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
    """Groups of duplicates: ``a = b``, or ``a ≈ b`` for near duplicates."""
    return [sign.join(place.file for place in group) for sign, of in ((" = ", exact), (" ≈ ", near)) for group in of]


def _kind(what: str, lines: Sequence[str], each: int, width: int) -> Iterable[str]:
    """A heading with the number of lines, and the first `each` of them."""
    some = f", the first {each}; --json has all" if len(lines) > each else ""
    return [f"{what} ({len(lines)}{some}):", *(f"  {_clipped(one_line(line), width - 2)}" for line in lines[:each])]


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return wrap(one_line(text), width, initial_indent=indent[:2], subsequent_indent=indent, break_on_hyphens=False)
