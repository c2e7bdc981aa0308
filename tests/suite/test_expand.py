"""From a suite to its cells: what the matrix has, in which order, and under which ids."""

from pathlib import Path

import pytest
import yaml

from tests import builders
from tests.narrow import present
from tlbench.backbones import registry
from tlbench.core.cell import Cell, Limit, Named
from tlbench.core.errors import UserError
from tlbench.core.selection import select
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

SMALL = Path(__file__).parents[2] / "suites" / "small.yaml"
BASE = """\
name: tiny
datasets: cats_dogs
backbones: {name: MobileNet, alpha: 0.25}
strategies: frozen
image_size: 96
train: {epochs: 1}
"""


GRADIENT = "{name: frozen, solver: gradient}"
PROMISED = "42dbdb7239ed"


def cells(tmp_path: Path, text: str) -> tuple[Cell, ...]:
    path = tmp_path / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return expand(load_suite(path))


def test_names_of_splits_and_classes_are_part_of_the_cell(tmp_path: Path) -> None:
    own = "{name: pets, path: data, splits: {test: Holdout, train: Train}, classes: [dog, cat]}"
    (cell,) = cells(tmp_path, BASE.replace("cats_dogs", own))
    assert cell.dataset.args == {"splits": '{"train": "Train", "test": "Holdout"}', "classes": '["dog", "cat"]'}
    (other,) = cells(tmp_path, BASE.replace("cats_dogs", "{name: pets, path: data, splits: none}"))
    assert other.dataset.label == "pets (splits=none)"
    assert cell.id != other.id


def test_class_weights_are_left_out_of_older_ids(tmp_path: Path) -> None:
    (plain,), (weighted,) = (
        cells(tmp_path, BASE.replace("epochs: 1", text)) for text in ("epochs: 1", "epochs: 1, class_weight: balanced")
    )
    assert "class_weight" not in plain.canonical()
    assert weighted.training.class_weight == "balanced"
    assert weighted.id != plain.id


def test_the_small_suite_has_twelve_cells() -> None:
    found = expand(load_suite(SMALL))
    assert len(found) == len({cell.id for cell in found}) == 12
    assert {cell.backbone.label for cell in found} == {"MobileNet (alpha=0.25)", "MobileNetV2 (alpha=0.35)"}
    assert {cell.strategy.label for cell in found} == {"frozen", "partial (trainable=0.3)", "full"}


def test_the_id_of_a_cell_is_a_promise(tmp_path: Path) -> None:
    """Records, baselines and resume rest on it: if this fails, old runs no longer match new ones."""
    text = BASE.replace("epochs: 1", "epochs: 1, learning_rate: 1e-3").replace("frozen", GRADIENT)
    (cell,) = cells(tmp_path, text)
    assert cell.id == PROMISED
    older = cell.model_copy(update={"recipe": 1, "strategy": Named(name="frozen")})
    assert older.id == "54db6ce42772", "as tlbench 0.1 had it"


def test_scalars_stand_for_lists_and_order_of_keys_does_not_matter(tmp_path: Path) -> None:
    listed = BASE.replace("cats_dogs", "[cats_dogs]").replace("frozen", "[frozen]")
    turned = "\n".join(reversed(listed.strip().splitlines())) + "\n"
    assert [c.id for c in cells(tmp_path, BASE)] == [c.id for c in cells(tmp_path, turned)]


