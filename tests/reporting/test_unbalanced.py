"""Where classes differ in size, or images are repeated, a report shows what accuracy alone hides."""

import pytest

from tests import builders
from tlbench.datasets.sentences import balance_sentence
from tlbench.reporting.document import Document
from tlbench.reporting.render import html, markdown, terminal
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import data_sets, summary
from tlbench.results.images import Duplicates, SkippedFile, SplitAudit
from tlbench.results.record import Accuracy, Record
from tlbench.results.table import to_frame


def record(cats: int, dogs: int, *, per_class: dict[str, float], **data: object) -> Record:
    counts = {split: {"cats": cats, "dogs": dogs} for split in ("train", "validation", "test")}
    scores: Accuracy = builders.accuracy().model_copy(update={"per_class": per_class})
    images = builders.data().model_copy(update={"counts": counts, **data})
    return builders.record(accuracy=scores, data=images)


def document(of: Record) -> Document:
    return Document("report", tuple(data_sets.sections(Report("report", [RunRecord("run", of)]))))


def report(of: Record) -> str:
    return markdown.render(document(of))


def test_the_setting_that_balances_classes_is_code_and_names_of_classes_are_text() -> None:
    counts = {split: {"a`b": 80, "c`d": 2} for split in ("train", "validation", "test")}
    page = html.render(document(record(80, 2, per_class={"a`b": 1.0, "c`d": 0.0}, counts=counts)))
    assert "Unbalanced: 80 images of a`b and 2 of c`d in train; always predicting a`b is" in page
    assert "; <code>train: {class_weight: balanced}</code> gives all classes the same weight." in page


def test_balanced_accuracy_and_the_majority_s_share_are_shown_of_eighty_to_two() -> None:
    unbalanced = record(80, 2, per_class={"cats": 1.0, "dogs": 0.0})
    text = report(unbalanced)
    assert "Balanced accuracy" in text
    assert "50.0%" in text
    assert (
        "Unbalanced: 80 images of cats and 2 of dogs in train; always predicting cats is right for 97.6% of test"
        in text
    )
    assert "; `train: {class_weight: balanced}` gives all classes the same weight." in text
    row = to_frame([unbalanced]).iloc[0]
    assert (row["balanced_accuracy"], row["majority_share"]) == (0.5, pytest.approx(80 / 82))


def test_what_to_take_is_not_said_without_it() -> None:
    unbalanced = record(80, 2, per_class={"cats": 1.0, "dogs": 0.0})
    said = terminal.render(summary.document(Report("report", [RunRecord("run", unbalanced)])))
    assert "The classes are unbalanced: the tables have the balanced accuracy." in " ".join(said.split())
    assert "of which always saying the most frequent class gets 97.6% right" in " ".join(said.split())


def test_nothing_of_it_is_shown_of_balanced_classes() -> None:
    balanced = record(100, 60, per_class={"cats": 0.92, "dogs": 0.94})
    assert "alanced" not in report(balanced)
    assert "alanced" not in terminal.render(summary.document(Report("report", [RunRecord("run", balanced)])))


def test_what_is_no_image_and_what_was_left_out_are_told_apart() -> None:
    skipped = (
        SkippedFile(split="", path="a/.cache/", reason="hidden"),
        SkippedFile(split="train", path="train/a/x", reason="not an image"),
    )
    text = report(record(9, 9, per_class={"cats": 1.0, "dogs": 1.0}, skipped=skipped))
    assert "1 file was left out because it is no image." in text
    assert "1 file or folder was left out by its name, kind or place." in text


def test_pictures_under_two_labels_or_in_two_splits_are_told_beside_the_table() -> None:
    none, one, two = (Duplicates(total=total, files=()) for total in range(3))
    clean = SplitAudit(
        exact_two_labels=none,
        exact_across=none,
        exact_within=two,
        near_two_labels=none,
        near_across=none,
        near_within=none,
        balance={},
    )
    found = clean.model_copy(update={"exact_across": two, "near_across": one, "near_two_labels": one})
    right = {"cats": 1.0, "dogs": 1.0}
    assert "Repeated" not in report(record(9, 9, per_class=right, audit=clean))
    assert (
        "**Repeated:** 1 picture under two labels and 3 pictures in two splits (equal, or nearly so); accuracies may not be "
        "those of unseen images with right labels."
    ) in report(record(9, 9, per_class=right, audit=found))


def test_of_unbalanced_classes_the_one_with_most_training_images_is_what_one_would_always_say() -> None:
    said = balance_sentence({"train": {"forest": 2, "sea": 10}, "test": {"forest": 3, "sea": 1}})
    assert said.startswith(
        "unbalanced: 10 images of sea and 2 of forest in train; always predicting sea is right for 25.0%"
    )
