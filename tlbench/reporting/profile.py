"""Where the time of cells went, and how near they came to what the arithmetic alone would take. Pure."""

from collections.abc import Sequence

from tabulate import tabulate

from tlbench.reporting.numbers import DASH
from tlbench.results.record import Record

PHASES = ("build", "features", "train", "evaluate")
HEADINGS = ["Cell", "Trained on", "Wall (s)", *(f"{name} (s)" for name in PHASES), "Arithmetic (s)", "Share"]
LEGEND = (
    "Arithmetic: images that went through the frozen part over its throughput, and training steps times the median "
    "time of one. Share: arithmetic over wall time. A dash stands where there was but one batch or epoch."
)


def render(records: Sequence[Record]) -> str:
    """A table with a line for each trained cell."""
    lines = [_line(one) for one in records if one.status == "ok" and one.path]
    return tabulate(lines, HEADINGS, disable_numparse=True) + f"\n\n{LEGEND}"


def arithmetic(record: Record) -> float | None:
    """Seconds that the forward passes of the frozen part and the training steps of the rest take by themselves.

    None where one of the two times was not measured.
    """
    path, train = record.path, record.cell.train
    if path is None or path.step is None or train is None or record.data is None:
        return None
    if path.computed and path.forward is None:
        return None
    forward = path.computed * (path.forward or 0.0)
    images = sum(record.data.counts["train"].values())
    steps = len(record.history) * -(-images // train.batch_size)
    return forward + steps * path.step


def _line(record: Record) -> list[str]:
    assert record.path is not None
    wall, least = sum(record.phases.values()), arithmetic(record)
    return [
        record.cell.label,
        "images" if record.path.whole else "features",
        f"{wall:.2f}",
        *(f"{record.phases.get(name, 0.0):.2f}" for name in PHASES),
        DASH if least is None else f"{least:.2f}",
        DASH if least is None else f"{least / wall:.0%}",
    ]
