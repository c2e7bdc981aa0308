"""Removing what is kept: in order of use, never what is in use, and what stopped processes left."""

import gc
import os
from pathlib import Path

from tests.cache.helpers import InUse, build, key, store_at
from tlbench.cache import lock
from tlbench.cache.upkeep import build_lock, entries, remove_leftovers, remove_oldest


def filled(folder: Path) -> None:
    for number, name in enumerate("cab"):
        build(store_at(folder), name)
        os.utime(folder / key(name) / "manifest.json", (number, number))
    gc.collect()


def names(folder: Path) -> list[str]:
    return [name for name in "abc" if (folder / key(name)).exists()]


def test_entries_are_in_order_of_use(tmp_path: Path) -> None:
    assert entries(tmp_path / "none") == []
    filled(tmp_path)
    assert [entry.folder.name for entry in entries(tmp_path)] == [key("c"), key("a"), key("b")]


def test_entries_without_a_manifest_are_listed_so_that_they_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/0.raw").write_bytes(b"12")
    (entry,) = entries(tmp_path)
    assert entry.bytes == 2
    remove_oldest([entry], 0)
    assert list(tmp_path.iterdir()) == []


def test_the_least_recently_used_are_removed_first_and_their_locks_with_them(tmp_path: Path) -> None:
    filled(tmp_path)
    kept = entries(tmp_path)
    removal = remove_oldest(kept, kept[-1].bytes)
    assert names(tmp_path) == ["b"]
    assert (len(removal.removed), removal.bytes, removal.in_use) == (2, kept[0].bytes + kept[1].bytes, ())
    assert sorted(path.name for path in tmp_path.iterdir()) == [key("b"), f"{key('b')}.lock"]


def test_what_another_process_uses_stays_and_is_counted(tmp_path: Path) -> None:
    filled(tmp_path)
    with InUse(tmp_path, "a"):
        removal = remove_oldest(entries(tmp_path), 0)
        assert names(tmp_path) == ["a"]
        assert [entry.folder.name for entry in removal.in_use] == [key("a")]
        assert len(removal.removed) == 2
    remove_oldest(entries(tmp_path), 0)
    assert list(tmp_path.iterdir()) == []


def test_half_made_entries_are_left_behind_when_nobody_builds_them(tmp_path: Path) -> None:
    (tmp_path / ".building-abc-xyz").mkdir()
    (tmp_path / ".removed-abc-xyz").mkdir()
    (tmp_path / "gone.lock").touch()
    with lock.exclusive(build_lock(tmp_path / "abc")):
        assert remove_leftovers(tmp_path) == 1
        assert {path.name for path in tmp_path.iterdir()} == {".building-abc-xyz", "abc.build.lock"}
    assert remove_leftovers(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_half_made_entries_of_earlier_versions_go_by_their_age(tmp_path: Path) -> None:
    for name, age in ((".building-new", 0), (".building-old", 100_000)):
        (tmp_path / name).mkdir()
        made = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (made, made))
    assert remove_leftovers(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".building-new"]
