"""`tlbench advise`: the textbook rule, what runs measured, and the difference, through the real command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import builders
from tests.session.runs import make_run
from tlbench.cli import main
from tlbench.core.cell import Limit, Named
from tlbench.datasets import synthetic
from tlbench.regression import advice as module
from tlbench.regression.contrasts import Recipe
from tlbench.results.record import Record
from tlbench.results.trained import Epoch
from tlbench.statistics.ranks import Shift

PARAMS = {"frozen": 514, "partial": 140_000, "full": 214_000}
Said = Callable[..., str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What the command prints, and the error where it ends with `code`."""

    def call(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["advise", *words])
        assert ended.value.code == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return call


def trained(
    strategy: str, share: float, seed: int = 0, images: int = 100, dataset: str = "intel", **changes: Any
) -> Record:
    resampled = tuple(share + np.linspace(-0.01, 0.01, 20)) if strategy == "frozen" else ()
    accuracy = builders.accuracy(round(share * 1000), 1000).model_copy(update={"resampled": resampled})
    data, record = builders.data(), builders.record()
    counts = data.counts | {"train": {"cats": images, "dogs": images}}
    given = data.model_copy(update={"fingerprint": f"{images:032}{dataset:0>32}", "counts": counts})
    args = {"trainable": 0.3} if strategy == "partial" else {}
    cell = builders.cell(
        strategy=Named(name=strategy, args=args), seed=seed, limit=Limit(train=images), dataset=Named(name=dataset)
    )
    params = (
        record.counts.model_copy(update={"trainable": PARAMS.get(strategy, PARAMS["full"])}) if record.counts else None
    )
    return builders.record(cell, **{"accuracy": accuracy, "data": given, "counts": params} | changes)


def several(strategy: str, share: float, **changes: Any) -> list[Record]:
    """Three seeds that spread by half a point."""
    return [trained(strategy, share + 0.005 * (seed - 1), seed, **changes) for seed in range(3)]


@pytest.mark.parametrize(
    ("images", "similar", "strategy"),
    [(999, "yes", "frozen"), (999, "no", "partial"), (1000, "yes", "full"), (1000, "no", "full")],
)
def test_the_four_corners_of_the_lessons(images: int, similar: str, strategy: str, said: Said) -> None:
    found = json.loads(said("--images", str(images), "--similar", similar, "--json"))
    assert found["rule"]["strategy"] == strategy
    assert "CS231n" in found["rule"]["sources"][0]
    assert (found["measured"], found["choice"], found["difference"]) == ([], None, None)


def test_without_runs_it_says_how_to_measure(said: Said) -> None:
    text = said("--images", "20", "--similar", "no")
    assert "Textbook rule: partial, for few images (20 per class;" in text
    assert "Measured: nothing. `tlbench run images`" in text


def test_of_what_is_close_to_the_highest_the_one_that_trains_least_is_chosen(said: Said, tmp_path: Path) -> None:
    make_run(tmp_path / "run", [trained("frozen", 0.85), *several("partial", 0.60), *several("full", 0.86)])
    found = json.loads(said(str(tmp_path / "run"), "--images", "200", "--similar", "yes", "--json"))
    (measured,) = found["measured"]
    how = {one["strategy"]: (one["significantly_worse"], one["close"]) for one in measured["recipes"]}
    assert how == {"full": (False, True), "frozen": (False, True), "partial (trainable=0.3)": (True, False)}
    assert (found["choice"], found["agree"]) == ("frozen", True)
    text = said(str(tmp_path / "run"), "--images", "200", "--similar", "yes")
    assert "The rule and the measurements agree on frozen." in text
    assert " Worse\n" in text
    (line,) = (line for line in text.splitlines() if line.startswith("intel"))
    assert line.split()[3:] == ["100", "full", "86.0%", "±", "0.5", "frozen", "partial", "(trainable=0.3)"]


