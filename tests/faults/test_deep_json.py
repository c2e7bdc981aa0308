"""JSON with more lists in each other than Python can follow is refused wherever a file of others has some."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tlbench.backbones import saved
from tlbench.backbones.class_names import FILE, class_names
from tlbench.cache.manifest import MANIFEST, DamagedError, read_manifest
from tlbench.cli.inspect import _scaling, settings_of
from tlbench.core.errors import UserError
from tlbench.datasets.huggingface import _features
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule
from tlbench.measuring.readings import recent_readings

DEEP = "[" * 100_000


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def lines_of_a_table(folder: Path) -> None:
    read_images(written(folder, metadata__jsonl=f'{{"file_name": "a.png", "label": "cat"}}\n{DEEP}'), SplitRule())


def first_line_of_a_table(folder: Path) -> None:
    read_images(written(folder, metadata__jsonl=DEEP), SplitRule())


def a_tensorflow_data_set(folder: Path) -> None:
    read_images(written(folder, features__json=DEEP, dataset_info__json="{}"), SplitRule())


def a_saved_model(folder: Path) -> None:
    with zipfile.ZipFile(folder / "mine.keras", "w") as archive:
        archive.writestr("config.json", DEEP)
    saved.backbone(folder / "mine.keras", None)


def names_of_classes(folder: Path) -> None:
    class_names(written(folder, **{FILE.replace(".", "__"): DEEP}))


def a_scaling(folder: Path) -> None:
    del folder
    _scaling(f'{{"scale": {DEEP}')


@pytest.mark.parametrize(
    "read",
    [lines_of_a_table, first_line_of_a_table, a_tensorflow_data_set, a_saved_model, names_of_classes, a_scaling],
)  # fmt: skip
def test_a_file_of_others_is_refused_in_a_sentence(read: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        read(tmp_path)
    assert len(str(refused.value).splitlines()) == 1


def test_what_can_be_done_without_is_left_out(tmp_path: Path) -> None:
    assert _features(SimpleNamespace(metadata={b"huggingface": DEEP.encode()})) == {}
    assert recent_readings(written(tmp_path, key__json=DEEP), "key") == ()
    assert settings_of([f"alpha={DEEP}"]) == {"alpha": DEEP}
    with pytest.raises(DamagedError, match="its manifest cannot be read"):
        read_manifest(written(tmp_path, **{MANIFEST.replace(".", "__"): DEEP}))
