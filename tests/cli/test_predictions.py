"""Predictions as `predict` and `classify` print them."""

import json

import numpy as np
import pytest

from tlbench.cli.predictions import show
from tlbench.session.predict import Predictions

TWO = Predictions(
    model="a model",
    classes=("=cat", "dog"),
    files=("a.jpg", "b.jpg"),
    probabilities=np.array([[0.25, 0.75], [0.625, 0.375]], np.float32),
    skipped={"c.txt": "not an image"},
)


def printed(found: Predictions, kind: str, capsys: pytest.CaptureFixture[str], likeliest: int | None = None) -> str:
    show(found, kind, likeliest)
    return capsys.readouterr().out


def test_each_image_has_its_class_and_all_shares(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(TWO, "text", capsys).splitlines()
    assert [line.split() for line in lines[-2:]] == [
        ["a.jpg", "dog", "25.0%", "75.0%"],
        ["b.jpg", "=cat", "62.5%", "37.5%"],
    ]


def test_of_many_classes_the_likeliest_are_shown_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    shares = np.arange(1000, dtype=np.float32)[None] / np.float32(499500)
    many = Predictions("a model", tuple(f"c{number}" for number in range(1000)), ("a.jpg",), shares, {})
    lines = printed(many, "text", capsys, likeliest=3).splitlines()
    assert [line.split()[-2] for line in lines[-3:]] == ["c999", "c998", "c997"]
    assert len(json.loads(printed(many, "json", capsys, likeliest=3))["images"][0]["classes"]) == 3
    assert list(many.frame.columns) == ["file", "class", "probability"]


def test_csv_has_full_numbers_and_runs_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(TWO, "csv", capsys).splitlines() == [
        "file,class,probability,p(=cat),p(dog)",
        "a.jpg,dog,0.75,0.25,0.75",
        "b.jpg,'=cat,0.625,0.625,0.375",
    ]


def test_what_is_skipped_is_named_and_in_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(TWO, "text") == 2
    assert capsys.readouterr().err == "skipped: c.txt: not an image\n"
    none = Predictions("a model", TWO.classes, (), np.empty((0, 2), np.float32), TWO.skipped)
    assert show(none, "csv") == 3
    capsys.readouterr()
    assert show(none, "text") == 3
    assert capsys.readouterr().out == "a model\n\nNone of the files is an image.\n"
    assert show(Predictions("a model", TWO.classes, TWO.files, TWO.probabilities, {}), "json") == 0
