"""The recommendation within limits of cost."""

from collections.abc import Sequence

import pytest

from tests import builders
from tests.reporting.choices import THREE, chosen, on_gpu, report, trained
from tlbench.core.errors import UserError
from tlbench.reporting import numbers
from tlbench.reporting.answer import listed, sentence
from tlbench.reporting.document import Note, Section, Table
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import choice, limited
from tlbench.results.record import Record


def test_within_a_limit_what_cannot_be_told_from_guessing_does_not_lead() -> None:
    section, *_ = choice.sections(report([trained("Big", "full", 190, 80.0), trained("Small", "full", 105, 20.0)]))
    folded = [block for block in section.blocks if isinstance(block, Section)]
    lines = [row for one in folded for block in one.blocks if isinstance(block, Table) for row in block.rows]
    assert not [row for row in lines if row[2] == "Small, full"]


def test_within_limits_the_sentence_is_another() -> None:
    found = chosen(THREE)
    assert sentence(found, [1, 2]) == (
        "Within these limits take Small, full: 93.5% (88 to 97), 20 ms to classify 32 images. As trained here, it is better "
        "than the other one."
    )
    assert sentence(found, [2]).endswith("75.0% (67 to 82), 20 ms to classify 32 images.")
    assert sentence(found, []) == "Nothing that was tested is within these limits."
    assert listed(found, []) == listed(found, [2]) == ""


def test_limits_are_named_by_their_cost_and_wrong_ones_are_told() -> None:
    (section,) = limited.sections(report(THREE), {"inference": 50, "memory": 1000})
    (note,) = section.blocks
    assert isinstance(note, Note)
    assert note.lines == (sentence(chosen(THREE), [1, 2]),)
    with pytest.raises(UserError, match="there is no cost 'inferense' here; did you mean 'inference'"):
        limited.sections(report(THREE), {"inferense": 50})
    with pytest.raises(UserError, match="nothing was trained, so there is nothing to choose from"):
        limited.sections(Report("t", []), {"size": 1})
    both = [*THREE, on_gpu(trained("Third", "full", 180, 20.0))]
    with pytest.raises(UserError, match="inference may be inference-cpu or inference-gpu; name one of them"):
        limited.sections(report(both), {"inference": 50})
    with pytest.raises(
        UserError, match=r"'x' here; known costs: inference-cpu, inference-gpu, memory, parameters, size"
    ):
        limited.sections(report(both), {"x": 50})


def lines_within(records: Sequence[Record], **limits: float) -> tuple[str, ...]:
    (section,) = limited.sections(report(records), limits)
    (note,) = section.blocks
    assert isinstance(note, Note)
    return tuple(map(str, note.lines))


@pytest.mark.parametrize(
    ("limits", "fit"),
    [({"inference": 55}, True), ({"inference": 54}, False), ({"parameters": 219_000}, True), ({"size": 0.83}, False)],
)
def test_what_is_written_as_the_limit_is_within_it(limits: dict[str, float], fit: bool) -> None:
    """55.1 ms are read as 55, and 219,058 parameters as 219K."""
    said = lines_within([trained("Big", "full", 190, 80.0), trained("Small", "full", 187, 55.1)], **limits)
    assert ("Small, full" in said[0]) == fit


def test_where_nothing_fits_the_cheapest_of_each_cost_is_named() -> None:
    cheap = trained("Small", "full", 187, 55.1)
    assert lines_within([trained("Big", "full", 190, 80.0), cheap], inference=20, size=0.1) == (
        "Nothing that was tested is within the limits inference=20 and size=0.1.",
        "The cheapest by inference is Small, full: 55 ms to classify 32 images.",
        "None is the cheapest by size: 2 of 2 have the lowest, 0.84 MiB.",
    )


def test_of_times_that_are_written_alike_none_is_the_cheapest() -> None:
    alike = [trained("Big", "full", 190, 55.2), trained("Small", "full", 187, 55.1), trained("Slow", "full", 187, 80.0)]
    assert lines_within(alike, inference=15) == (
        "Nothing that was tested is within the limit inference=15.",
        "None is the cheapest by inference: 2 of 3 have the lowest, 55 ms to classify 32 images.",
    )


def test_what_is_taken_within_a_limit_says_which_class_it_never_recognises() -> None:
    blind = trained("Small", "full", 187, 55.1)
    scores = blind.accuracy.model_copy(update={"per_class": {"cats": 0.98, "dogs": 0.0}}) if blind.accuracy else None
    said = lines_within(
        [trained("Big", "full", 190, 80.0), blind.model_copy(update={"accuracy": scores})], inference=60
    )
    images = builders.data().counts["test"]["dogs"]
    assert said[-1] == f"Small, full never recognises dogs (0 of {images})."


def test_a_limit_of_time_says_why_there_are_no_times() -> None:
    with pytest.raises(
        UserError, match=r"inference: No step was timed here: .* Known costs: memory, parameters, size$"
    ):
        lines_within([trained("Big", "full", 190)], inference=20)
    with pytest.raises(UserError, match="inference-gpu: No such step was timed here"):
        lines_within(THREE, **{"inference-gpu": 20})
    runs = [RunRecord(run, one) for run, one in zip("ab", THREE, strict=False)]
    with pytest.raises(UserError, match="training: Step times here are of several runs, none of which timed all"):
        limited.sections(Report("t", runs), {"training": 20})


def test_the_best_within_each_limit_is_a_folded_table() -> None:
    section, *_ = choice.sections(report(THREE))
    folded = section.blocks[1]
    assert isinstance(folded, Section)
    assert folded.folded
    (table,) = folded.blocks
    assert isinstance(table, Table)
    assert table.rows[:2] == (
        ("Inference step (ms, CPU)", "20", "Small, full", "93.5%", "0 of 1"),
        ("Inference step (ms, CPU)", "80", "Big, full", "95.0%", "1 of 2"),
    )


def test_of_limits_that_are_written_alike_the_last_leader_is_named() -> None:
    section, *_ = choice.sections(report([trained("A", "full", 180, 20.01), trained("B", "full", 190, 20.02)]))
    folded = [block for block in section.blocks if isinstance(block, Section)]
    lines = [row for one in folded for block in one.blocks if isinstance(block, Table) for row in block.rows]
    assert not [row for row in lines if row[0] == "Inference step (ms, CPU)" and row[2] == "A, full"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (20.0, "20"),
        (13.21, "13.3"),
        (0.836, "0.836"),
        (0.8361, "0.837"),
        (999.2, "1,000"),
        (219058.0, "219,058"),
        (0, "0"),
    ],
)
def test_a_limit_is_never_written_below_what_it_is_of(value: float, text: str) -> None:
    assert numbers.at_most(value) == text
