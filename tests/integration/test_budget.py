"""A budget through the real command: what fits is trained, the rest is named, the next call goes on."""

from pathlib import Path

from tests.finished import done
from tests.integration.conftest import TINY, Command
from tlbench.results.spent import read_spent
from tlbench.results.store import Store

SUITE = TINY.replace(
    "backbones: {name: MobileNet, alpha: 0.25, weights: random}",
    "backbones: [{name: MobileNet, alpha: 0.25, weights: random}, {name: MobileNet, alpha: 0.5, weights: random}]",
).replace("timing: {protocol: quick, batch_size: 8, seconds: 0}", "timing: {protocol: none}\nbudget: 1 h")


def test_what_fits_is_trained_and_the_rest_is_named(place: Path, tlbench: Command) -> None:
    (place / "tiny.yaml").write_text(SUITE)
    too_small = tlbench("run", "tiny.yaml", "--out", "run", "--budget", "0.01 s")
    assert too_small.returncode == 64
    assert "a budget of 0 s is too small for any cell: MobileNet (alpha=0.25) · shapes · frozen" in too_small.stderr
    assert not (place / "run").exists()
    odd = tlbench("run", "tiny.yaml", "--out", "run", "--budget", "soon")
    assert (odd.returncode, odd.stdout) == (64, "")
    assert "budget: 'soon' is no span of time; write one as 90 s, 20 min or 8 h" in odd.stderr

    said = tlbench("run", "tiny.yaml", "--out", "run")
    assert said.returncode == 0, said.stderr
    spent = read_spent(place / "run")
    assert spent is not None
    assert [len(rung) for rung in spent.rungs] == [2, 1, 1]  # both heads, the better backbone whole, then the other
    assert spent.not_run == ()
    assert len(done(Store(place / "run"))) == 4
    assert "rung 0, the cheapest recipe of each backbone: 2 cells" in said.stderr


def test_a_budget_in_a_suite_is_checked_with_its_place(place: Path, tlbench: Command) -> None:
    (place / "tiny.yaml").write_text(SUITE.replace("1 h", "20"))
    said = tlbench("plan", "tiny.yaml")
    assert said.returncode == 64
    assert "tiny.yaml:8:9: budget: a span of time with its unit belongs here, as 90 s, 20 min or 8 h" in said.stderr