def test_every_field_of_a_cell_is_in_its_id(tmp_path: Path) -> None:
    changes = [
        ("cats_dogs", "intel"), ("0.25", "0.5"), ("frozen", "full"), ("96", "128"), ("epochs: 1", "epochs: 2"),
        ("epochs: 1", "epochs: 1, batch_size: 8"), ("epochs: 1", "epochs: 1, optimizer: sgd"),
        ("epochs: 1", "epochs: 1, learning_rate: 0.5"), ("epochs: 1", "epochs: 1, early_stopping: true"),
        ("epochs: 1", "epochs: 1, reduce_lr: true"), ("epochs: 1", "epochs: 1, augmentation: {flip: true}"),
        ("epochs: 1", "epochs: 1, schedule: linear"), ("epochs: 1", "epochs: 1, warmup: 0"),
        ("epochs: 1", "epochs: 1, label_smoothing: 0.1"), ("epochs: 1", "epochs: 1, weight_decay: 0"),
        ("epochs: 1", "epochs: 1, mixup: 0.2"), ("epochs: 1", "epochs: 1, cutmix: 1"),
        ("epochs: 1", "epochs: 1, rand_augment: true"), ("epochs: 1", "epochs: 1, rand_augment: {operations: 1}"),
        ("image_size", "seeds: 1\nimage_size"), ("image_size", "heads: flatten\nimage_size"),
        ("image_size", "precision: mixed_bfloat16\nimage_size"), ("image_size", "backend: jax\nimage_size"),
        ("image_size", "jit: on\nimage_size"), ("image_size", "limit: {train: 5}\nimage_size"),
        ("96", "96x128"), ("96", "[[128, 96]]"), ("96", "96\nresize: crop"), ("96", "96\nresize: pad"),
        ("image_size", "timing: {protocol: none}\nimage_size"), ("alpha: 0.25", "alpha: 0.25, weights: random"),
    ]  # fmt: skip
    (base,) = cells(tmp_path, BASE.replace("frozen", GRADIENT))
    ids = {base.id}
    for old, new in changes:
        (changed,) = cells(tmp_path, BASE.replace(old, new, 1).replace("frozen", GRADIENT))
        ids.add(changed.id)
    assert len(ids) == len(changes) + 1
    assert set(Cell.model_fields) == {
        "backbone", "weights", "dataset", "limit", "strategy", "head", "image_size", "train", "seed", "precision",
        "backend", "jit", "timing", "recipe", "resize",
    }  # fmt: skip


def test_neither_paths_nor_names_of_the_suite_are_in_a_cell(tmp_path: Path) -> None:
    one = cells(tmp_path, BASE.replace("cats_dogs", "{name: mine, path: a}"))
    other = cells(tmp_path, BASE.replace("cats_dogs", "{name: mine, path: b}").replace("tiny", "other"))
    assert [cell.id for cell in one] == [cell.id for cell in other]


def test_all_and_families_expand(tmp_path: Path) -> None:
    native = BASE.replace("image_size: 96", "image_size: native")
    every = cells(tmp_path, native.replace("{name: MobileNet, alpha: 0.25}", "all"))
    assert [cell.backbone.name for cell in every] == list(registry.expand_pattern("all"))
    assert len(every) == 40
    assert {cell.image_size for cell in every if cell.backbone.name == "EfficientNetB7"} == {600}
    family = cells(tmp_path, BASE.replace("{name: MobileNet, alpha: 0.25}", "[MobileNet*, MobileNet]"))
    assert [cell.backbone.name for cell in family] == [
        "MobileNet",
        "MobileNetV2",
        "MobileNetV3Small",
        "MobileNetV3Large",
    ]


def test_numbers_of_training_images_are_an_axis(tmp_path: Path) -> None:
    listed = cells(tmp_path, BASE + "limit: {train: [10, 30, all], validation: 5}\n")
    assert [cell.limit for cell in listed] == [Limit(train=train, validation=5) for train in (10, 30, None)]
    whole = cells(tmp_path, BASE + "limit: [{train: 10, validation: 5}, {train: 30, validation: 5}, {validation: 5}]\n")
    assert whole == listed
    (single,) = cells(tmp_path, BASE + "limit: {train: 10, validation: 5}\n")
    assert single == listed[0]


def test_settings_that_are_lists_are_axes(tmp_path: Path) -> None:
    text = BASE.replace("epochs: 1", "epochs: [1, 2], learning_rate: [auto, 1e-2], batch_size: [8, 16]")
    text = text.replace("image_size: 96", "image_size: [64, 96]\nseeds: [0, 1, 2]")
    found = cells(tmp_path, text.replace("frozen", GRADIENT))
    assert len(found) == 2 * 2 * 2 * 2 * 3
    assert {present(cell.train).learning_rate for cell in found} == {3e-3, 1e-2}


def test_a_suite_of_solved_heads_needs_no_settings_of_training(tmp_path: Path) -> None:
    text = "name: x\ndatasets: [intel]\nbackbones: [MobileNet]\nstrategies: [frozen]\nimage_size: 96\n"
    cells = []
    for number, more in enumerate(("", "train: {epochs: 7}\n")):
        (tmp_path / f"{number}.yaml").write_text(text + more)
        cells.append(expand(load_suite(tmp_path / f"{number}.yaml")))
    assert [cell.id for cell in cells[0]] == [cell.id for cell in cells[1]]


