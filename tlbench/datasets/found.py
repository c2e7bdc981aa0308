"""What is found of a data set: where it is, its files, and everything that its decoded pixels depend on."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.core.files import state_of
from tlbench.core.image_size import ImageSize, Resize, brief
from tlbench.datasets import decode as decoder
from tlbench.datasets import duplicates, synthetic
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.locate import Located
from tlbench.datasets.registry import DATASETS, classes_of


@dataclass(frozen=True)
class Listing:
    """The files of a data set.

    Attributes:
        located: where the data set is.
        layout: its splits, classes and files; None if it is synthetic.
    """

    located: Located
    layout: Layout | None

    @cached_property
    def files(self) -> str:
        """A digest of the names and states of the files, as they are when it is first asked for."""
        return _states(self.layout) if self.layout else ""


Listings = dict[str, Listing]
"""Listings by data set (as JSON), shared by calls for different image sizes and limits."""


def rule_of(dataset: Named) -> SplitRule:
    """The split rule from the arguments of a cell, in which `splits` and `classes` are JSON."""
    args = dataset.args
    folders, classes = args.get("splits"), args.get("classes")
    return SplitRule(
        validation=float(args.get("validation") or 0.15),
        test=float(args.get("test") or 0.15),
        seed=int(args.get("split_seed") or 0),
        folders=None if folders is None else {} if folders == "none" else json.loads(str(folders)),
        classes=() if classes is None else tuple(json.loads(str(classes))),
        image=str(args.get("image") or ""),
        label=str(args.get("label") or ""),
    )


def _check_known_classes(dataset: Named, located: Located, layout: Layout) -> None:
    """Raise UserError if the folder of a built-in data set has other classes than that."""
    known = classes_of(dataset) if dataset.name in DATASETS else None
    if known and layout.classes != known:
        raise UserError(
            f"{located.folder} has the classes {', '.join(layout.classes)}, but {dataset.name} has {', '.join(known)}"
        )


def made_from(dataset: Named, listing: Listing, limit: Limit, image_size: ImageSize, resize: Resize) -> dict[str, str]:
    """Everything that determines the decoded pixels. It changes when a file is replaced or written to."""
    layout = listing.layout
    version = f"{decoder.VERSION}, {', '.join(decoder.formats())}"
    depends = {
        "image size": brief(image_size),
        "limit": limit.model_dump_json(),
        "decoder": version,
    }
    if layout is None:
        return depends | {"generator": str(synthetic.VERSION), "classes": json.dumps(listing.located.classes)}
    if resize != "stretch":
        depends["resize"] = resize
    folder = json.dumps(str((layout.place if layout.container else layout.folder).resolve()))
    rule = {key: value for key, value in vars(rule_of(dataset)).items() if value != ""}
    depends["duplicates"] = str(duplicates.VERSION)
    return depends | {"folder": folder, "split": json.dumps(rule), "files": listing.files}


def listing_of(dataset: Named, located: Located) -> Listing:
    """List the files of a data set that was located."""
    layout = read_images(located.folder, rule_of(dataset)) if located.folder else None
    if layout:
        _check_known_classes(dataset, located, layout)
    return Listing(located, layout)


def _states(layout: Layout) -> str:
    """A digest of the names and states of all files.

    States are used because reading all bytes would take minutes on a slow disk at every run. If only a time changed,
    the images are decoded once more. A file that has vanished since the listing is reported when it is decoded.
    """
    files = hashlib.sha256()
    whole = [state_of(file) for file in layout.container.files] if layout.container else None
    for split, classes in layout.files.items():
        for name, paths in classes.items():
            for path in paths:
                state = () if whole is not None else state_of(layout.folder / path)
                files.update(json.dumps([split, name, path, *state]).encode())
    files.update(json.dumps(whole).encode() if whole is not None else b"")
    return files.hexdigest()
