"""The part of a program in plain Keras that reads the images of a cell. Pure.

Words in capitals in braces, such as ``{RESIZED}``, are placeholders.
"""

from collections.abc import Iterable

from tlbench.core.image_size import Resize
from tlbench.datasets.names import SPLITS
from tlbench.results.images import DataProvenance

RESIZED: dict[Resize, str] = {
    "stretch": 'keras.ops.image.resize(image, SIZE, interpolation="bilinear")',
    "crop": 'keras.ops.image.resize(image, SIZE, interpolation="bilinear", crop_to_aspect_ratio=True)',
    "pad": "tf.image.resize_with_pad(image, *SIZE)",
}
"""Resizing as in `keras.utils.image_dataset_from_directory`."""
IMAGES = '''
def decoded(file):
    """An image upright, in RGB, on white where it is transparent."""
    image = ImageOps.exif_transpose(Image.open(file))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return np.asarray(image.convert("RGB"), "float32")


def relative(path):
    """A path below the folder of the data set, as `LEFT_OUT` has it."""
    return path.relative_to(DATA).as_posix()


def is_read(path, end=""):
    """Whether a file, or a folder with the end "/", was neither hidden nor left out in training."""
    return not path.name.startswith(".") and relative(path) + end not in LEFT_OUT


def files(folder):
    """The images of a class, at any depth, in the order of their names. Linked folders are followed."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if is_read(Path(place, name), "/")]
        found += [Path(place, name) for name in names if is_read(Path(place, name))]
    return sorted(found, key=Path.as_posix)

{DRAWN}
def images(split):
    """Pixels (N, *SIZE, 3) from 0 to 255, and labels (N,)."""
    pixels, labels = [], []
    for label, name in enumerate(CLASSES):
        for file in {MEMBERS}[: LIMIT[split]]:
            image = decoded(file)
            pixels.append({RESIZED})
            labels.append(label)
    if len(labels) != COUNTS[split]:
        print(f"{split}: {len(labels)} images in {DATA.absolute()}, where the run had {COUNTS[split]}")
    return np.stack(pixels), np.array(labels)


train, validation, test = (images(split) for split in ("train", "validation", "test"))
'''
DRAWN = '''
def members(split, name):
    """The images of a class in a split. Those that are no folders are drawn from train, as tlbench draws them."""
    own = "train" if split in DRAWN else split
    every = files(DATA / SPLITS[own] / name)
    if own != "train":
        return [file for file in every if relative(file) not in UNDECODABLE]
    left = sorted(every, key=lambda file: sha256(os.fsencode(f"{DRAW_SEED}:{relative(file)}")).hexdigest())
    for one, share in DRAWN.items():
        count = max(1, round(share * len(every)))
        drawn, left = left[:count], left[count:]
        if one == split:
            left = drawn
            break
    return [file for file in sorted(left, key=Path.as_posix) if relative(file) not in UNDECODABLE]

'''


def why_not(data: DataProvenance) -> str:
    """Why a program cannot read these images; empty if it can."""
    if data.source == "synthetic":
        return "its images were drawn by code and are in no files"
    if any(origin.file for origin in data.splits.values()):
        return "its images are listed in a table, or in other files"
    return ""


def constants(data: DataProvenance) -> str:
    """The lines that say which folders and files are read as what."""
    folders = {split: data.splits[split].folder if split in data.splits else split for split in SPLITS}
    counts = {split: sum(data.counts.get(split, {}).values()) for split in SPLITS}
    lines = [f"SPLITS = {folders!r}", f"COUNTS = {counts!r}  # images of the run"]
    shares = _drawn(data)
    if not shares:
        return "\n".join([*lines, f"LEFT_OUT = {_set(one.path for one in data.skipped)}"])
    seed = next(data.splits[split].seed for split in shares)
    return "\n".join(
        [
            *lines,
            f"DRAWN, DRAW_SEED = {shares!r}, {seed!r}  # of the training images of each class",
            f"LEFT_OUT = {_set(one.path for one in data.skipped if not one.split)}",
            f"UNDECODABLE = {_set(one.path for one in data.skipped if one.split)}",
        ]
    )


def functions(data: DataProvenance, resize: Resize) -> str:
    """The functions that read the images, and the call of them."""
    drawn = bool(_drawn(data))
    code = IMAGES.replace("{DRAWN}", DRAWN if drawn else "")
    code = code.replace("{MEMBERS}", "members(split, name)" if drawn else "files(DATA / SPLITS[split] / name)")
    return code.replace("{RESIZED}", RESIZED[resize])


def imports(data: DataProvenance) -> list[str]:
    """The lines of the standard library that `functions` need."""
    return ["import os", *(["from hashlib import sha256"] if _drawn(data) else [])]


def _drawn(data: DataProvenance) -> dict[str, float]:
    """The shares of train that were drawn for other splits, in the order of drawing."""
    shares = {split: data.splits[split].drawn for split in ("test", "validation") if split in data.splits}
    return {split: share for split, share in shares.items() if share is not None}


def _set(names: Iterable[str]) -> str:
    """A set as code, a name a line."""
    every = sorted(names)
    return "{\n" + "".join(f"    {name!r},\n" for name in every) + "}" if every else "set()"
