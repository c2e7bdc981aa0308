"""Find the images and weights of all cells, or their stand-ins, before the first cell runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path

from tlbench.backbones import drawn, registry, saved
from tlbench.backbones.weights import (
    DamagedWeightsError,
    MissingWeightsError,
    WeightsSource,
    find,
    find_classifier,
    not_published,
    stand_in,
)
from tlbench.core import settings
from tlbench.core.cell import FILE, Cell, Limit, Weights
from tlbench.core.errors import UserError
from tlbench.core.image_size import brief, height_width
from tlbench.core.text import listed
from tlbench.datasets import registry as datasets
from tlbench.datasets.found import Listings
from tlbench.datasets.imagenet import at_size, find_imagenet
from tlbench.datasets.prepare import prepare
from tlbench.datasets.sentences import balance_sentence, read_sentence, repeated, repeated_sentence, skipped_sentences
from tlbench.datasets.source import DataSource
from tlbench.execution.job import Job, Places
from tlbench.results.record import WeightsProvenance
from tlbench.strategies import registry as strategies

ORIGINAL = " with its classifier"
WORDS = {"drawn": "DRAWN ones (tlbench's own, pretrained on drawn pictures)", "random": "RANDOM ones"}
"""What messages call the kinds of weights that can replace missing ones."""
OnDecode = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Inputs:
    """The images and weights of cells.

    Attributes:
        data: images by `data_key`. ImageNet is missing where the user has no validation folder.
        weights: weights by `weights_key`.
        classifiers: weights that include the original classifier, by `weights_key`, for strategies that need it.
        oblong: keys of weights that are used with images that are not square.
        limits: the most images per class, by `data_key`.
    """

    data: Mapping[str, DataSource]
    weights: Mapping[str, WeightsSource]
    classifiers: Mapping[str, WeightsSource] = field(default_factory=dict)
    oblong: frozenset[str] = frozenset()
    limits: Mapping[str, Limit] = field(default_factory=dict)

    def job(self, cell: Cell) -> Job:
        """The cell with its images and weights."""
        data = self.data.get(data_key(cell))
        weights = _own_weights(cell) or self.weights[weights_key(cell)]
        source: Weights = weights.kind if weights.kind in ("drawn", "random") else cell.weights
        if cell.kind == "original" and source == "random" and cell.weights != "random":
            data = None  # do not evaluate random stand-ins: the result would not be the classifier's accuracy
        real = source == cell.weights
        provenance = WeightsProvenance(
            source=source,
            fallback=not real,
            file=weights.file if real else None,
            sha256=weights.sha256,
            instead_of=weights.instead_of,
            as_published=weights.as_published if real else None,
        )
        if not keeps_classifier(cell):
            return Job(cell, data, provenance, weights.path)
        classifier = self.classifiers[weights_key(cell)]
        provenance = provenance.model_copy(
            update={
                "classifier": classifier.file,
                "classifier_sha256": classifier.sha256,
                "classifier_as_published": classifier.as_published,
            }
        )
        return Job(cell, data, provenance, weights.path, classifier.path)

    def weights_of(self, cell: Cell) -> WeightsSource | None:
        """The initial weights of a cell, which need not be one of these inputs' cells; None where they are unknown."""
        return _own_weights(cell) or self.weights.get(weights_key(cell))

    def classifier_of(self, cell: Cell) -> WeightsSource | None:
        """The weights that include the original classifier; None where the cell needs none, or they are unknown."""
        return self.classifiers.get(weights_key(cell)) if keeps_classifier(cell) else None

    def fallbacks(self) -> list[str]:
        """One sentence for each stand-in, and for ImageNet accuracies that cannot be measured."""
        data = [
            f"{label}: no photographs found, SYNTHETIC pictures stand in for them ({datasets.get(name).where})"
            for label, name in sorted(
                {(found.name, found.instead_of) for found in self.data.values() if found.fallback}
            )
        ]
        weights = [
            f"{key}: no ImageNet weights found, {WORDS[found.kind]} stand in for them"
            + (f" (drawn ones there are of {drawn.known()} alone)" if found.kind == "random" else "")
            for key, found in sorted(self.weights.items())
            if found.kind in WORDS
        ]
        return data + weights

    def notes(self) -> list[str]:
        """One sentence for each damage in the cache, and for each number that will be missing, or rests on weights for
        images of another size.
        """
        sentences = [
            f"{data.name}: its images were decoded again, since the cache was damaged ({damage})"
            for data in self.data.values()
            for damage in data.rebuilt
        ] + [
            f"{key}: {found.file} is used instead of {found.instead_of}, the official weights for images of this size"
            for key, found in sorted(self.weights.items())
            if found.instead_of
        ]
        changed: dict[Path, str] = {}
        for key, found in sorted((*self.weights.items(), *self.classifiers.items()), key=itemgetter(0)):
            if found.as_published is False and found.path:
                changed.setdefault(found.path, key)
        sentences += [f"{key}: {not_published(path)}; the records say so" for path, key in changed.items()]
        sentences += [
            f"{key}: there are no official weights for images that are no squares; those for {found.size} x "
            f"{found.size} are taken, as Keras does ({found.file})"
            for key, found in sorted(self.weights.items())
            if key in self.oblong and found.size and not found.instead_of
        ]
        sentences += self._equal_limits()
        evaluated = any(data.name == datasets.IMAGENET for data in self.data.values())
        if any(key.endswith(ORIGINAL) for key in self.weights) and not evaluated:
            sentences.append("imagenet: no accuracies are measured, since TLBENCH_IMAGENET names no validation folder")
        return sentences

    def _equal_limits(self) -> list[str]:
        """One sentence for each data set of which several limits take the same images."""
        asked: dict[tuple[str, str], set[int]] = {}
        for key, limit in self.limits.items():
            if key in self.data and limit.train is not None:
                asked.setdefault((self.data[key].name, self.data[key].fingerprint), set()).add(limit.train)
        return [
            f"{name}: {listed([str(number) for number in sorted(numbers)])} training images per class are the same "
            "images, since there are no more"
            for (name, _), numbers in asked.items()
            if len(numbers) > 1
        ]

    def repeated(self) -> list[str]:
        """One sentence for each data set that has the same picture under two labels or in two splits."""
        audited = [(found.name, found.audit) for found in self.data.values() if found.audit]
        audited.sort(key=lambda one: repeated(one[1]))  # of several numbers of images, the one with most is told
        told = {name: repeated_sentence(audit) for name, audit in audited}
        return [f"{name}: {told[name]}; the records name them" for name in sorted(told) if told[name]]

    def read(self) -> list[str]:
        """One sentence for each data set in folders: which folders were read as which splits and classes."""
        found = sorted(self._by_name().items())
        return [f"{name}: {read_sentence(one.origins, one.classes)}" for name, one in found if one.origins]

    def unbalanced(self) -> list[str]:
        """One sentence for each data set in which one class has most of the images of a split."""
        told = {name: balance_sentence(found.provenance().counts) for name, found in sorted(self._by_name().items())}
        return [f"{name}: {sentence}" for name, sentence in told.items() if sentence]

    def skipped(self) -> list[str]:
        """Sentences about files that were skipped, because they were not looked at or are not images."""
        return [sentence for _, found in sorted(self._by_name().items()) for sentence in skipped_sentences(found)]

    def _by_name(self) -> dict[str, DataSource]:
        return {found.name: found for found in self.data.values()}


