"""A suite takes from the environment what it names, and nothing else."""

from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.suite.load import Suite, load_suite
from tlbench.suite.variables import escaped

TEXT = """\
name: tiny
vars: {EPOCHS: 2, ROOT: null, KIND: frozen}
x-own: &own ${KIND}
datasets: [{name: mine, path: "${ROOT}/flowers"}]
backbones: MobileNet
strategies: [*own, full]
image_size: 96
train: {epochs: "${EPOCHS}"}
"""


def loaded(tmp_path: Path, text: str = TEXT) -> Suite:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    return load_suite(path)


def test_a_data_set_lies_in_the_home_folder_where_its_path_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    text = (
        "name: own\ndatasets: {name: mine, path: ~/flowers}\nbackbones: VGG16\nstrategies: frozen\ntrain: {epochs: 1}\n"
    )
    assert loaded(tmp_path, text).dataset_paths == {"mine": Path("/home/somebody/flowers")}


def test_values_stand_where_their_names_stood_and_defaults_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOT", '/data: #1 "x"')
    monkeypatch.setenv("KIND", "")
    suite = loaded(tmp_path)
    assert suite.dataset_paths == {"mine": Path('/data: #1 "x"/flowers')}
    assert suite.beside == {}
    assert suite.content.train is not None
    assert suite.content.train.epochs == [2]
    assert [strategy.name for strategy in suite.content.strategies] == ["frozen", "full"]
    monkeypatch.setenv("EPOCHS", "5")
    changed = loaded(tmp_path)
    assert changed.content.train is not None
    assert changed.content.train.epochs == [5]
    monkeypatch.delenv("ROOT")
    monkeypatch.setenv("EPOCHS", "7")
    kept = loaded(tmp_path, changed.text)
    assert kept.content == changed.content, "the copy in a run is the suite as it was run"


def test_two_dollars_stand_for_a_name_that_is_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOT", "/data")
    text = TEXT.replace('"${ROOT}/flowers"', '"${ROOT}/im$${x}ages"')
    first = loaded(tmp_path, text)
    assert first.dataset_paths == {"mine": Path("/data/im${x}ages")}
    assert loaded(tmp_path, first.text).dataset_paths == first.dataset_paths, "the copy in a run"
    assert escaped("im${x}ages") == "im$${x}ages"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("${ROOT}", "${HOME}"), "suite.yaml:4:31: ${HOME} is not among vars"),
        (("${ROOT}", "${ROOT}"), "suite.yaml:4:31: ${ROOT} has no value; set ROOT, or give it one under vars"),
        (("${ROOT}", "${}"), "suite.yaml:4:31: ${} is not among vars"),
        (("ROOT: null", "ROOT: [1]"), "suite.yaml:2:25: vars: a single value belongs here"),
        (("ROOT: null", "1x: null"), "suite.yaml:2:19: vars: the name of a variable belongs here"),
        (
            ("{EPOCHS: 2, ROOT: null, KIND: frozen}", "{EPOCHS: '${A}', KIND: frozen, ROOT: a}"),
            "values do not stand in each other",
        ),
        (("EPOCHS: 2, ROOT: null", "EPOCHS: many, ROOT: a"), "train.epochs: a whole number belongs here, not 'many'"),
        (
            ("name: tiny\n", "name: tiny\ndescription: |\n  of ${ROOT}\n"),
            "a variable can stand in a value of one line only",
        ),
    ],
)
def test_what_has_no_value_is_said_with_its_place(
    change: tuple[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROOT", raising=False)
    monkeypatch.delenv("EPOCHS", raising=False)
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, TEXT.replace(*change, 1))
    assert said in str(caught.value)
