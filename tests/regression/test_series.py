"""History: which numbers are followed, on which machine, and where their level changed."""

import math

import numpy as np
import pytest

from tests import builders
from tests.regression.sides import RIGHT, made, side, timed
from tlbench.core.cell import Limit
from tlbench.regression.entries import Entry
from tlbench.regression.history import Series, series
from tlbench.regression.side import Side


def runs(*entries: Entry) -> list[Side]:
    return [
        side(entry, name=f"run{number}", created=f"2026-01-{number + 1:02}", commit=str(number) * 40)
        for number, entry in enumerate(entries)
    ]


def named(followed: list[Series], name: str) -> Series:
    (only,) = [each for each in followed if each.name == name]
    return only


def test_every_metric_says_what_is_followed() -> None:
    followed = series(runs(made(), made()))
    machine = "Test CPU, 2 threads"
    assert [(each.name, each.unit, each.machine) for each in followed] == [
        ("accuracy", "%", ""),
        ("inference time, batch 32, normalised", "", machine),
        ("inference time, batch 32", "ms", machine),
        ("peak memory", "MiB", machine),
        ("params", "", ""),
        ("flops", "", ""),
    ]
    assert [each.points[0].value for each in followed] == [90.0, 0.02 / 0.0505, 20.0, 600.0, 219058.0, 15e6]


def test_machines_are_followed_apart_where_it_matters() -> None:
    followed = series(runs(made(), made(environment=builders.environment(cpu="Other CPU"))))
    assert [each.machine for each in followed if each.name == "peak memory"] == [
        "Test CPU, 2 threads",
        "Other CPU, 2 threads",
    ]
    assert len(named(followed, "accuracy").points) == 2


def test_machines_with_processors_of_one_name_are_told_apart_by_what_differs() -> None:
    """Every generation of a server's processors may be called the same on a virtual machine."""
    followed = series(runs(*(made(environment=builders.environment(os=f"Linux 6.{one}")) for one in (1, 8, 1))))
    assert [(each.machine, len(each.points)) for each in followed if each.name == "peak memory"] == [
        ("Test CPU, 2 threads, operating system Linux 6.1", 2),
        ("Test CPU, 2 threads, operating system Linux 6.8", 1),
    ]


def test_stand_ins_and_other_images_begin_series_of_their_own() -> None:
    drawn = made().model_copy(update={"fallbacks": ("synthetic data",), "data": "a" * 64})
    more = made().model_copy(update={"data": "b" * 64})
    followed = series(runs(drawn, drawn, made(), more))
    assert {(each.number, len(each.points)) for each in followed if each.name == "accuracy"} == {
        ("accuracy · synthetic data", 2),
        (f"accuracy · images {(made().data or '')[:8]}", 1),
        ("accuracy · images bbbbbbbb", 1),
    }
    assert {(each.stand_ins, len(each.points)) for each in followed if each.name == "peak memory"} == {
        (("synthetic data",), 2),
        ((), 2),
    }
    assert len(named(followed, "params").points) == 4


def test_every_change_of_a_count_is_told_with_what_changed_then() -> None:
    counts = builders.record().counts
    assert counts is not None
    more = made(counts=counts.model_copy(update={"params": 219_059}))
    (change,) = named(series(runs(made(), made(), more)), "params").changes
    assert (change.since.run, change.at.run, change.before, change.after) == ("run1", "run2", 219058.0, 219059.0)
    assert change.causes == ["commit 111111111111 → 222222222222"]


def test_a_step_among_noise_is_found_and_given_its_medians() -> None:
    noise = np.random.default_rng(0).normal(0, 0.0002, 24)
    entries = [made(timings=timed(0.02 + float(noise[run]) + 0.01 * (run >= 12))) for run in range(24)]
    (change,) = named(series(runs(*entries)), "inference time, batch 32").changes
    assert change.at.run == "run12"
    expected = [1000 * np.median(0.02 + noise[:12]), 1000 * np.median(0.03 + noise[12:])]
    assert [change.before, change.after] == expected


def test_failed_cells_are_not_followed() -> None:
    failed = made().model_copy(update={"status": "failed"})
    assert len(named(series(runs(made(), failed, made(RIGHT))), "accuracy").points) == 2


def test_a_jump_of_30_percent_is_found_with_ten_runs() -> None:
    found = 0
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0, 0.03, 10)
        entries = [made(timings=timed(0.02 * (1 + float(noise[run]) + 0.3 * (run >= 5)))) for run in range(10)]
        changes = named(series(runs(*entries)), "inference time, batch 32").changes
        found += [change.at.run for change in changes] == ["run5"]
    assert found >= 8


