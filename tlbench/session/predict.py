"""Classify image files with trained models, or with original classifiers."""

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry
from tlbench.backbones.class_names import class_names
from tlbench.backbones.weights import DamagedWeightsError, MissingWeightsError, find, not_published
from tlbench.core import settings
from tlbench.core.cell import Named, Scalar
from tlbench.core.errors import NothingThereError, UserError, nearest
from tlbench.datasets.listing import LeftOut, files_below
from tlbench.datasets.names import why_never
from tlbench.execution import child
from tlbench.execution.entry_points import CLASSIFY, PREDICT
from tlbench.session.folder import Run, Say, StrPath, find_run, log, record_of, told_records
from tlbench.session.kept import kept_file

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Predictions:
    """The predictions of a model for image files.

    Attributes:
        model: the name of the model.
        classes: the names of the classes.
        files: the files that are images, in the order given.
        probabilities: the class probabilities of each of them, of shape (N, classes), float32.
        skipped: the reason for each file that is no image.
    """

    model: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    probabilities: NDArray[np.float32]
    skipped: Mapping[str, str]

    def __repr__(self) -> str:
        """The model, with the numbers of files."""
        return f"<Predictions of {self.model}: {len(self.files)} images, {len(self.skipped)} skipped>"

    def top(self, index: int, count: int = 1) -> list[tuple[str, float]]:
        """The `count` most probable classes of the image at `index` in `files`, with their probabilities."""
        row = self.probabilities[index]
        return [(self.classes[place], float(row[place])) for place in np.argsort(-row, kind="stable")[:count]]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """A data frame with one row per image: file, class, probability, and up to 100 columns of classes."""
        import pandas as pd

        best = [self.top(index)[0] for index in range(len(self.files))]
        rows = pd.DataFrame(best, columns=["class", "probability"])
        rows.insert(0, "file", list(self.files))
        each = self.classes if len(self.classes) <= MOST_COLUMNS else ()
        columns = {f"p({name})": self.probabilities[:, place] for place, name in enumerate(each)}
        return pd.concat([rows, pd.DataFrame(columns)], axis=1)

    def _repr_html_(self) -> str:
        """The frame, for notebooks."""
        html: str = self.frame.to_html(index=False)
        return html


MOST_COLUMNS = 100


def predict(run: Run, cell: str, images: StrPath | Sequence[StrPath], *, say: Say = log.warning) -> Predictions:
    """Classify image files with the trained model of a cell, whose suite has ``save_models: true``.

    Images are resized and scaled as in training. The model is loaded in Keras' safe mode.

    Args:
        run: the folder of a run, or the result of `tlbench.run`.
        cell: the id of the cell, the beginning of it, a selection that matches one cell, or its name in reports.
        images: one or several image files, or folders of them.
        say: receives a sentence for each record that cannot be read.

    Returns:
        The predictions; files that are no images are in `skipped`.

    Raises:
        NothingThereError: the run has no records.
        UserError: there is no such cell or no model of it, the model has changed, or its file contains code.
    """
    folder = find_run(run, say)
    records = told_records(folder, say)
    if not records:
        raise NothingThereError(f"{folder.path} has no records; `tlbench run` makes them")
    record = record_of(records, cell)
    model, asked = kept_file(folder.path, record), record.cell
    request = {
        "model": str(model),
        "backbone": asked.backbone.name,
        "image_size": asked.image_size,
        "resize": asked.resize,
    }
    assert record.data is not None, "a model was trained on images"
    return _predictions(PREDICT, request, images, asked.label, record.data.classes, asked.backend)


def classify(
    model: str, images: StrPath | Sequence[StrPath], *, weights: StrPath | None = None, **arguments: Scalar
) -> Predictions:
    """Classify image files with Keras' original classifier for ImageNet's 1000 classes.

    The central square of each image is resized to the model's default size, with the margin of the published accuracy.

    Args:
        model: the name of a backbone.
        images: one or several image files, or folders of them.
        weights: a folder with official files of weights; default: ``$TLBENCH_WEIGHTS``, then Keras' cache, then a
            download.
        **arguments: arguments of the backbone's constructor, e.g. ``alpha=0.25``.

    Raises:
        UserError: the weights or the names of the classes cannot be found. There are no stand-ins for them.
    """
    return classified(model, images, weights, arguments)


def classified(
    model: str,
    images: StrPath | Sequence[StrPath],
    weights: StrPath | None,
    arguments: Mapping[str, Scalar],
    say: Say = log.warning,
) -> Predictions:
    """As `classify`, with the arguments as a mapping that may contain any names."""
    if model not in registry.names():
        raise UserError(f"there is no model {model!r}; {nearest(model, list(registry.names()), 'models')}")
    info = registry.get(model)
    try:
        info.check_args(arguments)
    except ValueError as error:
        raise UserError(str(error)) from error
    folder = settings.folder("TLBENCH_WEIGHTS", weights)
    try:
        found = find(info, arguments, True, folder, info.default_size, instead=None)
    except DamagedWeightsError:
        raise
    except UserError as error:
        bare = error.bare if isinstance(error, MissingWeightsError) else str(error).partition("; give it `weights: ")[0]
        raise UserError(f"{bare}; random weights would only pretend to know the classes") from error
    assert found.path is not None, "without a stand-in, a file was found"
    if found.as_published is False:
        say(f"{not_published(found.path)}: it may not know the classes")
    backbone = Named(name=model, args=dict(arguments))
    request = {"backbone": backbone.model_dump(), "weights": str(found.path), "image_size": info.default_size}
    return _predictions(CLASSIFY, request, images, backbone.label, class_names(folder), "tensorflow")


def _predictions(
    target: str,
    request: dict[str, Any],
    images: StrPath | Sequence[StrPath],
    model: str,
    classes: tuple[str, ...],
    backend: str,
) -> Predictions:
    paths = [Path(image) for image in ((images,) if isinstance(images, str | PathLike) else images)]
    files, skipped = _files_of(paths)
    if all(map(_is_missing, files)):  # said at once, without opening a model
        none, why = np.empty((0, len(classes)), np.float32), f"cannot be read ({os.strerror(errno.ENOENT)})"
        return Predictions(model, classes, (), none, dict.fromkeys(files, why) | skipped)
    answer = child.call(target, {**request, "files": files}, backend)
    damaged: dict[int, str] = answer["damaged"]
    found = answer["probabilities"]
    if found is None:
        found = np.empty((0, len(classes)), np.float32)
    good = tuple(name for index, name in enumerate(files) if index not in damaged)
    skipped |= {files[index]: why for index, why in damaged.items()}
    return Predictions(model, classes, good, found, skipped)


def _is_missing(file: str) -> bool:
    try:
        Path(file).stat()
    except (OSError, ValueError) as error:
        return isinstance(error, FileNotFoundError)
    return False


def _files_of(paths: Sequence[Path]) -> tuple[list[str], dict[str, str]]:
    """The files that are meant, and the reason for each path that is not read.

    A folder stands for all files below it, as the folder of a class does in a data set. Hidden files and those of the
    system, which nobody means, are passed over.

    Raises:
        UserError: a folder cannot be read.
    """
    files: list[str] = []
    skipped: dict[str, str] = {}
    for path in paths:
        if not path.is_dir():
            files.append(str(path))
            continue
        left_out: LeftOut = []
        below = sorted(str(path / name) for name in files_below(path, path, left_out))
        files += below
        for one in left_out:
            if why_never(PurePosixPath(one.path).name, folder=one.path.endswith("/")) is None:
                skipped[str(path / one.path)] = one.reason
        if not below:
            skipped[str(path)] = "a folder without files"
    return files, skipped
