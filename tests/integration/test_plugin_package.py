"""Another package adds to tlbench without a change in it: each thing is one file and one entry point."""

import csv
import hashlib
import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import (
    Command,
    environment,
    forget_measurements,
    fresh_tlbench_in,
    make_place,
    tlbench_in,
)

PACKAGE = Path(__file__).parents[1] / "data" / "plugin"
TEMPLATE = Path(__file__).parents[2] / "examples" / "tlbench-template"
SUITE = """\
name: plugins
datasets: stripes
backbones: {name: TwoConvolutions, weights: random}
strategies: [frozen, {name: last_layers, layers: 1}]
heads: maximum
image_size: 32
train: {epochs: 1, batch_size: 16}
timing: {protocol: custom, batch_size: 4, warmup: 0, iterations: 6, seconds: 0}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_place(tmp_path_factory.mktemp("plugins"))
    (folder / "data").mkdir()
    (folder / "shapes").rename(folder / "data" / "stripes")
    (folder / "plugins.yaml").write_text(SUITE)
    return folder


def tlbench(place: Path, *args: str, run: Command = tlbench_in) -> str:
    path = os.pathsep.join([environment(place)["PYTHONPATH"], str(PACKAGE)])
    done = run(place, *args, PYTHONPATH=path, TLBENCH_DATA=str(place / "data"))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_of_it_is_listed(place: Path) -> None:
    assert "TwoConvolutions" in tlbench(place, "list", "backbones")
    assert "Stripes and bars" in tlbench(place, "list", "datasets")
    assert "global maximum pooling" in tlbench(place, "list", "heads")
    assert "fine-tune the last layers" in tlbench(place, "list", "strategies")


def test_inspect_takes_it(place: Path) -> None:
    strategy = ("--strategy", "last_layers", "--strategy-layers", "1")
    words = ("inspect", "TwoConvolutions", *strategy, "--head", "maximum", "--json")
    answer = json.loads(tlbench(place, *words, run=fresh_tlbench_in))  # options are made as the command is imported
    first, second, classifier = 3 * 9 * 8 + 8, 8 * 9 * 16 + 16, 16 * 2 + 2
    assert answer["params"] == first + second + classifier
    assert answer["trainable"] == second + classifier
    assert answer["uncounted"] == []


def test_a_suite_of_it_is_planned_run_and_reported(place: Path) -> None:
    assert "last_layers (layers=1)" in tlbench(place, "plan", "plugins.yaml")
    tlbench(place, "run", "plugins.yaml", "--out", "run")
    rows = list(csv.DictReader((place / "run" / "report.csv").read_text().splitlines()))
    assert [(row["backbone"], row["dataset"], row["head"], row["status"]) for row in rows] == [
        ("TwoConvolutions", "stripes", "maximum", "ok")
    ] * 2
    assert [row["strategy"] for row in rows] == ["frozen", "last_layers (layers=1)"]
    assert all(float(row["inference_ms"]) > 0 for row in rows)
    assert "## Quickest\n\nTwoConvolutions\n" in (place / "run" / "report.md").read_text()
    assert (place / "run" / "report.txt").read_text().splitlines()[1].startswith("TwoConvolutions · stripes · last_lay")
    tlbench(place, "baseline", "save", "run", "base.json")
    forget_measurements(place / "base.json")
    assert "calibration error" in tlbench(place, "compare", "base.json", "run")


FILE = """\
from tlbench.backbones.spec import BackboneInfo
from tlbench.datasets.spec import DatasetInfo
from tlbench.reporting.document import Note, Section
from tlbench.strategies.frozen import Frozen


class Mine(Frozen):
    summary = "mine"


def mine():
    yield BackboneInfo("Mine", "Example", None, 32, 8, "tf", constructor=f"{__name__}:construct")


def construct(info, args, shape, top):
    import keras

    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Conv2D(8, 3, strides=2, name="first")(inputs), name="mine")


