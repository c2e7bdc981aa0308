"""A run on two machines of a Ray cluster: its driver is killed, then one of the machines; `make ray` sets ray up."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import TINY, environment
from tests.narrow import present
from tlbench.results.record import Record
from tlbench.results.store import Store

PYTHON = os.environ.get("TLBENCH_RAY_PYTHON")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(PYTHON is None, reason="TLBENCH_RAY_PYTHON is not set; `make ray` sets it"),
]
SUITE = TINY.replace("image_size: 32", "image_size: [32, 40]")
PATIENCE = 400


def start(place: Path, *args: str, **variables: str) -> subprocess.Popen[str]:
    assert PYTHON is not None
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [PYTHON, *args], cwd=place, env=environment(place, **variables), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


@pytest.fixture
def cluster(place: Path) -> Iterator[subprocess.Popen[str]]:
    program = start(place, str(Path(__file__).with_name("ray_cluster.py")), RAY_worker_niceness="0")
    yield program
    program.communicate(timeout=PATIENCE)


def said(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def told(program: subprocess.Popen[str], what: str, answer: str) -> None:
    assert program.stdin is not None
    program.stdin.write(f"{what}\n")
    program.stdin.flush()
    assert f"{answer}\n" in present(program.stdout)  # beside what Ray says of it


def records(folder: Path) -> dict[str, Record]:
    return {one.cell_id: one for one in Store(folder).read_all().records if one.status == "ok"}


def until(condition: Callable[[], bool], driver: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_driver_and_a_machine_are_killed_and_nothing_is_lost(place: Path, cluster: subprocess.Popen[str]) -> None:
    (place / "tiny.yaml").write_text(SUITE)
    command = ("-m", "tlbench", "run", "tiny.yaml")
    on_cluster = (*command, "--executor", "ray", "--out", "run")
    address = said(cluster)
    run = place / "run"

    first = start(place, *on_cluster, "--untimed", RAY_ADDRESS=address)
    until(lambda: len(records(run)) >= 1, first)
    first.kill()
    first.communicate()
    told(cluster, "wait for second to be idle", "idle")
    before = {path.name: path.read_bytes() for path in (run / "records").glob("*.json")}
    assert len(before) < 4

    second = start(place, *on_cluster, "--untimed", RAY_ADDRESS=address)
    told(cluster, "kill second when it works", "killed")
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    assert {path.name: path.read_bytes() for path in (run / "records").glob("*.json")}.items() >= before.items()

    there = records(run)
    assert len(there) == 4
    assert {one.environment.node for one in there.values()} <= {"first", "second"}
    assert any(one.then == "elsewhere" for record in there.values() for one in record.earlier)
    timed = start(place, *on_cluster, RAY_ADDRESS=address)
    _, err = timed.communicate(timeout=PATIENCE)
    assert timed.returncode == 0, err
    for record in records(run).values():
        assert (present(record.timings).environment or record.environment).node == "first"

    local = start(place, *command, "--out", "local", "--untimed")
    local.communicate(timeout=PATIENCE)
    assert local.returncode == 0
    for cell, record in records(place / "local").items():
        assert present(there[cell].accuracy).per_class == present(record.accuracy).per_class

    (place / "tiny.yaml").write_text(SUITE + "resources: {cpus: 64}\n")
    refused = start(place, *on_cluster[:-1], "refused", RAY_ADDRESS=address)
    _, err = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 64
    assert "no machine of the Ray cluster has 64 CPUs" in err
