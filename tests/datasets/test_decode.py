"""Every file of the trouble collection either decodes or says why not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlbench.datasets.decode import UndecodableError, decode, quiet

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


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UndecodableError, match="cannot be read"):
        decode(tmp_path / "none.jpg", 8)
