"""The program that a page offers for each cell trains the same model; where there is none, it is said why."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import builders
from tests.reporting.large import small
from tlbench.backbones import drawn
from tlbench.core.cell import Head, Named
from tlbench.reporting import keras_snippets
from tlbench.reporting.document import Document
from tlbench.reporting.keras_code import program, why_not
from tlbench.reporting.render.html import render
from tlbench.reporting.report import Report, RunRecord
from tlbench.reporting.views import cells
from tlbench.results.record import Record
from tlbench.session.report import load


def recorded(strategy: str, backbone: str = "MobileNet", dataset: str = "cats_dogs") -> Record:
    return next(
        record
        for record in small().records
        if (record.cell.strategy.name, record.cell.backbone.name, record.cell.dataset.name)
        == (strategy, backbone, dataset)
    )


def test_all_cells_of_the_reference_run_have_a_program() -> None:
    for record in small().records:
        assert why_not(record) == ""
        code = program(record)
        compile(code, "program", "exec")
        assert max(map(len, code.splitlines())) <= 130


def test_a_program_has_the_phases_of_the_record() -> None:
    frozen, full = program(recorded("frozen")), program(recorded("full"))
    assert "train_layers" not in frozen
    assert "solve_head(l2=" in frozen
    assert full.index("solve_head(l2=") < full.index("train_layers(frozen=0, epochs=3, rate=0.0001)")
    assert "alpha=0.25" in full
    assert "keep_statistics(layer)" in full


def test_a_sigmoid_head_and_hidden_layers_are_written_out() -> None:
    record = recorded("frozen")
    one = record.model_copy(update={"cell": record.cell.model_copy(update={"head": Head(output="sigmoid")})})
    assert 'Dense(1, activation="sigmoid")' in program(one)
    assert "kernel[:, 1:] - kernel[:, :1]" in program(one)
    deep = record.cell.model_copy(update={"head": Head(name="flatten", hidden=(64,), dropout=0.5)})
    code = program(record.model_copy(update={"cell": deep}))
    assert "Flatten()" in code
    assert 'Dense(64, activation="relu")' in code
    assert "Dropout(0.5)" in code


def test_files_that_imagenet_does_not_stand_for_are_named() -> None:
    record = recorded("frozen")
    assert record.weights is not None
    for changes in ({"as_published": False}, {"instead_of": "another.h5"}):
        weights = record.weights.model_copy(update={"file": "mine.h5", "instead_of": None, **changes})
        assert "would take another one.\nWEIGHTS = 'mine.h5'\n" in program(
            record.model_copy(update={"weights": weights})
        )
    weights = record.weights.model_copy(update={"file": "theirs.h5", "instead_of": None})
    assert 'WEIGHTS = "imagenet"  # tlbench used' in program(record.model_copy(update={"weights": weights}))


def test_drawn_weights_are_found_where_tlbench_is_installed() -> None:
    brought = drawn.find("MobileNet", {"alpha": 0.25})
    assert brought is not None
    record = recorded("frozen")
    code = program(
        record.model_copy(update={"weights": builders.weights(True, "drawn").model_copy(update={"file": brought.file})})
    )
    (line,) = (line for line in code.splitlines() if line.startswith("WEIGHTS = "))
    found: dict[str, str] = {}
    exec(f"from importlib.util import find_spec\nfrom pathlib import Path\n{line}", found)
    assert Path(found["WEIGHTS"]) == brought.path
    assert "from importlib.util import find_spec" in code


class PlayedLayer:
    """Setting `trainable` sets all variables alike, as in Keras with JAX and torch."""

    def __init__(self, name: str, rate: float | None = None, variables: tuple[str, ...] = ()) -> None:
        self.name, self._trainable = name, True
        self.variables = [SimpleNamespace(name=one, trainable=True) for one in variables]
        if rate is not None:
            self.rate = rate

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        for variable in self.variables:
            variable.trainable = value

    @property
    def trainable_variables(self) -> list[SimpleNamespace]:
        return [one for one in self.variables if one.trainable] if self.trainable else []

    trainable_weights = trainable_variables


def freeing(snippet: str, *layers: PlayedLayer) -> Callable[..., None]:
    """The first lines of `train_layers`, on these layers."""
    names: dict[str, Any] = {"base": SimpleNamespace(layers=layers)}
    exec(f"{keras_snippets.DROPOUT}\ndef free(frozen=0, most=0):{snippet}", names)
    free: Callable[..., None] = names["free"]
    return free


def test_what_is_freed_again_has_its_dropout_again() -> None:
    low, high = PlayedLayer("low", 0.2), PlayedLayer("high", 0.5)
    free = freeing(keras_snippets.FREE, low, high)
    seen = []
    for frozen in (2, 1, 0):
        free(frozen)
        seen.append((low.rate, high.rate, low.trainable, high.trainable))
    assert seen == [(0, 0, False, False), (0, 0.5, False, True), (0.2, 0.5, True, True)]


def test_variables_are_freed_one_by_one_on_every_backend() -> None:
    layer = PlayedLayer("dense", None, ("kernel", "bias"))
    bare = PlayedLayer("bare", None, ("kernel",))
    freeing(keras_snippets.FREE_VARIABLES.replace("WANTED", 'variable.name in ("bias", "beta")'), layer, bare)()
    assert [one.name for one in layer.trainable_variables] == ["bias"]
    assert not bare.trainable


def test_layers_without_anything_to_train_do_not_count_as_trained() -> None:
    layers = [PlayedLayer("normalization"), *(PlayedLayer(str(number), None, ("kernel",)) for number in range(4))]
    freeing(keras_snippets.FREE_SOME, *layers)(0, 2)
    assert [layer.name for layer in layers if layer.trainable] == ["normalization", "0", "1"]


def test_statistics_are_held_only_where_no_phase_updates_them() -> None:
    record = recorded("full")
    head, tuning = record.training
    phases = (head, tuning.model_copy(update={"batch_norm": "train"}), tuning)
    assert "keep_statistics" in program(record)
    assert "keep_statistics" not in program(record.model_copy(update={"training": phases}))


def test_what_cannot_be_written_out_says_why() -> None:
    record = recorded("full")
    assert "nothing was trained" in why_not(builders.record())
    for change, word in (
        ({"strategy": Named(name="another")}, "strategy another"),
        ({"backbone": Named(name="mine")}, "not a model of keras.applications"),
        ({"head": Head(name="mine")}, "head mine"),
        ({"backbone": Named(name="ConvNeXtTiny"), "strategy": Named(name="norm")}, "layers within layers"),
        ({"strategy": Named(name="co_tuning")}, "second head"),
        ({"strategy": Named(name="full", args={"something_new": 1})}, "something_new"),
        ({"precision": "mixed_float16"}, "mixed_float16"),
    ):
        assert word in why_not(record.model_copy(update={"cell": record.cell.model_copy(update=change)}))


def test_a_head_trained_before_fine_tuning_has_no_program_since_its_rate_follows_another_schedule() -> None:
    record = recorded("full")
    head = record.training[0].model_copy(update={"solver": "gradient", "chosen": None, "tried": ()})
    trained = record.model_copy(update={"training": (head, *record.training[1:])})
    assert "constant rate before fine-tuning" in why_not(trained)


def test_names_in_a_program_are_strings_and_no_code() -> None:
    record = recorded("frozen")
    hostile = 'x\'\n"""); raise SystemExit #\u2028'
    assert record.data is not None
    data = record.data.model_copy(update={"classes": (hostile, "b")})
    cell = record.cell.model_copy(update={"dataset": Named(name=hostile)})
    code = program(record.model_copy(update={"cell": cell, "data": data}))
    names: dict[str, object] = {"Path": Path}
    lines = [line for line in code.splitlines() if line.startswith(("DATA = ", "CLASSES = "))]
    exec("\n".join(lines), names)
    assert (names["DATA"], names["CLASSES"]) == (Path(hostile), [hostile, "b"])


