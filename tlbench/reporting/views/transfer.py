"""The benefit of pretrained weights over training from scratch. Pure."""

from collections.abc import Sequence
from statistics import mean, stdev

from tlbench.core.cell import SCRATCH
from tlbench.core.cell_settings import said
from tlbench.core.text import DASH, counted, percent, tenths
from tlbench.regression.gains import beside, other_epochs
from tlbench.regression.transfer import NUMBERS, Benefit, Learned, above_chance, benefits, chance
from tlbench.reporting.document import Block, Note, Section, Table, Text
from tlbench.reporting.numbers import UNROUNDED, points, points_between
from tlbench.reporting.plots import Curves, Line, Panel
from tlbench.reporting.report import Report
from tlbench.reporting.views.looks import of_lines
from tlbench.reporting.views.names import columns, data_set, names_of, setting, slugs
from tlbench.statistics.learning_curve import FEWEST_EPOCHS, WINDOW

RISING = "↑"
HIGHER = [f"Higher {name}" for name in NUMBERS]
LEGEND = (
    "By validation accuracy after each epoch (Torrey and Shavlik 2010, figure 1). Start: after the first epoch. "
    "Slope: points an epoch until nine tenths of the way to the asymptote are gone; what starts near its asymptote has "
    f"little left to rise. Asymptote: the best {WINDOW} epochs in a row. A solved head has no epochs. Higher: than "
    "scratch, in points, means over the seeds, with a 95 % interval over them and, of accuracies, over validation "
    "images; one seed is shown and not judged. " + UNROUNDED
)
CAPTION = (
    "Solid: validation accuracy after each epoch, mean over the seeds. Dashed: from the start along the slope, and "
    "level at the asymptote, those of the table."
)
MOST = 4
"""The most curves in one picture, including scratch; each has three lines."""
CANNOT = "what transfer gives over scratch cannot be said of this run. The suite transfer has"
TOO_FEW = f"Fewer than {FEWEST_EPOCHS} epochs tell no plateau: {CANNOT} enough."
ALONE = (
    "Nothing was trained beside scratch that differs from it in the training alone (the same images and stand-ins, the "
    f"same model, head, image size, precision and backend): {CANNOT} both."
)


def sections(report: Report) -> list[Section]:
    """A section with pictures and a table, if there is `scratch` and another strategy."""
    if SCRATCH not in report.strategies or len(report.strategies) == 1:
        return []
    found = benefits(report.recipes)
    why_not = TOO_FEW if beside(report.recipes, SCRATCH) else ALONE
    blocks: tuple[Block, ...] = (
        (*_pictures(report, found), _table(found), Note(_legend(found))) if found else (Note((why_not,)),)
    )
    return [Section("What transfer gives over scratch", blocks)]


def _pictures(report: Report, found: Sequence[Benefit]) -> list[Curves]:
    """For each model and data set, the learning curves of `scratch` and of the best strategies."""
    beside: dict[str, list[Benefit]] = {}
    for benefit in found:
        record = benefit.scratch.recipe.records[0]
        beside.setdefault(f"{record.cell.backbone.label} on {data_set(record)}", []).append(benefit)
    names = {}
    for of, group in beside.items():
        best = sorted((one.transfer for one in group), key=lambda one: -mean(one.values("asymptote")))
        names[of] = [group[0].scratch, *best[: MOST - 1]]
    return [_picture(report, *of, slug) for of, slug in zip(names.items(), slugs(list(names)), strict=True)]


def _picture(report: Report, of: str, sides: Sequence[Learned], slug: str) -> Curves:
    curves, guides = list[Line](), list[Line]()
    names = names_of([side.recipe.records[0] for side in sides])
    groups = [side.recipe.cell.backbone.label for side in sides]
    looks = of_lines(
        report, [(group, name.removeprefix(f"{group}, ")) for group, name in zip(groups, names, strict=True)]
    )
    for name, look, side in zip(names, looks, sides, strict=True):
        curve = _mean_curve(side)
        start, asymptote, last = mean(side.values("start")), mean(side.values("asymptote")), curve[-1][0]
        curves.append(Line(f"{name}: validation accuracy", name, look, curve))
        if slopes := [slope for slope in side.values("slope") if slope > 0]:
            first, rise = curve[0][0], mean(slopes)
            end = min(last, first + (asymptote - start) / rise)
            ends = ((first, start), (end, start + rise * (end - first)))
            words = f"{name}: start {percent(start)}, {rise * 100:.1f} points an epoch"
            guides.append(Line(words, name, look, ends, dashed=True, marked=False))
        level = ((curve[0][0], asymptote), (last, asymptote))
        guides.append(Line(f"{name}: asymptote {percent(asymptote)}", name, look, level, dashed=True, marked=False))
    panel = Panel("Validation accuracy", (*guides, *curves), share=True)
    return Curves(f"transfer-{slug}", f"Transfer and scratch: {of}", "Epoch", (panel,), CAPTION)


