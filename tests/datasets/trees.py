"""Trees of files as people have them, drawn by hypothesis: layouts, names, links, kinds, formats, damage."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

Write = Callable[[Path], None]
TRAIN, TEST, VALIDATION = ["train", "Training", "seg_train"], ["test", "Test", "eval"], ["val", "dev", "Valid"]
BESIDE = ["holdout2", ".git", "__MACOSX", "train_old"]
CLASSES = ["cat", "dog", "train", "caf\u00e9", "cafe\u0301", os.fsdecode(b"\xe9t\xe9"), "a b", "x|y<b>", "line\nbreak"]
NAMES = [
    "a.jpg",
    "b.PNG",
    "c",
    ".hidden.jpg",
    "Thumbs.db",
    os.fsdecode(b"\xff.jpg"),
    "d\u0301.png",
    "::error::.gif",
    "-e.tif",
]
FOLDERS = ["", "", "", "deep/", "deep/er/", ".cache/", "@eaDir/"]


@dataclass(frozen=True)
class Tree:
    """What to make, by relative path."""

    entries: Mapping[str, Write]

    def make(self, root: Path) -> None:
        """Make it; what cannot be there beside what is there already is left out."""
        for place, write in self.entries.items():
            try:
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                write(root / place)
            except OSError:
                continue


def picture(mode: str, format: str, size: tuple[int, int], level: int) -> Write:
    """A picture of noise around a level."""
    noise = np.random.default_rng(level).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    if mode == "F":
        image = Image.fromarray((noise[..., 0] / (1.0 if level % 2 else 255.0)).astype(np.float32))
    elif mode == "I;16":
        image = Image.fromarray(noise[..., 0].astype(np.uint16) * (257 if level % 2 else 1))
    else:
        image = image.convert(mode)
    stream = BytesIO()
    image.save(stream, format)
    return lambda path: void(path.write_bytes(stream.getvalue()))


def void(_: object) -> None:
    """Nothing of what a call returns."""


def _damaged(whole: Write, at: float) -> Write:
    def write(path: Path) -> None:
        whole(path)
        content = bytearray(path.read_bytes())
        place = int(at * len(content))
        content[place : place + 20] = b"\xff" * 20
        path.write_bytes(content if at < 0.5 else content[:place])

    return write


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**36)


MODES = [("RGB", "JPEG"), ("L", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG"),
         ("I;16", "PNG"), ("I;16", "TIFF"), ("F", "TIFF"), ("RGB", "BMP"), ("P", "GIF"), ("RGB", "WEBP"), ("RGB", "EPS"),
         ("RGB", "TGA")]  # fmt: skip
pictures = st.builds(
    lambda kind, width, height, level: picture(kind[0], kind[1], (width, height), level),
    st.sampled_from(MODES), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99),
)  # fmt: skip
sound = st.builds(lambda level: picture("RGB", "PNG", (5, 4), level), st.integers(0, 999))
odd: st.SearchStrategy[Write] = st.one_of(
    st.builds(_damaged, pictures, st.floats(0, 1)),
    st.binary(max_size=40).map(lambda content: lambda path: void(path.write_bytes(content))),
    st.sampled_from(["/dev/zero", "nowhere", ".", "..", "../..", "a.jpg", "../dog"]).map(
        lambda target: lambda path: path.symlink_to(target)
    ),
    st.just(lambda path: os.mkfifo(path)),
    st.just(_sparse),
    st.just(lambda path: path.mkdir()),
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A data set that could be read, with anything among its files."""
    classes = draw(st.lists(st.sampled_from(CLASSES), min_size=2, max_size=3, unique=True))
    layout = draw(st.sampled_from(["flat", "train", "train test", "train test", "all", "doubled"]))
    named = {"flat": [[""]], "train": [TRAIN], "train test": [TRAIN, TEST], "all": [TRAIN, VALIDATION, TEST]}
    splits = [draw(st.sampled_from(names)) for names in named.get(layout, [TRAIN, TEST])]
    entries: dict[str, Write] = {}
    for split in splits:
        prefix = f"{split}/{split}/" if layout == "doubled" else f"{split}/" if split else ""
        for name in classes:
            for number in range(draw(st.integers(3, 6))):
                entries[f"{prefix}{name}/{number}"] = draw(sound)
            for _ in range(draw(st.integers(0, 2))):
                place = draw(st.sampled_from(FOLDERS)) + draw(st.sampled_from(NAMES))
                entries[f"{prefix}{name}/{place}"] = draw(st.one_of(pictures, odd))
        if draw(st.booleans()):
            entries[prefix + draw(st.sampled_from(NAMES))] = draw(st.one_of(pictures, odd))
    for _ in range(draw(st.integers(0, 2))):
        entries[f"{draw(st.sampled_from(BESIDE))}/{draw(st.sampled_from(NAMES))}"] = draw(st.one_of(pictures, odd))
    return Tree(entries)
