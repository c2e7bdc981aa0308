"""What trained models, and original classifiers, say of image files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tlbench.backbones import registry
from tlbench.backbones.class_names import class_names
from tlbench.backbones.weights import MissingWeightsError, find
from tlbench.core import settings
from tlbench.core.cell import Named, Scalar
from tlbench.core.errors import UserError, nearest
from tlbench.datasets.names import shown
from tlbench.execution import child
from tlbench.execution.entry_points import CLASSIFY, PREDICT
from tlbench.session.folder import NothingThereError, Run, Say, StrPath, find_run, log, record_of, told_records
from tlbench.session.kept import kept_file

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Predictions:
    """What a model says of image files.

    files: those that are images, in the order they were given. probabilities: of each class for each of them (N,
    classes), float32. skipped: the reason for each file that is no image.
    """

    model: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    probabilities: NDArray[np.float32]
    skipped: Mapping[str, str]

    def __repr__(self) -> str:
        """The model, with numbers of files."""
        return f"<Predictions of {self.model}: {len(self.files)} images, {len(self.skipped)} skipped>"

    def top(self, index: int, count: int = 1) -> list[tuple[str, float]]:
        """The `count` most probable classes of the image at `index` in `files`, with their probabilities."""
        row = self.probabilities[index]
        return [(self.classes[place], float(row[place])) for place in np.argsort(-row, kind="stable")[:count]]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row an image: file, class, probability; then a column for each class where there are at most 100."""
        import pandas as pd

        best = [self.top(index)[0] for index in range(len(self.files))]
        rows = pd.DataFrame(best, columns=["class", "probability"])
        rows.insert(0, "file", list(self.files))
        each = self.classes if len(self.classes) <= MOST_COLUMNS else ()
        columns = {f"p({name})": self.probabilities[:, place] for place, name in enumerate(each)}
        return pd.concat([rows, pd.DataFrame(columns)], axis=1)

    def _repr_html_(self) -> str:
        """The frame, in a notebook."""
        html: str = self.frame.to_html(index=False)
        return html


MOST_COLUMNS = 100


def predict(run: Run, cell: str, images: StrPath | Sequence[StrPath], *, say: Say = log.warning) -> Predictions:
    """What the trained model of a cell says of image files; its suite has ``save_models: true``.

    The files are resized and scaled as those were that it was trained on. run: the folder of a run, or what
    `tlbench.run` returned. cell: its id, or the beginning of it. `say` gets a sentence for each record that cannot be
    read. Files that are no images are in `skipped` of the answer.

    Raises UserError where there is no such cell, no model of it, or another file than the one that was kept, and for a
    file with a program of its own: it is opened in Keras' safe mode. NothingThereError where there is no record.
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
    """What Keras' own classifier of ImageNet's 1000 classes says of image files.

    model: the name of a backbone; `arguments` are its constructor's (``alpha=0.25``). Each image is resized so that its
    central square fills the model's own size, with the margin of the published accuracy. weights: a folder with
    official weights files; default ``$TLBENCH_WEIGHTS``, then Keras' cache, then the net.

    Raises UserError where the weights or the names of the classes cannot be had: random ones would only pretend.
    """
    return classified(model, images, weights, arguments)


def classified(
    model: str, images: StrPath | Sequence[StrPath], weights: StrPath | None, arguments: Mapping[str, Scalar]
) -> Predictions:
    """`classify`, for who has the arguments under names that nobody has looked at."""
    if model not in registry.names():
        raise UserError(f"there is no model {model!r}; {nearest(model, list(registry.names()), 'models')}")
    info = registry.get(model)
    try:
        info.check_args(arguments)
    except ValueError as error:
        raise UserError(str(error)) from error
    folder = Path(weights) if weights is not None else settings.folder("TLBENCH_WEIGHTS")
    try:
        found = find(info, arguments, True, folder, info.default_size, instead=None)
    except UserError as error:
        bare = error.bare if isinstance(error, MissingWeightsError) else str(error).partition("; give it `weights: ")[0]
        raise UserError(f"{bare}; random weights would only pretend to know the classes") from error
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
    names = [str(Path(image)) for image in ((images,) if isinstance(images, str | PathLike) else images)]
    files = [name for name in names if not Path(name).is_dir()]
    if names and not files:
        folder = shown(names[0])
        raise UserError(f"{folder} is a folder; name the image files in it: {folder.rstrip('/')}/*")
    answer = child.call(target, {**request, "files": files}, backend)
    damaged: dict[int, str] = answer["damaged"]
    found = answer["probabilities"]
    if found is None:
        found = np.empty((0, len(classes)), np.float32)
    good = tuple(name for index, name in enumerate(files) if index not in damaged)
    skipped = {files[index]: why for index, why in damaged.items()}
    skipped |= {name: "it is a folder; its files are not looked at" for name in names if name not in files}
    return Predictions(model, classes, good, found, skipped)
