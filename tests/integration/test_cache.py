"""`tlbench cache`, and what else shows of kept features."""

import gc
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.conftest import LIGHT, Command, make_place
from tlbench.core.cell import Limit, Named
from tlbench.datasets.prepare import prepare

Finished = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path / "place", LIGHT)


def made_by_another_version(place: Path) -> Path:
    entry = place / "cache/features/0123abcd"
    entry.mkdir(parents=True)
    (entry / "manifest.json").write_text('{"version": 2, "made_from": {}, "tensors": []}')
    return entry


def test_the_cache_is_listed_pruned_and_cleared(place: Path, tlbench: Command) -> None:
    assert (
        "0 bytes of features (at most 20 GB) and 0 bytes of images (at most 20 GB)" in tlbench("cache", "list").stdout
    )
    assert tlbench("run", "tiny.yaml", "--select", "strategy=frozen", "--untimed", "--out", "run").returncode == 0
    listed = json.loads(tlbench("cache", "list", "--json").stdout)
    assert sorted((one["what"], one["split"]) for one in listed) == [
        ("features", "test"),
        ("features", "train"),
        ("features", "validation"),
        ("images", "all"),
    ]
    said = tlbench("cache", "list").stdout
    assert "SmallConvNet · shapes, 48 px" in said
    assert "72 images of bars, stripes" in said
    pruned = tlbench("cache", "prune", "--max", "100KB").stdout
    assert pruned.startswith("Removed 1 entry ")
    assert len(json.loads(tlbench("cache", "list", "--json").stdout)) == 3
    assert tlbench("cache", "clear", "--yes").stdout.startswith("Removed ")
    assert json.loads(tlbench("cache", "list", "--json").stdout) == []


def test_what_is_in_use_stays_and_what_another_version_made_is_listed_and_removed(
    place: Path, tlbench: Command
) -> None:
    old = made_by_another_version(place)
    few = Limit(train=2, validation=1, test=1)
    images = prepare(
        Named(name="synthetic"), few, 16, root=None, path=None, cache=place / "cache", fallback_synthetic=True
    )
    listed = tlbench("cache", "list").stdout
    assert "another version of tlbench made it" in listed
    assert "8 images of cats, dogs" in listed
    assert "1 entry in use was kept." in tlbench("cache", "prune", "--max", "1KB").stdout
    assert tlbench("cache", "clear", "--yes").stdout.endswith(" 1 entry in use was kept.\n")
    assert not old.exists()
    assert images.splits["train"].open(1.0)[1].tolist() == [0, 0, 1, 1]
    del images
    gc.collect()
    tlbench("cache", "clear", "--yes")
    assert [list(folder.iterdir()) for folder in (place / "cache").iterdir()] == [[], []]


def test_a_run_and_a_clear_side_by_side(place: Path, tlbench: Command) -> None:
    old = made_by_another_version(place)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(tlbench, "run", "tiny.yaml", "--select", "strategy=frozen", "--untimed", "--out", "run")
        while not run.done():
            assert tlbench("cache", "clear", "--yes").returncode == 0
            time.sleep(0.1)
    assert not old.exists()
    assert run.result().returncode == 0, run.result().stderr


def test_a_size_that_is_none_is_said(tlbench: Command) -> None:
    said = tlbench("cache", "prune", "--max", "much")
    assert (said.returncode, said.stderr) == (64, "tlbench: --max: 'much' is no size; write one as 500MB or 20GB\n")
    said = tlbench("cache", "list", TLBENCH_FEATURES="-1GB")
    assert said.returncode == 64
    assert "TLBENCH_FEATURES: '-1GB' is no size" in said.stderr


def test_uncut_keeps_no_features(place: Path, tlbench: Command) -> None:
    """The head of frozen layers, which is solved, needs features all the same; they are not kept."""
    (place / "tiny.yaml").write_text(LIGHT.replace("[frozen, full]", "[frozen, {name: partial, trainable: 0.3}]"))
    done = tlbench("run", "tiny.yaml", "--uncut", "--workers", "1", "--untimed", "--out", "run")
    assert done.returncode == 0, done.stderr
    records = [json.loads(file.read_text()) for file in (place / "run/records").glob("*.json")]
    paths = {record["cell"]["strategy"]["name"]: record["path"]["whole"] for record in records}
    assert paths == {"frozen": None, "partial": "asked for"}
    assert not (place / "cache/features").exists()


def test_where_the_time_went(finished: Finished, tlbench: Command) -> None:
    place, _ = finished
    said = tlbench("report", str(place / "run"), "--profile").stdout
    spent, used, *_ = said.split("\n\n")
    assert "features" in spent
    assert [line.split()[-4][-1] for line in used.splitlines()[2:5]] == ["—", "%", "%"]  # a solved head has no steps


def test_inline_and_workers_do_not_go_together(tlbench: Command) -> None:
    said = tlbench("run", "tiny.yaml", "--executor", "inline", "--workers", "2")
    assert said.returncode == 64
    assert "leave out one of the two" in said.stderr