def _mean_curve(side: Learned) -> tuple[tuple[float, float], ...]:
    """The mean validation accuracy after each epoch; for a solved head, a level line over one epoch."""
    histories = [[epoch for epoch in record.history if epoch.epoch > 0] for record in side.recipe.records]
    if not all(histories):
        level = mean(record.history[0].val_accuracy for record in side.recipe.records)
        return ((0.0, level), (1.0, level))
    shortest = min(map(len, histories))
    return tuple(
        (float(number + 1), mean(history[number].val_accuracy for history in histories)) for number in range(shortest)
    )


def _table(found: Sequence[Benefit]) -> Table:
    sides = _sides(found)
    told = columns([one.recipe.records[0] for one, _ in sides])
    headings = ["Data set", "Model", *(name for name, _ in told), "Strategy", "Seeds", "Start", "Slope", "Asymptote"]
    lines = [_row(one, benefit, [key for _, key in told]) for one, benefit in sides]
    return Table.of([*headings, *HIGHER], lines, range(2 + len(told) + 1, len(headings) + len(HIGHER)))


def _sides(found: Sequence[Benefit]) -> list[tuple[Learned, Benefit | None]]:
    """The rows of the table: each `scratch` after the strategies that are compared with it."""
    sides: list[tuple[Learned, Benefit | None]] = []
    for index, benefit in enumerate(found):
        sides.append((benefit.transfer, benefit))
        if all(later.scratch != benefit.scratch for later in found[index + 1 :]):
            sides.append((benefit.scratch, None))
    return sides


def _row(of: Learned, benefit: Benefit | None, keys: Sequence[str]) -> list[str]:
    record = of.recipe.records[0]
    settings = setting(record)
    return [
        data_set(record),
        record.cell.backbone.label,
        *(said(settings[key]) for key in keys),
        record.cell.strategy.label,
        str(len(of.curves)),
        *(_value(of, name) for name in NUMBERS),
        *(_higher(benefit, name) for name in NUMBERS),
    ]


def _value(of: Learned, number: str) -> str:
    values = [value * 100 for value in of.values(number)]
    if not values:
        return DASH
    unit = "" if number == "slope" else "%"
    after = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{tenths(mean(values)):.1f}{unit}{after}" + (f" {RISING}" if number == "asymptote" and of.rising else "")


def _higher(benefit: Benefit | None, number: str) -> str:
    shift = benefit.shifts.get(number) if benefit else None
    if shift is None:
        return DASH
    return points(shift.estimate) + ("" if shift.low is None else f" ({points_between(shift.low, shift.high)})")


def _legend(found: Sequence[Benefit]) -> tuple[Text, ...]:
    lines: list[Text] = [LEGEND]
    sides = _sides(found)
    if any(one.rising for one, _ in sides):
        lines.append(f"{RISING} marks an asymptote whose epochs are the last ones of a seed: more may go higher.")
    if unlike := sum(other_epochs(one.scratch.recipe, one.transfer.recipe) for one in found):
        lines.append(f"{counted(unlike, 'row')} beside a scratch that took another number of epochs.")
    lines += [
        f"{data_set(one.recipe.records[0])}, {one.recipe.cell.backbone.label}: scratch has not learned, its test "
        f"accuracy of {percent(one.recipe.top1)} cannot be told from guessing ({percent(chance(one.recipe))}); more "
        "epochs or images are needed before transfer can be measured against it."
        for one, benefit in sides
        if benefit is None and not above_chance(one.recipe)
    ]
    return tuple(lines)
