"""The names of ImageNet's classes come from the file that Keras has, or from nowhere."""

import json
from pathlib import Path

import pytest

from tlbench.backbones.class_names import FILE, class_names
from tlbench.core.errors import UserError


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TLBENCH_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def test_the_users_folder_comes_before_keras_cache(tmp_path: Path) -> None:
    for folder, name in ((tmp_path, "great_white_shark"), (tmp_path / "keras" / "models", "other")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps({str(number): ["n0", name] for number in range(1000)}))
    assert class_names(tmp_path) == ("great white shark",) * 1000
    assert class_names(None)[0] == "other"


def test_without_the_file_nothing_is_made_up(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"imagenet_class_index\.json is not in .* or .*, and TLBENCH_OFFLINE is set"):
        class_names(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"0": 1}', "\xff"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match="does not contain the names of 1000 classes"):
        class_names(tmp_path)


@pytest.mark.real_weights
def test_keras_own_file_has_a_thousand_names(real_weights: Path) -> None:
    names = class_names(real_weights)
    assert (len(names), names[0], names[281]) == (1000, "tench", "tabby")
