"""Where decoded images and features are kept."""

import os
import re
from pathlib import Path

from tlbench.core.errors import UserError

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def cache_dir() -> Path:
    """``$TLBENCH_CACHE``, else ``$XDG_CACHE_HOME/tlbench``, else ``~/.cache/tlbench``."""
    if chosen := os.environ.get("TLBENCH_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tlbench"


def feature_dir() -> Path:
    """Where the features of frozen layers are kept."""
    return cache_dir() / "features"


def most_features() -> int:
    """Bytes of features that may be kept: ``$TLBENCH_FEATURES`` (``20GB``), else 20 GB. Raises UserError."""
    return parse_size(os.environ.get("TLBENCH_FEATURES", "20GB"), "TLBENCH_FEATURES")


def parse_size(text: str, name: str) -> int:
    """Bytes of ``500MB``; `name` is where it was written. Raises UserError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(KB|MB|GB|TB)", text.strip(), re.IGNORECASE)
    if not match:
        raise UserError(f"{name}: {text!r} is no size; write one as 500MB or 20GB")
    return int(float(match[1]) * UNITS[match[2].upper()])
