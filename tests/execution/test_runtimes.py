"""Which runtimes there are to export for, and what is said of one that is not there."""

import sys

import pytest

from tlbench.core.errors import UserError
from tlbench.execution.runtimes import RUNTIMES, chosen

HERE = {"tensorflow", "onnxruntime"}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda module: object() if module in HERE else None)


def test_without_names_all_that_are_installed_are_taken() -> None:
    assert chosen(()) == ("litert", "litert-int8")


def test_names_are_taken_once_and_in_their_order() -> None:
    assert chosen(("litert-int8", "litert", "litert-int8")) == ("litert-int8", "litert")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("litrt", "`to`: there is no runtime 'litrt'; did you mean 'litert'?"),
        (
            "onnx",
            f"`to` onnx: ONNX Runtime needs tf2onnx, not installed for {sys.executable}; `pip install 'tlbench[onnx]'`",
        ),
        ("openvino", f"OpenVINO needs openvino, not installed for {sys.executable}; `pip install 'tlbench[openvino]'`"),
    ],
)
def test_another_one_is_one_sentence_with_the_way_out(name: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        chosen(("litert", name))
    assert str(raised.value).endswith(said)
    assert "\n" not in str(raised.value)


def test_no_two_runtimes_write_the_same_file() -> None:
    endings = [ending for runtime in RUNTIMES.values() for ending in runtime.endings]
    assert len(set(endings)) == len(endings)
