"""Describe an exported model for the program that will use it: its classes, its input and its accuracy. Pure."""

import json
from typing import Any

from tlbench.core.cell import Cell
from tlbench.core.image_size import Resize, height_width
from tlbench.results.deployment import Deployed, DeployedModel
from tlbench.results.record import Record

SUFFIX = ".json"
"""What the name of a description has more than that of the file that it describes."""
BILINEAR = "bilinear, without antialiasing"
RESIZING: dict[Resize, str] = {
    "stretch": f"to height and width, whatever the shape of the image ({BILINEAR}; as tf.image.resize)",
    "crop": f"the largest central part of this shape, to height and width ({BILINEAR})",
    "pad": f"to fit into height and width, the rest black ({BILINEAR}; as tf.image.resize_with_pad)",
}


def description(run: str, record: Record, model: DeployedModel, row: Deployed) -> str:
    """The text of the file beside an exported model.

    Args:
        run: the name of the run.
        record: the record of the trained model.
        model: the model in all runtimes, Keras first.
        row: the model in the runtime of the file.
    """
    assert record.data is not None, "a model was trained on images"
    keras, classes = model.runtimes[0], record.data.classes
    about = {
        "model": model.label,
        "run": run,
        "cell": model.cell_id,
        "runtime": row.title,
        "classes": classes,
        "output": _output(record.cell, classes),
        "input": _input(record.cell),
        "accuracy": {"top1": _share(row, model), "before_export": _share(keras, model), "test_images": model.images},
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def _output(cell: Cell, classes: tuple[str, ...]) -> str:
    if cell.head.output == "sigmoid":
        return f"one number: the probability of {classes[1]!r}; that of {classes[0]!r} is 1 minus it"
    return "the probability of each class, in the order of `classes`"


def _input(cell: Cell) -> dict[str, Any]:
    """What the model takes. Scaling is a part of the model."""
    return {
        "shape": [*height_width(cell.image_size), 3],
        "axes": "height, width, channels (red, green, blue), for each image of a batch",
        "dtype": "float32",
        "range": [0, 255],
        "resize": RESIZING[cell.resize],
    }


def _share(row: Deployed, model: DeployedModel) -> float | None:
    return None if row.correct is None else round(row.correct / model.images, 6)
