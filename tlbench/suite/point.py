"""A point of a suite's matrix, and what of it can work together."""

from dataclasses import dataclass

from tlbench.backbones import registry as backbones
from tlbench.core.cell import Backend, Head, Limit, Named, Training, Weights
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize, brief, height_width
from tlbench.datasets import registry as datasets
from tlbench.strategies import registry as strategies
from tlbench.suite.document import Loc
from tlbench.suite.load import Suite


@dataclass(frozen=True)
class Point:
    """A point of the matrix, but for its seed. rate: None for the strategy's own."""

    backbone: Named
    weights: Weights
    dataset: Named
    limit: Limit
    strategy: Named
    head: Head
    size: ImageSize
    resize: Resize
    precision: str
    backend: Backend
    train: Training | None
    rate: float | None


@dataclass(frozen=True)
class Places:
    """Where in the file some parts of a point stand."""

    backbone: Loc
    strategy: Loc
    head: Loc


def size_of(suite: Suite, backbone: Named, asked: ImageSize | str, loc: Loc) -> ImageSize:
    """The size that is asked for; of ``native`` the backbone's own. Raises UserError, at `loc`, where it has none."""
    try:
        info = backbones.of(backbone)
    except UserError as error:
        raise suite.complain(loc, str(error)) from None
    return info.default_size if isinstance(asked, str) else asked


def check(suite: Suite, point: Point, places: Places) -> None:
    """Raises UserError, at its place in the file, where parts of the point cannot work together."""
    _check_together(suite, point, places.head)
    _check_strategy(suite, point, places.strategy)
    _check_size(suite, point, places.backbone)
    _check_auxiliary(suite, point, places.backbone)
    _check_original(suite, point, places.backbone)


def _check_size(suite: Suite, point: Point, loc: Loc) -> None:
    if trouble := backbones.of(point.backbone).size_trouble(point.size, point.backbone.label):
        raise suite.complain(loc, f"image_size {brief(point.size)}{trouble}")


def _check_auxiliary(suite: Suite, point: Point, loc: Loc) -> None:
    strategy, backbone, size = point.strategy, point.backbone, point.size
    if not strategies.make(strategy.name, strategy.args).needs_auxiliary:
        return
    own = backbones.of(backbone).auxiliary
    if own is None:
        having = ", ".join(name for name in backbones.names() if backbones.get(name).auxiliary)
        raise suite.complain(
            loc,
            f"strategy {strategy.label}: {backbone.name} has no auxiliary classifiers, only {having} has; leave "
            "auxiliary out",
        )
    if min(height_width(size)) < own.min_size:
        raise suite.complain(
            loc,
            f"strategy {strategy.label}: image_size {brief(size)} is too small for the auxiliary classifiers of "
            f"{backbone.name}, which need at least {own.min_size} pixels",
        )


def _check_original(suite: Suite, point: Point, loc: Loc) -> None:
    """Original classifiers are shown what they were evaluated with."""
    if strategies.make(point.strategy.name, point.strategy.args).trains:
        return
    if point.weights == "drawn":
        raise suite.complain(loc, f"drawn weights are a backbone's alone, and {point.strategy.name} needs a classifier")
    if not isinstance(point.size, int):
        raise suite.complain(("image_size",), f"image_size {brief(point.size)}: original classifiers take squares")
    if point.resize != "stretch":
        raise suite.complain(
            ("resize",),
            "resize: original classifiers take the middle of each image, as they were evaluated; leave it out",
        )


def _check_together(suite: Suite, point: Point, loc: Loc) -> None:
    trains = strategies.make(point.strategy.name, point.strategy.args).trains
    original = {"strategy pretrained": not trains, "head imagenet": point.head.name == "imagenet"}
    original["data set imagenet"] = point.dataset.name == datasets.IMAGENET
    if any(original.values()) and not all(original.values()):
        there, missing = ([name for name, value in original.items() if value is of] for of in (True, False))
        raise suite.complain(
            loc,
            f"{' and '.join(there)} {'goes' if len(there) == 1 else 'go'} only with {' and '.join(missing)}; "
            "give original classifiers a suite of their own, as suites/keras_table.yaml",
        )
    like = point.dataset.args.get("like")
    classes = datasets.classes_of(point.dataset.name, None if like is None else str(like))
    if point.head.output == "sigmoid" and classes is not None and len(classes) != 2:
        raise suite.complain(
            loc, f"output sigmoid needs two classes, but {point.dataset.name} has {len(classes)}; use softmax"
        )


def _check_strategy(suite: Suite, point: Point, loc: Loc) -> None:
    try:
        strategies.make(point.strategy.name, point.strategy.args).check(point.head, point.train)
    except ValueError as error:
        raise suite.complain(loc, f"strategy {point.strategy.label}: {error}") from None
