"""What `tlbench deploy` prints, writes and exits with; what it measures is tested where that is done."""

import json
from pathlib import Path
from typing import Any

import pytest

from tlbench.cli import cli
from tlbench.cli import deploy as command
from tlbench.results.deployment import Deployed, DeployedModel, Deployment
from tlbench.results.record import Failure

KERAS = Deployed(runtime="keras", title="Keras", exact=True, bytes=2**20, correct=3, changed=0, gap=0.0)
LITERT = KERAS.model_copy(update={"runtime": "litert", "title": "LiteRT"})
LACKING = Deployed(
    runtime="onnx", title="ONNX Runtime", exact=True, failure=Failure(type="E", message="no", advice="See it.")
)


def found(*runtimes: Deployed) -> Deployment:
    model = DeployedModel(cell_id="0" * 12, label="a model", images=4, recorded=3, runtimes=runtimes)
    return Deployment(run="keep", models=(model,), batch_sizes=(1, 32), absent=("OpenVINO: `pip install x`",))


@pytest.mark.parametrize(
    ("runtimes", "code"), [((KERAS, LITERT), 0), ((KERAS, LITERT, LACKING), 2), ((KERAS, LACKING), 3)]
)
def test_the_exit_code_says_whether_a_runtime_took_the_models(
    runtimes: tuple[Deployed, ...], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def deploy(run: Path, cells: tuple[str, ...], **settings: Any) -> Deployment:
        asked.update(settings, run=run, cells=cells)
        return found(*runtimes)

    monkeypatch.setattr(command, "deploy", deploy)
    file = tmp_path / "deploy.json"
    words = ["deploy", "keep", "ab12", "--to", "litert", "--to", "onnx", "--format", f"json={file}"]
    assert cli.main(words, prog_name="tlbench", standalone_mode=False) == code
    assert (asked["run"], asked["cells"], asked["to"], asked["out"]) == (
        Path("keep"),
        ("ab12",),
        ("litert", "onnx"),
        None,
    )
    assert [one["runtime"] for one in json.loads(file.read_text())["models"][0]["runtimes"]] == [
        one.runtime for one in runtimes
    ]


def test_what_is_not_installed_is_told_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "deploy", lambda *args, **settings: found(KERAS, LITERT))
    cli.main(["deploy", "keep"], prog_name="tlbench", standalone_mode=False)
    assert "OpenVINO: `pip install x`" in capsys.readouterr().out.splitlines()
