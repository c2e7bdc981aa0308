"""The recommendation in a sentence claims what the test found, and no more."""

import json

from tests import builders
from tests.narrow import present
from tests.reporting.choices import THREE, chosen, report, trained
from tlbench.core.cell import Limit
from tlbench.reporting.answer import MOST_LISTED, listed, sentence
from tlbench.reporting.formats import as_json, as_markdown
from tlbench.reporting.views import choice


def test_the_leader_its_interval_its_cost_and_what_may_be_as_good() -> None:
    found = chosen(THREE)
    # Wilson's interval of 190 of 200 at a confidence of 1 - 0.05 / 3, since it is the best of three.
    assert sentence(found) == (
        "Take Big, full: 95.0% (90 to 98), 80 ms to classify 32 images. 1 of the 2 others may be as good; it "
        "is Small, full, which is cheaper to run: 93.5% (88 to 97), 20 ms to classify 32 images."
    )
    assert listed(found) == "May be as good: Small, full."
    assert found.certainty == (
        "Compared, with 95 % confidence: 3 trained models, each with one seed, on the same 200 test images, of which "
        "guessing gets 50.0% right. For strategies in general, add seeds and run tlbench pairs."
    )


def test_what_cannot_be_told_from_guessing_is_not_recommended() -> None:
    """Two classes with as many images: guessing gets half of them right."""
    poor = [trained("A", "full", 112, 80.0), trained("B", "frozen", 108, 20.0)]
    found = chosen(poor)
    assert sentence(found) == (
        "No model can be recommended by its top-1: the highest, 56.0% (48 to 64) of A, full, is not clearly above the "
        "50.0% that guessing gets."
    )
    assert sentence(found, [1]).startswith(
        "Within these limits no model can be recommended by its top-1: the highest, 54"
    )
    assert listed(found) == ""
    assert "**Take" not in as_markdown(report(poor))
    (answer,) = json.loads(as_json(report(poor)))["answers"]
    assert (answer["take"], answer["may_be_as_good"], answer["chance"]) == (None, [], 0.5)
    assert sentence(chosen([trained("A", "full", 130, 80.0)])).startswith("Take A, full")


def test_a_leader_that_is_cheapest_already_is_not_beaten_by_its_own_cost() -> None:
    two = [trained("A", "full", 190, 20.0), trained("B", "full", 188, 90.0)]
    assert "The other one may be as good; it is not cheaper to run." in sentence(chosen(two))
    three = [*two, trained("C", "full", 187, 95.0)]
    assert "Both others may be as good; neither is cheaper to run." in sentence(chosen(three))
    four = [*three, trained("D", "full", 186, 96.0)]
    assert "All 3 others may be as good; none of them is cheaper to run." in sentence(chosen(four))


def test_without_times_the_size_says_what_running_costs() -> None:
    half = present(builders.record().counts).model_copy(update={"size_mb": 0.4})
    said = sentence(chosen([trained("A", "full", 190), trained("B", "full", 189, counts=half)]))
    assert said == (
        "Take A, full: 95.0% (90 to 97), 0.84 MiB. The other one may be as good; it is B, full, which is smaller: 94.5% "
        "(90 to 97), 0.40 MiB."
    )
    alike = sentence(chosen([trained("A", "full", 190), trained("B", "full", 189)]))
    assert alike.endswith("The other one may be as good; it is not smaller.")


def test_without_times_and_counts_nothing_is_said_of_what_running_costs() -> None:
    said = sentence(chosen([trained(name, "full", right, counts=None) for name, right in (("A", 190), ("B", 189))]))
    assert said == "Take A, full: 95.0% (90 to 97). The other one may be as good."


def test_a_model_is_named_once_for_all_its_strategies_that_may_be_as_good() -> None:
    several = [trained("A", name, 190 - number) for number, name in enumerate(("full", "norm", "bias", "frozen"))]
    found = chosen([*several[:3], trained("B", "full", 186), several[3]])
    assert listed(found) == "May be as good: A: norm, bias, frozen; B: full."
    size = [trained("A", "full", 190 - number, limit=Limit(train=10 + number)) for number in range(3)]
    assert listed(chosen(size)) == (
        "May be as good: A, full, training images per class 11; A, full, training images per class 12."
    )


def test_many_rivals_are_counted_not_listed() -> None:
    found = chosen([trained(f"B{number:02}", "full", 180) for number in range(MOST_LISTED + 5)])
    assert listed(found).endswith("; B12, full, and 4 more.")


def test_seeds_are_counted_image_by_image_so_that_equal_recipes_are_equal() -> None:
    """163, 163 and 164 of 200 are as many as 164, 164 and 162, whatever the rounding of their means."""
    records = [trained("A", "full", right, 20.0, seed) for seed, right in enumerate((163, 163, 164))]
    records += [trained("B", "full", right, 10.0, seed) for seed, right in enumerate((164, 164, 162))]
    assert [mark.name for mark in chosen(records).scatter.marks] == ["B, full", "A, full"]


def test_alone_nothing_is_compared() -> None:
    found = chosen(THREE[:1])
    assert sentence(found) == "Take Big, full: 95.0% (91 to 97), 80 ms to classify 32 images."
    assert found.certainty == "Nothing else was tested on the same 200 test images, of which guessing gets 50.0% right."


def test_other_images_are_another_choice() -> None:
    data = builders.data()
    fewer = data.model_copy(
        update={"fingerprint": "0" * 64, "counts": {**data.counts, "train": {"cats": 10, "dogs": 10}}}
    )
    sections = choice.sections(report([THREE[0], trained("Small", "full", 180, data=fewer)]))
    assert [section.heading for section in sections] == [
        "Which to take for cats_dogs, 200 training images", "Which to take for cats_dogs, 20 training images",
    ]  # fmt: skip
