"""What the numbers of a report do not say, as far as the records show it. Pure."""

from collections.abc import Sequence

from tlbench.reporting.document import Listing, Section
from tlbench.reporting.published import is_original
from tlbench.reporting.report import Report
from tlbench.reporting.views import rows
from tlbench.results.record import Record


def sections(report: Report) -> list[Section]:
    """One section with a line for each."""
    lines = [*_of_accuracy(report.tested), *_of_times(report.records)]
    return [Section("What this cannot say", (Listing(tuple(lines)),))] if lines else []


def _of_accuracy(tested: Sequence[Record]) -> list[str]:
    trained = [record for record in tested if not is_original(record)]
    if not trained:
        return []
    lines = [
        "How good a model is on other pictures than these: test images come from where the training images come from, "
        "and were taken, chosen and labelled alike.",
    ]
    halves = {
        rows.data_set(record): (record.accuracy.high - record.accuracy.low) / 2 * 100
        for record in trained
        if record.accuracy
    }
    known = ", ".join(f"{name} ±{half:.1f}" for name, half in halves.items())
    lines.append(f"Small differences: with so many test images top-1 is known, in points, to about {known}.")
    recipes = seeds_together(trained)
    once = [recipe[0] for recipe in recipes if len(recipe) == 1]
    unknown = sum(not (record.accuracy and record.accuracy.resampled) for record in once)
    if unknown:
        lines.append(
            f"What another training would give: {unknown} of {len(recipes)} recipes were trained once. "
            "Seeds alone often move top-1 by a point or more."
        )
    images = sorted({sum(record.data.counts["train"].values()) for record in trained if record.data})
    most = f"{images[0]} training images" if len(images) == 1 else f"{images[0]} to {images[-1]} training images"
    lines.append(f"What more images or longer training would give: this is {most}, and the epochs under Conditions.")
    if any(record.data and record.data.source == "synthetic" for record in trained):
        lines.append("Anything of photographs: pictures were drawn.")
    kinds = {rows.stand_in(record) for record in trained}
    if "random" in kinds:
        lines.append("Anything of transfer learning where random weights stand in for ImageNet's.")
    if "drawn" in kinds:
        lines.append("What ImageNet's weights transfer: those that stand in for them know drawn pictures alone.")
    return lines


def seeds_together(trained: Sequence[Record]) -> list[list[Record]]:
    """Records that differ in nothing but the seed, together."""
    found: dict[str, list[Record]] = {}
    for record in trained:
        found.setdefault(record.cell.model_copy(update={"seed": 0}).id, []).append(record)
    return list(found.values())


def _of_times(records: Sequence[Record]) -> list[str]:
    timed = [record.timings for record in records if record.timings]
    if not timed:
        return ["Anything of time: no step was timed."] if records else []
    steps = {(s.measured_with, s.step, s.batch_size): s for timings in timed for s in timings.steps}
    unstable = sum(not step.stable for step in steps.values())
    lines = [
        "How fast a model is on another machine, at another batch size or in another format (TFLite, ONNX, TensorRT): "
        "times are of Keras on this one."
    ]
    if unstable:
        lines.append(
            f"Times as they would be on a quiet machine: {unstable} of {len(steps)} measurements are unstable."
        )
    return lines