def weights_key(cell: Cell) -> str:
    """A key that is the same for cells that start from the same file of weights."""
    return f"{cell.backbone.label}, {brief(cell.image_size)} px" + (ORIGINAL if cell.kind == "original" else "")


def _own_weights(cell: Cell) -> WeightsSource | None:
    """The weights of a cell that asks for random or drawn ones; None where a file has to be found."""
    if cell.weights == "random":
        return WeightsSource("random")
    return stand_in(registry.get(cell.backbone.name), cell.backbone.args, "drawn") if cell.weights == "drawn" else None


def keeps_classifier(cell: Cell) -> bool:
    """Whether the cell's training needs the backbone's original classifier."""
    return strategies.STRATEGIES[cell.strategy.name].keeps_classifier


def data_key(cell: Cell) -> str:
    """A key that is the same for cells that use the same decoded images."""
    limit = cell.limit
    resize = "" if cell.resize == "stretch" else f" {cell.resize}"
    size = f"{brief(cell.image_size)}px{resize}"
    return f"{cell.dataset.label} {size} {limit.train}/{limit.validation}/{limit.test}"


def find_inputs(cells: Sequence[Cell], places: Places, on_decode: OnDecode | None = None) -> Inputs:
    """Find, check and decode everything that `cells` need, without doing anything twice.

    Args:
        cells: the cells to run.
        places: where to look, and which stand-ins are allowed.
        on_decode: called with the data set's name, the images decoded so far, and their total.

    Raises:
        UserError: for the first thing that is missing and has no allowed stand-in.
    """
    registry.check_installed(cell.backbone for cell in cells)
    try:
        weights = _weights(cells, places)
    except UserError as error:  # who fetches weights on another machine learns of a wrong path before that
        names = dict.fromkeys(cell.dataset.name for cell in cells)
        paths = {name: places.dataset_paths[name] for name in names if name in places.dataset_paths}
        absent = [f"{name}: {path} does not exist" for name, path in paths.items() if not path.exists()]
        if absent:
            raise UserError("\n".join([*absent, str(error)])) from error
        raise
    classifiers = _classifiers(cells, weights, places)
    data = _data(cells, places, on_decode)
    oblong = frozenset(weights_key(cell) for cell in cells if not isinstance(cell.image_size, int))
    return Inputs(data, weights, classifiers, oblong, {data_key(cell): cell.limit for cell in cells})


