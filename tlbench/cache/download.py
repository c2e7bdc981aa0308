"""Fetch a file over the network, checked, or say in one sentence why not."""

import hashlib
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tlbench.core import settings

CONNECT_SECONDS = 10
OnBytes = Callable[[int, int | None], None]


class DownloadError(Exception):
    """A file could not be fetched, or is not the one expected. The text is one clause for the user."""


def fetch(url: str, target: Path, digest: str | None, on_bytes: OnBytes = lambda done, total: None) -> None:
    """Fetch `url` to `target`, which appears only when it is whole and its digest fits.

    digest: hexadecimal MD5 (32 digits) or SHA-256 (64); None where the publisher gives none.
    Raises DownloadError, at once where TLBENCH_OFFLINE says yes.
    """
    if settings.flag("TLBENCH_OFFLINE"):
        raise DownloadError("TLBENCH_OFFLINE is set, so nothing is fetched")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        partial = Path(file.name)
    try:
        _receive(url, partial, on_bytes)
        if digest is not None and file_digest(partial, "md5" if len(digest) == 32 else "sha256") != digest:
            raise DownloadError(f"{url} gave a file whose checksum is not {digest}")
        partial.chmod(0o644)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _receive(url: str, partial: Path, on_bytes: OnBytes) -> None:
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer, partial.open("wb") as file:  # noqa: S310 - the URLs are ours
            length = answer.headers.get("Content-Length")
            total, done = int(length) if length else None, 0
            while block := answer.read(1 << 20):
                file.write(block)
                done += len(block)
                on_bytes(done, total)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"{url} cannot be fetched ({reason})") from error
    if total is not None and done != total:
        raise DownloadError(f"{url} broke off after {done} of {total} bytes")
