"""The limits of a report's conclusions, as far as the records show them. Pure."""

from collections.abc import Sequence

from tlbench.core.text import listed
from tlbench.regression.contrasts import recipes
from tlbench.reporting.document import Listing, Section, Text, prose
from tlbench.reporting.published import is_original
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import rows
from tlbench.reporting.views.names import data_set
from tlbench.reporting.views.step_times import distinct
from tlbench.results.record import Record


def sections(report: Report) -> list[Section]:
    """A section with a line for each limit."""
    lines: list[Text] = [*_of_accuracy(report.tested), *_of_times(report.rows)]
    return [Section("What this cannot say", (Listing(tuple(lines)),))] if lines else []


def _of_accuracy(tested: Sequence[Record]) -> list[Text]:
    trained = [record for record in tested if not is_original(record)]
    if not trained:
        return []
    lines: list[Text] = [
        "How good a model is on other pictures than these: test images come from where the training images come from, "
        "and were taken, chosen and labelled alike.",
    ]
    halves: dict[str, list[float]] = {}
    for record in trained:
        if record.accuracy:
            half = (record.accuracy.high - record.accuracy.low) / 2 * 100
            halves.setdefault(data_set(record), []).append(half)
    known = listed([f"{_from_to(found)} on {name}" for name, found in halves.items()])
    lines.append(
        "Small differences: with so many test images the top-1 of one model alone is known, in points, to about "
        f"{known}."
    )
    every = recipes(trained)
    unknown = sum(not recipe.judged for recipe in every)
    if unknown:
        lines.append(
            f"What another training would give: {unknown} of {len(every)} recipes {_were(unknown)} trained once. "
            "Seeds alone often move top-1 by a point or more."
        )
    if stopped := sum(map(_stopped_early, trained)):
        lines.append(
            prose(
                f"What {stopped} solved head{'s' * (stopped > 1)} would give at the optimum: the solver stopped before "
                "it was as near as it promises (`training[].tried[].converged` in the record)."
            )
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


def _stopped_early(record: Record) -> bool:
    """Whether the head was solved, but the chosen solution has not converged."""
    return any(phase.chosen is not None and not phase.tried[phase.chosen].converged for phase in record.training)


def _from_to(halves: Sequence[float]) -> str:
    """The narrowest and the widest: ``±0.9 to ±3.6``, or ``±3.6`` if they are written alike."""
    return " to ".join(dict.fromkeys(f"±{half:.1f}" for half in (min(halves), max(halves))))


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _of_times(of: Sequence[RunRecord]) -> list[Text]:
    measurements = distinct(of)
    if not measurements:
        return ["Anything of time: no step was timed."] if of else []
    unstable = sum(not measurement.step.stable for measurement in measurements)
    lines: list[Text] = [
        prose(
            "How fast a model is on another machine, at another batch size or in another format: times are of Keras on "
            "this one. `tlbench deploy` measures LiteRT, ONNX Runtime and OpenVINO."
        )
    ]
    if unstable:
        lines.append(
            f"Times as they would be on a quiet machine: {unstable} of {len(measurements)} measurements "
            f"{'is' if unstable == 1 else 'are'} unstable."
        )
    return lines
