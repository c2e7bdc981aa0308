"""A baseline is a side as a small text file."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests import builders
from tests.narrow import present
from tests.regression.sides import made, number, side, timed
from tlbench.core.errors import UserError
from tlbench.regression import baseline
from tlbench.regression.comparison import compare
from tlbench.regression.entries import pack, unpack
from tlbench.regression.gates import Gates
from tlbench.regression.history import series
from tlbench.reporting.render import markdown
from tlbench.reporting.views import baseline as baseline_view


def test_a_baseline_is_small_text_and_says_the_same(tmp_path: Path) -> None:
    run = side(made(timings=timed(session="s")), made(of=builders.cell(seed=1)), suite="small", created="2026-01-31")
    file = tmp_path / "base.json"
    baseline.write(run, file)
    content = file.read_text()
    assert len(content) < 6000
    assert content.count("Test CPU") == 1
    assert json.loads(content)["tlbench_baseline"] == baseline.SCHEMA
    found = compare(baseline.read(file), run, Gates())
    assert {one.verdict for one in found.judgements if one.metric != "time"} == {"unchanged"}
    assert found.exit_code == 0
    again = tmp_path / "again.json"
    baseline.write(side(*reversed(run.entries), suite="small", created="2026-01-31"), again)
    assert again.read_text() == content


def test_fewer_than_six_steps_are_no_number_in_a_baseline_a_history_or_a_comparison(tmp_path: Path) -> None:
    step = builders.step(rounds=((0.02, 0.021),), low=None, high=None)
    few = builders.timings().model_copy(update={"steps": (step,)})
    run = side(made(timings=few), created="2026-01-31")
    file = tmp_path / "base.json"
    baseline.write(run, file)
    saved = baseline.read(file)
    assert saved.entries[0].times[0].draws[0].few == 2
    assert "| inference — (2 steps) |" in markdown.render(baseline_view.document(saved))
    assert not [one for one in series([run, run]) if "inference" in one.name]
    time = number(compare(saved, run, Gates()), "inference time, batch 32")
    assert (time.verdict, time.base, time.new) == ("inconclusive", None, None)
    enough = side(made(timings=timed()))
    elsewhere = side(made(timings=few, environment=builders.environment(cpu="Other CPU")))
    time = number(compare(enough, elsewhere, Gates()), "inference time, batch 32")
    assert (time.verdict, time.lost) == ("not comparable", False)
    baseline.write(enough, file)
    assert "few" not in file.read_text()
    assert "| inference 20.0 |" in markdown.render(baseline_view.document(baseline.read(file)))


def test_a_cell_without_variables_is_not_given_those_that_other_cells_share(tmp_path: Path) -> None:
    shared, none = {"OMP_NUM_THREADS": "1"}, dict[str, str]()
    entries = [
        made(of=builders.cell(seed=seed)).model_copy(update={"variables": variables})
        for seed, variables in enumerate((shared, none))
    ]
    file = tmp_path / "base.json"
    baseline.write(side(*entries), file)
    assert [entry.variables for entry in baseline.read(file).entries] == [shared, none]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no baseline: it is no JSON"),
        ("[]", "is no baseline; `tlbench baseline save RUN FILE` writes one"),
        ('{"tlbench_baseline": 99}', "has schema 99, this tlbench reads up to 2; update tlbench"),
        ('{"tlbench_baseline": 1, "cells": [{}]}', "is damaged"),
        ('{"tlbench_baseline": 2, "mood": 1}', "written by a newer tlbench (field mood is unknown); update tlbench"),
        (
            '{"tlbench_baseline": 2, "cells": [{"mood": 1, "cell": {"tone": 2}}]}',
            "written by a newer tlbench (fields cell.tone, mood are unknown); update tlbench",
        ),
    ],
)
def test_what_is_no_baseline_is_refused_in_a_sentence(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    file.write_text(content)
    with pytest.raises(UserError, match=r"base\.json") as caught:
        baseline.read(file)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"times": [{"draws": []}]}, "times.0.step"),
        ({"memory": [10**400]}, "memory.0"),
        ({"memory": [0]}, "memory.0: Input should be greater than or equal to 1"),
        ({"counts": {"params": float("nan")}}, "counts.params"),
        ({"correct": 201}, "201 of 200 images cannot be right"),
        ({"correct": None}, "correct and images belong together"),
        ({"right": "////"}, "24 bits are not those of 200 answers"),
        ({"right": "x"}, "right"),
        ({"machine": {"cpu": "\ud800"}}, "is no JSON"),
    ],
)
def test_values_that_nobody_measured_are_refused_in_a_sentence(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "base.json"
    baseline.write(side(made()), file)
    content = json.loads(file.read_text())
    content["cells"][0] |= change
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"base\.json is (damaged|no baseline)") as caught:
        baseline.read(file)
    assert "\n" not in str(caught.value)
    if change != {"right": "x"}:
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("median", 0, "greater than 0"),
        ("median", 1e308, "less than"),
        ("high", float("inf"), "less than"),
        ("low", "x", "low"),
    ],
)
def test_times_that_nobody_measured_are_refused(key: str, value: object, said: str, tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    baseline.write(side(made(timings=timed())), file)
    content = json.loads(file.read_text())
    content["cells"][0]["times"][0]["draws"][0][key] = value
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"base\.json is damaged .*" + said):
        baseline.read(file)


def test_a_file_that_is_larger_than_any_baseline_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    with file.open("wb") as sparse:
        sparse.truncate(baseline.MOST_BYTES + 1)
    with pytest.raises(UserError, match="it has more than 256 MiB"):
        baseline.read(file)


def test_answers_survive_packing() -> None:
    right = np.random.default_rng(0).random(1001) < 0.9
    np.testing.assert_array_equal(unpack(pack(right), 1001), right)
    with pytest.raises(ValueError, match="not those of 10 answers"):
        unpack(pack(right), 10)


def test_the_committed_baseline_is_written_as_it_was_read(tmp_path: Path) -> None:
    committed = Path(__file__).parents[2] / "baselines" / "small.json"
    baseline.write(baseline.read(committed), tmp_path / "again.json")
    first, number = '{\n "tlbench_baseline": ', baseline.SCHEMA
    assert (tmp_path / "again.json").read_text() == committed.read_text().replace(f"{first}1,", f"{first}{number},")


def test_a_baseline_keeps_the_memory_of_a_step_where_it_is_known(tmp_path: Path) -> None:
    steps = tuple(step.model_copy(update={"memory": 2**27}) for step in present(builders.record().timings).steps)
    timings = builders.timings().model_copy(update={"steps": steps})
    file = tmp_path / "baseline.json"
    baseline.write(side(made(timings=timings), made(of=builders.cell(seed=1))), file)
    known, unknown = baseline.read(file).entries
    assert {draw.memory for times in known.times for draw in times.draws} == {2**27}
    assert {draw.memory for times in unknown.times for draw in times.draws} == {None}
