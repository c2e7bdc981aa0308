"""A view of reports: the class of each data set that the models get wrong most."""

from collections.abc import Sequence
from statistics import mean

from tlbench.reporting.document import Section, Table
from tlbench.reporting.report import Report
from tlbench.results.record import Accuracy


def sections(report: Report) -> Sequence[Section]:
    """One section, with a line for each data set; none where nothing was evaluated."""
    found: dict[str, list[Accuracy]] = {}
    for record in report.records:
        if record.accuracy:
            found.setdefault(record.cell.dataset.label, []).append(record.accuracy)
    if not found:
        return ()
    return (Section("Hardest classes", (Table.of(HEADINGS, [_row(*one) for one in found.items()], right=[2, 3]),)),)


HEADINGS = ["Data set", "Class", "Recall", "Models"]


def _row(name: str, models: Sequence[Accuracy]) -> list[str]:
    recall = {label: mean(model.per_class[label] for model in models) for label in models[0].per_class}
    hardest = min(recall, key=recall.__getitem__)
    return [name, hardest, f"{recall[hardest]:.1%}", str(len(models))]