def test_a_solved_head_has_neither_epochs_nor_rate_nor_seed(tmp_path: Path) -> None:
    steps = "schedule: cosine, warmup: 0.1, label_smoothing: 0.1, weight_decay: 1e-2"
    text = BASE.replace("epochs: 1", f"epochs: [1, 2], learning_rate: [auto, 1e-2], {steps}")
    (cell,) = cells(tmp_path, text.replace("image_size", "seeds: [0, 1, 2]\nimage_size"))
    training = present(cell.train)
    assert (training.epochs, training.learning_rate, cell.seed) == (0, 0.0, 0)
    assert cell == cells(tmp_path, BASE)[0]
    drawn = text.replace("alpha: 0.25", "alpha: 0.25, weights: random")
    assert len(cells(tmp_path, drawn.replace("image_size", "seeds: [0, 1, 2]\nimage_size"))) == 3, "weights are drawn"
    (reordered,) = cells(tmp_path, text.replace("image_size", "seeds: [2, 0, 1]\nimage_size"))
    assert reordered == cell


def test_a_search_among_images_has_no_step_to_time(tmp_path: Path) -> None:
    solvers = "[{name: frozen, solver: ridge}, {name: frozen, solver: neighbours}]"
    ridge, search = cells(tmp_path, BASE.replace("strategies: frozen", f"strategies: {solvers}"))
    assert ridge.timing is not None
    assert search.timing is None
    assert present(search.train).epochs == 0


TUNE = "tune: {learning_rate: [1e-4, 1e-3], l2: [0.1, 0.01]}"


def test_every_cell_has_as_many_trials_of_what_it_has(tmp_path: Path) -> None:
    strategies = f"[frozen, {GRADIENT}, full, {{name: full, joint: true}}, scratch, {{name: frozen, solver: cosine}}]"
    text = BASE.replace("strategies: frozen", f"strategies: {strategies}").replace("epochs: 1", f"epochs: 1, {TUNE}")
    rates, penalties = (1e-4, 1e-3), (0.1, 0.01)
    expected = [((), penalties), (rates, ()), (rates, penalties), (rates, ()), (rates, ())]
    *tuned, cosine = [present(cell.train) for cell in cells(tmp_path, text)]
    assert [(present(one.tune).learning_rate, present(one.tune).l2) for one in tuned] == expected
    assert {len(present(one.tune).trials) for one in tuned} == {2}
    assert {one.learning_rate for one in tuned} == {0.0}
    assert cosine.tune is None
    assert "tune" not in cosine.model_dump()


def test_a_grid_is_in_the_id(tmp_path: Path) -> None:
    text = BASE.replace("strategies: frozen", "strategies: full")
    grids = (TUNE, TUNE.replace("1e-3", "1e-2"), TUNE.replace("0.01", "0.001"), "batch_size: 32")
    assert len({cells(tmp_path, text.replace("epochs: 1", f"epochs: 1, {grid}"))[0].id for grid in grids}) == 4


def test_exclude_takes_out_and_include_adds(tmp_path: Path) -> None:
    text = BASE.replace("strategies: frozen", "strategies: [frozen, full]").replace("cats_dogs", "[cats_dogs, intel]")
    text += "exclude: [{strategy: full, dataset: intel}]\n"
    text += "include: [{backbone: MobileNetV2, strategy: scratch, dataset: intel, seed: 7, image_size: 64}]\n"
    found = [(c.backbone.name, c.dataset.name, c.strategy.name, c.seed, c.weights) for c in cells(tmp_path, text)]
    assert found == [
        ("MobileNet", "cats_dogs", "frozen", 0, "imagenet"),
        ("MobileNet", "cats_dogs", "full", 0, "imagenet"),
        ("MobileNet", "intel", "frozen", 0, "imagenet"),
        ("MobileNetV2", "intel", "scratch", 7, "random"),
    ]


