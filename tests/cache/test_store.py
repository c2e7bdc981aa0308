"""Entries are whole or not there, are what was written, and stay within bounds."""

import errno
import gc
import json
import os
import shutil
import stat
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cache.helpers import BYTES, InUse, build, key, numbers, read_only, spawned, store_at
from tlbench.cache import lock
from tlbench.cache import store as store_module
from tlbench.cache.lock import Lock
from tlbench.cache.manifest import DamagedError, check_arrays, read_manifest
from tlbench.cache.store import Store
from tlbench.cache.upkeep import entries, in_use, remove
from tlbench.cache.writer import NoRoomError
from tlbench.core.errors import UserError


def unneeded() -> None:
    raise AssertionError("nothing was to be built")


def array_of(store: Store, name: str) -> np.ndarray:
    return store.get(key(name), unneeded).arrays()[0]


def test_what_was_built_is_read(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    build(store, "a")
    (array,) = store.get(key("a"), unneeded).arrays()
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, numbers("a"))
    manifest = read_manifest(tmp_path / key("a"))
    assert (manifest.kind, manifest.made_from) == ("features", {"name": "a"})
    assert (manifest.arrays[0].shape, manifest.arrays[0].dtype) == ((250, 2), "float32")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_what_is_in_a_cache_that_may_only_be_read_is_used(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store_at(tmp_path), "a")
    gc.collect()
    read_only(monkeypatch, number)
    np.testing.assert_array_equal(array_of(store_at(tmp_path), "a"), numbers("a"))
    with pytest.raises(UserError, match="cannot be locked"):
        build(store_at(tmp_path), "b")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o755), (0o077, 0o700)])
def test_the_umask_says_who_else_may_use_an_entry(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        build(store_at(tmp_path), "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / key("a")).stat().st_mode) == mode


def test_rows_come_in_pieces_and_their_number_is_known_at_the_end(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    def write() -> None:
        with store.write({"k": {}}, 100) as (writer,):
            for number in range(3):
                writer.append("images", np.full((1, 2, 2), number, np.uint8))
                writer.append("labels", np.full(number, number, np.int32))  # none the first time
            writer.about = {"skipped": ["x.jpg"]}

    entry = store.get("k", write)
    images, labels = entry.arrays()
    assert (images.shape, labels.tolist()) == ((3, 2, 2), [1, 2, 2])
    assert entry.manifest.about == {"skipped": ["x.jpg"]}


def test_rows_unlike_those_before_are_refused(tmp_path: Path) -> None:
    def write() -> None:
        with store_at(tmp_path).write({"k": {}}, 9) as (writer,):
            writer.append("a", np.zeros((1, 2), np.uint8))
            writer.append("a", np.zeros((1, 3), np.uint8))

    with pytest.raises(ValueError, match="rows of a are"):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["0.raw", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "lengthen"])
def test_a_damaged_entry_is_never_read_but_built_again_and_said(tmp_path: Path, name: str, harm: str) -> None:
    store = store_at(tmp_path)
    build(store, "a")
    file = tmp_path / key("a") / name
    content = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    else:
        content[len(content) // 2] ^= 255
        file.write_bytes(
            {"flip": bytes(content), "cut": bytes(content[:-3]), "lengthen": bytes(content) + b"\0\0"}[harm]
        )
    (array,) = build(store, "a").arrays()
    np.testing.assert_array_equal(array, numbers("a"))
    (said,) = store.damaged
    assert said.startswith(f"{key('a')}: ")


def test_a_flipped_bit_anywhere_in_a_manifest_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    build(store_at(tmp_path), "a")
    entry = tmp_path / key("a")
    whole, expected, noticed = (entry / "manifest.json").read_bytes(), read_manifest(entry), 0
    for place in range(len(whole)):
        for bit in (0, 3, 6):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            (entry / "manifest.json").write_bytes(damaged)
            try:
                assert read_manifest(entry) == expected  # white space
            except DamagedError:
                noticed += 1
    assert noticed > 2 * len(whole)


def test_a_damaged_entry_is_built_again_while_another_process_uses_it(tmp_path: Path) -> None:
    with InUse(tmp_path, "a"):
        (tmp_path / key("a") / "0.raw").write_bytes(b"")
        store = store_at(tmp_path)
        np.testing.assert_array_equal(build(store, "a").arrays()[0], numbers("a"))
        assert len(store.damaged) == 1


def test_an_entry_is_checked_once_a_process_unless_its_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Path] = []
    build(store_at(tmp_path), "a")
    monkeypatch.setattr(store_module, "_sound", {})  # as in another process

    def check(folder: Path, manifest: Any) -> None:
        checked.append(folder)
        check_arrays(folder, manifest)

    monkeypatch.setattr(store_module, "check_arrays", check)
    for _ in range(3):
        array_of(store_at(tmp_path), "a")
    assert len(checked) == 1
    os.utime(tmp_path / key("a") / "0.raw")
    array_of(store_at(tmp_path), "a")
    assert len(checked) == 2


def test_an_entry_of_another_version_is_not_misread(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    build(store, "a")
    file = tmp_path / key("a") / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 2}))
    with pytest.raises(DamagedError, match="another version of tlbench made it"):
        read_manifest(file.parent)
    build(store, "a")
    assert store.damaged == [f"{key('a')}: another version of tlbench made it"]


