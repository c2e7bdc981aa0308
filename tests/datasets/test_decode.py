"""Every file of the trouble collection either decodes or says why not."""

import os
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageFile

from tlbench.core.image_size import Resize
from tlbench.datasets.decode import UndecodableError, decode, formats, quiet

BROKEN = {
    "found/cats_dogs__test_set_cats__DS_Store": "not an image",
    "found/pillow__broken.png": "not an image",
    "found/pillow__broken_data_stream.png": "damaged image",
    "found/pillow__truncated_image.png": "damaged image",
    "found/pillow__truncated_jpeg.jpg": "damaged image",
    "derived/11702.jpg": "damaged image",
    "derived/666.jpg": "empty file",
    "derived/Thumbs.db": "not an image",
    "derived/html_error_page.jpg": "not an image",
}


@pytest.mark.real_data
def test_the_trouble_collection(bad_files: Path) -> None:
    reasons: dict[str, str] = {}
    with quiet():
        for file in sorted(path for path in bad_files.rglob("*") if path.is_file()):
            name = file.relative_to(bad_files).as_posix()
            try:
                picture = decode(file, 32)
            except UndecodableError as error:
                reasons[name] = str(error)
            else:
                assert picture.pixels.shape == (32, 32, 3), name
                assert picture.pixels.dtype == np.uint8, name
    assert set(reasons) == set(BROKEN)
    assert all(reasons[name].startswith(reason) for name, reason in BROKEN.items())


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s12345--4d7a.jpg\n", "git annex get"),
    ],
)
def test_a_pointer_to_an_image_that_was_not_fetched_is_told_for_what_it_is(
    tmp_path: Path, text: bytes, command: str
) -> None:
    (tmp_path / "cat.jpg").write_bytes(text)
    with pytest.raises(UndecodableError, match=rf"not downloaded: a pointer of .* \({command}\)"):
        decode(tmp_path / "cat.jpg", 32)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "I;16", "F"])
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_stay_black_and_white_in_every_mode(tmp_path: Path, mode: str, level: int) -> None:
    file = tmp_path / "image.tiff"
    plain = Image.new("L", (8, 8), level)
    if mode == "I;16":
        Image.fromarray(np.full((8, 8), level * 257, np.uint16)).save(file)
    else:
        plain.convert("RGB").convert(mode).save(file)
    assert decode(file, 4).pixels == pytest.approx(np.full((4, 4, 3), level), abs=1)


@pytest.mark.real_data
@pytest.mark.parametrize("size", [96, 160])
def test_pixels_are_those_of_a_plain_keras_loop(real_data: Path, size: int) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    for file in sorted((real_data / "cats_dogs/test/cats").iterdir())[:20]:
        image = tensorflow.io.decode_jpeg(file.read_bytes(), channels=3, dct_method="INTEGER_ACCURATE")
        expected = tensorflow.image.resize(image, (size, size)).numpy()
        assert np.abs(decode(file, size).pixels - expected).max() < 1.001  # Pillow cuts fractions off


@pytest.mark.real_data
def test_pixels_of_photographs_are_near_those_of_keras_which_decodes_them_less_exactly(real_data: Path) -> None:
    """Keras' function cannot be told to decode exactly: docs/data-sets.md says how far it is off."""
    keras, _ = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    folder = real_data / "cats_dogs/test/cats"
    (expected,) = keras.utils.image_dataset_from_directory(
        folder, labels=None, image_size=(96, 96), shuffle=False, verbose=False, batch_size=10_000
    )
    files = sorted(folder.iterdir())
    away = np.abs(np.stack([decode(file, 96).pixels for file in files]) - expected.numpy())
    assert away.max() < 5
    assert 0.5 < away.mean() < 1.1


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_pixels_are_those_of_keras_whatever_becomes_of_the_aspect_ratio(tmp_path: Path, resize: Resize) -> None:
    keras, _ = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    random = np.random.default_rng(0)
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for file, shape in zip(files, [(61, 97), (97, 61), (40, 40), (30, 200), (33, 50)], strict=True):
        Image.fromarray(random.integers(0, 256, (*shape, 3), np.uint8)).save(file)
    asked = {"stretch": {}, "crop": {"crop_to_aspect_ratio": True}, "pad": {"pad_to_aspect_ratio": True}}
    for size in [(32, 32), (24, 40), (41, 23)]:
        (expected,) = keras.utils.image_dataset_from_directory(
            tmp_path, labels=None, image_size=size, shuffle=False, verbose=False, **asked[resize]
        )
        pixels = np.stack([decode(file, size, resize).pixels for file in files])
        assert pixels.shape == (5, *size, 3)
        assert np.abs(pixels - expected.numpy()).max() < 1.001  # Pillow cuts fractions off


def test_of_a_picture_that_is_far_too_long_a_line_is_left(tmp_path: Path) -> None:
    """Where Keras' own function fails."""
    Image.new("RGB", (200, 3), "white").save(tmp_path / "line.png")
    pixels = decode(tmp_path / "line.png", (9, 8), "pad").pixels
    assert (pixels.max(axis=(1, 2)) > 0).sum() == 1


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    picture = Image.new("RGB", (16, 16), "black")
    picture.paste("white", (0, 0, 16, 8))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: the upper half becomes the right half
    picture.save(tmp_path / "turned.png", exif=exif)
    pixels = decode(tmp_path / "turned.png", 16).pixels
    assert pixels[:, 12:].min() > 250
    assert pixels[:, :4].max() < 5


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert decode(tmp_path / "clear.png", 4).pixels.min() == 255


