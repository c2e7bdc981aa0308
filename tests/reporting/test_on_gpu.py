"""What of a GPU each model used, as a report says it."""

from tests import builders
from tlbench.core.cell import Named
from tlbench.reporting.formats import as_markdown
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views.on_gpu import multiplies_in, rate
from tlbench.results.measured import GpuState, GpuWatch, StepTiming
from tlbench.results.record import Record

STATES = [GpuState(clock=clock, temperature=50, watts=400) for clock in (1980, 1965, 1980)]


def timed(step: StepTiming, **changes: object) -> Record:
    timings = builders.timings("gpu").model_copy(update={"steps": (step,), "device_name": "Fast One", **changes})
    record = builders.record(builders.cell(backbone=Named(name="ResNet50"), backend="jax"), timings=timings)
    assert record.counts is not None
    return record.model_copy(update={"counts": record.counts.model_copy(update={"flops": 8_000_000_000})})


def step() -> StepTiming:
    fields = {"device_memory": 3 * 2**30, "gpu": GpuWatch.of(STATES)}
    return builders.step(median=0.004, mean=0.004).model_copy(update=fields)


def test_the_share_is_of_the_peak_of_what_convolutions_are_computed_in() -> None:
    arithmetic = {"convolutions": "TF32", "matrix products": "float32"}
    peak = {"float32": 50e12, "TF32": 400e12, "bfloat16": 800e12}
    record = timed(step(), arithmetic=arithmetic, peak=peak)
    text = as_markdown(Report("t", [RunRecord("run", record)]))
    line = next(line for line in text.splitlines() if line.startswith("| ResNet50 ") and " jax " in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    # 32 images of 8 GFLOP in 4 ms are 64 TFLOP/s, 16 % of 400.
    assert cells[-5:] == ["8,000", "64.0", "16.0%", "3,072", "1980"]
    assert (
        "Fast One, jax: convolutions of float32 numbers in TF32, matrix products of float32 numbers in float32. Peak, of "
        "products of large random matrices in the same run: 50 TFLOP/s in float32, 400 TFLOP/s in TF32, 800 TFLOP/s in "
        "bfloat16."
    ) in text


def test_a_policy_of_half_precision_is_held_against_its_own_peak() -> None:
    record = timed(step(), arithmetic={"convolutions": "TF32", "matrix products": "float32"})
    assert record.timings is not None
    assert multiplies_in(record.cell, record.timings) == "TF32"
    for kind in ("bfloat16", "float16"):
        half = record.cell.model_copy(update={"precision": f"mixed_{kind}"})
        assert multiplies_in(half, record.timings) == kind


def test_a_training_step_has_no_rate_since_its_operations_are_not_counted() -> None:
    record = timed(step())
    assert rate(record, step()) == 32 * 8e9 / 0.004
    assert rate(record, step().model_copy(update={"step": "training"})) is None


def test_a_driver_that_does_not_say_the_clock_leaves_it_out_and_nothing_else() -> None:
    part = step().model_copy(update={"gpu": GpuWatch.of([GpuState(temperature=50)] * 3)})
    text = as_markdown(Report("t", [RunRecord("run", timed(part))]))
    (line,) = (line for line in text.splitlines() if line.startswith("| ResNet50 ") and " jax " in line)
    assert "3,072" in line
    assert "1980" not in line


def test_fewer_than_six_steps_give_no_time_and_no_rate() -> None:
    few = step().model_copy(update={"rounds": ((0.004, 0.004), (0.004,))})
    text = as_markdown(Report("t", [RunRecord("run", timed(few, peak={"float32": 50e12}))]))
    line = next(line for line in text.splitlines() if line.startswith("| ResNet50 ") and " jax " in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[3:] == ["inference", "32", "3,072", "1980"]  # columns without any number are left out


def test_nothing_is_said_of_a_gpu_where_there_was_none() -> None:
    assert "On the GPU" not in as_markdown(Report("t", [RunRecord("run", builders.record())]))
