"""The lesson's DaViT tiny on Keras 3: its numbers, its weights, and nothing left behind in the process."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
import h5py  # noqa: E402

from tests.narrow import present  # noqa: E402
from tlbench.backbones import registry  # noqa: E402
from tlbench.backbones.kecam import PACKAGE  # noqa: E402
from tlbench.core.cell import Head, Named  # noqa: E402
from tlbench.core.errors import UserError  # noqa: E402
from tlbench.modeling import kecam  # noqa: E402
from tlbench.modeling.assemble import assemble, make_backbone  # noqa: E402
from tlbench.modeling.blocks import blocks_of  # noqa: E402
from tlbench.modeling.counting import count  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own

needs_kecam = pytest.mark.skipif(
    find_spec(PACKAGE) is None, reason="keras-cv-attention-models is not installed: pip install 'tlbench[kecam]'"
)
DAVIT = registry.get("DaViT_T")
LESSON = Head(name="gap", dropout=0.3, output="sigmoid")


@pytest.fixture(scope="module")
def davit() -> Any:
    return make_backbone(DAVIT, {}, (64, 64, 3), None)


@needs_kecam
@pytest.mark.parametrize(
    ("strategy", "trained"),
    [
        (Named(name="full"), 212),
        (Named(name="partial", args={"frozen_operations": 80}), 168),  # the lesson
        (Named(name="partial", args={"frozen_layers": 80}), 128),  # which counted otherwise
    ],
)
def test_the_lessons_numbers(strategy: Named, trained: int) -> None:
    assembled = assemble(Named(name="DaViT_T"), strategy, LESSON, 2, 280)
    assert len(assembled.model.trainable_variables) == trained
    assert assembled.model.count_params() == 27_591_937
    assert count(assembled).uncounted == ()


@needs_kecam
def test_it_has_the_blocks_of_the_paper(davit: Any) -> None:
    """2, 2, 6 and 2 blocks in four stages, and what makes each stage's image smaller."""
    blocks = list(dict.fromkeys(blocks_of(davit)))
    for stage, number in enumerate((2, 2, 6, 2), start=1):
        assert [f"stack{stage}_block{one}" for one in range(1, number + 1)] == [
            name for name in blocks if name.startswith(f"stack{stage}_block")
        ]


@needs_kecam
def test_no_other_model_of_the_process_sees_what_was_arranged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kecam.CHOICE, "torch")
    foreign = type(sys)("keras_core")
    monkeypatch.setitem(sys.modules, "keras_core", foreign)
    before = set(sys.modules)
    model = make_backbone(DAVIT, {}, (64, 64, 3), None)
    assert os.environ[kecam.CHOICE] == "torch"
    assert sys.modules["keras_core"] is foreign
    assert not {name for name in set(sys.modules) - before if name.startswith(("keras_core", PACKAGE))}
    assert not hasattr(model, "preprocess_input")
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)


@needs_kecam
def test_a_saved_model_opens_without_the_package(davit: Any, tmp_path: Path) -> None:
    davit.save(tmp_path / "davit.keras")
    opened = keras.saving.load_model(tmp_path / "davit.keras", safe_mode=True)
    images = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(opened(images), davit(images), rtol=1e-5, atol=1e-5)


@needs_kecam
def test_a_file_of_keras_2_gives_each_layer_its_weights_by_name(davit: Any, tmp_path: Path) -> None:
    other = make_backbone(DAVIT, {}, (64, 64, 3), None)
    written(other, tmp_path / "weights.h5")
    kecam.load(davit, tmp_path / "weights.h5")
    images = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype("float32")
    np.testing.assert_array_equal(davit(images), other(images))


def test_a_file_without_a_layer_or_with_another_shape_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the package is: a small model in its place."""

    def made(*_: object) -> Any:
        layers = [keras.layers.Dense(3, name="a"), keras.layers.ReLU(), keras.layers.Dense(2, name="b")]
        model = keras.Sequential([keras.Input((4,)), *layers])
        return keras.Model(model.inputs, model.outputs)

    monkeypatch.setattr(kecam, "construct", made)
    path = tmp_path / "weights.h5"
    written(made(), path, group=present("model_weights"))
    make_backbone(DAVIT, {}, (64, 64, 3), path)
    written(made(), path, leave_out="b")
    with pytest.raises(UserError, match=r"does not hold the weights of DaViT_T : it has no layer 'b'; fetch"):
        make_backbone(DAVIT, {}, (64, 64, 3), path)
    written(made(), path, cut="a")
    with pytest.raises(UserError, match="does not hold the weights of DaViT_T"):
        make_backbone(DAVIT, {}, (64, 64, 3), path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="does not hold the weights of DaViT_T"):
        make_backbone(DAVIT, {}, (64, 64, 3), path)


def written(model: Any, path: Path, leave_out: str = "", cut: str = "", group: str = "") -> None:
    """The weights of a model as Keras 2 lays them out in HDF5."""
    with h5py.File(path, "w") as file:
        place = file.create_group(group) if group else file
        for layer in model.layers:
            if layer.name == leave_out:
                continue
            inside = place.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            inside.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                inside[name] = value[1:] if layer.name == cut else value
