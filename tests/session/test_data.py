"""A folder of images is looked over whole, whatever is wrong with it: one trouble hides no other."""

import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tlbench.cli import init
from tlbench.cli.data import command
from tlbench.core.errors import UserError
from tlbench.datasets.image_folder import read_folder
from tlbench.datasets.layout import SplitRule
from tlbench.reporting.views.folder import FINE, screen
from tlbench.session.data import check, move_bad
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite


def pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(len(folder.parts) * 1000 + number).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{folder.name}{number}.png")


@pytest.mark.parametrize("split", [True, False], ids=["splits", "classes alone"])
def test_a_class_without_a_file_hides_no_other_trouble(tmp_path: Path, split: bool) -> None:
    for place in ("train", "test") if split else ("",):
        for name, count in (("cats", 12), ("dogs", 12), ("foxes", 0)):
            pictures(tmp_path / place / name, count)
    broken = tmp_path / ("train" if split else "") / "cats" / "broken.jpg"
    broken.write_bytes(b"no image")
    found = check(None, tmp_path, None)
    assert [one.reason for one in found.undecodable] != []
    assert {name for of in found.counts.values() for name, count in of.items() if not count} == {"foxes"}
    assert not found.clean
    said = screen(found)
    words, folders = " ".join(said.split()), ["train", "test"] if split else ["."]
    where = ", ".join(f"'foxes' in {tmp_path / folder}" for folder in folders)
    be, what = ("classes {} are", "folders") if split else ("class {} is", "folder")
    assert f"a run is refused: {be.format(where)} empty; put images there or remove the {what}" in words
    assert "once the other splits are drawn" not in words
    assert "--move-bad" in said or "broken.jpg" in said
    with pytest.raises(UserError, match=r"class 'foxes' in .* is empty"):
        read_folder(tmp_path, SplitRule())


def test_a_class_too_small_to_draw_from_is_counted_as_it_is(tmp_path: Path) -> None:
    pictures(tmp_path / "cats", 12)
    pictures(tmp_path / "dogs", 1)
    found = check(None, tmp_path, None)
    assert sum(of["dogs"] for of in found.counts.values()) == 1
    assert found.empty == ("'dogs' in train", "'dogs' in validation")
    said = " ".join(screen(found).split())
    assert "a run is refused: there is no decodable image of class 'dogs' in train, 'dogs' in validation" in said
    assert "once the other splits are drawn from it; add some" in said
    assert "test has 3 images" in said


def test_a_folder_given_as_a_name_is_told_its_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my pets").mkdir()
    with pytest.raises(UserError, match=r"no data set 'my pets'; for the folder of that name write --path 'my pets'"):
        check("my pets", None, None)
    with pytest.raises(UserError, match="no data set 'intl'; did you mean 'intel'"):
        check("intl", None, None)


def test_a_data_folder_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"the data folder .*/nowhere does not exist; correct .* or TLBENCH_DATA"):
        check("cats_dogs", None, tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"data set cats_dogs is not in .*/cats_dogs"):
        check("cats_dogs", None, tmp_path)


def test_what_is_said_after_files_were_moved_is_of_those_that_are_left(tmp_path: Path) -> None:
    for place in ("cats", "dogs/other"):
        pictures(tmp_path / "pets" / place, 12)
    (tmp_path / "pets/cats/broken.jpg").write_bytes(b"no image")
    arguments = ["check", "--path", str(tmp_path / "pets"), "--move-bad", str(tmp_path / "bad")]
    said = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert said.return_value == 0
    assert said.stdout.startswith(f"1 file moved to {tmp_path / 'bad'}, each under its path; what is left:")
    assert FINE in said.stdout
    assert "--move-bad" not in said.stdout
    assert (tmp_path / "bad/cats/broken.jpg").exists()


def test_the_command_that_is_named_next_reads_the_images_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {"cats": "cat", "more/dogs": "dog"}
    for name in folders:
        pictures(tmp_path / name, 30)
    files = [(f"{name}/{label}s{number}.png", label) for name, label in folders.items() for number in range(30)]
    Path("of pets.csv").write_text("the file,class\n" + "".join(f"{file},{label}\n" for file, label in files))
    options = ["--image", "the file", "--label", "class", "--classes", "dog,cat", "--splits", "none"]
    said = CliRunner().invoke(command, ["check", "--path", "of pets.csv", *options], standalone_mode=False).stdout
    named = re.search("Next: `tlbench init (.*)` writes a suite", said)
    assert named is not None
    words = shlex.split(named[1])
    assert words[0] == "of pets.csv"
    assert sorted(words[1:]) == sorted(options)
    told = CliRunner().invoke(init.command, words, standalone_mode=False)
    assert told.stdout.startswith("Wrote suite.yaml: 2 classes (dog, cat); 60 files: ")
    checked = next(line for line in told.stdout.splitlines() if "data check" in line).partition("  #")[0]
    assert sorted(shlex.split(checked)) == sorted(["tlbench", "data", "check", "--path", *words])
    (cell, *_) = expand(load_suite(Path("suite.yaml")))
    assert cell.dataset.args == {"image": "the file", "label": "class", "splits": "none", "classes": '["dog", "cat"]'}


def test_named_splits_reach_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("Lehre", "Probe"):
        for name in ("cats", "dogs: 1, 2"):
            pictures(tmp_path / "pets" / split / name, 12)
    words = ["pets", "--splits", "train=Lehre,test=Probe"]
    assert "24 train" not in CliRunner().invoke(init.command, words, standalone_mode=False).stdout
    (cell, *_) = expand(load_suite(Path("suite.yaml")))
    assert json.loads(str(cell.dataset.args["splits"])) == {"train": "Lehre", "test": "Probe"}
    with pytest.raises(UserError, match="--label is about reading images; name their folder, or the file"):
        CliRunner().invoke(init.command, ["--label", "a"], standalone_mode=False, catch_exceptions=False)


def test_two_bad_files_that_are_shown_alike_are_both_moved(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        pictures(tmp_path / "images" / name, 12)
    bad = {os.fsdecode(b"caf\xe9.jpg"), "caf\\xe9.jpg"}
    for name in bad:
        (tmp_path / "images" / "cats" / name).write_bytes(b"no image")
    assert len(move_bad(check(None, tmp_path / "images", None), tmp_path / "bad")) == 2
    assert {path.name for path in (tmp_path / "bad" / "cats").iterdir()} == bad