def test_noise_that_hangs_together_over_a_page_of_series_is_no_change() -> None:
    """20 cells in 20 runs whose times follow each other with a correlation of 0.8."""
    generator = np.random.default_rng(0)
    cells = [builders.cell(seed=seed) for seed in range(20)]
    level, sides = np.zeros(20), list[Side]()
    for run in range(20):
        level = 0.8 * level + generator.normal(0, 0.03, 20)
        entries = [
            made(of=cell, timings=timed(0.02 * math.exp(value))) for cell, value in zip(cells, level, strict=True)
        ]
        sides.append(side(*entries, name=f"run{run}", created=f"2026-01-{run + 1:02}"))
    assert not [each for each in series(sides) if each.changes]


@pytest.mark.parametrize(
    ("other", "names"),
    [
        (made().model_copy(update={"weights": "b" * 64}), ["weights aaaaaaaa", "weights bbbbbbbb"]),
        (made(of=builders.cell(recipe=99)), [f"recipe edition {builders.cell().recipe}", "recipe edition 99"]),
    ],
)
def test_accuracies_that_are_not_compared_are_no_change_in_a_series(other: Entry, names: list[str]) -> None:
    worse = other.model_copy(update={"correct": 120, "right": None})
    followed = series(runs(*[made()] * 7, *[worse] * 7))
    accuracies = [one for one in followed if one.name == "accuracy"]
    assert [(one.number, len(one.points), one.changes) for one in accuracies] == [
        (f"accuracy · {name}", 7, ()) for name in names
    ]


def test_another_setting_is_another_series_that_is_named_by_what_differs() -> None:
    small, large = builders.cell(image_size=96), builders.cell(image_size=128)
    followed = series(runs(made(of=small), made(of=small), made(of=large)))
    accuracies = {each.cell: each for each in followed if each.name == "accuracy"}
    assert {name: len(each.points) for name, each in accuracies.items()} == {
        f"{small.label} · image_size 96": 2,
        f"{small.label} · image_size 128": 1,
    }
    assert [change for each in followed for change in each.changes] == []


def test_cells_of_one_run_that_differ_in_their_training_are_not_mixed() -> None:
    few, many = (builders.cell(limit=Limit(train=count)) for count in (10, 100))
    followed = series([side(made(of=few), made(of=many))])
    assert [each.cell.rpartition(" · ")[2] for each in followed if each.name == "accuracy"] == [
        "limit.train 10",
        "limit.train 100",
    ]
    assert {len(each.points) for each in followed} == {1}


def test_of_settings_that_always_go_together_one_is_named() -> None:
    few, many = (builders.cell(limit=Limit(train=count, test=2 * count), image_size=96) for count in (10, 100))
    larger = builders.cell(limit=Limit(train=10, test=20), image_size=128)
    followed = series([side(made(of=few), made(of=many), made(of=larger))])
    assert [each.cell.removeprefix(few.label) for each in followed if each.name == "accuracy"] == [
        " · image_size 96 · limit.test 20",
        " · image_size 96 · limit.test 200",
        " · image_size 128 · limit.test 20",
    ]


def test_how_long_steps_are_timed_begins_no_new_series() -> None:
    cell = builders.cell()
    longer = cell.model_copy(update={"timing": cell.protocol.model_copy(update={"iterations": 500})})
    assert {len(each.points) for each in series(runs(made(of=cell), made(of=longer)))} == {2}


def test_memory_is_followed_apart_by_batch_size_and_by_what_was_trained_on() -> None:
    def stepped(batch_size: int) -> Entry:
        step = builders.step("training", batch_size=batch_size, memory=100 * 2**20)
        cell = builders.cell()
        timing = cell.protocol.model_copy(update={"batch_size": batch_size})
        timings = builders.timings().model_copy(update={"steps": (step,)})
        return made(of=cell.model_copy(update={"timing": timing}), timings=timings)

    followed = series(runs(stepped(8), stepped(32), stepped(32)))
    memory = {each.name: len(each.points) for each in followed if each.unit == "MiB"}
    assert memory == {"memory of a training step, batch 8": 1, "memory of a training step, batch 32": 2}

    entries = [made().model_copy(update={"trained_on": on}) for on in ("features", "features, kept from earlier")]
    memory = {each.name: len(each.points) for each in series(runs(*entries)) if each.unit == "MiB"}
    assert memory == {
        "peak memory, training on features": 1,
        "peak memory, training on cached features": 1,
    }


def test_times_are_followed_on_the_machine_that_took_them() -> None:
    here = made()
    elsewhere = made(timings=timed().model_copy(update={"environment": builders.environment(cpu="Server CPU")}))
    followed = series(runs(here, elsewhere))
    times = [each.machine for each in followed if each.name == "inference time, batch 32"]
    assert times == ["Test CPU, 2 threads", "Server CPU, 2 threads"]
    assert [each.machine for each in followed if each.name == "peak memory"] == ["Test CPU, 2 threads"]
