"""What stands beside an exported model: all that a program needs to use it."""

import json
from typing import Any

from tests import builders
from tlbench.core.cell import Cell, Head
from tlbench.results.deployment import Deployed, DeployedModel
from tlbench.session.exported import description

KERAS = Deployed(runtime="keras", title="Keras", exact=True, correct=18)
INT8 = Deployed(runtime="litert-int8", title="LiteRT, int8 weights", exact=False, correct=17)


def about(cell: Cell) -> dict[str, Any]:
    record = builders.record(cell)
    model = DeployedModel(cell_id=cell.id, label=cell.label, images=20, recorded=18, runtimes=(KERAS, INT8))
    content: dict[str, Any] = json.loads(description("keep", record, model, INT8))
    assert record.data is not None
    assert content["classes"] == list(record.data.classes)
    return content


def test_it_says_where_the_model_comes_from_and_what_the_export_cost() -> None:
    cell = builders.cell()
    found = about(cell)
    assert (found["model"], found["run"], found["cell"]) == (cell.label, "keep", cell.id)
    assert found["runtime"] == "LiteRT, int8 weights"
    assert found["accuracy"] == {"top1": 0.85, "before_export": 0.9, "test_images": 20}


def test_it_says_what_goes_in() -> None:
    given = about(builders.cell(image_size=(40, 32), resize="pad"))["input"]
    assert (given["shape"], given["dtype"], given["range"]) == ([40, 32, 3], "float32", [0, 255])
    assert "the rest black" in given["resize"]
    assert "whatever the shape" in about(builders.cell())["input"]["resize"]


def test_it_says_what_comes_out_and_which_class_a_single_unit_means() -> None:
    assert about(builders.cell())["output"] == "the probability of each class, in the order of `classes`"
    found = about(builders.cell(head=Head(output="sigmoid")))
    first, second = found["classes"]
    assert found["output"] == f"one number: the probability of {second!r}; that of {first!r} is 1 minus it"
