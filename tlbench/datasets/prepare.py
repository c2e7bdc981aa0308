"""Images of a data set as uint8 arrays on disk, decoded once."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    count_real,
    count_synthetic,
    images_of,
    labels_of,
    most_bytes,
)
from tlbench.datasets.kinds import is_quick, read_images
from tlbench.datasets.layout import Layout, SplitRule
from tlbench.datasets.locate import Located, folder_of, locate
from tlbench.datasets.registry import SYNTHETIC, classes_of
from tlbench.datasets.source import ArraySplit, DataSource
from tlbench.results.images import DataProvenance

OnDecode = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Listing:
    """Where a data set is, its layout (None: it is drawn), and a digest of the states of its files."""

    located: Located
    layout: Layout | None
    files: str


Listings = dict[str, Listing]
"""Of data sets, as JSON: what further sizes and limits of one need not look for again."""


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
    """Find the data set, decode what `limit` takes of it to `image_size`, and keep the arrays under `cache`.

    Looked at are `path`, ``root/<name>`` and the cache; then the synthetic generator draws where `fallback_synthetic`
    allows it, else the public archive is fetched. A second call with the same files decodes nothing, and the arrays
    are checked once a process. `progress` hears of 0 images before the first one is decoded, which threads do. Safe for
    several processes; what is prepared is kept as long as the value lives here. `listings`, of calls with the same
    folders, gets what was found: listing and looking at 20,000 files takes longer than all else.
    Raises UserError for a data set that is nowhere, has too few classes, more than 5 % files that are no images, or
    does not fit into the cache.
    """

    def on_bytes(done: int, total: int | None) -> None:
        if progress:
            progress(f"{dataset.name} (fetching, MB)", done >> 20, (total or 0) >> 20)

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
            f"{dataset.label} at {brief(image_size)} px: {error}; make room, set {IMAGES.variable} higher, or take "
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
    """Whether the images that `record` names are those that `prepare` would give for the same arguments.

    None where only decoding them tells, or fetching, or reading large files: nothing of that is done here.
    """
    drawn = dataset.name == SYNTHETIC
    folder = None if drawn else path or folder_of(dataset.name, root, cache)
    if folder is None and not (drawn or (fallback_synthetic and record.source == "synthetic")):
        return None  # it would be fetched, or may be in a folder that only `run` is given
    if folder is not None and record.source == "synthetic":
        return False
    name = dataset.model_dump_json()
    try:
        if name not in listings:
            if folder is not None and not is_quick(folder, _rule(dataset)):
                return None
            located = locate(dataset, root=root, path=path, cache=cache, fallback_synthetic=fallback_synthetic)
            listings[name] = _listing(dataset, located)
    except (UserError, OSError):  # which `run` will tell
        return None
    layout = listings[name].layout
    if layout and record.splits and (layout.classes, dict(layout.origins)) != (record.classes, record.splits):
        return False
    key = key_of(_made_from(dataset, listings[name], limit, image_size, resize))
    try:
        built = Built.model_validate(read_manifest(cache / IMAGES.folder / key).about)
    except (DamagedError, ValidationError):
        return None
    return built.fingerprint == record.fingerprint


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
    """What the suite says of the folder; `splits` and `classes` are JSON in the arguments of a cell."""
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
    known = classes_of(dataset.name)
    if known and layout.classes != known:
        raise UserError(
            f"{located.folder} has the classes {', '.join(layout.classes)}; {dataset.name} has {', '.join(known)}"
        )


def _made_from(dataset: Named, listing: Listing, limit: Limit, image_size: ImageSize, resize: Resize) -> dict[str, str]:
    """Changes when a file is replaced or written to, and with all that decides which pixels come out."""
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
    layout = read_images(located.folder, _rule(dataset)) if located.folder else None
    if layout:
        _check_known_classes(dataset, located, layout)
    return Listing(located, layout, _states(layout) if layout else "")


def _states(layout: Layout) -> str:
    """A digest of all files' names and states.

    Reading all bytes to be as sure would cost every run minutes on a slow disk, and where a time changes without the
    bytes, the images are only decoded once more. A file that is gone since it was listed is named when it is decoded.
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
