"""Classify image files. Runs in a child process; requests and answers are plain values."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry
from tlbench.core.cell import ORIGINAL_CLASSES, Head, Named
from tlbench.datasets.decode import UndecodableError, cropped, decode, open_rgb, quiet
from tlbench.heads.registry import ORIGINAL
from tlbench.host.resources import usable_cores
from tlbench.modeling.assemble import assemble
from tlbench.training import evaluate
from tlbench.worker import settings
from tlbench.worker.kept_model import open_model

BATCH = 32
Read = Callable[[Path], NDArray[np.uint8]]


def predict(request: dict[str, Any]) -> dict[str, Any]:
    """Classify image files with a saved model, resized as in its training.

    Args:
        request: ``model`` (path), ``backbone`` (its name), ``image_size``, ``resize``, and ``files`` (paths).

    Returns:
        ``probabilities`` (N, classes) of the files that are images, in order (None without any), and ``damaged``, the
        reasons for the other files by their index.

    Raises:
        UserError: the model cannot be opened.
    """
    settings.set_all()
    model = open_model(Path(request["model"]), request["backbone"])
    size, resize = request["image_size"], request["resize"]
    return _answer(model, request["files"], lambda file: decode(file, size, resize).pixels)


def classify(request: dict[str, Any]) -> dict[str, Any]:
    """Classify image files with an original classifier, cropped as for its published accuracy.

    Args:
        request: ``backbone`` (name and args), ``weights`` (path), ``image_size``, and ``files`` (paths).

    Returns:
        As `predict`.

    Raises:
        UserError: the weights are of another model.
    """
    settings.set_all()
    backbone, size = Named(**request["backbone"]), request["image_size"]
    head, crop = Head(name=ORIGINAL), registry.get(backbone.name).crop
    made = assemble(backbone, Named(name="full"), head, ORIGINAL_CLASSES, size, Path(request["weights"]))
    return _answer(made.model, request["files"], lambda file: cropped(open_rgb(file)[1], size, crop))


def _answer(model: keras.Model, files: Sequence[str], read: Read) -> dict[str, Any]:
    damaged: dict[int, str] = {}
    found: list[NDArray[np.float32]] = []
    for pictures in _batches(files, read, damaged):
        unlabelled = np.zeros(len(pictures), np.int32)
        found.append(evaluate.predict(model, [pictures], unlabelled, min(BATCH, len(files))).probabilities)
    return {"probabilities": np.concatenate(found) if found else None, "damaged": damaged}


def _batches(files: Sequence[str], read: Read, damaged: dict[int, str]) -> Iterator[NDArray[np.uint8]]:
    """The images of the files in batches; `damaged` receives the reason for each file that is no image."""

    def attempt(file: str) -> NDArray[np.uint8] | str:
        try:
            return read(Path(file))
        except UndecodableError as error:
            return str(error)

    with quiet(), ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(files), BATCH):
            pictures = []
            for index, one in enumerate(pool.map(attempt, files[start : start + BATCH]), start):
                if isinstance(one, str):
                    damaged[index] = one
                else:
                    pictures.append(one)
            if pictures:
                yield np.stack(pictures)
