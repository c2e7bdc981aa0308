"""What a user may do wrong gets one clear sentence and its exit code; what needs no Keras does not load it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import TINY, Command, environment, tlbench_in
from tlbench.session import doctor

PLAYED_NOISE = """\
from tlbench.execution import server
from tlbench.session import doctor
server.PRELOAD, doctor.REFERENCE_READINGS = "tests.light_preload", "tests.targets:played_readings"
"""
SMALL = str(Path(__file__).parents[2] / "suites" / "small.yaml")


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["run", "--help"],
        ["plan", SMALL],
        ["plan", SMALL, "--json"],
        ["list", "backbones"],
        ["data", "list"],
        ["doctor"],
    ],
)
def test_neither_a_framework_nor_what_only_judging_needs_is_imported(place: Path, args: list[str]) -> None:
    program = (
        "import sys, atexit\n"
        "def loaded():\n"
        "    print('LOADED', sorted({'keras', 'tensorflow', 'jax', 'torch', 'scipy', 'pandas'} & set(sys.modules)), file=sys.stderr)\n"
        "atexit.register(loaded)\n"
        f"{PLAYED_NOISE if args == ['doctor'] else ''}"
        f"from tlbench.cli import main; main({args!r})\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=place, env=environment(place), capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout
    assert "LOADED []" in said.stderr


def test_doctor_measures_how_steady_the_machine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(doctor, "NOISE_SECONDS", 0.1)
    device, check = (one for one in doctor.examine(noise=True) if one.name in ("device", "noise"))
    assert " computes on " in device.found
    (kept,) = (tmp_path / "reference").iterdir()
    assert f" over {len(json.loads(kept.read_text()))} runs of " in check.found


def test_plan_lists_the_cells(tlbench: Command) -> None:
    said = tlbench("plan", "tiny.yaml")
    assert "2 cells, 0 done." in said.stdout
    rows = json.loads(tlbench("plan", "tiny.yaml", "--json", "--select", "strategy=full").stdout)
    assert [row["cell"]["strategy"]["name"] for row in rows] == ["full"]
    assert rows[0]["done"] is False


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("name: MobileNet,", "name: MobilNet,"), "tiny.yaml:3:12: backbones: there is no backbone 'MobilNet'; did you mean 'MobileNet'?"),
        (("epochs: 2", "epochs: -2"), "tiny.yaml:6:17: train.epochs: -2 is too small; it must be at least 1"),
        (("image_size", "imagesize"), "tiny.yaml:5:1: unknown key 'imagesize'; did you mean 'image_size'?"),
        (("path: shapes", "path: elsewhere"), "elsewhere does not exist"),
        (("path: shapes", "path: shapes/train/bars"), "has no class folders"),
    ],
)  # fmt: skip
def test_a_wrong_suite(place: Path, tlbench: Command, change: tuple[str, str], sentence: str) -> None:
    (place / "tiny.yaml").write_text(TINY.replace(*change))
    said = tlbench("run", "tiny.yaml")
    assert said.returncode == 64
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
    assert said.stderr.strip().count("\n") == 0
    assert not (place / "results").exists()


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (["run", "none.yaml"], 64, "the suite file none.yaml does not exist"),
        (["run"], 64, "Missing argument 'SUITE'"),
        (["rnu", "tiny.yaml"], 64, "No such command 'rnu'"),
        (["run", "tiny.yaml", "--select", "strategy=frosen"], 64, "matches none of the 2 cells"),
        (["run", "tiny.yaml", "--data", "nowhere"], 64, "the data folder nowhere does not exist; correct --data"),
        (["report", "nowhere"], 3, "nowhere does not exist"),
        (["report", "shapes"], 3, "is not the folder of a run"),
        (["inspect", "VGG20"], 64, "there is no backbone 'VGG20'; did you mean 'VGG"),
        (["inspect", "MobileNet", "--strategy", "partial"], 64, "exactly one of trainable, frozen_layers, from_layer"),
        (["inspect", "MobileNet", "--set", "alpha"], 64, "not of the form key=value"),
        (["inspect", "Xception", "--image-size", "32"], 64, "needs at least 71"),
        (["data", "check", "cats_dog"], 64, "did you mean 'cats_dogs'"),
        (["data", "check", "intel"], 64, "Kaggle"),
        (["data", "get", "intel"], 64, "no open download"),
        (["data", "get", "cats_dogs"], 64, "TLBENCH_OFFLINE is set"),
    ],
)
def test_a_wrong_command(place: Path, tlbench: Command, args: list[str], code: int, sentence: str) -> None:
    if "--data" in args:
        (place / "tiny.yaml").write_text(TINY.replace("{name: shapes, path: shapes}", "cats_dogs"))
    said = tlbench(*args)
    assert (said.returncode, "Traceback" in said.stderr) == (code, False), said.stderr
    assert sentence in said.stderr


def test_a_run_without_records_exits_3(place: Path, tlbench: Command) -> None:
    (place / "run").mkdir()
    run = {"schema_version": 1, "suite": "tiny", "cells": [], "created": "2026-01-01T00:00:00Z", "tlbench": "0"}
    (place / "run/run.json").write_text(json.dumps(run))
    said = tlbench("report", "run")
    assert said.returncode == 3
    assert "has no records yet" in said.stderr


def test_a_folder_that_cannot_be_made_is_one_sentence(place: Path, tlbench: Command) -> None:
    (place / "results").write_text("a file where the folder belongs")
    said = tlbench("run", "tiny.yaml")
    assert (said.returncode, "Traceback" in said.stderr) == (64, False)
    assert "results/tiny" in said.stderr
    assert "Traceback" in tlbench("--debug", "run", "tiny.yaml").stderr


def test_a_reader_that_goes_away_is_no_error(place: Path) -> None:
    said = subprocess.run(
        f"{sys.executable} -m tlbench plan {SMALL} --json | head -c 1",
        shell=True, cwd=place, env=environment(place), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    told = [line for line in said.stderr.splitlines() if not line.startswith("note ImageNet weights of")]
    assert (said.stdout, told) == ("[", [])


def test_a_folder_with_one_class_and_an_empty_class(place: Path, tlbench: Command) -> None:
    for file in (place / "shapes/validation/bars").iterdir():
        file.unlink()
    said = tlbench("run", "tiny.yaml")
    assert said.returncode == 64
    assert "class 'bars' in" in said.stderr
    (place / "shapes/validation/bars").rmdir()
    assert "has only one class, 'stripes'" in tlbench("run", "tiny.yaml").stderr


@pytest.mark.real_data
def test_the_trouble_collection_among_the_images(place: Path, tlbench: Command, bad_files: Path) -> None:
    files = [path for path in sorted(bad_files.rglob("*")) if path.is_file()]
    for file in files:
        (place / "shapes/train/bars" / file.name.replace("cats_dogs__test_set_cats__", "")).write_bytes(
            file.read_bytes()
        )
    refused = tlbench("run", "tiny.yaml")
    assert refused.returncode == 64
    assert "files in train cannot be decoded as images, more than 5%" in refused.stderr
    checked = json.loads(tlbench("data", "check", "--path", "shapes", "--json").stdout)
    named = {Path(one["path"]).name for one in [*checked["undecodable"], *checked["left_out"]]}
    assert named == {
        "DS_Store", "Thumbs.db", "666.jpg", "11702.jpg", "html_error_page.jpg", "pillow__broken.png",
        "pillow__broken_data_stream.png", "pillow__truncated_image.png", "pillow__truncated_jpeg.jpg",
    }  # fmt: skip


def test_data_check_says_what_is_read_and_moves_the_bad_ones_away(place: Path, tlbench: Command) -> None:
    (place / "shapes/train").rename(place / "shapes/Train")
    (place / "shapes/validation").rename(place / "shapes/Holdout-2")
    (place / "shapes/Train/bars/.cache").mkdir()
    bad = place / "shapes/Train/bars" / os.fsdecode(b"\xe9.jpg")
    bad.write_bytes(b"x")
    said = tlbench("data", "check", "--path", "shapes")
    assert (said.returncode, said.stderr) == (2, "")
    for line in (
        "Train/", "15 % of Train/, drawn (seed 0)", "test/", "  Holdout-2/: folder beside the splits",
        "  Train/bars/.cache/: hidden", r"  Train/bars/\xe9.jpg: not an image", "--move-bad DIR",
        "Holdout-2/ is not read as a split; if it is one, name it in the suite",
    ):  # fmt: skip
        assert line in said.stdout
    assert said.stdout.count("\n") < 40
    refused = tlbench("data", "check", "--path", "shapes", "--move-bad", "shapes/bad")
    assert (refused.returncode, "lies in the data set" in refused.stderr) == (64, True)
    tlbench("data", "check", "--path", "shapes", "--move-bad", "bad")
    assert not bad.exists()
    assert (place / "bad/Train/bars" / bad.name).read_bytes() == b"x"
    again = tlbench("data", "check", "--path", "shapes", "--splits", "train=Train,validation=Holdout-2,test=test")
    assert again.returncode == 0
    assert "Holdout-2/ " in again.stdout


def test_data_check_finds_the_same_picture_twice(place: Path, tlbench: Command) -> None:
    assert tlbench("data", "check", "--path", "shapes").returncode == 0
    picture = next((place / "shapes/train/bars").iterdir()).read_bytes()
    for copy in ("train/bars/copy.png", "test/bars/copy.png"):
        (place / "shapes" / copy).write_bytes(picture)
    said = tlbench("data", "check", "--path", "shapes")
    assert said.returncode == 2
    assert "The same picture in two splits (1)" in said.stdout
    (place / "shapes/train/stripes/copy.png").write_bytes(picture)
    assert "The same picture under two labels (1)" in tlbench("data", "check", "--path", "shapes").stdout


def test_inspect_gives_a_lessons_numbers(tlbench: Command) -> None:
    said = tlbench(
        "inspect", "VGG19", "--head", "flatten", "--classes", "2", "--output", "sigmoid", "--image-size", "224",
        "--strategy", "frozen", "--json",
    )  # fmt: skip
    answer = json.loads(said.stdout)
    assert (answer["params"], answer["trainable"], answer["non_trainable"]) == (20_049_473, 25_089, 20_024_384)
    assert said.stderr == ""


def test_inspect_of_the_original_classifier(tlbench: Command) -> None:
    answer = json.loads(tlbench("inspect", "MobileNet", "--head", "imagenet", "--json").stdout)
    assert (answer["params"], answer["depth"]) == (4_253_864, 55)


def test_pairs_says_which_differences_are_real(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    place, _ = finished
    said = tlbench_in(place, "pairs", "run")
    assert said.returncode == 0, said.stderr
    assert "p (Holm)" in said.stdout
    rows = json.loads(tlbench_in(place, "pairs", "run", "--json").stdout)
    assert len(rows) == 2
    two = tlbench_in(place, "pairs", "run", rows[0]["first"], rows[0]["second"], "--json")
    assert json.loads(two.stdout)[0]["p"] == rows[0]["p"]
    wrong = tlbench_in(place, "pairs", "run", "000", "111")
    assert wrong.returncode == 64
    assert "there is no tested cell '000'" in wrong.stderr
