"""Prepare a data set: find it, decode its images once, and keep them on disk as uint8 arrays."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tlbench.cache.folders import IMAGES
from tlbench.cache.manifest import key_of
from tlbench.cache.store import Entry, Store
from tlbench.cache.writer import NoRoomError
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize, brief
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
from tlbench.datasets.found import Listings, listing_of, made_from
from tlbench.datasets.layout import Layout
from tlbench.datasets.locate import Located, locate
from tlbench.datasets.source import ArraySplit, DataSource

OnDecode = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is done."""


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
        listings[name] = listing_of(dataset, located)
    located, layout = listings[name].located, listings[name].layout
    depends = made_from(dataset, listings[name], limit, image_size, resize)
    store, key = Store(cache / IMAGES.folder, IMAGES, IMAGES.most()), key_of(depends)

    def build() -> None:
        def tell(done: int, total: int) -> None:
            if progress:
                progress(dataset.label, done, total)

        count = count_real(layout, limit) if layout else count_synthetic(located.classes, limit)
        tell(0, count)
        with store.write({key: depends}, most_bytes(count, image_size)) as (writer,):
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


def _source(
    dataset: Named, located: Located, layout: Layout | None, image_size: ImageSize, entry: Entry, damaged: Sequence[str]
) -> DataSource:
    built = Built.model_validate(entry.manifest.about)
    return DataSource(
        name=dataset.label,
        classes=built.classes,
        source="real" if located.folder is not None else "synthetic",
        instead_of=dataset.name if located.fallback else "",
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
