"""What a user names as an output stays what it is."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tlbench.core.files import write_atomically, write_output


def test_a_file_is_replaced_and_a_link_stays_one(tmp_path: Path) -> None:
    target, link, dangling = tmp_path / "deep" / "target", tmp_path / "link", tmp_path / "dangling"
    target.parent.mkdir()
    target.write_text("before, and longer")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "deep" / "new")
    write_output(link, b"after")
    write_output(dangling, b"new")
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (target.read_bytes(), (tmp_path / "deep" / "new").read_bytes()) == (b"after", b"new")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_says_who_may_read_a_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a.json", b"{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode


def test_a_file_that_is_replaced_keeps_its_mode_and_may_have_the_longest_name(tmp_path: Path) -> None:
    file = tmp_path / ("a" * 251 + ".txt")
    write_atomically(file, b"1")
    file.chmod(0o600)
    write_atomically(file, b"2")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"2", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_with_a_name_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, b"said")
    reader.join(timeout=30)
    assert heard == [b"said"]
    assert pipe.is_fifo()


def test_the_output_of_the_command_is_where_it_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "out"
    program = (
        "from pathlib import Path; from tlbench.core.files import write_output\n"
        "print('one'); write_output(Path('/dev/stdout'), b'two\\n'); print('three')\n"
        "write_output(Path('/dev/fd/1'), b'four\\n'); write_output(Path('/dev/null'), b'none')"
    )
    with file.open("wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert sorted(file.read_text().split()) == ["four", "one", "three", "two"]
    assert file.read_text().startswith("one\ntwo\n")


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.md"
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(file, b"new")
    assert caught.value.filename == str(file)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("report.md", "old")]


def test_where_nothing_can_be_written_the_file_is_named_that_was_asked_for() -> None:
    with pytest.raises(OSError, match="No such file") as error:
        write_atomically(Path("/proc/report.md"), b"text")  # refuses root as well
    assert error.value.filename == "/proc/report.md"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_device_that_takes_no_more_is_named() -> None:
    with pytest.raises(OSError, match="No space left") as error:
        write_output(Path("/dev/full"), b"text")
    assert error.value.filename == "/dev/full"
