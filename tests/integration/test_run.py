"""`tlbench run`, from a suite to records and reports, through crashes and interruptions."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import killed_at_once
from tests.integration.conftest import (
    LIGHT,
    MOBILENET,
    SEVERAL_THREADS,
    TINY,
    Command,
    environment,
    make_place,
    tlbench_in,
)
from tests.narrow import present
from tlbench.host.resources import usable_cores
from tlbench.results.record import Record
from tlbench.results.store import Store

Finished = tuple[Path, subprocess.CompletedProcess[str]]


def records(run: Path) -> dict[str, Record]:
    return {record.cell.strategy.name: record for record in Store(run).read_all().records}


def test_a_run_ends_in_records_predictions_and_reports(finished: Finished) -> None:
    place, said = finished
    assert said.returncode == 0, said.stderr
    assert "Which to take for " in said.stdout
    assert "MobileNet (alpha=0.25), frozen, random" in said.stdout
    assert max(map(len, said.stdout.splitlines())) <= 100
    assert "fallback" not in said.stderr
    found = records(place / "run")
    assert set(found) == {"frozen", "partial", "full"}
    for record in found.values():
        assert record.status == "ok"
        assert record.accuracy is not None
        assert record.timings is not None
        assert record.counts is not None
        predictions = Store(place / "run").read_predictions(record.cell_id)
        assert predictions is not None
        assert int((predictions[0].argmax(1) == predictions[1]).sum()) == record.accuracy.correct
        np.testing.assert_allclose(predictions[0].sum(1), 1, rtol=1e-5)
        validated = Store(place / "run").read_predictions(record.cell_id, "validation")
        assert validated is not None
        chosen, labels = validated
        assert (chosen.argmax(1) == labels).mean() == record.accuracy.validation_top1
        loss = -np.log(chosen[np.arange(len(labels)), labels]).mean()
        assert loss == pytest.approx(record.accuracy.validation_loss, abs=1e-5)
        assert record.accuracy.images == 20
        assert sum(map(sum, record.accuracy.confusion)) == 20
        assert 0 <= record.accuracy.calibration_error <= 1
        solved = record.cell.strategy.name == "frozen"
        assert [epoch.epoch for epoch in record.history] == ([0] if solved else [0, 1, 2])
        training = record.timings.training
        assert training is not None
        assert len(training.samples) >= 15
        assert len(training.rounds) == len(training.reference) >= 3
        assert training.first_call > training.median
        assert training.measured_with == record.cell_id
        assert training.normalised is not None
        assert set(record.phases) == {"build", "features", "train", "evaluate"}
        memory = record.memory
        assert memory is not None
        assert memory.start is not None
        assert memory.peak is not None
        assert memory.peak > memory.start > 2**20
        # float32: four bytes a parameter; Adam keeps two more for each trained one, besides its counters.
        assert memory.weights == 4 * record.counts.params
        assert memory.gradients == (0 if solved else 4 * record.counts.trainable)
        assert 0 <= memory.optimizer - 2 * memory.gradients < 100
        assert record.nondeterministic == ()
        assert record.fallbacks == ()
    assert present(found["frozen"].counts).trainable == 514
    assert len({present(record.timings).inference.measured_with for record in found.values()}) == 1
    assert {path.name for path in (place / "run").iterdir()} >= {
        "suite.yaml",
        "run.json",
        "report.md",
        "report.csv",
        "report.json",
    }
    assert list((place / "run/logs").iterdir()) == []


def test_a_finished_run_answers_at_once_without_keras(finished: Finished) -> None:
    place, first = finished
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('LOADED', sorted({'keras', 'tensorflow'} & set(sys.modules)), file=sys.stderr))\n"
        "from tlbench.cli import main; main(['run', 'tiny.yaml', '--out', 'run'])\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", program], cwd=place, env=environment(place), capture_output=True, text=True, timeout=60
    )
    assert again.returncode == 0
    assert "All 3 cells are done already" in again.stderr
    assert "LOADED []" in again.stderr
    assert again.stdout == first.stdout


def test_the_same_suite_in_fresh_processes_gives_the_same_accuracies_and_predictions(finished: Finished) -> None:
    place, _ = finished
    untimed = (place / "tiny.yaml").read_text().replace("protocol: quick", "protocol: none")
    (place / "untimed.yaml").write_text(untimed)
    assert tlbench_in(place, "run", "untimed.yaml", "--out", "again", **SEVERAL_THREADS).returncode == 0
    first, again = records(place / "run"), records(place / "again")
    for strategy, record in first.items():
        assert again[strategy].accuracy == record.accuracy
        assert [e.loss for e in again[strategy].history] == [e.loss for e in record.history]
        one = Store(place / "run").read_predictions(record.cell_id)
        other = Store(place / "again").read_predictions(again[strategy].cell_id)
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one[0], other[0])


@pytest.mark.skipif(usable_cores() < 2, reason="there is one core, which nobody can share")
def test_two_workers_with_a_part_of_the_cores_each_find_the_same_accuracies(finished: Finished) -> None:
    place, _ = finished
    (place / "shared.yaml").write_text(TINY.replace("protocol: quick", "protocol: none"))
    assert tlbench_in(place, "run", "shared.yaml", "--out", "shared", "--workers", "2").returncode == 0
    alone, shared = records(place / "run"), records(place / "shared")
    assert len(shared) == 2
    for strategy, record in shared.items():
        assert record.environment.identity == alone[strategy].environment.identity
        assert int(record.environment.volatile["threads_used"]) <= (usable_cores() + 1) // 2
        assert present(record.accuracy).per_class == present(alone[strategy].accuracy).per_class


def test_report_gives_the_table_again_in_every_format(finished: Finished) -> None:
    place, first = finished
    assert tlbench_in(place, "report", "run").stdout == first.stdout
    rows = json.loads(tlbench_in(place, "report", "run", "--json").stdout)["rows"]
    assert [row["strategy"] for row in rows] == ["frozen", "partial (trainable=0.3)", "full"]
    side_by_side = tlbench_in(place, "report", "run", "run", "--format", "csv").stdout
    assert len(side_by_side.splitlines()) == 7


def test_a_cell_that_cannot_work_is_a_failed_record_and_the_run_goes_on(place: Path, tlbench: Command) -> None:
    suite = LIGHT.replace("[frozen, full]", "[{name: partial, from_layer: nowhere}, frozen]")
    (place / "tiny.yaml").write_text(
        suite.replace("epochs: 2", "epochs: 1").replace("protocol: quick", "protocol: none")
    )
    said = tlbench("run", "tiny.yaml", "--out", "run")
    assert said.returncode == 2
    found = records(place / "run")
    assert (found["partial"].status, found["frozen"].status) == ("invalid", "ok")
    assert found["partial"].failure is not None
    assert "has no layer 'nowhere'" in found["partial"].failure.message
    assert "Cells that gave no numbers" in said.stdout
    assert "Traceback" not in said.stderr


def _start(place: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tlbench", "run", "tiny.yaml", *args],
        cwd=place,
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def _wait_for_record(place: Path) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := list(place.glob("results/tiny/*/records/*.json")):
            return found[0]
        time.sleep(0.05)
    pytest.fail("no record appeared")


@pytest.mark.parametrize(
    ("how", "workers", "timed"),
    [("ctrl-c", 1, True), pytest.param("ctrl-c", 2, True, marks=killed_at_once), ("kill", 2, False)],
)
def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path, how: str, workers: int, timed: bool) -> None:
    place = make_place(tmp_path / "place")
    larger = f"[{{name: SmallConvNet, weights: random}}, {MOBILENET}]"
    suite = LIGHT.replace("[frozen, full]", "frozen").replace("{name: SmallConvNet, weights: random}", larger)
    (place / "tiny.yaml").write_text(suite if timed else suite.replace("protocol: quick", "protocol: none"))
    running = _start(place, "--workers", str(workers))
    first = _wait_for_record(place)
    os.killpg(running.pid, signal.SIGINT if how == "ctrl-c" else signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    if how == "ctrl-c":
        assert running.returncode == 130
        assert "the same command resumes the run" in said
    trained = json.loads(first.read_bytes())
    done = len(list(first.parent.glob("*.json")))  # of two side by side the other may be, too
    assert done <= workers
    again = tlbench_in(place, "run", "tiny.yaml")
    assert again.returncode == 0, again.stderr
    all_done = done == 2 and not timed  # the other was before it was killed, and there are no times to take
    assert (
        "All 2 cells are done already" if all_done else f"{done} of 2 cells {'is' if done == 1 else 'are'} trained"
    ) in again.stderr
    later = json.loads(first.read_bytes())
    assert trained["timings"] is None
    assert (later["timings"] is not None) == timed
    for key in ("provenance", "accuracy", "history", "phases"):
        assert later[key] == trained[key]
    assert len(list(place.glob("results/tiny/*"))) == 1


def test_other_images_begin_a_new_run(place: Path, tlbench: Command) -> None:
    (place / "tiny.yaml").write_text(
        LIGHT.replace("[frozen, full]", "frozen").replace("protocol: quick", "protocol: none")
    )
    assert tlbench("run", "tiny.yaml").returncode == 0
    changed = next((place / "shapes/train/bars").iterdir())
    changed.write_bytes(next((place / "shapes/test/bars").iterdir()).read_bytes())
    said = tlbench("run", "tiny.yaml")
    assert "New run in" in said.stderr
    assert len(list(place.glob("results/tiny/*/run.json"))) == 2


def test_stand_ins_are_said_recorded_and_in_the_file_name(place: Path, tlbench: Command) -> None:
    suite = TINY.replace("{name: shapes, path: shapes}", "intel").replace("[frozen, full]", "frozen")
    suite = suite.replace(", weights: random", "").replace("protocol: quick", "protocol: none")
    suite += "limit: {train: 5, validation: 2, test: 2}\n"
    (place / "tiny.yaml").write_text(suite)
    refused = tlbench("run", "tiny.yaml")
    assert refused.returncode == 64
    assert "fallback: {weights: random}" in refused.stderr
    (place / "tiny.yaml").write_text(suite + "fallback: {datasets: synthetic, weights: random}\n")
    said = tlbench("run", "tiny.yaml", "--out", "run")
    assert said.returncode == 0
    assert "intel: no photographs found, SYNTHETIC pictures stand in for them (no open download" in said.stderr
    assert (
        "no ImageNet weights found, RANDOM ones stand in for them (drawn ones there are of MobileNet (alpha=0.25) "
        in said.stderr
    )
    assert (place / "run/report.synthetic-data.random-weights.md").exists()
    assert records(place / "run")["frozen"].fallbacks == ("synthetic data", "random weights")


def test_augmentation_early_stopping_sigmoid_and_the_inline_executor(place: Path, tlbench: Command) -> None:
    suite = LIGHT.replace(
        "[frozen, full]", "frozen\nheads: {name: flatten, hidden: [8], dropout: 0.2, output: sigmoid}"
    )
    train = (
        "{epochs: 30, learning_rate: 0.3, early_stopping: {patience: 1}, reduce_lr: {patience: 1},"
        " augmentation: {rotation: 20, shift: 0.1, shear: 10, zoom: 0.2, flip: true}}"
    )
    (place / "tiny.yaml").write_text(suite.replace("{epochs: 2, batch_size: 16}", train))
    said = tlbench("run", "tiny.yaml", "--out", "run", "--executor", "inline")
    assert said.returncode == 0, said.stderr
    record = records(place / "run")["frozen"]
    assert record.accuracy is not None
    assert len(record.history) < 30
    best = min(record.history, key=lambda epoch: epoch.val_loss)
    assert record.accuracy.validation_loss == best.val_loss
    assert record.history[0].learning_rate == pytest.approx(0.3)
