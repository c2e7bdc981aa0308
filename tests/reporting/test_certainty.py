"""What a recommendation says of its own certainty: seeds, intervals, test images, stand-ins."""

from collections.abc import Sequence

from tests import builders
from tests.narrow import present
from tests.reporting.choices import THREE, chosen, report, trained
from tlbench.core.cell import Limit, Named
from tlbench.reporting.answer import sentence
from tlbench.reporting.formats import as_latex, as_markdown, as_text
from tlbench.reporting.plots import Choice
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import choice
from tlbench.reporting.views.certainty import never_recognised
from tlbench.results.images import Duplicates, SplitAudit
from tlbench.results.record import Record
from tlbench.results.trained import Epoch


def claims(records: Sequence[Record]) -> str:
    """What is said once for all answers."""
    return choice.how_sure(report(records).decisions)


def test_some_with_one_seed_are_counted() -> None:
    several = [trained("A", "full", 180 + seed, 20.0, seed) for seed in range(3)]
    said = chosen([*several, trained("B", "full", 120, 20.0)]).certainty
    assert "Compared, with 95 % confidence: 2 trained models, 1 of them with one seed, on the same" in said


def test_what_the_claims_mean_is_said_once_for_all_data_sets() -> None:
    data = builders.data()
    fewer = data.model_copy(update={"fingerprint": "0" * 64})
    records = [*THREE, *(trained(name, "full", 150, data=fewer, limit=Limit(train=9)) for name in ("A", "B"))]
    for text in (as_text(report(records)), as_markdown(report(records)), as_latex(report(records))):
        assert text.count("Gupta") == 1
    assert claims(THREE[:1]) == ""
    (alone,) = choice.sections(report(THREE[:1]))
    assert alone.heading == "Which to take for cats_dogs"


def test_an_interval_over_other_training_images_is_told_from_one_of_a_single_training() -> None:
    scores = present(trained("A", "frozen", 180).accuracy).model_copy(update={"resampled": (0.9, 0.91, 0.89, 0.9)})
    head = trained("A", "frozen", 180, 20.0, accuracy=scores)
    said = "The interval of a solved head also covers other training images"
    assert said in claims([head, trained("B", "full", 170)])
    assert said in " ".join(as_text(report([head, trained("B", "full", 170)])).split())
    assert said not in claims(THREE)


def test_pictures_in_two_splits_are_told_beside_the_answer_where_they_can_be_worth_a_point() -> None:
    none = Duplicates(total=0, files=())
    kinds = ("exact_two_labels", "exact_across", "exact_within", "near_two_labels", "near_across", "near_within")

    def said(total: int) -> str:
        audit = SplitAudit(**dict.fromkeys(kinds, none), balance={})
        audit = audit.model_copy(update={"near_across": Duplicates(total=total, files=())})
        data = builders.data().model_copy(update={"audit": audit})
        return chosen([trained("A", "full", 180, data=data), trained("B", "full", 120, data=data)]).certainty

    beside = "3 pictures in two splits (equal, or nearly so): accuracies may not be those of unseen images with right labels."
    assert beside in said(3)
    assert "pictures" not in said(2), "of 200 test images"


def test_fine_tuning_that_was_thrown_away_is_said_with_its_seeds() -> None:
    """The row of `full` is then that of `frozen` under another name, which its ± 0.0 does not tell."""

    def after(record: Record, kept: int, epochs: int = 2) -> Record:
        """With the weights of epoch `kept`, of which 0 is the solved head."""
        history = tuple(
            Epoch(epoch=at, loss=0.1, accuracy=0.9, val_loss=0.3 + at / 10, val_accuracy=0.9 - at / 10,
                  learning_rate=0.0, seconds=1.0)
            for at in range(epochs + 1)
        )  # fmt: skip
        chosen = {"validation_loss": history[kept].val_loss + 1e-9, "validation_top1": history[kept].val_accuracy}
        accuracy = present(record.accuracy).model_copy(update=chosen)
        return record.model_copy(update={"history": history, "accuracy": accuracy})

    seeds = [trained("A", "full", 180, 20.0, seed) for seed in range(3)]
    records = [after(seeds[0], 0), after(seeds[1], 2), after(seeds[2], 0, 1)]
    assert [record.kept_head for record in records] == [True, False, True]
    said = chosen([*records, trained("B", "full", 120, 20.0)]).certainty
    assert "Fine-tuning was thrown away in A, full (2 of 3 seeds): on the validation images the solved head" in said
    both = [after(trained("A", "full", 180), 0), trained("B", "full", 120)]
    assert "thrown away (°) in A, full: on the" in chosen(both).certainty
    (decision,) = report(both).decisions
    assert [decision.told(place) for place in (0, 1)] == ["leads°", "not as trained"]
    assert "leads°" in as_text(report(both))
    assert not after(seeds[0], 0, 0).kept_head, "a head that was solved, and nothing after it"
    wise = builders.cell(strategy=Named(name="wise_ft", args={"alpha": 0.0}))
    asked = after(seeds[0], 0).model_copy(update={"cell": wise})
    assert not asked.kept_head, "the suite asks for none of the fine-tuned weights"
    assert "thrown away" not in chosen([after(seeds[0], 2), trained("B", "full", 120)]).certainty


