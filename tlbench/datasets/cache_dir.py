"""Where decoded images are kept."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """``$TLBENCH_CACHE``, else ``$XDG_CACHE_HOME/tlbench``, else ``~/.cache/tlbench``."""
    if chosen := os.environ.get("TLBENCH_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tlbench"
