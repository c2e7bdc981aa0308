"""A cell is complete and of one kind; its id is the hash of an explicit list of fields."""

import pytest
from pydantic import ValidationError

from tests import builders
from tlbench.core.cell import Cell, Head, Named

ORIGINAL = {"train": None, "head": Head(name="imagenet"), "strategy": Named(name="pretrained")}


def test_the_fields_are_these_and_a_new_one_is_a_decision() -> None:
    """Whatever can change a result, and nothing else; a new field must leave the ids of older cells as they are."""
    assert list(Cell.model_fields) == [
        "backbone", "weights", "dataset", "limit", "strategy", "head", "image_size", "train", "seed", "precision",
        "backend", "jit", "timing", "recipe",
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
