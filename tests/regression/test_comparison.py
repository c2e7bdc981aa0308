"""Comparing two sides: which cells belong together, what can be compared, and every verdict there is."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import xmlschema

from tests import builders
from tlbench.core.cell import Cell, Named
from tlbench.core.errors import UserError
from tlbench.regression import accuracies, baseline
from tlbench.regression.comparison import Comparison, compare
from tlbench.regression.decide import confirmed, flagged, undecided
from tlbench.regression.entries import Entry, Side, entry, merged, pack, unpack
from tlbench.regression.gates import Gates
from tlbench.regression.verdicts import Judgement
from tlbench.reporting import comparison_formats as outputs
from tlbench.reporting.judgements import change
from tlbench.results.record import Failure, Record, Timings
from tlbench.suite.schema import GatesSection

RIGHT = np.arange(200) % 10 != 0
FAILED = Failure(type="ValueError", message="no such layer", advice="Choose another.")


def timed(base: float = 0.02, session: str | None = None, **changes: Any) -> Timings:
    """Step times whose rounds wobble by 1 %; two processes of 20 rounds."""
    wobble = 1 + 0.01 * np.sin(np.arange(40) * (1 + 7 * changes.pop("phase", 0)))
    rounds = tuple((float(base * one),) for one in wobble)
    step = builders.step(
        "inference", base, rounds=rounds, session=session, draws=(20, 20), drift=(0.98, 1.02), **changes
    )
    return builders.timings().model_copy(update={"steps": (step,)})


def made(right: np.ndarray = RIGHT, of: Cell | None = None, **changes: Any) -> Entry:
    fields: dict[str, Any] = {"timings": timed()} | changes
    accuracy = builders.accuracy(int(right.sum()), len(right))
    record: Record = builders.record(of or builders.cell(), accuracy=accuracy, **fields)
    return entry(record, right)


def side(*entries: Entry, **changes: Any) -> Side:
    return Side(name=changes.pop("name", "side"), entries=entries, **changes)


def judged(base: Sequence[Entry], new: Sequence[Entry], **gates: Any) -> Comparison:
    return compare(side(*base, name="base"), side(*new, name="new"), Gates(**gates))


def one(found: Comparison, name: str) -> Judgement:
    (judgement,) = [each for each in found.judgements if each.name == name]
    return judgement


def test_equal_runs_are_unchanged_where_that_can_be_known() -> None:
    found = judged([made()], [made()])
    assert one(found, "accuracy").verdict == "unchanged"
    assert one(found, "params").verdict == "unchanged"
    assert one(found, "peak memory").verdict == "unchanged"
    time = one(found, "inference time, batch 32")
    assert time.verdict == "inconclusive"
    assert "tlbench ab" in time.decide
    assert found.exit_code == 0


@pytest.mark.parametrize(("factor", "verdict"), [(1.1, "regressed"), (0.9, "improved"), (1.0, "unchanged")])
def test_interleaved_pairs_decide_ten_percent(factor: float, verdict: str) -> None:
    base, new = made(timings=timed(0.02, "s")), made(timings=timed(0.02 * factor, "s", phase=1))
    found = judged([base], [new])
    time = one(found, "inference time, batch 32")
    assert time.verdict == verdict
    assert time.effect == pytest.approx(factor - 1, abs=0.004)
    assert time.low is not None
    assert time.high is not None
    assert time.low <= factor - 1 <= time.high
    assert found.exit_code == (1 if verdict == "regressed" else 0)


def test_pairs_of_one_process_do_not_show_a_regression() -> None:
    both = [timed(0.02, "s"), timed(0.025, "s", phase=1)]
    alone = [
        one.model_copy(update={"steps": tuple(step.model_copy(update={"draws": ()}) for step in one.steps)})
        for one in both
    ]
    time = one(judged([made(timings=alone[0])], [made(timings=alone[1])]), "inference time, batch 32")
    assert (time.verdict, time.reason) == ("inconclusive", "one process a side was timed, and one process is one draw")


def test_different_sessions_are_no_pairs() -> None:
    found = judged([made(timings=timed(0.02, "one"))], [made(timings=timed(0.022, "two"))])
    assert one(found, "inference time, batch 32").verdict == "inconclusive"


@pytest.mark.parametrize(("factor", "verdict"), [(1.15, "inconclusive"), (1.6, "regressed"), (0.6, "improved")])
def test_a_stored_time_is_judged_only_beyond_the_drift(factor: float, verdict: str) -> None:
    new = timed(0.02 * factor, low=0.0195 * factor, high=0.0205 * factor, normalised=0.4 * factor)
    base = timed(0.02, low=0.0195, high=0.0205, normalised=0.4)
    assert one(judged([made(timings=base)], [made(timings=new)]), "inference time, batch 32").verdict == verdict


def test_several_runs_a_side_are_ranked() -> None:
    def runs(base: float) -> Entry:
        draws = [
            made(timings=timed(base * wobble, normalised=base * wobble))
            for wobble in (1, 1.01, 0.99, 1.02, 1.005, 0.995)
        ]
        return merged(draws)

    time = one(judged([runs(0.02)], [runs(0.024)]), "inference time, batch 32")
    assert time.verdict == "regressed"
    assert time.effect == pytest.approx(0.2, abs=0.02)
    assert one(judged([runs(0.02)], [runs(0.02)]), "inference time, batch 32").verdict == "unchanged"


def test_times_of_another_machine_are_not_judged_but_all_else_is() -> None:
    new = made(environment=builders.environment(cpu="Other CPU"), timings=timed(0.5))
    found = judged([made()], [new])
    time = one(found, "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "taken on another machine (cpu differ)")
    assert one(found, "accuracy").verdict == "unchanged"
    assert one(found, "params").verdict == "unchanged"
    assert found.exit_code == 0


def test_times_by_another_protocol_are_not_judged() -> None:
    other = timed().model_copy(update={"protocol": "keras"})
    time = one(judged([made()], [made(timings=other)]), "inference time, batch 32")
    assert (time.verdict, time.reason) == ("not comparable", "timed in another way (protocol differ)")


def test_accuracy_is_judged_image_by_image() -> None:
    worse = RIGHT.copy()
    worse[1:13] = False
    found = judged([made()], [made(worse)])
    accuracy = one(found, "accuracy")
    assert accuracy.verdict == "regressed"
    assert accuracy.effect == pytest.approx(-0.055)
    assert accuracy.adjusted == pytest.approx(2 / 2**11)
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < -0.055 < accuracy.high < 0
    assert judged([made(worse)], [made()]).of("improved")
    assert one(judged([made()], [made(worse)], accuracy=0.1), "accuracy").verdict == "unchanged"


def test_a_small_loss_that_may_be_chance_is_inconclusive_and_says_how_many_images_decide() -> None:
    worse = RIGHT.copy()
    worse[1:7], worse[0] = False, True
    accuracy = one(judged([made()], [made(worse)]), "accuracy")
    assert accuracy.verdict == "inconclusive"
    assert "test images" in accuracy.decide


def test_seeds_are_one_block() -> None:
    cells = [builders.cell(seed=seed) for seed in range(3)]
    worse = RIGHT.copy()
    worse[1:5] = False
    found = judged([made(of=cell) for cell in cells], [made(worse, of=cell) for cell in cells])
    accuracy = one(found, "accuracy")
    assert accuracy.seeds == 3
    assert accuracy.adjusted == pytest.approx(2 / 2**4)  # four images, however many seeds


def test_one_training_a_side_may_have_been_lucky() -> None:
    worse = RIGHT.copy()
    worse[1:10] = False  # 4.5 points, significant on the images
    accuracy = one(judged([made()], [made(worse)]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("inconclusive", accuracies.ONE_TRAINING)
    assert accuracy.decide == "more seeds"


def test_a_difference_that_seeds_of_one_side_show_too_is_no_regression() -> None:
    cells = [builders.cell(seed=seed) for seed in range(3)]
    lost = [RIGHT.copy() for _ in cells]
    for number, right in enumerate(lost):
        right[1 : 4 + 9 * number] = False  # 1.5, 5.5 and 9.5 points
    found = judged(
        [made(of=one) for one in cells], [made(right, of=one) for one, right in zip(cells, lost, strict=True)]
    )
    accuracy = one(found, "accuracy")
    assert accuracy.effect is not None
    assert accuracy.effect < -0.05
    assert (accuracy.verdict, accuracy.reason) == ("inconclusive", accuracies.SEEDS_VARY)


def test_without_answers_the_proportions_are_compared() -> None:
    bare = [made(right).model_copy(update={"right": None}) for right in (RIGHT, RIGHT & (np.arange(200) > 60))]
    accuracy = one(judged(bare[:1], bare[1:]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("regressed", "two proportions")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": "0" * 64}, "trained and tested on other images"),
        ({"weights": "b" * 64}, "started from other weights"),
        ({"fallbacks": ("synthetic data",)}, "stand-ins differ: none in the base, synthetic data now"),
    ],
)
def test_accuracies_of_other_images_weights_or_stand_ins_are_not_judged(changes: dict[str, Any], reason: str) -> None:
    accuracy = one(judged([made()], [made().model_copy(update=changes)]), "accuracy")
    assert (accuracy.verdict, accuracy.reason) == ("not comparable", reason)


@pytest.mark.parametrize(
    ("peak", "verdict"), [(600, "unchanged"), (620, "unchanged"), (650, "inconclusive"), (700, "regressed")]
)
def test_memory_has_its_own_noise(peak: int, verdict: str) -> None:
    memory = builders.record().memory
    assert memory is not None
    new = made(memory=memory.model_copy(update={"peak": peak * 2**20}))
    assert one(judged([made()], [new]), "peak memory").verdict == verdict


def test_counts_are_exact() -> None:
    counts = builders.record().counts
    assert counts is not None
    more = made(counts=counts.model_copy(update={"params": counts.params + 1}))
    assert one(judged([made()], [more]), "params").verdict == "regressed"
    assert one(judged([more], [made()]), "params").verdict == "improved"


def test_failing_fixed_missing_and_new_cells() -> None:
    fine, other = made(), made(of=builders.cell(strategy=Named(name="full")))
    broken = entry(builders.record(status="failed", failure=FAILED, timings=None, accuracy=None, counts=None), None)
    assert judged([fine], [broken]).exit_code == 2
    assert "ValueError: no such layer" in judged([fine], [broken]).of("newly failing")[0].reason
    assert judged([broken], [fine]).of("fixed")
    missing = judged([fine, other], [fine])
    assert (len(missing.of("missing")), missing.exit_code) == (1, 2)
    assert judged([fine], [fine, other]).of("new")


def test_nothing_compared_is_never_fine() -> None:
    broken = entry(builders.record(status="failed", failure=FAILED, timings=None, accuracy=None, counts=None), None)
    assert judged([broken], [broken]).exit_code == 3
    assert judged([], [made()]).exit_code == 3


def test_cells_that_differ_only_in_how_they_are_measured_belong_together() -> None:
    quick, longer = builders.cell(), builders.cell(timing=None)
    found = judged([made(of=quick)], [made(of=longer, timings=None)])
    assert one(found, "accuracy").verdict == "unchanged"
    assert found.of("missing")[0].name == "inference time, batch 32"


def test_gates_of_some_cells() -> None:
    section = GatesSection.model_validate(
        {"time": "5%", "cells": [{"backbone": "Mobile*", "time": "20%"}, {"strategy": "full", "accuracy": "4pp"}]}
    )
    gates = section.value()
    found = gates.of(builders.cell(strategy=Named(name="full")))
    assert (found.time, found.accuracy) == (0.2, 0.04)
    assert gates.of(builders.cell(backbone=Named(name="ResNet50"))).time == 0.05


def test_measuring_goes_on_until_a_step_is_decided() -> None:
    def rounds(values: np.ndarray) -> list[tuple[float, ...]]:
        return [(float(one),) for one in values]

    generator = np.random.default_rng(0)
    quiet, noisy = 1 + generator.normal(0, 0.01, (2, 20)), 1 + generator.normal(0, 0.2, (2, 20))
    found = {
        "quiet": ([rounds(quiet[0])], [rounds(quiet[1])]),
        "noisy": ([rounds(np.abs(noisy[0]))], [rounds(np.abs(noisy[1]))]),
        "slower": ([rounds(quiet[0])], [rounds(1.2 * quiet[1])]),
    }
    left = undecided(found, dict.fromkeys(found, 0.05))
    assert set(left) == {"noisy", "slower"}  # one process a side is not enough to say slower
    assert left["noisy"] > 100


def test_what_is_not_confirmed_is_inconclusive() -> None:
    worse = RIGHT.copy()
    worse[1:13] = False
    first = judged([made()], [made(worse)])
    (flag,) = flagged(first)
    assert flag.name == "accuracy"
    kept, gone = confirmed(first, judged([made()], [made(worse)])), confirmed(first, judged([made()], [made()]))
    assert (kept.exit_code, gone.exit_code) == (1, 0)
    assert one(gone, "accuracy").reason == "measured again it was unchanged"
    counts = builders.record().counts
    assert counts is not None
    more = judged([made()], [made(counts=counts.model_copy(update={"params": counts.params + 1}))])
    assert not flagged(more)
    assert confirmed(more, judged([made()], [made()])).exit_code == 1


def test_a_baseline_is_small_text_and_says_the_same(tmp_path: Path) -> None:
    run = side(made(timings=timed(session="s")), made(of=builders.cell(seed=1)), suite="small", created="2026-01-31")
    file = tmp_path / "base.json"
    baseline.write(run, file)
    content = file.read_text()
    assert len(content) < 6000
    assert content.count("Test CPU") == 1
    assert json.loads(content)["tlbench_baseline"] == 1
    found = compare(baseline.read(file), run, Gates())
    assert {one.verdict for one in found.judgements if one.metric != "time"} == {"unchanged"}
    assert found.exit_code == 0
    again = tmp_path / "again.json"
    baseline.write(side(*reversed(run.entries), suite="small", created="2026-01-31"), again)
    assert again.read_text() == content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no baseline: it is no JSON"),
        ("[]", "is no baseline; `tlbench baseline save RUN FILE` writes one"),
        ('{"tlbench_baseline": 99}', "has schema 99, this tlbench reads 1; upgrade tlbench"),
        ('{"tlbench_baseline": 1, "cells": [{}]}', "is damaged"),
    ],
)
def test_what_is_no_baseline_is_refused_in_a_sentence(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    file.write_text(content)
    with pytest.raises(UserError, match=r"base\.json") as caught:
        baseline.read(file)
    assert said in str(caught.value)


def test_answers_survive_packing() -> None:
    right = np.random.default_rng(0).random(1001) < 0.9
    np.testing.assert_array_equal(unpack(pack(right), 1001), right)
    with pytest.raises(ValueError, match="not those of 10 answers"):
        unpack(pack(right), 10)


def many() -> Comparison:
    """24 cells, one of them worse, one failing, one noisy."""
    cells = [builders.cell(seed=seed, strategy=Named(name=name)) for name in ("frozen", "full") for seed in range(12)]
    base = [made(of=cell, timings=timed(0.02, "s")) for cell in cells]
    new = [made(of=cell, timings=timed(0.02 if number else 0.024, "s", phase=1)) for number, cell in enumerate(cells)]
    new[5] = entry(
        builders.record(cells[5], status="oom", failure=FAILED, timings=None, accuracy=None, counts=None), None
    )
    return judged(base, new)


def test_markdown_of_24_cells_fits_a_screen() -> None:
    text = outputs.markdown(many())
    lines = text.splitlines()
    assert len(lines) <= 40
    assert text.count("\n|") == 26
    assert "| **regressed**" in text
    assert "seed 0" in text
    assert "gap" not in "".join(line for line in lines if line.startswith("|"))
    assert "oom: ValueError: no such layer" in text


def test_junit_has_a_case_for_each_number_and_a_failure_for_each_regression() -> None:
    found = many()
    root = ElementTree.fromstring(outputs.junit(found))
    (suite,) = root
    assert suite.get("tests") == str(len(found.judgements)) == str(len(suite.findall("testcase")))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "2"
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
    assert {failure.get("type") for failure in suite.iter("failure")} == {"regressed", "newly failing"}


def test_junit_is_what_its_readers_expect() -> None:
    """Against a schema of our own, which is stricter than those of the programs that read JUnit XML."""
    schema = xmlschema.XMLSchema(Path(__file__).parents[1] / "data" / "junit.xsd")
    text = outputs.junit(many())
    schema.validate(text)
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(text.replace(' tests="', ' test="'))


def test_github_annotations_are_escaped_one_a_line() -> None:
    lines = outputs.github(many()).splitlines()
    assert lines[0].startswith("::error title=tlbench%3A inference time%2C batch 32 regressed::")
    assert all(line.startswith("::") for line in lines)
    assert "20.0%25" in lines[0]


def test_json_is_strict_and_whole() -> None:
    found = many()
    content = json.loads(outputs.as_json(found), parse_constant=lambda name: pytest.fail(name))
    assert content["exit_code"] == 1
    assert len(content["cells"]) == 24
    assert sum(len(cell["judgements"]) for cell in content["cells"]) == len(found.judgements)


def test_effects_without_an_interval_are_shown_as_unknown() -> None:
    judgement = many().judgements[0].model_copy(update={"low": -math.inf, "high": math.inf, "effect": -0.0001})
    assert change(judgement) in {"0.0% (? to ?)", "0.0 points (? to ?)"}