def test_neither_the_order_of_runs_nor_that_of_equals_matters(said: Said, tmp_path: Path) -> None:
    fifty = [trained("frozen", 0.86, images=50), *several("full", 0.60, images=50)]
    make_run(tmp_path / "a", fifty)
    make_run(tmp_path / "b", [trained("frozen", 0.60, images=200), *several("full", 0.90, images=200)], day=2)
    for runs in (("a", "b"), ("b", "a")):
        words = [*(str(tmp_path / run) for run in runs), "--images", "100", "--similar", "yes", "--json"]
        found = json.loads(said(*words))
        assert (found["choice"], [one["images"] for one in found["measured"]]) == ("frozen", [50])
    equal = [record for name in ("layerwise", "full", "ema") for record in several(name, 0.86)]
    make_run(tmp_path / "c", [trained("frozen", 0.60), *equal], day=3)
    for many, choice in (("1000", "full"), ("100", "ema")):
        found = json.loads(said(str(tmp_path / "c"), "--images", many, "--similar", "yes", "--json"))
        assert found["choice"] == choice, "the rule's, or else the first by name"


def test_thrown_away_fine_tuning_and_few_test_images_are_told(said: Said, tmp_path: Path) -> None:
    """`full` is then the solved head under another name."""
    epoch = {"loss": 0.1, "accuracy": 0.9, "val_accuracy": 0.9, "learning_rate": 0.0, "seconds": 1.0}
    history = tuple(Epoch(epoch=at, val_loss=0.3 + at, **epoch) for at in range(2))
    few = builders.accuracy(27, 30).model_copy(update={"validation_loss": 0.3, "validation_top1": 0.9})
    solved = few.model_copy(update={"resampled": tuple(0.9 + np.linspace(-0.01, 0.01, 20))})
    records = [
        trained("frozen", 0.9, accuracy=solved),
        *(trained("full", 0.9, seed, accuracy=few, history=history) for seed in range(2)),
    ]
    make_run(tmp_path / "run", records)
    text = " ".join(said(str(tmp_path / "run"), "--images", "100", "--similar", "yes").split())
    assert "30 test images say little" in text
    assert "thrown away (°) in full of MobileNet (alpha=0.25) on intel (2 of 2 seeds)" in text
    assert " full° " in text


def test_what_cannot_be_told_apart_with_few_seeds_is_not_called_as_good(said: Said, tmp_path: Path) -> None:
    two = [
        trained(strategy, share, seed) for strategy, share in (("partial", 0.795), ("full", 0.87)) for seed in (0, 1)
    ]
    spread = [record if record.cell.seed else trained(record.cell.strategy.name, 0.83) for record in two]
    make_run(tmp_path / "run", spread)
    found = json.loads(said(str(tmp_path / "run"), "--images", "100", "--similar", "no", "--json"))
    (measured,) = found["measured"]
    how = {one["strategy"]: (one["significantly_worse"], one["close"]) for one in measured["recipes"]}
    assert how == {"full": (False, True), "partial (trainable=0.3)": (False, False)}
    assert (found["choice"], found["agree"]) == ("full", False)
    assert found["difference"] == "No contradiction: partial, by the rule, is not significantly worse than the highest."


def test_two_points_are_at_most_two_points() -> None:
    """Of 200 images, 186 and 182: their shares differ by a hair more than 0.02."""
    records = [*several("full", 0.93), *several("partial", 0.91)]
    tested = [Recipe(tuple(records[:3])), Recipe(tuple(records[3:]))]
    for recipe, correct in zip(tested, (186, 182), strict=True):
        accuracy = builders.accuracy(correct, 200)
        for record in recipe.records:
            object.__setattr__(record, "accuracy", accuracy)
    (measured,) = module.advise(100, True, tested, lambda record: None).measured
    assert len(measured.near) == len(measured.equal)


