"""Fetch a file over the network, checked, or say in one sentence why not. What has come goes on at the next try."""

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
"""Bytes of a file whose size is not known before: no file of weights has a third of it."""
TRIES = 3
"""So often what broke off is asked for again, from where it broke off."""
BLOCK = 1 << 20
OnBytes = Callable[[int, int | None], None]


class DownloadError(Exception):
    """A file could not be fetched, or is not the one expected. The text is one clause for the user."""


def fetch(
    url: str,
    target: Path,
    digest: str | None,
    on_bytes: OnBytes = lambda done, total: None,
    *,
    size: int | None = None,
    clock: Clock = time.monotonic,
) -> None:
    """Fetch `url` to `target`, which appears only when it is whole and its digest fits.

    digest: hexadecimal MD5 (32 digits) or SHA-256 (64); None where the publisher gives none. size: bytes, where they
    are known. With either, what has come of a file that broke off stays beside `target`, and the next call goes on
    from there; a second process waits for the first. Raises DownloadError, at once where TLBENCH_OFFLINE says yes.
    """
    if settings.flag("TLBENCH_OFFLINE"):
        raise DownloadError("TLBENCH_OFFLINE is set, so nothing is fetched")
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        held = lock.exclusive(part.with_name(f"{part.name}.lock"))
    except (OSError, UserError) as error:
        raise DownloadError(f"nothing can be written in {target.parent}") from error
    wanted = _Download(url, part, digest, size, on_bytes, clock)
    try:
        if not (target.is_file() and digest is not None and _fits(target, digest)):
            wanted.complete()
            part.replace(target)
    finally:
        if not wanted.done or (digest is None and size is None):  # nothing would tell that it is of another file
            part.unlink(missing_ok=True)
        held.remove()


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


class _BrokeOffError(DownloadError):
    """Part of the file has come, and the rest may come when it is asked for again."""


@dataclass(frozen=True)
class _Download:
    url: str
    part: Path
    digest: str | None
    size: int | None
    on_bytes: OnBytes
    clock: Clock

    def complete(self) -> None:
        """Make `part` the whole file, and remove it where it turns out to be another one."""
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
        self.complete()  # what lay there was of another file

    @property
    def done(self) -> int:
        """Bytes that have come."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _wrong(self) -> str | None:
        if self.size is not None and self.done != self.size:
            return f"{self.done} bytes, not {self.size}"
        if self.digest is not None and not _fits(self.part, self.digest):
            return f"a file whose checksum is not {self.digest}"
        return None

    def _receive(self) -> None:
        """Append to `part` what it lacks, or write it anew where the server cannot go on in the middle."""
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
                return  # nothing is lacking; whether it is the right file is seen next
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


def _fits(path: Path, digest: str) -> bool:
    return file_digest(path, "md5" if len(digest) == 32 else "sha256") == digest
