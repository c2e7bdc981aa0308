"""A backbone in a package of its own: refused in one sentence where that is not installed, before anything starts."""

from pathlib import Path

import pytest

import tlbench
from tlbench.backbones import registry
from tlbench.core.cell import Named
from tlbench.core.errors import UserError

SENTENCE = r"backbone DaViT_T needs the package keras-cv-attention-models; `pip install 'tlbench\[kecam\]'` installs it"


@pytest.fixture
def without_kecam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda module: None)


@pytest.mark.usefixtures("without_kecam")
def test_a_run_is_refused_before_images_and_weights_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlbench.execution.inputs.find", None)
    monkeypatch.setattr("tlbench.execution.inputs.prepare", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=SENTENCE):
        tlbench.run("lessons/davit")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_kecam")
def test_others_and_plans_need_no_package() -> None:
    registry.check_installed(Named(name=name) for name in (*registry.expand_pattern("all"), "AlexNet"))
    (cell,) = tlbench.plan("lessons/davit").cells
    assert cell.strategy.label == "partial (frozen_operations=80, joint=True)"
    assert cell.head.label == "gap, dropout 0.3, sigmoid"


def test_all_has_no_backbone_that_needs_a_package() -> None:
    assert "DaViT_T" in registry.names()
    assert "DaViT_T" not in registry.expand_pattern("all")
    assert registry.expand_pattern("DaViT*") == ("DaViT_T",)


def test_weights_that_are_nowhere_are_an_error_and_no_random_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As kecam itself has it: it prints a line and goes on."""
    monkeypatch.setattr(registry, "find_spec", lambda module: object())
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TLBENCH_OFFLINE", "1")
    monkeypatch.delenv("TLBENCH_WEIGHTS", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(
        "{name: mine, datasets: synthetic, backbones: DaViT_T, strategies: full, train: {epochs: 1}}"
    )
    with pytest.raises(UserError, match=r"weights of DaViT_T: davit_t_imagenet.h5 is not in .*; put it .*in a folder"):
        tlbench.run("mine.yaml")
