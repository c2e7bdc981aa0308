"""Which cells of two sides are matched, and what they are called where several have the same label."""

import random
from itertools import product
from typing import Literal
from xml.etree import ElementTree

from tests import builders
from tests.regression.sides import judged, made
from tlbench.core.cell import Cell, Limit, Named
from tlbench.core.cell_settings import labels
from tlbench.core.training import Training
from tlbench.regression.matching import HOW, paired
from tlbench.reporting.comparison_formats import COMPARISON_FORMATS


def cell(images: int = 100, epochs: int = 3, jit: Literal["auto", "on"] = "auto", recipe: int = 1) -> Cell:
    train = Training(epochs=epochs, batch_size=32, optimizer="adam", learning_rate=1e-3)
    return builders.cell(limit=Limit(train=images), train=train, jit=jit, recipe=recipe)


def differences(one: Cell, other: Cell) -> int:
    return sum(getattr(one, field) != getattr(other, field) for field in HOW)


def test_each_number_of_images_keeps_its_counterpart_where_all_are_trained_for_longer() -> None:
    base, new = ([cell(images, epochs) for images in (100, 400)] for epochs in (3, 5))
    assert paired(base, new) == {now.id: before.id for before, now in zip(base, new, strict=True)}


def test_no_cell_is_matched_while_a_nearer_one_is_left_and_the_order_and_the_sides_do_not_matter() -> None:
    jits: tuple[Literal["auto", "on"], ...] = ("auto", "on")
    every = [cell(*values) for values in product((100, 200), (3, 5), jits, (1, 2))]
    drawn = random.Random(0)
    for _ in range(1000):
        base, new = (drawn.sample(every, drawn.randint(1, 4)) for _ in range(2))
        pairs = paired(base, new)
        assert paired(base[::-1], new[::-1]) == pairs
        assert paired(new, base) == {before: now for now, before in pairs.items()}
        cells = {one.id: one for one in every}
        left = [one for one in base if one.id not in pairs.values()]
        for now, before in pairs.items():
            nearest = min((differences(one, cells[now]) for one in left), default=len(HOW))
            assert differences(cells[before], cells[now]) <= nearest


def test_a_cell_is_called_by_the_settings_that_tell_it_from_its_namesakes() -> None:
    base, new = ([made(of=cell(images, epochs)) for images in (100, 400)] for epochs in (3, 5))
    found = judged(base, new)
    plain = cell().label
    called = [f"{plain} · training images per class {images}" for images in (100, 400)]
    assert [one.label for one in found.cells] == called
    assert {one.of for one in found.judgements} == set(called)
    report = str(COMPARISON_FORMATS["junit"](found))
    assert {case.get("classname") for case in ElementTree.fromstring(report).iter("testcase")} == set(called)
    alone = judged(base[:1], new[:1])
    assert [one.label for one in alone.cells] == [plain]


def test_a_label_has_no_setting_in_which_only_others_differ() -> None:
    others = [cell().model_copy(update={"backbone": Named(name="VGG16"), "image_size": size}) for size in (64, 96)]
    said = labels([cell(epochs=3), cell(epochs=5), *others])
    assert [one.rpartition("seed 0")[2] for one in said] == [
        " · epochs 3", " · epochs 5", " · image size 64", " · image size 96",
    ]  # fmt: skip


def test_namesakes_that_differ_in_nothing_a_table_shows_are_called_by_their_ids() -> None:
    cells = [cell(recipe=1), cell(recipe=2)]
    assert labels(cells) == [f"{one.label} · {one.id}" for one in cells]
