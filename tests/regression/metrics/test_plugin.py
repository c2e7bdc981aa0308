"""Another package adds a metric: one file and one entry point, and every command that compares knows it."""

import json
import os
from pathlib import Path

import pytest

from tests.integration.conftest import environment, forget_measurements, make_place, tlbench_in

ROOT = Path(__file__).parents[3]
PACKAGE, RUN = ROOT / "tests" / "data" / "plugin", ROOT / "results" / "reference" / "small-cpu"
NAME = "calibration error"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory.mktemp("metric"))


def tlbench(place: Path, *args: str, code: int = 0) -> str:
    path = os.pathsep.join([environment(place)["PYTHONPATH"], str(PACKAGE)])
    done = tlbench_in(place, *args, PYTHONPATH=path)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_it_is_listed(place: Path) -> None:
    rows = {row["name"]: row for row in json.loads(tlbench(place, "list", "metrics", "--json"))}
    assert list(rows) == ["accuracy", "time", "memory", "count", "calibration"]
    assert rows["calibration"]["gate"] == "1pp"


@pytest.fixture(scope="module")
def base(place: Path) -> Path:
    tlbench(place, "baseline", "save", str(RUN), "base.json")
    forget_measurements(place / "base.json")
    return place / "base.json"


def test_it_is_compared_and_shown(place: Path, base: Path) -> None:
    table = tlbench(place, "compare", str(base), str(RUN), "--format", "markdown")
    (head,) = [line for line in table.splitlines() if line.startswith("| Verdict")]
    columns = [column.strip() for column in head.strip("|").split("|")]
    assert columns[-2:] == ["counts", f"{NAME} (points)"]
    said = "calibration error inconclusive in 12 cases: the interval reaches beyond the gate; to decide: more seeds"
    assert said in table


def test_its_numbers_are_kept_in_baselines(place: Path, base: Path) -> None:
    content = json.loads(base.read_text())
    assert content["gates"]["calibration"] == 0.01
    records = [json.loads(file.read_text()) for file in (RUN / "records").glob("*.json")]
    kept = sorted(cell["extra"]["calibration"]["error"] for cell in content["cells"])
    assert kept == sorted([record["accuracy"]["calibration_error"]] for record in records)
    found = json.loads(tlbench(place, "compare", str(base), str(RUN), "--json"))
    judged = [one for cell in found["cells"] for one in cell["judgements"] if one["metric"] == "calibration"]
    assert len(judged) == 12
    assert all(one["base"] == one["new"] for one in judged)
    without = tlbench_in(place, "compare", str(base), str(RUN), "--json")
    assert without.returncode == 0, without.stderr
    assert NAME not in without.stdout


def test_it_has_a_gate_on_the_command_line_and_in_suites(place: Path, base: Path) -> None:
    found = json.loads(tlbench(place, "compare", str(base), str(RUN), "--gate", "calibration=7pp", "--json"))
    gates = {one["gate"] for cell in found["cells"] for one in cell["judgements"] if one["metric"] == "calibration"}
    assert gates == {0.07}
    said = tlbench(place, "compare", str(base), str(RUN), "--gate", "calibratoin=7pp", code=64)
    assert "did you mean 'calibration'?" in said
    suite = (place / "tiny.yaml").read_text()
    (place / "gated.yaml").write_text(suite + "gates: {calibration: 3pp, cells: [{head: gap, calibration: 5pp}]}\n")
    assert "2 cells" in tlbench(place, "plan", "gated.yaml")
    refused = tlbench_in(place, "plan", "gated.yaml")
    assert "gated.yaml:8:9: gates: unknown key 'calibration'" in refused.stderr


def test_history_follows_it(place: Path) -> None:
    followed = json.loads(tlbench(place, "history", str(RUN.parent), "--json"))
    assert NAME in {one["name"] for one in followed}
