"""Downloads and archives: checked, whole or not at all, and never a path of the archive's choosing."""

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tlbench.cache.download import DownloadError, fetch
from tlbench.datasets.archive import BadArchiveError, extract
from tlbench.datasets.locate import get
from tlbench.datasets.spec import Archive, DatasetInfo

SPEC = Archive(url="", sha256="", bytes=0, folders={"Pets/Cat": "cats", "Pets/Dog": "dogs"}, counts=(4, 2, 2))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "site"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def archive(path: Path, extra: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for folder in SPEC.folders:
            for number in range(9):
                bundle.writestr(f"{folder}/{number}.jpg", f"{folder} {number}")
            bundle.writestr(f"{folder}/Thumbs.db", b"junk")
            bundle.writestr(f"{folder}/666.jpg", b"")
        for name, content in (extra or {}).items():
            bundle.writestr(name, content)
    return path


def test_classes_are_split_in_the_order_of_names(tmp_path: Path) -> None:
    extract(archive(tmp_path / "a.zip"), SPEC, tmp_path / "data")
    files = [path.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("*") if path.is_file()]
    counts = {split: sum(path.parts[0] == split for path in files) for split in ("train", "validation", "test")}
    assert counts == {"train": 8, "validation": 4, "test": 4}
    assert not [path for path in files if path.name in ("Thumbs.db", "666.jpg")]
    assert len({(path.parts[1], path.name) for path in files}) == len(files)


def test_members_that_would_leave_the_folder_are_never_written(tmp_path: Path) -> None:
    evil = {"../outside.jpg": b"x", "/absolute.jpg": b"x", "Pets/Cat/../../outside.jpg": b"x"}
    extract(archive(tmp_path / "a.zip", evil), SPEC, tmp_path / "deep/data")
    assert not list(tmp_path.rglob("outside.jpg"))
    with pytest.raises(BadArchiveError, match="unsafe member"):
        extract(archive(tmp_path / "b.zip", {"Pets/Cat/x\\y.jpg": b"x"}), SPEC, tmp_path / "other")


def test_an_archive_with_too_few_images_or_cut_short_is_refused(tmp_path: Path) -> None:
    small = Archive("", "", 0, {"Pets/Cat": "cats"}, (400, 1, 1))
    with pytest.raises(BadArchiveError, match="has 9 files of class cats, 402 are needed"):
        extract(archive(tmp_path / "a.zip"), small, tmp_path / "data")
    cut = tmp_path / "cut.zip"
    cut.write_bytes((tmp_path / "a.zip").read_bytes()[:200])
    with pytest.raises(BadArchiveError, match="damaged"):
        extract(cut, SPEC, tmp_path / "other")


def test_a_download_appears_only_when_whole_and_right(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    (folder / "file").write_bytes(b"content" * 1000)
    target = tmp_path / "target"
    with pytest.raises(DownloadError, match="checksum is not"):
        fetch(f"{url}/file", target, "0" * 64)
    with pytest.raises(DownloadError, match="cannot be fetched"):
        fetch(f"{url}/none", target, None)
    assert list(tmp_path.iterdir()) == [folder]
    for digest in ("sha256", "md5"):
        fetch(f"{url}/file", target, hashlib.new(digest, b"content" * 1000).hexdigest())
        assert target.read_bytes() == b"content" * 1000
        target.unlink()


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"http://127.0.0.1:9/x cannot be fetched \(.*refused"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", None)


def test_a_data_set_is_fetched_checked_and_unpacked_once(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    content = archive(folder / "pets.zip").read_bytes()
    spec = Archive(f"{url}/pets.zip", hashlib.sha256(content).hexdigest(), len(content), SPEC.folders, SPEC.counts)
    info = DatasetInfo("pets", "Pets", ("cats", "dogs"), "there", spec)
    found = get(info, tmp_path / "cache")
    assert (found / "test/cats").is_dir()
    (folder / "pets.zip").unlink()
    assert get(info, tmp_path / "cache") == found
