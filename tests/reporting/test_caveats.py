"""What a report cannot say follows from its records."""

from tests import builders
from tlbench.core.cell import Head, Named
from tlbench.reporting.document import Code, Listing, inlines, plain
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import caveats
from tlbench.results.record import Record
from tlbench.results.trained import Setting, TrainedPhase, TrainingPath


def said(*records: Record) -> str:
    return lines_of(*(RunRecord("run", record) for record in records))


def lines_of(*rows: RunRecord) -> str:
    (section,) = caveats.sections(Report("t", rows))
    (lines,) = section.blocks
    assert isinstance(lines, Listing)
    return "\n".join(map(plain, lines.items))


def test_one_training_its_images_and_its_machine_are_all_it_knows() -> None:
    text = said(builders.record(), builders.record(builders.cell(strategy=Named(name="full"))))
    assert (
        "the top-1 of one model alone is known, in points, to about ±3.6 on cats_dogs" in text
    )  # half of 88.6 to 95.8 %
    assert "2 of 2 recipes were trained once" in text
    assert "1 of 1 recipes was trained once" in said(builders.record())
    assert "this is 200 training images" in text
    assert "unstable" not in text
    assert "`tlbench deploy` measures LiteRT, ONNX Runtime and OpenVINO." in text


def test_how_well_top1_is_known_does_not_depend_on_which_record_is_the_last() -> None:
    sure = builders.accuracy().model_copy(update={"low": 0.981, "high": 0.999})
    both = [builders.record(), builders.record(builders.cell(strategy=Named(name="full")), accuracy=sure)]
    for records in (both, both[::-1]):
        assert "in points, to about ±0.9 to ±3.6 on cats_dogs" in said(*records)


def test_several_seeds_or_resamples_say_what_another_training_would_give() -> None:
    seeds = [builders.record(builders.cell(seed=seed)) for seed in range(2)]
    assert "trained once" not in said(*seeds)
    resampled = builders.accuracy().model_copy(update={"resampled": (0.9, 0.92)})
    assert "trained once" not in said(builders.record(accuracy=resampled))


def test_a_head_that_was_not_solved_to_the_end_is_told() -> None:
    def solved(*converged: bool, seed: int = 0) -> Record:
        tried = tuple(
            Setting(setting=1.0, loss=0.5, accuracy=0.8, val_loss=0.6, val_accuracy=0.7, converged=one)
            for one in converged
        )
        head = TrainedPhase(
            name="head", solver="linear", frozen=9, trainable=9, epochs=0, learning_rate=0.0, batch_norm="inference",
            path=TrainingPath(whole=None), tried=tried, chosen=0,
        )  # fmt: skip
        return builders.record(builders.cell(seed=seed), training=(head,))

    assert "at the optimum" not in said(solved(True, False)), "the one that was not chosen is of no matter"
    assert "What 1 solved head would give at the optimum" in said(solved(True), solved(False, True, seed=1))
    (section,) = caveats.sections(Report("t", [RunRecord("run", solved(False))]))
    (lines,) = section.blocks
    assert isinstance(lines, Listing)
    assert any(Code("training[].tried[].converged") in inlines(item) for item in lines.items)
    assert "What 2 solved heads would give" in said(solved(False), solved(False, seed=1))


def test_stand_ins_and_missing_times_are_named() -> None:
    text = said(
        builders.record(data=builders.data(fallback=True), weights=builders.weights(fallback=True), timings=None)
    )
    assert "Anything of photographs" in text
    assert "Anything of transfer learning" in text
    assert "no step was timed" in text


def test_original_classifiers_have_no_test_images_here() -> None:
    of = builders.cell(head=Head(name="imagenet"), train=None, strategy=Named(name="pretrained"))
    text = said(builders.record(of, accuracy=None))
    assert "on another machine" in text
    assert "test images" not in text
