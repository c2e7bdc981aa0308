"""Which card the backend computes on, what it can, and how much of it a step takes; backends and libraries are played."""

import ctypes
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import keras
import pytest

from tlbench.core.cell import Timing
from tlbench.measuring.steps import StepTimer
from tlbench.worker import card, device, memory
from tlbench.worker.card import Card

TIMING = Timing(protocol="quick", batch_size=32, warmup=0, iterations=10, seconds=0)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """torch on a machine with two cards. `where`: the device on which Keras makes its tensors."""
    awaited: list[int] = []
    cuda = SimpleNamespace(
        is_available=lambda: True,
        get_device_name=lambda where: f"Card {where.index}",
        get_device_capability=lambda where: (9, 0),
        max_memory_allocated=lambda where: 100,
        synchronize=lambda where: awaited.append(where.index),
    )
    played = SimpleNamespace(cuda=cuda, version=SimpleNamespace(cuda="13.0"), where=None, awaited=awaited)
    monkeypatch.setitem(sys.modules, "torch", played)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(keras.ops, "convert_to_tensor", lambda value: SimpleNamespace(device=played.where))
    monkeypatch.setattr(card, "bus_id", lambda number: f"0000:0{number}:00.0")
    card.torch_device.cache_clear()
    yield played
    card.torch_device.cache_clear()


def test_with_torch_it_is_the_device_on_which_keras_computes_and_not_the_one_torch_could_use(torch: Any) -> None:
    torch.where = SimpleNamespace(type="cpu", index=None)  # KERAS_TORCH_DEVICE=cpu
    assert device.describe() == {"kind": "cpu", "name": "cpu"}
    assert memory.device_peak() is None
    device.wait_for(None)
    assert torch.awaited == []


def test_the_second_card_is_named_and_awaited_with_its_own_place(torch: Any) -> None:
    torch.where = SimpleNamespace(type="cuda", index=1)
    assert device.describe() == {"kind": "gpu", "name": "Card 1", "card": "0000:01:00.0"}
    assert memory.device_peak() == 100
    device.wait_for(None)
    assert torch.awaited == [1]


def test_a_gpu_that_is_not_cudas_has_a_kind_and_no_capability(torch: Any) -> None:
    torch.where = SimpleNamespace(type="mps", index=0)
    assert card.find() == Card("mps")
    assert memory.device_peak() is None


@pytest.mark.parametrize(("said", "capability"), [("9.0", (9, 0)), ("10.3", (10, 3)), ("gfx942", None)])
def test_jax_says_the_capability_in_words(said: str, capability: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SimpleNamespace(platform="gpu", device_kind="Fast One", compute_capability=said, local_hardware_id=0)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=lambda: [first]))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert card.find() == Card("Fast One", capability=capability)


def test_cards_from_ampere_on_have_tf32_unless_a_variable_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    assert [Card("", capability=one).has_tf32 for one in ((7, 5), (8, 0), (12, 0), None)] == [False, True, True, False]
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert not Card("", capability=(9, 0)).has_tf32


def test_a_card_without_tf32_computes_float32_whatever_the_backend_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow

    assert tensorflow.config.experimental.tensor_float_32_execution_enabled()
    monkeypatch.setattr(card, "find", lambda: Card("T4", capability=(7, 5)))
    assert device.arithmetic() == {"convolutions": "float32", "matrix products": "float32"}


def test_the_place_of_a_card_is_asked_of_the_library_that_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        def __init__(self, name: str, mode: int) -> None:
            assert name == "libcuda.so.1"

        def cuDeviceGet(self, device: Any, number: int) -> int:
            device._obj.value = 40 + number
            return 0

        def cuDeviceGetPCIBusId(self, text: Any, length: int, device: Any) -> int:
            text.value = f"0000:{device.value}:00.0".encode()
            return 0 if device.value < 42 else 101  # CUDA_ERROR_INVALID_DEVICE

    assert card.bus_id(0) == ""  # none is loaded here
    monkeypatch.setattr(ctypes, "CDLL", Cuda)
    assert (card.bus_id(1), card.bus_id(2)) == ("0000:41:00.0", "")


class Counter:
    """A backend's counter of a card's memory: a step holds so much while it runs, 100 stay."""

    def __init__(self, *steps: int, resets: bool) -> None:
        self.peak, self._steps, self._resets = 100, iter(steps), resets

    def step(self) -> None:
        self.peak = max(self.peak, next(self._steps))

    def reset(self) -> bool:
        self.peak = 100 if self._resets else self.peak
        return self._resets


@pytest.mark.parametrize(("resets", "held"), [(True, [300, 900, 400]), (False, [300, 900, None])])
def test_memory_of_a_step_is_its_own_or_unknown(
    resets: bool, held: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inference at 32 and 512 images, then training at 32."""
    counter = Counter(300, 900, 400, resets=resets)
    monkeypatch.setattr(memory, "device_peak", lambda: counter.peak)
    monkeypatch.setattr(memory, "_reset_device_peak", counter.reset)
    opened = [memory.of_opening(StepTimer(counter.step), TIMING, None) for _ in range(3)]
    assert [one.device_memory for one in opened] == held
