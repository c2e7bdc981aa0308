"""Options of `tlbench inspect` that strategies bring along, and what `--set` of it and of `tlbench classify` takes."""

import pytest
from click.testing import CliRunner

from tlbench.cli import classify
from tlbench.cli.inspect import command
from tlbench.core.errors import UserError


def test_an_argument_of_two_strategies_is_told_of_each() -> None:
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert "l2_sp: pull of the backbone toward its first weights; wise_ft: share of the fine-tuned weights" in text
    assert "full, co_tuning: inference keeps" in text


@pytest.mark.parametrize("setting", ["weights=random", "images=cat.jpg", "model=VGG16", "alfa=1"])
def test_an_argument_that_no_backbone_has_is_refused(setting: str) -> None:
    name, _, _ = setting.partition("=")
    said = CliRunner().invoke(classify.command, ["MobileNet", "--set", setting, "cat.jpg"]).exception
    assert isinstance(said, UserError)
    assert str(said).startswith(f"unknown argument {name!r} of backbone MobileNet; ")


def test_an_argument_of_the_backbone_that_is_given_as_an_option_is_shown_as_a_setting() -> None:
    said = CliRunner().invoke(command, ["MobileNet", "--alpha", "0.25"]).exception
    assert isinstance(said, UserError)
    assert str(said) == "strategy full has no argument 'alpha'; that of MobileNet is given with `--set alpha=0.25`"
    said = CliRunner().invoke(command, ["VGG16", "--alpha", "0.25"]).exception
    assert str(said).startswith("unknown argument 'alpha' of strategy full; ")
    said = CliRunner().invoke(command, ["MobileNet", "--alpha", "0.25", "--strategy", "fuul"]).exception
    assert "'fuul'" in str(said)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ('{"scle": 1}', "unknown key 'scle'; did you mean 'scale'?"),
        ('{"scale": [1, 2]}', "scaling: scale: expected a number, or one for each of three channels"),
        ('{"scale": 1', "invalid JSON ("),
        ("trch", "there is no scaling 'trch'; did you mean 'torch'?"),
        ("3", "a word belongs here, not 3; known scalings: caffe, inside, tf, torch"),
    ],
)
def test_a_scaling_that_is_none_is_refused(scaling: str, expected: str) -> None:
    said = CliRunner().invoke(command, ["mine.keras", "--set", f"scaling={scaling}"]).exception
    assert isinstance(said, UserError)
    assert str(said).startswith(f"--set scaling={scaling}: {expected}")


def test_brackets_in_a_name_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"params": 3, "trainable": 1, "depth": 2, "size_mb": 1.0, "flops": 10, "non_trainable": 2}
    names = {"backbone": "mine[red].keras", "strategy": "full", "head": "gap", "trained": "all", "pooled": ""}
    layer = {"name": "dense[/x]", "kind": "Dense", "output_shape": [None, 2], "params": 3, "trainable": 1}
    answer = {**counts, **names, "image_size": 96, "classes": 2, "frozen_layers": 0, "layers": [layer]}
    monkeypatch.setattr("tlbench.cli.inspect.child.call", lambda *args: answer)
    said = CliRunner().invoke(command, ["MobileNet", "--layers"])
    assert said.exception is None
    assert said.output.startswith("mine[red].keras, full, ")
    assert "dense[/x]" in said.output
