"""What each strategy does, phase by phase; no model is needed to say it."""

from typing import Any, get_args

import pytest

from tests.strategies.test_strategies import ARGS, LAYERS
from tlbench.core.cell import Head
from tlbench.core.training import Augmentation, EarlyStopping, ReduceLROnPlateau, Training
from tlbench.strategies import registry
from tlbench.strategies.base import HEAD_RATE, Phase, Solver, as_asked
from tlbench.training.solvers.registry import SOLVERS

LINEAR, HIDDEN = Head(), Head(hidden=(64,), dropout=0.5)


def training(**changes: Any) -> Training:
    return Training(**{"epochs": 3, "batch_size": 32, "optimizer": "adam", "learning_rate": 1e-4} | changes)


def phases(name: str, head: Head = LINEAR, train: Training | None = None, **args: Any) -> tuple[Phase, ...]:
    strategy = registry.make(name, ARGS.get(name, {}) | args)
    return strategy.phases(LAYERS, train or training(), head)


def test_a_linear_head_on_a_frozen_backbone_is_solved() -> None:
    (head,) = phases("frozen")
    assert (head.name, head.solver, head.frozen, head.epochs, head.learning_rate) == ("head", "linear", 9, 0, 0.0)


@pytest.mark.parametrize(
    ("head", "train", "args"),
    [
        (HIDDEN, training(), {}),
        (Head(dropout=0.2), training(), {}),
        (LINEAR, training(augmentation=Augmentation(flip=True)), {}),
        (LINEAR, training(), {"solver": "gradient"}),
    ],
)
def test_what_is_no_convex_problem_is_trained_by_steps(head: Head, train: Training, args: dict[str, str]) -> None:
    (phase,) = phases("frozen", head, train, **args)
    assert (phase.solver, phase.frozen, phase.epochs, phase.learning_rate) == ("gradient", 9, 3, 1e-4)
    assert not registry.make("frozen", args).solved(head, train)


def test_a_strategy_can_name_every_solver() -> None:
    assert set(get_args(Solver)) == {*SOLVERS, "gradient"}


@pytest.mark.parametrize("solver", sorted(set(SOLVERS) - {"linear"}))
def test_a_solver_that_was_asked_for_is_taken_or_refused(solver: str) -> None:
    (head,) = phases("frozen", solver=solver)
    assert (head.name, head.solver, head.frozen, head.epochs) == ("head", solver, 9, 0)
    strategy = registry.make("frozen", {"solver": solver})
    assert strategy.solved(LINEAR, training())
    assert strategy.has_classifier is (solver != "neighbours")
    strategy.check(LINEAR, training())
    with pytest.raises(
        ValueError, match=rf"solver {solver} finds a head without hidden layers and dropout, not gap-64"
    ):
        strategy.check(HIDDEN, None)
    with pytest.raises(ValueError, match="leave augmentation, mixup, cutmix and rand_augment out"):
        strategy.check(LINEAR, training(augmentation=Augmentation(flip=True)))


@pytest.mark.parametrize(("name", "boundary"), [("partial", 7), ("full", 0)])
def test_fine_tuning_begins_with_the_solved_head(name: str, boundary: int) -> None:
    head, tuning = phases(name)
    assert (head.solver, head.frozen) == ("linear", 9)
    assert tuning == Phase(
        name="fine-tuning",
        frozen=boundary,
        solver="gradient",
        epochs=3,
        learning_rate=1e-4,
        warmup=0.1,
        schedule="cosine",
        batch_norm="inference",
        keep_best=True,
    )


def test_a_head_that_cannot_be_solved_is_trained_first_at_its_own_rate() -> None:
    head, tuning = phases("full", HIDDEN, training(optimizer="sgd"))
    assert (head.solver, head.frozen, head.epochs, head.learning_rate) == ("gradient", 9, 3, 10 * HEAD_RATE)
    assert tuning.learning_rate == 1e-4


