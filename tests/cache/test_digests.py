"""A digest is that of the file as it is, and a file that stays as it is is read once."""

import hashlib
import os
from pathlib import Path

import pytest

from tlbench.cache import digests
from tlbench.cache.digests import MEMO, digest
from tlbench.cache.download import file_digest
from tlbench.core.files import state_of


@pytest.fixture(autouse=True)
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The algorithms of all readings. Every file has been left alone for an hour."""
    readings = list[str]()

    def noted(path: Path, algorithm: str) -> str:
        readings.append(algorithm)
        return file_digest(path, algorithm)

    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "file_digest", noted)
    monkeypatch.setattr(digests, "_age", lambda path: 3600.0)
    return readings


def forget() -> None:
    """As in another process."""
    digests._known.clear()
    digests._memos.clear()


def weights(folder: Path, content: bytes = b"weights") -> Path:
    (folder / "w.h5").write_bytes(content)
    return folder / "w.h5"


def test_a_file_is_read_once_for_each_algorithm_also_by_later_processes(tmp_path: Path, read: list[str]) -> None:
    file = weights(tmp_path)
    for _ in range(2):
        assert digest(file) == hashlib.sha256(b"weights").hexdigest()
        assert digest(file, "md5") == hashlib.md5(b"weights").hexdigest()
        forget()
    assert read == ["sha256", "md5"]


def test_a_file_that_was_written_to_or_replaced_is_read_again(tmp_path: Path, read: list[str]) -> None:
    digest(weights(tmp_path))
    (tmp_path / "other").write_bytes(b"another")  # of the same size
    os.utime(tmp_path / "other", ns=(0, (tmp_path / "w.h5").stat().st_mtime_ns))
    (tmp_path / "other").replace(tmp_path / "w.h5")
    assert digest(tmp_path / "w.h5") == hashlib.sha256(b"another").hexdigest()
    forget()
    with (tmp_path / "w.h5").open("ab") as file:
        file.write(b"!")
    assert digest(tmp_path / "w.h5") == hashlib.sha256(b"another!").hexdigest()
    assert len(read) == 3


def test_what_changed_a_moment_ago_or_while_it_was_read_is_not_remembered(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = weights(tmp_path)
    with monkeypatch.context() as new:
        new.setattr(digests, "_age", lambda path: 0.1)
        digest(file)
    forget()

    def written_to(path: Path, algorithm: str) -> str:
        found = file_digest(path, algorithm)
        path.write_bytes(b"more than weights")
        return found

    with monkeypatch.context() as during:
        during.setattr(digests, "file_digest", written_to)
        digest(file)
    forget()
    assert digest(file) == hashlib.sha256(b"more than weights").hexdigest()
    assert len(read) == 2


def test_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    digest(weights(tmp_path))
    (tmp_path / "w.h5").rename(tmp_path / "v.h5")
    forget()
    digest(tmp_path / "v.h5")
    assert "w.h5" not in (tmp_path / "cache" / MEMO).read_text()


@pytest.mark.parametrize("memo", ["", "[]", "[" * 500, '{"%s": 1}', '{"%s": {"state": STATE, "digests": 3}}', "\xff"])
def test_a_damaged_memo_is_as_good_as_none(tmp_path: Path, memo: str) -> None:
    file = weights(tmp_path)
    (tmp_path / "cache").mkdir()
    written = memo.replace("%s", str(file.resolve())).replace("STATE", str(list(state_of(file))))
    (tmp_path / "cache" / MEMO).write_text(written, encoding="latin-1")
    assert digest(file) == hashlib.sha256(b"weights").hexdigest()
    forget()
    assert digest(file) == hashlib.sha256(b"weights").hexdigest()


def test_a_cache_that_cannot_be_written_learns_nothing(tmp_path: Path, read: list[str]) -> None:
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        assert digest(weights(tmp_path)) == hashlib.sha256(b"weights").hexdigest()
    assert read == ["sha256"] * 2


def test_a_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "nothing.h5")
