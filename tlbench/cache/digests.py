"""Digests of files, remembered in the cache as long as a file does not change: gigabytes of weights take seconds."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlbench.cache.download import file_digest
from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError
from tlbench.core.files import state_of, write_atomically
from tlbench.core.json_text import parse_json

MEMO = "digests.json"
SETTLED = 2.0
"""Seconds without a change after which a digest is remembered. A file that is written to twice within one tick of the
clock has the same state both times (https://git-scm.com/docs/racy-git)."""

_known: dict[tuple[Path, str], tuple[tuple[int, ...], str]] = {}
"""The state and the digest of files that this process has asked for."""
_memos: dict[Path, dict[str, Any]] = {}
"""What was remembered when this process first asked, and since then, by the file of the memo."""


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a file, which is read only if it may have changed since it was read last.

    Raises:
        OSError: it cannot be read.
    """
    state = state_of(path)
    before, found = _known.get((path, algorithm), ((), ""))
    if not state or before != state:
        found = _recalled(path, state).get(algorithm) or _computed(path, state, algorithm)
        _known[path, algorithm] = state, found
    return found


def _computed(path: Path, state: tuple[int, ...], algorithm: str) -> str:
    """Read the file. The digest is remembered if it is certain to be of `state`, and if the cache may be written."""
    settled, found = _age(path) > SETTLED, file_digest(path, algorithm)
    if settled and state_of(path) == state:
        digests = _recalled(path, state) | {algorithm: found}
        with suppress(OSError, UserError):
            memo = _memo()
            memo[str(path.resolve())] = {"state": list(state), "digests": digests}
            write_atomically(cache_dir() / MEMO, json.dumps(memo, indent=1).encode())
    return found


def _age(path: Path) -> float:
    """Seconds since the file was written to or replaced. Unlike the mtime, nobody can set the ctime."""
    return time.time() - path.stat().st_ctime


def _recalled(path: Path, state: tuple[int, ...]) -> dict[str, str]:
    """The digests that are remembered of the file in this state, by algorithm."""
    entry = _memo().get(str(path.resolve()))
    if not isinstance(entry, dict) or entry.get("state") != list(state):
        return {}
    digests = entry.get("digests")
    return {str(name): str(one) for name, one in digests.items()} if isinstance(digests, dict) else {}


def _memo() -> dict[str, Any]:
    """All that is remembered, without files that are gone; nothing if the memo is damaged or missing."""
    try:
        place = cache_dir() / MEMO
    except UserError:
        return {}
    if place not in _memos:
        try:
            memo = parse_json(place.read_bytes())
        except (OSError, ValueError):
            memo = {}
        entries = memo.items() if isinstance(memo, dict) else ()
        _memos[place] = {name: entry for name, entry in entries if Path(name).exists()}
    return _memos[place]
