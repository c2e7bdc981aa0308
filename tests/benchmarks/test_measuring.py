"""Does the measuring agree with itself, with another run, and with a bare loop? `make benchmark` prints the numbers.

These take minutes and their results depend on the machine: docs/methodology.md has those of a shared two-core one.
"""

import json
import statistics
from pathlib import Path

import pytest

from tests import builders
from tlbench.core.cell import Cell, Named, Timing
from tlbench.execution import child, server
from tlbench.execution.executors import ProcessExecutor
from tlbench.execution.outcome import Returned
from tlbench.measuring.phase import time_cells
from tlbench.results.record import Record
from tlbench.results.store import Store
from tlbench.session.events import Silent

pytestmark = pytest.mark.benchmark

BACKBONES = [
    Named(name="MobileNet", args={"alpha": 0.25}),
    Named(name="MobileNetV2", args={"alpha": 0.35}),
    Named(name="MobileNetV3Small"),
    Named(name="EfficientNetB0"),
    Named(name="ResNet50"),
]
STANDARD = Timing(protocol="standard", batch_size=32, warmup=5, iterations=200, seconds=5.0)


def cells(timing: Timing, copy: int = 0) -> list[Cell]:
    """Cells of small images; `copy` makes keys differ while the models stay the same."""
    timing = timing.model_copy(update={"seconds": timing.seconds + copy / 1000})
    return [
        builders.cell(backbone=backbone, strategy=Named(name="frozen"), image_size=96, weights="random", timing=timing)
        for backbone in BACKBONES
    ]


def measure(folder: Path, wanted: list[Cell]) -> list[Record]:
    store = Store(folder)
    for cell in wanted:
        store.write(builders.record(cell, timings=None))
    time_cells(
        wanted, ProcessExecutor(), store, Silent(), timeout=600, logs=folder / "logs", readings=folder.parent / "readings"
    )  # fmt: skip
    found = {record.cell_id: record for record in store.read_all().records}
    return [found[cell.id] for cell in wanted]


def test_two_copies_in_one_run_agree_within_5_percent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").mkdir()
    both = measure(tmp_path, [*cells(STANDARD), *cells(STANDARD, copy=1)])
    half, lines, close = len(both) // 2, [], 0
    for one, other in zip(both[:half], both[half:], strict=True):
        assert one.timings is not None
        assert other.timings is not None
        for first, second in zip(one.timings.steps, other.timings.steps, strict=True):
            assert first.measured_with != second.measured_with
            ratio = second.median / first.median
            close += abs(ratio - 1) <= 0.05
            lines.append(
                f"{one.cell.backbone.label:26} {first.step:10} {first.median * 1000:8.1f} ms  ratio {ratio:.3f}"
            )
    with capsys.disabled():
        print("\nA/A in one run:", *lines, f"within 5 %: {close} of {len(lines)}", sep="\n")
    assert close >= 0.9 * len(lines)


@pytest.mark.parametrize("backbone", BACKBONES[:3], ids=lambda backbone: backbone.name)
@pytest.mark.parametrize("step", ["inference", "training"])
def test_the_harness_adds_nothing_to_a_bare_loop(
    backbone: Named, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paired and interleaved in one process: turns of a StepTimer and of a loop written by hand, on the same Keras call."""
    cell = builders.cell(backbone=backbone, strategy=Named(name="frozen"), weights="random", timing=STANDARD)
    server.start_server("tensorflow")
    outcome = child.run("tests.targets:harness_and_bare_loop", (cell, step, 60), timeout=600)
    assert isinstance(outcome, Returned), outcome
    harness, bare = outcome.value
    logs = sorted(one / other for one, other in zip(harness, bare, strict=True))
    ratio = statistics.median(logs)
    with capsys.disabled():
        print(
            "\nharness / bare loop:", json.dumps({"backbone": backbone.label, "step": step, "ratio": round(ratio, 4)})
        )
    assert ratio == pytest.approx(1, abs=0.02)
