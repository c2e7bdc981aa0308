"""Prepare a data set: find it, decode its images once, and keep them on disk as uint8 arrays."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from tlbench.cache.folders import IMAGES
from tlbench.cache.manifest import DamagedError, key_of, read_manifest
from tlbench.cache.store import Entry, Store
from tlbench.cache.writer import NoRoomError
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.core.files import state_of
from tlbench.core.image_size import ImageSize, Resize, brief
from tlbench.datasets import decode as decoder
from tlbench.datasets import synthetic
from tlbench.datasets.build import (
    Built,
    build_real,
    build_synthetic,
    count_by_split,
    count_real,
    count_synthetic,
    images_of,
    labels_of,
    most_bytes,
)
from tlbench.datasets.kinds import is_quick, read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.locate import Located, folder_of, locate
from tlbench.datasets.registry import DATASETS, SYNTHETIC, classes_of
from tlbench.datasets.source import ArraySplit, DataSource
from tlbench.results.images import DataProvenance

OnDecode = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is done."""


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


def prepare(
    dataset: Named,
    limit: Limit,
    image_size: ImageSize,
    *,
    resize: Resize = "stretch",
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    progress: OnDecode | None = None,
    listings: Listings | None = None,
) -> DataSource:
    """Find a data set and decode the images that `limit` takes, unless the cache has them already.

    Images are searched for at `path`, in ``root/<name>`` and in the cache. If they are not found, they are replaced by
    synthetic ones if `fallback_synthetic`, or else downloaded if there is a public archive. A second call with the same
    files decodes nothing; the arrays are verified once per process. Several processes may call this at the same time.
    The cache entry is not evicted as long as the returned value exists.

    Args:
        dataset: the data set of a suite.
        limit: largest number of images per class, by split.
        image_size: size of the decoded images.
        resize: what happens to images of another aspect ratio.
        root: the user's data folder.
        path: the path that the suite gives for this data set.
        cache: the cache folder.
        fallback_synthetic: whether synthetic images may stand in.
        progress: receives the progress; the first time before any thread is started.
        listings: receives what was found, and is used by later calls with the same folders, because listing 20,000
            files takes longer than everything else.

    Raises:
        UserError: the data set is not found, has too few classes or more than 5 % of undecodable files, or does not fit
            into the cache.
    """

    def on_bytes(done: int, total: int | None) -> None:
        if progress:
            progress(f"{dataset.name} (downloading, MB)", done >> 20, (total or 0) >> 20)

    listings, name = {} if listings is None else listings, dataset.model_dump_json()
    if name not in listings:
        located = locate(
            dataset, root=root, path=path, cache=cache, fallback_synthetic=fallback_synthetic, on_bytes=on_bytes
        )
        listings[name] = _listing(dataset, located)
    located, layout = listings[name].located, listings[name].layout
    made_from = _made_from(dataset, listings[name], limit, image_size, resize)
    store, key = Store(cache / IMAGES.folder, IMAGES, IMAGES.most()), key_of(made_from)

    def build() -> None:
        def tell(done: int, total: int) -> None:
            if progress:
                progress(dataset.label, done, total)

        count = count_real(layout, limit) if layout else count_synthetic(located.classes, limit)
        tell(0, count)
        with store.write({key: made_from}, most_bytes(count, image_size)) as (writer,):
            if layout is None:
                built = build_synthetic(located.classes, limit, image_size, writer, tell)
            else:
                built = build_real(layout, limit, layout.decoder(image_size, resize), writer, tell)
            writer.about = built.model_dump(mode="json")

    try:
        entry = store.get(key, build)
    except NoRoomError as error:
        raise UserError(
            f"{dataset.label} at {brief(image_size)} px: {error}; free disk space, increase {IMAGES.variable}, or use "
            "fewer images with `limit`"
        ) from error
    source = _source(dataset, located, layout, image_size, entry, store.damaged)
    entry.keep_for(source)
    return source


