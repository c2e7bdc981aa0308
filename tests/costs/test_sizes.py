"""How large backbones are without building them, beside Keras' own models."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlbench.backbones import registry
from tlbench.core.cell import Named
from tlbench.costs import sizes
from tlbench.costs.sizes import size_of

TABLE = Path(sizes.__file__).with_name("counts.csv")
ROWS = list(csv.DictReader(TABLE.read_text().splitlines()))


def test_every_pretrained_backbone_has_a_size() -> None:
    assert {row["backbone"] for row in ROWS} == set(registry.expand_pattern("all"))
    assert size_of(Named(name="AlexNet"), 224) is None


def test_resnet50_is_as_published() -> None:
    """He and others give 3.8e9 multiply-adds, Keras 23.6 million parameters without the top."""
    size = size_of(Named(name="ResNet50"), 224)
    assert size is not None
    assert (size.params, size.depth, size.features) == (23_587_712, 106, 2048)
    assert size.flops == pytest.approx(2 * 3.8e9, rel=0.02)


def test_arithmetic_grows_with_pixels_and_with_the_square_of_the_width() -> None:
    small, large = (size_of(Named(name="VGG16"), side) for side in (112, 224))
    assert small is not None
    assert large is not None
    assert (large.flops, large.outputs, large.params) == (4 * small.flops, 4 * small.outputs, small.params)
    oblong = size_of(Named(name="VGG16"), (112, 224))
    assert oblong is not None
    assert oblong.flops == 2 * small.flops
    row, between = (size_of(Named(name="MobileNetV2", args={"alpha": alpha}), 224) for alpha in (1.4, 2.8))
    assert row is not None
    assert between is not None
    assert between.flops == pytest.approx(4 * row.flops)


def test_a_width_with_a_row_of_its_own_is_what_a_record_counted() -> None:
    """Of a MobileNet 0.25 at 96 px: results/reference/small-cpu."""
    size = size_of(Named(name="MobileNet", args={"alpha": 0.25}), 96)
    assert size is not None
    assert (size.params, size.depth, size.flops) == (218_544, 54, pytest.approx(14_978_304))


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(filter(None, list(row.values())[:3])))
def test_the_table_is_what_keras_builds(row: dict[str, str]) -> None:
    import keras

    from tlbench.modeling.constructors import keras_application
    from tlbench.modeling.counting import count_part
    from tlbench.modeling.keras_private import calls

    def outputs(model: keras.Model) -> Iterator[int]:
        for node in calls(model):
            if isinstance(node.operation, keras.Model):
                yield from outputs(node.operation)
            else:
                yield sum(math.prod(tensor.shape[1:]) for tensor in node.output_tensors)

    info, side = registry.get(row["backbone"]), int(row["size"])
    args: dict[str, Any] = {"alpha": float(row["alpha"])} if row["alpha"] else {}
    args |= {"minimalistic": True} if row["minimalistic"] else {}
    keras.backend.clear_session()
    model = keras_application(info, args, (side, side, 3), False)
    counts = count_part([model])
    made = [counts.params, counts.depth, counts.flops, model.output_shape[-1], sum(outputs(model))]
    assert made == [int(row[name]) for name in ("params", "depth", "flops", "features", "outputs")]
