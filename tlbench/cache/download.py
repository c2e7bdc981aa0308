"""Download a file, verify it, and resume interrupted downloads."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tlbench.cache import lock
from tlbench.cache.paced import Clock, SlowServerError, opener
from tlbench.core import settings
from tlbench.core.errors import UserError

CONNECT_SECONDS = 10
LARGEST = 4 * 2**30
"""The largest file whose size is not known beforehand, in bytes. No file of weights has a third of it."""
TRIES = 3
"""How often an interrupted download is resumed."""
BLOCK = 1 << 20
OnBytes = Callable[[int, int | None], None]


class DownloadError(Exception):
    """A file could not be downloaded, or is not the one expected. The message is a clause for the user."""


def fetch(
    url: str,
    target: Path,
    digest: str | None,
    on_bytes: OnBytes = lambda done, total: None,
    *,
    size: int | None = None,
    clock: Clock = time.monotonic,
) -> None:
    """Download `url` to `target`, which appears only when it is complete and verified.

    Only one process at a time downloads a file. If digest or size are known, the part that an interrupted download has
    received stays beside `target`, and the next call resumes it.

    Args:
        url: the URL.
        target: the file to write.
        digest: its MD5 (32 hexadecimal digits) or SHA-256 (64); None if the publisher gives none.
        on_bytes: called with the bytes received and the total (None: unknown).
        size: its size in bytes, if known.
        clock: the time in seconds.

    Raises:
        DownloadError: the download failed, or TLBENCH_OFFLINE is set.
    """
    if settings.flag("TLBENCH_OFFLINE"):
        raise DownloadError("TLBENCH_OFFLINE is set, so nothing is fetched")
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        held = lock.exclusive(part.with_name(f"{part.name}.lock"))
    except (OSError, UserError) as error:
        why = error if isinstance(error, OSError) else error.__cause__
        said = why.strerror if isinstance(why, OSError) else str(error)
        raise DownloadError(f"nothing can be fetched into {target.parent} ({said})") from error
    wanted = _Download(url, part, digest, size, on_bytes, clock)
    try:
        if not (target.is_file() and digest is not None and _fits(target, digest)):
            wanted.complete()
            part.replace(target)
    finally:
        if not wanted.done or (digest is None and size is None):  # it could not be verified after a resume
            part.unlink(missing_ok=True)
        held.remove()


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


class _BrokeOffError(DownloadError):
    """The download was interrupted, and can be resumed."""


@dataclass(frozen=True)
class _Download:
    url: str
    part: Path
    digest: str | None
    size: int | None
    on_bytes: OnBytes
    clock: Clock

    def complete(self) -> None:
        """Complete `part`, or remove it if it turns out to be another file."""
        resumed = self.part.exists()
        for tries_left in reversed(range(TRIES)):
            before = self.done
            try:
                self._receive()
                break
            except _BrokeOffError:
                if not tries_left or self.done <= before:
                    raise
        wrong = self._wrong()
        if wrong is None:
            return
        self.part.unlink()
        if not resumed:
            raise DownloadError(f"{self.url} gave {wrong}")
        self.complete()  # the part that was resumed belonged to another file

    @property
    def done(self) -> int:
        """The bytes received so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _wrong(self) -> str | None:
        if self.size is not None and self.done != self.size:
            return f"{self.done} bytes, not {self.size}"
        if self.digest is not None and not _fits(self.part, self.digest):
            return f"a file whose checksum is not {self.digest}"
        return None

    def _receive(self) -> None:
        """Append the rest of the file to `part`, or write all of it if the server does not support ranges."""
        begin = self.done
        asked = urllib.request.Request(self.url, headers={"Range": f"bytes={begin}-"} if begin else {})  # noqa: S310
        try:
            with opener(self.clock).open(asked, timeout=CONNECT_SECONDS) as answer:
                if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                    begin = 0
                length = answer.headers.get("Content-Length")
                total = begin + int(length) if length else None
                self._check_size(total or 0)
                self._copy(answer, begin, total)
        except urllib.error.HTTPError as error:
            if begin and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # the file is complete; it is verified next
            raise DownloadError(f"{self.url} cannot be fetched ({error.reason or error.code})") from error
        except SlowServerError as error:
            raise DownloadError(f"{self.url} {error}") from error
        except (http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            kind = _BrokeOffError if self.done else DownloadError
            raise kind(f"{self.url} cannot be fetched ({reason})") from error
        if total is not None and self.done != total:
            raise _BrokeOffError(f"{self.url} broke off after {self.done} of {total} bytes")

    def _copy(self, answer: http.client.HTTPResponse, begin: int, total: int | None) -> None:
        done = begin
        with self.part.open("ab" if begin else "wb") as file:
            while block := answer.read1(BLOCK):
                file.write(block)
                done += len(block)
                self.on_bytes(done, total)
                self._check_size(done)

    def _check_size(self, found: int) -> None:
        most = self.size or LARGEST
        if found > most:
            raise DownloadError(f"{self.url} is larger than the {most} bytes that are expected")


def algorithm_of(digest: str) -> str:
    """The algorithm of a digest that Keras publishes, by its length: MD5 has 32 hexadecimal digits."""
    return "md5" if len(digest) == 32 else "sha256"


def _fits(path: Path, digest: str) -> bool:
    return file_digest(path, algorithm_of(digest)) == digest
