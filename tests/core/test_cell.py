"""A cell is complete and of one kind; its id is the hash of an explicit list of fields."""

import pytest
from pydantic import ValidationError

from tests import builders
from tlbench.core.cell import Cell, Head, Named, Timing
from tlbench.core.training import Augmentation, Training, Tuning
from tlbench.core.value import Grown

ORIGINAL = {"train": None, "head": Head(name="imagenet"), "strategy": Named(name="pretrained")}


def test_the_fields_are_these_and_a_new_one_is_a_decision() -> None:
    """Whatever can change a result, and nothing else; a new field must leave the ids of older cells as they are."""
    assert list(Cell.model_fields) == [
        "backbone", "weights", "dataset", "limit", "strategy", "head", "image_size", "train", "seed", "precision",
        "backend", "jit", "timing", "recipe", "resize",
    ]  # fmt: skip
    assert "kind" not in builders.cell().canonical()


def test_a_cell_is_trained_or_an_original_classifier() -> None:
    trained, original = builders.cell(), builders.cell(**ORIGINAL)
    assert (trained.kind, original.kind) == ("trained", "original")
    assert trained.training.epochs == 3
    with pytest.raises(ValueError, match="original classifier: it is not trained"):
        _ = original.training
    with pytest.raises(ValueError, match="are not timed"):
        _ = builders.cell(timing=None).protocol


@pytest.mark.parametrize("changes", [{"train": None}, {"head": Head(name="imagenet")}])
def test_a_cell_of_no_kind_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="settings of training or the original classifier"):
        builders.cell(**changes)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        (builders.cell(), "recipe", 3),
        (builders.cell(), "resize", "crop"),
        (builders.cell().training, "mixup", 0.2),
        (builders.cell().training, "tune", Tuning(l2=(1.0, 0.1))),
        (builders.cell().protocol, "more_batch_sizes", (1, 8)),
        (Augmentation(), "views", 2),
    ],
)
def test_a_field_that_came_later_is_in_the_json_only_where_it_is_set(part: Grown, field: str, value: object) -> None:
    default = type(part).model_fields[field].default
    assert field not in part.model_copy(update={field: default}).model_dump(mode="json")
    assert field in part.model_copy(update={field: value}).model_dump(mode="json")


@pytest.mark.parametrize("kind", [Cell, Training, Timing, Augmentation])
def test_what_came_later_has_a_default_to_be_left_out_at(kind: type[Grown]) -> None:
    assert kind.LATER
    assert not any(kind.model_fields[name].is_required() for name in kind.LATER)


def test_a_square_is_one_cell_however_it_is_written_and_height_and_width_are_not_mixed_up() -> None:
    square, tall, wide = (builders.cell(image_size=size) for size in ((96, 96), (160, 96), (96, 160)))
    assert square == builders.cell(image_size=96)
    assert square.id == builders.cell(image_size=96).id
    assert len({square.id, tall.id, wide.id}) == 3
    assert len({one.timing_key("inference") for one in (square, tall, wide)}) == 3
    assert Cell.from_json(wide.model_dump(mode="json")) == wide


def test_how_images_are_resized_is_another_cell_and_the_same_step() -> None:
    stretched, cropped = builders.cell(), builders.cell(resize="crop")
    assert stretched.id != cropped.id
    assert stretched.timing_key("training") == cropped.timing_key("training")
