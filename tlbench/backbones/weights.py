"""ImageNet weights: where the official file of a backbone is, whether it is sound, and what stands in for it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tlbench.backbones import drawn
from tlbench.backbones.official import OF, OfficialFile, no_weights, official_file, official_files
from tlbench.backbones.spec import BackboneInfo
from tlbench.cache.digests import digest
from tlbench.cache.download import DownloadError, algorithm_of, fetch
from tlbench.core.cell import Named, Scalar
from tlbench.core.errors import UserError, argument
from tlbench.core.image_size import ImageSize
from tlbench.core.text import listed, one_line

StandIn = Literal["drawn", "random"]


@dataclass(frozen=True)
class WeightsSource:
    """Where the weights of a backbone come from.

    Attributes:
        kind: the user's folder, Keras' cache, a download, tlbench's own drawn weights, or random.
        path: the file; None for random weights.
        file: the name of the file; empty for random weights.
        sha256: digest of the file.
        instead_of: the official file for the images' size, if that could not be found and the file for another size is
            used instead.
        size: side length in pixels of the images the file is for; 0 for any.
        as_published: whether it has the digest that Keras publishes; None where Keras publishes none.
    """

    kind: Literal["folder", "cache", "download", "drawn", "random"]
    path: Path | None = None
    file: str = ""
    sha256: str | None = None
    instead_of: str | None = None
    size: int = 0
    as_published: bool | None = None


@dataclass(frozen=True)
class Missing:
    """A weights file that was not found.

    Attributes:
        of: the backbone.
        official: the file.
        looked: the folders that were searched.
        why: why it was not downloaded.
    """

    of: str
    official: OfficialFile
    looked: str
    why: str


class DamagedWeightsError(UserError):
    """A file of weights is there and cannot be used."""


class MissingWeightsError(UserError):
    """Weights files were not found, and no stand-in is allowed.

    Attributes:
        missing: the files.
        bare: the message without the hint about stand-ins.
    """

    def __init__(self, missing: Sequence[Missing]) -> None:
        by_file: dict[str, list[Missing]] = {}
        for one in missing:
            by_file.setdefault(one.official.file, []).append(one)
        of = _backbones(missing)
        give = f"in a folder and give that with {argument('weights')} or TLBENCH_WEIGHTS"
        first = missing[0]
        self.missing = tuple(missing)
        if len(by_file) == 1:
            where = "" if first.official.url in first.why else f" (available at {first.official.url})"
            file = first.official.file
            self.bare = f"{OF}{of}: {file} is not in {first.looked}, and {first.why}; put it{where} {give}"
        else:
            lines = [f"  {file} ({_backbones(alike)}): {_why(alike[0])}" for file, alike in by_file.items()]
            self.bare = "\n".join(
                [f"{OF}{of}: {len(by_file)} files are not in {first.looked}:", *lines, f"Put them {give}"]
            )
        super().__init__(
            f"{self.bare}, or allow stand-ins, which are marked in all results, with `fallback: {{weights: drawn}}` in "
            f"the suite (of {drawn.known()}; random ones of others) or `fallback: {{weights: random}}`"
        )


def _backbones(missing: Sequence[Missing]) -> str:
    return listed(list(dict.fromkeys(one.of for one in missing)))


def _why(one: Missing) -> str:
    """Why a file was not downloaded, with its address."""
    return one.why if one.official.url in one.why else f"{one.why}; it is available at {one.official.url}"


def find(
    info: BackboneInfo,
    args: Mapping[str, Scalar],
    include_top: bool,
    folder: Path | None,
    image_size: ImageSize | None = None,
    *,
    instead: StandIn | None,
    allow_download: bool = True,
) -> WeightsSource:
    """Find ImageNet weights in `folder`, in Keras' cache, or by a download into that cache.

    If the file for the images' size is not found, a file for another size is used if it is in these folders. One in
    Keras' cache that is damaged is downloaded again.

    Args:
        info: the backbone.
        args: its arguments.
        include_top: whether the original classifier is included.
        folder: the user's folder of weights.
        image_size: size of the images.
        instead: the stand-in that is allowed; drawn weights exist for few backbones, random ones stand in for the
            others.
        allow_download: whether to download.

    Raises:
        MissingWeightsError: the file was not found, and no stand-in is allowed.
        DamagedWeightsError: the file cannot be read, is no HDF5, or was cut off.
        UserError: there are no ImageNet weights for these arguments, or `folder` does not exist.
    """
    of = Named(name=info.name, args=dict(args)).label
    files = official_files(info, args, include_top, image_size)
    if include_top and instead is not None:
        instead = "random"  # drawn weights have no classifier
    if not files:
        if instead is not None:
            return stand_in(info, args, instead)
        raise UserError(no_weights(info, args, include_top))
    if folder is not None and not folder.is_dir():
        raise UserError(f"the weights folder {folder} does not exist; correct {argument('weights')} or TLBENCH_WEIGHTS")
    official, *others = files
    why, damaged = "downloading is off", None
    if (there := _in_folders(official, folder)) is not None:
        try:
            return _opened(there)
        except DamagedWeightsError as error:
            if not allow_download or there.kind != "cache":
                raise
            damaged = error
    if allow_download:
        target = keras_cache() / official.file
        try:
            fetch(official.url, target, official.digest)
            return _source("download", target, official)
        except DownloadError as error:
            why = str(error)
    if damaged is not None:
        raise damaged
    for other in others:
        if (there := _in_folders(other, folder)) is not None:
            return replace(_opened(there), instead_of=official.file)
    if instead is not None:
        return stand_in(info, args, instead)
    raise MissingWeightsError([Missing(of, official, searched(folder), why)])


def absent(
    info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool, folder: Path | None, image_size: ImageSize
) -> tuple[OfficialFile, OfficialFile | None] | None:
    """The official file if `find` would have to download it, and the file that it would use if that failed.

    No file is read, and nothing is downloaded.

    Args:
        info: the backbone.
        args: its arguments.
        include_top: whether the original classifier is included.
        folder: the user's folder of weights.
        image_size: size of the images.

    Returns:
        The file, and the one for another size that is there, if any; None if there is nothing to download.
    """
    files = official_files(info, args, include_top, image_size)
    there = [official for official in files if _place_of(official, folder) is not None]
    if not files or files[0] in there:
        return None
    return files[0], next(iter(there), None)


def present(
    info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool, folder: Path | None, image_size: ImageSize
) -> Path | None:
    """The file that `find` would use without a download; None if there is none."""
    places = (_place_of(official, folder) for official in official_files(info, args, include_top, image_size))
    return next((place[1] for place in places if place), None)


def stand_in(info: BackboneInfo, args: Mapping[str, Scalar], kind: StandIn) -> WeightsSource:
    """The stand-in for ImageNet weights: drawn weights if `kind` asks for them and they exist, else random ones."""
    made = drawn.find(info.name, args) if kind == "drawn" else None
    return WeightsSource("drawn", made.path, made.file, made.sha256) if made else WeightsSource("random")


def find_classifier(
    info: BackboneInfo, args: Mapping[str, Scalar], folder: Path | None, image_size: ImageSize, strategy: str
) -> WeightsSource:
    """Find the official file that includes the original classifier, as `find` does.

    Args:
        info: the backbone.
        args: its arguments.
        folder: the user's folder of weights.
        image_size: size of the images.
        strategy: the name of the strategy that needs it, for messages.

    Raises:
        UserError: there is no such file, or it was not found.
    """
    named = f"strategy {strategy} needs the original classifier of {Named(name=info.name, args=dict(args)).label}"
    official = official_file(info, args, include_top=True, image_size=image_size)
    if official is None:
        raise UserError(f"{named}, but there are no weights with one; remove {strategy} for this backbone")
    found = find(info, args, True, folder, image_size, instead="random")
    if found.kind == "random":
        raise UserError(
            f"{named}: {official.file} is not in {searched(folder)}, and could not be downloaded from {official.url}; "
            f"put it there, or remove {strategy} for this backbone"
        )
    return found


def damage_of(path: Path) -> str:
    """Why a file cannot be used as weights, e.g. since it was cut off, as a clause; empty if it can be."""
    if path.suffix != ".h5":
        return ""
    import h5py

    try:
        h5py.File(path, "r", locking=False).close()
    except PermissionError as error:
        return f"cannot be read ({error.strerror or one_line(str(error))})"
    except OSError as error:
        return f"is no whole file of weights ({one_line(str(error))})"
    return ""


def not_published(path: Path) -> str:
    """What is said of a file with another digest than that which Keras publishes, as a clause."""
    return f"{path.name} in {path.parent} is not the file that Keras publishes under this name (another checksum)"


def _opened(source: WeightsSource) -> WeightsSource:
    if source.path is not None and (why := damage_of(source.path)):
        raise DamagedWeightsError(
            f"{source.path} {why}; remove it, so that it is fetched again, or put a sound copy there"
        )
    return source


def _in_folders(official: OfficialFile, folder: Path | None) -> WeightsSource | None:
    """The file in the user's folder or in Keras' cache, with its digest; None if it is in neither."""
    if (place := _place_of(official, folder)) is None:
        return None
    kind, path = place
    return _source(kind, path, official)


def _place_of(official: OfficialFile, folder: Path | None) -> tuple[Literal["folder", "cache"], Path] | None:
    """Where the file is: in the user's folder or in Keras' cache; None if it is in neither."""
    places: tuple[tuple[Literal["folder", "cache"], Path | None], ...] = (("folder", folder), ("cache", keras_cache()))
    for kind, place in places:
        if place is not None and (path := place / official.file).is_file():
            return kind, path
    return None


def _source(kind: Literal["folder", "cache", "download"], path: Path, official: OfficialFile) -> WeightsSource:
    published = official.digest
    try:
        sha256 = digest(path)
        same = None if published is None else digest(path, algorithm_of(published)) == published
    except OSError as error:
        raise DamagedWeightsError(
            f"{path} cannot be read ({error.strerror}); make it readable, or remove it"
        ) from error
    return WeightsSource(kind, path, official.file, sha256, size=official.size, as_published=same)


def searched(folder: Path | None) -> str:
    """The folders that are searched for a file, for messages: the user's `folder`, and Keras' cache."""
    return " or ".join(str(place) for place in (folder, keras_cache()) if place is not None)


def keras_cache() -> Path:
    """The folder where Keras stores downloaded weights: ``$KERAS_HOME/models``, by default ``~/.keras/models``."""
    if home := os.environ.get("KERAS_HOME"):
        return Path(home) / "models"
    try:
        base = Path.home()
    except RuntimeError:  # the user id is unknown and HOME is not set
        base = Path("/tmp")  # noqa: S108 - Keras uses it in this case
    return base / ".keras" / "models"