@pytest.mark.parametrize("name", ["partial", "full"])
def test_the_old_recipe_is_one_phase_from_a_random_head(name: str) -> None:
    (only,) = phases(name, joint=True, batch_norm="train")
    assert (only.name, only.solver, only.schedule, only.batch_norm) == ("all", "gradient", "constant", "train")
    assert not only.keep_best
    joint = registry.make(name, ARGS.get(name, {}) | {"joint": True})
    assert joint.learning_rate("adam") > registry.make(name, ARGS.get(name, {})).learning_rate("adam")


def test_scratch_has_no_statistics_to_keep_and_no_head_to_solve() -> None:
    (only,) = phases("scratch")
    assert (only.frozen, only.batch_norm, only.solver) == (0, "train", "gradient")


def test_a_rate_that_falls_by_validation_has_no_schedule_of_its_own() -> None:
    tuning = phases("full", train=training(reduce_lr=ReduceLROnPlateau()))[1]
    assert (tuning.warmup, tuning.schedule) == (0.0, "constant")


@pytest.mark.parametrize("restore", [True, False])
def test_the_best_epoch_is_kept_unless_early_stopping_says_otherwise(restore: bool) -> None:
    tuning = phases("full", train=training(early_stopping=EarlyStopping(restore_best=restore)))[1]
    assert tuning.keep_best is restore


@pytest.mark.parametrize(
    ("name", "args", "differs"),
    [
        ("l2_sp", {}, {"pull": 0.1, "shrink": 0.01}),
        ("l2_sp", {"alpha": 1.0, "beta": 0.0}, {"pull": 1.0, "shrink": 0.0}),
        ("wise_ft", {}, {"shares": tuple(tenths / 10 for tenths in range(11)), "keep_best": False}),
        ("wise_ft", {"alpha": 0.5}, {"shares": (0.5,), "keep_best": False}),
        ("ema", {"decay": 0.99}, {"ema": 0.99}),
        ("soup", {"best": 3}, {"soup": 3}),
        ("co_tuning", {}, {"second_head": 2.3}),
        ("co_tuning", {"trade_off": 0.5}, {"second_head": 0.5}),
    ],
)
def test_all_is_as_in_full_but(name: str, args: dict[str, Any], differs: Any) -> None:
    before, last = phases("full")
    assert phases(name, **args) == (before, last.model_copy(update=differs))
    assert registry.make(name, args).learning_rate("sgd") == registry.make("full", {}).learning_rate("sgd")


