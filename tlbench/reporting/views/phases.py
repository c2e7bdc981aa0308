"""The time of a run by phase: a row for each model and strategy, the largest first. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tlbench.core.duration import duration
from tlbench.core.text import DASH
from tlbench.reporting.document import Note, Section, Table, compact, prose
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.step_times import Measurement, distinct
from tlbench.results.measured import StepTiming

TIMED = "step times"
PHASES = ("build", "features", "train", "evaluate", "save", TIMED)
LEAST = 0.005
"""Phases with a smaller share of the time are not named in the sentence."""
MEANING = (
    "Build: the model is made and its weights read; features: images go through the frozen layers, once for all that "
    "share them; train: epochs with their validation, or the solution of a head, tracing included; evaluate: the test "
    "set; step times: all steps of the timing phase, the first ones and those of the reference workload included. "
    "Cells may train side by side, so that a clock saw less than the sum; decoding images is in none of these. "
    "`tlbench report RUN --profile` sets each cell beside what its arithmetic alone would take."
)

Name = tuple[str, str]
"""A model and a strategy."""
Spent = dict[str, float]
"""Seconds by phase."""


def sections(report: Report) -> list[Section]:
    """A section, if any time was recorded."""
    spent = by_recipe(report.rows)
    total = sum(sum(of.values()) for of in spent.values())
    if not total:
        return []
    headings = ["Model", "Strategy", *(f"{phase.capitalize()} (s)" for phase in PHASES), "All (s)", "Of the run"]
    lines = [
        [*name, *(_seconds(of.get(phase, 0.0)) for phase in PHASES), _seconds(mine), f"{mine / total:.1%}"]
        for mine, name, of in sorted(((sum(of.values()), name, of) for name, of in spent.items()), key=_largest)
    ]
    table = compact(Table.of(headings, lines, right=range(2, len(headings))))
    head, below = Note((_sentence(spent, total),)), Note((prose(MEANING),))
    return [Section("Where the run's time went", (head, table, below), folded=True)]


def by_recipe(rows: Sequence[RunRecord]) -> dict[Name, Spent]:
    """The time of each model and strategy, over data sets and seeds. Inference is timed once for all strategies."""
    found: dict[Name, Spent] = defaultdict(lambda: defaultdict(float))
    for record in (row.record for row in rows):
        for phase, took in record.phases.items():
            found[record.cell.backbone.label, record.cell.strategy.label][phase] += took
    measurements = distinct(rows)
    for measurement, beside in zip(measurements, of_reference(measurements), strict=True):
        found[_name(measurement)][TIMED] += seconds(measurement.step) + beside
    return found


def seconds(step: StepTiming) -> float:
    """The time of a measurement's own calls, with its first call and warm-up."""
    return step.first_call + sum(step.warmup) + sum(step.samples)


def of_reference(measurements: Sequence[Measurement]) -> list[float]:
    """The share of each measurement in the seconds of the reference workload.

    The workload was timed once a round, and every step that took turns has that reading, so they share it equally.
    Steps of a run took turns with each other if their first readings are equal.
    """
    rounds = Counter(
        (one.run, one.step.reference[0], place) for one in measurements for place in range(len(one.step.reference))
    )
    return [
        sum(reading / rounds[one.run, one.step.reference[0], place] for place, reading in enumerate(one.step.reference))
        for one in measurements
    ]


def _name(measurement: Measurement) -> Name:
    cell = measurement.owner
    shared = measurement.step.step == "inference" and cell.train is not None
    return cell.backbone.label, "all: inference" if shared else cell.strategy.label


def _largest(line: tuple[float, Name, Spent]) -> tuple[float, Name]:
    return -line[0], line[1]


def _sentence(spent: dict[Name, Spent], total: float) -> str:
    shares = {phase: sum(of.get(phase, 0.0) for of in spent.values()) / total for phase in PHASES}
    largest = sorted(shares.items(), key=lambda one: -one[1])
    return f"{duration(total)} of work: {', '.join(f'{of} {share:.0%}' for of, share in largest if share >= LEAST)}."


def _seconds(took: float) -> str:
    return DASH if not took else f"{took:.0f}" if took >= 100 else f"{took:.1f}"
