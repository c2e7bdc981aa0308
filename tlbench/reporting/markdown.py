"""A report in Markdown: a table for each data set, the conditions, what failed."""

import re
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from tlbench.reporting import measurements, original, rows
from tlbench.reporting.conditions import conditions
from tlbench.reporting.rows import UNSTABLE, Named
from tlbench.reporting.throughput import curves
from tlbench.results.record import DataProvenance

# An underscore within a word is none of Markdown's business.
MARKS_BUT_EMPHASIS = re.compile(r"[\\|<]|\b_+|_+\b")
MARKS = re.compile(r"[\\|*<]|\b_+|_+\b")


def render(title: str, named: Sequence[Named]) -> str:
    """The whole report. Records with a stand-in are never in one table with records without."""
    parts = [f"# {title}"]
    for heading, group in _tables([one for one in named if one.record.status == "ok"]):
        if all(original.is_original(one.record) for one in group):
            parts += [f"## {heading}", _original_table(group), *_legend(group, original.LEGEND)]
        else:
            parts += [f"## {heading}", *_data_note(group), _table(group), *_legend(group, _accuracy_legend(group))]
    failed = [one for one in named if one.record.trouble]
    if failed:
        parts += ["## Cells that gave no numbers", _failures(failed)]
    records = [one.record for one in named]
    if curve := curves(records):
        parts += ["## Inference by batch size", _plain_table(*curve)]
    if found := measurements.distinct(records):
        lines = [measurements.cells(one) for one in found]
        legend = [measurements.LEGEND, *filter(None, [measurements.advice(found)])]
        parts += ["## Step times", _plain_table(measurements.HEADINGS, lines), "  \n".join(legend)]
    parts += ["## Conditions", "\n".join(f"- {line}" for line in conditions(records))]
    return "\n\n".join(parts) + "\n"


def _tables(named: Sequence[Named]) -> Iterable[tuple[str, list[Named]]]:
    groups: dict[tuple[str, tuple[str, ...]], list[Named]] = {}
    for one in named:
        groups.setdefault((one.record.cell.dataset.label, one.record.fallbacks), []).append(one)
    for (dataset, fallbacks), group in groups.items():
        yield dataset + (f" ({', '.join(fallbacks)})" if fallbacks else ""), group


def _table(named: Sequence[Named]) -> str:
    columns = rows.varying([one.record for one in named])
    if all(key != "learning_rate" for _, key in columns) or _rate_follows_strategy(named):
        columns = [column for column in columns if column[1] != "learning_rate"]
    grouped: dict[str, list[Named]] = {}
    for one in named:
        grouped.setdefault(rows.group_key(one.record), []).append(one)
    lines = [[escape(text) for text in rows.cells(group, columns)] for group in grouped.values()]
    heads = rows.headings(columns)
    align = ["left" if index < 2 + len(columns) else "right" for index in range(len(heads))]
    return tabulate(lines, heads, tablefmt="pipe", colalign=align, disable_numparse=True)


def _plain_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    escaped = [[escape(text) for text in line] for line in lines]
    return tabulate(escaped, headings, tablefmt="pipe", disable_numparse=True)


def _original_table(named: Sequence[Named]) -> str:
    """One row a model; runs on other devices fill its other columns."""
    grouped: dict[str, list[Named]] = {}
    for one in named:
        grouped.setdefault(rows.group_key(one.record), []).append(one)
    lines = [[escape(text, emphasis=True) for text in original.cells(group)] for group in grouped.values()]
    align = ["left", *["right"] * (len(original.HEADINGS) - 1)]
    return tabulate(lines, original.HEADINGS, tablefmt="pipe", colalign=align, disable_numparse=True)


def _rate_follows_strategy(named: Sequence[Named]) -> bool:
    rates: dict[str, set[float]] = {}
    for one in named:
        cell = one.record.cell
        if cell.train:
            rates.setdefault(f"{cell.strategy.label} {cell.train.optimizer}", set()).add(cell.train.learning_rate)
    return all(len(found) == 1 for found in rates.values())


def _data_note(named: Sequence[Named]) -> list[str]:
    data = named[0].record.data
    if data is None:
        return []
    images = " or ".join(dict.fromkeys(_images(one.record.data) for one in named if one.record.data))
    note = f"{len(data.classes)} classes ({', '.join(data.classes)}); images: {images}."
    if data.source == "synthetic":
        note += " **These are drawn pictures, no photographs:** accuracies say nothing about real images."
    if data.skipped:
        note += f" {len(data.skipped)} files were left out because they are no images."
    return [note]


def _images(data: DataProvenance) -> str:
    total = {split: sum(counts.values()) for split, counts in data.counts.items()}
    return ", ".join(f"{total[split]} {split}" for split in ("train", "validation", "test") if split in total)


def _accuracy_legend(named: Sequence[Named]) -> str:
    return (
        "Top-1 is test accuracy with its 95 % Wilson interval"
        + ("; ± is the standard deviation over seeds" if _seeds(named) else "")
        + ". Trainable counts the parameters the strategy trains."
    )


def _legend(named: Sequence[Named], first: str) -> list[str]:
    lines = [first]
    if any(one.record.timings and not all(s.stable for s in one.record.timings.steps) for one in named):
        lines.append(f"{UNSTABLE} marks a step time that is not stable; why is said under Step times.")
    if any("random weights" in one.record.fallbacks for one in named):
        what = "what is compared here is not transfer learning" if named[0].record.cell.train else "counts and times"
        also = " do not depend on them" if named[0].record.cell.train is None else ""
        lines.append(f"† **Random weights stand in for ImageNet's:** {what}{also}.")
    return ["  \n".join(lines)]


def _seeds(named: Sequence[Named]) -> bool:
    return len({one.record.cell.seed for one in named}) > 1


def _failures(named: Sequence[Named]) -> str:
    lines = []
    for one in named:
        failure, status = one.record.trouble, one.record.status
        assert failure is not None
        why = " ".join(f"{failure.type}: {failure.message}".split())
        shown = status if status != "ok" else "no step times"
        lines.append([escape(text) for text in (one.record.cell.label, shown, why, failure.advice)])
    return tabulate(lines, ["Cell", "Status", "Why", "What to do"], tablefmt="pipe", disable_numparse=True)


def escape(text: str, *, emphasis: bool = False) -> str:
    """A cell of a Markdown table: no pipe, no line break, no HTML, and no emphasis but where it is meant."""
    marks = MARKS_BUT_EMPHASIS if emphasis else MARKS
    return marks.sub(lambda found: "".join(f"\\{sign}" for sign in found[0]), " ".join(text.splitlines()))