def test_few_test_images_are_said_to_say_little() -> None:
    few = trained("Small", "full", 15).model_copy(update={"accuracy": builders.accuracy(15, 18)})
    said = chosen([few]).certainty
    # Wilson's interval of 9 of 18 is 29.0 to 71.0 %.
    assert said.startswith(
        "18 test images say little: one more that is right is 5.6 points, and an accuracy of a half is known to within "
        "21 points either way."
    )
    enough = few.model_copy(update={"accuracy": builders.accuracy(80, 100)})
    assert "say little" not in chosen([enough]).certainty


def test_seeds_make_it_about_recipes() -> None:
    several = [
        trained(name, "full", correct + seed, 20.0, seed)
        for name, correct in (("A", 180), ("B", 120))
        for seed in range(3)
    ]
    found = chosen(several)
    assert sentence(found).endswith(" It is better than the other one.")
    assert "This holds for other seeds (3 each), and for other test images" in claims(several)
    scores = present(several[0].accuracy).model_copy(update={"resampled": (0.9, 0.91, 0.89, 0.9)})
    head = trained("A", "frozen", 180, 20.0, accuracy=scores)
    with_head = claims([*several, head])
    assert (
        "seeds (3 each), for other training images where a head was solved and has no seed, and for other" in with_head
    )


def test_what_stands_in_for_photographs_or_weights_is_said_before_anything_is_claimed() -> None:
    drawn = chosen(
        [
            trained("A", "full", 190, data=builders.data(fallback=True)),
            trained("B", "full", 100, data=builders.data(fallback=True)),
        ]
    )
    random = chosen([trained("A", "full", 190, weights=builders.weights(fallback=True))])
    assert drawn.certainty.startswith("These are drawn pictures")
    assert random.certainty.startswith("Random weights stand in")


def test_answers_that_were_not_kept_are_told() -> None:
    section, *_ = choice.sections(Report("t", [RunRecord("run", one) for one in THREE]))
    block = section.blocks[0]
    assert isinstance(block, Choice)
    assert "Answers to single images were not kept of all" in block.certainty


def scored(record: Record, **per_class: float) -> Record:
    scores = present(record.accuracy).model_copy(update={"per_class": per_class})
    return record.model_copy(update={"accuracy": scores})


def test_a_class_that_the_recommended_model_never_recognises_is_named() -> None:
    images = builders.data().counts["test"]["dogs"]
    blind = [scored(trained("A", "full", 180 + seed, 20.0, seed), cats=0.9, dogs=0.0) for seed in range(3)]
    other = trained("B", "full", 120, 20.0)
    never = f"A, full never recognises dogs (0 of {images}) with any of 3 seeds. "
    assert chosen([*blind, other]).certainty.startswith(never)
    for text in (as_text(report([*blind, other])), as_markdown(report([*blind, other]))):
        assert never.strip() in " ".join(text.split())
    assert chosen([blind[0]]).certainty.startswith(f"A, full never recognises dogs (0 of {images}). ")
    once = [*blind[:2], scored(blind[2], cats=0.9, dogs=0.1)]
    assert "never recognises" not in chosen([*once, other]).certainty, "one seed recognises some"
    worse = scored(other, cats=0.9, dogs=0.0)
    assert "never recognises" not in chosen([trained("A", "full", 180, 20.0), worse]).certainty, "it leads nothing"


def test_many_classes_that_are_never_recognised_are_counted() -> None:
    names = [f"c{number}" for number in range(6)]
    data = builders.data().model_copy(update={"counts": {"test": dict.fromkeys(names, 2)}})
    blind = scored(trained("A", "full", 180), **dict.fromkeys(names, 0.0)).model_copy(update={"data": data})
    assert never_recognised("A", [blind]) == (
        "A never recognises c0 (0 of 2), c1 (0 of 2), c2 (0 of 2), c3 (0 of 2) and 2 more."
    )
    assert never_recognised("A", [scored(blind, c0=0.5)]) == "", "a class without test images has no recall"
