"""Pictures as plain values: documents contain them, `render/svg.py` draws them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace


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
    """An axis of a picture.

    Attributes:
        key: its name in the address of a page.
        label: its label.
        log: whether it is logarithmic.
        unit: the unit of its values; empty for a count or a share.
    """

    key: str
    label: str
    log: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Reading:
    """A finite number and its text.

    Attributes:
        value: the number.
        text: the number in words.
        low: the lower end of its interval, if known.
        high: the upper end.
        relative: a time divided by the time of the run's anchor, if that was measured.
        sharp: whether `relative` is known precisely.
    """

    value: float
    text: str
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    sharp: bool = True


@dataclass(frozen=True)
class Mark:
    """A point of a scatter plot: `y`, and `x` by the key of the axis, if known. Points of a group are joined."""

    name: str
    group: str
    y: Reading
    x: Mapping[str, Reading]


@dataclass(frozen=True)
class Scatter:
    """A scatter plot with a choice of x axes. Less is better on x, more is better on y.

    Attributes:
        name: the name of the picture and its file.
        title: the title.
        y: the y axis.
        xs: the x axes to choose from.
        marks: the points.
        caption: the text below.
        order: the names of the groups of a report, which determine their looks (see `looks`).
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
        """The names of the groups that have marks, in the order of the report."""
        there = dict.fromkeys(mark.group for mark in self.marks)
        return [*(name for name in self.order if name in there), *(name for name in there if name not in self.order)]

    @property
    def looks(self) -> dict[str, Look]:
        """How the marks of each group look."""
        return looks(self.groups, self.order)

    def captioned(self, caption: str, joined: str) -> "Scatter":
        """The plot with a caption, in which ``{joined}`` stands for what is said of lines where there are any."""
        return replace(self, caption=caption.format(joined=joined if self._joins else ""))

    @property
    def _joins(self) -> bool:
        """Whether marks of a group differ in a cost, so that a line joins them over its axis."""
        costs: dict[tuple[str, str], set[float]] = {}
        for mark in self.marks:
            for key, reading in mark.x.items():
                costs.setdefault((mark.group, key), set()).add(reading.value)
        return any(len(values) > 1 for values in costs.values())

    def drawn(self, axis: Axis) -> tuple[Mark, ...]:
        """The marks with a value on this axis."""
        return tuple(mark for mark in self.marks if axis.key in mark.x)

    def undominated(self, axis: Axis) -> frozenset[str]:
        """The names of the marks on the Pareto front: no other mark is as good on both axes and better on one."""
        marks = sorted(self.drawn(axis), key=lambda mark: (mark.x[axis.key].value, -mark.y.value))
        best, kept = float("-inf"), set()
        for mark in marks:
            if mark.y.value > best:
                best = mark.y.value
                kept.add(mark.name)
        return frozenset(kept)


@dataclass(frozen=True)
class Line:
    """A line through points.

    Attributes:
        name: the name of the line.
        of: the thing that several lines belong to, which is an entry of the legend.
        points: pairs of x and y, sorted by x.
        look: the look of all lines of one thing.
        dashed: whether the line is dashed.
        marked: whether the points have marks, as measured ones have.
    """

    name: str
    of: str
    look: Look
    points: tuple[tuple[float, float], ...]
    dashed: bool = False
    marked: bool = True


@dataclass(frozen=True)
class Panel:
    """Lines over one pair of axes. With `share`, y is from 0 to 1 and written in per cent."""

    y: str
    lines: tuple[Line, ...]
    share: bool = False


@dataclass(frozen=True)
class Curves:
    """Panels side by side with the same x axis, which is logarithmic with `log`."""

    name: str
    title: str
    x: str
    panels: tuple[Panel, ...]
    caption: str
    log: bool = False


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix (classes, classes): a row for each true class, a column for each predicted one."""

    name: str
    title: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    caption: str


@dataclass(frozen=True)
class Strip:
    """Positive samples in the order of measurement, the value that tables show of them, and its text. Those of a
    group are drawn together.
    """

    name: str
    group: str
    samples: tuple[float, ...]
    value: float
    text: str


@dataclass(frozen=True)
class Strips:
    """Strips of samples, one below the other, over a logarithmic axis. `order` is as in `Scatter`."""

    name: str
    title: str
    x: str
    strips: tuple[Strip, ...]
    caption: str
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """A value with its interval.

    Attributes:
        name: the name of the value.
        group: the group; spans of a group are drawn together.
        value: the value.
        low: the lower end of its interval, if known.
        high: the upper end.
        text: the value in words.
        told: whether it differs significantly from 0.
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
    """Values with their intervals, one below the other, with a line at 0. `order` is as in `Scatter`."""

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
        cheaper, cheapest: of several that may be as good; cheaper_one, cheapest_one: of a single one; cheapest_two: of
            two.
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
    cheapest_two: str
    cheaper_one: str
    cheapest_one: str
    listed: str
    more: str


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
