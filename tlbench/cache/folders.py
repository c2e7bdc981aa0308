"""The folders of the cache, and their limits."""

import re
from dataclasses import dataclass
from pathlib import Path

from tlbench.core import settings
from tlbench.core.errors import UserError

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def cache_dir() -> Path:
    """The folder of the cache: ``$TLBENCH_CACHE``, ``$XDG_CACHE_HOME/tlbench`` or ``~/.cache/tlbench``.

    Raises:
        UserError: neither variable is set, and there is no home folder.
    """
    if chosen := settings.folder("TLBENCH_CACHE"):
        return chosen
    return (settings.folder("XDG_CACHE_HOME") or _home() / ".cache") / "tlbench"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:  # an unknown user id, and no HOME
        raise UserError(
            "this user has no home folder for the cache; set TLBENCH_CACHE to a folder on a local disk"
        ) from error


@dataclass(frozen=True)
class Kind:
    """A kind of cached data: its name, its folder in the cache, and the environment variable with its limit."""

    name: str
    folder: str
    variable: str

    def most(self) -> int:
        """The limit in bytes: ``$<variable>``, else 20 GB. Raises UserError for a value that is no size."""
        return parse_size(settings.text(self.variable) or "20GB", self.variable)


FEATURES = Kind("features", "features", "TLBENCH_FEATURES")
IMAGES = Kind("images", "decoded", "TLBENCH_IMAGES")
KINDS = (FEATURES, IMAGES)


def feature_dir() -> Path:
    """The folder for features of frozen layers."""
    return cache_dir() / FEATURES.folder


def most_features() -> int:
    """The limit on features in bytes. Raises UserError."""
    return FEATURES.most()


def parse_size(text: str, name: str) -> int:
    """The bytes of a size such as ``500MB``; `name` is the option it comes from. Raises UserError if it is none."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(KB|MB|GB|TB)", text.strip(), re.IGNORECASE | re.ASCII)
    if not match:
        raise UserError(f"{name}: {text!r} is no size; write one as 500MB or 20GB")
    return int(float(match[1]) * UNITS[match[2].upper()])


def size(count: float) -> str:
    """`count` bytes for people: ``812 KB``, ``3.1 GB``."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB" if count < 999.5 else f"{count:.0f} TB"
