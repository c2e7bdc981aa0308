"""What a release is checked by agrees with the project: one version, found where the workflow looks for it."""

import re
import subprocess
from pathlib import Path

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
