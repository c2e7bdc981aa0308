"""Accuracy by number of training images, and the number from which a strategy overtakes `frozen`. Pure."""

import math
from collections.abc import Mapping, Sequence

from tlbench.core.cell_settings import said
from tlbench.core.text import DASH
from tlbench.regression.by_images import Curve, Overtaking, curves, overtakings
from tlbench.regression.contrasts import Recipe
from tlbench.regression.gains import Gain
from tlbench.reporting.document import Block, Note, Section, Table
from tlbench.reporting.numbers import UNROUNDED, points, points_between
from tlbench.reporting.plots import Curves, Line, Panel
from tlbench.reporting.report import Report
from tlbench.reporting.views import gains
from tlbench.reporting.views.looks import of_lines
from tlbench.reporting.views.names import columns, data_set, names_of, setting, slugs
from tlbench.reporting.views.training import MOST

CURVES = (
    "Test top-1 by training images a class: mean over the seeds with their standard deviation, of a solved head over "
    "resamples of its training images. In one run, smaller sets are the first images of larger ones, and test images "
    "are the same."
)
OVERTAKING = (
    "Gain over frozen in points, with its 95 % interval, and the number of images from which it stays above 0: a line "
    "between neighbouring gains over the logarithm of the number, its interval from 10,000 draws of all gains "
    "(parametric bootstrap). These are the first images of one set; others move the place too. " + UNROUNDED
)
UNSURE = "Cannot be said: it may have been under the fewest images that were measured, and may be over the most."


def sections(report: Report) -> list[Section]:
    """A section with pictures and tables, if a recipe was trained on several numbers of images."""
    if len({record.cell.limit.train for record in report.tested}) < 2:
        return []
    found = curves(report.recipes)
    if not found:
        return []
    blocks: list[Block] = [*_pictures(report, found), _curves(found), Note((CURVES,))]
    overtaken = overtakings(report.gains)
    if overtaken:
        blocks += [_overtakings(overtaken), Note((OVERTAKING, UNSURE))]
    return [Section("Accuracy by number of training images", tuple(blocks))]


def words(found: Overtaking) -> str:
    """The number of images per class from which a strategy overtakes `frozen`, with its interval, in words."""
    if found.crossing is None:
        return "one seed: not judged"
    if found.crossing.unknown:
        return "cannot be said"
    fewest, most = found.sizes[0], found.sizes[-1]
    seen, low, high = (
        f"over {most:g}" if math.isinf(size) else f"under {fewest:g}" if size == 0 else f"{size:.0f}"
        for size in (found.crossing.size, found.crossing.low, found.crossing.high)
    )
    return seen if low == high else f"{seen} ({low} to {high})"


def _pictures(report: Report, found: Sequence[Curve]) -> list[Curves]:
    """A picture of the best recipes for each data set."""
    by_data: dict[str, list[Curve]] = {}
    for curve in sorted(found, key=lambda curve: -curve.recipes[-1].top1):
        by_data.setdefault(data_set(curve.recipes[0].records[0]), []).append(curve)
    return [_picture(report, *of, slug) for of, slug in zip(by_data.items(), slugs(list(by_data)), strict=True)]


def _picture(report: Report, data: str, found: Sequence[Curve], slug: str) -> Curves:
    title = f"Accuracy by training images on {data}" + (f": the best {MOST}" if len(found) > MOST else "")
    firsts = [curve.recipes[0].records[0] for curve in found]
    names, groups = names_of(firsts)[:MOST], [record.cell.backbone.label for record in firsts[:MOST]]
    things = [(group, name.removeprefix(f"{group}, ")) for group, name in zip(groups, names, strict=True)]
    lines = [
        Line(name, name, look, tuple(zip(curve.sizes, (recipe.top1 for recipe in curve.recipes), strict=True)))
        for name, look, curve in zip(names, of_lines(report, things), found[:MOST], strict=True)
    ]
    panel = Panel("Test top-1", tuple(lines), share=True)
    return Curves(f"images-{slug}", title, "Training images a class", (panel,), "Means over the seeds.", log=True)


def _curves(found: Sequence[Curve]) -> Table:
    headings, lines, right = _by_size(
        [(curve.recipes[0], dict(zip(curve.sizes, map(gains.accuracy, curve.recipes), strict=True))) for curve in found]
    )
    return Table.of(headings, lines, right)


def _overtakings(found: Sequence[Overtaking]) -> Table:
    headings, lines, right = _by_size(
        [(one.gains[0].recipe, dict(zip(one.sizes, map(_gain, one.gains), strict=True))) for one in found]
    )
    ends = [words(one) for one in found]
    return Table.of(
        [*headings, "Overtakes frozen at"], [[*line, end] for line, end in zip(lines, ends, strict=True)], right
    )


def _by_size(texts: Sequence[tuple[Recipe, Mapping[float, str]]]) -> tuple[list[str], list[list[str]], range]:
    """Headings, a row for each recipe with its text at each size, and the indices of the columns of sizes."""
    sizes = sorted({size for _, at in texts for size in at})
    firsts = [recipe.records[0] for recipe, _ in texts]
    told = [column for column in columns(firsts) if column[1] != "train_images"]
    headings = ["Data set", "Model", *(name for name, _ in told), "Strategy"]
    lines = []
    for record, (_, at) in zip(firsts, texts, strict=True):
        settings = setting(record)
        shown = [said(settings[key]) for _, key in told]
        names = [data_set(record), record.cell.backbone.label, *shown, record.cell.strategy.label]
        lines.append([*names, *(at.get(size, DASH) for size in sizes)])
    right = range(len(headings), len(headings) + len(sizes))
    return [*headings, *(f"{size:g} a class" for size in sizes)], lines, right


def _gain(gain: Gain) -> str:
    interval = f" ({points_between(gain.shift.low, gain.shift.high)})" if gain.shift else ""
    return points(gain.difference) + interval
