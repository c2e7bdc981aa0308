"""What can be drawn, as plain values: a document holds them, `render/svg.py` draws them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Numbers of a colour and of a shape. Renderers have eight of each and start again after the last one."""

    colour: int
    shape: int

    @classmethod
    def of(cls, number: int) -> "Look":
        """Of the thing with this number in the order of a report: 64 of them look different."""
        return cls(number % COLOURS, (number + number // COLOURS) % COLOURS)


COLOURS = 8
"""So many colours and so many shapes there are."""


def looks(groups: Iterable[str], order: Sequence[str]) -> dict[str, Look]:
    """The look of each group, by its place in `order`; groups that are not among these come after them.

    `order` is the same for all pictures of a report, so that a group looks the same in all of them.
    """
    there = dict.fromkeys(groups)
    every = list(dict.fromkeys([*order, *there]))
    return {group: Look.of(every.index(group)) for group in there}


@dataclass(frozen=True)
class Axis:
    """What is measured along an axis. key: a word for it, in addresses of pages; log: whether it is drawn so."""

    key: str
    label: str
    log: bool = False


@dataclass(frozen=True)
class Reading:
    """A finite number, the ends of its interval where they are known, and how it is written.

    relative: of a time, to that of the run's anchor, where it was measured; sharp: whether that is known well.
    """

    value: float
    text: str
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    sharp: bool = True


@dataclass(frozen=True)
class Mark:
    """A point: `y`, and `x` by the key of an axis where it is known. Those of a group are joined, in their order."""

    name: str
    group: str
    y: Reading
    x: Mapping[str, Reading]


@dataclass(frozen=True)
class Scatter:
    """Marks over one of several axes, of which less is better; of `y` more is.

    Attributes:
        name: of the picture, which is that of its file.
        order: names of the groups of a report, which give them their looks (see `looks`).
    """

    name: str
    title: str
    y: Axis
    xs: tuple[Axis, ...]
    marks: tuple[Mark, ...]
    caption: str
    order: tuple[str, ...] = ()

    @property
    def groups(self) -> list[str]:
        """Names of the groups that have marks, in the order of the report."""
        there = dict.fromkeys(mark.group for mark in self.marks)
        return [*(name for name in self.order if name in there), *(name for name in there if name not in self.order)]

    @property
    def looks(self) -> dict[str, Look]:
        """How the marks of each group look."""
        return looks(self.groups, self.order)

    def drawn(self, axis: Axis) -> tuple[Mark, ...]:
        """Those that are known on this axis."""
        return tuple(mark for mark in self.marks if axis.key in mark.x)

    def undominated(self, axis: Axis) -> frozenset[str]:
        """Names of the marks that no other is at least as good as, both ways, and better in one."""
        marks = sorted(self.drawn(axis), key=lambda mark: (mark.x[axis.key].value, -mark.y.value))
        best, kept = float("-inf"), set()
        for mark in marks:
            if mark.y.value > best:
                best = mark.y.value
                kept.add(mark.name)
        return frozenset(kept)


@dataclass(frozen=True)
class Line:
    """Values of y over x, in the order of x. of: what several lines of one thing have in common: a line of the legend.

    look: that of all lines of one thing. marked: whether each value has a mark, as what was measured has.
    """

    name: str
    of: str
    look: Look
    points: tuple[tuple[float, float], ...]
    dashed: bool = False
    marked: bool = True


@dataclass(frozen=True)
class Panel:
    """Lines over one pair of axes. share: y is a share of 1, written in per cent."""

    y: str
    lines: tuple[Line, ...]
    share: bool = False


@dataclass(frozen=True)
class Curves:
    """Panels side by side over the same x. log: whether x is drawn by its logarithm."""

    name: str
    title: str
    x: str
    panels: tuple[Panel, ...]
    caption: str
    log: bool = False


@dataclass(frozen=True)
class Confusion:
    """Counts (classes, classes): a row for each true class, a column for each predicted one."""

    name: str
    title: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    caption: str


@dataclass(frozen=True)
class Strip:
    """Samples (positive numbers, in the order they were taken), the number that is shown of them, and its words.

    Those of a group stand together.
    """

    name: str
    group: str
    samples: tuple[float, ...]
    value: float
    text: str


@dataclass(frozen=True)
class Strips:
    """Strips of samples, one under the other, over an axis that is drawn by its logarithm.

    order: names of the groups of a report, as in `Scatter`.
    """

    name: str
    title: str
    x: str
    strips: tuple[Strip, ...]
    caption: str
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """A value, the ends of its interval where they are known, and its words; those of a group stand together.

    told: whether it was told from 0 by a test.
    """

    name: str
    group: str
    value: float
    low: float | None
    high: float | None
    text: str
    told: bool


@dataclass(frozen=True)
class Spans:
    """Values with intervals, one under the other, beside a line at 0. order: as in `Scatter`."""

    name: str
    title: str
    x: str
    spans: tuple[Span, ...]
    caption: str
    order: tuple[str, ...] = ()


Picture = Scatter | Curves | Confusion | Strips | Spans


@dataclass(frozen=True)
class Words:
    """What a choice is said with: each is filled by `str.format` here, and alike by a page's script.

    Attributes:
        guess: of a leader that cannot be told from guessing; guess_within: the same within limits.
        cheaper, cheapest: of several that may be as good; cheaper_one, cheapest_one: of a single one.
        scope: what the whole of it is about, where that is less than it seems; empty where it is not.
    """

    take: str
    within: str
    guess: str
    guess_within: str
    nothing: str
    alone: str
    rivals: str
    cheaper: str
    cheapest: str
    cheaper_one: str
    cheapest_one: str
    listed: str
    more: str
    scope: str = ""


@dataclass(frozen=True)
class Choice:
    """Which mark to take, said and drawn; a page says it again for limits that its reader sets.

    The marks of `scatter` are in the order of preference; `beaten` are the places that each place that can lead clearly
    leads over. certainty: what the choice rests on. run_cost: key of the axis that "cheaper to run" means; empty where
    none was measured. chance: the share of the test images that guessing has right; None where that is not known.
    """

    scatter: Scatter
    beaten: Mapping[int, frozenset[int]]
    words: Words
    certainty: str
    run_cost: str = ""
    chance: float | None = None

    def above_chance(self, place: int) -> bool:
        """Whether the interval of a mark lies above what guessing has right."""
        low = self.scatter.marks[place].y.low
        return self.chance is None or low is None or low > self.chance
