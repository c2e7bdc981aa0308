"""What is known of the 40 backbones without Keras, against Keras and against the published table."""

import hashlib
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.weights_files import write_weights
from tlbench.backbones import registry
from tlbench.backbones.official import official_file
from tlbench.backbones.weights import DamagedWeightsError, WeightsSource, find, keras_cache
from tlbench.cache.download import DownloadError
from tlbench.core.errors import UserError
from tlbench.core.image_size import ImageSize, height_width

MOBILENET = registry.get("MobileNet")


@pytest.fixture(autouse=True)
def _empty_keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def test_all_constructors_of_keras_applications_are_there() -> None:
    applications = pytest.importorskip("keras").applications
    assert sorted(registry.expand_pattern("all")) == sorted(name for name in dir(applications) if name[0].isupper())
    assert len(registry.expand_pattern("all")) == 40


def test_published_rows_are_the_38_of_keras_io() -> None:
    published = [info for info in map(registry.get, registry.expand_pattern("all")) if info.published]
    assert len(published) == 38
    resnet = registry.get("ResNet50").published
    assert resnet is not None
    assert (resnet.size_mb, resnet.top1, resnet.params_m, resnet.depth, resnet.cpu_ms) == (98, 74.9, 25.6, 107, 58.2)


def test_every_backbone_has_an_official_file_with_and_without_top() -> None:
    for name in registry.expand_pattern("all"):
        with_top, without = (official_file(registry.get(name), {}, top) for top in (True, False))
        assert with_top is not None
        assert without is not None
        assert with_top.file != without.file


@pytest.mark.parametrize(
    ("name", "args", "file"),
    [
        ("MobileNet", {"alpha": 0.25}, "mobilenet_2_5_224_tf_no_top.h5"),
        ("MobileNetV2", {"alpha": 0.35}, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"),
        (
            "MobileNetV3Small",
            {"minimalistic": True},
            "weights_mobilenet_v3_small_minimalistic_224_1.0_float_no_top_v2.h5",
        ),
        ("VGG19", {}, "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        ("NASNetLarge", {}, "nasnet_large_no_top.h5"),
    ],
)
def test_official_names(name: str, args: dict[str, float], file: str) -> None:
    found = official_file(registry.get(name), args, False)
    assert found is not None
    assert found.file == file


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            {"alpha": 0.3},
            "MobileNet (alpha=0.3); those with weights have alpha 0.25, 0.5, 0.75, 1; take one of them, or `weights: random`",
        ),
        ({"depth_multiplier": 2}, "MobileNet (depth_multiplier=2); use `weights: random`, or other arguments"),
    ],
)
def test_some_arguments_have_no_imagenet_weights(args: dict[str, float], said: str) -> None:
    MOBILENET.check_args(args)
    assert official_file(MOBILENET, args, False) is None
    with pytest.raises(UserError, match=re.escape(f"there are no ImageNet weights of {said}")):
        find(MOBILENET, args, False, None, instead=None)
    assert find(MOBILENET, args, False, None, instead="random").kind == "random"


def test_a_folder_comes_before_kerass_cache(tmp_path: Path) -> None:
    official = official_file(MOBILENET, {}, False)
    assert official is not None
    keras_cache().mkdir(parents=True)
    write_weights(keras_cache() / official.file)
    folder = tmp_path / "weights"
    folder.mkdir()
    assert find(MOBILENET, {}, False, folder, instead=None).kind == "cache"
    shutil.copy(keras_cache() / official.file, folder)
    found = find(MOBILENET, {}, False, folder, instead=None)
    assert (found.kind, found.path, found.file) == ("folder", folder / official.file, official.file)
    assert found.sha256 is not None


def test_weights_that_are_nowhere_name_the_file_and_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mobilenet_1_0_224_tf_no_top.h5 is not in .*fallback: {weights: random}"):
        find(MOBILENET, {}, False, tmp_path, instead=None, allow_download=False)
    with pytest.raises(UserError) as told:
        find(MOBILENET, {}, False, tmp_path, instead=None, allow_download=False)
    official = official_file(MOBILENET, {}, False)
    assert official is not None
    assert str(told.value) == (
        f"ImageNet weights of MobileNet: {official.file} is not in {tmp_path} or {keras_cache()}, and downloading is "
        f"off; put it (available at {official.url}) in a folder and give that with `weights` or TLBENCH_WEIGHTS, or "
        "allow stand-ins, which are marked in all results, with `fallback: {weights: drawn}` in the suite (of MobileNet "
        "(alpha=0.25) and MobileNetV2 (alpha=0.35); random ones of others) or `fallback: {weights: random}`"
    )
    assert find(MOBILENET, {}, False, tmp_path, instead="random", allow_download=False).kind == "random"
    with pytest.raises(UserError, match=r"the weights folder .*none does not exist"):
        find(MOBILENET, {}, False, tmp_path / "none", instead="random")