def test_a_page_has_the_record_and_the_program_of_each_cell_and_no_raw_samples() -> None:
    record = recorded("full")
    page = render(
        Document(
            "t", tuple(cells.sections(Report("t", [RunRecord("run", record), RunRecord("run", builders.failed())])))
        )
    )
    assert page.count("<details class=program>") == 3
    assert "There is no program in plain Keras: nothing was trained in phases." in page
    (kept,) = re.findall("id=lines>(.*?)</script>", page)
    lines = json.loads(kept)
    texts = ["\n".join(lines[int(at)] for at in parts.split()) for parts in re.findall('data-lines="(.*?)"', page)]
    assert texts[0] == program(record)
    shown = json.loads(texts[1])
    assert shown["accuracy"]["confusion"] == json.loads(record.model_dump_json())["accuracy"]["confusion"]
    assert '"rounds"' not in texts[1]
    assert json.loads(texts[2])["status"] == "killed"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.real_data
@pytest.mark.real_weights
@pytest.mark.parametrize("strategy", ["frozen", "partial"])
def test_a_program_trains_a_model_as_good_as_the_recorded_one(
    strategy: str, real_data: Path, real_weights: Path, tmp_path: Path
) -> None:
    record = recorded(strategy)
    assert record.weights is not None
    assert record.accuracy is not None
    code = program(record).replace("Path('cats_dogs')", f"Path({str(real_data / 'cats_dogs')!r})")
    code = re.sub("WEIGHTS = [\"'].*", f"WEIGHTS = {str(real_weights / str(record.weights.file))!r}", code)
    file = tmp_path / "program.py"
    file.write_text(code)
    said = subprocess.run([sys.executable, str(file)], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    top1 = float(said.stdout.rsplit("test accuracy: ", 1)[1].removesuffix("%\n")) / 100
    # The same images and weights: what is left is rounding of pixels and the order of batches.
    assert top1 == pytest.approx(record.accuracy.top1, abs=0.02)


RECIPES = Path(__file__).parents[2] / "results" / "reference" / "strategies"


def first_of_each_strategy() -> dict[str, Record]:
    """Of MobileNet on cats_dogs, in the reference run of all strategies."""
    found: dict[str, Record] = {}
    for record in load(RECIPES).records:
        if (record.cell.backbone.name, record.cell.dataset.name) == ("MobileNet", "cats_dogs"):
            found.setdefault(record.cell.strategy.label, record)
    return found


def test_every_strategy_of_the_reference_run_is_written_out_or_says_in_one_sentence_why_not() -> None:
    refused = {}
    for label, record in first_of_each_strategy().items():
        if reason := why_not(record):
            refused[label] = reason
            continue
        code = program(record)
        compile(code, "program", "exec")
        assert max(map(len, code.splitlines())) <= 130
        calls = [line for line in code.splitlines() if line.startswith(("solve_head(", "train_layers("))]
        assert len(calls) == len(record.training), "a call for each phase"
    assert refused == {
        "layerwise": "the record is from an older tlbench, which did not keep the learning rates of the layers"
    }


def test_what_is_special_of_a_strategy_is_in_its_program() -> None:
    programs = {label: program(record) for label, record in first_of_each_strategy().items() if not why_not(record)}
    for label, words in {
        "norm": '"Normalization" in type(layer).__name__',
        "bias": 'variable.name in ("bias", "beta")',
        "lora (rank=4)": "layer.enable_lora(4)",
        "l2_sp": "pull = (0.1, keras.ops.copy(variable.value)) if id(variable) in held else (0.01, 0.0)",
        "ema": "keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9)",
        "soup": "sorted(self.epochs, key=lambda one: one[:2])[:5]",
        "wise_ft": "share = 0.8  # of 11, the best on validation",
        "surgical (blocks=middle)": "train_layers(frozen=23, most=20, epochs=5, rate=0.0001)",
        "interval (from_epoch=2)": "train_layers(frozen=86, epochs=1, rate=0.0001)\ntrain_layers(frozen=0, epochs=4",
        "gradual": "train_layers(frozen=23, epochs=1, rate=0.0001)\ntrain_layers(frozen=0, epochs=3",
    }.items():
        assert words in programs[label], label


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.real_data
@pytest.mark.real_weights
def test_the_programs_of_all_strategies_run_and_train_as_many_parameters_as_the_record_says(
    real_data: Path, real_weights: Path, tmp_path: Path
) -> None:
    """On a few images: whether they come to the same accuracy is asked of two below."""
    for label, record in first_of_each_strategy().items():
        if why_not(record):
            continue
        assert record.weights is not None
        code = program(record).replace("Path('cats_dogs')", f"Path({str(real_data / 'cats_dogs')!r})")
        code = re.sub("WEIGHTS = [\"'].*", f"WEIGHTS = {str(real_weights / str(record.weights.file))!r}", code)
        code = re.sub("LIMIT = {.*}", "LIMIT = {'train': 20, 'validation': 10, 'test': 20}", code)
        code += "\nprint('trained', sum(int(np.prod(one.shape)) for one in model.trainable_variables))\n"
        file = tmp_path / "program.py"
        file.write_text(code)
        said = subprocess.run([sys.executable, str(file)], capture_output=True, text=True)
        assert said.returncode == 0, f"{label}: {said.stderr}"
        if record.training[-1].solver == "gradient":
            assert said.stdout.endswith(f"trained {record.training[-1].trainable}\n"), label
