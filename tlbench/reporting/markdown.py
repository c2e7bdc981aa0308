"""A report in Markdown: a table for each data set, the conditions, what failed."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from tlbench.reporting import numbers, rows
from tlbench.reporting.rows import Named
from tlbench.results.record import Record, StepTiming


def render(title: str, named: Sequence[Named]) -> str:
    """The whole report. Records with a stand-in are never in one table with records without."""
    parts = [f"# {title}"]
    for heading, group in _tables([one for one in named if one.record.status == "ok"]):
        parts += [f"## {heading}", *_data_note(group), _table(group), *_legend(group)]
    failed = [one for one in named if one.record.status != "ok"]
    if failed:
        parts += ["## Cells that gave no numbers", _failures(failed)]
    parts += ["## Conditions", "\n".join(f"- {line}" for line in conditions(named))]
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


def _rate_follows_strategy(named: Sequence[Named]) -> bool:
    rates: dict[str, set[float]] = {}
    for one in named:
        cell = one.record.cell
        rates.setdefault(f"{cell.strategy.label} {cell.train.optimizer}", set()).add(cell.train.learning_rate)
    return all(len(found) == 1 for found in rates.values())


def _data_note(named: Sequence[Named]) -> list[str]:
    data = named[0].record.data
    if data is None:
        return []
    total = {split: sum(counts.values()) for split, counts in data.counts.items()}
    images = ", ".join(f"{total[split]} {split}" for split in ("train", "validation", "test") if split in total)
    note = f"{len(data.classes)} classes ({', '.join(data.classes)}); images: {images}."
    if data.source == "synthetic":
        note += " **These are drawn pictures, no photographs:** accuracies say nothing about real images."
    if data.skipped:
        note += f" {len(data.skipped)} files were left out because they are no images."
    return [note]


def _legend(named: Sequence[Named]) -> list[str]:
    lines = ["Top-1 is test accuracy with its 95 % Wilson interval. Trainable counts the parameters the strategy trains."]
    if any("random weights" in one.record.fallbacks for one in named):
        lines.append("† **Random weights stand in for ImageNet's:** what is compared here is not transfer learning.")
    return ["  \n".join(lines)]


def _failures(named: Sequence[Named]) -> str:
    lines = []
    for one in named:
        failure = one.record.failure
        assert failure is not None
        why = " ".join(f"{failure.type}: {failure.message}".split())
        lines.append([escape(text) for text in (one.record.cell.label, one.record.status, why, failure.advice)])
    return tabulate(lines, ["Cell", "Status", "Why", "What to do"], tablefmt="pipe", disable_numparse=True)


def conditions(named: Sequence[Named]) -> list[str]:
    """What the numbers depend on, a line each; what differs between records is listed."""
    records = [one.record for one in named]
    machines = _each(
        f"{r.environment.identity['cpu']}, {r.environment.identity['threads']} threads, "
        f"{r.environment.identity['memory_gib']} GiB"
        + (f", {r.environment.identity['gpu']}" if "gpu" in r.environment.identity else "")
        + f", {r.environment.identity['os']}"
        for r in records
    )
    versions = _each(
        ", ".join(
            f"{name} {version}"
            for name, version in {"python": r.environment.identity["python"], **r.environment.versions}.items()
        )
        for r in records
    )
    cells = [record.cell for record in records]
    lines = [
        f"Machine: {machines}.",
        f"Versions: {versions}.",
        f"Training: {_each(f'{c.train.epochs} epochs' for c in cells)}, batch size {_each(str(c.train.batch_size) for c in cells)}, "
        f"images {_each(f'{c.image_size} x {c.image_size}' for c in cells)}, {_each(c.train.optimizer for c in cells)}; learning rate "
        + _each(f"{c.train.learning_rate:g} ({c.strategy.name})" for c in cells)
        + f"; seeds {_each(str(c.seed) for c in cells)}; {_each(c.precision for c in cells)}; backend {_each(c.backend for c in cells)}.",
        *_timing_lines(records),
        *_source_lines(records),
    ]
    return lines


def _timing_lines(records: Sequence[Record]) -> list[str]:
    timed = [record.timings for record in records if record.timings]
    if not timed:
        return ["Step times were not measured."]
    steps: list[StepTiming] = [step for one in timed for step in (one.inference, one.training)]
    lines = [
        f"Time per step: median of one batch of {_each(str(step.batch_size) for step in steps)} on the whole model, protocol "
        f"{_each(one.protocol for one in timed)} (at least {min(len(step.samples) for step in steps)} timed steps after warm-up), "
        f"XLA {_each('on' if one.jit else 'off' for one in timed)}; raw samples are in the records.",
        "The first step (trace, compilation) is not in these times: "
        f"inference {_range([one.inference.first_call for one in timed])}, "
        f"training {_range([one.training.first_call for one in timed])}.",
    ]
    if all(one.device == "cpu" for one in timed):
        lines.append("The GPU columns are empty: nothing here was measured on one.")
    return lines


def _source_lines(records: Sequence[Record]) -> list[str]:
    lines = []
    data = _each(f"{r.cell.dataset.label} {r.data.source}" for r in records if r.data)
    weights = _each(f"{r.cell.backbone.label} {r.weights.source}" for r in records if r.weights)
    lines.append(f"Images: {data}. Weights: {weights}.")
    fallbacks = sorted({mark for record in records for mark in record.fallbacks})
    lines.append(f"Fallbacks: {', '.join(fallbacks).upper()}." if fallbacks else "Fallbacks: none.")
    return lines


def escape(text: str) -> str:
    """A cell of a Markdown table: no pipe, no line break, no accidental emphasis."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("\n", " ")


def _each(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def _range(values: Sequence[float]) -> str:
    low, high = numbers.seconds(min(values)), numbers.seconds(max(values))
    return low if low == high else f"{low} to {high}"
