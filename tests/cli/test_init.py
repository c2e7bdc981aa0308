"""`tlbench init` writes a suite that `tlbench plan` understands, whatever the folder is called, and overwrites nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tlbench.cli import init
from tlbench.core.errors import UserError
from tlbench.datasets.kinds import read_images
from tlbench.datasets.layout import SplitRule
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def images(folder: Path, **counts: int) -> Path:
    for place, count in counts.items():
        inner = folder / place.replace("__", "/")
        inner.mkdir(parents=True)
        for number in range(count):
            (inner / f"{number}.jpg").touch()
    return folder


def tlbench_init(*args: str) -> Result:
    result = CliRunner().invoke(init.command, args)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    if args and not args[0].startswith("-"):
        out = Path(args[args.index("--out") + 1] if "--out" in args else "suite.yaml")
        (place,) = load_suite(out).dataset_paths.values()
        assert read_images(place, SplitRule()).files == read_images(Path(args[0]), SplitRule()).files
    return result


def test_class_folders_alone(place: Path) -> None:
    images(place / "flowers", daisy=20, rose=40)
    said = tlbench_init("flowers").stdout
    counted = "2 classes (daisy, rose); 60 files: 42 train, 9 validation, 9 test"
    assert said.splitlines()[0] == f"Wrote suite.yaml: {counted}."
    steps = [line.strip().split("  ")[0] for line in said.splitlines()[3:]]
    assert steps == ["tlbench data check --path flowers", "tlbench plan suite.yaml", "tlbench run suite.yaml"]
    text = Path("suite.yaml").read_text()
    assert f"# {counted}.\n# It has no splits; 15 % each" in text
    suite = load_suite("suite.yaml")
    assert (suite.name, suite.dataset_paths) == ("flowers", {"flowers": place / "flowers"})
    assert len(expand(suite)) == 6
    assert suite.fallback.datasets is None  # drawn pictures never stand in for somebody's own


def test_a_suite_keeps_its_models_for_predict_and_deploy(place: Path) -> None:
    images(place / "flowers", daisy=20, rose=40)
    for arguments in (("flowers",), ("--out", "mine.yaml")):
        tlbench_init(*arguments)
    for file in ("suite.yaml", "mine.yaml"):
        assert load_suite(file).save_models is True


def test_few_test_images_are_told_in_the_words_of_data_check(place: Path) -> None:
    images(place / "few", daisy=20, rose=40)
    images(place / "many", **{f"{split}__{name}": 50 for split in ("train", "test") for name in "ab"})
    (few,) = tlbench_init("few").stderr.splitlines()
    assert few == (
        "note test has 9 images: an accuracy is only known to about +-27 points, so models can hardly be told apart; "
        "use more test images"
    )
    assert tlbench_init("many", "--out", "many.yaml").stderr == ""
    assert tlbench_init("--out", "example.yaml").stderr == ""


def test_what_is_left_out_is_named_as_data_check_does(place: Path) -> None:
    images(place / "flowers", **{f"{split}__{name}": 50 for split in ("train", "test") for name in "ab"})
    for name in ("train/a/.hidden.jpg", "train/b/Thumbs.db", "train/loose.jpg"):
        (place / "flowers" / name).touch()
    (line,) = tlbench_init("flowers").stderr.splitlines()
    assert line.startswith("note 3 left out: ")
    for one in read_images(place / "flowers", SplitRule()).left_out:
        assert f"{one.path} ({one.reason})" in line


def test_the_gates_say_what_one_seed_cannot_judge(place: Path) -> None:
    tlbench_init("--out", "mine.yaml")
    text = Path("mine.yaml").read_text()
    assert load_suite("mine.yaml").content.seeds == [0]
    assert "With one seed, the accuracy of a\n# model that is trained in steps is shown, not judged" in text


def test_a_csv_and_an_npz_file(place: Path) -> None:
    images(place / "birds", a=20, b=20)
    lines = [f"birds/{label}/{number}.jpg,{label}\n" for label in "ab" for number in range(20)]
    (place / "all birds.csv").write_text("path,label\n" + "".join(lines))
    said = tlbench_init("all birds.csv").stdout
    assert "Wrote suite.yaml: 2 classes (a, b); 40 files: 28 train, 6 validation, 6 test." in said
    assert "tlbench data check --path 'all birds.csv'" in said
    suite = load_suite("suite.yaml")
    assert (suite.name, suite.dataset_paths) == ("all_birds", {"all_birds": place / "all birds.csv"})
    counts = {"train": 8, "val": 4, "test": 4}
    arrays = {f"{name}_images": np.zeros((count, 4, 4), np.uint8) for name, count in counts.items()}
    labels = {f"{name}_labels": np.arange(count) % 2 for name, count in counts.items()}
    np.savez(place / "some.npz", **arrays, **labels)  # type: ignore[arg-type]
    said = tlbench_init("some.npz", "--out", "some.yaml").stdout
    assert said.startswith("Wrote some.yaml: 2 classes (0, 1); 16 files: 8 train, 4 validation, 4 test.\n")
    assert "# Its own train, validation and test splits are used." in Path("some.yaml").read_text()
    assert load_suite("some.yaml").dataset_paths == {"some": place / "some.npz"}


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "train/metadata.csv"])
def test_images_with_a_table_of_labels_beside_them_are_a_folder(place: Path, name: str) -> None:
    images(place / "beans", train=20)
    at = Path(name).parent.name or "."
    files = [f"{number}.jpg" if at == "train" else f"train/{number}.jpg" for number in range(20)]
    lines = ["file_name,label", *(f"{file},{'ab'[number % 2]}" for number, file in enumerate(files))]
    if name.endswith("jsonl"):
        rows = [dict(zip(("file_name", "label"), line.split(","), strict=True)) for line in lines[1:]]
        lines = [json.dumps(row) for row in rows]
    (place / "beans" / name).write_text("\n".join(lines))
    tlbench_init("beans")
    suite = load_suite("suite.yaml")
    assert (suite.name, suite.dataset_paths) == ("beans", {"beans": place / "beans"})


def test_a_link_to_a_csv_stays_where_its_images_are(place: Path) -> None:
    images(place / "birds", a=20, b=20)
    (place / "annex").mkdir()
    lines = [f"{label}/{number}.jpg,{label}\n" for label in "ab" for number in range(20)]
    (place / "annex" / "f3a9").write_text("path,label\n" + "".join(lines))
    (place / "birds" / "birds.csv").symlink_to("../annex/f3a9")
    tlbench_init("birds/birds.csv")
    assert load_suite("suite.yaml").dataset_paths == {"birds": place / "birds" / "birds.csv"}


def test_files_that_are_hardly_images_are_counted_apart(place: Path) -> None:
    images(place / "flowers", daisy=20, rose=40)
    for name in ("README.txt", "notes"):
        (place / "flowers" / "rose" / name).touch()
    said = tlbench_init("flowers").stdout.splitlines()[0]
    assert said.endswith("62 files: 44 train, 9 validation, 9 test (2 without an image extension).")


def test_splits_on_disk(place: Path) -> None:
    images(place / "two", train__a=20, train__b=20, test__a=5, test__b=5)
    tlbench_init("two", "--out", "two.yaml")
    assert "# It has train and test; validation is 15 % of train" in Path("two.yaml").read_text()
    images(place / "three", **{f"{split}__{name}": 4 for split in ("training", "val", "test") for name in "ab"})
    tlbench_init("three", "--out", "three.yaml")
    assert "Its own train, validation and test folders are used." in Path("three.yaml").read_text()


def test_the_path_is_relative_to_the_suite(place: Path) -> None:
    images(place / "flowers", daisy=5, rose=5)
    tlbench_init("flowers", "--out", "my suites/deep/flowers.yaml")
    text = Path("my suites/deep/flowers.yaml").read_text()
    assert "path: ../../flowers   # relative to this file; in a run's copy of it, to the original\n" in text
    assert load_suite("my suites/deep/flowers.yaml").dataset_paths == {"flowers": place / "flowers"}


def test_many_classes_are_not_all_named(place: Path) -> None:
    images(place / "many", **{f"class{number:02}": 3 for number in range(30)})
    assert "30 classes (class00, " in (said := tlbench_init("many").stdout)
    assert "class07 and 22 more); 90 files" in said


@pytest.mark.parametrize("name", ["synthetic", "imagenet", "cats_dogs"])
def test_the_name_of_a_known_data_set_is_not_taken(place: Path, name: str) -> None:
    images(place / name, a=5, b=5)
    tlbench_init(name)
    assert load_suite("suite.yaml").dataset_paths == {f"my_{name}": place / name}


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
@example("2024")
@example("true")
@example("a: b # c")
@example("- {x}")
@example("..hidden")
@example("line\nbreak")
@example("Blüten 🌼 \u0085\u2028\x7f'\"\\")
@example("{name}")
@example("~")
@example("~0")
@example("im${x}ages")
def test_any_name_of_a_folder_and_of_a_class(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    place = tmp_path_factory.mktemp("any")
    folder = place / f"{name}"
    if name in {".", ".."} or len(name.encode()) > 200:
        folder = place / "plain"
    for inner in (f"a{name}", "b"):
        (folder / inner).mkdir(parents=True)
        for number in range(3):
            (folder / inner / f"{number}.jpg").touch()
    tlbench_init(str(folder), "--out", str(place / "suite.yaml"))
    suite = load_suite(place / "suite.yaml")
    assert list(suite.dataset_paths.values()) == [folder]
    assert len(expand(suite)) == 6


def test_without_a_folder_an_example_that_runs_anywhere(place: Path) -> None:
    said = tlbench_init("--out", "mine.yaml").stdout
    assert said.startswith("Wrote mine.yaml.\n")
    assert "data check" not in said
    suite = load_suite("mine.yaml")
    assert (suite.name, suite.fallback.datasets, suite.fallback.weights) == ("mine", "synthetic", "drawn")
    assert len(expand(suite)) == 6


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ((), ["MobileNetV2", "EfficientNetB0"]),
        (("mobilenet_2_5_128_tf_no_top.h5", "vgg16_weights_tf_dim_ordering_tf_kernels.h5"), ["MobileNet (alpha=0.25)"]),
        (
            ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5", "efficientnetb0_notop.h5", "x.h5"),
            ["MobileNetV2", "EfficientNetB0"],
        ),
        (("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",), ["VGG16"]),
    ],
)
def test_backbones_whose_weights_the_user_has_are_taken(
    files: tuple[str, ...], taken: list[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "weights").mkdir()
    for name in files:
        (place / "weights" / name).touch()
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(place / "weights"))
    tlbench_init("--out", "mine.yaml")
    assert list(dict.fromkeys(cell.backbone.label for cell in expand(load_suite("mine.yaml")))) == taken
    assert ("TLBENCH_WEIGHTS has" in Path("mine.yaml").read_text()) == (len(taken) == 1)
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(place / "nowhere"))
    tlbench_init("--out", "mine.yaml", "--force")


def test_every_commented_line_is_a_key_that_a_suite_takes(place: Path) -> None:
    """What the comments offer is no invention: with each taken in, the suite still reads."""
    tlbench_init("--out", "mine.yaml")
    lines = Path("mine.yaml").read_text().splitlines()
    offered = [
        number for number, line in enumerate(lines) if line.lstrip().startswith(("# - ", "# limit", "# early", "# aug"))
    ]
    assert len(offered) == 6
    for number in offered:
        lines[number] = lines[number].replace("# ", "", 1)
    Path("all.yaml").write_text("\n".join(lines))
    assert len(expand(load_suite("all.yaml"))) == 24


def test_the_next_commands_take_names_with_a_leading_dash_for_paths(place: Path) -> None:
    images(place / "-flowers", a=20, b=20)
    said = tlbench_init("--out", "-own suite.yaml", "--", "-flowers").stdout
    assert "tlbench data check --path ./-flowers " in said
    assert "tlbench plan './-own suite.yaml' " in said


def test_nothing_is_overwritten_unasked(place: Path) -> None:
    Path("suite.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"suite\.yaml exists already; --force overwrites it, --out names another file"):
        tlbench_init()
    assert Path("suite.yaml").read_text() == "mine"
    tlbench_init("--force")
    assert load_suite("suite.yaml").name == "suite"


def test_a_folder_that_is_no_data_set_writes_nothing(place: Path) -> None:
    images(place / "one", only=5)
    for folder, sentence in {
        "one": "has only one class, 'only'",
        "none": "the data set folder none does not exist",
    }.items():
        with pytest.raises(UserError, match=sentence):
            tlbench_init(folder)
    (place / "folder").mkdir()
    with pytest.raises(UserError, match="folder is a folder; name a file in it with --out"):
        tlbench_init("--out", "folder")
    for out in ("one/only/0.jpg/a.yaml", "one/only/0.jpg/b/a.yaml", "/proc/a/b.yaml"):
        with pytest.raises(UserError, match=rf"{out} cannot be written \(.*\); name another file with --out"):
            tlbench_init("--out", out)
    assert not Path("suite.yaml").exists()
