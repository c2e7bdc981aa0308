"""Official ImageNet weights: which file a backbone's are in, and where that file is."""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from tlbench.backbones import drawn
from tlbench.backbones.spec import BackboneInfo
from tlbench.cache.download import DownloadError, fetch, file_digest
from tlbench.core.cell import Scalar
from tlbench.core.errors import UserError, argument
from tlbench.core.files import state_of
from tlbench.core.image_size import ImageSize
from tlbench.core.text import listed

DEFAULT_SIZE = 224
OF = "ImageNet weights of "
StandIn = Literal["drawn", "random"]


@dataclass(frozen=True)
class OfficialFile:
    """An official weights file: its name, where Keras fetches it, and the digest Keras checks (MD5 or SHA-256).

    size: pixels of the square images it is for; 0: any.
    """

    file: str
    url: str
    digest: str | None
    size: int = 0


@dataclass(frozen=True)
class WeightsSource:
    """Where the weights of a backbone come from. `path` is None, and `file` empty, for random weights.

    ``drawn`` ones are tlbench's own, pretrained on drawn pictures.

    instead_of: the official file for the images' size, where it could not be had and another size's stands in for it.
    size: pixels of the square images the file is for; 0: any.
    """

    kind: Literal["folder", "cache", "download", "drawn", "random"]
    path: Path | None = None
    file: str = ""
    sha256: str | None = None
    instead_of: str | None = None
    size: int = 0


@dataclass(frozen=True)
class Missing:
    """A weights file that is nowhere. of: the backbone. looked: the folders it is not in. why: it is not fetched."""

    of: str
    official: OfficialFile
    looked: str
    why: str


