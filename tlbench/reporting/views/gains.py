"""What each strategy gains over the frozen backbone. Pure."""

from collections.abc import Sequence
from statistics import stdev

from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import Gain
from tlbench.reporting.document import Note, Section, Table, Text, prose
from tlbench.reporting.numbers import DASH, points, points_between
from tlbench.reporting.report import Report
from tlbench.reporting.views import rows

LEGEND = (
    "Gain: top-1 less that of frozen on the same images, in points, means over the seeds. Its 95 % interval and p hold "
    "for other seeds and other test images; where the head of frozen is solved, and has no seed, for other training "
    "images in their place. p is Holm's, over all gains of this table that are judged."
)
ONE_SEED = (
    "One seed compares trained models, not recipes: such a gain is shown and not judged. A suite's `seeds` give more."
)


def sections(report: Report) -> list[Section]:
    """A table, where there is `frozen` and another strategy beside it."""
    return [section(report.gains)] if report.gains else []


def section(found: Sequence[Gain]) -> Section:
    """Under a heading, with what the columns mean."""
    columns = rows.columns([gain.recipe.records[0] for gain in found])
    headings = ["Data set", "Model", *(name for name, _ in columns), "Strategy", "Seeds", "Top-1 of frozen", "Top-1"]
    headings += ["Gain", "95 % interval", "p (Holm)", ""]
    lines = [_row(gain, [key for _, key in columns]) for gain in found]
    legend: list[Text] = [LEGEND]
    if any(gain.shift is None for gain in found):
        legend.append(prose(ONE_SEED))
    right = range(2 + len(columns) + 1, len(headings) - 1)
    return Section("What each strategy gains over frozen", (Table.of(headings, lines, right), Note(tuple(legend))))


def _row(gain: Gain, keys: Sequence[str]) -> list[str]:
    record = gain.recipe.records[0]
    setting = rows.setting(record)
    return [
        rows.data_set(record),
        record.cell.backbone.label,
        *(setting[key].rpartition(": ")[2] or DASH for key in keys),
        record.cell.strategy.label,
        str(len(gain.recipe.records)),
        accuracy(gain.frozen),
        accuracy(gain.recipe),
        points(gain.difference),
        points_between(gain.shift.low, gain.shift.high) if gain.shift else DASH,
        DASH if gain.adjusted is None else f"{gain.adjusted:.2g}",
        gain.verdict,
    ]


def accuracy(recipe: Recipe) -> str:
    """Mean top-1 with its standard deviation over seeds, or over resamples: ``84.3% ± 0.4``."""
    seeds = [record.accuracy.top1 for record in recipe.records if record.accuracy]
    values = recipe.resampled or seeds
    return f"{recipe.top1:.1%}" + (f" ± {stdev(values) * 100:.1f}" if len(values) > 1 else "")
