"""Trained models after export, as they are shown: what is equal, what differs, what is not there and why."""

import json
from typing import Any

import numpy as np
import pytest

from tests import builders
from tlbench.reporting.deployment_formats import DEPLOYMENT_FORMATS
from tlbench.reporting.document import Section, Table, plain
from tlbench.reporting.views.deployment import document
from tlbench.results.deployment import Deployed, DeployedModel, Deployment
from tlbench.results.measured import Doubt, Relative, StepTiming
from tlbench.results.record import Failure

LABELS = np.array([0, 1, 1, 0], np.int32)
OWN = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.51, 0.49]], np.float32)
LOAD = Doubt(kind="load", message="other processes used 1.2 of 2 cores meanwhile", advice="Close other programs.")


def steps(one: float, many: float, *, relative: float | None = None, **changes: Any) -> tuple[StepTiming, ...]:
    beside = ((0.02,),) * 8
    to = (
        None
        if relative is None
        else Relative(to="k", estimate=relative, low=0.9 * relative, high=1.1 * relative, beside=beside)
    )
    return tuple(
        builders.step(median=median, batch_size=size, relative=to, **changes) for size, median in ((1, one), (32, many))
    )


def row(runtime: str, probabilities: np.ndarray[Any, np.dtype[np.float32]] = OWN, **changes: Any) -> Deployed:
    fields: dict[str, Any] = {"title": runtime, "exact": "int8" not in runtime, "bytes": 3 * 2**20, **changes}
    return Deployed(runtime=runtime, **fields).answering(probabilities, OWN, LABELS)


def deployment(*rows: Deployed, recorded: int = 3, **changes: Any) -> Deployment:
    model = DeployedModel(
        cell_id="0" * 12, label="MobileNet · cats_dogs", images=4, recorded=recorded, runtimes=rows, **changes
    )
    return Deployment(run="keep", models=(model,), batch_sizes=(1, 32), environment=builders.environment(), threads=2)


def shown(of: Deployment) -> tuple[dict[str, dict[str, str]], str]:
    """The rows of the only table by their runtime, and the text below it."""
    section, conditions = document(of).blocks
    assert isinstance(section, Section)
    assert isinstance(conditions, Section)
    table, *below = section.blocks
    assert isinstance(table, Table)
    headings = [plain(column.heading) for column in table.columns]
    for place in (place for place, name in enumerate(headings) if name == "Relative"):
        headings[place] = f"relative {headings[place - 1]}"
    rows = [dict(zip(headings, map(plain, cells), strict=True)) for cells in table.rows]
    said = [plain(line) for note in below for line in getattr(note, "lines", ())]
    return {cells["Runtime"]: cells for cells in rows}, "\n".join(said)


