"""Names that distinguish what is compared, by the settings in which it differs. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence

from tlbench.core.cell import SCRATCH, Cell, StepName
from tlbench.core.cell_settings import NONE, SETTINGS, TIMED_WITH, Column, apart, differing, of_cell, with_more
from tlbench.reporting.report import RunRecord
from tlbench.reporting.stand_ins import marked
from tlbench.results.record import Record

OF_A_STEP: tuple[Column, ...] = tuple(column for column in SETTINGS if column[1] in TIMED_WITH)
"""The settings, besides model and strategy, that the time of a step depends on (`Cell.timing_key`)."""
DEVICE, RUN = ("Device", "device"), ("Run", "run")
"""Where and when a step was timed."""
DIGITS = 8
"""The number of digits of a fingerprint that distinguish images or files of weights."""
MOST = 80
"""The most characters of a slug."""


def setting(record: Record) -> dict[str, str]:
    """The settings of a record that a table can show.

    With backbone, strategy and data set they are all of a cell except its seed, the images, and the file of weights. So
    no two rows of a table look the same but mean different things.
    """
    found = of_cell(record.cell) | {"images": record.data.fingerprint[:DIGITS] if record.data else NONE}
    found["weights_file"] = " ".join(digest[:DIGITS] for digest in record.start if digest) or NONE
    return found | {"timing": NONE} if is_search(record) else found


def of_step(cell: Cell, step: StepName, run: str) -> dict[str, str]:
    """The values of `OF_A_STEP` and `RUN` for the measurement of a step."""
    found = {key: value for key, value in of_cell(cell).items() if key in TIMED_WITH} | {"run": run}
    return found | {"optimizer": NONE} if step == "inference" else found


def of_steps(names: Sequence[Hashable], settings: Sequence[Mapping[str, str]]) -> list[Column]:
    """The columns that distinguish measurements with the same name, and the run if there are several.

    The run is always needed, because only times of one run can be compared.
    """
    return [*apart(names, settings, OF_A_STEP), *differing(settings, (RUN,))]


def columns(records: Sequence[Record]) -> list[Column]:
    """The settings for which a table of `records` needs a column.

    A learning rate that follows from the strategy needs none, nor do images that follow from their number, or a file of
    weights that follows from the backbone.
    """
    found = differing([setting(record) for record in records])
    return [column for column in found if column[1] not in FOLLOWS or not _follows(records, *FOLLOWS[column[1]])]


def names_of(records: Sequence[Record], base: Callable[[Record], str] | None = None) -> list[str]:
    """Unique names of records: backbone and strategy, or `base`, with the settings that distinguish equal ones."""
    settings, plain = [setting(record) for record in records], [(base or recipe)(record) for record in records]
    named = plain
    for among in (columns(records), SETTINGS):
        told = apart(plain, settings, among)
        named = [with_more(name, values, told) for name, values in zip(plain, settings, strict=True)]
        if len(set(named)) == len(named):
            break
    seen = Counter(named)
    return [name if seen[name] == 1 else f"{name} ({records[at].cell_id})" for at, name in enumerate(named)]


def labels_of(rows: Sequence[RunRecord]) -> list[str]:
    """The labels of cells, with the settings, the device and the run that distinguish equal ones."""
    settings = [
        setting(row.record) | {"device": row.record.timings.device if row.record.timings else NONE, "run": row.run}
        for row in rows
    ]
    labels, records = [row.record.cell.label for row in rows], [row.record for row in rows]
    told = apart(labels, settings, [*columns(records), DEVICE, RUN])
    return [with_more(label, values, told, by=" · ") for label, values in zip(labels, settings, strict=True)]


def recipe(record: Record) -> str:
    """Backbone and strategy, and whether the suite asks for a backbone without ImageNet's weights."""
    of = record.cell.title
    return f"{of}, {without}" if (without := without_imagenet(record)) else of


def without_imagenet(record: Record) -> str:
    """``random weights`` if the suite asks for them; empty where the strategy's name says so, and of stand-ins, which
    are marked.
    """
    fallback = record.weights is not None and record.weights.fallback
    asked = record.cell.weights in ("random", "drawn") and record.cell.strategy.name != SCRATCH
    return f"{record.cell.weights} weights" if asked and not fallback else ""


def data_set(record: Record) -> str:
    """The label of the data set, with the stand-ins of the record: ``cats_dogs (synthetic data)``."""
    return marked(record.cell.dataset.label, record.fallbacks)


def is_search(record: Record) -> bool:
    """Whether the head searches the training images (k nearest neighbours), so that there is no model to time."""
    return bool(record.training) and record.training[-1].solver == "neighbours"


def slugs(texts: Sequence[str]) -> list[str]:
    """Unique parts of file names: lower-case letters and digits, joined by hyphens."""
    found: list[str] = []
    for text in texts:
        plain = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:MOST] or "x"
        name, number = plain, 1
        while name in found:
            number += 1
            name = f"{plain}-{number}"
        found.append(name)
    return found


Told = Callable[[Record], Hashable]


def _follows(records: Sequence[Record], of: Told, what: Told) -> bool:
    """Whether records with the same `of` have the same `what`."""
    known = [(of(record), what(record)) for record in records if what(record) is not None]
    return len(set(known)) == len({key for key, _ in known})


def _optimized(record: Record) -> Hashable:
    return record.cell.strategy.label, record.cell.train and record.cell.train.optimizer


def _model(record: Record) -> Hashable:
    cell = record.cell
    return cell.kind, cell.backbone.label, cell.weights, cell.image_size, record.fallbacks, bool(record.start[1])


def _number_of_images(record: Record) -> Hashable:
    return data_set(record), record.cell.limit


FOLLOWS: Mapping[str, tuple[Told, Told]] = {
    "learning_rate": (_optimized, lambda record: record.cell.train and record.cell.train.learning_rate),
    "weights_file": (_model, lambda record: record.start if any(record.start) else None),
    "images": (_number_of_images, lambda record: record.data and record.data.fingerprint),
}
