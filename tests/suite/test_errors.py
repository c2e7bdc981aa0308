"""Whatever is wrong with a suite is said in one line that names the place and the way out."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.core.errors import UserError
from tlbench.core.text import listed
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite
from tlbench.suite.schema import SuiteFile

GOOD = """\
name: tiny
datasets: [cats_dogs]
backbones: [MobileNet]
strategies: [frozen]
image_size: 96
train: {epochs: 1}
"""


def complaint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        expand(load_suite(path))
    return str(raised.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("[MobileNet]", "[MobilNet]"), "suite.yaml:3:13: backbones: there is no backbone 'MobilNet'; did you mean 'MobileNet'?"),
        (("[MobileNet]", "[ResNet*X]"), "suite.yaml:3:13: backbones: no backbone matches 'ResNet*X'; did you mean"),
        (("[MobileNet]", "['Mobilenet*']"), "suite.yaml:3:13: backbones: no backbone matches 'Mobilenet*'; did you mean 'MobileNet*'?"),
        (("[MobileNet]", "['*X']"), "suite.yaml:3:13: backbones: no backbone matches '*X'; `tlbench list backbones` names them"),
        (("[MobileNet]", "{name: MobileNet, weights: drawn}"), "suite.yaml:3:30: backbones: there are no drawn weights of MobileNet, only of MobileNet (alpha=0.25) and MobileNetV2 (alpha=0.35)"),
        (("[MobileNet]", "{name: MobileNet, alfa: 1}"), "suite.yaml:3:12: backbones: unknown argument 'alfa'"),
        (("[MobileNet]", "[{name: MobileNet, alpha: 0.3}]"), "suite.yaml:3:13: there are no ImageNet weights of MobileNet (alpha=0.3); those with weights have alpha 0.25, 0.5, 0.75, 1"),
        (("[MobileNet]", "{name: MobileNet, alpha: -1}"), "alpha: -1 is not a number above 0"),
        (("[MobileNet]", "{alpha: 1}"), "suite.yaml:3:12: backbones: this backbone has no name"),
        (("[MobileNet]", "[]"), "suite.yaml:3:12: backbones: the list is empty"),
        (("[MobileNet]", ""), "suite.yaml:3:11: backbones: something belongs here, not nothing"),
        (("[frozen]", "[frosen]"), "suite.yaml:4:14: strategies: there is no strategy 'frosen'; did you mean 'frozen'?"),
        (("[frozen]", "[partial]"), "suite.yaml:4:14: strategies: partial needs exactly one of"),
        (("[frozen]", "{name: scratch, auxiliary: 0.3}"), "suite.yaml:3:13: strategy scratch (auxiliary=0.3): MobileNet has no auxiliary classifiers, only GoogLeNet has; leave auxiliary out"),
        (("[MobileNet]\nstrategies: [frozen]\nimage_size: 96", "GoogLeNet\nstrategies: {name: scratch, auxiliary: 0.3}\nimage_size: 64"), "suite.yaml:5:13: strategy scratch (auxiliary=0.3): image_size 64 is too small for the auxiliary classifiers of GoogLeNet, which need at least 65 pixels"),
        (("[frozen]", "[{name: partial, trainable: 2}]"), "strategies: trainable must be less than 1, not 2"),
        (("[frozen]", "[{name: frozen, solver: rigde}]"), "solver must be 'linear', 'ridge'"),
        (("[frozen]", "[full, {name: frozen, solver: ridge}]\nheads: {name: gap, dropout: 0.5}"), "suite.yaml:4:20: strategy frozen (solver=ridge): solver ridge finds a head without hidden layers and dropout"),
        (("[cats_dogs]", "[cats_dog]"), "suite.yaml:2:12: datasets: there is no data set 'cats_dog'; did you mean 'cats_dogs'?"),
        (("[cats_dogs]", "{name: synthetic, like: x}"), "like: there is no data set 'x'"),
        (("[cats_dogs]", "{name: own, path: x, splits: x}"), "suite.yaml:2:32: datasets: splits: none, or a mapping {train: Train, test: Holdout}, belongs here, not 'x'"),
        (("[cats_dogs]", "{name: own, path: x, csv: y.csv}"), "datasets: path and csv are two places for the images; write one of them"),
        (("[cats_dogs]", "{name: own, csv: x}"), "datasets: csv: the path of a file that ends in .csv belongs here, not 'x'"),
        (("[cats_dogs]", "{name: own, parquet: x}"), "datasets: parquet: the path of a file that ends in .parquet belongs here, not 'x'"),
        (("[cats_dogs]", "{name: own, path: x, label: 3}"), "datasets: label: the name of a column belongs here, in quotes, not 3"),
        (("[cats_dogs]", "{name: own, npz: 3}"), "datasets: npz: the path of a file that ends in .npz belongs here, not 3"),
        (("[cats_dogs]", "{name: own, path: x, splits: {test: b}}"), "datasets: splits: train is missing; what else is missing is drawn from it"),
        (("[cats_dogs]", "{name: own, path: x, splits: {train: a, tests: b}}"), "datasets: unknown key 'tests'; did you mean 'test'?"),
        (("[cats_dogs]", "{name: own, path: x, splits: {train: a/b}}"), "splits: the name of a folder in path belongs to train, not 'a/b'"),
        (("[cats_dogs]", "{name: own, path: x, splits: {train: a, test: a}}"), "splits: two splits have the same folder"),
        (("[cats_dogs]", "{name: own, path: x, classes: [cat]}"), "classes: at least two names belong here, each once"),
        (("[cats_dogs]", "{name: own, path: x, classes: [0, 1]}"), "classes: the name of a folder belongs here, in quotes, not 0"),
        (("[cats_dogs]", "{name: intel, classes: [forst, sea]}"), "suite.yaml:2:25: datasets: classes: there is no class 'forst'; did you mean 'forest'?"),
        (("[cats_dogs]", "{name: own, path: x, validation: 0.5, test: 0.5}"), "validation and test are shares of train and leave nothing of it"),
        (("epochs: 1", "epochs: 1, class_weight: balance"), "train.class_weight: there is no class weight 'balance'; did you mean 'balanced'?"),
        (("epochs: 1", "epochs: 1, class_weight: balanced, mixup: 0.2"), "mixup makes images of two classes, which have no one class_weight"),
        (("[frozen]\nimage_size: 96\ntrain: {epochs: 1", "[{name: frozen, solver: ridge}]\nimage_size: 96\ntrain: {epochs: 1, class_weight: balanced"), "solver ridge knows no class_weight"),
        (("epochs: 1", "epochs: -3"), "suite.yaml:6:17: train.epochs: -3 is too small; it must be at least 1"),
        (("epochs: 1", "epochs: 0"), "suite.yaml:6:17: train.epochs: 0 is too small"),
        (("epochs: 1", "epochs: 1.5"), "train.epochs: a whole number belongs here, not 1.5"),
        (("epochs: 1", "epochs: true"), "train.epochs: a whole number belongs here, not True"),
        (("epochs: 1", "epochs: many"), "train.epochs: a whole number belongs here, not 'many'"),
        (("epochs: 1", "epochs: 1, learning_rate: .nan"), "train.learning_rate: a number belongs here, not nan"),
        (("epochs: 1", "epochs: 1, learning_rate: -1e-3"), "train.learning_rate: -0.001 is too small; it must be above 0"),
        (("epochs: 1", "epochs: 1, tune: {learning_rate: [1e-4, 1e-3]}"), "suite.yaml:6:26: tune: what is tuned of frozen is its l2; give l2 2 values as well"),
        (("epochs: 1", "epochs: 1, tune: {learning_rate: [1e-4], l2: [1, 2]}"), "tune: l2 has 2 values and learning_rate 1; give both as many"),
        (("epochs: 1", "epochs: 1, tune: {l2: [1, 1]}"), "suite.yaml:6:27: train.tune: a value stands here twice"),
        (("epochs: 1", "epochs: 1, tune: {}"), "train.tune: name learning_rate, l2, or both"),
        (("epochs: 1", "epochs: 1, tune: {l2: [0]}"), "train.tune.l2: 0 is too small; it must be above 0"),
        (("epochs: 1", "epochs: 1, learning_rate: 1e-3, tune: {learning_rate: [1e-4]}"), "suite.yaml:6:20: train: the rate is tuned; leave it out here"),
        (("epochs: 1", "epochs: 1, optimizer: adams"), "there is no optimizer 'adams'; did you mean 'adam'?"),
        (("epochs: 1", "epochs: 1, schedule: cosinus"), "suite.yaml:6:30: train.schedule: there is no schedule 'cosinus'; did you mean 'cosine'?"),
        (("epochs: 1", "epochs: 1, warmup: 1"), "train.warmup: 1 is too large; it must be below 1"),
        (("epochs: 1", "epochs: 1, label_smoothing: -0.1"), "train.label_smoothing: -0.1 is too small; it must be at least 0"),
        (("epochs: 1", "epochs: 1, weight_decay: 2"), "train.weight_decay: 2 is too large; it must be at most 1"),
        (("epochs: 1", "epochs: 1, mixup: 11"), "train.mixup: 11 is too large; it must be at most 10"),
        (("epochs: 1", "epochs: 1, cutmix: true"), "train.cutmix: a number belongs here, not True"),
        (("epochs: 1", "epochs: 1, rand_augment: {magnitude: 30}"), "magnitude: 30 is too large; it must be at most 10"),
        (("epochs: 1", "epochs: 1, rand_augment: {operations: 0}"), "operations: 0 is too small; it must be at least 1"),
        (("epochs: 1", "epochs: 1, reduce_lr: true, schedule: cosine"), "suite.yaml:6:37: train: schedule and reduce_lr both set the learning rate; name one of them"),
        (("epochs: 1", "epochs: 1, reduce_lr: true, warmup: 0.1"), "warmup and reduce_lr both set the learning rate"),
        (("epochs: 1", "epochs: 1, augmentation: {flip: true, views: 2}, mixup: 0.2"), "mixup changes images anew in each epoch, views keep what was drawn; name one of them"),
        (("epochs: 1", "epochs: 1, batchsize: 3"), "suite.yaml:6:20: train: unknown key 'batchsize'; did you mean 'batch_size'?"),
        (("epochs: 1", "batch_size: 8"), "suite.yaml:6:8: train: key 'epochs' is missing"),
        (("image_size: 96", "image_size: 16"), "suite.yaml:5:13: image_size 16 is too small for MobileNet, which needs at least 32"),
        (("image_size: 96", "image_size: big"), "suite.yaml:5:13: image_size: a number of pixels, 120x160 (height x width) or native belongs here, not 'big'"),
        (("image_size: 96", "image_size: [[96, 128, 3]]"), "suite.yaml:5:14: image_size: a number of pixels, 120x160 (height x width) or native belongs here, not a list"),
        (("image_size: 96", "image_size: [[96, 4]]"), "image_size: 4 is too small; it must be at least 8"),
        (("image_size: 96", "image_size: 96x16"), "suite.yaml:5:13: image_size 96 x 16 is too small for MobileNet, which needs at least 32"),
        (("image_size: 96", "image_size: [96, 16]"), "suite.yaml:5:18: image_size 16 is too small for MobileNet, which needs at least 32"),
        (("image_size: 96", "image_size: 96\nresize: squeeze"), "suite.yaml:6:9: resize: there is no kind of resizing 'squeeze'; "),
        (("image_size: 96", "imagesize: 96"), "suite.yaml:5:1: unknown key 'imagesize'; did you mean 'image_size'?"),
        (("name: tiny", "name: ../tiny"), "suite.yaml:1:7: name: '../tiny' is no name"),
        (("name: tiny", "name: tiny\nname: twice"), "suite.yaml:2:1: key 'name' stands here a second time; the first is on line 1"),
        (("name: tiny", "name: [tiny"), "this is no YAML"),
        (("name: tiny", "name: &a [*a]"), "this alias stands inside what it repeats"),
        (("name: tiny", "name: !!python/object/apply:os.system [x]"), "suite.yaml:1:7: "),
        (("image_size: 96", "image_size: 96\nheads: {name: gap, output: sigmoid}\nseeds: -1"), "suite.yaml:7:8: seeds: -1"),
        (("image_size: 96", "image_size: 96\nexclude: {strategy: full}"), "suite.yaml:6:10: exclude: no cell of the matrix"),
        (("image_size: 96", "image_size: 96\nmemory: lots"), "suite.yaml:6:9: memory: 'lots' is no size; write one as 500MB or 20GB"),
        (("image_size: 96", "image_size: 96\nmemory: 4"), "suite.yaml:6:9: memory: a size with its unit belongs here"),
        (("image_size: 96", "image_size: 96\nexclude: [{strategy: full}]"), "suite.yaml:6:11: exclude: no cell of the matrix"),
        (
            ("image_size: 96", "image_size: 96\ngates: {cells: [{strategy: froz*, time: 9%}, {strategy: frozn, time: 9%}]}"),
            "suite.yaml:6:46: gates: no cell of the suite matches this",
        ),
        (("image_size: 96", "image_size: 96\nexclude: [{strategy: frozen}]"), "the suite has no cells left"),
        (("image_size: 96", "image_size: 96\nexclude: [{}]"), "name at least one of backbone"),
        (("image_size: 96", "image_size: 96\ninclude: [{dataset: intel}]"), "'intel' is none of the suite's data sets: cats_dogs"),
        (("image_size: 96", "image_size: 96\nheads: imagenet"), "head imagenet goes only with strategy pretrained and data set"),
        (("strategies: [frozen]", "strategies: pretrained"), "strategy pretrained goes only with head imagenet and data set"),
        (("image_size: 96", "image_size: 96\ngates: {time: 200%}"), "gates.time: a share from 0 to 1 belongs here, as 0.05, 5% or 5pp, not '200%'"),
        (("[cats_dogs]\n", "[intel]\nheads: {name: gap, output: sigmoid}\n"), "suite.yaml:3:8: output sigmoid needs two classes, but intel has 6"),
        (("[cats_dogs]", "[{name: mine, path: here}, {name: mine, path: there}]"), "a second data set named 'mine'"),
        (("[cats_dogs]", "[cats_dogs, {name: cats_dogs, path: mine}]"), "suite.yaml:2:23: a second data set named 'cats_dogs'"),
        (("[cats_dogs]", "[{name: cats_dogs, path: mine}, {name: cats_dogs, split_seed: 1}]"), "a second data set named 'cats_dogs'; names must differ"),
        (("[cats_dogs]", "{name: own, path: x, validation: 5e-1, test: '0.5'}"), "validation and test are shares of train and leave nothing of it"),
        (("[cats_dogs]", "[mine]"), "a folder of your own needs a path"),
        (("[cats_dogs]", '[{name: "a\\x1b[31m", path: x}]'), r"suite.yaml:2:13: datasets: 'a\x1b[31m' is no name since it has control characters; leave them out"),
        (("[cats_dogs]", "[{name: imagenet, path: x}]"), "suite.yaml:2:29: datasets: imagenet takes no keys"),
        (("image_size: 96", "image_size: 96\ntiming: {protocol: custom}"), "suite.yaml:6:10: timing: protocol custom needs warmup, iterations, seconds"),
        (("image_size: 96", "image_size: 96\ntiming: {max_seconds: 1, seconds: 5}"), "timing: max_seconds 1 is less than seconds 5"),
        (("image_size: 96", "image_size: 96\nlimit: {train: [5, 0]}"), "suite.yaml:6:20: limit.train: 0 is too small; it must be at least 1"),
        (("image_size: 96", "image_size: 96\nlimit: {trian: 5}"), "suite.yaml:6:9: limit: unknown key 'trian'; did you mean 'train'?"),
        (("image_size: 96", "image_size: 96\nlimit: [{train: 5}, {train: most}]"), "suite.yaml:6:29: limit.train: a whole number belongs here, not 'most'"),
        (("[frozen]\nimage_size: 96\ntrain: {epochs: 1}", "[frozen, full]\nimage_size: 96"), "suite.yaml:1:1: key 'train' is missing: full with head gap trains in steps; add `train: {epochs: 3}`"),
        (("image_size: 96", "image_size: !!int ''"), "suite.yaml:5:13: '' is no int"),
        (("image_size: 96", "image_size: !!timestamp x"), "suite.yaml:5:13: 'x' is no timestamp"),
        (("image_size: 96", "image_size: !!bool maybe"), "suite.yaml:5:13: 'maybe' is no bool"),
        (("image_size: 96", f"image_size: {'9' * 400}"), f"image_size: a number belongs here, not {'9' * 57}..."),
        (("image_size: 96", f"image_size: {'9' * 5000}"), "suite.yaml:5:13: "),
        (("epochs: 1", f"epochs: 1, learning_rate: '{'9' * 400}'"), "train.learning_rate: a number belongs here, not inf"),
        (("image_size: 96", f"image_size: {'[' * 900}{']' * 900}"), "suite.yaml:5:72: values stand in each other more than 60 deep"),
        (("[cats_dogs]", '{name: mine, path: "\\ud800"}'), "suite.yaml:2:30: a character stands here that no file or name can have"),
        (("[cats_dogs]", '{name: mine, path: "a\\0"}'), "suite.yaml:2:30: a character stands here"),
        (("[cats_dogs]", '{"\\ud800": mine}'), "suite.yaml:2:12: a character stands here that no key can have"),
        (("[cats_dogs]", "{name: synthetic, like: {a: 1}}"), "suite.yaml:2:11: datasets: like: a name belongs here, not a mapping"),
        (("[cats_dogs]", "{name: synthetic, like: [a]}"), "like: a name belongs here, not a list"),
        (("[cats_dogs]", "{[a]: b}"), "a key is a plain word here"),
        (("[cats_dogs]", "{<<: 5}"), "suite.yaml:2:"),
        (("image_size: 96", "image_size: 0224"), "suite.yaml:5:13: 0224 is another number in YAML; write it without 0 and :, or in quotes"),
        (("image_size: 96", "image_size: 96\ntimeout: 1:30"), "suite.yaml:6:10: 1:30 is another number in YAML"),
        (("image_size: 96", "image_size: 96\nseeds: 4-0"), "suite.yaml:6:8: seeds: seeds from 4 to 0 are none"),
        (("image_size: 96", "image_size: 96\nseeds: [0, 0]"), "suite.yaml:6:8: seeds: seed 0 is listed more than once"),
        (("image_size: 96", "image_size: 96\nseeds: [0-4, 3]"), "suite.yaml:6:8: seeds: seed 3 is listed more than once"),
        (("image_size: 96", "image_size: 96\nseeds: 0-999999"), "seeds: 1000000 seeds; a suite has at most 20000 cells"),
        (("image_size: 96", f"image_size: 96\nseeds: 0-{'9' * 20}"), "seeds; a suite has at most 20000 cells"),
        (("image_size: 96", "image_size: 96\nseeds: [0-9999, 10000-20000]"), "suite.yaml:1:1: the suite spans 20001 cells, at most 20000 can be"),
        (("image_size: 96", f"image_size: 96\nseeds: [{'1, ' * 20000}1]"), "more than 20000 values; seeds can be a range"),
        (("[frozen]", "[{name: partial, trainable: 130%}]"), "trainable must be less than 1"),
        (("name: tiny", "x_own: 1\nname: tiny"), "suite.yaml:1:1: unknown key 'x_own'"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    assert expected in complaint(tmp_path, GOOD.replace(*change, 1))


def test_several_mistakes_are_said_together_a_line_each(tmp_path: Path) -> None:
    text = GOOD.replace("MobileNet", "MobilNet").replace("frozen", "frosen").replace("epochs: 1", "epochs: 0")
    lines = complaint(tmp_path, text).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["suite.yaml:3:13", "suite.yaml:4:14", "suite.yaml:6:17"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b"- a\n- b\n", "this is no suite but a list"),
        (b"A shopping list\nof two lines", "this is no suite but text; .*`tlbench init` writes one"),
        (b"name: \xff\xfe", "is not UTF-8 text"),
        ("name: caf\xe9".encode("utf-16"), r"is not UTF-8 text \(byte 0\); save it as UTF-8"),
        ("name: caf\xe9".encode("latin-1"), r"is not UTF-8 text \(byte 9\); save it as UTF-8"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", r"suite\.yaml is no suite: it is no text file; `tlbench init` writes one"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is no suite: it is no text file"),
    ],
)
def test_a_file_that_is_no_suite(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "suite.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=expected):
        load_suite(path)


def test_an_empty_file_and_one_with_a_name_lack_the_same_keys(tmp_path: Path) -> None:
    lacking = re.findall(r"key '(\w+)' is missing", complaint(tmp_path, "name: x\n"))
    assert f"a suite needs at least {listed(['name', *lacking])}" in complaint(tmp_path, "")


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load_suite(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="is a folder"):
        load_suite(tmp_path)


def test_aliases_that_multiply_without_end_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert "aliases repeat too much" in complaint(tmp_path, "\n".join(lines))


def test_mappings_that_merge_each_other_without_end_are_refused(tmp_path: Path) -> None:
    lines = [
        "x-0: &a0 {k: 1}",
        *(f"x-{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, 40)),
        "<<: *a39",
    ]
    assert "too much is merged here" in complaint(tmp_path, "\n".join(lines))


def test_anchors_within_anchors_have_an_end(tmp_path: Path) -> None:
    lines = ["x-0: &a0 [1]", *(f"x-{n}: &a{n} [*a{n - 1}]" for n in range(1, 400))]
    assert "more than 60 deep" in complaint(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("size", [2**20 + 1, 10 * 2**20])
def test_a_file_that_is_larger_than_any_suite_is_not_read(tmp_path: Path, size: int) -> None:
    assert "has more than 1 MiB; seeds can be a range" in complaint(tmp_path, GOOD + "#" * size)
    cut_in_a_letter = GOOD + "#" * (2**20 - len(GOOD)) + "é"
    assert "has more than 1 MiB; seeds can be a range" in complaint(tmp_path, cut_in_a_letter)


@given(st.sampled_from(sorted(SuiteFile.model_fields)), st.data())
def test_any_key_with_a_letter_missing_is_answered_with_that_key(key: str, data: st.DataObject) -> None:
    from tlbench.core.errors import nearest

    place = data.draw(st.integers(0, len(key) - 1))
    misspelt = key[:place] + key[place + 1 :]
    if misspelt not in SuiteFile.model_fields:
        assert nearest(misspelt, list(SuiteFile.model_fields), "keys") == f"did you mean {key!r}?"
