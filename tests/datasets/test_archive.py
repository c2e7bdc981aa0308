"""Downloads and archives: checked, whole or not at all, and never a path of the archive's choosing."""

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tlbench.datasets.archive import BadArchiveError, extract
from tlbench.datasets.locate import get
from tlbench.datasets.spec import Archive, DatasetInfo, Source

SPEC = Archive(
    url="", sha256="", bytes=0, sources=(Source("Pets/Cat", "cats", (4, 2, 2)), Source("Pets/Dog", "dogs", (4, 2, 2)))
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "site"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def archive(path: Path, extra: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for folder in (source.folder for source in SPEC.sources):
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
    small = Archive("", "", 0, (Source("Pets/Cat", "cats", (400, 1, 1)),))
    with pytest.raises(BadArchiveError, match="has 9 files of class cats, 402 are needed"):
        extract(archive(tmp_path / "a.zip"), small, tmp_path / "data")
    cut = tmp_path / "cut.zip"
    cut.write_bytes((tmp_path / "a.zip").read_bytes()[:200])
    with pytest.raises(BadArchiveError, match="damaged"):
        extract(cut, SPEC, tmp_path / "other")


def test_a_data_set_is_fetched_checked_and_unpacked_once(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    content = archive(folder / "pets.zip").read_bytes()
    spec = Archive(f"{url}/pets.zip", hashlib.sha256(content).hexdigest(), len(content), SPEC.sources)
    small = Archive(f"{url}/pets.zip", None, len(content), (Source("Pets/Cat", "cats", (1, 0, 0)),))
    info = DatasetInfo("pets", "Pets", ("cats", "dogs"), "there", spec, small)
    found = get(info, spec, tmp_path / "cache")
    assert (found / "test/cats").is_dir()
    part = get(info, small, tmp_path / "cache")
    assert [path.name for path in (part / "train/cats").iterdir()] == ["0.jpg"]
    assert found != part
    (folder / "pets.zip").unlink()
    assert get(info, spec, tmp_path / "cache") == found
    left = {path.name for path in (tmp_path / "cache/datasets").iterdir()}
    assert left == {"pets", "pets.lock", "pets_small", "pets_small.lock"}


def test_a_class_comes_from_several_folders_of_an_archive(tmp_path: Path) -> None:
    """As the small archive of cats and dogs has them: those for training, and others to be divided."""
    sources = (Source("Pets/Cat", "pets", (3, 0, 0)), Source("Pets/Dog", "pets", (0, 2, 2)))
    extract(archive(tmp_path / "a.zip"), Archive("", None, 0, sources), tmp_path / "data")
    counts = {split.name: len(list(split.glob("pets/*"))) for split in (tmp_path / "data").iterdir()}
    assert counts == {"train": 3, "validation": 2, "test": 2}
    assert Archive("", None, 0, sources).per_class() == counts


def test_what_unpacks_to_more_than_a_disk_should_hold_or_cannot_be_unpacked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = archive(tmp_path / "a.zip")
    monkeypatch.setattr("tlbench.datasets.archive.LARGEST_WHOLE", 100)
    with pytest.raises(BadArchiveError, match="unpacks to 180 bytes, more than the 100 expected"):
        extract(whole, SPEC, tmp_path / "data")
    monkeypatch.undo()
    content = bytearray(whole.read_bytes())
    content[content.index(b"PK\x03\x04") + 8] = content[content.index(b"PK\x01\x02") + 10] = 99
    (tmp_path / "odd.zip").write_bytes(content)
    with pytest.raises(BadArchiveError, match="the archive is damaged"):
        extract(tmp_path / "odd.zip", SPEC, tmp_path / "other")
