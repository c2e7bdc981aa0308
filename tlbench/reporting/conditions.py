"""What the numbers of a report depend on, in plain lines. Pure."""

from collections.abc import Iterable, Sequence

from tlbench.reporting import numbers
from tlbench.results.record import Record, StepTiming


def conditions(records: Sequence[Record]) -> list[str]:
    """Machine, versions, training, timing, images and weights; where records differ, all values are listed."""
    return [
        f"Machine: {_each((_machine(record) for record in records), '; ')}.",
        f"Versions: {_each((_versions(record) for record in records), '; ')}.",
        _training_line(records),
        *_timing_lines(records),
        *_source_lines(records),
    ]


def _machine(record: Record) -> str:
    identity = record.environment.identity
    gpu = [identity["gpu"]] if "gpu" in identity else []
    memory = f"{identity['memory_gib']} GiB"
    return ", ".join([identity["cpu"], f"{identity['threads']} threads", memory, *gpu, identity["os"]])


def _versions(record: Record) -> str:
    versions = {"python": record.environment.identity["python"], **record.environment.versions}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _training_line(records: Sequence[Record]) -> str:
    cells = [record.cell for record in records]
    return (
        f"Training: {_each(f'{c.train.epochs} epochs' for c in cells)}"
        f", batch size {_each(str(c.train.batch_size) for c in cells)}"
        f", images {_each(f'{c.image_size} x {c.image_size}' for c in cells)}"
        f", {_each(c.train.optimizer for c in cells)}"
        f"; learning rate {_each(f'{c.train.learning_rate:g} ({c.strategy.name})' for c in cells)}"
        f"; seeds {_each(str(c.seed) for c in cells)}"
        f"; {_each(c.precision for c in cells)}; backend {_each(c.backend for c in cells)}."
    )


def _timing_lines(records: Sequence[Record]) -> list[str]:
    timed = [record.timings for record in records if record.timings]
    if not timed:
        return ["Step times were not measured."]
    steps: list[StepTiming] = [step for one in timed for step in (one.inference, one.training)]
    lines = [
        f"Time per step: median over steps of one batch of {_each(str(step.batch_size) for step in steps)}"
        f" on the whole model, protocol {_each(one.protocol for one in timed)}"
        f" (at least {min(len(step.samples) for step in steps)} timed steps after warm-up),"
        f" XLA {_each('on' if one.jit else 'off' for one in timed)}; raw samples are in the records.",
        "The first step (trace, compilation) is not in these times: "
        f"inference {_range([one.inference.first_call for one in timed])}, "
        f"training {_range([one.training.first_call for one in timed])}.",
    ]
    if all(one.device == "cpu" for one in timed):
        lines.append("The GPU columns are empty: nothing here was measured on one.")
    return lines


def _source_lines(records: Sequence[Record]) -> list[str]:
    data = _each(f"{r.cell.dataset.label} {r.data.source}" for r in records if r.data)
    weights = _each(f"{r.cell.backbone.label} {r.weights.source}" for r in records if r.weights)
    fallbacks = sorted({mark for record in records for mark in record.fallbacks})
    return [
        *([f"Images: {data}. Weights: {weights}."] if data and weights else []),
        f"Fallbacks: {', '.join(fallbacks).upper()}." if fallbacks else "Fallbacks: none.",
    ]


def _each(texts: Iterable[str], separator: str = ", ") -> str:
    return separator.join(dict.fromkeys(texts))


def _range(values: Sequence[float]) -> str:
    low, high = numbers.seconds(min(values)), numbers.seconds(max(values))
    return low if low == high else f"{low} to {high}"
