"""What a newcomer is told of a folder of images is one screen, with what stops a run first."""

from dataclasses import replace
from pathlib import Path

from tlbench.datasets.audit import Audit
from tlbench.datasets.duplicates import Groups, Place
from tlbench.reporting.views.folder import FINE, screen
from tlbench.results.images import SkippedFile, SplitOrigin

NOTHING = Groups((), (), ())


def audit(classes: tuple[str, ...] = ("cats", "dogs"), each: int = 60) -> Audit:
    counts = {split: dict.fromkeys(classes, each) for split in ("train", "validation", "test")}
    return Audit(
        folder=Path("pets"),
        classes=classes,
        counts=counts,
        balance=dict.fromkeys(counts, 1.0),
        splits={split: SplitOrigin(folder=split, files=each * len(classes)) for split in counts},
        left_out=(),
        undecodable=(),
        files=(),
        exact=NOTHING,
        near=NOTHING,
    )


def bad(split: str, count: int) -> tuple[SkippedFile, ...]:
    return tuple(
        SkippedFile(split=split, path=f"{split}/cats/{number}.jpg", reason="empty file") for number in range(count)
    )


def many(sign: str) -> tuple[tuple[Place, ...], ...]:
    return tuple(
        tuple(Place("train", "cats", f"train/cats/{sign}{number} {'long' * 30}.jpg") for number in range(5))
        for _ in range(50)
    )


def test_a_sound_folder_is_said_to_be_one() -> None:
    said = screen(audit()).splitlines()
    assert said[0] == "pets"
    assert [line.split() for line in said if line.startswith("test")] == [["test", "test/", "60", "60", "120", "1.00"]]
    assert said[-1] == FINE
    assert "What to do:" not in said


def test_whatever_is_wrong_all_of_it_is_one_screen_with_what_to_do_last() -> None:
    groups = Groups(many("a"), many("b"), many("c"))
    names = tuple(f"{'class ' * 12}{number}" for number in range(300))
    for classes in (("cats", "dogs"), names):
        worst = replace(
            audit(classes, each=0),
            folder=Path("far" * 90),
            left_out=bad("", 70),
            undecodable=bad("train", 70) + bad("test", 90),
            exact=groups,
            near=groups,
        )
        said = screen(worst).splitlines()
        assert len(said) <= 38
        assert max(map(len, said)) <= 100
        headings = [line.partition(" (")[0] for line in said if line.endswith("):")]
        assert headings == [
            "Left out", "No images", "The same picture under two labels", "The same picture in two splits",
            "The same picture twice in a split",
        ]  # fmt: skip
        assert said.index("What to do:") > said.index(
            next(line for line in said if line.startswith("The same picture twice"))
        )
    assert any(line.startswith("300 classes: ") for line in said)


def test_files_that_stop_a_run_come_first_and_few_that_do_not_are_said_to() -> None:
    first = screen(replace(audit(), undecodable=bad("train", 7))).partition("What to do:\n")[2]
    assert first.startswith(
        "  - a run is refused: 7 of 120 files in train cannot be decoded, more than 5%; the same command"
    )
    few = screen(replace(audit(), undecodable=bad("train", 6)))
    assert "refused" not in few
    assert "  - a run leaves out undecodable files; the same command with `--move-bad DIR`" in few


def test_a_class_without_a_picture_stops_a_run() -> None:
    counts = {
        "train": {"cats": 60, "dogs": 60},
        "validation": {"cats": 60, "dogs": 60},
        "test": {"cats": 60, "dogs": 0},
    }
    said = screen(replace(audit(), counts=counts, undecodable=bad("test", 1)))
    assert "a run is refused: there is no decodable image of class 'dogs' in test" in said


def test_few_test_images_are_said_with_what_they_can_tell() -> None:
    """Of 16, Wilson's interval at one half is 28.0 to 72.0 %."""
    assert "test has 16 images: an accuracy is only known to about +-22 points" in screen(audit(each=8))
    assert "test has" not in screen(audit(each=50))
