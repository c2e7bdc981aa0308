"""Downloads from a server that answers as it is told: whole, broken off, wrong, slow, endless, nonsense."""

import errno
import hashlib
import http.server
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import count
from pathlib import Path

import pytest

from tlbench.cache import download
from tlbench.cache.download import DownloadError, fetch
from tlbench.cache.paced import SlowServerError, Watched

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Answer = Callable[["Scripted"], None]


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers each request with the next of `script`, the last one again and again, and keeps what was asked for."""

    script: list[Answer]
    asked: list[str | None]

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Range"))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        answer(self)
        self.close_connection = True

    def begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


Site = tuple[type[Scripted], str]


@pytest.fixture
def site() -> Iterator[Site]:
    handler = type("Handler", (Scripted,), {"script": [whole], "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}/file"
        server.shutdown()
        thread.join()


def whole(answer: Scripted) -> None:
    answer.begin(200, Content_Length=str(len(CONTENT)))
    answer.wfile.write(CONTENT)


def rest(answer: Scripted) -> None:
    first = int((answer.headers["Range"] or "bytes=0-")[len("bytes=") : -1])
    if first >= len(CONTENT):
        answer.begin(416)
        return
    answer.begin(206, Content_Length=str(len(CONTENT) - first))
    answer.wfile.write(CONTENT[first:])


def broken_after(sent: int) -> Answer:
    def answer_part(answer: Scripted) -> None:
        answer.begin(200, Content_Length=str(len(CONTENT)))
        answer.wfile.write(CONTENT[:sent])

    return answer_part


def other(answer: Scripted) -> None:
    answer.begin(200, Content_Length="5")
    answer.wfile.write(b"other")


def status(number: int) -> Answer:
    return lambda answer: answer.begin(number)


def sends(content: bytes) -> Answer:
    def answer_plainly(answer: Scripted) -> None:
        answer.wfile.write(content)

    return answer_plainly


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_appears_when_it_is_whole_and_its_digest_fits(site: Site, tmp_path: Path, algorithm: str) -> None:
    told = list[tuple[int, int | None]]()
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    fetch(site[1], tmp_path / "file", digest, lambda done, total: told.append((done, total)))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_broke_off_goes_on_at_once_from_there(site: Site, tmp_path: Path) -> None:
    site[0].script[:] = [broken_after(1000), rest]
    fetch(site[1], tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert site[0].asked == [None, "bytes=1000-"]


def test_what_breaks_off_again_and_again_is_kept_for_the_next_call(site: Site, tmp_path: Path) -> None:
    site[0].script[:] = [broken_after(1000), status(503)]
    with pytest.raises(DownloadError, match="cannot be fetched"):
        fetch(site[1], tmp_path / "file", SHA256)
    assert not (tmp_path / "file").exists()
    site[0].script[:] = [rest]
    fetch(site[1], tmp_path / "file", SHA256)
    assert site[0].asked == [None, "bytes=1000-", "bytes=1000-"]
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_progress_nothing_is_asked_for_a_third_time(site: Site, tmp_path: Path) -> None:
    site[0].script[:] = [broken_after(1000)]
    with pytest.raises(DownloadError, match=f"broke off after 1000 of {len(CONTENT)} bytes"):
        fetch(site[1], tmp_path / "file", SHA256)
    assert site[0].asked == [None, "bytes=1000-"]


def test_a_server_that_knows_no_parts_sends_all_of_it(site: Site, tmp_path: Path) -> None:
    site[0].script[:] = [broken_after(1000), whole]
    fetch(site[1], tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("lying", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_part_of_another_file_is_thrown_away_and_the_file_fetched_whole(
    site: Site, tmp_path: Path, lying: bytes
) -> None:
    (tmp_path / ".file.part").write_bytes(lying)
    site[0].script[:] = [rest]
    fetch(site[1], tmp_path / "file", SHA256, size=len(CONTENT))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert site[0].asked == [f"bytes={len(lying)}-", None]


def test_without_digest_and_size_nothing_is_kept(site: Site, tmp_path: Path) -> None:
    site[0].script[:] = [broken_after(1000), status(500)]
    with pytest.raises(DownloadError):
        fetch(site[1], tmp_path / "file", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (other, "gave a file whose checksum is not"),
        (status(404), r"cannot be fetched \(Not Found\)"),
        (sends(b""), "cannot be fetched"),
        (sends(b"nonsense\r\n\r\n"), "cannot be fetched"),
        (sends(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx"), "cannot be fetched"),
        (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "cannot be fetched"),
        (lambda answer: answer.begin(302, Location="ftp://127.0.0.1/file"), "cannot be fetched"),
        (lambda answer: answer.begin(302, Location="file:///etc/hostname"), "cannot be fetched"),
        (lambda answer: answer.begin(200, Content_Length=str(10**15)), "is larger than the [0-9]+ bytes"),
    ],
)
def test_a_wrong_answer_is_one_sentence_and_leaves_nothing(
    site: Site, tmp_path: Path, answer: Answer, said: str
) -> None:
    site[0].script[:] = [answer]
    with pytest.raises(DownloadError, match=said):
        fetch(site[1], tmp_path / "file", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_told_where_no_digest_is_known(site: Site, tmp_path: Path) -> None:
    site[0].script[:] = [other]
    with pytest.raises(DownloadError, match=r"gave 5 bytes, not 10240"):
        fetch(site[1], tmp_path / "file", None, size=len(CONTENT))
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_without_end_is_given_up(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(answer: Scripted) -> None:
        answer.begin(200)
        try:
            while True:
                answer.wfile.write(CONTENT)
        except OSError:
            pass

    monkeypatch.setattr(download, "LARGEST", 50_000)
    site[0].script[:] = [endless]
    with pytest.raises(DownloadError, match="is larger than the 50000 bytes that are expected"):
        fetch(site[1], tmp_path / "file", None)


class Hours:
    """A clock that moves 9 s whenever it is looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return 9.0 * self.looks


