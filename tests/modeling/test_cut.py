"""The cut: the part above applied to the part below is the whole model, exactly, and what is frozen stays below."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tests.narrow import present  # noqa: E402
from tlbench.backbones import registry  # noqa: E402
from tlbench.core.cell import Head, Named  # noqa: E402
from tlbench.modeling.assemble import Assembled, assemble, head_of  # noqa: E402
from tlbench.modeling.cut import Boundary, boundary, lower_model, upper_model  # noqa: E402
from tlbench.modeling.heads import head_layers  # noqa: E402

SHARES = (0.7, 0.3, 0.05)
FEW = ("MobileNetV2", "DenseNet121", "EfficientNetB0", "ConvNeXtTiny")
FAMILIES = list({registry.get(name).family: name for name in reversed(registry.expand_pattern("*"))}.values())


pytestmark = pytest.mark.usefixtures("fresh_keras")


def cut(strategy: Named, backbone: str = "MobileNetV2", head: Head | None = None) -> tuple[Assembled, Boundary | None]:
    size = max(registry.get(backbone).min_size, 64)
    assembled = assemble(Named(name=backbone), strategy, head or Head(), 3, size)
    return assembled, boundary(assembled, assembled.frozen, head_of(assembled))


@pytest.fixture(scope="module")
def frozen() -> tuple[Assembled, Boundary]:
    keras.config.set_dtype_policy("float32")
    assembled, at = cut(Named(name="frozen"), head=Head(hidden=(8,), dropout=0.5))
    return assembled, present(at)


@pytest.fixture(scope="module")
def full() -> tuple[Assembled, Boundary | None]:
    keras.config.set_dtype_policy("float32")
    return cut(Named(name="full"))


def pictures(assembled: Assembled, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *assembled.model.input_shape[1:])).astype("uint8")


def check_exact(backbone: str, strategy: Named) -> None:
    assembled, at = cut(strategy, backbone)
    assert at is not None
    images = pictures(assembled)
    whole = keras.ops.convert_to_numpy(assembled.model(images, training=False))
    trained = {id(one) for one in assembled.model.trainable_weights}
    lower, upper = lower_model(assembled, [at]), upper_model(assembled, at)
    handed = keras.tree.flatten(lower(images, training=False))
    assert [(tuple(one.shape[1:]), str(np.asarray(one).dtype)) for one in handed] == [
        (one.shape, one.dtype) for one in at.handed
    ]
    parts = keras.ops.convert_to_numpy(upper(handed if len(handed) > 1 else handed[0], training=False))
    np.testing.assert_array_equal(parts, whole)
    assert {id(one) for one in upper.trainable_weights} == trained
    assert not lower.trainable_weights or not trained & {id(one) for one in lower.weights}


@pytest.mark.parametrize("backbone", FEW)
@pytest.mark.parametrize("share", [0.3])
def test_above_on_below_is_the_whole_model(backbone: str, share: float) -> None:
    check_exact(backbone, Named(name="partial", args={"trainable": share}))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", FAMILIES)
@pytest.mark.parametrize("share", SHARES)
def test_above_on_below_is_the_whole_model_in_every_family(backbone: str, share: float) -> None:
    check_exact(backbone, Named(name="partial", args={"trainable": share}))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", FAMILIES)
def test_a_frozen_backbone_of_every_family_is_cut_after_the_pooling(backbone: str) -> None:
    check_exact(backbone, Named(name="frozen"))


def test_a_frozen_backbone_hands_over_pooled_features(frozen: tuple[Assembled, Boundary]) -> None:
    assembled, at = frozen
    assert [one.shape for one in at.handed] == [(1280,)]
    assert at.bytes == 1280 * 4
    assert [layer.name for layer in upper_model(assembled, at).layers[1:]] == ["hidden_1", "dropout", "classifier"]


def test_where_all_is_trained_there_is_nothing_to_cut(full: tuple[Assembled, Boundary | None]) -> None:
    assert full[1] is None


def test_several_cuts_are_computed_in_one_pass(frozen: tuple[Assembled, Boundary]) -> None:
    assembled, pooled = frozen
    part = boundary(assembled, 60, head_of(assembled))
    assert part is not None
    images = pictures(assembled)
    together = lower_model(assembled, [pooled, part])(images)
    apart = [tensor for one in (pooled, part) for tensor in keras.tree.flatten(lower_model(assembled, [one])(images))]
    assert len(together) == len(apart) == len(pooled.handed) + len(part.handed)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(one, other)


def test_heads_that_pool_in_different_ways_share_a_pass(frozen: tuple[Assembled, Boundary]) -> None:
    assembled, averaged = frozen
    flat = boundary(assembled, assembled.frozen, head_layers(Head(name="flatten", hidden=(4,)), 3))
    assert flat is not None
    images = pictures(assembled)
    of_average, of_flat = lower_model(assembled, [averaged, flat])(images)
    np.testing.assert_allclose(keras.ops.mean(keras.ops.reshape(of_flat, (2, 4, 1280)), axis=1), of_average, rtol=1e-5)


def test_a_cut_through_a_skip_connection_hands_over_both_tensors_or_moves_down_to_one(
    full: tuple[Assembled, Boundary | None],
) -> None:
    """MobileNetV2 at 64 px: blocks 1 and 2 have the shape 16 x 16; inside block 2, with its skip, two tensors cross."""
    assembled, _ = full
    names = [layer.name for layer in assembled.backbone.layers]
    inside, after = names.index("block_2_depthwise") + 1, names.index("block_2_add") + 1
    one, other = (boundary(assembled, count, head_of(assembled)) for count in (inside, after))
    assert one is not None
    assert other is not None
    assert len(other.handed) == 1
    assert len({handed.place for handed in one.handed}) == len(one.handed) <= 2


def test_layers_that_draw_random_numbers_are_fixed_below_the_boundary() -> None:
    """EfficientNet drops whole blocks at random in training: not where its layers are frozen."""
    assembled = assemble(Named(name="EfficientNetB0"), Named(name="frozen"), Head(), 2, 32)
    images = pictures(assembled, 4)
    first, second = (keras.ops.convert_to_numpy(assembled.model(images, training=True)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
