"""What each strategy gains over the frozen backbone. Pure."""

from collections.abc import Iterable, Sequence
from statistics import stdev

from tlbench.core.cell_settings import said
from tlbench.core.text import DASH, counted, percent
from tlbench.regression.contrasts import LEVEL, Recipe
from tlbench.regression.gains import Gain, other_epochs
from tlbench.reporting.document import Block, Note, Section, Table, Text, compact, prose
from tlbench.reporting.numbers import UNROUNDED, points, points_between
from tlbench.reporting.plots import Span, Spans
from tlbench.reporting.report import Report
from tlbench.reporting.views.looks import backbones
from tlbench.reporting.views.names import columns, data_set, names_of, setting, slugs

RESAMPLES = "for a solved head, which has no seed, over resamples of its training images"
"""What ± is taken over where there are no seeds."""
LEGEND = (
    "Gain: top-1 minus that of frozen on the same images, in points, means over the seeds; ± is the standard deviation "
    f"over them; {RESAMPLES}. {UNROUNDED}"
)
JUDGED = (
    "The 95 % interval of a gain and p hold for other seeds and other test images; where the head of frozen is solved, "
    "for other training images in the place of seeds. p is Holm's, over all gains of this table that are judged."
)
ONE_SEED = (
    "One seed compares trained models, not recipes: such a gain is shown and not judged. A suite's `seeds` give more."
)
RIGHT_IS_BETTER = "Right of 0 is better than frozen."
BARS = "Bars are 95 % intervals."
FILLED = "Filled marks differ from 0 by the table's test, hollow ones may not."
NO_BAR = "Marks without a bar were trained with one seed, and are not judged."
MOST_DRAWN, MOST_OPEN = 40, 40
"""The most gains in one picture, and the most rows of a table that is not folded."""


def sections(report: Report) -> list[Section]:
    """A section with a picture for each data set and a table, if there is `frozen` and another strategy."""
    return [section(report.gains, backbones(report))] if report.gains else []


def section(found: Sequence[Gain], order: tuple[str, ...] = ()) -> Section:
    """Pictures, a table and the meaning of its columns. `order` has the backbones of the report, for their looks."""
    told = columns([gain.recipe.records[0] for gain in found])
    headings = ["Data set", "Model", *(name for name, _ in told), "Strategy", "Seeds", "Top-1 of frozen", "Top-1"]
    headings += ["Gain", "95 % interval", "p (Holm)", "Verdict"]
    lines = [_row(gain, [key for _, key in told]) for gain in found]
    legend: list[Text] = [LEGEND]
    if any(gain.shift is not None for gain in found):
        legend.append(JUDGED)
    if any(gain.shift is None for gain in found):
        legend.append(prose(ONE_SEED))
    if unlike := sum(other_epochs(gain.frozen, gain.recipe) for gain in found):
        legend.append(f"{counted(unlike, 'gain')} over a frozen backbone whose head took another number of epochs.")
    right = range(2 + len(told) + 1, len(headings) - 1)
    table: Block = compact(Table.of(headings, lines, right))
    if len(lines) > MOST_OPEN:
        table = Section(f"All {len(lines)} gains", (table,), folded=True)
    return Section("What each strategy gains over frozen", (*_pictures(found, order), table, Note(tuple(legend))))


def _pictures(found: Sequence[Gain], order: tuple[str, ...]) -> list[Spans]:
    by_data: dict[str, list[Gain]] = {}
    for gain in found:
        by_data.setdefault(data_set(gain.recipe.records[0]), []).append(gain)
    return [_picture(*of, slug, order) for of, slug in zip(by_data.items(), slugs(list(by_data)), strict=True)]


def _picture(data: str, found: Sequence[Gain], slug: str, order: tuple[str, ...]) -> Spans:
    """The gains on a data set; the largest in absolute value if there are many."""
    names = names_of([gain.recipe.records[0] for gain in found])
    largest = sorted(range(len(found)), key=lambda place: -abs(found[place].difference))[:MOST_DRAWN]
    title = f"Gain over frozen on {data}" + (f": the largest {MOST_DRAWN}" if len(found) > MOST_DRAWN else "")
    spans = tuple(_span(found[place], names[place]) for place in sorted(largest))
    axis = f"Top-1 on {data} minus that of frozen, in points"
    return Spans(f"gains-{slug}", title, axis, spans, _caption(spans), order)


def _caption(spans: Sequence[Span]) -> str:
    """The meaning of what is drawn, without what is not drawn."""
    bars = any(span.low is not None for span in spans)
    parts = [
        RIGHT_IS_BETTER,
        *([BARS, FILLED] if bars else []),
        *([NO_BAR] if any(s.low is None for s in spans) else []),
    ]
    return " ".join(parts)


def _span(gain: Gain, name: str) -> Span:
    low, high = (gain.shift.low, gain.shift.high) if gain.shift else (None, None)
    group = gain.recipe.cell.backbone.label
    between = "" if low is None else f" ({points_between(low, high)})"
    return Span(
        name.removeprefix(f"{group}, "),
        group,
        gain.difference * 100,
        None if low is None else low * 100,
        None if high is None else high * 100,
        f"{points(gain.difference)}{between} points, {gain.verdict}",
        told=gain.adjusted is not None and gain.adjusted < LEVEL,
    )


def _row(gain: Gain, keys: Sequence[str]) -> list[str]:
    record = gain.recipe.records[0]
    settings = setting(record)
    return [
        data_set(record),
        record.cell.backbone.label,
        *(said(settings[key]) for key in keys),
        record.cell.strategy.label,
        str(len(gain.recipe.records)),
        accuracy(gain.frozen),
        accuracy(gain.recipe),
        points(gain.difference),
        points_between(gain.shift.low, gain.shift.high) if gain.shift else DASH,
        DASH if gain.adjusted is None else f"{gain.adjusted:.2g}",
        gain.verdict + _kept(gain.recipe),
    ]


def _kept(recipe: Recipe) -> str:
    """How many seeds ended with the solved head; empty if none did."""
    kept, of = recipe.kept_heads, len(recipe.records)
    return f"; solved head kept{f' in {kept} of {of}' if of > 1 else ''}" if kept else ""


def spread_over(recipes: Iterable[Recipe]) -> str:
    """What `accuracy` has after ±, over what these recipes were trained with; empty if it has none."""
    of = list(recipes)
    over = ["over seeds"] * any(len(recipe.records) > 1 for recipe in of)
    over += [RESAMPLES] * any(len(recipe.resampled) > 1 for recipe in of)
    return f"± is a standard deviation: {'; '.join(over)}." if over else ""


def accuracy(recipe: Recipe) -> str:
    """The mean top-1 with its standard deviation over seeds or resamples: ``84.3% ± 0.4``."""
    seeds = [record.accuracy.top1 for record in recipe.records if record.accuracy]
    values = recipe.resampled or seeds
    return percent(recipe.top1) + (f" ± {stdev(values) * 100:.1f}" if len(values) > 1 else "")
