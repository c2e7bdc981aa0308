"""What a release is checked by agrees with the project: one version, found where the workflow looks for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tlbench import __version__

ROOT = Path(__file__).parents[2]


def test_the_workflow_finds_the_version() -> None:
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    found = re.search(r"version=\$\((sed .*)\)$", workflow, re.MULTILINE)
    assert found
    done = subprocess.run(["bash", "-c", found[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__


def test_the_citation_has_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [__version__]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_a_virtual_environment_that_could_not_be_made_whole_is_not_taken_for_one_by_the_next_make(
    tmp_path: Path,
) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"  # as Debian's without its package python3-venv
    python.write_text(
        f'#!/bin/sh\ncase "$2" in venv) mkdir -p "$3/bin"; ln -s {sys.executable} "$3/bin/python"; exit 1;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    command = ["make", "small", f"PYTHON={python}"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode
    assert not (tmp_path / ".venv").exists()