def test_a_table_has_size_answers_and_times_beside_keras() -> None:
    moved = OWN.copy()
    moved[3] = [0.49, 0.51]  # barely another answer, which was right
    rows, said = shown(
        deployment(
            row("keras", steps=steps(0.01, 0.04)),
            row("litert", bytes=2**20 // 2, steps=steps(0.0025, 0.03, relative=0.25)),
            row("litert-int8", moved, steps=steps(0.002, 0.02, relative=0.2)),
        )
    )
    assert rows["litert"] == {
        "Runtime": "litert",
        "MiB": "0.50",
        "Top-1": "75.0%",
        "Changed": "0",
        "Difference": "0",
        "ms, 1 image": "2.5",
        "relative ms, 1 image": "0.25 (0.23–0.28)",
        "ms, 32 images": "30",
        "relative ms, 32 images": "0.25 (0.23–0.28)",
    }
    int8 = rows["litert-int8"]
    assert (int8["Top-1"], int8["Changed"], int8["Difference"]) == ("50.0%", "1", "0.02")
    assert said == "litert: Keras' probabilities within 0.0001."


def test_float_weights_with_other_probabilities_are_named() -> None:
    _, said = shown(deployment(row("keras"), row("litert"), row("onnx", OWN + np.float32(0.0625))))
    assert said == "Probabilities should equal Keras' within 0.0001, and do not: those of onnx differ by up to 0.06."


def test_what_keras_says_now_is_held_against_the_record() -> None:
    _, said = shown(deployment(row("keras"), recorded=4))
    assert said == "Keras classified 3 of 4 images correctly, and 4 after training."


def test_stand_ins_are_named() -> None:
    _, said = shown(deployment(row("keras"), fallbacks=("random weights",)))
    assert said == "Fallbacks: RANDOM WEIGHTS."


def test_what_cannot_be_exported_is_a_row_without_numbers_and_the_reason_below() -> None:
    why = Failure(type="ConverterError", message="op Erf\nis not known" + 300 * "!", advice="See the log.")
    failed = Deployed(runtime="onnx", title="ONNX Runtime", exact=True, failure=why)
    of = deployment(row("keras", steps=steps(0.01, 0.04)), failed)
    rows, said = shown(of)
    assert set(rows["ONNX Runtime"].values()) == {"ONNX Runtime", "—"}
    assert said.startswith("No numbers of ONNX Runtime: ConverterError: op Erf is not known!!!")
    assert said.endswith("!… (See the log)")
    assert len(said) < 300
    assert (of.failed, of.exported) == (True, False)


def test_half_precision_is_named_where_a_runtime_failed() -> None:
    failed = Deployed(
        runtime="onnx", title="ONNX", exact=True, failure=Failure(type="E", message="bfloat16", advice="See it.")
    )
    _, said = shown(deployment(row("keras"), failed, precision="mixed_bfloat16"))
    assert "The model computes in mixed_bfloat16, which few runtimes support" in said
    assert "mixed_bfloat16" not in shown(deployment(row("keras"), row("litert"), precision="mixed_bfloat16"))[1]


def test_a_runtime_that_lost_its_times_keeps_its_answers() -> None:
    killed = Failure(type="SIGKILL", message="the process was killed", advice="See the log.")
    of = deployment(row("keras"), row("litert", failure=killed))
    rows, said = shown(of)
    assert rows["litert"]["Top-1"] == "75.0%"
    assert said.splitlines()[-1] == "No times of litert: SIGKILL: the process was killed (See the log)"
    assert (of.failed, of.exported) == (True, True)


def test_no_time_from_fewer_than_six_calls() -> None:
    rows, _ = shown(deployment(row("keras", steps=steps(0.01, 0.04, rounds=((0.01,),) * 5))))
    assert "ms, 1 image" not in rows["keras"]


def test_times_that_are_not_stable_are_marked_unless_none_is() -> None:
    unstable = row("litert", steps=steps(0.01, 0.04, doubts=(LOAD,)))
    some = deployment(row("keras", steps=steps(0.01, 0.04)), unstable)
    assert shown(some)[0]["litert"]["ms, 1 image"] == "~10"
    assert "~ marks a time that is not stable (load)." in DEPLOYMENT_FORMATS["text"](some)
    none = deployment(unstable)
    assert shown(none)[0]["litert"]["ms, 1 image"] == "10"
    assert "No time is stable (load)" in DEPLOYMENT_FORMATS["text"](none)


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_each_format_names_the_conditions(name: str) -> None:
    said = DEPLOYMENT_FORMATS[name](deployment(row("keras", steps=steps(0.01, 0.04))))
    for words in ("Trained models of keep after export", "Test CPU, 2 threads", "keras 3.15.1", "predict_on_batch"):
        assert words in said


def test_json_has_the_samples() -> None:
    content = json.loads(DEPLOYMENT_FORMATS["json"](deployment(row("keras", steps=steps(0.01, 0.04)))))
    (of,) = content["models"][0]["runtimes"]
    assert (of["correct"], of["changed"], [len(step["rounds"]) for step in of["steps"]]) == (3, 0, [2, 2])
