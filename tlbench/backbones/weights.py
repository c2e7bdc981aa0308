"""Official ImageNet weights: which file a backbone's are in, and where that file is."""

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from tlbench.backbones.spec import BackboneInfo
from tlbench.cache.download import DownloadError, fetch, file_digest
from tlbench.core.cell import Scalar
from tlbench.core.errors import UserError


@dataclass(frozen=True)
class OfficialFile:
    """An official weights file: its name, where Keras fetches it, and the digest Keras checks (MD5 or SHA-256)."""

    file: str
    url: str
    digest: str | None


@dataclass(frozen=True)
class WeightsSource:
    """Where the weights of a backbone come from. `path` is None, and `file` empty, for random weights."""

    kind: Literal["folder", "cache", "download", "random"]
    path: Path | None = None
    file: str = ""
    sha256: str | None = None


def official_file(info: BackboneInfo, args: Mapping[str, Scalar], include_top: bool) -> OfficialFile | None:
    """The official weights file for these arguments; None where there are no ImageNet weights for them.

    MobileNet and MobileNetV2 have files for several image sizes; the one for 224 px is used for all.
    """
    given = {key: argument.default for key, argument in info.arguments.items()} | dict(args)
    if given.pop("depth_multiplier", 1) != 1:
        return None
    alpha, minimalistic = given.get("alpha"), bool(given.get("minimalistic", False))
    return _table().get((info.name, None if alpha is None else float(alpha), minimalistic, include_top))


def find(
    info: BackboneInfo,
    args: Mapping[str, Scalar],
    include_top: bool,
    folder: Path | None,
    *,
    allow_random: bool,
    allow_download: bool = True,
) -> WeightsSource:
    """Look in `folder`, then in Keras' cache, then fetch into that cache; random weights only where allowed.

    Raises UserError, naming the file and the ways out, where the weights are nowhere and random is not allowed.
    """
    named = f"ImageNet weights of {info.name}" + (f" with {dict(args)}" if args else "")
    official = official_file(info, args, include_top)
    if official is None:
        if allow_random:
            return WeightsSource("random")
        raise UserError(f"there are no {named}; give it `weights: random`, or other arguments")
    if folder is not None and not folder.is_dir():
        raise UserError(f"the weights folder {folder} does not exist; mend --weights or TLBENCH_WEIGHTS")
    places: list[tuple[Literal["folder", "cache"], Path]] = [("cache", keras_cache() / official.file)]
    if folder is not None:
        places.insert(0, ("folder", folder / official.file))
    for kind, path in places:
        if path.is_file():
            return WeightsSource(kind, path, official.file, file_digest(path))
    why = "downloading is off"
    if allow_download:
        target = keras_cache() / official.file
        try:
            fetch(official.url, target, official.digest)
            return WeightsSource("download", target, official.file, file_digest(target))
        except DownloadError as error:
            why = str(error)
    if allow_random:
        return WeightsSource("random")
    looked = " or ".join(str(path.parent) for _, path in places)
    raise UserError(
        f"{named}: {official.file} is not in {looked}, and {why}; put the file there, "
        "or allow random weights with `fallback: {weights: random}`"
    )


def keras_cache() -> Path:
    """Where Keras keeps downloaded weights: ``$KERAS_HOME/models``, by default ``~/.keras/models``."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


@cache
def _table() -> dict[tuple[str, float | None, bool, bool], OfficialFile]:
    """All official files, as Keras 3.15's own constructors ask for them; a slow test compares."""
    text = resources.files("tlbench.backbones").joinpath("weights.csv").read_text(encoding="utf-8")
    return {
        (
            row["backbone"],
            float(row["alpha"]) if row["alpha"] else None,
            row["minimalistic"] == "true",
            row["top"] == "true",
        ): OfficialFile(row["file"], row["url"], row["hash"] or None)
        for row in csv.DictReader(text.splitlines())
    }
