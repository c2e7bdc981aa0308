"""The time of a run by phase."""

import pytest

from tests import builders
from tlbench.reporting.document import Note, Table
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import phases, step_times


def test_where_the_time_of_a_run_went_adds_up() -> None:
    steps = tuple(builders.step(kind, median=0.5) for kind in ("inference", "training"))
    timings = builders.timings().model_copy(update={"steps": steps})
    (section,) = phases.sections(Report("t", [RunRecord("run", builders.record(timings=timings))]))
    head, table, _ = section.blocks
    assert isinstance(head, Note)
    assert isinstance(table, Table)
    # 0.5 + 6 + 1.5 s of phases; each measurement: its first call, warm-up, ten samples, and half of the reference
    # workload, which was read once a round for both.
    timed = [phases.seconds(step) + sum(step.reference) / 2 for step in steps]
    one = steps[0]
    assert timed[0] == pytest.approx(one.first_call + sum(one.warmup) + 10 * 0.5 + sum(one.reference) / 2, rel=0.02)
    total = 8 + sum(timed)
    headings = [column.heading for column in table.columns]
    assert headings == ["Model", "Strategy", "Build (s)", "Train (s)", "Evaluate (s)", "Step times (s)", "All (s)", "Of the run"]  # fmt: skip
    assert {row[1]: float(str(row[-2])) for row in table.rows} == pytest.approx(
        {"frozen": 8 + timed[1], "all: inference": timed[0]}, abs=0.06
    )
    assert str(head.lines[0]).startswith(f"{total:.0f} s of work: step times {sum(timed) / total:.0%}, train")


def test_the_reference_workload_counts_once_for_all_steps_that_took_turns_with_it() -> None:
    readings = [(0.05, 0.06, 0.07), (0.05, 0.06), (0.08,), ()]
    steps = [builders.step(batch_size=size, reference=reference) for size, reference in enumerate(readings, 1)]
    measurements = [step_times.Measurement("run", builders.cell(), "cpu", step, 1) for step in steps]
    shares = phases.of_reference(measurements)
    assert shares == pytest.approx([0.055 + 0.07, 0.055, 0.08, 0])
    assert sum(shares) == pytest.approx(0.05 + 0.06 + 0.07 + 0.08)