def test_agreement_in_some_comparisons_is_counted(said: Said, tmp_path: Path) -> None:
    records = [trained("frozen", 0.85, dataset="a"), *several("full", 0.70, dataset="a")]
    records += [trained("frozen", 0.60, dataset="b"), *several("full", 0.90, dataset="b")]
    records += [trained("frozen", 0.60, dataset="c"), *several("partial", 0.90, dataset="c")]
    make_run(tmp_path / "run", records)
    text = said(str(tmp_path / "run"), "--images", "100", "--similar", "yes")
    assert "The rule and the measurements agree on frozen, in 1 of 3 comparisons." in " ".join(text.split())


def test_random_weights_that_are_fine_tuned_say_nothing_of_transfer(said: Said, tmp_path: Path) -> None:
    random = builders.weights().model_copy(update={"source": "random", "file": None, "sha256": None})
    poor = [trained("frozen", 0.55, weights=random), *several("full", 0.90, weights=random)]
    poor += several("partial", 0.75, weights=random)
    make_run(tmp_path / "random", poor)
    text = said(str(tmp_path / "random"), "--images", "100", "--similar", "yes")
    assert "no two strategies used the same photographs and real weights" in " ".join(text.split())
    make_run(tmp_path / "real", [trained("frozen", 0.925), *several("full", 0.75)])
    both = [str(tmp_path / name) for name in ("random", "real")]
    found = json.loads(said(*both, "--images", "100", "--similar", "yes", "--json"))
    assert (found["choice"], found["agree"], found["judged"]) == ("frozen", True, 1)


def test_where_runs_contradict_the_rule_both_are_named(said: Said, tmp_path: Path) -> None:
    make_run(tmp_path / "run", [trained("frozen", 0.70), *several("full", 0.90)])
    text = said(str(tmp_path / "run"), "--images", "100", "--similar", "yes")
    assert (
        "Measured: full, the highest or at most 2 points, and not significantly, below it in the one comparison."
        in text
    )
    assert (
        "They differ: the rule says frozen, significantly worse than the highest in 1 of 1 comparisons; full is the highest"
        in text
    )
    text = said(str(tmp_path / "run"), "--images", "100", "--similar", "no")
    assert "the rule says partial, which was not judged here; of the others, full is the choice" in text


def test_the_nearest_number_of_images_counts_and_a_far_one_is_said(said: Said, tmp_path: Path) -> None:
    few = [trained("frozen", 0.70, images=10), *several("full", 0.50, images=10)]
    many = [trained("frozen", 0.80, images=250), *several("full", 0.95, images=250)]
    make_run(tmp_path / "run", [*few, *many])
    near = {
        count: json.loads(said(str(tmp_path / "run"), "--images", str(count), "--similar", "yes", "--json"))
        for count in (40, 60)
    }
    assert {count: found["measured"][0]["images"] for count, found in near.items()} == {40: 10, 60: 250}
    assert {count: found["choice"] for count, found in near.items()} == {40: "frozen", 60: "full"}
    assert "over 3 times fewer or more images than yours" in said(
        str(tmp_path / "run"), "--images", "60", "--similar", "yes"
    )
    assert "than yours say" not in said(str(tmp_path / "run"), "--images", "250", "--similar", "yes")


def test_one_seed_and_stand_ins_decide_nothing(said: Said, tmp_path: Path) -> None:
    make_run(tmp_path / "one", [trained("frozen", 0.7), trained("full", 0.9)])
    text = said(str(tmp_path / "one"), "--images", "100", "--similar", "yes")
    assert "not judged: one seed" in text
    assert " Worse\n" not in text
    assert "No measurement speaks for or against frozen." in text
    drawn = builders.data(fallback=True)
    make_run(tmp_path / "drawn", [trained("frozen", 0.7, data=drawn), *several("full", 0.9, data=drawn)])
    text = said(str(tmp_path / "drawn"), "--images", "100", "--similar", "yes")
    assert "no two strategies used the same photographs" in text


