"""The view of `tlbench deploy`: a table for each exported model, Keras first, and the conditions. Pure."""

from collections.abc import Sequence

from tlbench.core.errors import UserError
from tlbench.core.text import DASH, counted, one_line, percent
from tlbench.reporting import numbers
from tlbench.reporting.document import Block, Document, Listing, Note, Section, Table, compact, prose
from tlbench.results.deployment import CLOSE, Deployed, DeployedModel, Deployment
from tlbench.results.measured import Relative, StepTiming

UNSTABLE = "~"
LONGEST = 240
"""The most characters of a reason."""


def document(deployment: Deployment) -> Document:
    """All exported models of a run."""
    return Document(f"Trained models of {deployment.run} after export", tuple(blocks(deployment)))


def blocks(deployment: Deployment) -> list[Block]:
    """A section for each model, and one for the conditions."""
    marks = any(step.stable for step in _steps(deployment))
    sections = [_section(model, deployment.batch_sizes, marks) for model in deployment.models]
    return [*sections, Section("Conditions", (Listing(tuple(map(prose, conditions(deployment)))),))]


def _section(model: DeployedModel, batch_sizes: Sequence[int], marks: bool) -> Section:
    headings = ["Runtime", "MiB", "Top-1", "Changed", "Difference"]
    for size in batch_sizes:
        headings += [f"ms, {counted(size, 'image')}", "Relative"]
    rows = [_row(one, model.images, batch_sizes, marks) for one in model.runtimes]
    table = Table.of(headings, rows, right=range(1, len(headings)))
    said = [*_equality(model), *_as_recorded(model), *(_failure(one) for one in model.runtimes if one.failure)]
    if model.precision != "float32" and any(one.failure for one in model.runtimes):
        said.append(f"The model computes in {model.precision}, which few runtimes support: train it with float32.")
    if model.fallbacks:
        said.append(f"Fallbacks: {', '.join(model.fallbacks).upper()}.")
    return Section(f"{model.label} ({model.cell_id})", (compact(table), *((Note(tuple(said)),) if said else ())))


def _row(one: Deployed, images: int, batch_sizes: Sequence[int], marks: bool) -> list[str]:
    times = [text for size in batch_sizes for text in _time(one.step(size), marks)]
    return [
        one.title,
        DASH if one.bytes is None else numbers.size(one.bytes / 2**20),
        DASH if one.correct is None else percent(one.correct / images),
        DASH if one.changed is None else str(one.changed),
        DASH if one.gap is None else f"{one.gap:.1g}",
        *times,
    ]


def _time(step: StepTiming | None, marks: bool) -> tuple[str, str]:
    """The time in ms, and the time relative to Keras; dashes if there are too few samples."""
    if step is None or not step.has_number:
        return DASH, DASH
    mark = UNSTABLE if marks and not step.stable else ""
    return f"{mark}{numbers.two_digits(step.median * 1000)}", _relative(step.relative)


def _relative(to: Relative | None) -> str:
    """``0.018 (0.012–0.025)``; Keras itself is ``1``; a dash if there are too few rounds for an interval."""
    if to is None or to.low is None or to.high is None:
        return DASH
    estimate, low, high = map(numbers.two_digits, (to.estimate, to.low, to.high))
    return f"{estimate} ({low}–{high})" if to.beside else "1"


def _failure(one: Deployed) -> str:
    """Why a runtime has no numbers. Long messages of converters are cut; the log has all of them."""
    assert one.failure is not None
    kind = "" if one.failure.type == UserError.__name__ else f"{one.failure.type}: "
    why = one_line(f"{kind}{one.failure.message}")
    why = why if len(why) <= LONGEST else why[: LONGEST - 1] + "…"
    return f"No {'times' if one.bytes else 'numbers'} of {one.title}: {why} ({one.failure.advice.rstrip('.')})"


def _equality(model: DeployedModel) -> list[str]:
    """Whether runtimes with unchanged weights give the same probabilities as Keras."""
    exact = [one for one in model.runtimes[1:] if one.exact and one.gap is not None]
    far = [f"those of {one.title} differ by up to {one.gap:.1g}" for one in exact if one.differs]
    if far:
        return [f"Probabilities should equal Keras' within {CLOSE:g}, and do not: {', '.join(far)}."]
    return [f"{', '.join(one.title for one in exact)}: Keras' probabilities within {CLOSE:g}."] if exact else []


def _as_recorded(model: DeployedModel) -> list[str]:
    """A warning if Keras classifies another number of images correctly than after training."""
    keras = model.runtimes[0]
    if keras.correct is None or keras.correct == model.recorded or model.recorded is None:
        return []
    return [
        f"Keras classified {keras.correct} of {model.images} images correctly, and {model.recorded} after training."
    ]


def conditions(deployment: Deployment) -> list[str]:
    """The meaning of the columns, the conditions of the times, machine and versions."""
    steps = _steps(deployment)
    return [*_what(deployment), *(_timing(deployment, steps) if steps else []), *_where(deployment)]


def _what(deployment: Deployment) -> list[str]:
    said = (
        "Top-1: on all test images of the run. Changed: images whose most probable class differs from Keras'. "
        "Difference: the largest difference of a probability from Keras'."
    )
    if all(one.exact for model in deployment.models for one in model.runtimes):
        return [said]
    int8 = "int8 weights: activations stay float32 (dynamic range quantisation), so no images are needed to calibrate."
    return [said, int8]


def _timing(deployment: Deployment, steps: Sequence[StepTiming]) -> list[str]:
    counts = {len(step.samples) for step in steps}
    calls = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    lines = [
        f"Time: the median of {calls} calls after warm-up, from a float32 array of images in memory to the "
        "probabilities; all runtimes of a model and a reference workload took turns, each in its own process. "
        "Milliseconds hold for this machine at that time only.",
        "Relative: to Keras' `predict_on_batch`, the median over the rounds that both have, with its 95 % interval.",
    ]
    doubted = list(dict.fromkeys(doubt.kind for step in steps for doubt in step.doubts))
    if doubted and all(not step.stable for step in steps):
        lines.append(f"No time is stable ({', '.join(doubted)}): use the relative times, with their intervals.")
    elif doubted:
        lines.append(f"{UNSTABLE} marks a time that is not stable ({', '.join(doubted)}).")
    return lines


def _where(deployment: Deployment) -> list[str]:
    lines = []
    if (environment := deployment.environment) is not None:
        identity = environment.identity
        versions = {"python": identity["python"], **environment.software}
        lines = [
            f"Machine: {identity['cpu']}, {deployment.threads} threads for each runtime, no GPU, {identity['os']}.",
            f"Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        ]
    return [*lines, *deployment.absent]


def _steps(deployment: Deployment) -> list[StepTiming]:
    return [step for model in deployment.models for one in model.runtimes for step in one.steps]