def _weights(cells: Sequence[Cell], places: Places) -> dict[str, WeightsSource]:
    """The files of weights, by `weights_key`. Raises errors that name all that are damaged, or all that are nowhere."""
    found, missing, damaged = dict[str, WeightsSource](), dict[str, MissingWeightsError](), dict[str, str]()
    offline = settings.flag("TLBENCH_OFFLINE")  # then every file has that reason, which costs no time
    for cell in cells:
        backbone, key = cell.backbone, weights_key(cell)
        if _own_weights(cell) is not None or key in found or key in missing or key in damaged:
            continue
        if backbone.name == FILE:
            file = saved.file_of(backbone.args)
            found[key] = WeightsSource("folder", file.path, file.path.name, file.sha256)
        else:
            try:
                found[key] = find(
                    registry.get(backbone.name),
                    backbone.args,
                    cell.kind == "original",
                    places.weights,
                    cell.image_size,
                    instead=places.weights_instead,
                    allow_download=not missing or offline,  # nothing will run: the others are only named
                )
            except MissingWeightsError as error:
                missing[key] = error
            except DamagedWeightsError as error:
                damaged[key] = str(error)
    if damaged:
        raise DamagedWeightsError("\n".join(dict.fromkeys(damaged.values())))
    if missing:
        first, *others = [one for error in missing.values() for one in error.missing]
        untried = f"no download was tried, after {first.official.file} could not be had"
        raise MissingWeightsError([first, *(one if offline else replace(one, why=untried) for one in others)])
    return found


def _data(cells: Sequence[Cell], places: Places, on_decode: OnDecode | None) -> dict[str, DataSource]:
    """The images, decoded, by `data_key`; without ImageNet where the user has none."""
    found, listings = dict[str, DataSource](), Listings()
    imagenet = dict[int | None, DataSource]()  # by limit: listed once for all image sizes
    for cell in cells:
        key = data_key(cell)
        if key in found:
            continue
        if cell.kind == "original":
            if places.imagenet is not None:
                side, _ = height_width(cell.image_size)
                if cell.limit.test not in imagenet:
                    imagenet[cell.limit.test] = find_imagenet(places.imagenet, cell.limit.test, side)
                found[key] = at_size(imagenet[cell.limit.test], side)
            continue
        found[key] = prepare(
            cell.dataset,
            cell.limit,
            cell.image_size,
            resize=cell.resize,
            root=places.data,
            path=places.dataset_paths.get(cell.dataset.name),
            cache=places.cache,
            fallback_synthetic=places.synthetic_allowed,
            progress=on_decode,
            listings=listings,
        )
    return found


def _classifiers(
    cells: Sequence[Cell], weights: Mapping[str, WeightsSource], places: Places
) -> dict[str, WeightsSource]:
    """The weights of original classifiers, by `weights_key`, for strategies that need them."""
    found: dict[str, WeightsSource] = {}
    for cell in filter(keeps_classifier, cells):
        key, backbone = weights_key(cell), cell.backbone
        if (kind := (_own_weights(cell) or weights[key]).kind) in WORDS:
            raise UserError(
                f"strategy {cell.strategy.name} on {key}: the backbone has {kind} weights, which go with no ImageNet "
                f"classifier; give it its ImageNet weights, or leave {cell.strategy.name} out for it"
            )
        if key not in found:
            info = registry.get(backbone.name)
            found[key] = find_classifier(info, backbone.args, places.weights, cell.image_size, cell.strategy.name)
    return found
