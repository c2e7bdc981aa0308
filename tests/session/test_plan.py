"""The plan of a suite: what is done, what is missing, and what it will cost."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tlbench
from tests import builders
from tests.session.replayed import SUITE, Heard, Replay, run
from tests.session.runs import make_run
from tests.weights_files import write_weights
from tlbench.cli.plan import command as plan_command
from tlbench.core.errors import UserError
from tlbench.datasets import intel
from tlbench.host.environment import capture
from tlbench.results.store import Store
from tlbench.session.costs import earlier_records


def draw(file: Path, color: int | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(str(file).encode()) % 2**32 if color is None else color
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)).save(file)


def test_a_plan_says_how_many_trials_there_are(tmp_path: Path) -> None:
    grid = "epochs: 2, tune: {learning_rate: [1e-4, 1e-3], l2: [1, 0.1]}"
    (tmp_path / "tuned.yaml").write_text(SUITE.replace("epochs: 2", grid))
    plan = tlbench.plan(tmp_path / "tuned.yaml")
    assert "Tuning: 2 trials for 2 of 2 cells." in plan.sentences
    assert list(plan.frame.trials) == [2, 2]


def test_a_plan_says_what_it_did_not_find_and_what_it_did_not_look_for(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    own = SUITE.replace("datasets: {name: intel}", "datasets: [{name: a, path: there}, {name: b, path: gone}]")
    own = own.replace("strategies: [frozen, full]", "strategies: [{name: partial, from_layer: conv_9}]")
    (tmp_path / "own.yaml").write_text(own)
    missing, empty, unknown = tlbench.plan(tmp_path / "own.yaml").notes
    assert missing == f"b: {tmp_path / 'gone'} does not exist; `run` needs it"
    assert empty == (
        f"`run` will stop: {tmp_path / 'there'} has no class folders; images belong in {tmp_path / 'there'}/<class>/"
    )
    assert unknown == (
        "from_layer: whether MobileNet has a layer 'conv_9' is seen when `run` builds it; "
        "`tlbench inspect MobileNet --layers` names them"
    )


def test_a_plan_says_that_the_folder_lacks_a_class_which_the_suite_names(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(20):
            draw(tmp_path / "pets" / name / f"{number}.png")
    own = SUITE.replace("datasets: {name: intel}", "datasets: {name: pets, path: pets, classes: [cat, dogs]}")
    (tmp_path / "own.yaml").write_text(own)
    why = f"{tmp_path / 'pets'} has no class 'dogs'; did you mean 'dog'?"
    assert [note for note in tlbench.plan(tmp_path / "own.yaml").notes if "class" in note] == [
        f"`run` will stop: {why}"
    ]
    with pytest.raises(UserError) as refused:
        tlbench.run(tmp_path / "own.yaml")
    assert str(refused.value) == why


def test_a_path_that_is_right_from_the_working_directory_is_said_as_the_suite_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flowers").mkdir()
    suites = tmp_path / "project" / "suites"
    suites.mkdir(parents=True)
    own = SUITE.replace("datasets: {name: intel}", "datasets: {name: flowers, path: ../flowers}")
    (suites / "own.yaml").write_text(own)
    monkeypatch.chdir(tmp_path / "project")
    said = (
        f"flowers: {tmp_path / 'project/flowers'} does not exist; paths in a suite are relative to its file: from "
        "suites/own.yaml it is `path: ../../flowers`"
    )
    assert tlbench.plan("suites/own.yaml").notes[0] == said
    with pytest.raises(UserError) as refused:
        tlbench.run("suites/own.yaml")
    assert str(refused.value) == said


def test_a_plan_names_the_weights_that_run_will_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLBENCH_OFFLINE", raising=False)
    monkeypatch.setenv("TLBENCH_WEIGHTS", str(tmp_path))
    official = SUITE.replace("MobileNet, alpha: 0.25, weights: random", "MobileNet, alpha: 0.25")
    (tmp_path / "own.yaml").write_text(official)
    (tmp_path / "fallback.yaml").write_text(official.replace("synthetic}", "synthetic, weights: drawn}"))
    file = "mobilenet_2_5_224_tf_no_top.h5"
    for name, otherwise in (("own", "stops"), ("fallback", "uses stand-ins, as `fallback: {weights: drawn}` allows")):
        (said,) = (note for note in tlbench.plan(tmp_path / f"{name}.yaml").notes if "weights" in note)
        assert said.startswith(f"ImageNet weights of MobileNet (alpha=0.25) are not in {tmp_path} or ")
        assert said.endswith(f"/{file}; if it cannot, it {otherwise}")
    write_weights(tmp_path / file)
    assert not any("weights" in note for note in tlbench.plan(tmp_path / "own.yaml").notes)


def test_a_plan_names_data_sets_that_run_will_download_or_that_are_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TLBENCH_DATA", str(tmp_path))
    monkeypatch.delenv("TLBENCH_OFFLINE", raising=False)
    strict = "\n".join(line for line in SUITE.splitlines() if not line.startswith("fallback"))
    assert strict != SUITE
    for name, then in (("cats_dogs", "downloads 787 MiB; `tlbench data get cats_dogs` does"), ("intel", "stops; ")):
        (tmp_path / "own.yaml").write_text(strict.replace("datasets: {name: intel}", f"datasets: {name}"))
        (said,) = (note for note in tlbench.plan(tmp_path / "own.yaml").notes if note.startswith(name))
        assert said.startswith(f"{name} is not in {tmp_path}, nor has it been downloaded; `run` {then}")
        (tmp_path / name).mkdir()
        assert not [note for note in tlbench.plan(tmp_path / "own.yaml").notes if note.startswith(name)]
    (tmp_path / "own.yaml").write_text(SUITE)
    (tmp_path / "intel").rmdir()
    assert not [note for note in tlbench.plan(tmp_path / "own.yaml").notes if "nor has it been" in note]


def test_a_plan_takes_the_folders_that_run_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name, value in (("TLBENCH_WEIGHTS", tmp_path / "none"), ("TLBENCH_DATA", tmp_path / "none")):
        monkeypatch.setenv(name, str(value))
    folder = tmp_path / "given"
    for split, count in (("train", 2), ("validation", 1), ("test", 1)):
        for name in ("cats", "dogs"):
            for number in range(count):
                draw(folder / "cats_dogs" / split / name / f"{number}.jpg")
    write_weights(folder / "mobilenet_2_5_224_tf_no_top.h5")
    own = SUITE.replace("MobileNet, alpha: 0.25, weights: random", "MobileNet, alpha: 0.25").replace(
        "datasets: {name: intel}", "datasets: cats_dogs"
    )
    (tmp_path / "own.yaml").write_text(own)
    words = [str(tmp_path / "own.yaml"), "--data", str(folder), "--weights", str(folder)]
    assert "weights" not in CliRunner().invoke(plan_command, words).stderr
    plan = tlbench.plan(tmp_path / "own.yaml", data=folder, weights=folder)
    assert plan.notes == ()
    assert plan._counts_of([])(plan.cells[0]) == {"train": 4, "validation": 2, "test": 2}


def test_a_plan_knows_what_is_done(replay: Replay) -> None:
    before = tlbench.plan("suite.yaml")
    assert (len(before.cells), len(before.to_do)) == (2, 2)
    assert any(said.startswith("No earlier run of this machine") for said in before.sentences)
    assert set(before.costs) == {cell.id for cell in before.cells}
    run(select="strategy=frozen")
    after = tlbench.plan("suite.yaml")
    assert [cell.strategy.name for cell in after.to_do] == ["full"]
    assert list(after.frame.done) == [True, False]
    assert repr(after) == "<Plan of replayed: 2 cells, 1 to do>"
    assert "<td>frozen</td>" in after._repr_html_()
    assert any("1 of these cells took" in said for said in after.sentences)
    run()
    (nothing, taken) = tlbench.plan("suite.yaml").sentences
    assert (nothing, "2 of these cells took" in taken) == ("Nothing is left to run.", True)
    assert len(tlbench.plan("suite.yaml", out="nowhere").to_do) == 2


def test_a_plan_says_that_the_folder_of_a_suites_runs_is_itself_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(SUITE)
    place = Path("results") / tlbench.plan("own.yaml").suite
    make_run(place, [])
    (said,) = (note for note in tlbench.plan("own.yaml").notes if note.startswith(str(place)))
    assert "is itself a run, made with `out`: name it with `out` to go on with it" in said
    assert not [note for note in tlbench.plan("own.yaml", out=place).notes if "is itself a run" in note]
    with pytest.raises(UserError) as refused:
        tlbench.run("own.yaml")
    assert str(refused.value) == said


def test_a_plan_takes_nothing_for_done_in_a_folder_that_run_refuses(replay: Replay) -> None:
    run(out="here")
    assert len(tlbench.plan("suite.yaml", out="here").to_do) == 0
    Path("fewer.yaml").write_text(SUITE.replace("[frozen, full]", "frozen"))
    plan = tlbench.plan("fewer.yaml", out="here")
    assert len(plan.to_do) == 1
    assert plan.notes == ("here holds a run of other cells, and `run` does not resume it; name another folder",)
    with pytest.raises(UserError, match="here holds a run of other cells"):
        tlbench.run("fewer.yaml", out="here", executor="replay")


def test_a_plan_says_what_is_trained_and_only_lacks_step_times_and_foretells_no_training_of_it(replay: Replay) -> None:
    Path("suite.yaml").write_text(SUITE.replace("protocol: none", "protocol: quick"))
    run(select="strategy=frozen", timed=False)
    plan = tlbench.plan("suite.yaml", select="strategy=frozen")
    (cell,) = plan.to_do
    assert (plan.untimed, plan.done) == ({cell.id}, frozenset())
    assert (list(plan.frame.trained), list(plan.frame.done)) == ([True], [False])
    cost = plan.costs[cell.id]
    assert (cost.seconds, cost.timing > 0) == (0, True)
    assert [said for said in plan.sentences if said.startswith("Training:")] == []
    assert any(
        re.match(r"Predicted: .* of step times; .* of memory for the largest cell", said) for said in plan.sentences
    )
    said = CliRunner().invoke(plan_command, ["suite.yaml"]).stdout
    assert re.search(r"frozen .*  trained, not timed\n", said)
    assert "\n2 cells, 0 done, 1 trained and not timed.\n" in said
    full, other = tlbench.plan("suite.yaml").costs, tlbench.plan("suite.yaml", out="nowhere").costs
    assert sum(of.seconds for of in full.values()) < sum(of.seconds for of in other.values())
    assert full[cell.id].seconds == 0
    rows = json.loads(CliRunner().invoke(plan_command, ["suite.yaml", "--json"]).stdout)
    assert [(row["trained"], row["done"]) for row in rows] == [(True, False), (False, False)]


def test_a_plan_does_not_say_done_of_other_images(replay: Replay, tmp_path: Path) -> None:
    for name, count in (("photos", 12), ("tiny", 6)):
        for label in "ab":
            for number in range(count):
                draw(tmp_path / name / label / f"{number}.png")
    own = SUITE.replace("datasets: {name: intel}", "datasets: {name: mine, path: photos}")
    own = own.replace("limit: {train: 4, validation: 2, test: 2}\n", "")
    Path("suite.yaml").write_text(own)
    run()

    def planned() -> tuple[str, list[str]]:
        plan = tlbench.plan("suite.yaml")
        said = CliRunner().invoke(plan_command, ["suite.yaml"])
        return next(line for line in said.stdout.splitlines() if line.startswith("2 cells")), list(plan.notes)

    assert planned() == ("2 cells, 2 done.", [])
    Path("suite.yaml").write_text(own.replace("path: photos", "path: tiny"))
    assert planned() == (
        "2 cells, 0 done.", ["mine: 2 cells were trained on other images; `run` trains them again"]
    )  # fmt: skip
    shutil.copytree("photos", "copy")
    Path("suite.yaml").write_text(own.replace("path: photos", "path: copy"))
    unsure = "2 cells, 0 done, 2 trained earlier; images are compared when it runs."
    assert planned() == (unsure, [])  # as many files, and nobody has decoded them
    assert tlbench.plan("suite.yaml").to_do == ()
    Path("suite.yaml").write_text(own.replace("path: photos", "path: gone"))
    assert planned() == (unsure, [f"mine: {tmp_path / 'gone'} does not exist; `run` needs it"])
    Path("suite.yaml").write_text(own)
    draw(tmp_path / "photos/a/0.png", color=7)
    assert planned()[0] == unsure
    run()
    assert replay.ran == ["frozen", "full"] * 2
    assert planned() == ("2 cells, 2 done.", [])


def test_a_plan_tells_photographs_from_the_pictures_that_stood_in_for_them(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    assert len(tlbench.plan("suite.yaml").done) == 2
    for label in intel.INTEL.classes:
        for split in ("train", "validation", "test"):
            draw(tmp_path / "data/intel" / split / label / "0.png")
    monkeypatch.setenv("TLBENCH_DATA", str(tmp_path / "data"))
    plan = tlbench.plan("suite.yaml")
    assert (len(plan.done), len(plan.to_do)) == (0, 2)
    assert plan.notes == ("intel: 2 cells were trained on other images; `run` trains them again",)
    other = tlbench.plan("suite.yaml", out=first.path).notes
    assert other == ("intel: 2 cells were trained on other images, and `run` does not resume it; name another folder",)


def test_a_plan_moves_nothing_and_believes_no_damaged_record(replay: Replay) -> None:
    first = run()
    full = next(record for record in Store(first.path).read_all().records if record.cell.strategy.name == "full")
    file = first.path / "records" / f"{full.cell_id}.json"
    for content in ('{"status": "ok", "timings": {}, "cell": [1]}', '{"status": "ok", "cell": {"timing": null}}'):
        file.write_text(content)
        plan = tlbench.plan("suite.yaml")
        assert [cell.id for cell in plan.to_do] == [full.cell_id]
        assert any("1 of these cells took" in said for said in plan.sentences)
        assert file.read_text() == content


def test_a_plan_leaves_out_a_run_of_a_newer_tlbench_as_a_run_does(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = capture()
    monkeypatch.setattr(builders, "environment", lambda: here)
    run()
    newer, heard = run(fresh=True), Heard()
    record = Store(newer.path).read_all().records[0]
    Store(newer.path).write(record.model_copy(update={"schema_version": 99}))
    plan = tlbench.plan("suite.yaml")
    assert plan.to_do == ()  # the run before it is done
    assert plan.sentences
    run(events=heard)
    assert "schema 99 is newer" in plan.notes[-1]
    assert heard.told["note"] == plan.notes[-1:]


def test_a_plan_counts_a_cell_whose_model_is_missing_as_a_run_does(replay: Replay) -> None:
    run()
    Path("suite.yaml").write_text(SUITE + "save_models: true\n")
    assert len(tlbench.plan("suite.yaml").to_do) == 2


def test_cells_that_earlier_runs_have_are_said_to_be_taken_over(replay: Replay) -> None:
    run()
    Path("suite.yaml").write_text(SUITE.replace("[frozen, full]", "[frozen, full, norm]"))
    said = " ".join(tlbench.plan("suite.yaml").sentences)
    assert "Earlier runs have 2 cells of them: `run` takes over what was made from the same images" in said
    assert "takes over" not in " ".join(tlbench.plan("suite.yaml", out="own").sentences)


def test_a_run_that_was_named_tells_how_fast_this_machine_is(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: builders.environment().identity)
    run(out="results/named")
    assert len(earlier_records()) == 2


def test_a_folder_that_is_missing_is_told_and_weights_are_not_where_nothing_is_left_to_train(
    replay: Replay, tmp_path: Path
) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE.replace(", weights: random", ""))
    told = tlbench.plan("suite.yaml", data="nowhere", weights="none").notes
    assert "the data folder nowhere does not exist; `run` needs it" in told
    weights = [note for note in told if "weights" in note]
    assert weights
    (tmp_path / "suite.yaml").write_text(SUITE)
    run()
    assert tlbench.plan("suite.yaml").notes == ()


def test_only_runs_of_this_machine_tell_how_fast_it_is(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    taken = builders.environment().identity
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: taken)
    assert len(earlier_records()) == 2
    Path("results/replayed").rename("results/reference")  # where the project's own runs lie, of other hours and loads
    assert earlier_records() == []
    Path("results/reference").rename("results/replayed")
    folder = next(Path("results/replayed").iterdir())
    elsewhere = builders.timings().model_copy(update={"environment": builders.environment(cpu="Another CPU")})
    Store(folder).write(Store(folder).read_all().records[0].model_copy(update={"timings": elsewhere}))
    assert [record.timings for record in earlier_records()] == [None, None]
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: taken | {"threads": "64"})
    assert earlier_records() == []


OWN = """\
name: own
datasets: {name: mine, path: mine}
backbones: {name: MobileNet, alpha: 0.25, weights: random}
strategies: [frozen, full]
image_size: 32
train: {epochs: 2, batch_size: 16}
timing: {protocol: none}
"""


def test_a_plan_counts_the_files_of_a_folder_that_no_run_has_seen(tmp_path: Path) -> None:
    for index in range(40):
        draw(tmp_path / "mine" / f"class_{index % 2}" / f"{index}.png")
    (tmp_path / "all.yaml").write_text(OWN)
    (tmp_path / "few.yaml").write_text(OWN + "limit: {train: 4, validation: 1, test: 1}\n")
    every, few = (tlbench.plan(tmp_path / f"{name}.yaml") for name in ("all", "few"))
    for plan, images in ((every, 40), (few, 12)):
        assert set(plan.costs) == {cell.id for cell in plan.cells}
        assert {cost.images for cost in plan.costs.values()} == {images * 32 * 32 * 3}


def test_a_plan_predicts_nothing_for_a_missing_folder_whatever_a_run_of_that_name_had(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(40):
        draw(tmp_path / "mine" / f"class_{index % 2}" / f"{index}.png")
    Path("suite.yaml").write_text(OWN)
    run(select="strategy=frozen")
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: builders.environment().identity)
    assert tlbench.plan("suite.yaml").costs
    Path("suite.yaml").write_text(OWN.replace("path: mine", "path: gone"))
    plan = tlbench.plan("suite.yaml", select="strategy=full")
    assert plan.costs == {}
    assert plan.sentences[-1] == (
        "1 cell without a prediction, since the number of images of mine is not known before `run` reads them."
    )


def test_a_plan_knows_the_images_of_a_folder_that_only_a_run_was_given(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of the pictures that stand in where no folder is given."""
    for split in ("train", "validation", "test"):
        for index in range(12):
            draw(tmp_path / "data" / "intel" / split / intel.INTEL.classes[index % 6] / f"{index}.png")
    Path("suite.yaml").write_text(SUITE.replace("limit: {train: 4, validation: 2, test: 2}\n", ""))
    drawn = tlbench.plan("suite.yaml").costs
    run(select="strategy=frozen", data=tmp_path / "data")
    monkeypatch.setattr("tlbench.session.costs.machine", lambda: builders.environment().identity)
    (of_folder,) = tlbench.plan("suite.yaml", select="strategy=full").costs.values()
    assert of_folder.images == 36 * 32 * 32 * 3
    assert {cost.images for cost in drawn.values()} == {2100 * 32 * 32 * 3}
