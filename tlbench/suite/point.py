"""A point of a suite's matrix, and the checks that its parts can work together."""

from dataclasses import dataclass

from tlbench.backbones import registry as backbones
from tlbench.backbones.official import no_weights, official_file
from tlbench.core.cell import Backend, Combination, Named
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize, brief, height_width
from tlbench.core.training import Training
from tlbench.datasets import registry as datasets
from tlbench.strategies import registry as strategies
from tlbench.suite.document import Loc
from tlbench.suite.load import Suite


class Point(Combination):
    """A point of the matrix: what becomes one cell for each seed.

    Attributes:
        train: the settings of training; None where the suite has none.
        rate: the learning rate; None for the default of the strategy.
    """

    resize: Resize
    precision: str
    backend: Backend
    train: Training | None
    rate: float | None


@dataclass(frozen=True)
class Places:
    """Where the parts of a point that a check may reject are in the suite file."""

    backbone: Loc
    image_size: Loc
    strategy: Loc
    head: Loc


def size_of(suite: Suite, backbone: Named, asked: ImageSize | str, loc: Loc) -> ImageSize:
    """The image size to use: `asked`, or the backbone's default where `asked` is ``native``.

    Raises:
        UserError: at `loc`, where the backbone is unknown.
    """
    try:
        info = backbones.of(backbone)
    except UserError as error:
        raise suite.complain(loc, str(error)) from None
    return info.default_size if isinstance(asked, str) else asked


def check(suite: Suite, point: Point, places: Places) -> None:
    """Raise UserError, with the place in the file, where parts of the point cannot work together."""
    _check_together(suite, point, places.head)
    _check_strategy(suite, point, places.strategy)
    _check_size(suite, point, places.image_size)
    _check_weights(suite, point, places.backbone)
    _check_auxiliary(suite, point, places)
    _check_original(suite, point, places)


def _check_size(suite: Suite, point: Point, loc: Loc) -> None:
    if trouble := backbones.of(point.backbone).size_trouble(point.image_size, point.backbone.label):
        raise suite.complain(loc, f"image_size {brief(point.image_size)}{trouble}")


def _check_weights(suite: Suite, point: Point, loc: Loc) -> None:
    """Arguments such as ``alpha: 0.3`` have no ImageNet weights, which only a stand-in or random weights replace."""
    info, strategy = backbones.of(point.backbone), strategies.make(point.strategy.name, point.strategy.args)
    asked = point.weights == "imagenet" and strategy.weights != "random" and point.backbone.args and info.pretrained
    if not asked or suite.fallback.weights is not None:
        return
    whole = not strategy.trains
    if official_file(info, point.backbone.args, include_top=whole) is None:
        raise suite.complain(loc, no_weights(info, point.backbone.args, whole))


def _check_auxiliary(suite: Suite, point: Point, places: Places) -> None:
    strategy, backbone, size = point.strategy, point.backbone, point.image_size
    if not strategies.make(strategy.name, strategy.args).needs_auxiliary:
        return
    auxiliary = backbones.of(backbone).auxiliary
    if auxiliary is None:
        having = ", ".join(name for name in backbones.names() if backbones.get(name).auxiliary)
        raise suite.complain(
            places.backbone,
            f"strategy {strategy.label}: {backbone.name} has no auxiliary classifiers, only {having} has; leave "
            "auxiliary out",
        )
    if min(height_width(size)) < auxiliary.min_size:
        raise suite.complain(
            places.image_size,
            f"strategy {strategy.label}: image_size {brief(size)} is too small for the auxiliary classifiers of "
            f"{backbone.name}, which need at least {auxiliary.min_size} pixels",
        )


def _check_original(suite: Suite, point: Point, places: Places) -> None:
    """An original classifier is evaluated on square images, preprocessed as its authors did."""
    if strategies.make(point.strategy.name, point.strategy.args).trains:
        return
    if point.weights == "drawn":
        raise suite.complain(
            places.backbone, f"drawn weights are a backbone's alone, and {point.strategy.name} needs a classifier"
        )
    if not isinstance(point.image_size, int):
        raise suite.complain(
            places.image_size, f"image_size {brief(point.image_size)}: original classifiers take squares"
        )
    if point.resize != "stretch":
        raise suite.complain(
            ("resize",),
            "resize: original classifiers take the middle of each image, as they were evaluated; leave it out",
        )


def _check_together(suite: Suite, point: Point, loc: Loc) -> None:
    trains = strategies.make(point.strategy.name, point.strategy.args).trains
    is_original = {"strategy pretrained": not trains, "head imagenet": point.head.name == "imagenet"}
    is_original["data set imagenet"] = point.dataset.name == datasets.IMAGENET
    if any(is_original.values()) and not all(is_original.values()):
        present = [name for name, value in is_original.items() if value]
        missing = [name for name, value in is_original.items() if not value]
        raise suite.complain(
            loc,
            f"{' and '.join(present)} {'goes' if len(present) == 1 else 'go'} only with {' and '.join(missing)}; "
            "give original classifiers a suite of their own, as suites/keras_table.yaml",
        )
    classes = datasets.classes_of(point.dataset)
    if point.head.output == "sigmoid" and classes is not None and len(classes) != 2:
        raise suite.complain(
            loc, f"output sigmoid needs two classes, but {point.dataset.name} has {len(classes)}; use softmax"
        )


def _check_strategy(suite: Suite, point: Point, loc: Loc) -> None:
    try:
        strategies.make(point.strategy.name, point.strategy.args).check(point.head, point.train)
    except ValueError as error:
        raise suite.complain(loc, f"strategy {point.strategy.label}: {error}") from None