def test_a_rule_that_is_nowhere_worse_or_was_tried_somewhere_is_said_to_be(said: Said, tmp_path: Path) -> None:
    even = [trained("frozen", 0.86), *several("full", 0.855)]
    make_run(tmp_path / "even", even)
    text = said(str(tmp_path / "even"), "--images", "2000", "--similar", "yes")
    assert "No contradiction: full, by the rule, is not significantly worse than the highest." in text
    apart = [trained("frozen", 0.70, dataset="b"), *several("partial", 0.90, dataset="b")]
    make_run(tmp_path / "apart", [*even, *apart])
    text = " ".join(said(str(tmp_path / "apart"), "--images", "2000", "--similar", "yes").split())
    assert "full, by the rule, is not significantly worse than the highest in the 1 of 2 comparisons that have" in text
    more = [trained("frozen", 0.70, dataset="cats_dogs"), *several("full", 0.60, dataset="cats_dogs")]
    more += [trained("frozen", 0.70, dataset="b"), *several("partial", 0.90, dataset="b")]
    make_run(tmp_path / "some", [*even, *more])
    text = " ".join(said(str(tmp_path / "some"), "--images", "2000", "--similar", "yes").split())
    assert "the rule says full, significantly worse than the highest in 1 of 2 comparisons with it; frozen is" in text


def test_several_runs_are_counted_together(said: Said, tmp_path: Path) -> None:
    make_run(tmp_path / "a", [trained("frozen", 0.85), *several("full", 0.70)])
    make_run(
        tmp_path / "b", [trained("frozen", 0.70, dataset="cats_dogs"), *several("full", 0.705, dataset="cats_dogs")]
    )
    found = json.loads(said(str(tmp_path / "a"), str(tmp_path / "b"), "--images", "100", "--similar", "yes", "--json"))
    assert (found["choice"], found["best_in"], found["judged"]) == ("frozen", 2, 2)


def test_a_folder_of_images_is_counted(said: Said, tmp_path: Path) -> None:
    counts = {"train": 6, "validation": 2, "test": 2}
    synthetic.write_tree(tmp_path / "flowers", ("rose", "tulip"), counts, 8)
    found = json.loads(said("--path", str(tmp_path / "flowers"), "--similar", "no", "--json"))
    assert found["images"] == 6


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--similar", "yes"], "give the number of training images per class"),
        (["--similar", "yes", "--images", "5", "--path", "x"], "give the number of training images per class"),
        (["--images", "5"], "--similar is missing: yes for classes like ImageNet's"),
        (["--images", "5", "--similar", "maybe"], "--similar maybe: yes for classes like ImageNet's"),
        (["--images", "0", "--similar", "yes"], "0 is not in the range x>=1"),
        (["--path", "nowhere", "--similar", "yes"], "the data set folder nowhere does not exist"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(words: list[str], error: str, said: Said) -> None:
    *usage, text = said(*words, code=64).splitlines()
    assert error in text
    assert [line.partition(" ")[0] for line in usage] in ([], ["Usage:", "Try", ""])  # before click's own errors


def test_a_run_that_is_nowhere_has_the_code_of_what_is_missing(said: Said) -> None:
    assert "nowhere does not exist" in said("--images", "5", "--similar", "yes", "nowhere", code=3)


def test_recipes_are_told_apart_only_after_correction_over_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three recipes are three pairs: p = 0.02 of each is not enough at 5 %, and 0.01 is."""
    shares = {"full": 0.90, "partial": 0.89, "frozen": 0.88}
    recipes = [Recipe(tuple(several(strategy, share))) for strategy, share in shares.items()]
    for p, equal in ((0.02, 3), (0.01, 1)):
        shift = Shift(-0.01, -0.02, 0.0, p)
        monkeypatch.setattr(module, "compare", lambda sides, couples, shift=shift: [shift] * len(couples))
        (measured,) = module.advise(100, True, recipes, lambda record: None).measured
        assert len(measured.equal) == equal