def test_a_solved_head_goes_when_all_its_seeds_do(tmp_path: Path) -> None:
    text = BASE.replace("strategies: frozen", "strategies: [frozen, full]").replace(
        "image_size", "seeds: [0, 1]\nimage_size"
    )

    def left(exclude: str) -> list[tuple[str, int]]:
        return [(cell.strategy.name, cell.seed) for cell in cells(tmp_path, f"{text}exclude: {exclude}\n")]

    assert left("{seed: 0}") == [("frozen", 0), ("full", 1)]
    assert left("[{strategy: frozen, seed: 0}, {strategy: frozen, seed: 1}]") == [("full", 0), ("full", 1)]


def test_what_is_excluded_is_meant_as_it_is_written(tmp_path: Path) -> None:
    text = BASE.replace("{name: MobileNet, alpha: 0.25}", "[MobileNetV2, {name: MobileNetV2, weights: random}, VGG16]")
    drawn = text + "exclude: {backbone: {name: MobileNetV2, weights: random}}\n"
    assert [(c.backbone.name, c.weights) for c in cells(tmp_path, drawn)] == [
        ("MobileNetV2", "imagenet"),
        ("VGG16", "imagenet"),
    ]
    assert [c.backbone.name for c in cells(tmp_path, text + "exclude: {backbone: MobileNetV2}\n")] == ["VGG16"]
    sizes = BASE.replace("96", "[native, 96]")
    assert [c.image_size for c in cells(tmp_path, sizes + "exclude: {image_size: native}\n")] == [96]
    assert [c.image_size for c in cells(tmp_path, sizes + "exclude: {image_size: 224}\n")] == [96]


def test_what_is_excluded_need_not_work(tmp_path: Path) -> None:
    text = BASE.replace("{name: MobileNet, alpha: 0.25}", "[MobileNet, InceptionV3]").replace("96", "[64, 96]")
    with pytest.raises(UserError, match="image_size 64 is too small for InceptionV3"):
        cells(tmp_path, text)
    left = cells(tmp_path, text + "exclude: {backbone: InceptionV3, image_size: 64}\n")
    assert [(c.backbone.name, c.image_size) for c in left] == [
        ("MobileNet", 64),
        ("MobileNet", 96),
        ("InceptionV3", 96),
    ]


def test_seeds_are_excluded_of_the_cells_that_have_them(tmp_path: Path) -> None:
    text = BASE.replace("strategies: frozen", "strategies: [frozen, full]") + "seeds: [0, 1]\n"
    left = cells(tmp_path, text + "exclude: [{strategy: full, seed: 0}, {seed: 1, strategy: full}]\n")
    assert [(c.strategy.name, c.seed) for c in left] == [("frozen", 0)]
    for seed in (0, 1):
        with pytest.raises(
            UserError, match=r"exclude: .*frozen.* is one cell for all seeds, since its head is solved; "
        ):
            cells(tmp_path, text + f"exclude: {{strategy: frozen, seed: {seed}}}\n")


def test_a_share_may_be_written_as_yaml_takes_for_text(tmp_path: Path) -> None:
    written, plain = (
        cells(tmp_path, BASE.replace("cats_dogs", f"{{name: pets, path: data, validation: {share}}}"))
        for share in ("2e-1", "0.2")
    )
    assert written == plain


def test_one_mapping_stands_for_a_list_of_one_in_exclude_and_include(tmp_path: Path) -> None:
    text = BASE.replace("strategies: frozen", "strategies: [frozen, full]")
    text += "exclude: {strategy: full}\ninclude: {strategy: scratch, seed: 7}\n"
    assert [(c.strategy.name, c.seed) for c in cells(tmp_path, text)] == [("frozen", 0), ("scratch", 7)]


def test_auto_takes_the_rate_of_the_strategy_and_the_optimizer(tmp_path: Path) -> None:
    text = BASE.replace("frozen", f"[{GRADIENT}, full]").replace("epochs: 1", "epochs: 1, optimizer: [adam, sgd]")
    rates = {
        (c.strategy.name, present(c.train).optimizer): present(c.train).learning_rate for c in cells(tmp_path, text)
    }
    assert rates["frozen", "sgd"] == pytest.approx(10 * rates["frozen", "adam"])
    assert rates["full", "adam"] < rates["frozen", "adam"]


