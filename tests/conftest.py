"""Fixtures for the real photographs and the real weights: absent, a test says so and skips. And what several rooms share."""

import gc
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tlbench.datasets.source import DataSource
from tlbench.execution import server

killed_at_once = pytest.mark.skipif(
    "COVERAGE_RUN" in os.environ, reason="under coverage a child is given time to save before it is killed"
)

hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # a busy machine is no reason to fail
hypothesis.settings.load_profile("busy")

os.environ.pop("COLUMNS", None)  # pytest-xdist tells its workers a width, at which commands would wrap

LONGEST = ("integration", "faults", "sides", "execution", "training", "session")
"""Rooms whose tests start processes and train: all that needs a fork server with the framework."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest rooms come first, so that short files are left to fill both workers' last minute.

    What ends the fork server that has the framework comes after all that needs it, and before those that only compute:
    much of it waits, which would leave the other worker alone at the end.
    """
    light = {item.path for item in items if "light_server" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> int:
        if item.path in light:
            return len(LONGEST)
        return next((n for n, room in enumerate(LONGEST) if room in item.path.parts), len(LONGEST) + 1)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Modules and tests are made to stay: nobody looks for garbage in them again."""
    gc.collect()
    gc.freeze()


def end_servers() -> None:
    """At once: a server that is only stopped waits a second for its parent to end. Coverage needs that it ends itself."""
    if "COVERAGE_RUN" not in os.environ:
        server.kill_servers()
    while server._servers:
        _, (one, _) = server._servers.popitem()
        one._stop()  # type: ignore[attr-defined]


def in_a_fork(work: Callable[[], Any]) -> Any:
    """What `work` gives, as JSON has it, in a process that is forked for it and changes nothing here."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write, json.dumps(work()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    folder = Path(value).resolve()
    if not folder.is_dir():
        pytest.skip(f"{variable}={value} is not a folder")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    return _folder("TLBENCH_DATA")


@pytest.fixture(scope="session")
def real_weights() -> Path:
    return _folder("TLBENCH_WEIGHTS")


@pytest.fixture(scope="session")
def bad_files(real_data: Path) -> Path:
    folder = real_data.parent / "bad_files"
    if not folder.is_dir():
        pytest.skip("no bad_files beside TLBENCH_DATA")
    return folder


@pytest.fixture(scope="module")
def light_server() -> Iterator[None]:
    """A fork server without a framework, for what its children are started, told and ended by: 4 s of a core less."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "PRELOAD", "tests.light_preload")
        end_servers()
        server.start_server("tensorflow")
        yield
        end_servers()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """A few drawn pictures for trainings in children; the fork server is there."""
    from tests.integration.test_cut_training import make_data

    server.start_server("tensorflow")
    return make_data(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, data: DataSource) -> Path:
    """Of the short MobileNet, with statistics that fit `data`."""
    from tests.integration.test_cut_training import SHORT, save_weights

    return save_weights(SHORT, data, tmp_path_factory.mktemp("weights"))