class MissingWeightsError(UserError):
    """Weights files are nowhere, and nothing may stand in for them. bare: the sentence without what could stand in."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        first, files = missing[0], list(dict.fromkeys(one.official.file for one in missing))
        of = listed(list(dict.fromkeys(one.of for one in missing)))
        urls = [url for url in dict.fromkeys(one.official.url for one in missing) if url not in first.why]
        where = f" (to be had at {', '.join(urls)})" if urls else ""
        are, the = ("is", "it") if len(files) == 1 else ("are", "them")
        self.missing = tuple(missing)
        self.bare = (
            f"{OF}{of}: {listed(files)} {are} not in {first.looked}, and {first.why}; put {the}{where} in a folder and "
            f"name that with {argument('weights')} or TLBENCH_WEIGHTS"
        )
        super().__init__(
            f"{self.bare}, or let others stand in for {the}, marked, with `fallback: {{weights: drawn}}` or `fallback: "
            "{weights: random}` in the suite"
        )


def official_file(
    info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool, image_size: ImageSize | None = None
) -> OfficialFile | None:
    """The official weights file for these arguments; None where there are no ImageNet weights for them.

    MobileNet and MobileNetV2 have a file for each of several image sizes (pixels). Other sizes, images that are
    no squares, and None take the one for 224, as Keras' own constructors do.
    """
    return next(iter(_official_files(info, args, include_top, image_size)), None)


def _official_files(
    info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool, image_size: ImageSize | None
) -> list[OfficialFile]:
    """All that fit the arguments: first the one for the image size, then those for others, the nearest first."""
    given = {key: argument.default for key, argument in info.arguments.items()} | dict(args)
    if given.pop("depth_multiplier", 1) != 1:
        return []
    alpha, minimalistic = given.get("alpha"), bool(given.get("minimalistic", False))
    by_size = _table().get((info.name, None if alpha is None else float(alpha), minimalistic, include_top), {})
    wanted = image_size if isinstance(image_size, int) and image_size in by_size else DEFAULT_SIZE
    return [by_size[size] for size in sorted(by_size, key=lambda size: abs(size - wanted))]


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
    """Look in `folder`, then in Keras' cache, then fetch into that cache; what stands in only where it may.

    Where the file for the images' size is nowhere, that for another size is looked for in the same folders.
    instead: what may stand in where the weights are nowhere; drawn ones there are for few backbones, random ones then.
    Raises MissingWeightsError, naming the file and the ways out, where the weights are nowhere and nothing may stand
    in, and UserError for arguments of which there are none.
    """
    of = info.name + (f" with {dict(args)}" if args else "")
    files = _official_files(info, args, include_top, image_size)
    if include_top and instead is not None:
        instead = "random"  # drawn ones have no classifier
    if not files:
        if instead is not None:
            return stand_in(info, args, instead)
        raise UserError(f"there are no {OF}{of}; give it `weights: random`, or other arguments")
    if folder is not None and not folder.is_dir():
        raise UserError(f"the weights folder {folder} does not exist; mend {argument('weights')} or TLBENCH_WEIGHTS")
    official, *others = files
    if (there := _in_folders(official, folder)) is not None:
        return there
    why = "downloading is off"
    if allow_download:
        target = keras_cache() / official.file
        try:
            fetch(official.url, target, official.digest)
            return WeightsSource("download", target, official.file, file_digest(target), size=official.size)
        except DownloadError as error:
            why = str(error)
    for other in others:
        if (there := _in_folders(other, folder)) is not None:
            return replace(there, instead_of=official.file)
    if instead is not None:
        return stand_in(info, args, instead)
    looked = " or ".join(str(place) for place in (folder, keras_cache()) if place is not None)
    raise MissingWeightsError([Missing(of, official, looked, why)])


def stand_in(info: BackboneInfo, args: Mapping[str, Scalar], kind: StandIn) -> WeightsSource:
    """Weights that tlbench has itself: drawn ones if `kind` says so and there are any of this backbone, else random."""
    made = drawn.find(info.name, args) if kind == "drawn" else None
    return WeightsSource("drawn", made.path, made.file, made.sha256) if made else WeightsSource("random")


def find_classifier(
    info: BackboneInfo, args: Mapping[str, Scalar], folder: Path | None, image_size: ImageSize, strategy: str
) -> WeightsSource:
    """The official file that has the original classifier, too, looked for as `find` does.

    Raises UserError, naming the file, the strategy that needs it and the ways out, where it is nowhere.
    """
    named = f"strategy {strategy} needs the original classifier of {info.name}" + (
        f" with {dict(args)}" if args else ""
    )
    official = official_file(info, args, include_top=True, image_size=image_size)
    if official is None:
        raise UserError(f"{named}, and there are no weights of one; leave {strategy} out for this backbone")
    found = find(info, args, True, folder, image_size, instead="random")
    if found.kind == "random":
        looked = " or ".join(str(place) for place in (folder, keras_cache()) if place is not None)
        raise UserError(
            f"{named}: {official.file} is not in {looked}, and could not be fetched from {official.url}; put it there, "
            f"or leave {strategy} out for this backbone"
        )
    return found


def _in_folders(official: OfficialFile, folder: Path | None) -> WeightsSource | None:
    places: tuple[tuple[Literal["folder", "cache"], Path | None], ...] = (("folder", folder), ("cache", keras_cache()))
    for kind, place in places:
        if place is not None and (path := place / official.file).is_file():
            return WeightsSource(kind, path, official.file, _digest(path), size=official.size)
    return None


def _digest(path: Path) -> str:
    """Of the bytes; read once a process, as long as the file is the same one."""
    return _digest_of(path, state_of(path))


@cache
def _digest_of(path: Path, state: tuple[int, ...]) -> str:
    del state
    return file_digest(path)


def keras_cache() -> Path:
    """Where Keras keeps downloaded weights: ``$KERAS_HOME/models``, by default ``~/.keras/models``."""
    if home := os.environ.get("KERAS_HOME"):
        return Path(home) / "models"
    try:
        base = Path.home()
    except RuntimeError:  # an unknown user id, and no HOME
        base = Path("/tmp")  # noqa: S108 - where Keras keeps them then
    return base / ".keras" / "models"


@cache
def _table() -> dict[tuple[str, float | None, bool, bool], dict[int, OfficialFile]]:
    """All official files, by the image size they are for (0: any), as Keras 3.15's own constructors ask for them.

    A slow test compares.
    """
    text = resources.files("tlbench.backbones").joinpath("weights.csv").read_text(encoding="utf-8")
    table: dict[tuple[str, float | None, bool, bool], dict[int, OfficialFile]] = {}
    for row in csv.DictReader(text.splitlines()):
        alpha = float(row["alpha"]) if row["alpha"] else None
        key = (row["backbone"], alpha, row["minimalistic"] == "true", row["top"] == "true")
        size = int(row["size"] or 0)
        table.setdefault(key, {})[size] = OfficialFile(row["file"], row["url"], row["hash"] or None, size)
    return table
