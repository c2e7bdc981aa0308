"""On real photographs and real weights tlbench reaches what a plain Keras loop reaches, less its noise."""

from pathlib import Path

import pytest

from tests.integration.conftest import tlbench_in
from tlbench.results.store import Store

SUITE = Path(__file__).parents[2] / "suites" / "frozen.yaml"
PLAIN_LOOP_LESS_TWO_POINTS = {
    ("MobileNetV2", "cats_dogs"): 0.91,
    ("MobileNet", "cats_dogs"): 0.81,
    ("MobileNetV2", "intel"): 0.86,
    ("MobileNet", "intel"): 0.81,
}


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.real_weights
def test_a_frozen_backbone_reaches_what_a_plain_loop_reaches(
    real_data: Path, real_weights: Path, tmp_path: Path
) -> None:
    said = tlbench_in(
        tmp_path, "run", str(SUITE), "--out", "run", "--data", str(real_data), "--weights", str(real_weights)
    )
    assert said.returncode == 0, said.stderr
    records = Store(tmp_path / "run").read_all().records
    reached = {(r.cell.backbone.name, r.cell.dataset.name): r.accuracy.top1 for r in records if r.accuracy}
    assert set(reached) == set(PLAIN_LOOP_LESS_TWO_POINTS)
    assert {key: top1 for key, top1 in reached.items() if top1 < PLAIN_LOOP_LESS_TWO_POINTS[key]} == {}
    assert not any(record.fallbacks for record in records)
