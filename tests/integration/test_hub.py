"""A transformer of keras-hub through the real command, and cut as it is whole; operations as torch counts them."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import environment, fresh_tlbench_in, make_place
from tests.integration.test_cut_training import SGD, check_same, job, make_data, save_weights
from tests.narrow import present
from tlbench.backbones.hub import ARCHITECTURES, architecture
from tlbench.core.cell import Head, Named
from tlbench.results.store import Store

if importlib.util.find_spec("keras_hub") is None:
    pytest.skip("needs keras-hub: pip install 'tlbench[hub]'", allow_module_level=True)

VIT = {"patch_size": 16, "num_layers": 3, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64}
SUITE = f"""\
name: tokens
datasets: {{name: shapes, path: shapes}}
backbones: {json.dumps({"name": "ViTBackbone", **VIT, "weights": "random"})}
strategies: [frozen, {{name: partial, trainable: 40%}}, full]
image_size: 32
train: {{epochs: 2, batch_size: 16}}
timing: {{protocol: custom, batch_size: 4, warmup: 0, iterations: 6, seconds: 0}}
save_models: true
"""


def test_frozen_partial_and_full_are_run_reported_and_used(tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    (place / "tokens.yaml").write_text(SUITE)
    done = fresh_tlbench_in(place, "run", "tokens.yaml", "--out", "run")
    assert done.returncode == 0, done.stderr
    records = {record.cell.strategy.name: record for record in Store(place / "run").read_all().records}
    assert {name: record.status for name, record in records.items()} == dict.fromkeys(
        ("frozen", "partial", "full"), "ok"
    )
    assert "blocks transformer_block_3" in present(records["partial"].training[-1].trained) or (
        "block transformer_block_3" in present(records["partial"].training[-1].trained)
    )
    counts = {name: present(record.counts) for name, record in records.items()}
    assert counts["frozen"].trainable == 32 * 2 + 2 < counts["partial"].trainable < counts["full"].trainable
    assert counts["full"].uncounted == ()
    cell, image = records["full"].cell_id, next((place / "shapes" / "test").rglob("*.*"))
    said = fresh_tlbench_in(place, "predict", "run", cell, str(image))
    assert said.returncode == 0, said.stderr
    settings = [part for key, value in VIT.items() for part in ("--set", f"{key}={value}")]
    seen = fresh_tlbench_in(place, "inspect", "ViTBackbone", *settings, "--strategy", "frozen", "--image-size", "32")
    assert "Pooled: the class token, the first of 5." in seen.stdout, seen.stderr


@pytest.mark.parametrize(
    "strategy", [Named(name="frozen"), Named(name="partial", args={"trainable": 0.4})], ids=lambda one: one.name
)
def test_cut_and_whole_training_give_the_same_weights(strategy: Named, tmp_path: Path) -> None:
    data, backbone = make_data(tmp_path / "data"), Named(name="ViTBackbone", args=VIT)
    weights = save_weights(backbone, data, tmp_path)
    head = Head(hidden=(8,), dropout=0.3)
    check_same([job(data, weights, backbone=backbone, strategy=strategy, head=head, train=SGD)], tmp_path / "features")


COUNTED = """
import json, sys
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
import keras_hub
kind, arguments = json.loads(sys.argv[1])
model = getattr(keras_hub.models, kind)(**arguments)
images = torch.zeros(1, *arguments["image_shape"])
# torch counts no operation of the attention that it has for CPUs in one piece.
with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
    model({"images": images} if isinstance(model.input, dict) else images)
print(counter.get_total_flops())
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'tlbench[torch]'")
@pytest.mark.parametrize("name", [one.name for one in ARCHITECTURES])
def test_operations_are_those_of_torchs_counter(name: str, tmp_path: Path) -> None:
    made_of = architecture(name).made_of({}, (224, 224, 3))
    torch = subprocess.run(
        [sys.executable, "-c", COUNTED, json.dumps([name, made_of])],
        env=environment(tmp_path, KERAS_BACKEND="torch"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert torch.returncode == 0, torch.stderr
    ours = fresh_tlbench_in(tmp_path, "inspect", name, "--strategy", "frozen", "--json")
    assert json.loads(ours.stdout)["parts"]["backbone"]["flops"] == int(torch.stdout.split()[-1])
