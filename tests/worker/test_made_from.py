"""Kept features are of one device, one way of compiling and one state of the code, and of no other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")

from tests import builders  # noqa: E402
from tlbench.core import plugin_files  # noqa: E402
from tlbench.core.cell import Named  # noqa: E402
from tlbench.datasets import decode  # noqa: E402
from tlbench.datasets.source import DataSource  # noqa: E402
from tlbench.execution.job import Job  # noqa: E402
from tlbench.worker import device  # noqa: E402
from tlbench.worker.made_from import made_from  # noqa: E402

DATA = DataSource("cats_dogs", ("cats", "dogs"), "real", "", "f" * 64, {})
JOB = Job(builders.cell(backend=keras.backend.backend()), DATA, builders.weights(), None)
BACKBONES = """\
from dataclasses import replace
from tlbench.backbones import classic

def listed():
    return [replace(next(iter(classic.backbones())), name="Mine", constructor=f"{__name__}:construct")]

def construct(info, args, shape, top):
    STEP = 1

ENTRY_POINTS = {"tlbench.backbones": {"mine": listed}}
"""


def test_jit_is_as_it_is_used_and_the_device_is_the_one_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu = made_from(JOB, jit=False)
    assert on_cpu == made_from(JOB, jit=False)
    assert {name for name, value in made_from(JOB, jit=True).items() if value != on_cpu[name]} == {"jit"}
    monkeypatch.setattr(device, "describe", lambda: {"kind": "gpu", "name": "a card"})
    assert {name for name, value in made_from(JOB, jit=False).items() if value != on_cpu[name]} == {"device"}


def test_the_pixels_that_the_same_files_decode_to_are_others_with_another_decoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = made_from(JOB, jit=False)
    monkeypatch.setattr(decode, "VERSION", decode.VERSION + 1)
    assert made_from(JOB, jit=False) != before


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    def load(text: str) -> None:
        (tmp_path / "mine.py").write_text(text)
        plugin_files.load(tmp_path / "mine.py")

    yield load
    plugin_files.adopt([])


def test_a_backbone_that_was_edited_has_other_features(plugin: Callable[[str], None]) -> None:
    mine = replace(JOB, cell=builders.cell(backbone=Named(name="Mine"), backend=keras.backend.backend()))
    plugin(BACKBONES)
    before = made_from(mine, jit=False)
    plugin(BACKBONES.replace("STEP = 1", "STEP = 2"))
    after = made_from(mine, jit=False)
    assert before["constructor"] != after["constructor"]


def test_a_backbone_whose_setting_in_another_module_was_edited_has_other_features(
    plugin: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = replace(JOB, cell=builders.cell(backbone=Named(name="Mine"), backend=keras.backend.backend()))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    (tmp_path / "lib" / "of_mine").mkdir(parents=True)
    (tmp_path / "lib" / "of_mine" / "__init__.py").write_text("")
    (tmp_path / "lib" / "of_mine" / "settings.py").write_text("ACTIVATION = 'gelu'\n")
    (tmp_path / "lib" / "of_mine" / "build.py").write_text("from of_mine.settings import ACTIVATION\n")
    plugin(BACKBONES.replace('f"{__name__}:construct"', '"of_mine.build:construct"'))
    before = made_from(mine, jit=False)
    (tmp_path / "lib" / "of_mine" / "settings.py").write_text("ACTIVATION = 'sigmoid'\n")
    after = made_from(mine, jit=False)
    assert {name for name in before if before[name] != after[name]} == {"constructor", "plugins"}