def test_patterns() -> None:
    assert registry.expand_pattern("ResNet*V2") == ("ResNet50V2", "ResNet101V2", "ResNet152V2")
    assert registry.expand_pattern("nothing*") == ()


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("VGG16", {"alpha": 1.0}, "VGG16 takes no arguments"),
        ("MobileNet", {"alhpa": 1.0}, "did you mean 'alpha'"),
        ("MobileNet", {"alpha": 0}, "alpha: 0 is not a number above 0"),
        ("MobileNet", {"alpha": 10**400}, "is not a number above 0, at most 4"),
        ("MobileNetV3Small", {"minimalistic": 1}, "minimalistic: 1 is not true or false"),
    ],
)
def test_arguments_are_checked(name: str, args: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.get(name).check_args(args)


def keras_asks_for(
    name: str, top: bool, monkeypatch: pytest.MonkeyPatch, **arguments: Any
) -> tuple[str, str, str | None]:
    """What Keras' own constructor would fetch, without the model being built."""
    keras = pytest.importorskip("keras")
    asked: list[tuple[str, str, str | None]] = []

    class Asked(Exception):  # noqa: N818
        pass

    def get_file(fname: str, origin: str, **options: str) -> None:
        asked.append((fname, origin, options.get("file_hash")))
        raise Asked

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    monkeypatch.setattr(warnings, "warn", lambda *args, **options: None)  # of sizes without a file of their own
    with pytest.raises(Asked):
        getattr(keras.applications, name)(weights="imagenet", include_top=top, **arguments)
    (file,) = asked
    return file


def keras_asks_for_size(
    name: str, alpha: float, top: bool, size: ImageSize, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str, str | None]:
    """The same for images of `size`."""
    return keras_asks_for(name, top, monkeypatch, alpha=alpha, input_shape=(*height_width(size), 3))


@pytest.mark.slow
@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("name", registry.expand_pattern("all"))
def test_official_files_are_those_keras_asks_for(name: str, top: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    official = official_file(registry.get(name), {}, top)
    assert official is not None
    assert keras_asks_for(name, top, monkeypatch) == (official.file, official.url, official.digest)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("MobileNet", (96, 128, 160, 192, 200, 224, (128, 160))),
        ("MobileNetV2", (96, 128, 160, 192, 200, 224, (160, 96))),
    ],
)
def test_the_file_is_that_of_the_image_size_as_keras_has_it(
    name: str, sizes: tuple[ImageSize, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in sizes:
        official = official_file(registry.get(name), {"alpha": 0.5}, False, size)
        assert official is not None
        assert (official.file, official.url, official.digest) == keras_asks_for_size(
            name, 0.5, False, size, monkeypatch
        )


@pytest.mark.slow
@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize("alpha", [0.25, 0.35, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2"])
def test_all_sizes_and_alphas_are_as_keras_has_them(
    name: str, alpha: float, top: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if official_file(registry.get(name), {"alpha": alpha}, top) is None:
        pytest.skip(f"{name} has no weights for alpha {alpha}")
    for size in (96, 128, 160, 192, 224):
        if top and (name, size) == ("MobileNet", 96):
            continue  # Keras refuses the size with the classifier's weights
        official = official_file(registry.get(name), {"alpha": alpha}, top, size)
        assert official is not None
        assert (official.file, official.url, official.digest) == keras_asks_for_size(
            name, alpha, top, size, monkeypatch
        )


def test_another_sizes_file_is_used_instead_where_it_is_all_there_is(tmp_path: Path) -> None:
    info = registry.get("MobileNetV2")
    names = {size: official_file(info, {}, False, size) for size in (96, 160, 224)}
    assert len({official.file for official in names.values() if official}) == 3
    for size in (224, 160, 96):
        official, wanted = names[size], names[96]
        assert official is not None
        assert wanted is not None
        write_weights(tmp_path / official.file)
        source = find(info, {}, False, tmp_path, 96, instead=None, allow_download=False)
        assert source.file == official.file, "the nearest size there is"
        assert source.instead_of == (None if size == 96 else wanted.file)


def test_a_file_is_compared_with_the_digest_that_keras_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = official_file(registry.get("VGG16"), {}, False)
    assert official is not None
    write_weights(tmp_path / official.file)

    def as_published() -> bool | None:
        return find(registry.get("VGG16"), {}, False, tmp_path, instead=None, allow_download=False).as_published

    assert as_published() is False
    content = (tmp_path / official.file).read_bytes()
    for digest in (hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest()):
        same = replace(official, digest=digest)
        monkeypatch.setattr("tlbench.backbones.weights.official_files", lambda *_, same=same: [same])
        assert as_published() is True
    nameless = replace(official, digest=None)
    monkeypatch.setattr("tlbench.backbones.weights.official_files", lambda *_: [nameless])
    assert as_published() is None


def test_a_damaged_file_in_kerass_cache_is_fetched_again_and_one_of_the_users_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = official_file(registry.get("VGG16"), {}, False)
    assert official is not None
    place, asked, network = keras_cache() / official.file, list[str](), [False]
    place.parent.mkdir(parents=True)

    def fetch(url: str, target: Path, digest: str | None) -> None:
        asked.append(url)
        if not network[0]:
            raise DownloadError("there is no network")
        write_weights(target, b"sound")

    def source() -> WeightsSource:
        return find(registry.get("VGG16"), {}, False, None, instead=None)

    monkeypatch.setattr("tlbench.backbones.weights.fetch", fetch)
    theirs = write_weights(place, b"theirs")
    there = source()
    assert (there.kind, there.as_published, asked) == ("cache", False, [])
    place.write_bytes(theirs[:100])
    with pytest.raises(DamagedWeightsError, match="is no whole file of weights"):
        source()
    network[0] = True
    assert source().kind == "download"
    assert asked == [official.url] * 2


def test_wide_models_have_the_one_size(tmp_path: Path) -> None:
    official = official_file(registry.get("MobileNetV2"), {"alpha": 1.4}, False, 96)
    assert official is not None
    assert official.file.endswith("1.4_224_no_top.h5")
    write_weights(tmp_path / official.file)
    assert find(registry.get("MobileNetV2"), {"alpha": 1.4}, False, tmp_path, 96, instead=None).instead_of is None
