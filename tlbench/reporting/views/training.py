"""Learning curves and confusion matrices of the best recipes for each data set. Pure."""

from collections.abc import Sequence

import numpy as np

from tlbench.core.text import counted, percent
from tlbench.reporting.document import Block, Gallery, Note, Section, Table
from tlbench.reporting.plots import Confusion, Curves, Line, Look, Panel
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.choice import Decision
from tlbench.reporting.views.looks import of_lines
from tlbench.results.record import Record

MOST = 8
"""The most recipes in one picture: as many as there are shapes, which distinguish them without colour."""
WORST = 10
CURVES = "Solid lines: validation images. Dashed lines: training images."
ZERO = "Epoch 0 is the model before the first epoch, with a head that was solved."
NO_MISTAKE = "{name} classified every test image correctly."
NOT_TEST = "No test image is used while a model is trained."


def sections(report: Report) -> list[Section]:
    """A section for each set of images: learning curves of the best recipes, and the mistakes of the best one."""
    found = []
    for decision in report.decisions:
        blocks = [*_blocks(report, decision), *_gallery(report, decision.recipes[0])]
        if blocks:
            found.append(Section(f"How training went on {decision.heading}", tuple(blocks), folded=True))
    return found


def _blocks(report: Report, decision: Decision) -> list[Block]:
    heading, recipes = decision.heading, [[row.record for row in seeds] for seeds in decision.recipes]
    names = [mark.name for mark in decision.choice.scatter.marks]
    blocks: list[Block] = [*_curves(report, decision)]
    best = recipes[0]
    accuracy = best[0].accuracy
    if accuracy and best[0].data and len(accuracy.confusion) == len(best[0].data.classes):
        counts = confusion_of(best)
        title = f"What {names[0]} takes for what on {heading}"
        classes = best[0].data.classes
        several = counted(len(best), "seed") if len(best) > 1 else ""
        caption = f"{names[0]}: test images of each class by the class that was predicted"
        caption += f", added up over {several}: each image is counted once for each." if several else "."
        blocks.append(Confusion(f"confusion-{decision.slug}", title, classes, counts, caption))
        mistakes = worst(classes, counts, several)
        blocks.append(mistakes if mistakes.rows else Note((NO_MISTAKE.format(name=names[0]),)))
    return blocks


def _gallery(report: Report, recipe: Sequence[RunRecord]) -> list[Block]:
    """Test images that the first seed of a recipe misclassified."""
    best = recipe[0]
    pictures = report.mistakes(best)
    if not pictures:
        return []
    name = f"{best.record.cell.title}, seed {best.record.cell.seed}"
    return [Gallery(pictures, f"Test images that were classified wrongly by {name}; those it was surest of first.")]


def _curves(report: Report, decision: Decision) -> list[Curves]:
    """Learning curves of the best recipes that were trained in epochs."""
    named = zip(decision.choice.scatter.marks, decision.recipes, strict=True)
    every = [(mark.name, [row.record for row in seeds]) for mark, seeds in named]
    learnt = [(name, seeds) for name, seeds in every if len(seeds[0].history) > 1]
    if not learnt:
        return []
    best = learnt[:MOST]
    title = f"Learning curves on {decision.heading}" + (f": the best {MOST}" if len(learnt) > MOST else "")
    caption = CURVES + (f" {ZERO}" if any(seeds[0].history[0].epoch == 0 for _, seeds in best) else "") + f" {NOT_TEST}"
    caption += " Of several seeds the first is drawn." if any(len(seeds) > 1 for _, seeds in best) else ""
    things = [
        (cell.backbone.label, name.removeprefix(f"{cell.backbone.label}, "))
        for name, seeds in best
        for cell in [seeds[0].cell]
    ]
    models = {backbone for backbone, _ in things}
    if len(models) == 1:
        caption += f" All are of {models.pop()}."
        best = [(tail, seeds) for (_, tail), (_, seeds) in zip(things, best, strict=True)]
    drawn = panels(best, of_lines(report, things))
    return [Curves(f"curves-{decision.slug}", title, "Epoch", drawn, caption)]


def panels(learnt: Sequence[tuple[str, Sequence[Record]]], looks: Sequence[Look]) -> tuple[Panel, Panel]:
    """Panels of accuracy and loss over epochs, for the first seed of each recipe."""
    accuracy, loss = list[Line](), list[Line]()
    for (name, seeds), look in zip(learnt, looks, strict=True):
        history = seeds[0].history
        for of, lines in (("accuracy", accuracy), ("loss", loss)):
            for key, dashed in ((f"val_{of}", False), (of, True)):
                through = enumerate(history, start=history[0].epoch)  # a record counts the epochs of each phase anew
                points = tuple((float(number), float(getattr(epoch, key))) for number, epoch in through)
                points = tuple(point for point in points if np.isfinite(point[1]))
                what = "training" if dashed else "validation"
                lines.append(Line(f"{name}, {what}", name, look, points, dashed))
    return Panel("Accuracy", tuple(accuracy), share=True), Panel("Loss", tuple(loss))


def confusion_of(seeds: Sequence[Record]) -> tuple[tuple[int, ...], ...]:
    """The confusion matrix, summed over the seeds."""
    every = np.sum([one.accuracy.confusion for one in seeds if one.accuracy], axis=0)
    return tuple(tuple(map(int, row)) for row in every)


def worst(classes: Sequence[str], counts: Sequence[Sequence[int]], several: str) -> Table:
    """The pairs of classes that are confused most often.

    Args:
        classes: the names of the classes.
        counts: the confusion matrix.
        several: the seeds that it is summed over, in words; empty for one.
    """
    pairs = [
        (count, true, predicted)
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    lines = [
        [classes[true], classes[predicted], str(count), percent(count / sum(counts[true]))]
        for count, true, predicted in pairs[:WORST]
    ]
    images = f"Images ({several})" if several else "Images"
    return Table.of(["True class", "Taken for", images, "Of the class"], lines, right=[2, 3])
