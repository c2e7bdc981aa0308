"""Whatever lies in a folder: each file is in the record's counts or named as left out, and nothing is a traceback."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

from tests.datasets.trees import Tree, trees
from tlbench.cli.data import command
from tlbench.core.cell import Limit, Named
from tlbench.core.errors import UserError
from tlbench.datasets import build
from tlbench.datasets.names import shown
from tlbench.datasets.prepare import prepare
from tlbench.datasets.source import DataSource
from tlbench.results.images import DataProvenance
from tlbench.session.data import check


def entries(root: Path) -> dict[str, Path]:
    """All that is no folder, links to folders not followed; and folders that are links. By the name that is shown."""
    found: dict[str, Path] = {}
    for here, folders, files in os.walk(root):
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        paths = [Path(here) / name for name in [*files, *links]]
        found |= {shown(path.relative_to(root).as_posix()): path for path in paths}
    return found


def covered(path: str, named: set[str]) -> bool:
    parts = path.split("/")
    return path in named or any("/".join(parts[:end]) + "/" in named for end in range(1, len(parts) + 1))


def used_of(record: DataProvenance) -> int:
    return sum(sum(counts.values()) for counts in record.counts.values())


def _prepared(root: Path, cache: Path, splits: str | None) -> DataSource | None:
    dataset = Named(name="own", args={"splits": splits} if splits else {})
    try:
        return prepare(dataset, Limit(), 8, root=None, path=root, cache=cache, fallback_synthetic=False)
    except UserError as error:
        sentence = str(error)
    assert sentence.encode().count(b"\n") == 0  # one line that can be written anywhere
    return None


def holds(tree: Tree) -> None:
    with TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        root, cache = Path(scratch) / "data", Path(scratch) / "cache"
        root.mkdir()
        tree.make(root)
        patch.setattr(build, "MOST_BAD", 1.0)  # the rule of 5 % would hide what comes after it
        source = _prepared(root, cache, None) or _prepared(root, cache, "none")
        if source is None:
            return
        record = DataProvenance.model_validate_json(source.provenance().model_dump_json())
        named = {one.path for one in record.skipped}
        assert check(None, root, None, None if source.name == "own" else "none").counts == record.counts
        there = entries(root)
        left = {path for path in there if not covered(path, named)}
        linked = {path for path in left if there[path].is_dir()}  # whose files are counted below
        assert len(record.skipped) == len({(one.split, one.path) for one in record.skipped})
        bad = sum(bool(one.split) for one in record.skipped)
        assert used_of(record) + bad == sum(origin.files for origin in record.splits.values())
        assert len(left - linked) <= used_of(record)
        if not linked:
            assert len(left) == used_of(record)
        arguments = ["check", "--path", str(root), *(["--splits", "none"] if source.name != "own" else [])]
        said = CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False)
        assert said.exception is None, said.exception
        assert {one["path"] for one in json.loads(said.stdout)["left_out"]} <= named
        screen = CliRunner().invoke(command, arguments, standalone_mode=False)
        assert screen.exception is None, screen.exception
        lines = screen.stdout.splitlines()
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 100 + len(str(root))  # its last line has the path as it was given


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(trees())
def test_every_file_is_counted_or_named(tree: Tree) -> None:
    holds(tree)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(trees())
def test_every_file_of_two_thousand_trees_is_counted_or_named(tree: Tree) -> None:
    holds(tree)
