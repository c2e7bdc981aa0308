"""Every solver that a strategy can name keeps the one promise."""

import numpy as np
import pytest

from tests.training.solvers.drawn import examples
from tlbench.training.solvers.registry import PENALISED, SOLVERS, solver_of


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_by_name_gives_a_head_that_does_what_its_path_says(name: str) -> None:
    train, validation = examples(80, 30, 3, apart=6), examples(100, 30, 3, seed=1, apart=6)
    solved = SOLVERS[name]().solve(train, validation, 3)
    probabilities = solved.head.probabilities(validation.features)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    chosen, true = solved.path[solved.chosen], probabilities[np.arange(100), validation.labels]
    assert chosen.val_loss == pytest.approx(-np.log(true).mean(), abs=1e-4)
    assert chosen.val_accuracy == pytest.approx((probabilities.argmax(axis=1) == validation.labels).mean())
    assert chosen.val_accuracy > 0.8


@pytest.mark.parametrize("name", SOLVERS)
def test_one_setting_alone_gives_the_head_that_was_chosen_for_it(name: str) -> None:
    train, validation = examples(80, 30, 3, apart=6), examples(100, 30, 3, seed=1, apart=6)
    solved = SOLVERS[name]().solve(train, validation, 3)
    alone = SOLVERS[name]().fixed(solved.setting).solve(train, validation, 3)
    assert [point.setting for point in alone.path] == [pytest.approx(solved.setting)]
    # L-BFGS began elsewhere, and is as near to the minimum as it promises.
    np.testing.assert_allclose(
        alone.head.probabilities(validation.features), solved.head.probabilities(validation.features), atol=0.05
    )


@pytest.mark.parametrize("name", PENALISED)
def test_given_penalties_are_all_tried(name: str) -> None:
    train, validation = examples(80, 30, 3), examples(100, 30, 3, seed=1)
    given = [10.0 ** (3 - step) for step in range(9)]
    assert [point.setting for point in solver_of(name, given[::-1]).solve(train, validation, 3).path] == given
    with pytest.raises(KeyError):
        solver_of("cosine", given)
