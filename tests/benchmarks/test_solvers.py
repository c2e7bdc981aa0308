"""How long a head takes to be solved, its path of penalties included. Run with `make benchmark`; nothing is asserted."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.training.solvers.drawn import examples
from tlbench.training.solvers.linear import Linear
from tlbench.training.solvers.resampling import resample
from tlbench.training.solvers.ridge import Ridge

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize(("images", "width", "classes"), [(600, 256, 6), (600, 1280, 6), (2000, 1280, 6)])
@pytest.mark.parametrize("solver", [Linear(), Ridge()], ids=["linear", "ridge"])
def test_a_head(benchmark: BenchmarkFixture, solver: Linear | Ridge, images: int, width: int, classes: int) -> None:
    train, validation = examples(images, width, classes), examples(300, width, classes, seed=1)
    benchmark.pedantic(solver.solve, (train, validation, classes), rounds=5)


def test_twenty_resamples(benchmark: BenchmarkFixture) -> None:
    train, validation = examples(600, 1280, 6), examples(300, 1280, 6, seed=1)
    benchmark.pedantic(resample, (Linear(), train, validation, validation, 6, 0.1), rounds=5)
