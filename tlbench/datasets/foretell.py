"""What `prepare` would find, as far as that can be told without decoding, downloading or reading large files."""

from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from tlbench.cache.folders import IMAGES
from tlbench.cache.manifest import DamagedError, key_of, read_manifest
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, Resize
from tlbench.datasets import synthetic
from tlbench.datasets.build import Built, count_by_split
from tlbench.datasets.found import Listing, Listings, listing_of, made_from, rule_of
from tlbench.datasets.kinds import is_quick
from tlbench.datasets.locate import folder_of, locate
from tlbench.datasets.registry import SYNTHETIC
from tlbench.results.images import DataProvenance


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
    listing = _accepted(dataset, folder, root, path, cache, drawn, listings)
    if listing is None:
        return None
    layout = listing.layout
    if layout and record.splits and (layout.classes, dict(layout.origins)) != (record.classes, record.splits):
        return False
    key = key_of(made_from(dataset, listing, limit, image_size, resize))
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
        None if this cannot be known without downloading or reading large files, neither of which is done here, or if
        `prepare` would refuse them.
    """
    folder = _folder(dataset, root, path, cache)
    listing = _accepted(dataset, folder, root, path, cache, fallback_synthetic, listings)
    if listing is None:
        return None
    if listing.layout is None:
        return {split: count * len(listing.located.classes) for split, count in synthetic.counts(limit).items()}
    return count_by_split(listing.layout, limit)


def refusal(
    dataset: Named,
    *,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    listings: Listings,
) -> str:
    """Why `prepare` would refuse the folder of a data set: as it has a class too few. Empty if none is known."""
    folder = _folder(dataset, root, path, cache)
    if folder is None or not folder.exists():
        return ""
    try:
        _quick_listing(dataset, folder, root, path, cache, fallback_synthetic, listings)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})"
    return ""


def _folder(dataset: Named, root: Path | None, path: Path | None, cache: Path) -> Path | None:
    """Where the images of a data set are; None if they are drawn, or in no folder that is known."""
    return None if dataset.name == SYNTHETIC else path or folder_of(dataset.name, root, cache)


def _accepted(
    dataset: Named,
    folder: Path | None,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    listings: Listings,
) -> Listing | None:
    """`_quick_listing`, or None where `prepare` would refuse what is there."""
    with suppress(UserError, OSError):
        return _quick_listing(dataset, folder, root, path, cache, fallback_synthetic, listings)
    return None


def _quick_listing(
    dataset: Named,
    folder: Path | None,
    root: Path | None,
    path: Path | None,
    cache: Path,
    fallback_synthetic: bool,
    listings: Listings,
) -> Listing | None:
    """The listing of a data set in `folder`, or of a synthetic one; None where it would take long.

    Raises:
        UserError, OSError: `prepare` would raise it too.
    """
    name = dataset.model_dump_json()
    if folder is None and not (dataset.name == SYNTHETIC or fallback_synthetic):
        return None  # it would be downloaded, or may be in a folder that is only given to `run`
    if name not in listings:
        if folder is not None and not is_quick(folder, rule_of(dataset)):
            return None
        located = locate(dataset, root=root, path=path, cache=cache, fallback_synthetic=fallback_synthetic)
        listings[name] = listing_of(dataset, located)
    return listings[name]