def same_images(
    record: DataProvenance,
    dataset: Named,
    limit: Limit,
    image_size: ImageSize,
    *,
    resize: Resize,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    listings: Listings,
) -> bool | None:
    """Whether a record was made from the images that `prepare` would return for the same arguments.

    Returns:
        None if this cannot be known without decoding, downloading or reading large files, none of which is done here.
    """
    folder = _folder(dataset, root, path, cache)
    if folder is not None and record.source == "synthetic":
        return False
    drawn = fallback_synthetic and record.source == "synthetic"
    listing = _quick_listing(dataset, folder, root, path, cache, drawn, listings)
    if listing is None:
        return None
    layout = listing.layout
    if layout and record.splits and (layout.classes, dict(layout.origins)) != (record.classes, record.splits):
        return False
    key = key_of(_made_from(dataset, listing, limit, image_size, resize))
    try:
        built = Built.model_validate(read_manifest(cache / IMAGES.folder / key).about)
    except (DamagedError, ValidationError):
        return None
    return built.fingerprint == record.fingerprint


def count_images(
    dataset: Named,
    limit: Limit,
    *,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    listings: Listings,
) -> dict[str, int] | None:
    """The number of files by split that `prepare` would take for the same arguments, if all of them can be decoded.

    Returns:
        None if this cannot be known without downloading or reading large files, neither of which is done here.
    """
    folder = _folder(dataset, root, path, cache)
    listing = _quick_listing(dataset, folder, root, path, cache, fallback_synthetic, listings)
    if listing is None:
        return None
    if listing.layout is None:
        return {split: count * len(listing.located.classes) for split, count in synthetic.counts(limit).items()}
    return count_by_split(listing.layout, limit)


def _folder(dataset: Named, root: Path | None, path: Path | None, cache: Path) -> Path | None:
    """Where the images of a data set are; None if they are drawn, or in no folder that is known."""
    return None if dataset.name == SYNTHETIC else path or folder_of(dataset.name, root, cache)


def _quick_listing(
    dataset: Named,
    folder: Path | None,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    listings: Listings,
) -> Listing | None:
    """The listing of a data set in `folder`, or of a synthetic one; None where it would take long, or `run` fails."""
    name = dataset.model_dump_json()
    if folder is None and not (dataset.name == SYNTHETIC or fallback_synthetic):
        return None  # it would be downloaded, or may be in a folder that is only given to `run`
    try:
        if name not in listings:
            if folder is not None and not is_quick(folder, _rule(dataset)):
                return None
            located = locate(dataset, root=root, path=path, cache=cache, fallback_synthetic=fallback_synthetic)
            listings[name] = _listing(dataset, located)
    except (UserError, OSError):  # `run` reports it
        return None
    return listings[name]


def _source(
    dataset: Named, located: Located, layout: Layout | None, image_size: ImageSize, entry: Entry, damaged: Sequence[str]
) -> DataSource:
    built = Built.model_validate(entry.manifest.about)
    return DataSource(
        name=dataset.label,
        classes=built.classes,
        source="real" if located.folder is not None else "synthetic",
        fallback=located.fallback,
        fingerprint=built.fingerprint,
        splits={
            split: ArraySplit(entry.folder / images_of(split), entry.folder / labels_of(split), image_size, counts)
            for split, counts in built.counts.items()
        },
        skipped=(*(layout.left_out if layout else ()), *built.skipped),
        origins=layout.origins if layout else {},
        audit=built.audit,
        rebuilt=tuple(damaged),
    )


def _rule(dataset: Named) -> SplitRule:
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


def _made_from(dataset: Named, listing: Listing, limit: Limit, image_size: ImageSize, resize: Resize) -> dict[str, str]:
    """Everything that determines the decoded pixels. It changes when a file is replaced or written to."""
    layout = listing.layout
    version = f"{decoder.VERSION}, {', '.join(decoder.formats())}"
    made_from = {"image size": brief(image_size), "limit": limit.model_dump_json(), "decoder": version}
    if layout is None:
        return made_from | {"generator": str(synthetic.VERSION), "classes": json.dumps(listing.located.classes)}
    if resize != "stretch":
        made_from["resize"] = resize
    folder = json.dumps(str((layout.place if layout.container else layout.folder).resolve()))
    rule = {key: value for key, value in vars(_rule(dataset)).items() if value != ""}
    return made_from | {"folder": folder, "split": json.dumps(rule), "files": listing.files}


def _listing(dataset: Named, located: Located) -> Listing:
    """List the files of a data set that was located."""
    layout = read_images(located.folder, _rule(dataset)) if located.folder else None
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