def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with store_at(tmp_path).write({"k": {}}, 9) as (writer,):
            writer.append("a", np.zeros((1, 2), np.uint8))
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert list(tmp_path.iterdir()) == []


def _die_before_the_rename(folder: Path) -> None:
    def die(self: Path, target: Path) -> Path:
        os._exit(9)

    patched: Any = Path
    patched.rename = die
    build(store_at(folder), "a")


def test_what_a_process_killed_between_write_and_rename_leaves_is_never_read_and_takes_no_room(tmp_path: Path) -> None:
    process = spawned.Process(target=_die_before_the_rename, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    (left,) = tmp_path.glob(".building-*")
    assert (left / "manifest.json").exists()
    assert not store_at(tmp_path).has(key("a"))
    tight = store_at(tmp_path, BYTES)
    np.testing.assert_array_equal(build(tight, "a").arrays()[0], numbers("a"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [key("a"), f"{key('a')}.lock"]


def _build_and_count(folder: Path, start: Event, built: Any) -> None:
    store = store_at(folder)

    def write() -> None:
        with store.write({key("a"): {"name": "a"}}, BYTES) as (writer,):
            writer.append("0.raw", numbers("a"))
            with built.get_lock():
                built.value += 1

    start.wait(60)
    np.testing.assert_array_equal(store.get(key("a"), write).arrays()[0], numbers("a"))


def test_of_processes_that_want_the_same_entry_one_builds_it(tmp_path: Path) -> None:
    start, built = spawned.Event(), spawned.Value("i", 0)
    processes = [spawned.Process(target=_build_and_count, args=(tmp_path, start, built)) for _ in range(3)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert built.value == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [key("a"), f"{key('a')}.lock"]


def test_an_entry_that_vanishes_between_look_up_and_use_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store_at(tmp_path), "a")
    gc.collect()
    take = lock.shared

    def clear_first(path: Path) -> Lock:
        monkeypatch.undo()
        remove(tmp_path / key("a"))
        return take(path)

    monkeypatch.setattr(lock, "shared", clear_first)
    np.testing.assert_array_equal(build(store_at(tmp_path), "a").arrays()[0], numbers("a"))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoRoomError, match=r"writing features to /.*/\.building-.*/.* failed: No space left on device"):
        build(store_at(tmp_path), "a")
    assert not store_at(tmp_path).has(key("a"))
    assert not list(tmp_path.glob(".building-*"))


def test_what_is_larger_than_the_bound_or_the_disk_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not store_at(tmp_path, 100).fits(101)
    with pytest.raises(NoRoomError, match=r"2 KB of features are more than the cache may hold \(100 bytes\)"):
        build(store_at(tmp_path, 100), "a")
    usage: Any = type("Usage", (), {"total": 10_000, "free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(NoRoomError, match="do not fit on the disk"):
        build(store_at(tmp_path), "a")


def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    for number, name in enumerate("abc"):
        build(store, name)
        os.utime(tmp_path / key(name) / "manifest.json", (number, number))
    array_of(store, "a")  # used just now
    gc.collect()
    tight = store_at(tmp_path, sum(entry.bytes for entry in entries(tmp_path)))
    build(tight, "d")
    assert [name for name in "abcd" if tight.has(key(name))] == ["a", "c", "d"]


def test_what_is_in_use_makes_no_room(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    array = build(store, "a").arrays()[0][10:]  # a view of it is enough
    held = sum(entry.bytes for entry in entries(tmp_path))
    assert in_use(entries(tmp_path)[0])
    with pytest.raises(NoRoomError, match="2 KB of features do not fit beside those in use"):
        build(store_at(tmp_path, held + 100), "b")
    assert store.has(key("a"))
    del array
    gc.collect()
    build(store_at(tmp_path, held + 100), "b")
    assert not store.has(key("a"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/features cannot be made \(Not a directory\); set TLBENCH_CACHE"):
        build(store_at(tmp_path / "file/features"), "a")
