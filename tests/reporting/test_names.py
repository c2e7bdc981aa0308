"""What is compared has a name of its own, in tables, pictures, files and what other tools read."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.reporting.tables import table, text_of
from tlbench.core.cell import Cell, Head, Limit, Named, StepName
from tlbench.regression.contrasts import Recipe, best_against_rest, contrast, recipes
from tlbench.reporting.document import Table, pictures
from tlbench.reporting.formats import as_markdown, as_svg, picture_name, with_pictures
from tlbench.reporting.plots import Curves, Strips
from tlbench.reporting.render.drawing import cut
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import contrasts, failures
from tlbench.reporting.views.names import slugs
from tlbench.results.record import Record

HEADS = (Head(), Head(name="flatten"))


def timed(of: Cell, *steps: StepName, device: str = "cpu", batches: Sequence[int] = (32,)) -> Record:
    measured = tuple(builders.step(step, batch_size=size, measured_with=of.id) for step in steps for size in batches)
    return builders.record(of, timings=builders.timings(device).model_copy(update={"steps": measured}))


def report(*records: Record) -> Report:
    return Report("t", [RunRecord("run", record) for record in records])


@pytest.mark.parametrize(
    ("heading", "changes", "values"),
    [
        ("Backend", {"backend": "jax"}, ["tensorflow", "jax"]),
        ("Image size", {"image_size": 160}, ["96", "160"]),
        ("Precision", {"precision": "mixed_bfloat16"}, ["float32", "mixed_bfloat16"]),
        ("Head", {"head": HEADS[1]}, ["gap", "flatten"]),
    ],
)
def test_measurements_of_one_model_are_told_apart_by_what_differs(
    heading: str, changes: dict[str, object], values: list[str]
) -> None:
    both = report(*(timed(of, "inference", batches=(32, 8)) for of in (builders.cell(), builders.cell(**changes))))
    lines = table(as_markdown(both), "Step times")
    assert [line[heading] for line in lines] == [values[0], values[0], values[1], values[1]]
    assert set(lines[0]) & {"Backend", "Image size", "Precision", "Head", "Run"} == {heading}
    drawn = {each.name: each for each in pictures(both.document.blocks)}
    strips, rates = drawn["step-times"], drawn["batch-sizes"]
    assert isinstance(strips, Strips)
    assert isinstance(rates, Curves)
    assert len({strip.name for strip in strips.strips}) == 4
    assert strips.strips[0].name.endswith(f"inference, batch 32, {heading.lower()} {values[0]}")
    assert len({line.of for line in rates.panels[0].lines}) == 2
    assert [line[heading] for line in table(as_markdown(both), "Inference by batch size")] == values


def test_the_optimizer_tells_training_steps_apart_and_not_inference() -> None:
    train = builders.cell().training
    cells = [builders.cell(train=train.model_copy(update={"optimizer": name})) for name in ("adam", "sgd")]
    lines = table(as_markdown(report(*(timed(of, "inference", "training") for of in cells))), "Step times")
    assert [line["Optimizer"] for line in lines] == ["—", "adam", "—", "sgd"]


def test_on_a_gpu_too_other_sizes_and_runs_are_other_lines() -> None:
    cells = [builders.cell(), builders.cell(image_size=160)]
    rows = [RunRecord(run, timed(of, "inference", device="gpu")) for run in ("old", "new") for of in cells]
    lines = table(as_markdown(Report("t", rows)), "On the GPU")
    assert [(line["Image size"], line["Run"]) for line in lines] == [
        ("96", "old"), ("160", "old"), ("96", "new"), ("160", "new"),
    ]  # fmt: skip
    assert list(lines[0])[:5] == ["Model", "Backend", "Precision", "Image size", "Run"]


def of_accuracy(correct: int, fingerprint: str = "f", **changes: object) -> Record:
    data = builders.data().model_copy(update={"fingerprint": fingerprint * 64})
    return builders.record(builders.cell(**changes), data=data, accuracy=builders.accuracy(correct))


def pairs(*records: Record) -> list[list[str]]:
    right = {one.cell_id: np.arange(200) < (one.accuracy.correct if one.accuracy else 0) for one in records}
    blocks = contrasts.tables(best_against_rest(recipes(records), right))
    return [list(map(str, row[:3])) for block in blocks if isinstance(block, Table) for row in block.rows]


def test_pairs_are_named_by_their_settings_and_by_how_often_they_were_trained() -> None:
    of: dict[str, Any] = {"strategy": Named(name="full")}
    records = [of_accuracy(180 + seed, seed=seed, **of) for seed in range(2)]
    records += [of_accuracy(150 + seed, seed=seed, backend="jax", **of) for seed in range(2)]
    (row,) = pairs(*records)
    name = "MobileNet (alpha=0.25), full, backend"
    assert row == ["cats_dogs", f"{name} tensorflow, 2 seeds", f"{name} jax, 2 seeds"]
    (row,) = pairs(of_accuracy(180, backend="torch"), of_accuracy(150, backend="jax"))
    assert [part.rpartition(", ")[2] for part in row[1:]] == ["seed 0", "seed 0"]


def test_pairs_of_other_numbers_of_images_have_other_names() -> None:
    rows = pairs(*(
        of_accuracy(correct, f"{number % 10}", limit=Limit(train=number), strategy=Named(name=name))
        for number in (10, 31) for name, correct in (("frozen", 150), ("full", 180))
    ))  # fmt: skip
    assert len(rows) == 2
    assert len(set(map(tuple, rows))) == 2
    assert rows[0][1] == "MobileNet (alpha=0.25), full, training images per class 10, seed 0"


def test_two_seeds_of_one_recipe_have_its_name() -> None:
    first, second = of_accuracy(180, seed=3), of_accuracy(150, seed=4)
    right = {one.cell_id: np.arange(200) < 100 for one in (first, second)}
    both = (Recipe((first,)), Recipe((second,)))
    (block, _) = contrasts.tables(contrast([both], both, right))
    assert isinstance(block, Table)
    assert [str(text).rpartition(", ")[2] for text in block.rows[0][1:3]] == ["seed 3", "seed 4"]


@pytest.mark.parametrize("form", ["github-action-benchmark", "pytest-benchmark"])
def test_other_tools_get_a_name_for_each_number(form: str) -> None:
    def names(rows: list[RunRecord]) -> list[str]:
        made = json.loads(text_of(form, rows))
        return [one["name"] for one in (made if isinstance(made, list) else made["benchmarks"])]

    sizes = [builders.record(builders.cell(limit=Limit(train=number))) for number in (10, 30)]
    found = names([RunRecord(run, one) for run in ("old", "new") for one in sizes])
    assert len(set(found)) == len(found)
    alone = names([RunRecord("run", sizes[0])])
    assert alone[0] == "MobileNet (alpha=0.25) · cats_dogs · frozen · gap · seed 0 · inference batch 32"
    backends = [RunRecord("run", builders.record(builders.cell(backend=name))) for name in ("tensorflow", "jax")]
    assert [name.count("jax") for name in names(backends) if "inference" in name] == [0, 1]  # as the label says it


def test_cells_that_failed_are_told_apart() -> None:
    (section,) = failures.sections(report(builders.failed(), builders.failed(builders.cell(image_size=160))))
    (block,) = section.blocks
    assert isinstance(block, Table)
    assert [str(row[0]).rpartition(" · ")[2] for row in block.rows] == ["image size 96", "image size 160"]


def test_each_picture_has_a_file_of_its_own() -> None:
    """As in the suite four_cases where both the photographs and the weights are missing."""
    names = ("cats_dogs", "cats-dogs")
    records = []
    for number, (name, images) in enumerate((name, images) for name in names for images in (20, 200)):
        counts = {"train": {"cats": images, "dogs": images}, "test": {"cats": 100, "dogs": 100}}
        data = builders.data(fallback=True).model_copy(update={"fingerprint": f"{number}" * 64, "counts": counts})
        for strategy in ("frozen", "full"):
            of = builders.cell(dataset=Named(name=name), limit=Limit(train=images), strategy=Named(name=strategy))
            records.append(builders.record(of, data=data, weights=builders.weights(True, "drawn")))
    made = report(*records)
    found = list(pictures(made.document.blocks))
    drawn = [each.name for each in found]
    assert len(set(drawn)) == len(drawn)
    assert len(as_svg(made)) == len(drawn)
    files, text = {picture_name(each, made) for each in found}, with_pictures(made)
    assert len(files) == len(drawn)
    assert all(name in text for name in files)
    assert "choice-cats-dogs-synthetic-data-drawn-weights-400-training-images" in drawn


def test_a_name_that_is_too_long_keeps_both_ends() -> None:
    assert cut("MobileNet, frozen: training, backend jax", 21) == "MobileNet,…ackend jax"
    assert [cut("jax", most) for most in (3, 2, 1)] == ["jax", "…x", "…"]


def test_names_of_files_are_told_apart_by_a_number() -> None:
    assert slugs(["cats_dogs", "Cats, dogs", "cats dogs 2", "猫", "犬"]) == [
        "cats-dogs", "cats-dogs-2", "cats-dogs-2-2", "x", "x-2",
    ]  # fmt: skip
    long = "a" * 200
    assert [len(name) for name in slugs([long, long])] == [80, 82]
