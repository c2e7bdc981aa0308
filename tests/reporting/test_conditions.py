"""The conditions of a report: splits that were drawn, and weights for images of another size."""

import pytest

from tests import builders
from tests.reporting.tables import rows, text_of
from tlbench.core.cell import Named
from tlbench.reporting.views.conditions import conditions
from tlbench.results.images import SplitOrigin
from tlbench.results.record import Record

FILE, OFFICIAL = "mobilenet_v2_0.35_224_no_top.h5", "mobilenet_v2_0.35_96_no_top.h5"


def of_another_size(name: str = "MobileNetV2", seed: int = 0) -> Record:
    weights = builders.weights().model_copy(update={"file": FILE, "instead_of": OFFICIAL})
    return builders.record(builders.cell(backbone=Named(name=name), seed=seed), weights=weights)


def drawn(folder: str, seed: int | None = 0, **fractions: float) -> Record:
    splits = {
        split: SplitOrigin(
            folder=folder, files=100, drawn=fractions.get(split), seed=seed if split in fractions else None
        )
        for split in ("train", "validation", "test")
    }
    data = builders.data().model_copy(update={"splits": splits})
    return builders.record(builders.cell(dataset=Named(name="pets")), data=data)


def lines(start: str, *records: Record) -> list[str]:
    return [line for line in conditions(records) if line.startswith(start)]


def test_weights_for_another_size_are_named_once_with_their_backbones() -> None:
    records = [of_another_size(), of_another_size(seed=1), of_another_size("Other"), builders.record()]
    assert lines("Weights for", *records) == [
        "Weights for images of another size, as the official ones were not found: "
        f"{FILE} in place of {OFFICIAL} (MobileNetV2, Other)."
    ]
    assert lines("Weights for", builders.record()) == []


@pytest.mark.parametrize(("as_published", "told"), [(True, False), (None, False), (False, True)])
def test_weights_under_a_name_of_keras_that_are_others_are_told(as_published: bool | None, told: bool) -> None:
    weights = builders.weights().model_copy(update={"file": FILE, "as_published": as_published})
    record = builders.record(builders.cell(backbone=Named(name="MobileNetV2")), weights=weights)
    said = f"Weights that Keras does not publish, though their files have its names: {FILE} (MobileNetV2)."
    assert lines("Weights that", record, record) == [said] * told


def test_splits_that_were_drawn_are_told_with_their_share_and_seed() -> None:
    both = drawn(".", validation=0.15, test=0.15)
    assert lines("Splits", both, both) == [
        "Splits of pets: validation is 15 % of the folder, drawn (seed 0), test is 15 % of the folder, drawn "
        "(seed 0), train is the rest."
    ]
    assert lines("Splits", drawn("train", seed=3, validation=0.2)) == [
        "Splits of pets: validation is 20 % of train/, drawn (seed 3), train is the rest."
    ]


def test_splits_with_images_of_their_own_are_not_told() -> None:
    assert lines("Splits", drawn("train"), builders.record()) == []


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_the_files_of_a_report_have_both(name: str) -> None:
    said = text_of(name, rows(of_another_size(), drawn(".", validation=0.15)))
    assert "drawn (seed 0)" in said
    assert "Weights for images of another size" in said
