"""What a cell costs, beside what the committed runs took."""

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import chain, permutations
from pathlib import Path

import pytest

from tests import builders
from tlbench.core.cell import Named, Scalar
from tlbench.costs.predict import FACTORS, Cost, Part, cost_of
from tlbench.costs.speeds import SCALARS, Speeds, fitted, recorded_work, reference
from tlbench.costs.work import room_of, work_of
from tlbench.results.record import Record
from tlbench.results.store import Store

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
NOTHING = Speeds(0.0, 0.0, {}, 1.0)
ONE = Part(first=True, computed=0, timed=[])
IMAGES = {"train": 320, "validation": 100, "test": 50}


@cache
def records(run: str) -> tuple[Record, ...]:
    return Store(REFERENCE / run).read_all().records


def cost(of: Named, **changes: object) -> Cost:
    found = cost_of(builders.cell(strategy=of, **changes), IMAGES, ONE, reference(), reference())
    assert found is not None
    return found


def test_a_full_step_is_three_forward_passes_of_every_image() -> None:
    cell = builders.cell(strategy=Named(name="full"))
    work = work_of(cell, IMAGES, first=True, computed=470)
    assert work is not None
    forward = 14_978_304
    assert work.training == pytest.approx(3 * 320 * 3 * forward)  # epochs, images, passes
    assert work.forward == pytest.approx((470 + 3 * 100 + 50) * forward)
    assert (work.built, work.traced, work.steps) == (54, 54, 30)


def test_a_cut_model_is_trained_above_its_boundary_and_a_later_seed_is_not_built_again() -> None:
    full, partial = (
        work_of(builders.cell(strategy=Named(name=name, args=args)), IMAGES, first=False, computed=0)
        for name, args in (("full", {}), ("partial", {"trainable": 0.5}))
    )
    assert full is not None
    assert partial is not None
    assert partial.training == pytest.approx(full.training / 2)
    assert partial.built == 0
    named = Named(name="partial", args={"from_layer": "conv_pw_11"})  # nothing is known of names: all is trained
    whole = work_of(builders.cell(strategy=named), IMAGES, first=False, computed=0)
    assert whole is not None
    assert whole.training == full.training


def test_a_frozen_cell_is_its_feature_pass() -> None:
    work = work_of(builders.cell(), IMAGES, first=True, computed=470)
    assert work is not None
    assert (work.training, work.traced, work.steps) == (0, 0, 0)
    room = room_of(builders.cell(), IMAGES)
    assert room is not None
    assert (room.images, room.features, room.outputs) == (470 * 96 * 96 * 3, 470 * 256 * 4, 0)


def test_more_is_freed_the_more_it_costs_and_half_a_batch_takes_less_memory() -> None:
    frozen, partial, full = (cost(Named(name=name, args=args)) for name, args in STRATEGIES)
    assert frozen.seconds < partial.seconds < full.seconds
    assert frozen.memory < partial.memory < full.memory
    train = builders.cell().training.model_copy(update={"batch_size": 16})
    assert cost(Named(name="full"), train=train).memory < full.memory


STRATEGIES: tuple[tuple[str, dict[str, Scalar]], ...] = (("frozen", {}), ("partial", {"trainable": 0.3}), ("full", {}))


def test_step_times_cost_as_long_as_they_are_asked_to_last() -> None:
    cell = builders.cell()
    timed = replace(ONE, timed=[("inference", 32)])
    found = cost_of(cell, IMAGES, timed, reference(), reference())
    assert found is not None
    assert found.timing > cell.protocol.seconds


def test_the_reference_machine_is_what_its_runs_say() -> None:
    fit = fitted([*records("small-cpu"), *records("keras-table-cpu")], NOTHING)
    assert {name: getattr(reference(), name) for name in SCALARS} == pytest.approx(
        {name: getattr(fit, name) for name in SCALARS}, rel=1e-3
    )
    assert reference().forward == pytest.approx(dict(fit.forward), rel=1e-3)


def test_a_backbone_that_was_not_measured_is_as_fast_as_its_family_on_a_machine_as_much_slower() -> None:
    here = Speeds(1.0, 1.0, {"ResNet50": reference().forward["ResNet50"] / 4}, 1.0)
    assert here.of(Named(name="VGG16"), reference()) == pytest.approx(reference().forward["VGG16"] / 4)
    known = Speeds(1.0, 1.0, {"MobileNet": 9e9, "MobileNet (alpha=0.25)": 3e9, "VGG16": 200e9}, 1.0)
    assert known.of(Named(name="MobileNet", args={"alpha": 0.3})) == 6e9  # the median of its family
    assert known.of(Named(name="ResNet50")) == 9e9  # of all


def test_stated_errors_are_those_of_runs_that_were_held_out() -> None:
    """Each run is predicted from each other one, and by the reference speeds; see docs/performance.md."""
    same, others, nothing = list[float](), list[float](), list[float]()
    for of, held in permutations(map(records, RUNS), 2):
        same += off(held, fitted(of, NOTHING))
        for label in {record.cell.backbone.label for record in held}:
            known = {name: speed for name, speed in reference().forward.items() if name != label}
            fit = fitted([record for record in of if record.cell.backbone.label != label], NOTHING)
            asked = [record for record in held if record.cell.backbone.label == label]
            others += off(asked, fit, replace(reference(), forward=known))
    for run in RUNS[:2]:  # small-cpu is what the reference speeds are made of
        nothing += off(records(run), reference())
    stated = [FACTORS["backbone"], FACTORS["machine"], FACTORS["reference"]]
    assert stated == pytest.approx([within(same), within(others), within(nothing)], rel=0.03)


RUNS = ("strategies", "images", "small-cpu")


def off(held: Iterable[Record], fit: Speeds, beside: Speeds | None = None) -> list[float]:
    """By what factor the seconds of held-out records were missed."""
    found = []
    for record in held:
        work = recorded_work(record)
        assert work is not None
        told = fit.seconds(work, record.cell.backbone, beside or reference())
        found.append(math.exp(abs(math.log(told / sum(record.phases.values())))))
    return found


def within(errors: list[float]) -> float:
    return sorted(errors)[int(0.9 * len(errors))]


def test_peak_memory_of_the_committed_runs_is_predicted_within_a_quarter() -> None:
    missed = []
    for record in chain.from_iterable(map(records, RUNS)):
        assert record.data is not None
        assert record.memory is not None
        assert record.memory.peak is not None
        images = {split: sum(of.values()) for split, of in record.data.counts.items()}
        found = cost_of(record.cell, images, ONE, reference(), reference())
        assert found is not None
        missed.append(math.exp(abs(math.log(found.memory / record.memory.peak))))
    assert within(missed) < 1.25
