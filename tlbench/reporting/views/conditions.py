"""The conditions of a report's numbers: machine, versions, training, timing, images and weights. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from tlbench.core.cell import Cell
from tlbench.core.image_size import in_words
from tlbench.core.text import counted
from tlbench.core.training import Training
from tlbench.datasets.sentences import drawn_sentence
from tlbench.reporting import numbers
from tlbench.reporting.document import Listing, Section
from tlbench.reporting.report import Report, RunRecord
from tlbench.results.measured import Environment, StepTiming, shown_statistic
from tlbench.results.record import Record


def sections(report: Report) -> list[Section]:
    """A section with a line for each condition."""
    return [Section("Conditions", (Listing((*machines(report.rows), *conditions(report.records))),))]


def machines(rows: Sequence[RunRecord]) -> list[str]:
    """The machine, or the machine of each run if they differ. One that only timed steps is named, too."""
    by_run: dict[str, list[Record]] = {}
    for row in rows:
        by_run.setdefault(row.run, []).append(row.record)
    texts = {run: _trained_and_timed(_machine, records) for run, records in by_run.items()}
    if len(set(texts.values())) == 1:
        return [f"Machine: {next(iter(texts.values()))}."]
    return [f"Machine of {run}{_timed_on(by_run[run])}: {text}." for run, text in texts.items()]


def _trained_and_timed(said: Callable[[Environment], str], records: Sequence[Record]) -> str:
    """What `said` returns for the environments of `records`, and for those of step times if they are others."""
    trained = _each((said(record.environment) for record in records), "; ")
    timed = [record for record in records if record.timings]
    if all(said(record.where_timed) == said(record.environment) for record in timed):
        return trained
    return f"{trained}; step times: {_each((said(record.where_timed) for record in timed), '; ')}"


def _timed_on(records: Sequence[Record]) -> str:
    devices = _each(record.timings.device.upper() for record in records if record.timings)
    return f" ({devices} times)" if devices else ""


def conditions(records: Sequence[Record]) -> list[str]:
    """Versions, training, timing, images and weights. If records differ, all values are listed."""
    return [
        f"Versions: {_trained_and_timed(_versions, records)}.",
        *_training_lines(records),
        *_timing_lines(records),
        *_source_lines(records),
    ]


def _machine(environment: Environment) -> str:
    gpu = environment.identity.get("gpu")
    cpu, threads, memory, system = (_identity(environment, name) for name in ("cpu", "threads", "memory_gib", "os"))
    return ", ".join([cpu, f"{threads} threads", f"{memory} GiB", *([gpu] if gpu else []), system])


def _identity(environment: Environment, name: str) -> str:
    return environment.identity.get(name, "unknown")  # records of other programs may lack it


def _versions(environment: Environment) -> str:
    versions = {"python": _identity(environment, "python"), **environment.software}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _training_lines(records: Sequence[Record]) -> list[str]:
    trained = [(record.cell, record.cell.train) for record in records if record.cell.train]
    cells = [record.cell for record in records]
    common = (
        f"images {_each(in_words(c.image_size, c.resize) for c in cells)}"
        f"; {_each(c.precision for c in cells)}; backend {_each(c.backend for c in cells)}"
    )
    if not trained:
        return [f"Nothing was trained: the original classifiers, {common}."]
    return [
        f"Training: {_each(f'{t.epochs} epochs' for _, t in trained if t.epochs) or 'heads solved'}"
        f", batch size {_each(str(t.batch_size) for _, t in trained)}"
        f", {_each(t.optimizer for _, t in trained)}"
        f"; learning rate {_each(_rate(c, t) for c, t in trained)}"
        f"; seeds {_each(str(c.seed) for c in cells)}; {common}.",
        *_tuning_lines(records),
        *_path_lines(records),
    ]


def _rate(cell: Cell, train: Training) -> str:
    """The learning rate with its strategy: ``0.0001 (full)``, ``none (frozen, solved)``."""
    return f"{train.rate} ({cell.strategy.name})" if train.epochs else f"none ({cell.strategy.name}, solved)"


def _tuning_lines(records: Sequence[Record]) -> list[str]:
    """The values that were tried, and for how many cells each was chosen."""
    found: dict[str, Counter[float]] = {}
    for record in records:
        tune = record.cell.train.tune if record.cell.train else None
        if record.search and tune:
            found.setdefault(f"{record.cell.strategy.label} ({tune.label})", Counter())[record.search.setting] += 1
    if not found:
        return []
    chosen = (
        f"{what} {', '.join(f'{value:g} in {count}' for value, count in sorted(counts.items()))}"
        for what, counts in found.items()
    )
    return [f"Tuned by validation, with the same number of trials for each cell. Chosen of cells: {'; '.join(chosen)}."]


def _path_lines(records: Sequence[Record]) -> list[str]:
    paths = [record.path for record in records if record.path]
    cut = sum(path.whole is None for path in paths)
    if not paths:
        return []
    whole = _each(path.whole for path in paths if path.whole)
    rest = f"; {len(paths) - cut} on images ({whole})" if whole else ""
    features = "what the frozen layers make of each image, computed once and kept"
    numpy = sum(path.numpy for path in paths)
    steps = f" NumPy took the training steps of {numpy} of them, whose head is made of Dense layers." if numpy else ""
    return [f"Trained on {features}: {cut} of {len(paths)} cells{rest}.{steps}"]


def _timing_lines(records: Sequence[Record]) -> list[str]:
    timed = [record.timings for record in records if record.timings]
    if not timed:
        return ["Step times were not measured."]
    steps = [step for timings in timed for step in timings.steps]
    inference = [timings.inference for timings in timed]
    training = [timings.training for timings in timed if timings.training]
    protocols = [timings.protocol for timings in timed]
    lines = [
        f"Time per step: {_statistic(protocols)} over steps of one"
        f" batch of {_each(str(step.batch_size) for step in [*inference, *training])} on the whole model, protocol"
        f" {_each(protocols)}, {_counted(steps)} timed steps after warm-up{_cold(steps)}, XLA"
        f" {_each('on' if timings.jit else 'off' for timings in timed)},"
        f" {_each(str(timings.threads) for timings in timed)} threads;"
        f" {_turns(max(step.models for step in steps))}. Raw samples are in the records.",
        _interval_line(steps),
        "The first step (trace, compilation) is not in these times: "
        f"inference {_range([step.first_call for step in inference])}"
        + (f", training {_range([step.first_call for step in training])}." if training else "."),
    ]
    if all(timings.device == "cpu" for timings in timed):
        lines.append("Nothing here was measured on a GPU.")
    return lines


def _cold(steps: Sequence[StepTiming]) -> str:
    """How many measurements had no warm-up; empty if all had."""
    cold = sum(not step.warmup for step in steps)
    return f" (none in {cold} of {counted(len(steps), 'measurement')})" if cold else ""


def _statistic(protocols: Sequence[str]) -> str:
    """What is shown: ``median``, or ``mean (keras) or median (quick)`` if protocols differ in it."""
    by_statistic: dict[str, list[str]] = {}
    for protocol in dict.fromkeys(protocols):
        by_statistic.setdefault(shown_statistic(protocol), []).append(protocol)
    if len(by_statistic) == 1:
        return next(iter(by_statistic))
    return " or ".join(f"{statistic} ({', '.join(those)})" for statistic, those in by_statistic.items())


def _turns(models: int) -> str:
    return "one model was timed alone" if models == 1 else f"up to {models} models took turns"


def _counted(steps: Sequence[StepTiming]) -> str:
    counts = [len(step.samples) for step in steps]
    bounded = len({(step.measured_with, step.step, step.batch_size) for step in steps if not step.complete})
    text = str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    ended = "1 measurement ended at its" if bounded == 1 else f"{bounded} measurements ended at their"
    return text + (f" ({ended} time bound)" if bounded else "")


def _interval_line(steps: Sequence[StepTiming]) -> str:
    intervals = "Intervals are 95 % intervals of the time shown, by a block bootstrap over rounds"
    drifts = [step.drift for step in steps if step.drift is not None]
    if not drifts:
        return f"{intervals}; how much the machine's speed varied is not known."
    low, high = f"{min(drifts):.0%}", f"{max(drifts):.0%}"
    return (
        f"{intervals}, of this hour on this machine: its speed, by a reference workload beside the rounds, varied by "
        f"{low if low == high else f'{low} to {high}'} (standard deviation)."
    )


def _source_lines(records: Sequence[Record]) -> list[str]:
    data = _each(f"{r.cell.dataset.label} {r.data.source}" for r in records if r.data)
    weights = _each(
        f"{r.cell.backbone.label} {r.weights.source}" + " (not as published)" * (r.weights.as_published is False)
        for r in records
        if r.weights
    )
    fallbacks = sorted({mark for record in records for mark in record.fallbacks})
    return [
        *([f"Images: {data}. Weights: {weights}."] if data and weights else []),
        *_split_lines(records),
        *_other_size_lines(records),
        *_changed_lines(records),
        f"Fallbacks: {', '.join(fallbacks).upper()}." if fallbacks else "Fallbacks: none.",
    ]


def _split_lines(records: Sequence[Record]) -> list[str]:
    """A line for each data set that lacks splits, which were drawn from its training images."""
    drawn = [(r.cell.dataset.label, drawn_sentence(r.data.splits)) for r in records if r.data]
    return [f"Splits of {label}: {said}." for label, said in dict.fromkeys(drawn) if said]


def _other_size_lines(records: Sequence[Record]) -> list[str]:
    """Which files of weights for images of another size were used, for which official ones and which backbones."""
    backbones: dict[tuple[str, str], dict[str, None]] = {}
    for record in records:
        weights = record.weights
        if weights and weights.file and weights.instead_of:
            backbones.setdefault((weights.file, weights.instead_of), {})[record.cell.backbone.label] = None
    if not backbones:
        return []
    files = (f"{file} in place of {official} ({', '.join(of)})" for (file, official), of in backbones.items())
    return [f"Weights for images of another size, as the official ones were not found: {'; '.join(files)}."]


def _changed_lines(records: Sequence[Record]) -> list[str]:
    """A line about files of weights that are not those which Keras publishes under their names."""
    of = [(r.cell.backbone.label, r.weights) for r in records if r.weights]
    found = [(label, weights.file) for label, weights in of if weights.as_published is False]
    found += [(label, weights.classifier) for label, weights in of if weights.classifier_as_published is False]
    files = _each(f"{file} ({label})" for label, file in found)
    return [f"Weights that Keras does not publish, though their files have its names: {files}."] if found else []


def _each(texts: Iterable[str], separator: str = ", ") -> str:
    return separator.join(dict.fromkeys(texts))


def _range(values: Sequence[float]) -> str:
    low, high = numbers.seconds(min(values)), numbers.seconds(max(values))
    return low if low == high else f"{low} to {high}"