ENTRY_POINTS = {
    "tlbench.backbones": {"mine": mine},
    "tlbench.strategies": {"mine": Mine},
    "tlbench.datasets": {"bars": DatasetInfo("bars", "Bars", ("bars", "stripes"), "draw them")},
    "tlbench.views": {"mine": lambda report: [Section("Mine", (Note(("Seen.",)),))]},
}
"""


def test_a_file_named_on_the_command_line_does_the_same_and_is_in_the_record(place: Path) -> None:
    (place / "my.py").write_text(FILE)
    suite = SUITE.replace("TwoConvolutions", "Mine").replace("stripes", "bars").replace("maximum", "gap")
    suite = suite.replace("[frozen, {name: last_layers, layers: 1}]", "mine")
    (place / "mine.yaml").write_text(
        suite + "fallback: {datasets: synthetic}\nlimit: {train: 8, validation: 4, test: 8}\n"
    )
    done = tlbench_in(place, "run", "mine.yaml", "--out", "mine", "--untimed", "--plugin=my.py")
    assert done.returncode == 0, done.stderr
    (file,) = (place / "mine" / "records").glob("*.json")
    record = json.loads(file.read_text())
    assert record["status"] == "ok"
    assert record["environment"]["plugins"] == {"my.py": hashlib.sha256(FILE.encode()).hexdigest()}
    assert "## Mine\n\nSeen.\n" in (place / "mine" / "report.synthetic-data.md").read_text()


CHANGING = """\
name: changing
datasets: {name: folder, path: data/stripes}
backbones: {name: SmallConvNet, weights: random}
strategies: [frozen, {name: last_layers, layers: 1}]
image_size: 48
train: {epochs: 1, batch_size: 16}
timing: {protocol: none}
"""


def test_cells_of_a_package_are_run_again_after_any_change_of_it_and_other_cells_are_not(place: Path) -> None:
    (place / "changing.yaml").write_text(CHANGING)
    site, variables = place / "site", {"TLBENCH_DATA": str(place / "data")}
    shutil.copytree(PACKAGE, site)
    variables["PYTHONPATH"] = os.pathsep.join([environment(place)["PYTHONPATH"], str(site)])

    def run() -> str:
        done = tlbench_in(place, "run", "changing.yaml", **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def records() -> dict[str, dict[str, Any]]:
        folder = max((place / "results" / "changing").iterdir(), key=lambda folder: folder.stat().st_mtime)
        several = [json.loads(file.read_text()) for file in (folder / "records").glob("*.json")]
        return {record["cell"]["strategy"]["name"]: record["environment"] for record in several}

    run()
    first = records()
    assert "tlbench-example" not in first["frozen"]["versions"], "it uses nothing of that package"
    assert first["last_layers"]["versions"].keys() - first["frozen"]["versions"].keys() == {"tlbench-example"}
    assert first["frozen"]["plugins"] == {}
    assert first["last_layers"]["versions"]["tlbench-example"] == "1.0"
    assert first["last_layers"]["plugins"].keys() == {"tlbench_example/*.py"}
    assert "done already" in run()
    with (site / "tlbench_example" / "quickest.py").open("a") as file:
        file.write("# any module of the package may affect any other\n")
    assert "1 of 2 cells taken over" in run()
    assert records()["last_layers"]["plugins"] != first["last_layers"]["plugins"]
    assert records()["frozen"] == first["frozen"]
    metadata = site / "tlbench_example-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", "Version: 1.1"))
    (place / "changing.yaml").write_text(CHANGING.replace("[frozen,", "[frozen, bias,"))
    assert "1 of 3 cells taken over" in run()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "strategies"), "last_blocks  blocks"),
        (
            ("plan", str(TEMPLATE / "suite.yaml")),
            "last_blocks (blocks=2)",
        ),
    ],
)
def test_the_template_is_listed_and_planned_as_pip_installs_it(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """Its metadata are written from its pyproject.toml, without a network."""
    groups = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [line for group, points in groups.items() for line in (f"[{group}]", *map(" = ".join, points.items()))]
    information = tmp_path / "tlbench_template-0.1.0.dist-info"
    information.mkdir()
    (information / "entry_points.txt").write_text("\n".join(lines))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tlbench-template\nVersion: 0.1.0\n")
    path = os.pathsep.join([environment(tmp_path)["PYTHONPATH"], str(tmp_path), str(TEMPLATE)])
    done = tlbench_in(tmp_path, *words, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
