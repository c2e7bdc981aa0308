"""Entries for tests, and processes that use them."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest

from tlbench.cache.folders import FEATURES
from tlbench.cache.manifest import key_of
from tlbench.cache.store import Entry, Store

BYTES = 2000
"""Of the array of an entry."""
spawned = multiprocessing.get_context("spawn")


def numbers(name: str) -> np.ndarray:
    return np.random.default_rng(ord(name[0])).random((250, 2), np.float32)


def key(name: str) -> str:
    return key_of({"name": name})


def build(store: Store, name: str, rows: np.ndarray | None = None) -> Entry:
    """The entry; built where it is missing."""

    def write() -> None:
        with store.write({key(name): {"name": name}}, BYTES) as (writer,):
            writer.append("0.raw", numbers(name) if rows is None else rows)

    return store.get(key(name), write)


def store_at(folder: Path, most: int = 10**9) -> Store:
    return Store(folder, FEATURES, most)


def read_only(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let every file be one that may only be read, also for root: whatever would write ends in this error."""
    plain = os.open

    def opened(path: str, flags: int, *rest: int, **more: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(number, os.strerror(number), path)
        return plain(path, flags, *rest, **more)

    def refused(*args: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.open", opened)
    monkeypatch.setattr("os.utime", refused)


def use(folder: Path, name: str, ready: Event, done: Event) -> None:
    """Use an entry until it is said that this is enough."""
    entry = build(store_at(folder), name)
    ready.set()
    done.wait(60)
    assert entry.folder.exists()


class InUse:
    """Another process that uses an entry as long as the ``with`` lasts."""

    def __init__(self, folder: Path, name: str, work: Callable[[Path, str, Event, Event], None] = use) -> None:
        self._ready, self._done = spawned.Event(), spawned.Event()
        self.process = spawned.Process(target=work, args=(folder, name, self._ready, self._done))

    def __enter__(self) -> None:
        self.process.start()
        assert self._ready.wait(60)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.process.join(60)
        assert self.process.exitcode == 0