def test_a_cell_survives_json(tmp_path: Path) -> None:
    (cell,) = cells(tmp_path, BASE.replace("epochs: 1", "epochs: 1, early_stopping: {patience: 2}"))
    assert Cell.model_validate_json(cell.model_dump_json()) == cell


def test_a_changed_copy_of_a_cell_has_its_own_id() -> None:
    cell = builders.cell()
    copy = cell.model_copy(update={"seed": 7})
    assert cell.id == builders.cell().id
    assert copy.id == builders.cell(seed=7).id != cell.id
    assert cell == builders.cell()


@pytest.mark.parametrize(("seeds", "noted"), [("3", True), ("[3]", False), ("0", False), ("1", False), ("0-2", False)])
def test_one_seed_that_looks_like_a_number_of_seeds_is_noted(tmp_path: Path, seeds: str, noted: bool) -> None:
    (tmp_path / "suite.yaml").write_text(BASE + f"seeds: {seeds}\n")
    said = ("`seeds: 3` is one seed with the number 3; write `seeds: 0-2` for 3 seeds",)
    assert load_suite(tmp_path / "suite.yaml").notes == (said if noted else ())


def test_seeds_can_be_a_range_and_a_share_per_cent(tmp_path: Path) -> None:
    text = (
        BASE.replace("frozen", "{name: partial, trainable: 30%}")
        + "seeds: [0-2, 7]\nx-note: &own {a: 1}\nx-more: *own\n"
    )
    plain = BASE.replace("frozen", "{name: partial, trainable: 0.3}") + "seeds: [0, 1, 2, 7]\n"
    assert [cell.id for cell in cells(tmp_path, text)] == [cell.id for cell in cells(tmp_path, plain)]
    assert [cell.seed for cell in cells(tmp_path, BASE.replace("frozen", "full") + "seeds: 3-5\n")] == [3, 4, 5]


def test_sizes_are_squares_or_height_and_width_and_old_lists_stay_axes(tmp_path: Path) -> None:
    def sizes(text: str) -> list[object]:
        return [cell.image_size for cell in cells(tmp_path, BASE.replace("96", text))]

    assert sizes("[96, 160]") == [96, 160]
    assert sizes("[[96, 160]]") == sizes("96x160") == sizes('"96 x 160"') == [(96, 160)]
    assert sizes("[64, [96, 160], 128x128, native]") == [64, (96, 160), 128, 224]
    assert sizes("[[96, 96]]\nexclude: [{image_size: 64}]\n".replace("[[96, 96]]", "[64, [96, 96]]")) == [96]
    (only,) = cells(tmp_path, BASE.replace("96", "[64, [96, 160]]\nexclude: [{image_size: 64}]"))
    assert only.image_size == (96, 160)


def test_how_images_are_resized_is_an_axis(tmp_path: Path) -> None:
    found = cells(tmp_path, BASE + "resize: [stretch, crop, pad]\n")
    assert [cell.resize for cell in found] == ["stretch", "crop", "pad"]
    assert found[0] == cells(tmp_path, BASE)[0]


def test_the_backend_is_an_axis_and_can_be_selected(tmp_path: Path) -> None:
    found = cells(tmp_path, BASE.replace("frozen", "[frozen, full]") + "backend: [tensorflow, torch]\n")
    assert [(cell.strategy.name, cell.backend) for cell in found] == [
        ("frozen", "tensorflow"), ("frozen", "torch"), ("full", "tensorflow"), ("full", "torch"),
    ]  # fmt: skip
    assert select(found, "backend=torch strategy=full") == found[3:]
    assert found[1:2] == cells(tmp_path, BASE + "backend: torch\n")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("image_size: 96x160", "take squares"),
        ("resize: crop", "take the middle of each image"),
        ("backbones: {name: MobileNet, alpha: 0.25, weights: drawn}", "and pretrained needs a classifier"),
    ],
)
def test_original_classifiers_see_what_they_were_evaluated_with(tmp_path: Path, asked: str, said: str) -> None:
    keys = {
        "name": "o",
        "datasets": "imagenet",
        "heads": "imagenet",
        "strategies": "pretrained",
        "backbones": "MobileNet",
    }
    assert len(cells(tmp_path, yaml.safe_dump(keys))) == 1
    with pytest.raises(UserError, match=said):
        cells(tmp_path, yaml.safe_dump(keys | yaml.safe_load(asked)))
