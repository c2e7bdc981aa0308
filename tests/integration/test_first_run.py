"""What a machine without photographs and without a network sees first: transfer, from drawn weights to drawn pictures."""

from pathlib import Path

from tests.integration.conftest import Command
from tests.narrow import present
from tlbench.results.record import Record
from tlbench.results.store import Store

SUITE = """\
name: first
datasets: [cats_dogs, intel]
backbones:
  - {name: MobileNet, alpha: 0.25}
  - {name: MobileNetV2, alpha: 0.35}
  - {name: MobileNet, alpha: 0.25, weights: random}
  - {name: MobileNetV2, alpha: 0.35, weights: random}
strategies: frozen
image_size: 96
limit: {train: 40, validation: 20, test: 60}
train: {epochs: 3, batch_size: 32, optimizer: adam, learning_rate: auto}
timing: {protocol: none}
fallback: {datasets: synthetic, weights: drawn}
"""
PROMISED = {"cats_dogs": 0.80, "intel": 0.70}
ABOVE_RANDOM = 0.15


def test_a_solved_head_on_drawn_weights_is_far_above_one_on_random_weights(place: Path, tlbench: Command) -> None:
    (place / "first.yaml").write_text(SUITE)
    said = tlbench("run", "first.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    assert said.stderr.count("DRAWN ones (tlbench's own, pretrained on drawn pictures) stand in for them") == 2
    assert (place / "run/report.synthetic-data.drawn-weights.md").exists()
    found = Store(place / "run").read_all().records
    assert len(found) == 8
    top1 = {(one.cell.backbone.name, one.cell.dataset.name, source(one)): accuracy(one) for one in found}
    for (backbone, dataset, kind), value in top1.items():
        if kind == "drawn":
            assert value >= PROMISED[dataset], (backbone, dataset)
            assert value >= top1[backbone, dataset, "random"] + ABOVE_RANDOM, (backbone, dataset)


def source(record: Record) -> str:
    return present(record.weights).source


def accuracy(record: Record) -> float:
    return present(record.accuracy).top1
