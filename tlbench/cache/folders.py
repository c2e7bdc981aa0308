"""What is kept, where, and how much of it."""

import re
from dataclasses import dataclass
from pathlib import Path

from tlbench.core import settings
from tlbench.core.errors import UserError

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def cache_dir() -> Path:
    """``$TLBENCH_CACHE``, else ``$XDG_CACHE_HOME/tlbench``, else ``~/.cache/tlbench``.

    Raises UserError where there is no home either.
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
    """What is kept in a `folder` of the cache; the environment's `variable` says how much of it."""

    name: str
    folder: str
    variable: str

    def most(self) -> int:
        """Bytes that may be kept: ``$<variable>``, else 20 GB. Raises UserError."""
        return parse_size(settings.text(self.variable) or "20GB", self.variable)


FEATURES = Kind("features", "features", "TLBENCH_FEATURES")
IMAGES = Kind("images", "decoded", "TLBENCH_IMAGES")
KINDS = (FEATURES, IMAGES)


def feature_dir() -> Path:
    """Where the features of frozen layers are kept."""
    return cache_dir() / FEATURES.folder


def most_features() -> int:
    """Bytes of features that may be kept. Raises UserError."""
    return FEATURES.most()


def parse_size(text: str, name: str) -> int:
    """Bytes of ``500MB``; `name` is where it was written. Raises UserError."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(KB|MB|GB|TB)", text.strip(), re.IGNORECASE | re.ASCII)
    if not match:
        raise UserError(f"{name}: {text!r} is no size; write one as 500MB or 20GB")
    return int(float(match[1]) * UNITS[match[2].upper()])


def size(count: float) -> str:
    """``812 KB``, ``3.1 GB``."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
