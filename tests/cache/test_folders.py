"""Where the cache is, also for a user who has no home."""

from pathlib import Path

import pytest

from tlbench.backbones.weights import keras_cache
from tlbench.cache.folders import cache_dir, size
from tlbench.core.errors import UserError


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (999_600, "1 MB"),
        (812_300, "812 KB"),
        (3.14e9, "3.14 GB"),
        (2e12, "2 TB"),
        (1.7e12, "1.7 TB"),
        (4.3e15, "4300 TB"),
    ],
)
def test_bytes_for_people_are_three_digits_and_no_power_of_ten(count: float, said: str) -> None:
    assert size(count) == said


def test_a_user_without_a_home_is_told_of_tlbench_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TLBENCH_CACHE", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(UserError, match="no home folder for the cache; set TLBENCH_CACHE"):
        cache_dir()
    assert keras_cache() == Path("/tmp/.keras/models")
    monkeypatch.setenv("TLBENCH_CACHE", "/somewhere")
    assert cache_dir() == Path("/somewhere")