def dripping(whole: bytes, drops: bytes, clock: Hours) -> Answer:
    """Sends `whole`, then byte after byte, each when the client has looked at the clock on account of the last."""

    def send(answer: Scripted, content: bytes) -> None:
        before, deadline = clock.looks, time.monotonic() + 5
        answer.wfile.write(content)
        while clock.looks == before and time.monotonic() < deadline:
            time.sleep(0.001)

    def drip(answer: Scripted) -> None:
        with suppress(OSError):  # the client has gone
            for content in (whole, *(bytes([byte]) for byte in drops)):
                send(answer, content)

    return drip


STATUS = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("before", "drops", "said"),
    [
        (b"H", STATUS[1:], "takes more than 30 s to begin an answer"),
        (STATUS, b"X-Long: long", "takes more than 30 s to begin an answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", "takes more than 30 s to begin an answer"),
        (STATUS + b"Content-Length: 20\r\n\r\n", b"x" * 20, "sends less than 1024 bytes a second"),
        (STATUS + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 20, "sends less than 1024 bytes a second"),
    ],
)  # fmt: skip
def test_a_server_that_drips_anywhere_is_given_up(
    site: Site, tmp_path: Path, before: bytes, drops: bytes, said: str
) -> None:
    clock = Hours()
    site[0].script[:] = [dripping(before, drops, clock)]
    with pytest.raises(DownloadError, match=f"{site[1]} {said}"):
        fetch(site[1], tmp_path / "file", SHA256, clock=clock)


@pytest.mark.parametrize(("pace", "outcome"), [(1100, nullcontext()), (1000, pytest.raises(SlowServerError))])
def test_a_server_is_given_up_for_its_pace_and_not_for_its_size(
    pace: int, outcome: AbstractContextManager[object]
) -> None:
    class Steady(io.RawIOBase):
        def readinto(self, buffer: object) -> int:
            return pace

    seconds = count()
    answer = Watched(Steady(), lambda: next(seconds))
    answer.begin_body()
    with outcome:
        for _ in range(100):
            answer.readinto(bytearray(pace))


def test_what_a_redirect_says_is_not_read(site: Site, tmp_path: Path) -> None:
    def endless(answer: Scripted) -> None:
        answer.begin(302, Location=site[1])
        with suppress(OSError):
            while True:
                answer.wfile.write(CONTENT)

    site[0].script[:] = [endless, whole]
    fetch(site[1], tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_two_processes_fetch_once(site: Site, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(site[1], tmp_path / "file", SHA256)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site[0].asked == [None]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_written_is_one_sentence(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    with pytest.raises(DownloadError, match=r"nothing can be fetched into .*models \(Not a directory\)"):
        fetch(site[1], tmp_path / "file/models/file", SHA256)
    assert site[0].asked == []


def test_a_disk_without_locks_is_called_so(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(DownloadError, match=r"nothing can be fetched into .* \(No locks available\)"):
        fetch(site[1], tmp_path / "file", SHA256)
    assert site[0].asked == []


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"http://127.0.0.1:9/x cannot be fetched \(.*refused"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", None)
