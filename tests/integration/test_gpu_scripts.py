"""The script for a GPU machine brings back what a stage has, also where time is over. A played python3 stands in."""

import os
import subprocess
import tarfile
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "gpu_run.sh"
PLAYED = """\
#!/usr/bin/env bash
echo "$@" >>"$LOG"
while [ $# -gt 0 ]; do
  case $1 in
    --target) mkdir -p "$2/tlbench" "$2/tlbench-1.dist-info" ;;
    --out) mkdir -p "$2" && echo record >"$2/record.json" ;;
    *.yaml) cp "$1" "$LOG.$(basename "$1")" ;;
  esac
  shift
done
if [ "$(wc -l <"$LOG")" -gt "$SLOW_FROM" ]; then exec sleep 60; fi
"""


def test_what_a_stage_has_comes_back_when_time_is_over(tmp_path: Path) -> None:
    for folder in ("bin", "out", "pack/wheels", "pack/data", "pack/weights", "pack/runs/earlier"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pack/runs/earlier/record.json").touch()
    python = tmp_path / "bin" / "python3"
    python.write_text(PLAYED)
    python.chmod(0o755)
    log = tmp_path / "log"
    played = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(log), "SLOW_FROM": "2"}
    work = {"TLBENCH_GPU_WORK": str(tmp_path / "work"), "TLBENCH_GPU_LIMIT": "3"}
    stages = ["small:torch", "backends:torch:strategy=full:0.5", "small:jax"]
    done = subprocess.run(
        ["bash", str(SCRIPT), str(tmp_path / "pack"), str(tmp_path / "out"), *stages],
        env=os.environ | played | work, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "backends:torch:strategy=full:0.5 failed with 124" in done.stdout, "it was interrupted"
    assert "small:jax failed with 124" in done.stdout, "nothing was left for it"
    with tarfile.open(tmp_path / "out" / "runs.tar.gz") as packed:
        names = {name for name in packed.getnames() if name.endswith(".json")}
    assert names == {f"runs/{run}/record.json" for run in ("earlier", "small-torch", "backends-torch")}
    assert not (tmp_path / "work/site/tlbench").exists(), "children would run the packed code"
    install, first, second = log.read_text().splitlines()
    assert "pip install" in install
    assert first.endswith(f"--out {tmp_path}/work/runs/small-torch --workers 8")
    assert second.endswith("--select strategy=full")
    suite = Path(f"{log}.backends-torch.yaml").read_text()
    assert [line for line in suite.splitlines() if line.startswith("backend:")] == ["backend: torch"]
