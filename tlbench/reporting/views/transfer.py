"""What ImageNet weights are worth beside the same model from random ones. Pure."""

from collections.abc import Sequence
from statistics import mean, stdev

from tlbench.regression.gains import SCRATCH
from tlbench.regression.transfer import NUMBERS, Benefit, Learned, above_chance, benefits, chance
from tlbench.reporting.document import Note, Section, Table, Text
from tlbench.reporting.numbers import DASH, points, points_between
from tlbench.reporting.report import Report
from tlbench.reporting.views import rows
from tlbench.statistics.learning_curve import FEWEST_EPOCHS, WINDOW

RISING = "↑"
HIGHER = [f"Higher {name}" for name in NUMBERS]
LEGEND = (
    "By validation accuracy after each epoch (Torrey and Shavlik 2010, figure 1). Start: after the first epoch. "
    "Slope: points an epoch until nine tenths of the way to the asymptote are gone; what starts near its asymptote has "
    f"little left to rise. Asymptote: the best {WINDOW} epochs in a row. A solved head has no epochs. Higher: than "
    "scratch, in points, means over the seeds, with a 95 % interval over them and, of accuracies, over validation "
    "images; one seed is shown and not judged."
)
TOO_FEW = (
    f"Fewer than {FEWEST_EPOCHS} epochs tell no plateau: what transfer gives over scratch cannot be said of this run. "
    "The suite transfer has enough."
)


def sections(report: Report) -> list[Section]:
    """A table, where there is `scratch` and another strategy beside it."""
    if SCRATCH not in report.strategies or len(report.strategies) == 1:
        return []
    found = benefits(report.recipes)
    blocks = (_table(found), Note(_legend(found))) if found else (Note((TOO_FEW,)),)
    return [Section("What transfer gives over scratch", blocks)]


def _table(found: Sequence[Benefit]) -> Table:
    sides = _sides(found)
    columns = [column for column in rows.columns([one.recipe.records[0] for one, _ in sides]) if column[1] != "epochs"]
    headings = ["Data set", "Model", *(name for name, _ in columns), "Strategy", "Seeds", "Start", "Slope", "Asymptote"]
    lines = [_row(one, benefit, [key for _, key in columns]) for one, benefit in sides]
    return Table.of([*headings, *HIGHER], lines, range(2 + len(columns) + 1, len(headings) + len(HIGHER)))


def _sides(found: Sequence[Benefit]) -> list[tuple[Learned, Benefit | None]]:
    """Strategies, each scratch after those that are measured against it."""
    sides: list[tuple[Learned, Benefit | None]] = []
    for index, benefit in enumerate(found):
        sides.append((benefit.transfer, benefit))
        if all(later.scratch != benefit.scratch for later in found[index + 1 :]):
            sides.append((benefit.scratch, None))
    return sides


def _row(of: Learned, benefit: Benefit | None, keys: Sequence[str]) -> list[str]:
    record = of.recipe.records[0]
    setting = rows.setting(record)
    return [
        rows.data_set(record),
        record.cell.backbone.label,
        *(setting[key].rpartition(": ")[2] or DASH for key in keys),
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
    return f"{mean(values):.1f}{unit}{after}" + (f" {RISING}" if number == "asymptote" and of.rising else "")


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
    lines += [
        f"{rows.data_set(one.recipe.records[0])}, {one.recipe.cell.backbone.label}: scratch has not learned, its test "
        f"accuracy of {one.recipe.top1:.1%} cannot be told from guessing ({chance(one.recipe):.1%}); more epochs or "
        "images are needed before transfer can be measured against it."
        for one, benefit in sides
        if benefit is None and not above_chance(one.recipe)
    ]
    return tuple(lines)
