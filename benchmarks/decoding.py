"""Decoding photographs: tlbench beside the disk, libjpeg-turbo alone and Keras' own reading; images a second, in turn.

    TLBENCH_DATA=... python -m benchmarks.decoding [--dataset cats_dogs] [--size 160] [--rounds 5]

All sides take the same files with all cores. `disk`: the bytes are read after the kernel was told to forget them.
`libjpeg-turbo`: bytes in memory are decoded by Pillow to RGB at full size, which every exact way has to do; `reduced`:
the same at the smallest scale of the DCT that is not below the wanted size (draft mode), which gives other pixels; how
far from tlbench's is printed. `tlbench`: all that `prepare` does, into an empty cache. `Keras`: one pass over
image_dataset_from_directory. Each has its median over the rounds, and the median of its time over tlbench's.
"""

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlbench.core.cell import Limit, Named
from tlbench.datasets.decode import decode
from tlbench.datasets.prepare import prepare
from tlbench.host.resources import usable_cores

TRAIN = "train"


def from_disk(files: Sequence[Path]) -> None:
    """Read them all, with none of them in memory."""
    for file in files:
        with file.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            stream.read()


def full(content: bytes) -> None:
    """Decode a JPEG at its own size."""
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").load()


def reduced(content: bytes, size: int) -> NDArray[np.uint8]:
    """Decode a JPEG at a scale of the DCT, and sample `size` x `size` of it."""
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (size, size))
        scale = (image.width / size, 0, 0, 0, image.height / size, 0)
        small = image.convert("RGB")
    return np.asarray(small.transform((size, size), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR))


def by_keras(folder: Path, size: int) -> None:
    """One pass, batches of 32."""
    import keras

    for _ in keras.utils.image_dataset_from_directory(folder, image_size=(size, size), shuffle=False, verbose=False):
        pass


def by_tlbench(dataset: str, folder: Path, size: int) -> None:
    """Into an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        limit = Limit(validation=1, test=1)
        prepare(Named(name=dataset), limit, size, root=None, path=folder, cache=Path(cache), fallback_synthetic=False)


def turns(sides: Sequence[tuple[str, Callable[[], object]]], rounds: int) -> Iterator[dict[str, float]]:
    """Seconds of each side; each round begins with another one."""
    for turn in range(rounds):
        shift = turn % len(sides)
        taken = {}
        for name, run in (*sides[shift:], *sides[:shift]):
            begin = time.perf_counter()
            run()
            taken[name] = time.perf_counter() - begin
        yield taken


def main() -> None:
    """Print a Markdown row for each side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="cats_dogs")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    folder = Path(os.environ["TLBENCH_DATA"]).resolve() / asked.dataset
    files = sorted((folder / TRAIN).rglob("*.jpg"))
    contents = [file.read_bytes() for file in files]
    by_keras(folder / TRAIN, asked.size)  # imports and the first trace are not decoding
    with ThreadPoolExecutor(usable_cores()) as pool:
        sides = (
            ("disk", lambda: from_disk(files)),
            ("libjpeg-turbo", lambda: list(pool.map(full, contents))),
            ("reduced", lambda: list(pool.map(lambda each: reduced(each, asked.size), contents))),
            ("tlbench", lambda: by_tlbench(asked.dataset, folder, asked.size)),
            ("Keras", lambda: by_keras(folder / TRAIN, asked.size)),
        )
        taken = list(turns(sides, asked.rounds))
    print(f"{len(files)} images of {asked.dataset}, {sum(map(len, contents)) / 1e6:.0f} MB, to {asked.size} px")
    print("| Side | Images a second | Its time over tlbench's |\n|:--|--:|--:|")
    for name, _ in sides:
        speed = len(files) / median(each[name] for each in taken)
        print(f"| {name} | {speed:.0f} | {median(each[name] / each['tlbench'] for each in taken):.2f} |")
    apart = [
        np.abs(reduced(content, asked.size).astype(int) - decode(file, asked.size).pixels)
        for file, content in list(zip(files, contents, strict=True))[:100]
    ]
    print(f"reduced: {np.mean(apart):.1f} of 255 from tlbench's pixels on average, {np.max(apart)} at most")


main()
