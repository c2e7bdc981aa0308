"""What falls to each cell of a plan, and what is said of it."""

from tests import builders
from tests.execution.test_groups import FROZEN, FULL
from tlbench.core.cell import Limit, Named
from tlbench.core.duration import duration
from tlbench.core.training import Training
from tlbench.costs.predict import Cost
from tlbench.execution.predicted import (
    cost_sentences,
    memory_sentences,
    predicted,
    taken_sentence,
    told_counts,
)
from tlbench.results.measured import Memory

IMAGES = {"train": 100, "validation": 50, "test": 50}
COST = Cost(seconds=60.0, timing=0.0, memory=2e9, images=3e6, features=1e6, known="machine")


def test_the_first_cell_bears_what_is_shared() -> None:
    cells = [builders.cell(strategy=one, seed=seed) for one in (FROZEN, FULL) for seed in (0, 1)]
    costs = [predicted(cells, lambda _: IMAGES, [])[cell.id] for cell in cells]
    frozen, again, full, later = (cost.seconds for cost in costs)
    assert frozen > again
    assert full > later
    assert [cost.timing > 0 for cost in costs] == [True, False, True, False]
    alone = predicted(cells[2:3], lambda _: IMAGES, [])[cells[2].id]
    assert alone.seconds > full  # the feature pass is its own then
    every = predicted(cells, lambda _: IMAGES, [], alone=True)
    assert every[cells[2].id] == alone
    assert (
        every[cells[0].id].seconds < alone.seconds
    )  # whichever comes first in a suite, a head costs less than all layers


def test_what_is_unknown_has_no_prediction() -> None:
    known, unknown = builders.cell(), builders.cell(backbone=Named(name="AlexNet"), weights="random")
    assert predicted([known, unknown], lambda _: IMAGES, []).keys() == {known.id}
    assert predicted([known], lambda _: None, []) == {}
    said = cost_sentences([known, unknown], {known.id: COST}, free=10**10)
    assert said[0].startswith(
        "Predicted for 1 of 2 cells: 60 s of training, added up; 2.0 GB of memory for the largest cell; 4 MB"
    )
    assert said[1].startswith("Known from other backbones on this machine")
    size = "1 cell without a prediction, since the size of AlexNet is not known before `run` reads them."
    assert said[2] == size
    both = cost_sentences([known, unknown], {}, free=10**10)
    assert both == [
        "2 cells without a prediction, since the size of AlexNet and the number of images of cats_dogs are not known "
        "before `run` reads them."
    ]


def test_how_many_images_there_are_is_told_by_the_suite_the_archive_or_an_earlier_run() -> None:
    counts_of = told_counts([])
    limited = Limit(train=10, validation=5, test=20)
    assert counts_of(builders.cell(limit=limited)) == {"train": 20, "validation": 10, "test": 40}
    assert counts_of(builders.cell()) == {"train": 200, "validation": 500, "test": 1000}
    assert counts_of(builders.cell(limit=Limit(train=50_000, validation=5))) == {
        "train": 2000,
        "validation": 10,
        "test": 1000,
    }, "no more than the archive has"
    intel = builders.cell(dataset=Named(name="intel"))
    assert counts_of(intel) is None
    two = intel.model_copy(
        update={"dataset": Named(name="intel", args={"classes": '["sea", "forest"]'}), "limit": limited}
    )
    assert counts_of(two) == {"train": 20, "validation": 10, "test": 40}
    assert counts_of(builders.cell(dataset=Named(name="of_mine"), limit=limited)) is None
    drawn = builders.cell(dataset=Named(name="synthetic"), limit=Limit(train=10))
    assert counts_of(drawn) == {"train": 20, "validation": 100, "test": 200}
    like = builders.cell(dataset=Named(name="synthetic", args={"like": "intel"}), limit=Limit())
    assert counts_of(like) == {"train": 1200, "validation": 300, "test": 600}
    earlier = told_counts([builders.record(intel)])
    assert earlier(intel.model_copy(update={"seed": 3})) == {"train": 200, "validation": 200, "test": 200}


def test_a_batch_has_no_more_images_than_there_are() -> None:
    def memory(batch: int) -> float:
        train = Training(epochs=1, batch_size=batch, optimizer="adam", learning_rate=1)
        cell = builders.cell(train=train, strategy=Named(name="full"))
        return predicted([cell], lambda _: IMAGES, [])[cell.id].memory

    assert memory(10**5) == memory(IMAGES["train"]) > memory(1)


def test_cells_that_may_not_fit_are_named() -> None:
    small, large = (
        builders.cell(),
        builders.cell(train=Training(epochs=1, batch_size=999, optimizer="adam", learning_rate=1)),
    )
    costs = predicted([small, large], lambda _: IMAGES, [])
    assert memory_sentences([small, large], costs, free=10**10) == []
    (said,) = memory_sentences([small, large], costs | {large.id: COST}, free=10**9)
    assert said.startswith("Memory may not be enough for 1 cell, with 1.0 GB free: ")
    assert f"({large.id}, 2.0 GB)" in said
    assert small.id not in said


def test_the_prediction_stands_beside_what_was_taken() -> None:
    near, far = builders.cell(), builders.cell(seed=1)
    memory = Memory(peak=3 * 10**9, start=1, device_peak=None, weights=1, gradients=1, optimizer=1)
    records = [
        builders.record(near).model_copy(update={"phases": {"build": 20.0, "train": 80.0}, "memory": memory}),
        builders.record(far).model_copy(update={"phases": {"train": 500.0}, "memory": memory}),
        builders.failed(builders.cell(seed=2)),
    ]
    assert taken_sentence({record.cell_id: COST for record in records}, records) == (
        "Training was predicted to take 2 min and took 10 min, added up over 2 cells."
    )
    assert taken_sentence({}, records) == ""
    one = taken_sentence({records[0].cell_id: COST}, records)
    assert one.startswith("Training was predicted to take ")
    assert one.endswith(" and took 2 min.")


def test_durations_have_the_unit_one_would_say() -> None:
    assert [duration(seconds) for seconds in (4.4, 99, 600, 7200)] == ["4 s", "99 s", "10 min", "2.0 h"]
