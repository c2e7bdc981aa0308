"""Recommend a strategy for a number of images and the similarity of their classes to ImageNet's."""

from collections.abc import Sequence
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule
from tlbench.regression.advice import Advice
from tlbench.regression.advice import advise as judge
from tlbench.reporting.report import Report
from tlbench.session.folder import Run, Say, find_run, log
from tlbench.session.report import rows_of


def advise(images: float, similar: bool, runs: Sequence[Run] = (), *, say: Say = log.warning) -> Advice:
    """The textbook rule for `images` training images per class, and what the records of `runs` say.

    similar: whether the classes are like ImageNet's. Raises UserError for a run that is not there, and for no images.
    """
    if images <= 0:
        raise UserError(f"{images:g} training images a class: at least one is needed")
    folders = [find_run(run, say) for run in runs]
    report = Report("advice", [row for folder in folders for row in rows_of(folder, say)])
    return judge(images, similar, report.recipes, report.answers)


def training_images(folder: Path) -> tuple[float, int, int]:
    """Training images a class in a folder of images: their mean, the fewest and the most.

    A folder without splits is split as a run would do it. Files are listed and not opened. Raises UserError for a
    folder that is no data set.
    """
    layout = read_images(folder, SplitRule())
    counts = [len(files) for files in layout.files["train"].values()]
    return sum(counts) / len(counts), min(counts), max(counts)