def test_a_share_is_not_chosen_between_losses_that_cannot_be_compared() -> None:
    smoothed = training(label_smoothing=0.1)
    with pytest.raises(ValueError, match="leave them out, or give alpha"):
        registry.make("wise_ft", {}).check(LINEAR, smoothed)
    registry.make("wise_ft", {"alpha": 0.5}).check(LINEAR, smoothed)
    registry.make("wise_ft", {}).check(LINEAR, training())


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("l2_sp", {"alpha": -1}, "alpha must be greater than or equal to 0"),
        ("wise_ft", {"alpha": 1.5}, "alpha must be less than or equal to 1"),
        ("ema", {"decay": 1}, "decay must be less than 1"),
        ("soup", {"best": 0}, "best must be greater than or equal to 1"),
        ("co_tuning", {"trade_off": 0}, "trade_off must be greater than 0"),
        ("lora", {"batch_norm": "train"}, "lora freezes BatchNormalization"),
    ],
)
def test_arguments_out_of_range_are_refused(name: str, args: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.make(name, args)


def test_settings_of_steps_are_those_of_every_phase_of_steps() -> None:
    asked = training(schedule="step", warmup=0.25)
    for name in ("full", "frozen", "scratch", "partial"):
        for found in as_asked(phases(name, HIDDEN, asked), asked):
            assert (found.schedule, found.warmup, found.keep_start) == ("step", 0.25, True)
    head, tuning = phases("full")
    assert as_asked((head, tuning), asked)[0] == head, "a solver has no use for them"
    assert as_asked((head, tuning), training()) == (head, tuning)


@pytest.mark.parametrize("parts", [{"mixup": 0.2}, {"label_smoothing": 0.1}])
def test_with_labels_in_parts_the_solved_head_is_no_candidate_and_every_epoch_is_one(parts: dict[str, float]) -> None:
    asked = training(epochs=5, **parts)

    def kept(name: str, head: Head = LINEAR) -> list[bool]:
        return [phase.keep_start for phase in as_asked(phases(name, head, asked), asked) if phase.solver == "gradient"]

    assert kept("full") == [False]
    assert kept("gradual") == [False, True, True]
    assert kept("interval") == [False, True]
    assert kept("full", HIDDEN)[1], "a head that was trained by steps saw such labels too"


FROM_HEAD = [name for name in registry.names() if "head_rate" in registry.arguments(name)]


@pytest.mark.parametrize("name", FROM_HEAD)
def test_all_that_tune_begin_with_the_solved_head_and_take_rates_apart(name: str) -> None:
    train = training(epochs=4)
    head, *tuning = phases(name, train=train)
    assert (head.solver, head.frozen) == ("linear", len(LAYERS))
    assert sum(phase.epochs for phase in tuning) == 4
    assert {phase.head_rate for phase in tuning} == {None}
    _, *apart = phases(name, train=train, head_rate=1e-2, backbone_rate=1e-5)
    both = [phase for phase in apart if phase.frozen < len(LAYERS)]
    assert {(phase.learning_rate, phase.head_rate) for phase in both} == {(1e-5, 1e-2)}
    assert {phase.learning_rate for phase in apart if phase not in both} <= {1e-2}
    assert registry.make(name, ARGS.get(name, {}) | {"head_rate": 1e-2}).structure(train) != registry.make(
        name, ARGS.get(name, {}) | {"head_rate": 1e-2}
    ).structure(training(epochs=4, learning_rate=1e-3))


def test_gradual_frees_a_group_in_each_phase_from_the_top() -> None:
    _, *tuning = phases("gradual", train=training(epochs=5))
    assert [(phase.frozen, phase.epochs, phase.name) for phase in tuning] == [
        (7, 1, "fine-tuning 1"),
        (4, 1, "fine-tuning 2"),
        (0, 3, "fine-tuning 3"),
    ]
    with pytest.raises(ValueError, match="so 2 epochs are too few; ask for more epochs or fewer groups"):
        registry.make("gradual", {}).check(LINEAR, training(epochs=2))


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({"from_epoch": 3}, [("head before", 9, 2), ("fine-tuning", 0, 3)]),
        ({"from_epoch": 1, "until_epoch": 2}, [("fine-tuning", 0, 2), ("head after", 9, 3)]),
        (
            {"from_epoch": 2, "until_epoch": 4},
            [("head before", 9, 1), ("fine-tuning", 0, 3), ("head after", 9, 1)],
        ),
        ({"from_epoch": 1, "until_epoch": 5}, [("fine-tuning", 0, 5)]),
    ],
)
def test_interval_trains_the_backbone_in_its_epochs_only(
    args: dict[str, int], found: list[tuple[str, int, int]]
) -> None:
    strategy = registry.make("interval", args)
    _, *tuning = strategy.phases(LAYERS, training(epochs=5), LINEAR)
    assert [(phase.name, phase.frozen, phase.epochs) for phase in tuning] == found


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({}, "needs from_epoch, until_epoch or both"),
        ({"from_epoch": 3, "until_epoch": 2}, "from_epoch 3 is after until_epoch 2"),
    ],
)
def test_an_interval_that_is_none_is_refused(args: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.make("interval", args)


def test_an_interval_outside_the_epochs_is_refused() -> None:
    with pytest.raises(ValueError, match="names epoch 9, but there are 3 epochs"):
        registry.make("interval", {"until_epoch": 9}).check(LINEAR, training())


def test_lower_layers_have_lower_rates() -> None:
    by_block = phases("layerwise", decay=0.5)[1].multiples
    assert by_block == (0.125, 0.125, 0.125, 0.125, 0.25, 0.25, 0.25, 0.5, 0.5)
    assert phases("layerwise", decay=0.5, groups=1)[1].multiples == (0.5,) * 9