def saved(file: Path, values: np.ndarray) -> Path:
    Image.fromarray(values).save(file)
    return file


@pytest.mark.parametrize(
    ("values", "suffix", "white"),
    [
        (np.linspace(0, 1, 64, dtype=np.float32), "tiff", 1),
        (np.linspace(0, 255, 64, dtype=np.float32), "tiff", 255),
        (np.linspace(0, 60000, 64, dtype=np.float32), "tiff", 65535),
        (np.linspace(0, 250, 64).astype(np.int32), "tiff", 255),
        (np.linspace(0, 2**31 - 1, 64).astype(np.int32), "tiff", 2**31 - 1),
        (np.linspace(0, 9000, 64).astype(np.uint16), "png", 65535),
        (np.linspace(0, 65535, 64).astype(np.uint16), "tiff", 65535),
    ],
)
def test_gray_values_are_scaled_by_their_range(tmp_path: Path, values: np.ndarray, suffix: str, white: float) -> None:
    pixels = decode(saved(tmp_path / f"image.{suffix}", values.reshape(8, 8)), 8).pixels
    expected = values.reshape(8, 8).astype(float) / white * 255
    assert np.abs(pixels - expected[..., None]).max() <= 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.linspace(0, 300, 64).astype(np.uint16), "its values go up to 300 of 65535, practically black"),
        (np.linspace(-5, 5, 64, dtype=np.float32), "its values range from -5 to 5, so white is unknown"),
        (np.linspace(0, 1e9, 64, dtype=np.float32), "its values go up to 1e+09, so white is unknown"),
        (np.full(64, np.nan, np.float32), "some of its values are not finite"),
    ],
)
def test_what_would_be_black_or_has_no_white_is_skipped_with_the_reason(
    tmp_path: Path, values: np.ndarray, reason: str
) -> None:
    with pytest.raises(UndecodableError, match=reason.replace("+", r"\+")):
        decode(saved(tmp_path / "image.tiff", values.reshape(8, 8)), 8)


def test_pixels_of_any_png_are_those_of_keras(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    random = np.random.default_rng(0)
    colours = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    images = {
        "gray 16": Image.fromarray(random.integers(0, 65536, (8, 8)).astype(np.uint16)),
        "gray": colours.convert("L"),
        "1 bit": colours.convert("1"),
        "palette": colours.convert("P"),
        "colours": colours,
    }
    for name, image in images.items():
        image.save(tmp_path / "image.png")
        expected = tensorflow.io.decode_image((tmp_path / "image.png").read_bytes(), channels=3).numpy()
        assert np.abs(decode(tmp_path / "image.png", 8).pixels.astype(int) - expected).max() <= 1, name


def test_transparency_of_a_palette_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "palette.png", transparency=1)
    assert decode(tmp_path / "palette.png", 4).pixels.min() == 255


def test_a_damaged_picture_is_named_whatever_its_decoder_raises(
    tmp_path: Path, bad_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = bad_files.parent / "cases/files/damaged_avif.jpg"
    with pytest.raises(UndecodableError, match=r"damaged image|not an image"):
        decode(damaged, 8)
    Image.new("RGB", (8, 8)).save(tmp_path / "image.png")
    for kind in (RuntimeError, TypeError, KeyError, struct.error, MemoryError, OverflowError, NotImplementedError):
        monkeypatch.setattr(Image.Image, "load", Mock(side_effect=kind("two\nlines")))
        with pytest.raises(UndecodableError, match=r"^damaged image \(.*two.*lines.*\)$"):
            decode(tmp_path / "image.png", 8)


@pytest.mark.parametrize("format", ["EPS", "PDF", "TGA", "ICO", "PCX"])
def test_other_formats_are_not_opened_whatever_the_file_is_called(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "image.jpg", format)
    monkeypatch.setattr(subprocess, "Popen", Mock(side_effect=AssertionError("a program was started")))
    with pytest.raises(UndecodableError, match="not an image"):
        decode(tmp_path / "image.jpg", 8)


def test_a_huge_or_special_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(64 * 2**30)
    with pytest.raises(UndecodableError, match=r"it has more than 512 MiB"):
        decode(tmp_path / "huge.jpg", 8)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "zero.jpg"):
        with pytest.raises(UndecodableError, match="no regular file"):
            decode(tmp_path / name, 8)


def test_heic_is_read_where_pillow_heif_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "photo.heic"
    file.write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.cache_clear()
    with pytest.raises(UndecodableError, match="HEIC, which needs pillow-heif"):
        decode(file, 8)

    class Opened(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self) -> None:
            self._mode, self._size = "RGB", (8, 8)

        def load(self) -> None:
            self.im = Image.new("RGB", (8, 8)).im

    def register() -> None:  # as pillow_heif's own does
        Image.register_open("HEIF", Opened, lambda start: b"ftyphei" in start)

    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=register))
    formats.cache_clear()
    assert decode(file, 8).pixels.shape == (8, 8, 3)
    formats.cache_clear()


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UndecodableError, match="cannot be read"):
        decode(tmp_path / "none.jpg", 8)
