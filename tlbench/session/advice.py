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
    """Recommend a strategy by the textbook rule, and compare it with what runs measured.

    Args:
        images: the number of training images per class.
        similar: whether the classes are similar to those of ImageNet.
        runs: runs whose records are compared with the rule.
        say: receives notes on the runs that are read.

    Raises:
        UserError: a run does not exist, or `images` is not positive.
    """
    if images <= 0:
        raise UserError(f"{images:g} training images a class: at least one is needed")
    folders = [find_run(run, say) for run in runs]
    report = Report("advice", [row for folder in folders for row in rows_of(folder, say)])
    return judge(images, similar, report.recipes, report.answers)


def training_images(folder: Path) -> tuple[float, int, int]:
    """Count the training images per class of a data set. Files are listed but not opened.

    A folder without splits is split as in a run.

    Returns:
        The mean, minimum and maximum over the classes.

    Raises:
        UserError: the folder is not a data set.
    """
    layout = read_images(folder, SplitRule())
    counts = [len(files) for files in layout.files["train"].values()]
    return sum(counts) / len(counts), min(counts), max(counts)
