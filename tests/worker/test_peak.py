"""How fast the device multiplies matrices: exact with a played clock, real with small matrices."""

import keras
import pytest

from tlbench.worker import card, device, peak
from tlbench.worker.card import Card

AMPERE, TURING = Card("A100", capability=(8, 0)), Card("T4", capability=(7, 5))


def test_the_fastest_of_several_blocks_is_taken_and_the_first_call_is_not_in_it() -> None:
    calls: list[int] = []
    ticks = iter([0.0, 5.0, 10.0, 12.0, 20.0, 24.0])  # blocks of 5, 2 and 4 seconds
    reached = peak.best(lambda: calls.append(1), flop=8.0, clock=lambda: next(ticks))
    assert reached == 10 * 8.0 / 2.0
    assert len(calls) == 1 + peak.BEST_OF * peak.PRODUCTS


def test_products_are_measured_in_each_kind_of_number_and_the_setting_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tensorflow

    monkeypatch.setattr(card, "find", lambda: AMPERE)
    before = tensorflow.config.experimental.tensor_float_32_execution_enabled()
    found = peak.of_matrix_products(side=64)
    assert list(found) == ["float32", "TF32", "float16", "bfloat16"]
    assert all(flops > 0 for flops in found.values())
    assert tensorflow.config.experimental.tensor_float_32_execution_enabled() is before
    monkeypatch.setattr(card, "find", lambda: TURING)
    assert list(peak.of_matrix_products(side=64)) == ["float32", "float16", "bfloat16"]


def test_arithmetic_is_what_the_backend_says(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow

    monkeypatch.setattr(card, "find", lambda: AMPERE)
    assert keras.backend.backend() == "tensorflow"
    setting = tensorflow.config.experimental
    before = setting.tensor_float_32_execution_enabled()
    try:
        for allowed, kind in ((True, "TF32"), (False, "float32")):
            setting.enable_tensor_float_32_execution(allowed)
            assert device.arithmetic() == {"convolutions": kind, "matrix products": kind}
    finally:
        setting.enable_tensor_float_32_execution(before)
