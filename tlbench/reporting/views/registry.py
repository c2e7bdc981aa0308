"""The views of a report, in this order, then those of other packages.

A package adds one to its pyproject.toml::

    [project.entry-points."tlbench.views"]
    slowest = "my_package.slowest:sections"
"""

from collections.abc import Callable, Sequence

from tlbench.core.plugins import Registry
from tlbench.reporting.document import Document, Section
from tlbench.reporting.report import Report
from tlbench.reporting.views import (
    batch_sizes,
    budget,
    by_images,
    caveats,
    cells,
    choice,
    conditions,
    data_sets,
    failures,
    gains,
    on_gpu,
    original,
    phases,
    step_times,
    training,
    transfer,
)

View = Callable[[Report], Sequence[Section]]
"""Makes sections from the records of a report; none if the view does not apply to them."""

VIEWS: Registry[View] = Registry(
    "view",
    "tlbench.views",
    {
        "choice": choice.sections,
        "original": original.sections,
        "data_sets": data_sets.sections,
        "gains": gains.sections,
        "by_images": by_images.sections,
        "transfer": transfer.sections,
        "training": training.sections,
        "failures": failures.sections,
        "budget": budget.sections,
        "phases": phases.sections,
        "batch_sizes": batch_sizes.sections,
        "on_gpu": on_gpu.sections,
        "step_times": step_times.sections,
        "conditions": conditions.sections,
        "caveats": caveats.sections,
        "cells": cells.sections,
    },
    of=Callable,
)


def document(report: Report) -> Document:
    """The whole report."""
    return Document(report.title, tuple(section for view in VIEWS.values() for section in view(report)))
