"""The Python API as a user's own program calls it: a plain script, `python -c`, workers and all."""

import subprocess
import sys
from pathlib import Path

from tests.integration.conftest import LIGHT, environment
from tlbench.results.table import COLUMNS

Finished = tuple[Path, subprocess.CompletedProcess[str]]

SCRIPT = """
import os
import sys

import tlbench

print("top of", __name__)
before = dict(os.environ)
done = tlbench.run("tiny.yaml", select="strategy=frozen", out="run")
print(done)
again = tlbench.run("tiny.yaml", select="strategy=frozen", out="second", timed=False)
print(list(again.frame.top1) == list(done.frame.top1), list(done.frame.inference_ms > 0))
comparison = tlbench.compare(done, again)
print(sorted({one.verdict for one in comparison.judgements if one.metric == "count"}))
print("same environment", os.environ == before, "keras" in sys.modules)
with open("other.yaml", "w") as file:
    file.write(open("tiny.yaml").read() + "backend: jax\\n")
try:
    tlbench.run("other.yaml", out="other")
except tlbench.UserError as error:
    print(error)
"""


def python(place: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], cwd=place, env=environment(place), capture_output=True, text=True, timeout=300
    )


def test_a_plain_script_without_a_guard_runs_twice_and_compares(place: Path) -> None:
    (place / "tiny.yaml").write_text(LIGHT)
    (place / "script.py").write_text(SCRIPT)
    said = python(place, "script.py")
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [  # with JAX installed the last one is tests/execution/test_child.py's
        "top of __main__",
        "<CompletedRun in run: 1 cell, 0 failed>",
        "True [True]",
        "['unchanged']",
        "same environment True False",
        f"backend: jax is not installed for {sys.executable}; pip install 'tlbench[jax]'",
    ]
    assert said.stderr == ""


def test_one_line_prints_the_frame_of_a_finished_run(finished: Finished) -> None:
    place, _ = finished
    line = "import tlbench; print(tlbench.run('tiny.yaml', select='strategy=frozen', out='run').frame)"
    said = python(place, "-c", line)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == f"[1 rows x {1 + len(COLUMNS)} columns]"
    assert said.stderr == ""
